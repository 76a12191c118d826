//! The whole way: screen a space, train a few networks to learn from, predict the rest, train the best predicted and as
//! many random controls, and report.
//!
//! Accuracy on the validation images is what the surrogate learns and what networks are chosen by; accuracy on the test
//! images is what finalists and controls are compared by. Labelled networks and controls are drawn uniformly from the
//! distinct live networks of the screen.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files::{FileError, write_atomically};
use super::report_page::{Results, page};
use super::scorer::thread_pool;
use super::tables::{write_predictions, write_trainings};
use super::train_stage::{TrainError, TrainJob, TrainStage};
use super::{Outcome, Progress, RunOptions, ScreenConfig, ScreenError, Selection, screen};
use crate::confirm::{Recipe, Training, TrainingData, TrainingDataError};
use crate::data;
use crate::encoding::{EncodingError, FeatureMatrix};
use crate::engine::parse_device;
use crate::predictor::{self, Prediction, PredictorError, conformal_scale, cross_validate};
use crate::proxy::Status;
use crate::report::html;
use crate::report::html::model::Role;
use crate::seed::{Stream, derive};
use crate::space::{self, Architecture, SearchSpace, Skeleton};

const CONFIG_FILE: &str = "run.toml";
const TRAINED: &str = "trained";
/// Folds of the cross-validation that tells how far the surrogate can be trusted.
const FOLDS: usize = 10;

/// Everything that decides a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunConfig {
    /// Title of the report.
    pub title: String,
    /// Architectures to score, drawn uniformly without replacement.
    pub sample: u64,
    /// Networks trained for the surrogate to learn from.
    pub labels: usize,
    /// Finalists, and as many controls.
    pub top: usize,
    /// Trainings per finalist and control, from different initialisations.
    pub repeats: u64,
    /// Surrogate; see `naslens list predictors`.
    pub predictor: String,
    /// Whether the surrogate sees the genes beside the scores.
    pub one_hot: bool,
    /// Nominal coverage of the surrogate's intervals, between 0 and 1.
    pub level: f64,
    /// What is scored and how.
    pub screen: ScreenConfig,
    /// How networks are trained.
    pub train: Recipe,
}

impl Default for RunConfig {
    fn default() -> Self {
        RunConfig {
            title: String::new(),
            sample: 1000,
            labels: 24,
            top: 8,
            repeats: 1,
            predictor: "bagged-ridge".into(),
            one_hot: true,
            level: 0.9,
            screen: ScreenConfig::default(),
            train: Recipe::default(),
        }
    }
}

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
    /// The screen.
    #[error(transparent)]
    Screen(#[from] ScreenError),
    /// The images for training.
    #[error(transparent)]
    TrainingData(#[from] TrainingDataError),
    /// The trainings.
    #[error(transparent)]
    Train(#[from] TrainError),
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
        matches!(
            self,
            RunError::Screen(ScreenError::Interrupted { .. }) | RunError::Train(TrainError::Interrupted { .. })
        )
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
}

/// A network of the screen that can be trained: the first architecture of each live id.
pub(super) struct Candidate {
    /// Row in the score table.
    pub row: usize,
    /// The representative of its class.
    pub arch: Architecture,
}

/// A network that was trained, with all its repeats.
pub(super) struct Trained {
    /// Position among the candidates.
    pub candidate: usize,
    pub role: Role,
    pub trainings: Vec<Training>,
}

impl Trained {
    /// Mean over repeats of the last validation accuracy, percent.
    pub fn valid_pct(&self) -> f64 {
        mean(self.trainings.iter().filter_map(|t| Some(t.last()?.valid_accuracy_pct)))
    }

    /// Last test accuracy of each repeat, percent.
    pub fn test_pct(&self) -> Vec<f64> {
        self.trainings.iter().filter_map(|t| Some(t.last()?.test_accuracy_pct)).collect()
    }

    /// Seconds over all repeats.
    pub fn seconds(&self) -> f64 {
        self.trainings.iter().map(|t| t.seconds).sum()
    }
}

pub(super) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0), |(s, n), v| (s + v, n + 1));
    sum / n as f64
}

impl RunConfig {
    /// Reads a TOML file; what it does not mention has its default.
    pub fn read(path: &Path) -> Result<Self, RunError> {
        let refuse = |reason: String| RunError::Config { path: path.into(), reason };
        let text = std::fs::read_to_string(path).map_err(|e| refuse(e.to_string()))?;
        let config: RunConfig = toml::from_str(&text).map_err(|e| refuse(e.to_string()))?;
        config.check().map_err(RunError::Value)?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        if let Some(problem) = self.train.problem() {
            return Err(format!("train: {problem}"));
        }
        if self.labels < 5 {
            return Err(format!("labels is {}, a surrogate needs at least 5", self.labels));
        }
        if self.top == 0 || self.repeats == 0 {
            return Err("top and repeats must be at least 1".into());
        }
        if !(self.level > 0.0 && self.level < 1.0) {
            return Err(format!("level is {}, it must be between 0 and 1", self.level));
        }
        Ok(())
    }
}

/// Runs all stages into `out`; what an interrupted run left there is used.
pub fn run(
    config: &RunConfig,
    out: &Path,
    options: &RunOptions<'_>,
    on_progress: &mut (dyn FnMut(Stage, Progress) + Send),
) -> Result<RunOutcome, RunError> {
    config.check().map_err(RunError::Value)?;
    let predictor = predictor::open(&config.predictor, derive(config.screen.seed, "predictor"))?;
    let source = data::open(&config.screen.data).map_err(ScreenError::from)?;
    let dataset = source.dataset().map_err(ScreenError::from)?;
    let device = parse_device(options.device).map_err(ScreenError::from)?;

    let outcome = screen(&config.screen, &Selection::Sample(config.sample), out, options, &mut |p| {
        on_progress(Stage::Screen, p);
    })?;
    claim(config, out, options.overwrite)?;
    let skeleton = Skeleton { init_channels: config.screen.init_channels, cells: config.screen.cells };
    let space = space::open(&config.screen.space, &skeleton).map_err(ScreenError::from)?;
    let candidates = candidates(&outcome, space.as_ref());
    let needed = config.labels + 2 * config.top;
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
    let stage = TrainStage {
        space: space.as_ref(),
        recipe: &config.train,
        data: &data,
        seed: config.screen.seed,
        dir: out.join(TRAINED),
    };
    let pool = thread_pool(options.threads).map_err(ScreenError::from)?;
    let mut train_all = |which: Stage, chosen: &[(usize, Role)], repeats: u64| -> Result<Vec<Trained>, RunError> {
        let jobs: Vec<TrainJob> = chosen
            .iter()
            .flat_map(|&(c, _)| {
                let (arch, arch_id) = (&candidates[c].arch, &outcome.table.arch_id[candidates[c].row]);
                (0..repeats).map(move |repeat| TrainJob { arch: arch.clone(), arch_id: arch_id.clone(), repeat })
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
    let rows: Vec<usize> = labelled.iter().map(|t| t.candidate).collect();
    let x = features.values.select(ndarray::Axis(0), &rows);
    let y: ndarray::Array1<f64> = labelled.iter().map(Trained::valid_pct).collect();
    let cross_validated =
        cross_validate(predictor.as_ref(), x.view(), y.view(), FOLDS, derive(config.screen.seed, "folds"))?;
    let scale = conformal_scale(&cross_validated, &y.to_vec(), config.level);
    let predictions = predictor.fit(x.view(), y.view())?.predict(features.values.view());

    let (finalists, controls) = finalists_and_controls(config, &order[config.labels..], &predictions);
    let chosen: Vec<_> =
        finalists.iter().map(|&c| (c, Role::Finalist)).chain(controls.iter().map(|&c| (c, Role::Control))).collect();
    let confirmed = train_all(Stage::Confirm, &chosen, config.repeats)?;

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
        image_counts: data.sizes(),
        device,
        threads: options.threads,
        out,
    };
    write_predictions(&out.join("predictions.parquet"), &results)?;
    write_trainings(&out.join("trainings.parquet"), &results)?;
    let page = page(&results);
    let report = out.join("report.html");
    write_atomically(&report, |file| std::io::Write::write_all(file, html::render(&page).as_bytes()))?;
    Ok(RunOutcome { report, verdict: page.verdict })
}

/// Notes the configuration in the folder, or refuses if the folder holds a run with another one.
fn claim(config: &RunConfig, out: &Path, overwrite: bool) -> Result<(), RunError> {
    let path = out.join(CONFIG_FILE);
    let text = toml::to_string_pretty(config).map_err(|e| RunError::Value(e.to_string()))?;
    match std::fs::read_to_string(&path) {
        Ok(old) if old != text && !overwrite => {
            let changed = text.lines().find(|line| !old.lines().any(|o| o == *line)).unwrap_or("a removed setting");
            return Err(RunError::Value(format!(
                "{} holds a run with other settings (now: {changed}); choose another --out, or --overwrite to discard \
                 that run",
                out.display()
            )));
        }
        Ok(old) if old == text => return Ok(()),
        _ => {
            // Trainings of other settings must not be taken for this run's.
            let _ = std::fs::remove_dir_all(out.join(TRAINED));
        }
    }
    Ok(write_atomically(&path, |file| std::io::Write::write_all(file, text.as_bytes()))?)
}

fn candidates(outcome: &Outcome, space: &dyn SearchSpace) -> Vec<Candidate> {
    let table = &outcome.table;
    let mut seen = HashSet::new();
    let dead = |row: usize| table.proxies.iter().any(|(_, scores)| scores[row].get_status() == Status::Dead);
    (0..table.arch.len())
        .filter(|&row| !dead(row) && seen.insert(&table.arch_id[row]))
        .filter_map(|row| Some(Candidate { row, arch: space.representative(&space.parse(&table.arch[row]).ok()?) }))
        .collect()
}

/// Normal scores of every proxy, and the genes if wanted, of all candidates.
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
    let genes = config.one_hot.then_some((space.choices(), archs.as_slice()));
    Ok(FeatureMatrix::new(&columns, genes)?)
}

/// The best predicted of the networks that were not labelled (`rest`, in random order), and the first others as controls.
fn finalists_and_controls(config: &RunConfig, rest: &[usize], predictions: &[Prediction]) -> (Vec<usize>, Vec<usize>) {
    let mut best: Vec<usize> = rest.to_vec();
    best.sort_by(|&a, &b| predictions[b].mean.total_cmp(&predictions[a].mean).then(a.cmp(&b)));
    best.truncate(config.top);
    let controls = rest.iter().copied().filter(|c| !best.contains(c)).take(config.top).collect();
    (best, controls)
}
