//! Inner product of weights and loss gradient.

use tch::Kind;

use super::{Proxy, sum_over_layers};
use crate::engine::Pass;

/// Inner product of all weights with the loss gradient, signed.
///
/// A convolution followed by batch normalisation is invariant to the scale of its weight, so its inner product is zero
/// but for the epsilon of the normalisation: what remains is mostly the classifier's. The sign is unstable.
pub static PLAIN: Proxy = Proxy {
    name: "plain",
    title: "Inner product of weights and loss gradient",
    paper: "Abdelfattah et al., Zero-cost proxies for lightweight NAS, ICLR 2021",
    formula: "sum_l sum W_l * dL/dW_l, L the mean cross-entropy on the batch",
    protocol: "train-mode batch normalisation, live layers, PyTorch's default initialisation, float32 summed in float64",
    limits: "A weight before batch normalisation adds nothing but rounding and the normalisation's epsilon, so what \
             remains is mostly the classifier's, of unstable sign. Published figures are negative too. For \
             comparison only.",
    min_batch: 1,
    passes: &[Pass::LossGradient],
    score: &|passes| {
        sum_over_layers(&passes.loss_gradient, |l| {
            l.weight.f_mul(&l.gradient)?.f_sum(Kind::Double)?.f_double_value(&[])
        })
    },
    ..Proxy::LIVE
};
