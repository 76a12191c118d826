//! Connection sensitivity.

use tch::Kind;

use super::{Proxy, sum_over_layers};
use crate::engine::Pass;

/// Sum of the connection sensitivities of all weights.
pub static SNIP: Proxy = Proxy {
    name: "snip",
    title: "Connection sensitivity: how much the loss feels the removal of each weight",
    paper: "Lee et al., SNIP: single-shot network pruning, ICLR 2019; as a proxy: Abdelfattah et al., ICLR 2021",
    formula: "sum_l sum |W_l * dL/dW_l|, L the mean cross-entropy on the batch",
    protocol: "train-mode batch normalisation, live layers, PyTorch's default initialisation, float32",
    limits: "Moves with grad_norm, and turns around where grad_norm does: right on NAS-Bench-201, backwards on \
             NAS-Bench-101 and on short trainings.",
    min_batch: 1,
    passes: &[Pass::LossGradient],
    score: &|passes| {
        sum_over_layers(&passes.loss_gradient, |l| {
            l.weight.f_mul(&l.gradient)?.f_abs()?.f_sum(Kind::Double)?.f_double_value(&[])
        })
    },
    ..Proxy::LIVE
};
