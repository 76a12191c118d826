//! The logits of a network with given parameters.

use tch::{Kind, Tensor};

use super::forward::{Norm, forward};
use super::norm::{BN_EPS, BN_MOMENTUM};
use super::parameters::Parameters;
use super::plan::Plan;
use super::tape::Tape;
use super::tensors;
use crate::network::{Network, NodeId};

impl Parameters {
    /// The logits (images x classes) of the images (n, channels, height, width), normalised by the running statistics.
    pub fn logits(&self, network: &Network, images: &Tensor) -> Result<Tensor, tch::TchError> {
        let _no_grad = tch::no_grad_guard();
        if tensors::is_host(images) {
            let plan = Plan::trained(network);
            return Tape::trained(&plan, self, images, false)?.logits(0);
        }
        self.forward(network, images, false)
    }

    /// Gives every normalisation the mean and variance of its input over these images, for networks that no training gave any.
    pub fn measure_statistics(&self, network: &Network, images: &Tensor) -> Result<(), tch::TchError> {
        let _no_grad = tch::no_grad_guard();
        let mut norm = |id: NodeId, x: &Tensor| {
            let Some(n) = &self.norms[id] else {
                return Err(tch::TchError::Torch(format!("node {id} is not a batch normalisation")));
            };
            let all = if x.dim() == 4 { &[0, 2, 3][..] } else { &[0] };
            let (variance, mean) = x.f_to_kind(Kind::Double)?.f_var_mean_dim(all, true, false)?;
            n.mean.shallow_clone().f_copy_(&mean)?;
            n.variance.shallow_clone().f_copy_(&variance)?;
            let (scale, shift) = (Some(&n.scale), Some(&n.shift));
            x.f_batch_norm(scale, shift, Some(&n.mean), Some(&n.variance), false, BN_MOMENTUM, BN_EPS, false)
        };
        forward(network, &self.layers, images, &mut Norm::With(&mut norm), &mut |_, _, _| Ok(())).map(|_| ())
    }

    /// The same by libtorch's operations; with `training`, normalised by the batch, which moves the running statistics.
    pub(super) fn forward(&self, network: &Network, images: &Tensor, training: bool) -> Result<Tensor, tch::TchError> {
        let mut norm = |id: NodeId, x: &Tensor| match &self.norms[id] {
            Some(n) => x.f_batch_norm(
                Some(&n.scale),
                Some(&n.shift),
                Some(&n.mean),
                Some(&n.variance),
                training,
                BN_MOMENTUM,
                BN_EPS,
                false,
            ),
            None => Err(tch::TchError::Torch(format!("node {id} is not a batch normalisation"))),
        };
        forward(network, &self.layers, images, &mut Norm::With(&mut norm), &mut |_, _, _| Ok(()))?.f_flatten(1, -1)
    }
}
