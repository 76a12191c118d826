//! Search strategies compared on a published table: many seeds each, every training looked up.
//!
//! The regret of a search is the best reported accuracy of the pool minus that of its best full training so far, in
//! percentage points. Curves are medians over seeds; strategies are tested against random search, seed by seed.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

mod curve;
mod page;

pub use curve::AgainstRandom;
pub use curve::Curve;
pub use curve::{Censored, Reach};
pub(in crate::pipeline) use page::KIND;

use super::screen::no_threads;
use super::search::{Budget, Population, Simulation, SimulationConfig, TableSource, Trace, interrupted, simulation};
use super::{Progress, RunError};
use crate::folder::{self, Folder};
use crate::pipeline::counts::{RESAMPLES, SEEDS, check_count};
use crate::pipeline::results::write_summary;
use crate::registry::Unknown;
use crate::strategy::{Family, STRATEGIES, StrategyEntry, StrategyError};

/// What everything is compared with.
const REFERENCE: &str = "random";
/// Confidence level of all intervals.
const LEVEL: f64 = 0.95;

/// What is compared.
#[derive(Clone, Debug, PartialEq)]
pub struct CompareConfig {
    /// The table and its columns.
    pub simulation: SimulationConfig,
    /// Names of strategies; all if empty. Random search always takes part.
    pub strategies: Vec<String>,
    /// How.
    pub settings: CompareSettings,
}

/// How strategies are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompareSettings {
    /// Searches per strategy: seeds `seed..seed + seeds`.
    pub seeds: u64,
    /// First seed, and the seed of all resampling.
    pub seed: u64,
    /// Trainings of full length per search.
    pub queries: u32,
    /// Whether longer trainings go on from shorter ones.
    pub continued: bool,
    /// Regrets, in percentage points, that the cost to reach is asked for.
    pub within: Vec<f64>,
    /// Trainings at which regrets are stated and tested; a tenth, a third and all of the budget if empty.
    pub at: Vec<u32>,
    /// Bootstrap resamples. Tests draw ten times as many sign patterns.
    pub repeats: usize,
}

/// One strategy over all seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StrategySummary {
    /// Its name.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Its kind.
    pub family: Family,
    /// What one needs to implement it.
    pub needs: String,
    /// Where it was published.
    pub paper: String,
    /// Median over seeds of the reported accuracy at the whole budget, percent.
    pub found_pct: Option<f64>,
    /// Regret by trainings of full length.
    pub by_trainings: Curve,
    /// Regret by hours of training, if seconds are known.
    pub by_hours: Option<Curve>,
    /// What it takes to come near the best.
    pub reach: Vec<Reach>,
    /// Compared with random search; empty for random search itself.
    pub against_random: Vec<AgainstRandom>,
    /// Seconds that the strategy itself took for one search (the first seed, run alone on this machine).
    pub overhead_seconds: f64,
    /// Median number of trainings of any length.
    pub trials: Option<f64>,
}

/// A kind of search in the comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FamilyRow {
    /// What people call it.
    pub family: String,
    /// The strategies of it that were compared.
    pub strategies: Vec<String>,
    /// Whether there is any strategy of this kind.
    pub available: bool,
}

/// Strategies compared on a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Who could be trained.
    pub population: Population,
    /// Where accuracies come from.
    pub source: TableSource,
    /// How they were compared.
    #[serde(flatten)]
    pub settings: CompareSettings,
    /// The strategies by median regret at the whole budget, best first; equal ones by the area under their curve.
    pub strategies: Vec<StrategySummary>,
    /// The kinds of search.
    pub families: Vec<FamilyRow>,
    /// Strategies that refused, and why.
    pub left_out: Vec<(String, String)>,
    /// Seconds that the comparison took.
    pub wall_seconds: f64,
}

/// The kinds of search that people ask for; one without a [`Family`] is not there yet.
const FAMILIES: [(&str, Option<Family>); 8] = [
    ("random", Some(Family::Random)),
    ("local search", Some(Family::LocalSearch)),
    ("evolution", Some(Family::Evolution)),
    ("reinforcement learning", Some(Family::ReinforcementLearning)),
    ("differentiable", None),
    ("Bayesian", Some(Family::Bayesian)),
    ("zero-cost", Some(Family::ZeroCost)),
    ("multi-fidelity", Some(Family::MultiFidelity)),
];

/// All searches of one strategy, by seed.
struct Searches {
    entry: &'static StrategyEntry,
    traces: Vec<Trace>,
}

/// Compares strategies and writes `curves.parquet` and `summary.json` into `out`. Everything but the measured seconds
/// depends on the configuration alone.
pub fn compare(
    config: &CompareConfig,
    out: &Path,
    threads: Option<usize>,
    stop: &AtomicBool,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Comparison, RunError> {
    let start = Instant::now();
    check(&config.settings)?;
    let chosen = chosen(&config.strategies)?;
    let (simulation, population, source) = simulation(&config.simulation)?;
    let _folder = Folder::results(out, &folder::COMPARISON, 10_000_000)?;
    let threads = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build().map_err(no_threads)?;
    let (searches, left_out) = threads.install(|| search_all(config, &simulation, &chosen, stop, on_progress))?;

    let mut settings = config.settings.clone();
    if settings.at.is_empty() {
        settings.at = default_budgets(settings.queries);
    }
    let strategies = threads.install(|| summaries(&settings, &simulation, &searches));
    curve::write_curves(&out.join("curves.parquet"), &simulation, settings.seed, &searches)?;
    let family = |(name, family): (&'static str, Option<Family>)| FamilyRow {
        family: name.into(),
        strategies: strategies.iter().filter(|s| Some(s.family) == family).map(|s| s.name.clone()).collect(),
        available: STRATEGIES.iter().any(|entry| Some(entry.family) == family),
    };
    let comparison = Comparison {
        population,
        source,
        settings,
        families: FAMILIES.into_iter().map(family).collect(),
        strategies,
        left_out,
        wall_seconds: start.elapsed().as_secs_f64(),
    };
    write_summary(&out.join("summary.json"), &comparison)?;
    Ok(comparison)
}

fn check(config: &CompareSettings) -> Result<(), RunError> {
    let counts = check_count("seeds", config.seeds, SEEDS)
        .and_then(|()| check_count("resamples", config.repeats as u64, RESAMPLES));
    counts?;
    if config.queries == 0 {
        return Err(RunError::Refused("queries must be at least 1".into()));
    }
    if let Some(at) = config.at.iter().find(|&&at| at == 0 || at > config.queries) {
        return Err(RunError::Refused(format!(
            "regrets after {at} trainings: name numbers from 1 to {}",
            config.queries
        )));
    }
    match config.within.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
        Some(within) => Err(RunError::Refused(format!("within {within} points: name numbers from 0 up"))),
        None => Ok(()),
    }
}

/// A tenth, a third and all of the budget.
fn default_budgets(queries: u32) -> Vec<u32> {
    let mut budgets = vec![(queries / 10).max(1), (queries / 3).max(1), queries];
    budgets.dedup();
    budgets
}

/// The strategies to compare, random search first.
fn chosen(names: &[String]) -> Result<Vec<&'static StrategyEntry>, Unknown> {
    let mut chosen = vec![STRATEGIES.find(REFERENCE)?];
    let named: Vec<_> = match names {
        [] => STRATEGIES.iter().collect(),
        names => names.iter().map(|name| STRATEGIES.find(name)).collect::<Result<_, _>>()?,
    };
    for entry in named {
        if chosen.iter().all(|e| e.name != entry.name) {
            chosen.push(entry);
        }
    }
    Ok(chosen)
}

type LeftOut = Vec<(String, String)>;

/// All searches. A strategy that the pool lacks something for is left out, unless it was named.
fn search_all(
    config: &CompareConfig,
    simulation: &Simulation,
    chosen: &[&'static StrategyEntry],
    stop: &AtomicBool,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(Vec<Searches>, LeftOut), RunError> {
    let start = Instant::now();
    let CompareSettings { seeds, seed, queries, continued, .. } = config.settings;
    let budget = Budget { trainings: f64::from(queries), seconds: None, continued };
    let progress =
        |done: usize, total: usize| Progress { done, total, resumed: 0, seconds: start.elapsed().as_secs_f64() };
    let mut left_out = Vec::new();
    let mut searches: Vec<Searches> = Vec::new();
    // The first seed of each in turn and alone, so that the seconds of one strategy are not those of another.
    for &entry in chosen {
        if stop.load(Ordering::Relaxed) {
            return Err(interrupted(0));
        }
        match simulation.search(entry, seed, &budget) {
            Ok(trace) => searches.push(Searches { entry, traces: vec![trace] }),
            Err(RunError::Strategy(error @ StrategyError::Needs { .. })) if config.strategies.is_empty() => {
                left_out.push((entry.name.into(), error.to_string()));
            }
            Err(error) => return Err(error),
        }
        on_progress(progress(searches.len(), chosen.len() * seeds as usize));
    }
    let total = searches.len() * seeds as usize;
    let done = Mutex::new((searches.len(), on_progress));
    let jobs: Vec<(u64, &'static StrategyEntry)> =
        (1..seeds).flat_map(|s| searches.iter().map(move |one| (s, one.entry))).collect();
    let traces: Vec<Trace> = jobs
        .into_par_iter()
        .with_max_len(1)
        .map(|(s, entry)| {
            if stop.load(Ordering::Relaxed) {
                return Err(interrupted(0));
            }
            let trace = simulation.search(entry, seed.wrapping_add(s), &budget)?;
            if let Ok(mut guard) = done.lock() {
                guard.0 += 1;
                let done = guard.0;
                (guard.1)(progress(done, total));
            }
            Ok(trace)
        })
        .collect::<Result<_, RunError>>()?;
    let n = searches.len();
    for (i, trace) in traces.into_iter().enumerate() {
        searches[i % n].traces.push(trace);
    }
    Ok((searches, left_out))
}

fn summaries(config: &CompareSettings, simulation: &Simulation, searches: &[Searches]) -> Vec<StrategySummary> {
    let best = simulation.best_pct();
    let grid: Vec<f64> = (1..=config.queries).map(f64::from).collect();
    // As many hours as that many trainings of average length take.
    let hours: Option<Vec<f64>> = simulation.seconds.as_ref().map(|seconds| {
        let mean = seconds.iter().sum::<f64>() / seconds.len() as f64 / 3600.0;
        grid.iter().map(|k| k * mean).collect()
    });
    let regrets = |traces: &[Trace]| curve::regrets(traces, &grid, best, |trace, at| trace.best_after(at).copied());
    let reference = regrets(&searches[0].traces);
    let mut against = curve::against_random(config, searches, &reference, regrets);
    let summary = |(searches, against_random): (&Searches, Vec<AgainstRandom>)| {
        let traces = &searches.traces;
        let by_trainings = Curve::new(&grid, &regrets(traces), config);
        let by_hours = hours.as_ref().map(|hours| {
            let within_hours = |trace: &Trace, h: f64| trace.best_within(h * 3600.0).copied();
            Curve::new(hours, &curve::regrets(traces, hours, best, within_hours), config)
        });
        let mut trials: Vec<f64> = traces.iter().map(|t| t.steps.len() as f64).collect();
        trials.sort_unstable_by(f64::total_cmp);
        StrategySummary {
            name: searches.entry.name.into(),
            title: searches.entry.title.into(),
            family: searches.entry.family,
            needs: searches.entry.needs.into(),
            paper: searches.entry.paper.into(),
            found_pct: by_trainings.median.last().copied().flatten().map(|regret| best - regret),
            by_trainings,
            by_hours,
            reach: config.within.iter().map(|&within| Reach::new(traces, within, best, config)).collect(),
            against_random,
            overhead_seconds: traces[0].overhead_seconds,
            trials: crate::stats::quantile(&trials, 0.5),
        }
    };
    let mut summaries: Vec<StrategySummary> = searches.iter().zip(against.drain(..)).map(summary).collect();
    let last = |s: &StrategySummary| s.by_trainings.median.last().copied().flatten().unwrap_or(f64::INFINITY);
    let area = |s: &StrategySummary| s.by_trainings.mean.iter().flatten().sum::<f64>();
    summaries.sort_by(|a, b| last(a).total_cmp(&last(b)).then(area(a).total_cmp(&area(b))).then(a.name.cmp(&b.name)));
    summaries
}
