//! Synaptic flow with logarithmic gradients.

use tch::Kind;

use super::{Proxy, sum_over_layers};
use crate::engine::Pass;

/// Synaptic flow whose gradients are compressed by a logarithm before they meet the weights.
pub static LOGSYNFLOW: Proxy = Proxy {
    name: "logsynflow",
    title: "Synaptic flow with logarithmic gradients",
    paper: "Cavagnero et al., FreeREA: training-free evolution-based architecture search, WACV 2023",
    formula: "sum_l sum |W_l| log(|dR/dW_l| + 1), R the sum of the logits of the network with absolute weights and biases",
    protocol: "batch normalisation bypassed, one input of ones, live layers, PyTorch's default initialisation, float64, \
               no data",
    limits: "Sees no image and no normalisation. The logarithm is of each gradient, not of the sum, so it orders \
             networks otherwise than synflow does.",
    passes: &[Pass::LinearGradient],
    score: &|passes| {
        sum_over_layers(&passes.linear_gradient, |l| {
            l.weight.f_abs()?.f_mul(&l.gradient.f_abs()?.f_log1p()?)?.f_sum(Kind::Double)?.f_double_value(&[])
        })
    },
    ..Proxy::LIVE
};
