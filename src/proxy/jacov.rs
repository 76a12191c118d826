//! Correlation of the input gradients of different images.

use ndarray::{Array2, Axis};
use ndarray_linalg::{EigValsh, UPLO};

use super::{Proxy, Status, read};
use crate::engine::Pass;

/// Added to every eigenvalue, as published.
const K: f64 = 1e-5;

/// How uncorrelated the input gradients of the images of a batch are.
pub static JACOV: Proxy = Proxy {
    name: "jacov",
    title: "Correlation of input gradients between images (jacob_cov)",
    paper: "Mellor et al., Neural architecture search without training, first version, 2020, arXiv:2006.04647v1",
    formula: "-sum_i (log(v_i + k) + 1 / (v_i + k)), v the eigenvalues of the correlation matrix of the rows \
              J_i = d(sum of the logits of image i)/d(image i), k = 1e-5",
    protocol: "train-mode batch normalisation, one batch, PyTorch's default initialisation, eigenvalues in float64; \
               values of different batch sizes cannot be compared",
    limits: "The most sensitive of all to what goes in (Spearman .77 with digits, .59 with white noise) and to the \
             initialisation (two seeds agree by .90). Labels are not read.",
    statuses: &[Status::Singular],
    min_batch: 2,
    passes: &[Pass::InputGradient],
    score: &|passes| score(read(&passes.input_gradient)?),
    ..Proxy::LIVE
};

fn score(jacobian: &Array2<f64>) -> Result<f64, Status> {
    let values = correlation_of_rows(jacobian.to_owned())?.eigvalsh(UPLO::Lower).map_err(|_| Status::NonFinite)?;
    // Rounding can leave an eigenvalue of zero slightly negative.
    Ok(-values.iter().map(|v| v.max(0.0) + K).map(|v| v.ln() + 1.0 / v).sum::<f64>())
}

/// The correlation matrix of the rows, or the status that says why there is none.
pub(super) fn correlation_of_rows(mut rows: Array2<f64>) -> Result<Array2<f64>, Status> {
    for mut row in rows.axis_iter_mut(Axis(0)) {
        let mean = row.mean().unwrap_or(0.0);
        row -= mean;
        let norm = row.dot(&row).sqrt();
        if !norm.is_finite() {
            return Err(Status::NonFinite);
        }
        if norm == 0.0 {
            // An image without any gradient has no correlation with the others.
            return Err(Status::Singular);
        }
        row /= norm;
    }
    Ok(rows.dot(&rows.t()))
}
