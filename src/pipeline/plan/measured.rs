//! What a run has measured: seconds per score and per training, and how much networks differ.

use std::collections::BTreeMap;
use std::path::Path;

use super::{LearningCurve, PlanConfig};
use crate::benchmark::{Table, TableError};
use crate::candidates::{RunNote, SCORES_FILE};
use crate::pipeline::RunError;
use crate::stats::mean;

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
