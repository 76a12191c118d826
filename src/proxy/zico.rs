//! Inverse coefficient of variation of gradients between batches.

use tch::{Kind, Tensor};

use super::{Proxy, Status, of_gradients, read};
use crate::engine::{LayerGradient, Pass};

/// How steady the gradients are from batch to batch, relative to their size.
///
/// With two batches a gradient that happens to be almost the same in both makes its weight's term huge: the sums have
/// heavy tails, and their logarithms keep this within bounds only in layers of many weights.
pub static ZICO: Proxy = Proxy {
    name: "zico",
    title: "Inverse coefficient of variation of gradients",
    paper: "Li et al., ZiCo: zero-shot NAS via inverse coefficient of variation on gradients, ICLR 2023, arXiv:2301.11300",
    formula: "sum_l log sum_w (mean_b |g_wb| / std_b g_wb), g_wb the derivative of the mean cross-entropy of batch b with \
              respect to weight w of convolution or linear layer l; std is the population's; weights of zero std are \
              left out, and layers without any other weight",
    protocol: "two batches, the first and the second half of the images, each normalised by its own statistics in train \
               mode, the same weights for both, live layers, PyTorch's default initialisation, float32 gradients, \
               float64 ratios; a batch of one image has no halves: status unsupported",
    limits: "With two batches a gradient that happens to be almost the same in both makes its weight's term huge, so \
             tails are heavy. Correlates with params by .84 or more on NAS-Bench-201.",
    min_batch: 2,
    passes: &[Pass::HalfGradients],
    score: &|passes| match read(&passes.half_gradients)?.as_slice() {
        [a, b] => score(a, b),
        _ => Err(Status::Unsupported),
    },
    ..Proxy::LIVE
};

fn score(first: &[LayerGradient], second: &[LayerGradient]) -> Result<f64, Status> {
    let mut total = 0.0;
    for (a, b) in first.iter().zip(second) {
        let sum = ratios(&a.gradient.f_to_kind(Kind::Double)?, &b.gradient.f_to_kind(Kind::Double)?)?;
        // Only a layer whose weights are all left out; not a number must reach the score.
        if sum != 0.0 {
            total += sum.ln();
        }
    }
    // Equal halves leave every weight out.
    of_gradients(total)
}

/// Of two numbers, the mean of the absolute values is `(|a| + |b|) / 2` and the standard deviation `|a - b| / 2`.
fn ratios(a: &Tensor, b: &Tensor) -> Result<f64, tch::TchError> {
    let ratio = a.f_abs()?.f_add(&b.f_abs()?)?.f_div(&a.f_sub(b)?.f_abs()?)?;
    ratio.f_masked_fill(&a.f_eq_tensor(b)?, 0.0)?.f_sum(Kind::Double)?.f_double_value(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_gradients_are_left_out() {
        let (a, b) = (Tensor::from_slice(&[1.0f64, 0.0, 2.0, 3.0]), Tensor::from_slice(&[3.0f64, 0.0, -2.0, 3.0]));
        assert_eq!(ratios(&a, &b).unwrap(), 4.0 / 2.0 + 4.0 / 4.0);
    }
}
