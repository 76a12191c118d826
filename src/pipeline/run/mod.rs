//! The whole way: screen a space, train a few networks to learn from, predict the rest, train the best predicted and as
//! many random controls, and report.
//!
//! Accuracy on the validation images is what the surrogate learns and what networks are chosen by; accuracy on the test
//! images is what finalists and controls are compared by. Labelled networks and controls are drawn uniformly from the
//! distinct live networks of the screen.

mod config;
mod page;
mod results;
mod tables;
mod truth;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

pub use config::RunConfig;
use page::page;
use results::{Candidate, Results, Trained};
use tables::write_predictions;
use truth::Truth;
pub use truth::TruthTable;

use super::confirm::{
    Contender, TrainError, TrainJob, TrainStage, TrainedRow, Winner, WinnerError, take, valid_pct, write_trainings,
};
use super::pages::save;
use super::screen::{screen_images, thread_pool};
use super::{Outcome, Progress, RunOptions, ScreenError, Selection};
use crate::benchmark::TableError;
use crate::candidates::CandidatesError;
use crate::confirm::{TrainingData, TrainingDataError};
use crate::data::Skipped;
use crate::encoding::{self, EncodingError, FeatureMatrix, score_columns};
use crate::engine::parse_device;
use crate::files::{FileError, write_atomically};
use crate::folder::{self, Folder, FolderError, Made, TRAINED, to_toml};
use crate::hardware::{HardwareError, Limit, Target};
use crate::predictor::{self, Prediction, PredictorError, conformal_scale, cross_validate};
use crate::report::html;
use crate::report::html::model::Role;
use crate::seed::{Stream, derive};
use crate::space::{self, Architecture, SearchSpace, Skeleton};

/// Folds that tell how far the surrogate can be trusted.
const FOLDS: usize = 10;

/// Why a run did not finish.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The configuration cannot be read.
    #[error("cannot read the configuration {}: {reason}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A value that makes no sense.
    #[error("{0}; correct the configuration")]
    Value(String),
    /// The folder is not one of such results.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The screen.
    #[error(transparent)]
    Screen(#[from] ScreenError),
    /// The images for training.
    #[error(transparent)]
    TrainingData(#[from] TrainingDataError),
    /// The trainings.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The networks of a run.
    #[error(transparent)]
    Candidates(#[from] CandidatesError),
    /// The table of trained networks.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The latency model.
    #[error(transparent)]
    Hardware(#[from] HardwareError),
    /// The choice of the winner, and its export.
    #[error(transparent)]
    Winner(#[from] WinnerError),
    /// The features.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// The surrogate.
    #[error(transparent)]
    Predictor(#[from] PredictorError),
    /// Results cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl RunError {
    /// True if the run was stopped from outside and can go on.
    pub fn interrupted(&self) -> bool {
        match self {
            RunError::Screen(error) => error.interrupted(),
            other => matches!(other, RunError::Train(TrainError::Interrupted { .. })),
        }
    }
}

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
    /// The network to take; None if all trainings diverged.
    pub winner: Option<Winner>,
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
    let source = config.screen.data.open(&options.watch()).map_err(ScreenError::from)?;
    let dataset = source.dataset().map_err(ScreenError::from)?;
    let device = parse_device(options.device).map_err(ScreenError::from)?;

    Folder::check(out, &folder::RUN, config, options.overwrite)?;
    let skeleton = Skeleton { init_channels: config.screen.init_channels, cells: config.screen.cells };
    let space = space::open(&config.screen.space, &skeleton).map_err(ScreenError::from)?;
    let truth = config.table.as_ref().map(Truth::read).transpose()?;
    let selection = match &truth {
        Some(truth) => truth.selection(space.as_ref(), config.sample)?,
        None => Selection::Sample(config.sample),
    };
    let outcome = screen_images(&config.screen, &source, &selection, out, options, &mut |progress| {
        on_progress(Stage::Screen, progress);
    })?;
    let target = Target { space: space.as_ref(), image: config.screen.image };
    let limit = Limit::open(config.screen.max_latency_ms, config.screen.latency_model.as_deref(), &target)?;
    let candidates = candidates(&outcome, space.as_ref());
    let needed = config.top.saturating_mul(2).saturating_add(config.labels);
    if candidates.len() < needed {
        return Err(RunError::Value(format!(
            "the screen has {} distinct live networks, but {} labels, {} finalists and {} controls need {needed}; \
             raise sample or lower labels and top",
            candidates.len(),
            config.labels,
            config.top,
            config.top
        )));
    }

    let data = TrainingData::new(dataset, &config.train, derive(config.screen.seed, "split"), device)?;
    data.census().warnings().iter().for_each(|warning| (options.on_note)(warning));
    // From here on everything is known to make sense: the folder is claimed for this configuration.
    let made = Made::here(device, dataset.fingerprint());
    let folder = Folder::open(out, &folder::RUN, config, &made, options.overwrite, 10_000_000)?;
    let stage = TrainStage {
        space: space.as_ref(),
        recipe: &config.train,
        data: &data,
        seed: config.screen.seed,
        dir: folder.subfolder(TRAINED)?,
    };
    let pool = thread_pool(options.threads).map_err(ScreenError::from)?;
    let mut train_all = |which: Stage, chosen: &[(usize, Role)], repeats: u64| -> Result<Vec<Trained>, RunError> {
        let jobs: Vec<TrainJob> = chosen
            .iter()
            .flat_map(|&(c, _)| {
                let (arch, arch_id) = (&candidates[c].arch, &outcome.table.arch_id[candidates[c].row]);
                let keep_weights = which == Stage::Confirm;
                (0..repeats).map(move |repeat| TrainJob {
                    arch: arch.clone(),
                    arch_id: arch_id.clone(),
                    repeat,
                    keep_weights,
                })
            })
            .collect();
        let start = std::time::Instant::now();
        let mut results = stage
            .run(&jobs, &pool, options.stop, &mut |done, total, resumed| {
                on_progress(which, Progress { done, total, resumed, seconds: start.elapsed().as_secs_f64() });
            })?
            .into_iter();
        Ok(chosen
            .iter()
            .map(|&(candidate, role)| Trained {
                candidate,
                role,
                trainings: results.by_ref().take(repeats as usize).collect(),
            })
            .collect())
    };

    let mut order: Vec<usize> = (0..candidates.len()).collect();
    Stream::named(config.screen.seed, "labels").shuffle(&mut order);
    let chosen: Vec<_> = order[..config.labels].iter().map(|&c| (c, Role::Labelled)).collect();
    let labelled = train_all(Stage::Label, &chosen, 1)?;

    let features = features(config, &outcome, &candidates, space.as_ref())?;
    let predictor = predictor::open(&config.predictor, derive(config.screen.seed, "predictor"), &features.layout)?;
    let rows: Vec<usize> = labelled.iter().map(|t| t.candidate).collect();
    let x = features.values.select(ndarray::Axis(0), &rows);
    let y: ndarray::Array1<f64> = labelled.iter().map(Trained::valid_pct).collect();
    let fitted = predictor.fit(x.view(), y.view())?;
    let folds_seed = derive(config.screen.seed, "folds");
    let cross_validated = cross_validate(predictor.as_ref(), x.view(), y.view(), FOLDS, folds_seed)?;
    let scale = conformal_scale(&cross_validated, &y.to_vec(), config.level);
    let predictions = fitted.predict(features.values.view());

    let rest = &order[config.labels..];
    let finalists = finalists(config, rest, &predictions);
    let macs: Vec<f64> = candidates.iter().map(|c| outcome.table.macs[c.row] as f64).collect();
    let controls = config.controls.draw(&finalists, rest, &macs, config.screen.seed);
    let chosen: Vec<_> =
        finalists.iter().map(|&c| (c, Role::Finalist)).chain(controls.iter().map(|&c| (c, Role::Control))).collect();
    let confirmed = train_all(Stage::Confirm, &chosen, config.repeats)?;

    let contenders: Vec<Contender> = confirmed
        .iter()
        .map(|t| Contender {
            arch: &candidates[t.candidate].arch,
            valid_pct: valid_pct(&t.trainings),
            trainings: &t.trainings,
        })
        .collect();
    let winner = take(&stage, &contenders, limit.as_ref(), &config.screen.data.to_string(), out, options)?;

    let results = Results {
        config,
        outcome: &outcome,
        candidates: &candidates,
        labelled: &labelled,
        confirmed: &confirmed,
        cross_validated: &cross_validated,
        predictions: &predictions,
        scale,
        features: &features,
        truth: truth.as_ref(),
        winner: winner.as_ref(),
        settings: to_toml(config)?,
        image_counts: data.sizes(),
        device,
        threads: options.threads,
        out,
    };
    write_predictions(&out.join("predictions.parquet"), &results)?;
    let trained: Vec<TrainedRow> = labelled
        .iter()
        .chain(&confirmed)
        .map(|t| TrainedRow {
            arch: results.arch(t),
            arch_id: &outcome.table.arch_id[results.row(t)],
            role: t.role,
            trainings: &t.trainings,
        })
        .collect();
    write_trainings(&out.join("trainings.parquet"), &trained)?;
    let page = page(&results, space.as_ref());
    save(&page, out)?;
    let report = out.join("report.html");
    write_atomically(&report, |file| std::io::Write::write_all(file, html::render(&page).as_bytes()))?;
    Ok(RunOutcome { report, verdict: page.verdict, winner, skipped: outcome.skipped })
}

fn candidates(outcome: &Outcome, space: &dyn SearchSpace) -> Vec<Candidate> {
    let table = &outcome.table;
    let mut seen = HashSet::new();
    (0..table.arch.len())
        .filter(|&row| table.eligible(row) && seen.insert(&table.arch_id[row]))
        .filter_map(|row| Some(Candidate { row, arch: space.representative(&space.parse(&table.arch[row]).ok()?) }))
        .collect()
}

/// Normal scores of every proxy, and the encodings asked for, of all candidates.
fn features(
    config: &RunConfig,
    outcome: &Outcome,
    candidates: &[Candidate],
    space: &dyn SearchSpace,
) -> Result<FeatureMatrix, RunError> {
    let mut names: Vec<&str> = vec!["params", "macs"];
    // `flops` is the column `macs` again.
    names.extend(outcome.table.proxies.iter().map(|(n, _)| n.as_str()).filter(|n| !["params", "flops"].contains(n)));
    let columns: Vec<(String, Vec<Option<f64>>)> = names
        .into_iter()
        .filter_map(|name| {
            let values = outcome.table.values(name)?;
            Some((name.to_string(), candidates.iter().map(|c| values[c.row]).collect()))
        })
        .collect();
    let archs: Vec<Architecture> = candidates.iter().map(|c| c.arch.clone()).collect();
    let mut groups = vec![("scores".to_string(), score_columns(&columns)?)];
    for name in &config.encodings {
        groups.push((name.clone(), (encoding::find(name)?.encode)(space, &archs)));
    }
    Ok(FeatureMatrix::new(groups, Some("naslens"))?)
}

/// The best predicted of the networks that were not labelled (`rest`).
fn finalists(config: &RunConfig, rest: &[usize], predictions: &[Prediction]) -> Vec<usize> {
    let mut best: Vec<usize> = rest.to_vec();
    best.sort_by(|&a, &b| predictions[b].mean.total_cmp(&predictions[a].mean).then(a.cmp(&b)));
    best.truncate(config.top);
    best
}
