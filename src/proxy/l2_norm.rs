//! Norm of the initial weights.

use super::{Proxy, read};
use crate::engine::Pass;

/// Sum of the layers' weight norms.
pub static L2_NORM: Proxy = Proxy {
    name: "l2_norm",
    title: "Sum of the L2 norms of the initial weights",
    paper: "baseline of Abdelfattah et al., Zero-cost proxies for lightweight NAS, ICLR 2021",
    formula: "sum_l ||W_l||_2, W_l the weight of convolution or linear layer l, no biases",
    protocol: "live layers, PyTorch's default initialisation, no data",
    limits: "The initialisation fixes how large weights are, so the norm of a layer hardly differs from what its \
             shape predicts: it counts capacity once more.",
    passes: &[Pass::Weights],
    score: &|passes| {
        let norm = |w: &tch::Tensor| -> Result<f64, tch::TchError> { w.f_norm()?.f_double_value(&[]) };
        Ok(read(&passes.weights)?.layers().map(|l| norm(&l.weight)).sum::<Result<f64, _>>()?)
    },
    ..Proxy::LIVE
};
