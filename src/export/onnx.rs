//! `model.onnx`: the network as an ONNX graph in evaluation mode.
//!
//! Input `images`, float32 (batch, channels, height, width), output `logits`, float32 (batch, classes); the batch is free. Every
//! operation is written with standard operators of opset 17 and sizes that are known, so that no reader has to guess:
//!
//! * A pooling whose last window is only partly filled has padding on the far side in place of `ceil_mode`, whose meaning
//!   differs between versions; padded pixels never count.
//! * A map of zeros is a `ConstantOfShape` with the batch of its input; a channel shuffle is reshape, transpose, reshape.

use prost::Message;

use super::names::identifiers;
use super::onnx_proto::*;
use super::state::entries;
use super::{ExportError, is_vector};
use crate::engine::{BN_EPS, Parameters};
use crate::network::{Network, NodeId, Op, Pool};

/// The largest protobuf message, in bytes.
const LIMIT: u64 = i32::MAX as u64;
/// Bytes left for everything that is not a weight.
const SLACK: u64 = 16 << 20;

/// [`ExportError::TooLarge`] for a network whose tensors do not fit one protobuf message, of at most 2 GiB, which ONNX is. Looks
/// at the shapes only, so it can be asked before there are weights.
pub fn check_size(network: &Network) -> Result<(), ExportError> {
    let bytes = network.state_bytes();
    if bytes > LIMIT - SLACK { Err(ExportError::TooLarge { bytes, limit: LIMIT - SLACK }) } else { Ok(()) }
}

/// The file. `properties` become the model's metadata.
pub(super) fn encode(
    network: &Network,
    parameters: &Parameters,
    properties: &[(&'static str, String)],
) -> Result<Vec<u8>, ExportError> {
    Ok(model(network, parameters, properties)?.encode_to_vec())
}

/// [`encode`] before it is put into bytes.
pub(super) fn model(
    network: &Network,
    parameters: &Parameters,
    properties: &[(&'static str, String)],
) -> Result<ModelProto, ExportError> {
    check_size(network)?;
    let text = |s: &str| Some(s.to_owned());
    let property = |(k, v): &(&str, String)| StringStringEntryProto { key: text(k), value: text(v) };
    Ok(ModelProto {
        ir_version: Some(IR_VERSION),
        producer_name: text("naslens"),
        producer_version: text(env!("CARGO_PKG_VERSION")),
        doc_string: text("Classifies standardised images; written by naslens."),
        graph: Some(graph(network, parameters)?),
        opset_import: vec![OperatorSetIdProto { domain: text(""), version: Some(OPSET) }],
        metadata_props: properties.iter().map(property).collect(),
    })
}

fn graph(network: &Network, parameters: &Parameters) -> Result<GraphProto, ExportError> {
    let mut b = Builder::new(network);
    for entry in entries(network) {
        let data = entry.data(parameters)?;
        b.constant(&entry.name, FLOAT, entry.dims.iter().map(|&d| d as i64).collect(), data);
    }
    (1..network.nodes().len()).for_each(|id| b.node(id));
    let output = network.output();
    if !is_vector(network, output) {
        b.emit("Flatten", vec![b.values[output].clone()], LOGITS.into(), vec![AttributeProto::int("axis", 1)]);
    }
    let image = network.input_shape();
    Ok(GraphProto {
        node: b.nodes,
        name: Some("network".into()),
        initializer: b.constants,
        input: vec![value_info(IMAGES, FLOAT, &[image.channels, image.height, image.width])],
        output: vec![value_info(LOGITS, FLOAT, &[network.classes()])],
    })
}

pub(super) const IMAGES: &str = "images";
pub(super) const LOGITS: &str = "logits";

/// A value of this type with a free batch and these sizes.
pub(super) fn value_info(name: &str, kind: i32, sizes: &[usize]) -> ValueInfoProto {
    let batch = Dimension { dim_value: None, dim_param: Some("batch".into()) };
    let size = |&n: &usize| Dimension { dim_value: Some(n as i64), dim_param: None };
    let shape = TensorShapeProto { dim: std::iter::once(batch).chain(sizes.iter().map(size)).collect() };
    let tensor_type = Some(TensorType { elem_type: Some(kind), shape: Some(shape) });
    ValueInfoProto { name: Some(name.into()), value_type: Some(TypeProto { tensor_type }) }
}

struct Builder<'a> {
    network: &'a Network,
    /// Identifiers of the nodes with parameters.
    layers: Vec<Option<String>>,
    /// Name of every node's value; it ends with the node's number, so no two are equal.
    values: Vec<String>,
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
}

impl<'a> Builder<'a> {
    fn new(network: &'a Network) -> Self {
        let layers = identifiers(network);
        let value = |id: NodeId| match network.nodes()[id].op {
            Op::Input => IMAGES.to_owned(),
            _ if id == network.output() && is_vector(network, id) => LOGITS.to_owned(),
            op => format!("{}_{id}", layers[id].as_deref().unwrap_or(label(&op))),
        };
        let values = (0..network.nodes().len()).map(value).collect();
        Builder { network, values, layers, nodes: Vec::new(), constants: Vec::new() }
    }

    fn constant(&mut self, name: &str, kind: i32, dims: Vec<i64>, raw: Vec<u8>) -> String {
        let (data_type, raw_data) = (Some(kind), Some(raw));
        self.constants.push(TensorProto { dims, data_type, name: Some(name.into()), raw_data });
        name.to_owned()
    }

    /// A vector of whole numbers that the operator which makes `value` takes as an input.
    fn numbers(&mut self, value: &str, what: &str, numbers: &[usize]) -> String {
        let raw = numbers.iter().flat_map(|&n| (n as i64).to_le_bytes()).collect();
        self.constant(&format!("{value}.{what}"), INT64, vec![numbers.len() as i64], raw)
    }

    fn emit(&mut self, operator: &str, input: Vec<String>, output: String, attribute: Vec<AttributeProto>) {
        let op_type = Some(operator.to_owned());
        self.nodes.push(NodeProto { input, name: Some(output.clone()), output: vec![output], op_type, attribute });
    }

    fn node(&mut self, id: NodeId) {
        let network = self.network;
        let node = &network.nodes()[id];
        let operand = network.operand_shape(id);
        let inputs: Vec<String> = node.inputs.iter().map(|&i| self.values[i].clone()).collect();
        let (x, out) = (inputs[0].clone(), self.values[id].clone());
        let layer = self.layers[id].clone().unwrap_or_default();
        let with = |x: String, parts: &[&str]| {
            std::iter::once(x).chain(parts.iter().map(|part| format!("{layer}.{part}"))).collect::<Vec<_>>()
        };
        let (int, ints) = (AttributeProto::int, AttributeProto::ints);
        match node.op {
            Op::Input => {}
            Op::Conv2d(c) => {
                let attributes = vec![
                    ints("kernel_shape", &[c.kernel; 2]),
                    ints("strides", &[c.stride; 2]),
                    ints("pads", &[c.padding; 4]),
                    int("group", c.groups),
                ];
                let parts: &[&str] = if c.bias { &["weight", "bias"] } else { &["weight"] };
                self.emit("Conv", with(x, parts), out, attributes);
            }
            Op::BatchNorm => {
                let parts = ["weight", "bias", "running_mean", "running_var"];
                let epsilon = AttributeProto::float("epsilon", BN_EPS as f32);
                self.emit("BatchNormalization", with(x, &parts), out, vec![epsilon]);
            }
            Op::Relu => self.emit("Relu", inputs, out, vec![]),
            Op::AvgPool(p) => {
                let mut attributes = window(p, operand.height, operand.width);
                attributes.push(int("count_include_pad", 0));
                self.emit("AveragePool", inputs, out, attributes);
            }
            Op::MaxPool(p) => self.emit("MaxPool", inputs, out, window(p, operand.height, operand.width)),
            Op::Add => self.emit(if inputs.len() == 2 { "Add" } else { "Sum" }, inputs, out, vec![]),
            Op::Concat => self.emit("Concat", inputs, out, vec![int("axis", 1)]),
            Op::Narrow { channels } => {
                let starts = self.numbers(&out, "starts", &[0]);
                let ends = self.numbers(&out, "ends", &[channels]);
                let axes = self.numbers(&out, "axes", &[1]);
                self.emit("Slice", vec![x, starts, ends, axes], out, vec![]);
            }
            Op::ChannelShuffle { groups } => {
                let (c, h, w) = (operand.channels, operand.height, operand.width);
                // A size of 0 takes over that of the input.
                let split = self.numbers(&out, "split", &[0, groups, c / groups, h, w]);
                let joined = self.numbers(&out, "joined", &[0, c, h, w]);
                let (grouped, transposed) = (format!("{out}.grouped"), format!("{out}.transposed"));
                self.emit("Reshape", vec![x, split], grouped.clone(), vec![]);
                self.emit("Transpose", vec![grouped], transposed.clone(), vec![ints("perm", &[0, 2, 1, 3, 4])]);
                self.emit("Reshape", vec![transposed, joined], out, vec![]);
            }
            Op::GlobalAvgPool => self.emit("GlobalAveragePool", inputs, out, vec![]),
            Op::Zero { channels } => {
                let (batch, size) = (format!("{out}.batch"), format!("{out}.size"));
                let sample = self.numbers(&out, "sample", &[channels, operand.height, operand.width]);
                self.emit("Shape", vec![x], batch.clone(), vec![int("start", 0), int("end", 1)]);
                self.emit("Concat", vec![batch, sample], size.clone(), vec![int("axis", 0)]);
                self.emit("ConstantOfShape", vec![size], out, vec![]);
            }
            Op::Linear { .. } => {
                let mut vector = x;
                if !is_vector(network, node.inputs[0]) {
                    let flat = format!("{out}.flat");
                    self.emit("Flatten", vec![vector], flat.clone(), vec![int("axis", 1)]);
                    vector = flat;
                }
                self.emit("Gemm", with(vector, &["weight", "bias"]), out, vec![int("transB", 1)]);
            }
        }
    }
}

/// Attributes of a pooling of a map of this size. The padding on the far side is what the last window needs.
fn window(pool: Pool, height: usize, width: usize) -> Vec<AttributeProto> {
    let far = |side: usize| {
        // The network was built, so every window fits.
        let end = (pool.positions(side).unwrap_or(1) - 1) * pool.stride + pool.kernel;
        end.saturating_sub(side + pool.padding)
    };
    vec![
        AttributeProto::ints("kernel_shape", &[pool.kernel; 2]),
        AttributeProto::ints("strides", &[pool.stride; 2]),
        AttributeProto::ints("pads", &[pool.padding, pool.padding, far(height), far(width)]),
    ]
}

fn label(op: &Op) -> &'static str {
    match op {
        Op::Relu => "relu",
        Op::AvgPool(_) => "avg_pool",
        Op::MaxPool(_) => "max_pool",
        Op::Add => "sum",
        Op::Concat => "concat",
        Op::Narrow { .. } => "narrow",
        Op::ChannelShuffle { .. } => "shuffle",
        Op::GlobalAvgPool => "global_avg_pool",
        Op::Zero { .. } => "zeros",
        Op::Input | Op::Conv2d(_) | Op::BatchNorm | Op::Linear { .. } => "value",
    }
}

#[cfg(test)]
#[path = "onnx_tests.rs"]
mod tests;
