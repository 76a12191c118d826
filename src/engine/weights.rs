//! A network's initial weights as tensors.

use tch::{Device, Kind, Tensor};

use crate::network::{Network, NodeId, layer_bias, layer_weight};

/// The tensors of one convolution or linear layer.
#[derive(Debug)]
pub struct LayerTensors {
    /// (out, in / groups, kernel, kernel) or (out, in).
    pub weight: Tensor,
    /// (out), if the layer has one.
    pub bias: Option<Tensor>,
}

/// The layers of a network, by node id; None for nodes without weights.
#[derive(Debug)]
pub struct Weights(pub Vec<Option<LayerTensors>>);

impl Weights {
    /// PyTorch's default initialisation from `seed` (see [`layer_weight`]), float32.
    pub fn init(network: &Network, seed: u64, device: Device) -> Result<Weights, tch::TchError> {
        let mut layers: Vec<Option<LayerTensors>> = (0..network.nodes().len()).map(|_| None).collect();
        for (id, shape) in network.layers() {
            let name = &network.nodes()[id].name;
            let dims: Vec<i64> = shape.dims.iter().map(|&d| d as i64).collect();
            let weight = Tensor::f_from_slice(&layer_weight(seed, name, &shape))?.f_reshape(&dims)?.f_to(device)?;
            let weight = if dims.len() == 4 { channels_last(&weight)? } else { weight };
            let bias = match layer_bias(seed, name, &shape) {
                Some(values) => Some(Tensor::f_from_slice(&values)?.f_to(device)?),
                None => None,
            };
            layers[id] = Some(LayerTensors { weight, bias });
        }
        Ok(Weights(layers))
    }

    /// Absolute values of all weights and biases, in `kind`.
    pub fn abs(&self, kind: Kind) -> Result<Weights, tch::TchError> {
        let layers = self.0.iter().map(|layer| {
            layer
                .as_ref()
                .map(|l| {
                    Ok(LayerTensors {
                        weight: l.weight.f_abs()?.f_to_kind(kind)?,
                        bias: l.bias.as_ref().map(|b| b.f_abs()?.f_to_kind(kind)).transpose()?,
                    })
                })
                .transpose()
        });
        Ok(Weights(layers.collect::<Result<_, tch::TchError>>()?))
    }

    /// The same weights, cut off from any graph and with gradients switched on or off. Biases have none.
    pub(super) fn require_grad(&self, on: bool) -> Result<Weights, tch::TchError> {
        let copy = |l: &LayerTensors| {
            Ok::<_, tch::TchError>(LayerTensors {
                weight: l.weight.f_detach()?.set_requires_grad(on),
                bias: l.bias.as_ref().map(Tensor::f_detach).transpose()?,
            })
        };
        Ok(Weights(self.0.iter().map(|l| l.as_ref().map(copy).transpose()).collect::<Result<_, _>>()?))
    }

    /// The tensors of a node, if it has weights.
    pub fn get(&self, id: NodeId) -> Option<&LayerTensors> {
        self.0.get(id).and_then(Option::as_ref)
    }

    /// The layers in topological order.
    pub fn layers(&self) -> impl Iterator<Item = &LayerTensors> {
        self.0.iter().flatten()
    }
}

/// The same (n, c, h, w) values stored with channels innermost: twice as fast for convolutions on a CPU. tch has no
/// memory-format argument, a permuted copy does the same.
pub fn channels_last(x: &Tensor) -> Result<Tensor, tch::TchError> {
    x.f_permute([0, 2, 3, 1])?.f_contiguous()?.f_permute([0, 3, 1, 2])
}

/// The gradient with respect to `of`: zeros where the scalar does not depend on it, for which libtorch has no tensor.
pub(super) fn gradient_or_zeros(gradient: &Tensor, of: &Tensor) -> Result<Tensor, tch::TchError> {
    if gradient.defined() { gradient.f_detach() } else { of.f_zeros_like()?.f_detach() }
}
