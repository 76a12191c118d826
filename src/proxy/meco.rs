//! Smallest eigenvalue of the correlation between feature maps.

use ndarray::Array2;
use ndarray_linalg::{EigValsh, UPLO};

use super::{Proxy, Score, Status, View};
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
    statuses: &[],
    view: View::Live,
    min_batch: 1,
    baseline: false,
    passes: &[Pass::ChannelCorrelation],
    score: &|passes| {
        let Some(modules) = &passes.channel_correlation else {
            return Score::status(Status::Failed);
        };
        // Elsewhere the smallest eigenvalue is zero, up to rounding: the map has no full set of channels.
        if !passes
            .network
            .nodes()
            .iter()
            .any(|n| !n.op.is_wiring() && n.shape.channels < n.shape.height * n.shape.width)
        {
            return Score::status(Status::Unsupported);
        }
        modules.iter().map(smallest).sum::<Result<f64, _>>().map_or_else(Score::status, Score::new)
    },
};

fn smallest(correlation: &Array2<f64>) -> Result<f64, Status> {
    if correlation.iter().any(|c| !c.is_finite()) {
        return Err(Status::NonFinite);
    }
    let eigenvalues = correlation.eigvalsh(UPLO::Lower).map_err(|_| Status::Failed)?;
    Ok(eigenvalues.first().copied().unwrap_or(0.0))
}
