//! Norm of the loss gradient.

use super::{Proxy, sum_over_layers};
use crate::engine::{LayerGradient, Pass};

/// Sum of the layers' gradient norms.
pub static GRAD_NORM: Proxy = Proxy {
    name: "grad_norm",
    title: "Sum over layers of the norm of the loss gradient",
    paper: "Abdelfattah et al., Zero-cost proxies for lightweight NAS, ICLR 2021",
    formula: "sum_l ||dL/dW_l||_2, L the mean cross-entropy on the batch, W_l the weight of convolution or linear layer l",
    protocol: "train-mode batch normalisation, live layers, PyTorch's default initialisation, float32",
    limits: "Grows with what makes networks hard to train, so its sign depends on the space: right on NAS-Bench-201, \
             backwards on NAS-Bench-101 and on short trainings. Check it on a few trained networks before use.",
    min_batch: 1,
    passes: &[Pass::LossGradient],
    score: &|passes| sum_over_layers(&passes.loss_gradient, norm),
    ..Proxy::LIVE
};

/// One norm over all weights.
pub static GRAD_NORM_GLOBAL: Proxy = Proxy {
    name: "grad_norm@global",
    title: "Norm of the loss gradient over all weights at once",
    formula: "sqrt(sum_l ||dL/dW_l||_2^2), L the mean cross-entropy on the batch",
    score: &|passes| Ok(sum_over_layers(&passes.loss_gradient, |l| Ok(norm(l)?.powi(2)))?.sqrt()),
    limits: "As grad_norm, and more so: the layers with the largest gradients decide.",
    ..GRAD_NORM
};

fn norm(layer: &LayerGradient) -> Result<f64, tch::TchError> {
    layer.gradient.f_norm()?.f_double_value(&[])
}
