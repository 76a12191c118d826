//! The whole way: screen a space, train a few networks to learn from, predict the rest, train the best predicted and as
//! many random controls, and report.
//!
//! Accuracy on the validation images is what the surrogate learns and what networks are chosen by; accuracy on the test
//! images is what finalists and controls are compared by. Labelled networks and controls are drawn uniformly from the
//! distinct live networks of the screen.

mod budget;
mod config;
mod page;

use std::path::{Path, PathBuf};
use std::time::Instant;

pub use budget::Budget;
use budget::{PILOT, Pace, Usual};
pub use config::{RunConfig, TruthTable};
use page::{Results, page};
pub(in crate::pipeline) use page::{TopNetwork, best, predictions_section, top_section};
use rayon::prelude::*;

use super::confirm::{
    Groups, Judged, Trained, Winner, diverged, finalists_and_controls, judging_trainings, names, not_learned, take,
    train_candidates, write_trainings,
};
use super::predict::{Surrogate, SurrogateSettings};
use super::results::save;
use super::screen::{screen_images, thread_pool};
use super::{Progress, RunError, RunOptions, Selection};
use crate::candidates::{self, Candidates, CandidatesConfig, Role};
use crate::data::Skipped;
use crate::encoding::ENCODINGS;
use crate::engine::parse_device;
use crate::folder::{self, Folder, Made, TRAINED, to_toml};
use crate::hardware::{Limits, Target};
use crate::network::Network;
use crate::predictor::PREDICTORS;
use crate::seed::{Stream, derive};
use crate::space::{SearchSpace, Task};
use crate::stats::Interval;
use crate::train::{Recipe, TrainingData};
use crate::trial::{TrainError, TrainStage};

/// What a run is doing, with (done, total, done earlier).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Scoring networks.
    Screen,
    /// Training networks to learn from.
    Label,
    /// Training finalists and controls.
    Confirm,
    /// Judging the winner next to what needs no search.
    Judge,
}

/// Where the results of a run are, and what they say.
#[derive(Debug)]
pub struct RunOutcome {
    /// The HTML page.
    pub report: PathBuf,
    /// The page's verdict, sentence by sentence.
    pub verdict: Vec<String>,
    /// The network to take; None if all trainings of finalists and controls diverged.
    pub winner: Option<Winner>,
    /// Trainings that diverged, which count in no mean.
    pub diverged: usize,
    /// Image files that were left out because they could not be decoded.
    pub skipped: Vec<Skipped>,
}

/// Runs all stages into `out`; what an interrupted run left there is used.
pub fn run(
    config: &RunConfig,
    out: &Path,
    options: &RunOptions<'_>,
    on_progress: &mut (dyn FnMut(Stage, Progress) + Send),
) -> Result<RunOutcome, RunError> {
    config.check().map_err(RunError::Value)?;
    PREDICTORS.find(&config.predictor)?;
    config.encodings.iter().try_for_each(|name| ENCODINGS.find(name).map(|_| ()))?;
    let source = config.screen.data.open(&options.watch())?;
    let dataset = source.dataset()?;
    let device = parse_device(options.device)?;

    Folder::check(out, &folder::RUN, config, options.overwrite)?;
    let space = config.screen.space.open()?;
    let asked = config;
    let mut config = config.clone();
    let usual = Usual {
        sample: config.sample,
        steps: config.train.steps.unwrap_or(usize::MAX),
        labels: config.labels,
        top: config.top,
    };
    let budget = config.budget.map(|budget| (budget, None)).or(config.at_most.map(|at_most| (at_most, Some(usual))));
    let mut pace = budget.map(|(budget, usual)| Pace::open(budget, usual, options.started, out, options.overwrite));
    if let Some(pace) = &mut pace {
        let few = RunConfig { sample: PILOT, ..config.clone() };
        let selection = selection(&few, space.as_ref())?;
        let start = Instant::now();
        let tried = screen_images(&few.screen, &source, &selection, out, options, &mut |_| {})?;
        config.sample = pace.decide_sample(start.elapsed().as_secs_f64() / tried.distinct.max(1) as f64);
    }
    let selection = selection(&config, space.as_ref())?;
    let outcome = screen_images(&config.screen, &source, &selection, out, options, &mut |progress| {
        on_progress(Stage::Screen, progress);
    })?;
    let target = Target { space: space.as_ref(), image: config.screen.image };
    let limits = Limits::open(&config.screen.limits, &target)?;
    let candidates = candidates::load(&CandidatesConfig {
        run: Some(out.into()),
        table: config.table.as_ref().map(|table| table.file.clone()),
        targets: config.table.iter().map(|table| table.column.clone()).collect(),
        space: None,
    })?;
    let seed = config.screen.seed;
    let data = TrainingData::new(dataset, &config.train, derive(seed, "split"), device)?;
    data.census().warnings().iter().for_each(|warning| (options.on_note)(warning));
    if let Some(pace) = &mut pace {
        pace.judging = judging_trainings(config.folds, &data, dataset);
        let step = step_seconds(&config.train, &data, &candidates, options)?;
        let (steps, labels) = pace.decide_trainings(step, options.threads, candidates.len())?;
        (config.train.steps, config.labels) = (Some(steps), labels);
        config.top = pace.decided.top.unwrap_or(1);
    }
    enough(&config, &candidates)?;
    let recipe = config.train.resolved(data.sizes()[0]);
    // From here on everything is known to make sense: the folder is claimed for this configuration.
    let made = Made::here(device, dataset.fingerprint());
    let folder = Folder::open(out, &folder::RUN, asked, &made, options.overwrite, 10_000_000)?;
    // The folder is the run's from here on; what an earlier run decided may just have been discarded.
    pace.iter().try_for_each(Pace::save)?;
    let stage = TrainStage {
        space: space.as_ref(),
        recipe: &recipe,
        data: &data,
        seed,
        dir: folder.subfolder(TRAINED)?,
        short: Vec::new(),
    };
    let mut train = |which: Stage, chosen: &[(usize, Role)], repeats: u64| {
        let mut on_progress = |progress| on_progress(which, progress);
        train_candidates(&stage, &candidates, chosen, repeats, options, &mut on_progress)
    };

    let mut order: Vec<usize> = (0..candidates.len()).collect();
    Stream::named(seed, "labels").shuffle(&mut order);
    let chosen: Vec<_> = order[..config.labels].iter().map(|&c| (c, Role::Labelled)).collect();
    let labelled = train(Stage::Label, &chosen, 1)?;
    let mut labels = vec![None; candidates.len()];
    labelled.iter().for_each(|one| labels[one.candidate] = one.valid_pct());
    let surrogate = Surrogate::fit(
        &candidates,
        &labels,
        SurrogateSettings {
            predictor: &config.predictor,
            encodings: &config.encodings,
            seed,
            level: config.level,
            bounds: Some(Interval::PERCENT),
        },
    )?;
    surrogate.write(&out.join("predictions.parquet"), &candidates)?;

    let mut rest = order.split_off(config.labels);
    rest.sort_unstable();
    let predicted: Vec<Option<f64>> = surrogate.predictions.iter().map(|p| Some(p.mean)).collect();
    if let Some(pace) = &mut pace {
        config.top = affordable(pace, &candidates, &labelled, &rest, &predicted, config.repeats, options.threads)?;
    }
    let chosen = finalists_and_controls(&candidates, &predicted, &rest, config.top, config.controls, seed);
    let confirmed = train(Stage::Confirm, &chosen, config.repeats)?;
    let trained: Vec<&Trained> = labelled.iter().chain(&confirmed).collect();
    write_trainings(&out.join("trainings.parquet"), &candidates, &trained)?;
    let data_name = config.screen.data.to_string();
    let judged = Judged { dataset, data_name: &data_name, folds: config.folds };
    on_progress(Stage::Judge, Progress { done: 0, total: 1, resumed: 0, seconds: 0.0 });
    let winner = take(&stage, &candidates, &confirmed, limits.latency.as_ref(), &judged, out, options)?;

    let names = names(&candidates, winner.as_ref());
    let not_learned = not_learned(&trained, &recipe, data.census());
    let results = Results {
        config: &config,
        outcome: &outcome,
        candidates: &candidates,
        names: &names,
        labelled: &labelled,
        confirmed: &confirmed,
        groups: Groups {
            networks: &confirmed,
            names: &names,
            controls: config.controls,
            epochs: recipe.epochs,
            repeats: config.repeats,
            seed,
        },
        surrogate: &surrogate,
        winner: winner.as_ref(),
        not_learned: not_learned.as_deref(),
        settings: to_toml(asked)?,
        steps: recipe.epochs * recipe.steps_per_epoch(data.sizes()[0]),
        image_counts: data.sizes(),
        device,
        threads: options.threads,
        out,
    };
    let saved = page(&results);
    let report = save(&saved, out)?;
    let diverged = diverged(&labelled).0 + diverged(&confirmed).0;
    Ok(RunOutcome { report, verdict: saved.document.verdict, winner, diverged, skipped: outcome.skipped })
}

/// Finalists, and as many controls, that the time left is enough for, by what the labels cost.
fn affordable(
    pace: &mut Pace,
    candidates: &Candidates,
    labelled: &[Trained],
    rest: &[usize],
    predicted: &[Option<f64>],
    repeats: u64,
    threads: usize,
) -> Result<usize, RunError> {
    let macs = candidates.score("macs").unwrap_or_default();
    let macs = |c: usize| macs.get(c).copied().flatten().unwrap_or(0.0);
    let cost = |t: &Trained| Some((macs(t.candidate), t.trainings.first()?.seconds));
    let costs: Vec<_> = labelled.iter().filter_map(cost).collect();
    let mut best = rest.to_vec();
    best.sort_by(|&a, &b| predicted[b].unwrap_or(0.0).total_cmp(&predicted[a].unwrap_or(0.0)));
    let best: Vec<f64> = best.into_iter().map(macs).collect();
    pace.decide_top(&costs, &best, repeats, threads)
}

/// Seconds that a step of a training takes one of the threads, on average over networks from the cheapest to the dearest
/// that are trained for a few steps side by side.
fn step_seconds(
    recipe: &Recipe,
    data: &TrainingData,
    candidates: &Candidates,
    options: &RunOptions<'_>,
) -> Result<f64, RunError> {
    const STEPS: usize = 25;
    let macs = candidates.score("macs").unwrap_or_default();
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by(|&a, &b| macs[a].unwrap_or(0.0).total_cmp(&macs[b].unwrap_or(0.0)));
    let n = (4 * options.threads).min(order.len());
    let tried: Vec<usize> = (0..n).map(|i| order[(2 * i + 1) * order.len() / (2 * n)]).collect();
    let recipe = recipe.with_steps(STEPS, data.sizes()[0]);
    let pool = thread_pool(options.threads)?;
    let task = Task::classify(recipe.image, data.classes());
    let networks: Vec<_> = tried.iter().map(|&c| candidates.space.build(&candidates.archs[c], &task)).collect();
    let networks = networks.into_iter().collect::<Result<Vec<_>, _>>()?;
    let train = |network: &Network| {
        let start = Instant::now();
        let training = crate::train::train(network, data, &recipe, 0, None, options.stop).map_err(TrainError::from)?;
        let interrupted = || RunError::from(TrainError::Interrupted { done: 0, total: n });
        training.map(|_| start.elapsed().as_secs_f64()).ok_or_else(interrupted)
    };
    let live = |network: &Network| train(network.live().as_ref().unwrap_or(network));
    let seconds: Vec<f64> = pool.install(|| networks.par_iter().map(live).collect::<Result<_, _>>())?;
    Ok(seconds.iter().sum::<f64>() / (n * recipe.epochs * recipe.steps_per_epoch(data.sizes()[0])).max(1) as f64)
}

/// What is screened: a sample of the space, or networks of the table, drawn uniformly if it has more.
fn selection(config: &RunConfig, space: &dyn SearchSpace) -> Result<Selection, RunError> {
    let Some(table) = &config.table else { return Ok(Selection::Sample(config.sample)) };
    table.check_data(&config.screen.data)?;
    let listed = candidates::listed(&table.file, space)?;
    let (count, all) = (config.sample.min(listed.len() as u64), listed.len());
    let mut drawn = Stream::named(config.screen.seed, "table").sample_indices(all as u64, count);
    drawn.sort_unstable();
    let archs = drawn.into_iter().map(|i| listed[i as usize].clone()).collect();
    Ok(Selection::Listed(archs, format!("{count} of the {all} networks of the table")))
}

/// An error if there are fewer candidates than are to be trained.
fn enough(config: &RunConfig, candidates: &Candidates) -> Result<(), RunError> {
    let (labels, top) = (config.labels, config.top);
    let needed = top.saturating_mul(2).saturating_add(labels);
    if candidates.len() >= needed {
        return Ok(());
    }
    let (over, remedy) = match candidates.n_over_limit {
        0 => (String::new(), "raise sample or lower labels and top"),
        n => (format!(", {n} more are over the limit"), "raise the limit or sample, or lower labels and top"),
    };
    Err(RunError::Value(format!(
        "the screen has {} distinct live networks{over}, but {labels} labels, {top} finalists and {top} controls need \
         {needed}; {remedy}",
        candidates.len(),
    )))
}
