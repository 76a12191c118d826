//! Variance of knowledge of deep network weights: how evenly the data determine the weights.

use ndarray::Array2;

use super::{Proxy, Status, eigenvalues, entropy, read};
use crate::engine::{Pass, Passes};
use crate::stats::quantile;

/// Deciles between the extremes.
const DECILES: usize = 9;

/// Entropy of the spectrum of the Fisher information, plus the number of layers.
///
/// The entropy is at most log 9, so it orders networks of equal depth.
pub static VKDNW: Proxy = Proxy {
    name: "vkdnw",
    title: "Number of layers plus entropy of the spectrum of the Fisher information (VKDNW single)",
    formula: "L + H, L the number of convolution and linear layers, H the score of vkdnw@entropy",
    score: &|passes| {
        let layers = passes.network.layers().count() as f64;
        Ok(layers + spectrum(passes)?)
    },
    limits: "The entropy is at most log 9, so the number of layers decides between networks of unequal depth and the \
             entropy among those of equal depth: beside layers it adds little.",
    ..VKDNW_ENTROPY
};

/// The entropy alone.
pub static VKDNW_ENTROPY: Proxy = Proxy {
    name: "vkdnw@entropy",
    title: "Entropy of the spectrum of the Fisher information",
    paper: "Tybl & Neumann, Training-free neural architecture search through variance of knowledge of deep network \
            weights, CVPR 2025, arXiv:2502.04975",
    formula: "H = -sum_k p_k log p_k, p the nine deciles (linear interpolation) of the eigenvalues of F, divided by their \
              sum; F = mean_n J_n' (diag(p_n) - p_n p_n') J_n, J_n the derivatives of the logits of image n with respect \
              to the sampled weights, p_n = 0.95 softmax(logits) + 0.05 / classes",
    protocol: "one random weight of each of the first 128 convolution and linear layers (the published code takes equally \
               spaced entries of the first parameter tensors, scales and shifts of normalisations included); the first \
               16 images of the batch (all, if there are fewer); Kaiming's normal weights (fan-in, ReLU), zero biases; \
               batch normalisation is the identity, as in evaluation mode before training; live layers, float32 \
               gradients, products and eigenvalues in float64; all deciles zero: status singular",
    limits: "Alone it orders nothing on the spaces measured here. One weight per layer and 16 images stand for the \
             whole network.",
    statuses: &[Status::Singular],
    min_batch: 1,
    passes: &[Pass::FisherInformation],
    score: &spectrum,
    ..Proxy::LIVE
};

fn spectrum(passes: &Passes<'_>) -> Result<f64, Status> {
    score(read(&passes.fisher_information)?)
}

fn score(fisher: &Array2<f64>) -> Result<f64, Status> {
    // Rounding can leave an eigenvalue of zero slightly negative.
    let eigenvalues: Vec<f64> = eigenvalues(fisher)?.into_iter().map(|v| v.max(0.0)).collect();
    let decile = |k: usize| quantile(&eigenvalues, k as f64 / (DECILES + 1) as f64).unwrap_or(0.0);
    let deciles: Vec<f64> = (1..=DECILES).map(decile).collect();
    entropy(&deciles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_spectra_score_log_nine() {
        assert!((score(&Array2::eye(5)).unwrap() - 9f64.ln()).abs() < 1e-12);
        assert!((score(&Array2::eye(1)).unwrap() - 9f64.ln()).abs() < 1e-12);
        assert_eq!(score(&Array2::zeros((3, 3))), Err(Status::Singular));
    }
}
