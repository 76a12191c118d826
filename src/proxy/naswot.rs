//! Neural architecture search without training: how differently the ReLUs fire for different images.

use ndarray::Array2;
use ndarray_linalg::{Cholesky, UPLO};

use super::{Proxy, Status, View, read};
use crate::engine::{CodeKernel, Pass};

/// Log-determinant of the agreement of ReLU codes, live ReLUs only.
pub static NASWOT: Proxy = Proxy {
    name: "naswot",
    title: "Log-determinant of the agreement of ReLU codes between images",
    paper: "Mellor et al., Neural architecture search without training, ICML 2021, arXiv:2006.04647",
    formula: "log det K, K_ij = number of ReLU inputs z whose bit [z > 0] is the same for images i and j",
    protocol: "train-mode batch normalisation, one batch, PyTorch's default initialisation, only ReLUs on a path from \
               input to output count, each as often as it is applied; identical codes make K singular: no score",
    limits: "Knows ReLUs only: a network without any has no score. Two equal images in the batch make every network \
             singular. Values of different batch sizes cannot be compared. Loses a little with noise in place of \
             images; correlates with params by .84 or more on NAS-Bench-201.",
    statuses: &[Status::Singular],
    min_batch: 2,
    passes: &[Pass::Codes],
    score: &|passes| log_det(read(&passes.codes)?),
    ..Proxy::LIVE
};

/// The count of the published code: every ReLU module, also on dead ends and after `none`.
pub static NASWOT_REFERENCE: Proxy = Proxy {
    name: "naswot@reference",
    title: "naswot as published code counts it, dead ends included",
    protocol: "train-mode batch normalisation, one batch, PyTorch's default initialisation, every ReLU of the \
               architecture as specified counts, also those that cannot reach the output and those fed with zeros, \
               as in NASLib and FreeREA",
    limits: "Counts ReLUs that no output depends on, so that equal networks written differently get different \
             scores. For comparison with published numbers; use naswot.",
    view: View::Specified,
    ..NASWOT
};

/// log det K by Cholesky factorisation, which exists because K is a sum of Gram matrices.
fn log_det(codes: &CodeKernel) -> Result<f64, Status> {
    let n = codes.samples();
    let identical = (0..n).any(|i| (0..i).any(|j| codes.agreeing(i, j) == codes.neurons()));
    if n == 0 || codes.neurons() == 0 || identical {
        return Err(Status::Singular);
    }
    let k = Array2::from_shape_fn((n, n), |(i, j)| codes.agreeing(i, j) as f64);
    match k.cholesky(UPLO::Lower) {
        // A pivot at rounding level means that some code is a combination of the others.
        Ok(l) if l.diag().iter().all(|p| p.powi(2) > 1e-12 * codes.neurons() as f64) => {
            Ok(2.0 * l.diag().iter().map(|p| p.ln()).sum::<f64>())
        }
        _ => Err(Status::Singular),
    }
}
