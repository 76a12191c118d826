//! A plan for a budget: how many networks to score, to label, to confirm, and when to stop.
//!
//! Networks are scored, some are drawn at random and trained for a surrogate to learn from (labelled), and the best
//! predicted are trained (confirmed). Labels make predictions better, confirmations use them. Of all splits of the budget
//! the plan is the one with the best expected outcome under the model of [`Outcomes::best`].

use std::path::Path;

use serde::Serialize;

mod document;
mod learning;
mod measured;
mod model;

pub use learning::{LearningCurve, TOP};
pub use measured::{Given, Measured, measured};
pub use measured::{Stopping, stopping};
pub use model::Outcomes;

use crate::pipeline::RunError;
use crate::stats::normal_cdf;

/// What is planned.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlanConfig {
    /// Seconds to spend, wall-clock.
    pub budget_seconds: f64,
    /// Distinct networks that could be scored.
    pub networks: usize,
    /// Seconds to score a network, wall-clock.
    pub score_seconds: f64,
    /// Seconds per training, wall-clock: those of one training divided by how many run side by side.
    pub training_seconds: f64,
    /// How well predictions rank.
    pub learning: LearningCurve,
    /// Standard deviation of accuracy among the networks, percentage points, if known.
    pub spread: Option<f64>,
    /// Stop when the expected improvement per training drops below this, percentage points.
    pub stop_below: f64,
}

/// A way to split the budget.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Split {
    /// Networks scored.
    pub score: usize,
    /// Networks trained to learn from.
    pub label: usize,
    /// Best predicted networks trained.
    pub confirm: usize,
    /// Correlation of the predictions with quality, as far as choosing the best goes ([`LearningCurve`]).
    pub correlation: f64,
    /// Expected quality of the best, in standard deviations above the mean network.
    pub expected: f64,
    /// Share of all networks that are better than that, under the normal model.
    pub better_share: f64,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// What was asked for.
    pub config: PlanConfig,
    /// The best split.
    pub best: Split,
    /// For comparison: the best splits with other numbers of labels.
    pub others: Vec<Split>,
    /// For comparison: everything into trainings of networks drawn at random, without scores.
    pub random: Split,
    /// Confirmations after which the next one is expected to improve on the best by less than the least that is worth it;
    /// None if the spread is not known or all confirmations are worth it.
    pub stop_after: Option<usize>,
    /// Whether the run itself should go on, if it has predictions and trainings.
    pub stopping: Option<Stopping>,
}

/// Labels below this teach a surrogate nothing.
const LEAST_LABELS: usize = 5;

/// The best plan. `run` is the folder of a run whose predictions and trainings tell whether it should go on.
pub fn plan(config: PlanConfig, run: Option<&Path>) -> Result<Plan, RunError> {
    check(&config)?;
    let trainings = (config.budget_seconds / config.training_seconds) as usize;
    if trainings == 0 {
        return Err(too_small(&config));
    }
    let affordable = labels(trainings);
    let mut others: Vec<Split> = affordable.iter().filter_map(|&label| best_with(&config, label)).collect();
    let random = Splitter::new(&config, trainings.min(config.networks)).split(config.networks, 0);
    let random = random.ok_or_else(|| too_small(&config))?;
    let best = others.iter().copied().reduce(|a, b| if b.expected > a.expected { b } else { a }).unwrap_or(random);
    // Between the numbers tried first there may be a better one.
    let best = refine(&config, best, &affordable);
    others.retain(|other| other.label != best.label);
    Ok(Plan {
        stop_after: stop_after(&config, &best),
        stopping: run.map(|dir| measured::of_run(dir, config.stop_below)).transpose()?.flatten(),
        best,
        others,
        random,
        config,
    })
}

fn check(config: &PlanConfig) -> Result<(), RunError> {
    let must = |what: &str, value: f64, fine: bool, rule: &str| match value.is_finite() && fine {
        true => Ok(()),
        false => Err(RunError::Refused(format!("{what} is {value}; it must be {rule}"))),
    };
    let positive = |what: &str, value: f64| must(what, value, value > 0.0, "above 0");
    positive("the budget", config.budget_seconds)?;
    positive("the number of networks", config.networks as f64)?;
    positive("the time of a training", config.training_seconds)?;
    must("the time of a score", config.score_seconds, config.score_seconds >= 0.0, "0 or more")
}

/// Not even one training.
fn too_small(config: &PlanConfig) -> RunError {
    let (budget, training) = (config.budget_seconds, config.training_seconds);
    RunError::Refused(format!("the budget of {budget:.0} s does not pay for one training of {training:.0} s; raise it"))
}

/// Numbers of labels to try: none, then 5 and up by a quarter each.
fn labels(trainings: usize) -> Vec<usize> {
    let next = |&n: &usize| Some(n + (n / 4).max(1)).filter(|n| *n < trainings);
    let some = std::iter::successors((LEAST_LABELS < trainings).then_some(LEAST_LABELS), next);
    std::iter::once(0).chain(some).collect()
}

/// The best split with this number of labels: over numbers of networks scored, all and down by a fifth each.
fn best_with(config: &PlanConfig, label: usize) -> Option<Split> {
    let splitter = Splitter::new(config, label);
    let fewer = |&n: &usize| Some(n * 4 / 5).filter(|n| *n > 0 && config.score_seconds > 0.0);
    let splits = std::iter::successors(Some(config.networks), fewer).filter_map(|score| {
        let left = config.budget_seconds - score as f64 * config.score_seconds;
        let trainings = (left / config.training_seconds + 1e-9).floor();
        let confirm = (trainings - label as f64).max(0.0) as usize;
        (trainings >= label as f64 && label <= score).then(|| splitter.split(score, confirm)).flatten()
    });
    // Of equal ones that with the most networks, which comes first.
    splits.reduce(|a, b| if b.expected > a.expected { b } else { a })
}

/// The best split between the tried neighbours of its number of labels.
fn refine(config: &PlanConfig, best: Split, tried: &[usize]) -> Split {
    let Some(position) = tried.iter().position(|&n| n == best.label).filter(|_| best.label > 0) else { return best };
    let low = tried[position - 1].max(LEAST_LABELS);
    let high = tried.get(position + 1).copied().unwrap_or(best.label);
    let step = ((high - low) / 24).max(1);
    let between = (low..=high).step_by(step).filter_map(|label| best_with(config, label));
    between.fold(best, |a, b| if b.expected > a.expected { b } else { a })
}

/// Splits with the same number of labels.
struct Splitter {
    label: usize,
    correlation: f64,
    outcomes: Outcomes,
}

impl Splitter {
    fn new(config: &PlanConfig, label: usize) -> Self {
        let correlation = config.learning.correlation(label);
        Splitter { label, correlation, outcomes: Outcomes::new(correlation) }
    }

    fn split(&self, score: usize, confirm: usize) -> Option<Split> {
        let Splitter { label, correlation, .. } = *self;
        let confirm = confirm.min(score.saturating_sub(label));
        let expected = self.outcomes.best(score, label, confirm)?;
        Some(Split { score, label, confirm, correlation, expected, better_share: normal_cdf(-expected) })
    }
}

/// The first number of confirmations whose successor adds less than the threshold.
fn stop_after(config: &PlanConfig, best: &Split) -> Option<usize> {
    let spread = config.spread?;
    let splitter = Splitter::new(config, best.label);
    let expected = |confirm| Some(splitter.split(best.score, confirm)?.expected * spread);
    let gain = |k: &usize| Some(expected(k + 1)? - expected(*k)?);
    (1..best.confirm).find(|k| gain(k).is_some_and(|gain| gain < config.stop_below))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(budget_seconds: f64) -> PlanConfig {
        PlanConfig {
            budget_seconds,
            networks: 5_000,
            score_seconds: 0.1,
            training_seconds: 60.0,
            learning: LearningCurve { start: 0.6, limit: 0.95, half: 30.0, origin: "test".into() },
            spread: Some(5.0),
            stop_below: 0.05,
        }
    }

    #[test]
    fn a_plan_fits_the_budget_and_beats_every_other_split() {
        for budget in [600.0, 3_600.0, 36_000.0] {
            let plan = plan(config(budget), None).unwrap();
            let Split { score, label, confirm, expected, .. } = plan.best;
            let spent = score as f64 * 0.1 + (label + confirm) as f64 * 60.0;
            assert!(spent <= budget + 1e-6 && confirm > 0, "{budget}: {:?}", plan.best);
            assert!(plan.others.iter().all(|other| other.expected <= expected));
            assert!(expected > plan.random.expected, "{:?}", plan);
            for label in [0, 7, 12, 33, 80].into_iter().filter(|n| *n < (budget / 60.0) as usize) {
                let other = best_with(&plan.config, label).unwrap();
                assert!(other.expected <= expected + 1e-3, "{budget}: {other:?} against {:?}", plan.best);
            }
        }
    }

    #[test]
    fn labels_pay_only_if_they_teach_something() {
        let useful = plan(config(6_000.0), None).unwrap();
        assert!(useful.best.label >= LEAST_LABELS);
        let learning = LearningCurve { start: 0.9, limit: 0.9, half: 30.0, origin: "flat".into() };
        let useless = plan(PlanConfig { learning, ..config(6_000.0) }, None).unwrap();
        assert_eq!(useless.best.label, 0);
        let costly = plan(PlanConfig { score_seconds: 30.0, ..config(6_000.0) }, None).unwrap();
        assert!(costly.best.score < 200, "{:?}", costly.best);
        assert_eq!(useful.best.score, 5_000);
    }

    #[test]
    fn confirmations_end_when_they_add_little() {
        let plan = plan(config(36_000.0), None).unwrap();
        let after = plan.stop_after.unwrap();
        let splitter = Splitter::new(&plan.config, plan.best.label);
        let expected = |k| splitter.split(plan.best.score, k).unwrap().expected * 5.0;
        assert!(expected(after + 1) - expected(after) < 0.05 && expected(after) - expected(after - 1) >= 0.05);
        let unknown = PlanConfig { spread: None, ..config(36_000.0) };
        assert_eq!(super::plan(unknown, None).unwrap().stop_after, None);
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused() {
        let message = |config| plan(config, None).unwrap_err().to_string();
        assert!(message(config(30.0)).contains("does not pay for one training"));
        assert!(message(config(f64::NAN)).contains("the budget is NaN"));
        assert!(message(PlanConfig { training_seconds: 0.0, ..config(60.0) }).contains("above 0"));
        assert!(message(PlanConfig { score_seconds: -1.0, ..config(60.0) }).contains("0 or more"));
    }
}
