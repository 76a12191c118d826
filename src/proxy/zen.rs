//! Zen-score: how much the features move when the input does.

use super::{Proxy, read};
use crate::engine::{Expansion, Pass};

/// Gaussian complexity of the features before the classifier, with the scales that normalisation divides out put back.
pub static ZEN: Proxy = Proxy {
    name: "zen",
    title: "Zen-score: change of the features under a small change of the input",
    paper: "Lin et al., Zen-NAS: a zero-shot NAS for high-performance image recognition, ICCV 2021, arXiv:2102.01063",
    formula: "log mean_n sum |f(x_n) - f(x_n + 0.01 x'_n)| + sum over batch normalisations of log sqrt(mean over channels \
              of the running variance), f the input of the global pooling",
    protocol: "weights, x and x' standard normal, biases zero, scale 1 and shift 0 of normalisations; one initialisation, \
               as many x as images in the batch, which itself is not read; train mode; the running variance is what \
               PyTorch holds after both forwards (momentum 0.1, from one), 0.81 + 0.09 v + 0.1 v', v and v' the unbiased \
               variances; live layers, float32; features that do not move have no logarithm: status non_finite",
    limits: "Does not beat counting layers on either NAS-Bench. Rests on one draw of weights and inputs.",
    min_batch: 1,
    passes: &[Pass::Expansion],
    score: &|passes| {
        let Expansion { difference, running_variances } = read(&passes.expansion)?;
        Ok(difference.ln() + running_variances.iter().map(|v| v.ln() / 2.0).sum::<f64>())
    },
    ..Proxy::LIVE
};
