//! What a search found: the trials as Parquet, a summary as JSON.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use super::best::{Check, Found, LatencyCheck, chosen};
use super::members::Population;
use super::simulate::{SimulationConfig, TableSource, simulation};
use super::{Budget, RunError, Step, Trace, TrainingSource};
use crate::benchmark::columns::{Values, integer, number, text, write};
use crate::folder::{self, Folder};
use crate::pipeline::results::write_summary;
use crate::strategy::{Pool, StrategyEntry};

/// Where accuracies come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A published table.
    Table(TableSource),
    /// Trainings.
    Training(TrainingSource),
}

/// How good the best training was at a time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Trials so far.
    pub trial: usize,
    /// Trainings of full length so far.
    pub trainings: f64,
    /// Seconds of training so far.
    pub seconds: Option<f64>,
    /// Accuracy of the best training that choices are made by, percent.
    pub accuracy_pct: Option<f64>,
    /// Its reported accuracy, percent.
    pub reported_pct: Option<f64>,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchReport {
    /// Name of the strategy.
    pub strategy: String,
    /// What people call it.
    pub title: String,
    /// Where it was published.
    pub paper: String,
    /// Its seed.
    pub seed: u64,
    /// Trainings of full length that it was allowed; None without limit.
    pub queries: Option<f64>,
    /// Seconds of training that it was allowed; None without limit.
    pub budget_seconds: Option<f64>,
    /// Whether longer trainings went on from shorter ones.
    pub continued: bool,
    /// Who could be trained.
    pub population: Population,
    /// Where accuracies come from.
    pub source: Source,
    /// Number of trainings of any length.
    pub trials: usize,
    /// Trainings of full length that they amount to.
    pub trainings: f64,
    /// Seconds of training, where known.
    pub seconds: Option<f64>,
    /// Seconds that the strategy itself took, in this process.
    pub overhead_seconds: f64,
    /// The best, first the one that the search chooses.
    pub best: Vec<Found>,
    /// What came of measuring the best, if there is a limit on latency.
    pub latency: Option<LatencyCheck>,
    /// Reported accuracy of the chosen network below the best of the pool, in percentage points; None where the best is
    /// not known.
    pub regret: Option<f64>,
    /// The best full training so far, whenever it changed, and at the end.
    pub curve: Vec<CurvePoint>,
    /// All trials.
    pub trials_file: PathBuf,
}

/// Searches a published table and writes `trials.parquet` and `summary.json` into `out`. `stop` ends the measuring of the best
/// networks, if there is a limit on latency.
pub fn search_table(
    config: &SimulationConfig,
    entry: &'static StrategyEntry,
    seed: u64,
    budget: &Budget,
    out: &Path,
    stop: &AtomicBool,
) -> Result<SearchReport, RunError> {
    let (simulation, population, source) = simulation(config)?;
    let _folder = Folder::results(out, &folder::SIMULATION, 1_000_000)?;
    let trace = simulation.search(entry, seed, budget)?;
    let check = simulation.limit.as_ref().map(|limit| Check { limit, stop });
    report(out, population, Source::Table(source), &simulation.pool, entry, seed, budget, trace, check)
}

/// Writes what a search found and returns it.
#[allow(clippy::too_many_arguments, reason = "everything that a summary says")]
pub(super) fn report(
    out: &Path,
    population: Population,
    source: Source,
    pool: &Pool,
    entry: &'static StrategyEntry,
    seed: u64,
    budget: &Budget,
    trace: Trace,
    check: Option<Check<'_>>,
) -> Result<SearchReport, RunError> {
    let trials_file = out.join("trials.parquet");
    write_trials(&trials_file, pool, &trace)?;
    let steps = &trace.steps;
    let last = steps.last();
    let (best, latency) = chosen(pool, steps, check)?;
    let full = pool.epochs.last();
    let winner = best.first().filter(|found| Some(&found.epochs) == full);
    let regret = match (&source, winner.and_then(|found| found.reported_pct)) {
        (Source::Table(table), Some(reported)) => Some(table.best_pct - reported),
        _ => None,
    };
    let report = SearchReport {
        strategy: entry.name.into(),
        title: entry.title.into(),
        paper: entry.paper.into(),
        seed,
        queries: Some(budget.trainings).filter(|t| t.is_finite()),
        budget_seconds: budget.seconds,
        continued: budget.continued,
        population,
        source,
        trials: steps.len(),
        trainings: last.map_or(0.0, |step| step.trainings),
        seconds: last.and_then(|step| step.seconds),
        overhead_seconds: trace.overhead_seconds,
        best,
        latency,
        regret,
        curve: curve(steps),
        trials_file,
    };
    write_summary(&out.join("summary.json"), &report)?;
    Ok(report)
}

fn curve(steps: &[Step]) -> Vec<CurvePoint> {
    let changed = |i: &usize| *i + 1 == steps.len() || *i == 0 || steps[*i].incumbent != steps[*i - 1].incumbent;
    let point = |i: usize| {
        let best = steps[i].incumbent.map(|b| &steps[b]);
        CurvePoint {
            trial: i + 1,
            trainings: steps[i].trainings,
            seconds: steps[i].seconds,
            accuracy_pct: best.and_then(|b| b.accuracy_pct),
            reported_pct: best.and_then(|b| b.reported_pct),
        }
    };
    (0..steps.len()).filter(changed).map(point).collect()
}

/// One row per trial, in order: `trial` (from 1), `arch`, `arch_id`, `epochs`, `accuracy_pct` (null if the training failed),
/// `reported_pct`, every cost by its name, `trainings` and `seconds` so far, and `best_pct`, the reported accuracy of the
/// best full training so far.
fn write_trials(path: &Path, pool: &Pool, trace: &Trace) -> Result<(), RunError> {
    let steps = &trace.steps;
    let each = |of: &dyn Fn(&Step) -> Option<f64>| number(steps.iter().map(of));
    let archs = steps.iter().map(|step| pool.arch(step.member));
    let texts = steps.iter().map(|step| &pool.texts[step.member]);
    let mut columns: Vec<(&str, Values)> = vec![
        ("trial", integer(1..=steps.len() as i64)),
        ("arch", text(texts)),
        ("arch_id", text(archs.map(|arch| pool.space().arch_id(arch).to_string()))),
        ("epochs", integer(steps.iter().map(|step| i64::from(step.epochs)))),
        ("accuracy_pct", each(&|step| step.accuracy_pct)),
        ("reported_pct", each(&|step| step.reported_pct)),
    ];
    for (name, values) in &pool.costs {
        columns.push((name, number(steps.iter().map(|step| values[step.member]))));
    }
    columns.push(("trainings", number(steps.iter().map(|step| step.trainings))));
    columns.push(("seconds", each(&|step| step.seconds)));
    columns.push(("best_pct", each(&|step| steps[step.incumbent?].reported_pct)));
    Ok(write(path, columns)?)
}
