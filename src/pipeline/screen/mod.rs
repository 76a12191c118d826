//! Scores many architectures of a space and writes one table; resumable.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

mod options;
mod plan;
mod protocol;
mod recorder;
mod rows;
mod scorer;
mod selection;
mod shards;

use plan::Plan;
use recorder::Recorder;
use rows::{Population, Row, assemble, jobs, row};
use scorer::{Scorer, Tasks};
use selection::select;

pub use options::RunOptions;
pub(super) use plan::survivors;
pub use plan::{CascadeStage, Keep};
pub use protocol::Protocol;
pub use scorer::Init;
pub(super) use scorer::{no_threads, thread_pool};
pub(super) use selection::draw_live;
pub use selection::{Selection, read_arch_list};
pub(super) use shards::{ScoreKey, Scored};

use crate::benchmark::{Table, TableError};
use crate::candidates::{Gate, RunNote, SCORES_FILE, ScoreTable};
use crate::data::{self, DEFAULT_BATCH, DataSource, DataSpec, Skipped};
use crate::engine::{DeviceBatch, Machine, Pass, describe_device, parse_device};
use crate::folder::{self, Folder, Made, SHARDS, Settings};
use crate::hardware::{LimitSettings, Limits, Target};
use crate::network::Shape;
use crate::pipeline::RunError;
use crate::proxy::Proxy;
use crate::space::{SpaceSpec, Task, in_settings};

/// Scored with if nothing else is said: the counts to beat, one proxy of each kind and the default ensemble.
const DEFAULT_PROXIES: [&str; 9] =
    ["params", "flops", "layers", "synflow", "naswot", "jacov", "grad_norm", "snip", "naslens"];

/// What to score and how. Two screens with equal settings, whatever their selection, proxies and threads, give equal
/// scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScreenConfig {
    /// Search space with its options.
    #[serde(flatten, with = "in_settings")]
    pub space: SpaceSpec,
    /// Names of the proxies and ensembles.
    pub proxies: Vec<String>,
    /// Stages before them: with `synflow:0.2`, only the best fifth by `synflow` is scored with the proxies (counts are free
    /// and cover all networks).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cascade: Vec<CascadeStage>,
    /// Images that go in.
    pub data: DataSpec,
    /// Shape they are adapted to.
    pub image: Shape,
    /// Images per batch; the default of 64 becomes smaller where there are fewer images.
    pub batch_size: usize,
    /// On what networks are run.
    #[serde(skip_serializing_if = "Protocol::is_full")]
    pub protocol: Protocol,
    /// Whether every class has the same number of images in the batch.
    pub class_balanced: bool,
    /// Root of all random numbers.
    pub seed: u64,
    /// Where the weights come from.
    pub init: Init,
    /// What a network may cost: those that cost more are not scored. With a latency model there is a column `latency_ms`.
    #[serde(flatten)]
    pub limits: LimitSettings,
}

impl Default for ScreenConfig {
    fn default() -> Self {
        ScreenConfig {
            space: SpaceSpec::default(),
            proxies: DEFAULT_PROXIES.iter().map(|p| p.to_string()).collect(),
            cascade: Vec::new(),
            data: DataSpec::default(),
            image: Shape::new(3, 32, 32),
            batch_size: DEFAULT_BATCH,
            protocol: Protocol::default(),
            class_balanced: false,
            seed: 0,
            init: Init::default(),
            limits: LimitSettings::default(),
        }
    }
}

impl Settings for ScreenConfig {
    /// More proxies or architectures can be added to a run, and neither a cascade nor a limit changes any of its scores.
    const FREE: &'static [&'static str] = {
        let [params, size, latency, model] = LimitSettings::KEYS;
        &["proxies", "cascade", params, size, latency, model]
    };
}

/// Where a screen stands.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Networks scored, those of an earlier, interrupted run included.
    pub done: usize,
    /// Networks to score.
    pub total: usize,
    /// Networks that were already scored when this run began.
    pub resumed: usize,
    /// Seconds since this run began to score.
    pub seconds: f64,
}

/// What a screen found.
#[derive(Debug)]
pub struct Outcome {
    /// The table, as written.
    pub table: ScoreTable,
    /// Where it was written.
    pub path: PathBuf,
    /// Distinct networks among the architectures.
    pub distinct: usize,
    /// Distinct networks that were not scored since they are over a limit.
    pub over_limit: usize,
    /// Networks run now (the others were scored by an earlier run); the live part of an architecture and the architecture
    /// as specified, if some proxy looks at it, count as two.
    pub computed: usize,
    /// Seconds of scoring now.
    pub seconds: f64,
    /// How many networks could not be run, and why the first could not.
    pub failed: Option<(usize, String)>,
    /// Image files that were left out because they could not be decoded.
    pub skipped: Vec<Skipped>,
}

/// Scores the selected architectures and writes `scores.parquet` into `out`. Equal networks are run once; results of an
/// earlier run of the same settings in the same folder are used. `stop` ends the run early and keeps what was scored.
pub fn screen(
    config: &ScreenConfig,
    selection: &Selection,
    out: &Path,
    options: &RunOptions<'_>,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<Outcome, RunError> {
    screen_images(config, &config.data.open(&options.watch())?, selection, out, options, on_progress)
}

/// [`screen`] with images that are in memory already; they must be those of `config.data`.
pub(super) fn screen_images(
    config: &ScreenConfig,
    source: &DataSource,
    selection: &Selection,
    out: &Path,
    options: &RunOptions<'_>,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<Outcome, RunError> {
    let space = config.space.open()?;
    let plan = Plan::new(config)?;
    let proxies: Vec<&'static Proxy> = plan.proxies().map(|(_, proxy)| proxy).collect();
    let device = parse_device(options.device)?;
    let skipped = source.skipped().to_vec();
    options::check_batch(config)?;
    let scale = protocol::Scale::of(config);
    let batch = data::draw_batch(source, scale.image, scale.batch_size, config.seed, config.class_balanced)?;
    let image = config.image;
    let task = Task::classify(image, batch.classes);
    let run_task = Task::classify(scale.image, batch.classes);
    let target = Target { space: space.as_ref(), image };
    let limits = Limits::open(&config.limits, &target)?;
    let (archs, sampler) = select(space.as_ref(), selection, config.seed)?;
    let pool = thread_pool(options.threads)?;
    let rows = pool.install(|| {
        archs
            .into_par_iter()
            .map(|arch| row(space.as_ref(), arch, &task, &proxies, &limits))
            .collect::<Result<Vec<_>, _>>()
    })?;
    let mut population = Population::new(&rows, &limits)?;
    if !device.is_cuda() {
        let passes: Vec<Pass> = proxies.iter().flat_map(|p| p.passes).copied().collect();
        options::check_networks(space.as_ref(), &run_task, &rows, &passes, batch.len(), options.threads)?;
    }

    // From here on everything is known to make sense: the folder is claimed for these settings.
    let bytes = 1_000_000 + rows.len() as u64 * (200 + 100 * proxies.len() as u64);
    let made = Made::here(device, batch.fingerprint());
    let folder = Folder::open(out, &folder::SCREEN, config, &made, options.overwrite, bytes)?;
    let mut recorder = Recorder::open(folder.subfolder(SHARDS)?);
    let fresh = recorder.scores.is_empty();
    let batch = DeviceBatch::new(&batch.images, &batch.labels, device)?;
    let tasks = Tasks { run: run_task, counted: (run_task != task).then_some(task) };
    let scorer = Scorer::new(space.as_ref(), tasks, batch, device, (config.seed, config.init), options.population);
    let mut gates = Vec::new();
    for (number, stage) in plan.stages.iter().enumerate() {
        let reaching: Vec<&Row> = rows.iter().filter(|row| population.reaches(row.id, number)).collect();
        let jobs = jobs(space.as_ref(), &reaching, &stage.proxies);
        recorder.run(jobs, &scorer, &pool, options.stop, on_progress)?;
        if let Some((column, keep)) = stage.gate {
            let scores = population.scores(column, number, &recorder.scores)?;
            let (entered, kept) = population.advance(number, &scores, keep);
            gates.push(Gate { score: column.name().into(), keep: keep.to_string(), entered, kept });
        }
    }
    let (computed, seconds) = (recorder.computed(), recorder.progress.seconds);

    let table_path = out.join(SCORES_FILE);
    let run = RunNote {
        naslens: env!("CARGO_PKG_VERSION").into(),
        libtorch: crate::LIBTORCH_VERSION.into(),
        config: json!(config),
        sampler,
        seed: config.seed,
        classes: Some(task.target.outputs()),
        architectures: Some(rows.len()),
        distinct_networks: Some(population.len()),
        device: describe_device(device),
        machine: json!(Machine::here()),
        threads: Some(options.threads),
        scoring_seconds: scoring_seconds(&table_path, fresh, (computed > 0).then_some(seconds)),
        seconds_per_proxy: seconds_per_proxy(&proxies, &recorder.keys, &recorder.scores),
        protocols: protocols(&plan),
        cascade: gates,
        skipped_files: skipped.iter().map(|file| file.path.display().to_string()).collect(),
        over_limit: population.over_limit(),
        latency_model: json!(limits.latency.as_ref().map(|limit| limit.model.settings())),
    };
    let table = assemble(&rows, space.as_ref(), &plan, &population, &recorder.scores, &limits, run)?;
    table.write(&table_path)?;
    if computed > 0 {
        recorder.compact()?;
    }
    let failed = recorder.first_failure.map(|error| (recorder.failures, error));
    Ok(Outcome {
        table,
        path: table_path,
        distinct: population.len(),
        over_limit: population.over_limit(),
        computed,
        seconds,
        failed,
        skipped,
    })
}

/// All scores in the folder of a run, with the seconds they took.
pub(super) fn known_scores(out: &Path) -> Result<HashMap<ScoreKey, Scored>, TableError> {
    shards::read_all(&out.join(SHARDS))
}

/// The protocol of every proxy, and of every ensemble with its members.
fn protocols(plan: &Plan) -> BTreeMap<String, String> {
    let proxies = plan.proxies().map(|(_, p)| (p.name.to_string(), p.protocol.to_string()));
    let ensembles = plan.ensembles().map(|(_, e)| {
        let text = format!("{} of {}; {}", e.formula, e.members.join(", "), e.protocol);
        (e.name.to_string(), text)
    });
    proxies.chain(ensembles).collect()
}

/// Seconds that all scores of the folder took: those of this run and those that the earlier table tells. None if scores are
/// there that no table tells of, as after an interruption.
fn scoring_seconds(path: &Path, fresh: bool, seconds: Option<f64>) -> Option<f64> {
    match (fresh, seconds) {
        (true, seconds) => seconds,
        (false, seconds) => {
            let earlier = RunNote::of(&Table::open(path).ok()?)?.scoring_seconds;
            earlier.map(|earlier| earlier + seconds.unwrap_or(0.0))
        }
    }
}

/// Seconds of the passes that each proxy read, over the networks with these keys, on whatever run they were scored; a
/// pass that several proxies read counts for each.
fn seconds_per_proxy(
    proxies: &[&'static Proxy],
    keys: &HashSet<String>,
    scores: &HashMap<ScoreKey, Scored>,
) -> BTreeMap<String, f64> {
    let mut sums: HashMap<&str, f64> = HashMap::new();
    let used = scores.iter().filter(|((key, _), _)| keys.contains(key));
    used.for_each(|((_, name), s)| *sums.entry(name).or_default() += s.seconds);
    let total = |name: &str| (sums.get(name).unwrap_or(&0.0) * 1e3).round() / 1e3;
    proxies.iter().map(|p| (p.name.to_string(), total(p.name))).collect()
}
