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
use super::state::entries;
use super::{ExportError, is_vector, is_vector_for_map};
use crate::engine::{BN_EPS, Parameters};
use crate::network::{Axis, Network, NodeId, Op, Pool, Real};
use crate::onnx::proto::*;

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

pub(super) struct Builder<'a> {
    pub network: &'a Network,
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

    pub(super) fn constant(&mut self, name: &str, kind: i32, dims: Vec<i64>, raw: Vec<u8>) -> String {
        let (data_type, raw_data) = (Some(kind), Some(raw.into()));
        self.constants.push(TensorProto { dims, data_type, name: Some(name.into()), raw_data, ..Default::default() });
        name.to_owned()
    }

    /// A vector of whole numbers that the operator which makes `value` takes as an input.
    pub(super) fn numbers(&mut self, value: &str, what: &str, numbers: &[usize]) -> String {
        let raw = numbers.iter().flat_map(|&n| (n as i64).to_le_bytes()).collect();
        self.constant(&format!("{value}.{what}"), INT64, vec![numbers.len() as i64], raw)
    }

    pub(super) fn emit(&mut self, operator: &str, input: Vec<String>, output: String, attribute: Vec<AttributeProto>) {
        let op_type = Some(operator.to_owned());
        let (name, output) = (Some(output.clone()), vec![output]);
        self.nodes.push(NodeProto { input, name, output, op_type, attribute, ..Default::default() });
    }

    fn node(&mut self, id: NodeId) {
        let network = self.network;
        let node = &network.nodes()[id];
        let operand = network.operand_shape(id);
        let inputs: Vec<String> = node.inputs.iter().map(|&i| self.operand(id, i)).collect();
        let (x, out) = (inputs[0].clone(), self.values[id].clone());
        let layer = self.layers[id].clone().unwrap_or_default();
        let with = |x: String, parts: &[&str]| {
            std::iter::once(x).chain(parts.iter().map(|part| format!("{layer}.{part}"))).collect::<Vec<_>>()
        };
        let (int, ints) = (AttributeProto::int, AttributeProto::ints);
        match node.op {
            Op::Input => {}
            Op::Conv2d(c) => {
                let mut attributes = vec![
                    ints("kernel_shape", &c.kernel),
                    ints("strides", &c.stride),
                    ints("pads", &c.padding),
                    int("group", c.groups),
                ];
                if c.dilation != [1; 2] {
                    attributes.push(ints("dilations", &c.dilation));
                }
                let parts: &[&str] = if c.bias { &["weight", "bias"] } else { &["weight"] };
                self.emit("Conv", with(x, parts), out, attributes);
            }
            Op::ConvTranspose2d(c) => {
                let attributes = vec![
                    ints("kernel_shape", &c.kernel),
                    ints("strides", &c.stride),
                    ints("pads", &[c.padding[0], c.padding[1], c.padding[0], c.padding[1]]),
                    ints("output_padding", &c.output_padding),
                    ints("dilations", &c.dilation),
                    int("group", c.groups),
                ];
                let parts: &[&str] = if c.bias { &["weight", "bias"] } else { &["weight"] };
                self.emit("ConvTranspose", with(x, parts), out, attributes);
            }
            Op::BatchNorm => {
                let parts = ["weight", "bias", "running_mean", "running_var"];
                let epsilon = AttributeProto::float("epsilon", BN_EPS as f32);
                self.emit("BatchNormalization", with(x, &parts), out, vec![epsilon]);
            }
            Op::LayerNorm(norm) => self.layer_norm(x, out, norm, &layer, operand),
            Op::GroupNorm { groups, norm } => self.group_norm(x, out, (groups, norm), &layer, operand),
            Op::LocalResponseNorm(n) => {
                let float = |name: &str, value: Real| AttributeProto::float(name, value.get());
                let reals = [float("alpha", n.alpha), float("beta", n.beta), float("bias", n.bias)];
                let attributes = std::iter::once(int("size", n.size)).chain(reals).collect();
                self.emit("LRN", inputs, out, attributes);
            }
            Op::Relu => self.emit("Relu", inputs, out, vec![]),
            Op::Activation(a) => self.activation(x, out, a),
            Op::PRelu { .. } => {
                let slope = self.per_channel(&format!("{layer}.weight"), &out, id);
                self.emit("PRelu", vec![x, slope], out, vec![]);
            }
            Op::Affine(a) => self.affine(x, out, a, &layer, id),
            Op::AvgPool(p) => self.average(x, out, p, operand),
            Op::MaxPool(p) => self.emit("MaxPool", inputs, out, window(p, operand.height, operand.width)),
            Op::AdaptiveAvgPool { height, width } => self.adaptive(x, out, [height, width], operand),
            Op::Add => self.emit(if inputs.len() == 2 { "Add" } else { "Sum" }, inputs, out, vec![]),
            Op::Mul => self.product(inputs, out),
            Op::Concat => self.emit("Concat", inputs, out, vec![int("axis", 1)]),
            Op::Narrow { channels } => self.slice(x, out, Axis::Channels.dim(), [0, channels, 1]),
            Op::Slice(s) => self.slice(x, out, s.axis.dim(), [s.start, s.start + (s.length - 1) * s.step + 1, s.step]),
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
            Op::Pad(padding) => {
                let pads = self.pads(&out, padding);
                self.emit("Pad", vec![x, pads], out, vec![]);
            }
            Op::Resize(r) => self.resize(x, out, r, operand),
            Op::GlobalAvgPool => self.emit("GlobalAveragePool", inputs, out, vec![]),
            Op::Flatten => self.emit("Flatten", inputs, out, vec![int("axis", 1)]),
            Op::Zero { channels } => {
                let size = self.sizes(&x, &out, [channels, operand.height, operand.width]);
                self.emit("ConstantOfShape", vec![size], out, vec![]);
            }
            Op::Linear { bias, .. } => {
                let mut vector = x;
                if !is_vector(network, node.inputs[0]) {
                    let flat = format!("{out}.flat");
                    self.emit("Flatten", vec![vector], flat.clone(), vec![int("axis", 1)]);
                    vector = flat;
                }
                let parts: &[&str] = if bias { &["weight", "bias"] } else { &["weight"] };
                self.emit("Gemm", with(vector, parts), out, vec![int("transB", 1)]);
            }
        }
    }

    /// The value of an input, made a map where the operation needs one.
    fn operand(&mut self, id: NodeId, input: NodeId) -> String {
        let value = self.values[input].clone();
        if !is_vector_for_map(self.network, id, input) {
            return value;
        }
        let map = format!("{value}.map_for_{id}");
        let axes = self.numbers(&map, "axes", &[2, 3]);
        self.emit("Unsqueeze", vec![value, axes], map.clone(), vec![]);
        map
    }
}

/// Attributes of a pooling of a map of this size. The padding on the far side is what the last window needs.
pub(super) fn window(pool: Pool, height: usize, width: usize) -> Vec<AttributeProto> {
    // The network was built, so every window fits.
    let (down, across) = pool.output(height, width).unwrap_or((1, 1));
    let [top, left, ..] = pool.padding;
    let far = |positions: usize, i: usize, side: usize, near: usize| {
        ((positions - 1) * pool.stride[i] + pool.kernel[i]).saturating_sub(side + near)
    };
    vec![
        AttributeProto::ints("kernel_shape", &pool.kernel),
        AttributeProto::ints("strides", &pool.stride),
        AttributeProto::ints("pads", &[top, left, far(down, 0, height, top), far(across, 1, width, left)]),
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
        Op::LayerNorm(_) | Op::GroupNorm { .. } | Op::LocalResponseNorm(_) => "norm",
        Op::Activation(_) | Op::PRelu { .. } => "activation",
        Op::Affine(_) => "scale",
        Op::AdaptiveAvgPool { .. } => "adaptive_avg_pool",
        Op::Mul => "product",
        Op::Slice(_) => "slice",
        Op::Pad(_) => "pad",
        Op::Resize(_) => "resize",
        Op::Flatten => "flatten",
        Op::Input | Op::Conv2d(_) | Op::ConvTranspose2d(_) | Op::BatchNorm | Op::Linear { .. } => "value",
    }
}

#[cfg(test)]
#[path = "onnx_tests.rs"]
mod tests;
