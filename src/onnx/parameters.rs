//! What a file gives: a network, and the values of its parameters.

use tch::{Device, Kind, TchError, Tensor};

use super::constant::Constant;
use crate::engine::{LayerTensors, NormTensors, Parameters, VectorTensors, Weights, channels_last};
use crate::network::{Network, NodeId};

/// A network from a file.
#[derive(Debug)]
pub struct Imported {
    /// The network.
    pub network: Network,
    /// What a reader should know, in sentences.
    pub notes: Vec<String>,
    pub(super) stored: Vec<Stored>,
}

/// A tensor of the file and whose it is.
#[derive(Debug)]
pub(super) struct Stored {
    pub node: NodeId,
    pub part: Part,
    pub values: Constant,
    /// Whether the matrix is stored transposed.
    pub transposed: bool,
    /// Added to every value.
    pub add: f32,
}

/// Which of a node's tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Weight of a layer.
    Weight,
    /// Bias of a layer.
    Bias,
    /// Scale of a normalisation or of a learned scale, slopes of a parametric ReLU.
    Scale,
    /// Shift of a normalisation or of a learned scale.
    Shift,
    /// Running mean.
    Mean,
    /// Running variance.
    Variance,
}

impl Imported {
    /// The parameters that the file has, on a device. Running variances take in the difference of the file's epsilon to
    /// PyTorch's default, which naslens always adds: evaluated, the network computes the same.
    pub fn parameters(&self, device: Device) -> Result<Parameters, TchError> {
        let nodes = self.network.nodes();
        let missing = |what: &str| TchError::Torch(format!("the file has no values for {what}"));
        let (mut layers, mut vectors, mut norms) = (Vec::new(), Vec::new(), Vec::new());
        for (id, node) in nodes.iter().enumerate() {
            let operand = self.network.operand_shape(id);
            let part = |part: Part, dims: &[usize]| self.tensor(id, part, dims, device);
            let channels = [operand.channels];
            let (mut layer, mut vector, mut norm) = (None, None, None);
            if let Some(shape) = node.op.weight(operand) {
                let weight = part(Part::Weight, &shape.dims)?.ok_or_else(|| missing(&node.name))?;
                let weight = if shape.dims.len() == 4 { channels_last(&weight)? } else { weight };
                let bias = shape.bias.map(|n| part(Part::Bias, &[n])).transpose()?.flatten();
                if shape.bias.is_some() && bias.is_none() {
                    return Err(missing(&node.name));
                }
                layer = Some(LayerTensors { weight, bias });
            } else if node.op == crate::network::Op::BatchNorm {
                let of = |which: Part| part(which, &channels)?.ok_or_else(|| missing("a batch normalisation"));
                let (scale, shift) = (of(Part::Scale)?, of(Part::Shift)?);
                norm = Some(NormTensors { scale, shift, mean: of(Part::Mean)?, variance: of(Part::Variance)? });
            } else if !node.op.vectors(operand).is_empty() {
                let v = node.op.vectors(operand);
                let of = |which: Part, wanted: Option<(usize, f32)>| match wanted {
                    Some((n, _)) => part(which, &[n])?.ok_or_else(|| missing("a scale")).map(Some),
                    None => Ok(None),
                };
                vector = Some(VectorTensors { scale: of(Part::Scale, v.scale)?, shift: of(Part::Shift, v.shift)? });
            }
            layers.push(layer);
            vectors.push(vector);
            norms.push(norm);
        }
        Ok(Parameters { layers: Weights::new(layers, vectors), norms })
    }

    fn tensor(&self, id: NodeId, part: Part, dims: &[usize], device: Device) -> Result<Option<Tensor>, TchError> {
        let Some(stored) = self.stored.iter().find(|s| s.node == id && s.part == part) else { return Ok(None) };
        let values = stored.values.floats().map_err(TchError::Torch)?;
        let size: Vec<i64> = dims.iter().map(|&d| d as i64).collect();
        let tensor = Tensor::f_from_slice(&values)?;
        let tensor = match (stored.transposed, &size[..]) {
            (true, &[out, inner, ..]) => tensor.f_reshape([inner, out])?.f_tr()?.f_contiguous()?.f_reshape(&size)?,
            _ => tensor.f_reshape(&size)?,
        };
        let tensor = if stored.add == 0.0 { tensor } else { tensor.f_add_scalar(f64::from(stored.add))? };
        Ok(Some(tensor.f_to_kind(Kind::Float)?.f_to(device)?))
    }
}
