//! Everything that training changes in a network.

use tch::{Device, Kind, Tensor};

use super::forward::{Norm, forward};
use super::tensors::BN_EPS;
use super::weights::Weights;
use crate::network::{Network, NodeId, Op};

/// The tensors of one batch normalisation, each of length channels: `scale (x - mean) / sqrt(variance + 1e-5) + shift`.
#[derive(Debug)]
pub struct NormTensors {
    /// Learned scale.
    pub scale: Tensor,
    /// Learned shift.
    pub shift: Tensor,
    /// Running mean of the training batches, used in place of the batch's own when the network is not trained.
    pub mean: Tensor,
    /// Running (unbiased) variance.
    pub variance: Tensor,
}

/// Weights and biases of the layers, scales, shifts and running statistics of the normalisations, by node id.
#[derive(Debug)]
pub struct Parameters {
    /// Convolutions and linear layers.
    pub layers: Weights,
    /// Batch normalisations; None for other nodes.
    pub norms: Vec<Option<NormTensors>>,
}

impl Parameters {
    /// An untrained network: the layers as [`Weights::init`] draws them, scale 1, shift 0, mean 0, variance 1.
    pub fn init(network: &Network, seed: u64, device: Device) -> Result<Self, tch::TchError> {
        let norm = |channels: usize| {
            let (c, options) = ([channels as i64], (Kind::Float, device));
            Ok(NormTensors {
                scale: Tensor::f_ones(c, options)?,
                shift: Tensor::f_zeros(c, options)?,
                mean: Tensor::f_zeros(c, options)?,
                variance: Tensor::f_ones(c, options)?,
            })
        };
        let norms = network.nodes().iter().map(|n| (n.op == Op::BatchNorm).then(|| norm(n.shape.channels)).transpose());
        let norms = norms.collect::<Result<_, tch::TchError>>()?;
        Ok(Parameters { layers: Weights::init(network, seed, device, None)?, norms })
    }

    /// The logits (images x classes) of the images (n, channels, height, width), normalised by the running statistics.
    pub fn logits(&self, network: &Network, images: &Tensor) -> Result<Tensor, tch::TchError> {
        let mut norm = |id: NodeId, x: &Tensor| match &self.norms[id] {
            Some(n) => x.f_batch_norm(
                Some(&n.scale),
                Some(&n.shift),
                Some(&n.mean),
                Some(&n.variance),
                false,
                0.1,
                BN_EPS,
                false,
            ),
            None => Err(tch::TchError::Torch(format!("node {id} is no batch normalisation"))),
        };
        forward(network, &self.layers, images, &mut Norm::With(&mut norm), &mut |_, _, _| Ok(()))?.f_flatten(1, -1)
    }
}
