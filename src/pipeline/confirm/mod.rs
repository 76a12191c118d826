//! Confirmation: the networks that a score puts first are trained, and as many controls with them; the difference is tested,
//! and the best network is exported.
//!
//! Networks are chosen by validation accuracy; test accuracy is what finalists and controls are compared by.

mod groups;
mod tables;
mod train_stage;
mod winner;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use groups::Controls;
pub(in crate::pipeline) use groups::{Confirmed, Groups, mean};
pub(in crate::pipeline) use tables::{TrainedRow, write_trainings};
pub use train_stage::TrainError;
pub(in crate::pipeline) use train_stage::{TrainJob, TrainStage};
pub(in crate::pipeline) use winner::{Choice, Contender, choose, export_winner};
pub use winner::{Violator, WinnerError};

use super::pages::save;
use super::run::RunError;
use super::screen::thread_pool;
use super::{Progress, RunOptions, ScreenError};
use crate::candidates::{self, Candidates, CandidatesConfig, PRIOR};
use crate::confirm::{Recipe, Training, TrainingData};
use crate::data::{DataSpec, Skipped};
use crate::engine::{describe_device, parse_device};
use crate::files::{subfolder, write_atomically};
use crate::folder::{self, Folder, Made, Settings, TRAINED, WINNER, to_toml};
use crate::hardware::{Limit, Target};
use crate::pipeline::counts::{TRAININGS, check_count};
use crate::report::html::{
    self,
    model::{Overview, Reproduction, Role, RunReport},
};
use crate::seed::derive;
use crate::stats::{missing_last, top_indices};
use crate::text::{did_you_mean, thousands};

/// What is confirmed, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfirmConfig {
    /// Folder of a screen: its distinct live networks are what is chosen from.
    pub run: PathBuf,
    /// The score that chooses finalists, highest first.
    pub by: String,
    /// Finalists, and as many controls.
    pub top: usize,
    /// Trainings of each, from different initialisations.
    pub repeats: u64,
    /// Who the controls are.
    pub controls: Controls,
    /// Images; those of the screen if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<DataSpec>,
    /// Fixes split, controls and trainings.
    pub seed: u64,
    /// The most milliseconds that the winner may take. Finalists and controls are under it by prediction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_latency_ms: Option<f64>,
    /// File of the latency model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_model: Option<PathBuf>,
    /// How networks are trained.
    pub train: Recipe,
}

impl Settings for ConfirmConfig {}

impl ConfirmConfig {
    /// Eight finalists of the run by the default score, once each.
    pub fn new(run: &Path) -> Self {
        ConfirmConfig {
            run: run.into(),
            by: PRIOR.into(),
            top: 8,
            repeats: 1,
            controls: Controls::Random,
            data: None,
            seed: 0,
            max_latency_ms: None,
            latency_model: None,
            train: Recipe::default(),
        }
    }
}

/// The network to take.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Winner {
    /// As the space writes it.
    pub arch: String,
    /// Its identity.
    pub arch_id: String,
    /// Mean test accuracy of its trainings, percent.
    pub test_accuracy_pct: f64,
    /// Mean validation accuracy, percent; what it was chosen by.
    pub valid_accuracy_pct: f64,
    /// Trainable parameters.
    pub params: u64,
    /// Multiply-accumulates for one image.
    pub macs: u64,
    /// Latency when measured ([`quiet_ms`](crate::hardware::Measurement::quiet_ms)), if there is a limit.
    pub latency_ms: Option<f64>,
    /// Better networks that were too slow when measured.
    pub violators: Vec<Violator>,
    /// Folder with PyTorch source, safetensors and ONNX.
    pub exported: PathBuf,
}

impl Winner {
    /// Two sentences on it.
    pub(in crate::pipeline) fn sentences(&self, max_ms: Option<f64>) -> Vec<String> {
        let mut sentences = vec![format!(
            "The network to take, by validation accuracy, is {}: {:.2}% test accuracy with {} parameters; it is in {}.",
            self.arch,
            self.test_accuracy_pct,
            thousands(self.params),
            self.exported.display()
        )];
        if let (Some(ms), Some(max_ms)) = (self.latency_ms, max_ms) {
            let slower = match self.violators.len() {
                0 => String::new(),
                1 => "; one better network took longer than the limit and was passed over".into(),
                n => format!("; {n} better networks took longer than the limit and were passed over"),
            };
            sentences.push(format!("It takes {ms:.2} ms when measured, under the limit of {max_ms} ms{slower}."));
        }
        sentences
    }
}

/// What a confirmation found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConfirmReport {
    /// Sentence by sentence.
    pub verdict: Vec<String>,
    /// Mean test accuracy of finalists less controls in percentage points, with its 95% interval.
    pub difference_pct: Option<(f64, Option<crate::stats::Interval>)>,
    /// Two-sided p-value of the difference.
    pub p_value: Option<f64>,
    /// The best network; None if all trainings diverged.
    pub winner: Option<Winner>,
    /// The HTML page.
    pub report: PathBuf,
    /// Every training, epoch by epoch.
    pub trainings: PathBuf,
    /// Image files that were left out because they could not be decoded.
    pub skipped: Vec<Skipped>,
}

/// Trains, compares and exports into `out`. The same command after an interruption goes on, to the same numbers.
pub fn confirm(
    config: &ConfirmConfig,
    out: &Path,
    options: &RunOptions<'_>,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<ConfirmReport, RunError> {
    if let Some(problem) = config.train.problem() {
        return Err(RunError::Value(format!("train: {problem}")));
    }
    check_count("repeats", config.repeats, TRAININGS).map_err(|error| RunError::Value(error.to_string()))?;
    if config.top == 0 {
        return Err(RunError::Value("top must be at least 1".into()));
    }
    let loaded = CandidatesConfig { run: Some(config.run.clone()), ..CandidatesConfig::default() };
    let candidates = candidates::load(&loaded)?;
    let screened = candidates.run.as_ref().and_then(|run| serde_json::from_value(run["config"]["data"].clone()).ok());
    let spec = config.data.clone().or(screened).unwrap_or_default();
    let source = spec.open(&options.watch()).map_err(ScreenError::from)?;
    let dataset = source.dataset().map_err(ScreenError::from)?;
    let device = parse_device(options.device).map_err(ScreenError::from)?;
    let target = Target { space: candidates.space.as_ref(), image: candidates.image() };
    let limit = Limit::open(config.max_latency_ms, config.latency_model.as_deref(), &target)?;
    let chosen = chosen(config, &candidates, limit.as_ref())?;

    let data = TrainingData::new(dataset, &config.train, derive(config.seed, "split"), device)?;
    data.census().warnings().iter().for_each(|warning| (options.on_note)(warning));
    let made = Made::here(device, dataset.fingerprint());
    let folder = Folder::open(out, &folder::CONFIRMATION, config, &made, options.overwrite, 10_000_000)?;
    let stage = TrainStage {
        space: candidates.space.as_ref(),
        recipe: &config.train,
        data: &data,
        seed: config.seed,
        dir: folder.subfolder(TRAINED)?,
    };
    let ids: Vec<String> = candidates.ids.iter().map(ToString::to_string).collect();
    let jobs: Vec<TrainJob> = chosen
        .iter()
        .flat_map(|&(c, _)| {
            let (arch, arch_id) = (&candidates.archs[c], &ids[c]);
            (0..config.repeats).map(move |repeat| TrainJob {
                arch: arch.clone(),
                arch_id: arch_id.clone(),
                repeat,
                keep_weights: true,
            })
        })
        .collect();
    let pool = thread_pool(options.threads).map_err(ScreenError::from)?;
    let start = std::time::Instant::now();
    let trainings = stage.run(&jobs, &pool, options.stop, &mut |done, total, resumed| {
        on_progress(Progress { done, total, resumed, seconds: start.elapsed().as_secs_f64() });
    })?;

    let texts: Vec<String> = chosen.iter().map(|&(c, _)| candidates.space.format(&candidates.archs[c])).collect();
    let each = || chosen.iter().zip(trainings.chunks(config.repeats as usize)).zip(&texts);
    let networks = each().map(|((&(_, role), trainings), arch)| Confirmed { arch, role, trainings }).collect();
    let groups = Groups {
        networks,
        controls: config.controls,
        epochs: config.train.epochs,
        repeats: config.repeats,
        seed: config.seed,
    };
    let rows: Vec<TrainedRow> =
        each().map(|((&(c, role), trainings), arch)| TrainedRow { arch, arch_id: &ids[c], role, trainings }).collect();
    let trainings_file = out.join("trainings.parquet");
    write_trainings(&trainings_file, &rows)?;
    let contenders: Vec<Contender> = each()
        .map(|((&(c, _), trainings), _)| Contender {
            arch: &candidates.archs[c],
            valid_pct: valid_pct(trainings),
            trainings,
        })
        .collect();
    let winner = take(&stage, &contenders, limit.as_ref(), &spec.to_string(), out, options)?;

    let max_ms = limit.as_ref().map(|limit| limit.max_ms);
    let mut verdict: Vec<String> = groups.sentence().into_iter().collect();
    verdict.extend(winner.iter().flat_map(|w| w.sentences(max_ms)));
    let [train, valid, test] = data.sizes();
    let fact = |k: &str, v: String| (k.to_string(), v);
    let page = RunReport {
        title: format!("The best by {} of {}", config.by, candidates.space.entry().name),
        verdict: verdict.clone(),
        overview: Overview {
            space: candidates.space.entry().name.into(),
            scored: Some(candidates.len() as u64),
            seed: Some(config.seed),
            device: describe_device(device),
            dataset: spec.to_string(),
            version: env!("CARGO_PKG_VERSION").into(),
            accuracy: "test accuracy".into(),
            ..Overview::default()
        },
        comparison: Some(groups.comparison()),
        curves: groups.curves(),
        reproduction: Reproduction {
            command: format!("naslens confirm {} --out {}", config.run.display(), out.display()),
            facts: vec![
                fact("libtorch", crate::LIBTORCH_VERSION.into()),
                fact("images", format!("{train} for training, {valid} for validation, {test} for test")),
            ],
            config: to_toml(config)?,
        },
        ..RunReport::default()
    };
    save(&page, out)?;
    let report = out.join("report.html");
    write_atomically(&report, |file| std::io::Write::write_all(file, html::render(&page).as_bytes()))?;
    let difference = groups.difference();
    Ok(ConfirmReport {
        verdict,
        difference_pct: difference.as_ref().map(|d| (d.difference, d.interval)),
        p_value: difference.map(|d| d.p_value),
        winner,
        report,
        trainings: trainings_file,
        skipped: source.skipped().to_vec(),
    })
}

/// Mean over trainings of the last validation accuracy, percent; not a number if one diverged.
pub(in crate::pipeline) fn valid_pct(trainings: &[Training]) -> f64 {
    let last = |t: &Training| t.last().filter(|_| !t.diverged()).map_or(f64::NAN, |e| e.valid_accuracy_pct);
    mean(trainings.iter().map(last))
}

/// Chooses the winner and exports it.
pub(in crate::pipeline) fn take(
    stage: &TrainStage<'_>,
    contenders: &[Contender<'_>],
    limit: Option<&Limit>,
    data_name: &str,
    out: &Path,
    options: &RunOptions<'_>,
) -> Result<Option<Winner>, WinnerError> {
    let Some(Choice { contender, latency, violators }) = choose(stage, contenders, limit, options.stop)? else {
        return Ok(None);
    };
    let winner = &contenders[contender];
    let exported = export_winner(stage, winner, data_name, &subfolder(out, WINNER)?)?;
    Ok(Some(Winner {
        arch: stage.space.format(winner.arch),
        arch_id: stage.space.arch_id(winner.arch).to_string(),
        test_accuracy_pct: mean(winner.trainings.iter().map(|t| t.test_accuracy_pct)),
        valid_accuracy_pct: winner.valid_pct,
        params: exported.params,
        macs: exported.macs,
        latency_ms: latency.map(|m| m.quiet_ms),
        violators,
        exported: exported.dir,
    }))
}

/// Finalists and controls among the candidates.
fn chosen(
    config: &ConfirmConfig,
    candidates: &Candidates,
    limit: Option<&Limit>,
) -> Result<Vec<(usize, Role)>, RunError> {
    let names = || candidates.scores.iter().map(|(name, _)| name.as_str());
    let scores = candidates.score(&config.by).ok_or_else(|| {
        let hint = did_you_mean(&config.by, names());
        RunError::Value(format!(
            "the run has no score `{}`{hint}; it has {}",
            config.by,
            names().collect::<Vec<_>>().join(", ")
        ))
    })?;
    let mut feasible: Vec<usize> = Vec::new();
    for (c, arch) in candidates.archs.iter().enumerate() {
        let admitted = match limit {
            Some(limit) => {
                let (space, task) = limit.model.settings().open()?;
                limit.admits(&limit.predict(&space.build(arch, &task).map_err(ScreenError::from)?))
            }
            None => true,
        };
        if admitted {
            feasible.push(c);
        }
    }
    let needed = config.top.saturating_mul(2);
    if feasible.len() < needed {
        return Err(RunError::Value(format!(
            "{} distinct live networks of the run may be trained, {} finalists and as many controls need {needed}; screen more \
             networks or lower --top",
            feasible.len(),
            config.top
        )));
    }
    let values = missing_last(&feasible.iter().map(|&c| scores[c]).collect::<Vec<_>>());
    let finalists: Vec<usize> = top_indices(&values, config.top).into_iter().map(|i| feasible[i]).collect();
    let macs: Vec<f64> = match candidates.score("macs") {
        Some(macs) => macs.iter().map(|m| m.unwrap_or(0.0)).collect(),
        None => vec![0.0; candidates.len()],
    };
    let controls = config.controls.draw(&finalists, &feasible, &macs, config.seed);
    Ok(finalists
        .into_iter()
        .map(|c| (c, Role::Finalist))
        .chain(controls.into_iter().map(|c| (c, Role::Control)))
        .collect())
}
