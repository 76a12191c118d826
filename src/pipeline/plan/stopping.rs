//! When the next training is no longer worth it.

use std::collections::HashSet;
use std::path::Path;

use serde::Serialize;

use super::measured::last_epochs;
use crate::benchmark::{Table, TableError};
use crate::pipeline::RunError;
use crate::predictor::Prediction;
use crate::stats::expected_improvement;

/// Whether to go on, by the expected improvement of the next training.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stopping {
    /// Validation accuracy of the best trained network, percent.
    pub best_pct: f64,
    /// The network whose training is expected to improve most on it.
    pub next: String,
    /// Its expected improvement, percentage points.
    pub expected_improvement: f64,
    /// The least improvement per training that is worth it, percentage points.
    pub threshold: f64,
    /// Untrained networks with at least that.
    pub worth_training: usize,
    /// True while the largest expected improvement is at least the threshold.
    pub go_on: bool,
}

/// The rule: go on as long as the largest expected improvement `E[max(f - best, 0)]`, `f ~ N(mean, std²)`, of an untrained
/// network is at least `threshold`. None without untrained networks.
pub fn stopping<'a>(
    untrained: impl Iterator<Item = (&'a str, Prediction)>,
    best_pct: f64,
    threshold: f64,
) -> Option<Stopping> {
    let improvements: Vec<(&str, f64)> = untrained.map(|(arch, p)| (arch, improvement(&p, best_pct))).collect();
    let worth_training = improvements.iter().filter(|(_, ei)| *ei >= threshold).count();
    // Of equal ones the first.
    let (next, ei) = improvements.into_iter().rev().max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(Stopping {
        best_pct,
        next: next.into(),
        expected_improvement: ei,
        threshold,
        worth_training,
        go_on: ei >= threshold,
    })
}

fn improvement(prediction: &Prediction, best: f64) -> f64 {
    if prediction.std > 0.0 {
        expected_improvement(prediction.mean, prediction.std, best)
    } else {
        (prediction.mean - best).max(0.0)
    }
}

/// The rule for the folder of a run; None if it has no predictions and trainings.
pub(super) fn of_run(dir: &Path, threshold: f64) -> Result<Option<Stopping>, RunError> {
    let predictions = match Table::open(&dir.join("predictions.parquet")) {
        Err(TableError::Missing { .. }) => return Ok(None),
        table => table?,
    };
    let Some(trained) = last_epochs(dir)? else { return Ok(None) };
    let done: HashSet<&str> = trained.iter().map(|t| t.arch_id.as_str()).collect();
    let best = trained.iter().filter_map(|t| t.valid_pct).max_by(f64::total_cmp);
    let (archs, ids) = (predictions.string_column("arch")?, predictions.string_column("arch_id")?);
    // Version 0.1.0 had other names for them.
    let [mean, std] = if predictions.has("mean") { ["mean", "std"] } else { ["predicted_pct", "std_pct"] };
    let (means, stds) = (predictions.f64_column(mean)?, predictions.f64_column(std)?);
    let untrained = (0..archs.len()).filter_map(|i| {
        let new = ids[i].as_deref().is_some_and(|id| !done.contains(id));
        Some((archs[i].as_deref()?, Prediction { mean: means[i]?, std: stds[i]? })).filter(|_| new)
    });
    Ok(best.and_then(|best| stopping(untrained, best, threshold)))
}

#[cfg(test)]
mod tests {
    use super::*;

    // from scipy.stats import norm; u = (m - b)/s; (m - b)*norm.cdf(u) + s*norm.pdf(u)
    #[test]
    fn stops_when_nothing_promises_enough() {
        let list = [
            ("a", Prediction { mean: 93.0, std: 0.5 }),
            ("b", Prediction { mean: 92.0, std: 2.0 }),
            ("c", Prediction { mean: 93.9, std: 0.0 }),
        ];
        let at = |best: f64, threshold: f64| stopping(list.into_iter(), best, threshold).unwrap();
        let first = at(94.0, 0.05);
        assert_eq!((first.next.as_str(), first.go_on, first.worth_training), ("b", true, 1));
        approx::assert_relative_eq!(first.expected_improvement, 0.16663094117537297, max_relative = 1e-9);
        assert!(!at(94.0, 0.2).go_on);
        let sure = at(93.5, 0.3);
        assert_eq!((sure.next.as_str(), sure.worth_training), ("c", 1));
        assert_eq!(stopping(std::iter::empty(), 90.0, 0.1), None);
    }
}
