//! Regret over cost, summarised over seeds.

use serde::{Deserialize, Serialize};

use super::{CompareSettings, LEVEL};
use crate::pipeline::search::{Step, Trace};
use crate::stats::{mean, median, quantile, resampled};

/// Regret at each cost, in percentage points, over seeds. None where it is not known: before the first training is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Costs, ascending: trainings of full length, or hours.
    pub at: Vec<f64>,
    /// Median over seeds.
    pub median: Vec<Option<f64>>,
    /// Lower end of the 95% percentile bootstrap interval of the median.
    pub low: Vec<Option<f64>>,
    /// Upper end.
    pub high: Vec<Option<f64>>,
    /// Lower quartile over seeds.
    pub quartile_1: Vec<Option<f64>>,
    /// Upper quartile.
    pub quartile_3: Vec<Option<f64>>,
    /// Mean over seeds.
    pub mean: Vec<Option<f64>>,
}

/// Regret of each trace at each cost; `+inf` where nothing is trained yet.
pub(super) fn regrets_by(
    traces: &[Trace],
    grid: &[f64],
    best: f64,
    step_at: impl Fn(&Trace, f64) -> Option<Step>,
) -> Vec<Vec<f64>> {
    let regret = |step: Option<Step>| step.and_then(|s| s.reported_pct).map_or(f64::INFINITY, |pct| best - pct);
    traces.iter().map(|trace| grid.iter().map(|&at| regret(step_at(trace, at))).collect()).collect()
}

/// [`regrets_by`] a number of trainings.
pub(super) fn regrets(
    traces: &[Trace],
    grid: &[f64],
    best: f64,
    step_at: fn(&Trace, f64) -> Option<&Step>,
) -> Vec<Vec<f64>> {
    regrets_by(traces, grid, best, |trace, at| step_at(trace, at).copied())
}

impl Curve {
    /// Summarises regrets by seed and cost.
    pub(super) fn new(grid: &[f64], regrets: &[Vec<f64>], config: &CompareSettings) -> Self {
        let known = |value: Option<f64>| value.filter(|v| v.is_finite());
        let column = |at: usize| regrets.iter().map(|row| row[at]).collect::<Vec<f64>>();
        let sorted: Vec<Vec<f64>> = (0..grid.len()).map(|at| ascending(column(at))).collect();
        let quantiles = |q: f64| sorted.iter().map(|values| known(quantile(values, q))).collect::<Vec<_>>();
        let medians: Vec<Vec<f64>> = resampled(regrets.len(), config.repeats, config.seed, |sample| {
            (0..grid.len()).map(|at| middle(sample.iter().map(|&s| regrets[s][at]).collect())).collect()
        });
        let end = |q: f64| {
            let of = |at: usize| known(quantile(&ascending(medians.iter().map(|m| m[at]).collect()), q));
            (0..grid.len()).map(of).collect::<Vec<_>>()
        };
        let mean = |values: &Vec<f64>| known(mean(values));
        Curve {
            at: grid.to_vec(),
            median: quantiles(0.5),
            low: end((1.0 - LEVEL) / 2.0),
            high: end((1.0 + LEVEL) / 2.0),
            quartile_1: quantiles(0.25),
            quartile_3: quantiles(0.75),
            mean: sorted.iter().map(mean).collect(),
        }
    }
}

pub(super) fn ascending(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// The median, beyond the budget without values.
pub(super) fn middle(values: Vec<f64>) -> f64 {
    median(&values).unwrap_or(f64::INFINITY)
}
