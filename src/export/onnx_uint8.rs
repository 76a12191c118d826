//! `model-uint8.onnx`: the network from 8-bit pixels to probabilities.
//!
//! Input `pixels`, uint8 (batch, height, width, channels) in the size in which the training images were read; output
//! `probabilities`. In between what training did to images: to the size of the network's (products with
//! [`resize_weights`]), standardised, and after the network a softmax.

use prost::Message;

use super::onnx::{IMAGES, LOGITS, model as encoded, value_info};
use super::{ExportError, Model};
use crate::data::resize_weights;
use crate::onnx::proto::*;

const PIXELS: &str = "pixels";
const PROBABILITIES: &str = "probabilities";

/// The file.
pub(super) fn encode(model: &Model<'_>, properties: &[(&'static str, String)]) -> Result<Vec<u8>, ExportError> {
    let mut proto = encoded(model.network, model.parameters, properties)?;
    proto.doc_string = Some("Classifies 8-bit images; written by naslens.".into());
    if let Some(graph) = &mut proto.graph {
        surround(graph, model);
    }
    Ok(proto.encode_to_vec())
}

fn surround(graph: &mut GraphProto, model: &Model<'_>) {
    let (image, [height, width]) = (model.network.input_shape(), model.statistics.size);
    let mut nodes = Vec::new();
    let mut last = PIXELS.to_owned();
    let mut emit = |operator: &str, second: Option<&str>, output: &str, attribute: Vec<AttributeProto>| {
        let output = output.to_owned();
        let mut input = vec![std::mem::replace(&mut last, output.clone())];
        input.extend(second.map(str::to_owned));
        // The matrix of the rows stands on the left.
        if output == "resized_rows" {
            input.reverse();
        }
        let op_type = Some(operator.to_owned());
        let (name, output) = (Some(output.clone()), vec![output]);
        nodes.push(NodeProto { input, name, output, op_type, attribute, ..Default::default() });
    };
    let mut constant = |name: &str, dims: [usize; 3], values: Vec<f32>| {
        let raw_data = Some(values.into_iter().flat_map(f32::to_le_bytes).collect::<Vec<u8>>().into());
        let dims = dims.iter().filter(|&&d| d > 0).map(|&d| d as i64).collect();
        let (data_type, name) = (Some(FLOAT), Some(name.into()));
        graph.initializer.push(TensorProto { dims, data_type, name, raw_data, ..Default::default() });
    };
    emit("Cast", None, "pixels_float", vec![AttributeProto::int("to", FLOAT as usize)]);
    emit("Transpose", None, "pixels_planes", vec![AttributeProto::ints("perm", &[0, 3, 1, 2])]);
    if image.height != height {
        constant("rows", [image.height, height, 0], resize_weights(height, image.height));
        emit("MatMul", Some("rows"), "resized_rows", Vec::new());
    }
    if image.width != width {
        let (by_output, outputs) = (resize_weights(width, image.width), image.width);
        let transposed = (0..width * outputs).map(|i| by_output[i % outputs * width + i / outputs]);
        constant("columns", [width, outputs, 0], transposed.collect());
        emit("MatMul", Some("columns"), "resized_columns", Vec::new());
    }
    let levels = |values: &[f64]| values.iter().map(|value| (value * 255.0) as f32).collect();
    constant("mean", [image.channels, 1, 1], levels(&model.statistics.mean));
    constant("std", [image.channels, 1, 1], levels(&model.standard_deviations()));
    emit("Sub", Some("mean"), "centred", Vec::new());
    emit("Div", Some("std"), IMAGES, Vec::new());
    nodes.append(&mut graph.node);
    last = LOGITS.to_owned();
    let softmax = vec![AttributeProto::int("axis", 1)];
    let (input, output, op_type) = (vec![last], vec![PROBABILITIES.into()], Some("Softmax".into()));
    let name = Some(PROBABILITIES.into());
    nodes.push(NodeProto { input, name, output, op_type, attribute: softmax, ..Default::default() });
    graph.node = nodes;
    graph.input = vec![value_info(PIXELS, UINT8, &[height, width, image.channels])];
    graph.output = vec![value_info(PROBABILITIES, FLOAT, &[model.network.classes()])];
}
