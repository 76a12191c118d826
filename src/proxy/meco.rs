//! Smallest eigenvalue of the correlation between feature maps.

use ndarray::Array2;

use super::{Proxy, Status, eigenvalues, read};
use crate::engine::Pass;

/// How uncorrelated the channels of every operation's output are.
pub static MECO: Proxy = Proxy {
    name: "meco",
    title: "Smallest eigenvalues of the correlation between feature maps",
    paper: "Jiang, Wang & Bie, MeCo: zero-shot NAS with one data and single forward pass via minimum eigenvalue of \
            correlation, NeurIPS 2023",
    formula: "sum_m lambda_min(C_m), C_m the correlation between the channels of the output of module m over its pixels, \
              for the first image; entries of channels that are constant are zero",
    protocol: "modules are convolutions, batch normalisations, ReLUs, poolings and linear layers, each as often as it is \
               applied (the published code also counts the containers that group them in PyTorch); one train-mode \
               forward of the whole batch, of which only the first image is read; a map with as many channels as \
               pixels, or more, adds zero; no other map: status unsupported; live layers, PyTorch's default initialisation, eigenvalues in float64",
    limits: "A map with as many channels as pixels, or more, adds zero: with small images only the first stages are \
             looked at. The published code also counts modules inside modules, which makes other numbers (.62 as \
             large).",
    min_batch: 1,
    passes: &[Pass::ChannelCorrelation],
    score: &|passes| {
        let correlations = read(&passes.channel_correlation)?;
        if correlations.is_empty() {
            return Err(Status::Unsupported);
        }
        correlations.iter().map(smallest).sum()
    },
    ..Proxy::LIVE
};

fn smallest(correlation: &Array2<f64>) -> Result<f64, Status> {
    Ok(eigenvalues(correlation)?.first().copied().unwrap_or(0.0))
}
