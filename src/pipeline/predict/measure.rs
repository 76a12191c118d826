//! What a list of predictions, or of scores, is worth on networks whose truth is known, and in which unit.

use crate::candidates::is_accuracy;
use crate::predictor::Prediction;
use crate::stats::{Interval, kendall_tau, precision_at, regret_at, spearman};

/// What counts as the top of the list.
const TOP_FRACTION: f64 = 0.1;

/// A measure of predictions.
#[derive(Debug)]
pub struct Metric {
    /// Name in files.
    pub name: &'static str,
    /// What it is.
    pub what: &'static str,
}

/// All measures over `m` unseen networks with truth `t` and prediction (or score) `p`.
pub static METRICS: [Metric; 8] = [
    Metric { name: "kendall", what: "Kendall's tau-b of prediction and truth" },
    Metric { name: "spearman", what: "Spearman's rho of prediction and truth" },
    Metric {
        name: "precision_at_10pct",
        what: "share, in [0, 1], of the top 10% by prediction that are in the top 10% by truth",
    },
    Metric {
        name: "regret_at_1",
        what: "best truth of all unseen networks minus truth of the best predicted, target units",
    },
    Metric { name: "rmse", what: "square root of the mean of (t - p)², target units" },
    Metric { name: "r2", what: "1 - Σ (t - p)² / Σ (t - mean t)²" },
    Metric { name: "coverage", what: "share, in [0, 1], of truths inside the interval" },
    Metric { name: "width", what: "mean width of the intervals, target units" },
];

/// Positions in [`METRICS`].
pub(super) const KENDALL: usize = 0;
pub(super) const SPEARMAN: usize = 1;
pub(super) const PRECISION: usize = 2;
pub(super) const REGRET: usize = 3;
pub(super) const RMSE: usize = 4;
const R2: usize = 5;
pub(super) const COVERAGE: usize = 6;
pub(super) const WIDTH: usize = 7;

/// One value per entry of [`METRICS`]; None where it is not defined.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measures(pub [Option<f64>; METRICS.len()]);

/// Fewer networks have no order to speak of.
const FEWEST: usize = 3;

/// Of scores, which have an order but no unit. Nothing of it is defined where scores or truths are all equal.
pub(super) fn judge_scores(scores: &[f64], truth: &[f64]) -> Measures {
    let mut measures = Measures::default();
    measures.0[KENDALL] = kendall_tau(scores, truth).filter(|_| truth.len() >= FEWEST);
    if measures.0[KENDALL].is_none() {
        return measures;
    }
    measures.0[SPEARMAN] = spearman(scores, truth);
    measures.0[PRECISION] = precision_at(scores, truth, TOP_FRACTION);
    measures.0[REGRET] = regret_at(scores, truth, 1);
    measures
}

/// Of predictions, with intervals `mean ± scale · std` if there is a scale. What is predicted is cut to the bounds of the
/// truth, but ranks as it was.
pub(super) fn judge_predictions(
    predictions: &[Prediction],
    truth: &[f64],
    scale: Option<f64>,
    bounds: Option<Interval>,
) -> Measures {
    let mut measures = judge_scores(&predictions.iter().map(|p| p.mean).collect::<Vec<_>>(), truth);
    let cut: Vec<(f64, Interval)> = predictions.iter().map(|p| p.within(bounds, scale.unwrap_or(0.0))).collect();
    let means: Vec<f64> = cut.iter().map(|p| p.0).collect();
    let m = truth.len() as f64;
    let errors: f64 = truth.iter().zip(&means).map(|(t, p)| (t - p).powi(2)).sum();
    let centre = truth.iter().sum::<f64>() / m;
    let spread: f64 = truth.iter().map(|t| (t - centre).powi(2)).sum();
    measures.0[RMSE] = (m > 0.0).then(|| (errors / m).sqrt());
    measures.0[R2] = (spread > 0.0).then(|| 1.0 - errors / spread);
    if scale.is_some() && m > 0.0 {
        let inside = cut.iter().zip(truth).filter(|((_, i), t)| i.low <= **t && **t <= i.high).count();
        measures.0[COVERAGE] = Some(inside as f64 / m);
        let width = cut.iter().map(|(_, i)| i.high - i.low).sum::<f64>() / m;
        measures.0[WIDTH] = Some(width).filter(|width| width.is_finite());
    }
    measures
}

/// A share as in `90%`.
pub(super) fn percent(share: f64) -> String {
    format!("{}%", (1e4 * share).round() / 100.0)
}

/// Decimals that show three digits of values that differ by about `std`.
pub(super) fn decimals(std: f64) -> usize {
    (2.0 - std.log10().floor()).clamp(0.0, 12.0) as usize
}

/// The unit that a column is read in, by its name.
pub(super) fn unit(column: &str) -> &'static str {
    if is_accuracy(column) {
        return "percentage points";
    }
    const UNITS: [(&str, &str); 4] =
        [("_ms", "milliseconds"), ("_s", "seconds"), ("_mJ", "millijoules"), ("_M", "millions")];
    UNITS.iter().find(|(end, _)| column.ends_with(end)).map_or("its own unit", |(_, unit)| unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    // import numpy as np; from scipy.stats import kendalltau, spearmanr; from sklearn.metrics import r2_score
    // t = np.array([90., 91, 93, 92, 94, 89, 95, 88]); p = np.array([90.5, 90, 92, 93, 93.5, 90, 94, 89])
    // s = np.array([1, .5, 1, 2, .1, 1, 1, .2])
    // kendalltau(p, t)[0], spearmanr(p, t)[0], np.sqrt(np.mean((t - p) ** 2)), r2_score(t, p)
    // np.mean(abs(t - p) <= 1.5 * s), np.mean(3 * s)
    #[test]
    fn matches_scipy_and_scikit_learn() {
        let truth = [90.0, 91.0, 93.0, 92.0, 94.0, 89.0, 95.0, 88.0];
        let means = [90.5, 90.0, 92.0, 93.0, 93.5, 90.0, 94.0, 89.0];
        let stds = [1.0, 0.5, 1.0, 2.0, 0.1, 1.0, 1.0, 0.2];
        let predictions: Vec<Prediction> =
            means.into_iter().zip(stds).map(|(mean, std)| Prediction { mean, std }).collect();
        let measures = judge_predictions(&predictions, &truth, Some(1.5), None).0;
        let golden =
            [0.836501912571304, 0.934148484292342, 1.0, 0.0, 0.9013878188659973, 0.8452380952380952, 0.625, 2.55];
        for (value, golden) in measures.into_iter().zip(golden) {
            assert_relative_eq!(value.unwrap(), golden, max_relative = 1e-12);
        }
        let scores = judge_scores(&means, &truth).0;
        assert_eq!(scores[..RMSE], measures[..RMSE]);
        assert_eq!(scores[RMSE..], [None; 4]);
        assert_eq!(judge_predictions(&predictions, &truth, None, None).0[COVERAGE..], [None; 2]);
        let endless = judge_predictions(&predictions, &truth, Some(f64::INFINITY), None).0;
        assert_eq!(endless[COVERAGE..], [Some(1.0), None]);
        // No accuracy is above 94 here: what is predicted above is 94, and the intervals end there.
        let bounds = Some(Interval { low: 0.0, high: 94.0 });
        let cut = judge_predictions(&predictions[..3], &[90.0, 91.0, 92.0], Some(1.5), bounds).0;
        assert_relative_eq!(cut[WIDTH].unwrap(), (3.0 + 1.5 + 3.0) / 3.0, max_relative = 1e-12);
        let cut = judge_predictions(&predictions[2..5], &[92.0, 93.0, 94.0], Some(1.5), bounds).0;
        assert_relative_eq!(cut[WIDTH].unwrap(), (3.0 + 4.0 + 0.3) / 3.0, max_relative = 1e-12);
        let equal = judge_predictions(&predictions[..3], &[90.0; 3], None, None).0;
        assert_eq!((equal[KENDALL], equal[R2], equal[RMSE].is_some()), (None, None, true));
        assert_eq!((equal[PRECISION], equal[REGRET]), (None, None));
    }
}
