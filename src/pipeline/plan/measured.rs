//! What a run has measured, and whether its next training is still worth it.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde::Serialize;

use super::{LearningCurve, PlanConfig};
use crate::benchmark::{Table, TableError};
use crate::candidates::{RunNote, SCORES_FILE};
use crate::pipeline::RunError;
use crate::predictor::Prediction;
use crate::stats::{expected_improvement, mean};

/// Numbers that a plan needs, as far as they are known: given, or measured by a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    /// Distinct networks that could be scored.
    pub networks: Option<usize>,
    /// Seconds to score a network, wall-clock.
    pub score_seconds: Option<f64>,
    /// Seconds of a training.
    pub training_seconds: Option<f64>,
    /// Trainings that run side by side.
    pub side_by_side: Option<usize>,
    /// Standard deviation of accuracy among the networks, percentage points.
    pub spread: Option<f64>,
}

/// What is asked of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// Seconds to spend, wall-clock.
    pub budget_seconds: f64,
    /// What is given rather than measured.
    pub known: Measured,
    /// How well predictions rank.
    pub learning: LearningCurve,
    /// Stop when the expected improvement per training drops below this, percentage points.
    pub stop_below: f64,
}

impl Given {
    /// Completes what is not given by what the run measured; trainings run one at a time if neither says.
    pub fn complete(self, run: &Measured) -> Result<PlanConfig, RunError> {
        let unknown = |what: &str, option: &str| {
            RunError::Refused(format!(
                "{what} is not known; give {option}, or name the folder of a run that measured it"
            ))
        };
        let need = |value: Option<f64>, what, option| value.ok_or_else(|| unknown(what, option));
        let known = &self.known;
        let networks = known.networks.or(run.networks);
        let training = known.training_seconds.or(run.training_seconds);
        let side_by_side = known.side_by_side.or(run.side_by_side).unwrap_or(1);
        Ok(PlanConfig {
            budget_seconds: self.budget_seconds,
            networks: networks.ok_or_else(|| unknown("the number of networks", "--networks"))?,
            score_seconds: need(known.score_seconds.or(run.score_seconds), "the time of a score", "--score-seconds")?,
            training_seconds: need(training, "the time of a training", "--training-seconds")? / side_by_side as f64,
            learning: self.learning,
            spread: known.spread.or(run.spread),
            stop_below: self.stop_below,
        })
    }
}

/// A training at its last epoch.
pub(super) struct LastEpoch {
    pub arch_id: String,
    pub role: String,
    pub epoch: u64,
    pub valid_pct: Option<f64>,
    pub seconds: Option<f64>,
}

/// What the folder of a run says: the mean time of its scores and trainings, the spread of the validation accuracies of the
/// networks that it trained as a random sample.
pub fn measured(dir: &Path) -> Result<Measured, RunError> {
    let run = RunNote::of(&Table::open(&dir.join(SCORES_FILE))?).unwrap_or_default();
    let networks = run.distinct_networks;
    let scoring = run.scoring_seconds.zip(networks).filter(|(_, n)| *n > 0);
    let trained = last_epochs(dir)?.unwrap_or_default();
    let seconds: Vec<f64> = trained.iter().filter_map(|t| t.seconds).collect();
    let labelled: Vec<f64> = trained.iter().filter(|t| t.role == "labelled").filter_map(|t| t.valid_pct).collect();
    Ok(Measured {
        networks,
        score_seconds: scoring.map(|(seconds, n)| seconds / n as f64),
        training_seconds: mean(&seconds),
        side_by_side: run.threads.map(|n| n.max(1)),
        spread: mean(&labelled).filter(|_| labelled.len() > 1).map(|centre| {
            let squares: f64 = labelled.iter().map(|v| (v - centre).powi(2)).sum();
            (squares / (labelled.len() - 1) as f64).sqrt()
        }),
    })
}

/// The last epoch of every training in the folder; None if there are no trainings.
pub(super) fn last_epochs(dir: &Path) -> Result<Option<Vec<LastEpoch>>, RunError> {
    let table = match Table::open(&dir.join("trainings.parquet")) {
        Err(TableError::Missing { .. }) => return Ok(None),
        table => table?,
    };
    let text = |name: &str| -> Result<Vec<String>, TableError> {
        Ok(table.string_column(name)?.into_iter().map(Option::unwrap_or_default).collect())
    };
    let (ids, roles) = (text("arch_id")?, text("role")?);
    let (repeats, epochs) = (table.u64_column("repeat")?, table.u64_column("epoch")?);
    let (valid, seconds) = (table.f64_column("valid_accuracy_pct")?, table.f64_column("seconds")?);
    let mut last: BTreeMap<(String, String, Option<u64>), LastEpoch> = BTreeMap::new();
    for (i, (arch_id, role)) in ids.into_iter().zip(roles).enumerate() {
        let key = (arch_id.clone(), role.clone(), repeats[i]);
        let epoch = epochs[i].unwrap_or(0);
        if last.get(&key).is_none_or(|earlier| epoch >= earlier.epoch) {
            last.insert(key, LastEpoch { arch_id, role, epoch, valid_pct: valid[i], seconds: seconds[i] });
        }
    }
    Ok(Some(last.into_values().collect()))
}

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
