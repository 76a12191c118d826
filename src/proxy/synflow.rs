//! Synaptic flow, in the logarithm.

use tch::Kind;

use super::{Proxy, read, sum_over_layers};
use crate::engine::Pass;

/// Natural logarithm of the synaptic flow.
///
/// The published score `sum_l sum |w dR/dw|` reaches 1e61 on NAS-Bench-201 and overflows float32 and, on deeper networks,
/// float64. Its logarithm ranks networks the same and never overflows; see [`Dual`](crate::engine::Dual) for how it is
/// computed without a backward pass.
pub static SYNFLOW: Proxy = Proxy {
    name: "synflow",
    title: "Synaptic flow (natural logarithm)",
    paper: "Tanaka et al., Pruning neural networks without any data, NeurIPS 2020; as a proxy: Abdelfattah et al., ICLR 2021",
    formula: "log sum_l sum |W_l * dR/dW_l|, R the sum of the logits of the network with absolute weights and biases",
    protocol: "batch normalisation bypassed, one input of ones, live layers, PyTorch's default initialisation, no data",
    limits: "Sees no image and no normalisation. Correlates with params by .84 or more on NAS-Bench-201: it counts \
             capacity again, through paths.",
    passes: &[Pass::Dual],
    score: &|passes| Ok(read(&passes.dual)?.log_tangent),
    ..Proxy::LIVE
};

/// The published score with batch normalisation left in place, which makes it depend on the curvature of ReLU and
/// normalisation instead of the weights' path products; kept for comparison.
pub static SYNFLOW_BN: Proxy = Proxy {
    name: "synflow@bn",
    title: "Synaptic flow through batch normalisation (natural logarithm)",
    paper: "Abdelfattah et al., Zero-cost proxies for lightweight NAS, ICLR 2021, published code (synflow_bn)",
    protocol: "train-mode batch normalisation over the pixels of the only image, one input of ones, live layers, \
               PyTorch's default initialisation, float64, no data; no gradient at all: status unsupported",
    limits: "Normalisation divides out the products along paths that make synflow rank; what remains orders \
             NAS-Bench-201 hardly at all and NAS-Bench-101 backwards. For comparison only.",
    passes: &[Pass::NormalisedLinearGradient],
    score: &|passes| {
        let flow = sum_over_layers(&passes.normalised_linear_gradient, |l| {
            l.weight.f_mul(&l.gradient)?.f_abs()?.f_sum(Kind::Double)?.f_double_value(&[])
        });
        Ok(flow?.ln())
    },
    ..SYNFLOW
};
