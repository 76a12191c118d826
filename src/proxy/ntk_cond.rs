//! Condition number of the neural tangent kernel.

use ndarray::Array2;

use super::{Proxy, Status, eigenvalues, read};
use crate::engine::Pass;

/// Eigenvalues of the kernel below this fraction of the largest are rounding errors of float32 gradients.
const ROUNDING: f64 = 1e-11;

/// How evenly gradient descent learns the images, as the negative logarithm of the condition number.
pub static NTK_COND: Proxy = Proxy {
    name: "ntk_cond",
    title: "Condition number of the neural tangent kernel (negative logarithm)",
    paper: "Chen, Gong & Wang, Neural architecture search on ImageNet in four GPU hours (TE-NAS), ICLR 2021, \
            arXiv:2102.11535",
    formula: "-log(lambda_max / lambda_min) of K_ij = <G_i, G_j>, G_i the gradient of the sum of the logits of image i \
              with respect to all weights of convolutions and linear layers",
    protocol: "the first 16 images of the batch (all, if there are fewer), which share one train-mode forward; the paper \
               ranks by the condition number, lower is better, and the sign makes higher better; live layers, PyTorch's \
               default initialisation, float32 gradients, products in float64; noisy: repeats differ; a kernel whose \
               smallest eigenvalue is within rounding of zero: status singular",
    limits: "Noisy: one initialisation says little about networks that are close, so average several seeds (`naslens \
             stability` says how many). Says next to nothing on NAS-Bench-101.",
    statuses: &[Status::Singular],
    min_batch: 2,
    passes: &[Pass::TangentKernel],
    score: &|passes| score(read(&passes.tangent_kernel)?),
    ..Proxy::LIVE
};

fn score(kernel: &Array2<f64>) -> Result<f64, Status> {
    let eigenvalues = eigenvalues(kernel)?;
    match (eigenvalues.first(), eigenvalues.last()) {
        (Some(&min), Some(&max)) if min > ROUNDING * max => Ok((min / max).ln()),
        _ => Err(Status::Singular),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn even_kernels_score_highest() {
        assert_eq!(score(&array![[2.0, 0.0], [0.0, 2.0]]), Ok(0.0));
        assert!((score(&array![[1.0, 0.0], [0.0, 8.0]]).unwrap() + 8f64.ln()).abs() < 1e-12);
        assert_eq!(score(&array![[1.0, 1.0], [1.0, 1.0]]), Err(Status::Singular));
        assert_eq!(score(&array![[f64::NAN]]), Err(Status::NonFinite));
    }
}
