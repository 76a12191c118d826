//! Searches whose trainings are done for real.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Budget;
use super::best::Check;
use super::drive::{Trace, drive};
use super::members::{Members, PoolConfig, by_id, pool};
use super::record::Recording;
use super::record::{Record, SearchSettings};
use super::report::{SearchReport, Source, report};
use crate::candidates::{self, CandidatesConfig};
use crate::data::{DataSpec, Skipped};
use crate::engine::parse_device;
use crate::files::subfolder;
use crate::folder::{Folder, Made, TRAINED};
use crate::pipeline::screen::thread_pool;
use crate::pipeline::{Progress, RunConfig, RunError, RunOptions};
use crate::seed::derive;
use crate::space::Task;
use crate::strategy::StrategyEntry;
use crate::train::{Recipe, TrainingData};
use crate::trial::{Job, TrainError, TrainStage};

/// What is searched, and how networks are trained.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveConfig {
    /// Folder of a screen: its distinct live networks are the candidates, and trainings are kept there.
    pub run: PathBuf,
    /// How networks are trained; as in the `run.toml` of the folder, if it has one, or by default.
    pub recipe: Option<Recipe>,
    /// Images; those of the screen if absent.
    pub data: Option<DataSpec>,
    /// Epochs of shorter trainings that strategies may ask for. Each is a training of its own, with the schedule of that
    /// length.
    pub short: Vec<u32>,
    /// Who may be trained.
    pub pool: PoolConfig,
    /// Networks trained side by side: so many are asked for before the answers are told.
    pub batch: usize,
}

/// How networks were trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingSource {
    /// Images.
    pub data: DataSpec,
    /// Images for training, validation and test. Choices are made by validation accuracy, test accuracy is reported.
    pub images: [usize; 3],
    /// How.
    pub recipe: Recipe,
    /// Trainings of this search that an earlier one, or an earlier run, had done: their seconds count all the same.
    pub reused: usize,
    /// Image files that were left out because they could not be decoded.
    pub skipped: Vec<Skipped>,
}

/// Searches with real trainings and writes the record, the trials and the summary into `out`. The same command after an
/// interruption goes on and gives the same trials.
pub fn search_live(
    config: &LiveConfig,
    entry: &'static StrategyEntry,
    seed: u64,
    budget: &Budget,
    out: &Path,
    options: &RunOptions<'_>,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<SearchReport, RunError> {
    let candidates =
        candidates::load(&CandidatesConfig { run: Some(config.run.clone()), ..CandidatesConfig::default() })?;
    let run = candidates.run.clone().unwrap_or_default();
    let seed_of_run = run.setting("seed").unwrap_or(0);
    // Its configuration, if `naslens run` made it.
    let file = config.run.join("run.toml");
    let earlier = if file.exists() { Some(RunConfig::read(&file)?) } else { None };
    let recipe = config.recipe.clone().or_else(|| earlier.as_ref().map(|run| run.train.clone())).unwrap_or_default();
    if let Some(problem) = recipe.problem() {
        return Err(RunError::Refused(format!("train: {problem}; correct the recipe")));
    }
    let spec = config.data.clone().or(run.setting("data")).unwrap_or_default();
    let device = parse_device(options.device)?;
    let images_source = spec.open(&options.watch())?;
    let dataset = images_source.dataset()?;
    let split_seed = derive(seed_of_run, "split");
    let training_data = TrainingData::new(dataset, &recipe, split_seed, device)?;
    training_data.census().warnings().iter().for_each(|warning| (options.on_note)(warning));
    let images = training_data.sizes()[0];
    let recipe = recipe.resolved(images);
    let epochs = epochs(&recipe, &config.short)?;
    let known: Vec<usize> = (0..candidates.len()).collect();
    let limits = config.pool.open_limits(&candidates)?;
    let task = Task::classify(candidates.image(), training_data.classes());
    let Members { pool, jobs, population, .. } = pool(candidates, known, &config.pool, &limits, &task, epochs)?;

    let threads = thread_pool(config.batch)?;
    let made = Made::here(device, dataset.fingerprint());
    let settings = SearchSettings {
        strategy: entry.name.into(),
        seed,
        recipe: recipe.clone(),
        data: spec.clone(),
        short: config.short.clone(),
        batch: config.batch,
        constraints: population.constraint_texts(),
        networks: fingerprint(&jobs, &pool.features.names),
    };
    // Trainings are shared with the run and its other searches.
    let _shared = Folder::shared(&config.run)?;
    let mut record = Record::open(out, &settings, &made, options.overwrite)?;
    let kind = if device.is_cuda() { "cuda" } else { "cpu" };
    let folder = |epochs: &u32| {
        let recipe = Recipe { epochs: *epochs as usize, ..recipe.clone() };
        let done_by_run =
            earlier.as_ref().is_some_and(|run| run.train.resolved(images) == recipe && run.screen.data == spec);
        let key = || derive(0, &json!([recipe, spec, kind]).to_string());
        let name = if done_by_run { TRAINED.into() } else { format!("trained-{:016x}", key()) };
        subfolder(&config.run, &name)
    };
    let (full, short) = pool.epochs.split_last().ok_or_else(|| RunError::Refused("no training has a length".into()))?;
    let stage = TrainStage {
        space: pool.space(),
        recipe: &recipe,
        data: &training_data,
        seed: seed_of_run,
        dir: folder(full)?,
        short: short.iter().map(|epochs| Ok((*epochs, folder(epochs)?))).collect::<Result<_, RunError>>()?,
    };

    let resumed = record.trials.len();
    let total = if budget.trainings.is_finite() { budget.trainings as usize } else { pool.len() };
    let start = std::time::Instant::now();
    let mut on_trial = |done: usize| {
        let (total, resumed) = (total.max(done), resumed.min(done));
        on_progress(Progress { done, total, resumed, seconds: start.elapsed().as_secs_f64() });
    };
    stage.check_memory(&jobs.iter().collect::<Vec<_>>(), config.batch)?;
    let mut strategy = (entry.open)(seed);
    let (trace, reused) = stage.with_backend(&threads, options.stop, |local| {
        let mut recorded = Recording::new(local, &mut record, by_id(&jobs), &mut on_trial);
        let trace = drive(strategy.as_mut(), &pool, &jobs, budget, config.batch, &mut recorded);
        trace.map(|trace| (trace, local.resumed))
    })?;
    all_diverged(&trace, &recipe)?;
    let (images, skipped) = (training_data.sizes(), images_source.skipped().to_vec());
    let source = Source::Training(TrainingSource { data: spec, images, recipe, reused, skipped });
    let check = limits.latency.as_ref().map(|limit| Check { limit, stop: options.stop });
    report(out, population, source, &pool, entry, seed, budget, trace, check)
}

/// Tells apart pools: who is in them and what is known of them.
fn fingerprint(jobs: &[Job], features: &[String]) -> String {
    let text = jobs.iter().map(|job| job.arch_id.clone()).chain(features.iter().cloned()).collect::<Vec<_>>().join(",");
    format!("{} ({:016x})", jobs.len(), derive(0, &text))
}

/// All lengths of training, ascending.
fn epochs(recipe: &Recipe, short: &[u32]) -> Result<Vec<u32>, RunError> {
    let full = u32::try_from(recipe.epochs).unwrap_or(u32::MAX);
    let mut epochs = short.to_vec();
    epochs.sort_unstable();
    epochs.push(full);
    if epochs[0] == 0 || epochs.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(RunError::Refused(format!(
            "short trainings of {short:?} epochs beside full ones of {full}: give every length once, above 0 and below it"
        )));
    }
    Ok(epochs)
}

/// An error if every training of the search diverged.
fn all_diverged(trace: &Trace, recipe: &Recipe) -> Result<(), RunError> {
    let trainings = trace.steps.len();
    if trainings > 0 && trace.steps.iter().all(|step| step.accuracy_pct.is_none()) {
        return Err(TrainError::AllDiverged { trainings, learning_rate: recipe.learning_rate }.into());
    }
    Ok(())
}
