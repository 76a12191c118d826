//! What the searches of a comparison come to: regret over cost, what it takes to come near the best, tests against random
//! search, and all of it as Parquet.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{CompareSettings, LEVEL, Searches};
use crate::benchmark::columns::{integer, number, text, write};
use crate::files::FileError;
use crate::pipeline::search::{Simulation, Step, Trace};
use crate::stats::{PairedDifference, holm, mean, median, paired_difference_test, quantile, resampled};

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
pub(super) fn regrets(
    traces: &[Trace],
    grid: &[f64],
    best: f64,
    step_at: impl Fn(&Trace, f64) -> Option<Step>,
) -> Vec<Vec<f64>> {
    let regret = |step: Option<Step>| step.and_then(|s| s.reported_pct).map_or(f64::INFINITY, |pct| best - pct);
    traces.iter().map(|trace| grid.iter().map(|&at| regret(step_at(trace, at))).collect()).collect()
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

/// A strategy compared with random search at a budget.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgainstRandom {
    /// Trainings of full length.
    pub trainings: u32,
    /// Regret minus that of random search with the same seed; negative is better. None if a search has trained nothing.
    #[serde(flatten)]
    pub test: Option<PairedDifference>,
    /// Its p-value corrected by Holm over all strategies and budgets.
    pub p_holm: Option<f64>,
}

/// The tests of each of `searches`, in their order; none for the first, which is random search with these regrets.
pub(super) fn against_random(
    config: &CompareSettings,
    searches: &[Searches],
    reference: &[Vec<f64>],
    regrets: impl Fn(&[Trace]) -> Vec<Vec<f64>>,
) -> Vec<Vec<AgainstRandom>> {
    let test = |regrets: &[Vec<f64>], trainings: u32| {
        let column = trainings as usize - 1;
        let differences: Vec<f64> = regrets.iter().zip(reference).map(|(a, b)| a[column] - b[column]).collect();
        let test = paired_difference_test(&differences, 10 * config.repeats, config.seed);
        AgainstRandom { trainings, test, p_holm: None }
    };
    let of = |(i, searches): (usize, &Searches)| match i {
        0 => Vec::new(),
        _ => {
            let regrets = regrets(&searches.traces);
            config.at.iter().map(|&trainings| test(&regrets, trainings)).collect()
        }
    };
    let mut all: Vec<Vec<AgainstRandom>> = searches.iter().enumerate().map(of).collect();
    let p_values: Vec<f64> = all.iter().flatten().filter_map(|a| Some(a.test?.p_value)).collect();
    let corrected = holm(&p_values);
    let tested = all.iter_mut().flatten().filter(|a| a.test.is_some());
    tested.zip(corrected).for_each(|(a, p)| a.p_holm = Some(p));
    all
}

/// One row per strategy, seed and trial, in this order: `strategy`, `seed`, `query` (trial, from 1), `epochs`, `trainings` of
/// full length and `seconds` so far (null if not known), and of the best training so far `best` (reported accuracy,
/// percent) and `regret` (percentage points).
pub(super) fn write_curves(
    path: &Path,
    simulation: &Simulation,
    first_seed: u64,
    searches: &[Searches],
) -> Result<(), FileError> {
    let best = simulation.best_pct();
    let mut rows: Vec<(&str, u64, usize, &Step, Option<f64>)> = Vec::new();
    for one in searches {
        for (s, trace) in one.traces.iter().enumerate() {
            let seed = first_seed.wrapping_add(s as u64);
            for (i, step) in trace.steps.iter().enumerate() {
                let reported = step.incumbent.and_then(|b| trace.steps[b].reported_pct);
                rows.push((one.entry.name, seed, i + 1, step, reported));
            }
        }
    }
    write(
        path,
        vec![
            ("strategy", text(rows.iter().map(|r| r.0))),
            ("seed", integer(rows.iter().map(|r| r.1 as i64))),
            ("query", integer(rows.iter().map(|r| r.2 as i64))),
            ("epochs", integer(rows.iter().map(|r| i64::from(r.3.epochs)))),
            ("trainings", number(rows.iter().map(|r| r.3.trainings))),
            ("seconds", number(rows.iter().map(|r| r.3.seconds))),
            ("best", number(rows.iter().map(|r| r.4))),
            ("regret", number(rows.iter().map(|r| r.4.map(|pct| best - pct)))),
        ],
    )
}
