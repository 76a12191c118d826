//! The proxies that AZ-NAS assembles: expressivity, progressivity and trainability. Its fourth one, complexity, is
//! [`FLOPS`](super::flops::FLOPS).

use super::{Proxy, Status, eigenvalues, read};
use crate::engine::{BlockWise, Pass};

/// Added to the singular value that is divided by, as published.
const EPSILON: f64 = 1e-6;

/// How evenly the outputs of the blocks spread over their channels.
pub static AZ_EXPRESSIVITY: Proxy = Proxy {
    name: "az_expressivity",
    title: "Entropy of the spectra of the blocks' outputs",
    paper: "Lee & Ham, AZ-NAS: assembling zero-cost proxies for network architecture search, CVPR 2024, arXiv:2403.19232",
    formula: "sum_b H_b, H_b = -sum_i p_i log p_i, p the eigenvalues, divided by their sum, of the covariance between the \
              channels of the output of block b (the stem and every cell) over images and pixels",
    protocol: "standard normal images, as many as the batch has, which itself is not read; Kaiming's normal weights (fan-in, \
               ReLU), zero biases; train-mode batch normalisation; live part, float32, eigenvalues in float64; a block \
               with constant output: status singular; a network without blocks: status unsupported",
    limits: "Needs blocks; a network without any has no score. Dear. Alone it leaves out whether gradients survive; \
             az_nas and naslens combine both.",
    statuses: &[Status::Singular],
    min_batch: 1,
    passes: &[Pass::BlockWise],
    score: &|passes| Ok(entropies(read(&passes.block_wise)?, 1)?.iter().sum()),
    ..Proxy::LIVE
};

/// The smallest gain of entropy from block to block.
pub static AZ_PROGRESSIVITY: Proxy = Proxy {
    name: "az_progressivity",
    title: "Smallest increase of the entropy from one block to the next",
    formula: "min_b (H_b - H_(b-1)), H_b the entropy of az_expressivity",
    score: &|passes| {
        let entropies = entropies(read(&passes.block_wise)?, 2)?;
        Ok(entropies.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min))
    },
    protocol: "protocol of az_expressivity; fewer than two blocks: status unsupported",
    limits: "The smallest of a few differences, so one block decides. Needs two blocks.",
    ..AZ_EXPRESSIVITY
};

/// How little the blocks stretch or shrink the gradients that pass through them.
pub static AZ_TRAINABILITY: Proxy = Proxy {
    name: "az_trainability",
    title: "How close to one the blocks keep the gradients' spectral norm",
    formula: "mean_b (2 - s_b - 1 / (s_b + 1e-6)), s_b the largest singular value of g_in' g_out / (images * pixels), g_out \
              random signs at the output of block b, g_in their vector-Jacobian product at the output of block b - 1, \
              rows are images and pixels, columns channels",
    score: &|passes| {
        if passes.network.blocks().windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Status::Saturated);
        }
        trainability(read(&passes.block_wise)?)
    },
    protocol: "protocol of az_expressivity; where a block lowers the resolution by f, f x f pixels of g_in are f^2 channels \
               of one pixel, as in the published code; fewer than two blocks: status unsupported; a block that is the identity \
               is as trainable as can be and nothing else: status saturated, so that it ranks last, as in the published \
               code",
    limits: "A member of az_nas and naslens rather than a ranking of its own; on short trainings it orders slightly \
             backwards. Rests on one draw of signs. Needs two blocks.",
    statuses: &[Status::Saturated],
    ..AZ_EXPRESSIVITY
};

/// The entropy of every block's spectrum, if there are `at_least` so many blocks.
fn entropies(blocks: &BlockWise, at_least: usize) -> Result<Vec<f64>, Status> {
    if blocks.covariances.len() < at_least {
        return Err(Status::Unsupported);
    }
    blocks.covariances.iter().map(|c| super::entropy(&eigenvalues(c)?)).collect()
}

fn trainability(blocks: &BlockWise) -> Result<f64, Status> {
    if blocks.responses.is_empty() {
        return Err(Status::Unsupported);
    }
    let mut sum = 0.0;
    for m in &blocks.responses {
        let gram = if m.nrows() < m.ncols() { m.dot(&m.t()) } else { m.t().dot(m) };
        let s = eigenvalues(&gram)?.last().map_or(0.0, |v| v.max(0.0).sqrt());
        sum += 2.0 - s - 1.0 / (s + EPSILON);
    }
    Ok(sum / blocks.responses.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use ndarray::array;

    #[test]
    fn isometries_of_the_channels_are_most_trainable() {
        let score = |responses: Vec<Array2<f64>>| trainability(&BlockWise { covariances: Vec::new(), responses });
        let one = score(vec![Array2::eye(3), array![[0.0, 1.0], [-1.0, 0.0]]]).unwrap();
        assert!(one.abs() < 1e-5, "{one}");
        let two = score(vec![array![[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]).unwrap();
        assert!((two + 0.5).abs() < 1e-6, "{two}");
        assert_eq!(score(Vec::new()), Err(Status::Unsupported));
        assert!(score(vec![Array2::zeros((2, 2))]).unwrap() < -9e5, "defined, if no gradient comes back");
    }

    #[test]
    fn even_spectra_have_the_highest_entropy() {
        let score = |covariances| entropies(&BlockWise { covariances, responses: Vec::new() }, 1);
        let h = score(vec![Array2::eye(4), array![[1.0, 1.0], [1.0, 1.0]]]).unwrap();
        assert!((h[0] - 4f64.ln()).abs() < 1e-12 && h[1].abs() < 1e-12, "{h:?}");
        assert_eq!(score(vec![Array2::zeros((2, 2))]), Err(Status::Singular));
        assert_eq!(score(vec![]), Err(Status::Unsupported));
    }
}
