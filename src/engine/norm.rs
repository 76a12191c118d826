//! The parameters of batch normalisation.

use tch::Tensor;

/// PyTorch's default epsilon, which is added to the variance.
pub const BN_EPS: f64 = 1e-5;
/// PyTorch's default weight of a batch in the running statistics.
pub(super) const BN_MOMENTUM: f64 = 0.1;

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

impl NormTensors {
    /// The same tensors once more.
    pub(super) fn share(&self) -> Self {
        let [scale, shift, mean, variance] =
            [&self.scale, &self.shift, &self.mean, &self.variance].map(Tensor::shallow_clone);
        NormTensors { scale, shift, mean, variance }
    }
}
