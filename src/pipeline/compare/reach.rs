//! What it takes to come near the best network.

use serde::{Deserialize, Serialize};

use super::curve::{ascending, middle};
use super::{CompareSettings, LEVEL};
use crate::pipeline::search::{Step, Trace};
use crate::stats::{quantile, resampled};

/// Regrets are differences of published percentages: what is exactly at the limit counts as reached.
const TOLERANCE: f64 = 1e-9;

/// The cost at which searches first come within a regret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reach {
    /// The regret, percentage points.
    pub within: f64,
    /// Searches that come there within the budget; the others count as more than the budget.
    pub reached: usize,
    /// Number of searches.
    pub searches: usize,
    /// Trainings of full length.
    pub trainings: Censored,
    /// Hours of training, if seconds are known.
    pub hours: Option<Censored>,
}

/// A median over seeds with its 95% percentile bootstrap interval. None stands for more than the budget.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Censored {
    /// The median.
    pub median: Option<f64>,
    /// Lower end of the interval.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

impl Reach {
    pub(super) fn new(traces: &[Trace], within: f64, best: f64, config: &CompareSettings) -> Self {
        let near = |trace: &Trace, step: &Step| {
            let incumbent = step.incumbent.and_then(|i| trace.steps[i].reported_pct);
            incumbent.is_some_and(|pct| best - pct <= within + TOLERANCE)
        };
        let first: Vec<Option<&Step>> =
            traces.iter().map(|trace| trace.steps.iter().find(|step| near(trace, step))).collect();
        let costs = |of: &dyn Fn(&Step) -> Option<f64>| -> Vec<f64> {
            first.iter().map(|step| step.and_then(of).unwrap_or(f64::INFINITY)).collect()
        };
        let timed = traces.iter().flat_map(|t| t.steps.last()).all(|step| step.seconds.is_some());
        Reach {
            within,
            reached: first.iter().flatten().count(),
            searches: traces.len(),
            trainings: Censored::new(&costs(&|step| Some(step.trainings)), config),
            hours: timed.then(|| Censored::new(&costs(&|step| step.seconds.map(|s| s / 3600.0)), config)),
        }
    }
}

impl Censored {
    /// Of costs of which those beyond the budget are `+inf`.
    fn new(costs: &[f64], config: &CompareSettings) -> Self {
        let medians = resampled(costs.len(), config.repeats, config.seed, |sample| {
            middle(sample.iter().map(|&i| costs[i]).collect())
        });
        let medians = ascending(medians);
        let known = |value: Option<f64>| value.filter(|v| v.is_finite());
        let (low, high) = (quantile(&medians, (1.0 - LEVEL) / 2.0), quantile(&medians, (1.0 + LEVEL) / 2.0));
        Censored { median: known(Some(middle(costs.to_vec()))), low: known(low), high: known(high) }
    }
}
