//! The state dict: the tensors of a network under the names that `model.py` and `model.onnx` know them by.

use tch::{Device, Kind, Tensor};

use super::ExportError;
use super::names::identifiers;
use crate::engine::Parameters;
use crate::network::{Network, NodeId, Op};

/// A tensor of a layer or of a batch normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Part {
    /// Weight of a layer, scale of a normalisation, slopes of a parametric ReLU.
    Weight,
    /// Bias of a layer, shift of a normalisation.
    Bias,
    /// Running mean.
    Mean,
    /// Running variance.
    Variance,
}

impl Part {
    /// What PyTorch calls it.
    pub fn name(self) -> &'static str {
        match self {
            Part::Weight => "weight",
            Part::Bias => "bias",
            Part::Mean => "running_mean",
            Part::Variance => "running_var",
        }
    }
}

/// A float32 tensor of the state dict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// `layer.part`.
    pub name: String,
    /// Sizes.
    pub dims: Vec<usize>,
    /// Whose it is.
    pub node: NodeId,
    /// Which of the node's tensors.
    pub part: Part,
}

/// The entries in topological order. Normalisations have an int64 scalar `num_batches_tracked` besides.
pub(super) fn entries(network: &Network) -> Vec<Entry> {
    let of = |(node, layer): (NodeId, Option<String>)| {
        let layer = layer.unwrap_or_default();
        let entry = move |(part, dims): (Part, Vec<usize>)| {
            let name = format!("{layer}.{}", part.name());
            Entry { name, dims, node, part }
        };
        parts(network, node).into_iter().map(entry)
    };
    identifiers(network).into_iter().enumerate().flat_map(of).collect()
}

fn parts(network: &Network, id: NodeId) -> Vec<(Part, Vec<usize>)> {
    let node = &network.nodes()[id];
    if node.op == Op::BatchNorm {
        let all = [Part::Weight, Part::Bias, Part::Mean, Part::Variance];
        return all.map(|part| (part, vec![node.shape.channels])).to_vec();
    }
    let Some(weight) = node.op.weight(network.operand_shape(id)) else {
        let vectors = node.op.vectors(network.operand_shape(id));
        let part = |part: Part, v: Option<(usize, f32)>| v.map(|(length, _)| (part, vec![length]));
        return [part(Part::Weight, vectors.scale), part(Part::Bias, vectors.shift)].into_iter().flatten().collect();
    };
    let bias = weight.bias.map(|length| (Part::Bias, vec![length]));
    std::iter::once((Part::Weight, weight.dims)).chain(bias).collect()
}

impl Entry {
    fn tensor<'a>(&self, parameters: &'a Parameters) -> Option<&'a Tensor> {
        let layer = parameters.layers.get(self.node);
        let norm = parameters.norms.get(self.node).and_then(Option::as_ref);
        let vectors = parameters.layers.vectors(self.node);
        match self.part {
            Part::Weight => {
                layer.map(|l| &l.weight).or(norm.map(|n| &n.scale)).or(vectors.and_then(|v| v.scale.as_ref()))
            }
            Part::Bias => {
                let of_layer = layer.and_then(|l| l.bias.as_ref()).or(norm.map(|n| &n.shift));
                of_layer.or(vectors.and_then(|v| v.shift.as_ref()))
            }
            Part::Mean => norm.map(|n| &n.mean),
            Part::Variance => norm.map(|n| &n.variance),
        }
    }

    /// The values as little-endian float32, row-major; [`ExportError::Parameters`] if there are none of this shape.
    pub fn data(&self, parameters: &Parameters) -> Result<Vec<u8>, ExportError> {
        let tensor = self.tensor(parameters);
        let found = tensor.map(|t| t.size().iter().map(|&d| d as usize).collect::<Vec<_>>());
        match tensor {
            Some(tensor) if found.as_ref() == Some(&self.dims) => Ok(float_bytes(tensor)?),
            _ => Err(ExportError::Parameters { tensor: self.name.clone(), expected: self.dims.clone(), found }),
        }
    }
}

/// The values of a tensor as little-endian float32, row-major.
pub(super) fn float_bytes(tensor: &Tensor) -> Result<Vec<u8>, tch::TchError> {
    let flat = tensor.f_detach()?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_contiguous()?.f_flatten(0, -1)?;
    Ok(Vec::<f32>::try_from(&flat)?.into_iter().flat_map(f32::to_le_bytes).collect())
}
