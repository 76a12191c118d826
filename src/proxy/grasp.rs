//! Gradient signal preservation.

use tch::Kind;

use super::{Proxy, sum_over_layers};
use crate::engine::Pass;

/// How much removing each weight would lower the norm of the gradient, summed.
///
/// For the weights of a layer that is followed by batch normalisation the loss is invariant to their scale, so their
/// product with `H g` is minus the squared norm of their gradient and what they add to the score is that norm.
pub static GRASP: Proxy = Proxy {
    name: "grasp",
    title: "Gradient signal preservation",
    paper: "Wang et al., Picking winning tickets before training by preserving gradient flow, ICLR 2020; as in \
            Abdelfattah et al., Zero-cost proxies for lightweight NAS, ICLR 2021",
    formula: "-sum_l sum W_l * (H g)_l, g the gradient and H the Hessian of the mean cross-entropy on the batch with \
              respect to the weights of convolutions and linear layers",
    protocol: "temperature 1, one batch for both derivatives, train-mode batch normalisation, live layers, PyTorch's \
               default initialisation, float32 summed in float64; the Hessian-vector product is exact (double backward)",
    limits: "The dearest proxy here: a double backward pass per network. Does not turn around on NAS-Bench-101, as \
             grad_norm does, but on short trainings more than any other but fisher.",
    min_batch: 1,
    passes: &[Pass::HessianGradient],
    score: &|passes| {
        sum_over_layers(&passes.hessian_gradient, |l| {
            l.weight.f_mul(&l.gradient)?.f_sum(Kind::Double)?.f_double_value(&[]).map(|product| -product)
        })
    },
    ..Proxy::LIVE
};
