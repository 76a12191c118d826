//! Confirmation: the networks that a score puts first are trained, and as many controls with them; the difference is tested,
//! and the best network is exported.
//!
//! Networks are chosen by validation accuracy; test accuracy is what finalists and controls are compared by.

mod answers;
mod assessment;
mod card;
mod comparison;
mod groups;
mod learned;
mod sentences;
mod tables;
mod trained;
mod winner;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use assessment::{Assessment, Baseline};
pub(in crate::pipeline) use card::{Card, Contestant};
pub(in crate::pipeline) use comparison::{Comparison, learning};
pub use groups::Controls;
pub(in crate::pipeline) use groups::{Groups, mean};
pub(in crate::pipeline) use learned::not_learned;
pub(in crate::pipeline) use tables::write_trainings;
pub(in crate::pipeline) use trained::{Trained, diverged, divergence, train_candidates};
pub(in crate::pipeline) use winner::{Judged, judging_trainings, take};
pub use winner::{Majority, Measured, Room, Winner};

use super::findings::{Overview, Reproduction};
use super::results::{Saved, save};
use super::{Progress, RunError, RunOptions};
use crate::benchmark::Table;
use crate::candidates::{self, Candidates, CandidatesConfig, ColumnRef, NetworkName, PRIOR, Role};
use crate::data::{DataSpec, Skipped};
use crate::engine::{describe_device, parse_device};
use crate::folder::{self, Folder, Made, Settings, TRAINED, to_toml};
use crate::hardware::{LimitSettings, Limits, Target};
use crate::pipeline::counts::{TRAININGS, check_count};
use crate::report::document::{Document, Section};
use crate::seed::derive;
use crate::space::{Picture, SpaceError, Task};
use crate::stats::{missing_last, top_indices};
use crate::train::{Recipe, TrainingData};
use crate::trial::TrainStage;

/// What is confirmed, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfirmConfig {
    /// Folder of a screen: its distinct live networks are what is chosen from.
    pub run: PathBuf,
    /// The score that chooses finalists, highest first, or a column of a table, such as the predictions of
    /// [`predict_from_labels`](crate::pipeline::predict::predict_from_labels). Networks with a `label` in that table were
    /// trained for it and stay out.
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
    /// What the winner may cost. Finalists and controls are within it, by prediction where latency is limited.
    #[serde(flatten)]
    pub limits: LimitSettings,
    /// Parts of the cross-validation that judges the winner, 0 for none; absent: five where there are fewer than 200 test
    /// images and no official test part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folds: Option<usize>,
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
            limits: LimitSettings::default(),
            folds: None,
            train: Recipe::default(),
        }
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
    /// Trainings that diverged, which count in no mean.
    pub diverged: usize,
    /// The HTML page.
    pub report: PathBuf,
    /// Every training, epoch by epoch.
    pub trainings: PathBuf,
    /// Image files that were left out because they could not be decoded.
    pub skipped: Vec<Skipped>,
}

/// Trains, compares and exports into `out`. Re-running the same command resumes; results are identical.
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
    let screened = candidates.run.as_ref().and_then(|run| run.setting("data"));
    let spec = config.data.clone().or(screened).unwrap_or_default();
    let source = spec.open(&options.watch())?;
    let dataset = source.dataset()?;
    let device = parse_device(options.device)?;
    let target = Target { space: candidates.space.as_ref(), image: candidates.image() };
    let limits = Limits::open(&config.limits, &target)?;
    let task = Task::classify(candidates.image(), dataset.classes());
    let chosen = chosen(config, &candidates, &limits, &task)?;

    let data = TrainingData::new(dataset, &config.train, derive(config.seed, "split"), device)?;
    data.census().warnings().iter().for_each(|warning| (options.on_note)(warning));
    let recipe = config.train.resolved(data.sizes()[0]);
    let made = Made::here(device, dataset.fingerprint());
    let folder = Folder::open(out, &folder::CONFIRMATION, config, &made, options.overwrite, 10_000_000)?;
    let stage = TrainStage {
        space: candidates.space.as_ref(),
        recipe: &recipe,
        data: &data,
        seed: config.seed,
        dir: folder.subfolder(TRAINED)?,
        short: Vec::new(),
    };
    let networks = train_candidates(&stage, &candidates, &chosen, config.repeats, options, on_progress)?;
    let trainings_file = out.join("trainings.parquet");
    write_trainings(&trainings_file, &candidates, &networks.iter().collect::<Vec<_>>())?;
    let data_name = spec.to_string();
    let to_judge = Judged { dataset, data_name: &data_name, folds: config.folds };
    let winner = take(&stage, &candidates, &networks, limits.latency.as_ref(), &to_judge, out, options)?;

    let names = names(&candidates, winner.as_ref());
    let groups = Groups {
        networks: &networks,
        names: &names,
        controls: config.controls,
        epochs: recipe.epochs,
        repeats: config.repeats,
        seed: config.seed,
    };
    let not_learned = not_learned(&networks.iter().collect::<Vec<_>>(), &recipe, data.census());
    let mut verdict = judged(not_learned.as_deref(), winner.as_ref(), groups.sentence(), &config.limits);
    let (diverged, trained) = diverged(&networks);
    verdict.extend(divergence(diverged, trained));
    let [train, valid, test] = data.sizes();
    let fact = |k: &str, v: String| (k.to_string(), v);
    let overview = Overview {
        space: candidates.space.entry().name.into(),
        scored: Some(candidates.len() as u64),
        seed: Some(config.seed),
        device: describe_device(device),
        dataset: spec.to_string(),
        version: env!("CARGO_PKG_VERSION").into(),
        accuracy: "test accuracy".into(),
        ..Overview::default()
    };
    let reproduction = Reproduction {
        command: command(config, out),
        facts: vec![
            fact("libtorch", crate::LIBTORCH_VERSION.into()),
            fact("images", format!("{train} for training, {valid} for validation, {test} for test")),
        ],
        config: to_toml(config)?,
    };
    let comparison = groups.comparison();
    let card = winner.as_ref().map(|winner| Card {
        winner,
        picture: picture(&candidates, &winner.arch),
        limits: &config.limits,
        trained: Contestant::all(&names, &networks),
        controls: comparison.controls.mean,
        training_images: train,
    });
    let mut sections: Vec<Section> = card.iter().map(Card::section).collect();
    sections.extend(card.as_ref().and_then(Card::classes));
    sections.push(comparison.section(overview.accuracy()));
    sections.extend(card.as_ref().and_then(Card::next));
    sections.extend([learning(groups.curves()), reproduction.section()]);
    let document = Document {
        title: format!("The best by {} of {}", config.by, candidates.space.entry().name),
        verdict: verdict.clone(),
        facts: overview.facts(),
        sections,
    };
    let report = save(&Saved { document, ..Saved::default() }, out)?;
    let difference = groups.difference();
    Ok(ConfirmReport {
        verdict,
        difference_pct: difference.as_ref().map(|d| (d.difference, d.interval)),
        p_value: difference.map(|d| d.p_value),
        winner,
        diverged,
        report,
        trainings: trainings_file,
        skipped: source.skipped().to_vec(),
    })
}

/// The drawing of a network of the candidates' space.
pub(in crate::pipeline) fn picture(candidates: &Candidates, arch: &str) -> Option<Picture> {
    let space = &candidates.space;
    Some(space.picture(&space.parse(arch).ok()?))
}

/// What the candidates are called; one of them may be the winner.
pub(in crate::pipeline) fn names(candidates: &Candidates, winner: Option<&Winner>) -> Vec<NetworkName> {
    let mut names = candidates.names();
    names.iter_mut().for_each(|name| name.winner = winner.is_some_and(|winner| winner.arch == name.arch));
    names
}

/// What was found, the most important first: that the networks have not learned, which leaves nothing to judge; or what the
/// winner reaches and whether choosing helped.
pub(in crate::pipeline) fn judged(
    not_learned: Option<&str>,
    winner: Option<&Winner>,
    helped: Option<String>,
    limits: &LimitSettings,
) -> Vec<String> {
    let winner = winner.iter().flat_map(|w| w.sentences(limits));
    match not_learned {
        Some(sentence) => std::iter::once(sentence.to_owned()).chain(winner).collect(),
        None => winner.chain(helped).collect(),
    }
}

/// The command line of a confirmation.
fn command(config: &ConfirmConfig, out: &Path) -> String {
    let controls = match config.controls {
        Controls::Random => "random",
        Controls::Matched => "matched",
    };
    let mut words = vec![
        format!("naslens confirm {} --by {}", config.run.display(), config.by),
        format!("--top {} --repeats {} --controls {controls} --seed {}", config.top, config.repeats, config.seed),
    ];
    words.extend(config.data.as_ref().map(|data| format!("--data {data}")));
    words.extend(config.limits.options());
    words.push(format!("--out {}", out.display()));
    words.join(" ")
}

/// Finalists and controls among the candidates.
fn chosen(
    config: &ConfirmConfig,
    candidates: &Candidates,
    limits: &Limits,
    task: &Task,
) -> Result<Vec<(usize, Role)>, RunError> {
    let by: ColumnRef =
        config.by.parse().map_err(|error: candidates::NoColumnNamed| RunError::Value(error.to_string()))?;
    let scores = candidates.column(&by)?;
    let labels = match &by.table {
        Some(table) if Table::open(table)?.has(LABEL) => {
            candidates.column(&ColumnRef { table: Some(table.clone()), column: LABEL.into() })?
        }
        _ => vec![None; candidates.len()],
    };
    let mut from: Vec<usize> = (0..candidates.len()).filter(|&c| labels[c].is_none()).collect();
    let mut limited = String::new();
    if !limits.bounds().is_empty() {
        let costs = |&c: &usize| Ok(limits.costs(&candidates.space.build(&candidates.archs[c], task)?));
        let costs: Vec<_> = from.iter().map(costs).collect::<Result<_, SpaceError>>()?;
        limited = format!(" within the limits (of {}, {})", from.len(), limits.least(costs.iter()));
        from = from.into_iter().zip(&costs).filter(|(_, costs)| limits.admit(costs)).map(|(c, _)| c).collect();
    }
    let needed = config.top.saturating_mul(2);
    if from.len() < needed {
        let remedy = if !limited.is_empty() {
            "raise the limit, lower --top or screen more"
        } else {
            "lower --top or screen more"
        };
        return Err(RunError::Value(format!(
            "{} distinct live networks of the run may be trained{limited}, {} finalists and as many controls need {needed}; \
             {remedy} networks",
            from.len(),
            config.top
        )));
    }
    Ok(finalists_and_controls(candidates, &scores, &from, config.top, config.controls, config.seed))
}

/// The column of predictions with what they were learned from.
const LABEL: &str = "label";

/// The `top` best of the candidates `from` by score, and as many controls among the others of them.
pub(in crate::pipeline) fn finalists_and_controls(
    candidates: &Candidates,
    scores: &[Option<f64>],
    from: &[usize],
    top: usize,
    controls: Controls,
    seed: u64,
) -> Vec<(usize, Role)> {
    let values = missing_last(&from.iter().map(|&c| scores[c]).collect::<Vec<_>>());
    let finalists: Vec<usize> = top_indices(&values, top).into_iter().map(|i| from[i]).collect();
    let macs = candidates.score("macs").unwrap_or_default();
    let macs: Vec<f64> = (0..candidates.len()).map(|c| macs.get(c).copied().flatten().unwrap_or(0.0)).collect();
    let controls = controls.draw(&finalists, from, &macs, seed);
    let controls = controls.into_iter().map(|c| (c, Role::Control));
    finalists.into_iter().map(|c| (c, Role::Finalist)).chain(controls).collect()
}
