//! The whole way: screen a space, train a few networks to learn from, predict the rest, train the best predicted and as
//! many random controls, and report.
//!
//! Accuracy on the validation images is what the surrogate learns and what networks are chosen by; accuracy on the test
//! images is what finalists and controls are compared by. Labelled networks and controls are drawn uniformly from the
//! distinct live networks of the screen.

mod config;
mod page;

use std::path::{Path, PathBuf};

pub use config::{RunConfig, TruthTable};
use page::{Results, page};
pub(in crate::pipeline) use page::{TopNetwork, best, predictions_section, top_section};

use super::confirm::{
    Groups, Trained, Winner, diverged, finalists_and_controls, take, train_candidates, write_trainings,
};
use super::predict::{Surrogate, SurrogateSettings};
use super::results::save;
use super::screen::screen_images;
use super::{Progress, RunError, RunOptions, Selection};
use crate::candidates::{self, Candidates, CandidatesConfig, Role};
use crate::data::Skipped;
use crate::encoding;
use crate::engine::parse_device;
use crate::folder::{self, Folder, Made, TRAINED, to_toml};
use crate::hardware::{Limit, Target};
use crate::predictor;
use crate::seed::{Stream, derive};
use crate::space::SearchSpace;
use crate::stats::Interval;
use crate::train::TrainingData;
use crate::trial::TrainStage;

/// What a run is doing, with (done, total, done earlier).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Scoring networks.
    Screen,
    /// Training networks to learn from.
    Label,
    /// Training finalists and controls.
    Confirm,
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
    predictor::find(&config.predictor)?;
    config.encodings.iter().try_for_each(|name| encoding::find(name).map(|_| ()))?;
    let source = config.screen.data.open(&options.watch())?;
    let dataset = source.dataset()?;
    let device = parse_device(options.device)?;

    Folder::check(out, &folder::RUN, config, options.overwrite)?;
    let space = config.screen.space.open()?;
    let selection = selection(config, space.as_ref())?;
    let outcome = screen_images(&config.screen, &source, &selection, out, options, &mut |progress| {
        on_progress(Stage::Screen, progress);
    })?;
    let target = Target { space: space.as_ref(), image: config.screen.image };
    let limit = Limit::open(config.screen.max_latency_ms, config.screen.latency_model.as_deref(), &target)?;
    let candidates = candidates::load(&CandidatesConfig {
        run: Some(out.into()),
        table: config.table.as_ref().map(|table| table.file.clone()),
        targets: config.table.iter().map(|table| table.column.clone()).collect(),
        space: None,
    })?;
    enough(config, &candidates)?;
    let seed = config.screen.seed;
    let data = TrainingData::new(dataset, &config.train, derive(seed, "split"), device)?;
    data.census().warnings().iter().for_each(|warning| (options.on_note)(warning));
    // From here on everything is known to make sense: the folder is claimed for this configuration.
    let made = Made::here(device, dataset.fingerprint());
    let folder = Folder::open(out, &folder::RUN, config, &made, options.overwrite, 10_000_000)?;
    let stage = TrainStage {
        space: space.as_ref(),
        recipe: &config.train,
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
    let chosen = finalists_and_controls(&candidates, &predicted, &rest, config.top, config.controls, seed);
    let confirmed = train(Stage::Confirm, &chosen, config.repeats)?;
    let trained: Vec<&Trained> = labelled.iter().chain(&confirmed).collect();
    write_trainings(&out.join("trainings.parquet"), &candidates, &trained)?;
    let data_name = config.screen.data.to_string();
    let winner = take(&stage, &candidates, &confirmed, limit.as_ref(), &data_name, out, options.stop)?;

    let results = Results {
        config,
        outcome: &outcome,
        candidates: &candidates,
        labelled: &labelled,
        confirmed: &confirmed,
        groups: Groups {
            networks: &confirmed,
            texts: &candidates.texts,
            controls: config.controls,
            epochs: config.train.epochs,
            repeats: config.repeats,
            seed,
        },
        surrogate: &surrogate,
        winner: winner.as_ref(),
        settings: to_toml(config)?,
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
        n => (format!(", {n} more exceed the limit on latency"), "raise the limit or sample, or lower labels and top"),
    };
    Err(RunError::Value(format!(
        "the screen has {} distinct live networks{over}, but {labels} labels, {top} finalists and {top} controls need \
         {needed}; {remedy}",
        candidates.len(),
    )))
}
