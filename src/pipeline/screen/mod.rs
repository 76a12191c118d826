//! Scores many architectures of a space and writes one table; resumable.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

mod done;
mod merge;
mod note;
mod options;
mod plan;
mod prepared;
mod protocol;
mod recorder;
mod rows;
mod scorer;
mod selection;
mod shard;
mod sharded;
mod shards;
mod stages;

use done::{Done, devices};
use note::Noted;
use prepared::Prepared;
use recorder::Recorder;
use rows::{Population, assemble};
use shard::shards_of;
use shards::{Known, Torn};
use stages::{Ended, Lacking, Share, run_stages};

pub use merge::{Merged, merge};
pub use options::RunOptions;
pub(super) use plan::survivors;
pub use plan::{CascadeStage, Keep};
pub use protocol::Protocol;
pub use scorer::Init;
pub(super) use scorer::{no_threads, thread_pool};
pub(super) use selection::draw_live;
pub use selection::{Selection, read_arch_list};
pub use shard::{Shard, ShardChoice};
pub use sharded::{ShardOutcome, screen_shard};
pub(super) use shards::{ScoreKey, Scored};

use crate::candidates::{Gate, SCORES_FILE, ScoreTable};
use crate::data::{DEFAULT_BATCH, DataSource, DataSpec, Skipped};
use crate::folder::{self, Folder, SHARDS, Settings};
use crate::hardware::LimitSettings;
use crate::network::Shape;
use crate::pipeline::RunError;
use crate::space::{SpaceSpec, in_settings};

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
/// earlier run of the same settings in the same folder are used, and so are those of its shards ([`screen_shard`]). `stop` ends
/// the run early and keeps what was scored.
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
    let (prepared, mut population) = Prepared::new(config, source, selection, Share::All, options)?;
    // From here on everything is known to make sense: the folder is claimed for these settings.
    let Prepared { made, bytes, .. } = &prepared;
    let folder = Folder::open(out, &folder::SCREEN, config, made, options.overwrite, *bytes)?;
    let shards = folder.subfolder(SHARDS)?;
    let mut recorder = Recorder::open(&shards, &shards)?;
    let scorer = prepared.scorer(config, options)?;
    let work = (Share::All, Some(&scorer));
    match run_stages(&prepared, &mut population, &mut recorder, work, options, on_progress)? {
        Ended::Done(gates) => finished(config, prepared, &population, recorder, gates, &folder, options),
        Ended::Waits(lacking) => Err(unfinished(config, &prepared, &lacking, &shards)?),
    }
}

/// Writes `scores.parquet` from what the shards of a screen have scored ([`screen_shard`]). Nothing is scored: if something is
/// missing, the error says how much, and of which shards.
pub fn finish(
    config: &ScreenConfig,
    selection: &Selection,
    out: &Path,
    options: &RunOptions<'_>,
) -> Result<Outcome, RunError> {
    let source = config.data.open(&options.watch())?;
    let (prepared, mut population) = Prepared::new(config, &source, selection, Share::Nothing, options)?;
    let folder = Folder::reopen(out, &folder::SCREEN, config, &prepared.made, prepared.bytes)?;
    let shards = folder.subfolder(SHARDS)?;
    let mut recorder = Recorder::open(&shards, &shards)?;
    let work = (Share::Nothing, None);
    match run_stages(&prepared, &mut population, &mut recorder, work, options, &mut |_| {})? {
        Ended::Done(gates) => finished(config, prepared, &population, recorder, gates, &folder, options),
        Ended::Waits(lacking) => Err(unfinished(config, &prepared, &lacking, &shards)?),
    }
}

/// Writes the table.
fn finished(
    config: &ScreenConfig,
    prepared: Prepared,
    population: &Population,
    mut recorder: Recorder,
    gates: Vec<Gate>,
    folder: &Folder,
    options: &RunOptions<'_>,
) -> Result<Outcome, RunError> {
    let path = folder.file(SCORES_FILE);
    let devices = devices(&Done::all(&folder.file(SHARDS))?);
    let noted = Noted { config, prepared: &prepared, recorder: &recorder, devices, gates, threads: options.threads };
    let run = noted.run_note(population, &path);
    let Prepared { rows, space, plan, limits, .. } = &prepared;
    let table = assemble(rows, space.as_ref(), plan, population, &recorder.known.scores, limits, run)?;
    table.write(&path)?;
    let (computed, seconds) = (recorder.computed(), recorder.progress.seconds);
    if computed > 0 {
        recorder.compact()?;
    }
    Ok(Outcome {
        table,
        path,
        distinct: population.len(),
        over_limit: population.over_limit(),
        computed,
        seconds,
        failed: recorder.first_failure.map(|error| (recorder.failures, error)),
        skipped: prepared.skipped,
    })
}

/// That a table cannot be written yet: what is missing, of which shards, and what to do.
fn unfinished(
    config: &ScreenConfig,
    prepared: &Prepared,
    lacking: &Lacking,
    shards: &Path,
) -> Result<RunError, RunError> {
    let Lacking { stage, keys, networks } = lacking;
    let stages = prepared.plan.stages.len();
    let stage = if stages > 1 { format!("stage {} of {stages}: ", stage + 1) } else { String::new() };
    let mut message = format!("{stage}{} of {networks} not scored yet", lacking.count());
    // The shards of the division into the most parts that was begun.
    match shards::folders(shards)?.last().map(|(shard, _)| shard.count()) {
        None => message += "; run the command without --only-finish, or with --shard",
        Some(count) => {
            message += &format!(
                ", of {} of {count}; run the command again with --shard for these, or without --only-finish to score them here",
                shards_of(keys, count)
            );
            let of = |shard: &Shard| shard.count() == count && keys.iter().any(|key| shard.holds(key));
            let others =
                Done::all(shards)?.into_iter().find(|(s, done)| of(s) && !done.is_for(&prepared.chosen, config));
            if let Some((shard, done)) = others {
                message += &format!(
                    ". Shard {} ran for other networks or scores ({}): give all shards the same ones",
                    shard.index(),
                    done.command()
                );
            }
        }
    }
    Ok(RunError::Waits(message))
}

/// All scores in the folder of a run, with the seconds they took.
pub(super) fn known_scores(out: &Path) -> Result<HashMap<ScoreKey, Scored>, RunError> {
    Ok(Known::read(&out.join(SHARDS), Torn::Refused)?.scores)
}
