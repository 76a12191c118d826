//! Labels as normal scores, and back.

use crate::encoding::rank_normal;
use crate::predictor::Prediction;

/// The increasing map between labels and normal scores that a set of labels defines.
///
/// The `n` labels become `z = Φ⁻¹((r - 0.5) / n)` with `r` their average ranks, so they are standard normal whatever their
/// distribution: accuracies crowd below a ceiling and have a few disasters far down. Between the labels the way back is
/// linear; beyond the outermost ones it goes on with the mean slope over the last unit of `z`.
pub(in crate::predictor) struct NormalScores {
    /// Distinct labels with their scores, ascending in both.
    knots: Vec<(f64, f64)>,
}

impl NormalScores {
    /// The map of these finite labels, and their scores in the same order.
    pub fn of(labels: &[f64]) -> (Self, Vec<f64>) {
        let known: Vec<Option<f64>> = labels.iter().map(|y| Some(*y)).collect();
        let scores = rank_normal(&known);
        let mut knots: Vec<(f64, f64)> = scores.iter().copied().zip(labels.iter().copied()).collect();
        knots.sort_unstable_by(|a, b| a.1.total_cmp(&b.1));
        knots.dedup_by(|a, b| a.1 == b.1);
        (NormalScores { knots }, scores)
    }

    /// The label that belongs to a score. Strictly increasing if there are two different labels.
    pub fn label(&self, z: f64) -> f64 {
        let knots = &self.knots;
        let last = knots.len() - 1;
        if last == 0 {
            return knots[0].1;
        }
        let line = |(z0, y0): (f64, f64), (z1, y1): (f64, f64)| y0 + (z - z0) * (y1 - y0) / (z1 - z0);
        if z <= knots[0].0 {
            let far = knots.iter().position(|k| k.0 - knots[0].0 >= 1.0).unwrap_or(last);
            return knots[0].1 + (z - knots[0].0) * slope(knots[0], knots[far]);
        }
        if z >= knots[last].0 {
            let far = knots.iter().rposition(|k| knots[last].0 - k.0 >= 1.0).unwrap_or(0);
            return knots[last].1 + (z - knots[last].0) * slope(knots[far], knots[last]);
        }
        let upper = knots.partition_point(|k| k.0 < z);
        line(knots[upper - 1], knots[upper])
    }

    /// Median and half the central 68.27% of a label whose score is normal with this mean and standard deviation.
    pub fn prediction(&self, mean: f64, std: f64) -> Prediction {
        Prediction { mean: self.label(mean), std: (self.label(mean + std) - self.label(mean - std)) / 2.0 }
    }
}

fn slope(a: (f64, f64), b: (f64, f64)) -> f64 {
    (b.1 - a.1) / (b.0 - a.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    #[test]
    fn goes_there_and_back() {
        let labels = [93.0, 10.0, 90.0, 93.0, 94.0];
        let (map, z) = NormalScores::of(&labels);
        for (label, z) in labels.iter().zip(&z) {
            assert_relative_eq!(map.label(*z), *label, max_relative = 1e-12);
        }
        // Beyond the ends: slope from the first to the third knot, which is more than one unit of z away.
        let slope = (93.0 - 10.0) / (z[0] - z[1]);
        assert_relative_eq!(map.label(z[1] - 1.0), 10.0 - slope, max_relative = 1e-12);
        assert_eq!(NormalScores::of(&[5.0, 5.0]).0.prediction(1.0, 2.0), Prediction { mean: 5.0, std: 0.0 });
    }

    proptest! {
        #[test]
        fn is_increasing(labels in prop::collection::vec(0.0..100.0f64, 2..40), a in -4.0..4.0f64, b in -4.0..4.0f64) {
            let (map, _) = NormalScores::of(&labels);
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(map.label(low) <= map.label(high));
            prop_assert!(map.label(a).is_finite());
        }
    }
}
