//! One of several processes that share a screen: it scores its networks, and leaves the table to whoever finishes.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::done::{Done, host};
use super::prepared::Prepared;
use super::recorder::Recorder;
use super::shard::Shard;
use super::stages::{Ended, Share, run_stages};
use super::{Progress, RunOptions, ScreenConfig, Selection};
use crate::data::Skipped;
use crate::engine::{Machine, describe_device};
use crate::folder::{self, Folder, SHARDS};
use crate::pipeline::RunError;

/// What a shard did.
#[derive(Debug)]
pub struct ShardOutcome {
    /// Which it is.
    pub shard: Shard,
    /// Its folder.
    pub path: PathBuf,
    /// Networks that are its to score.
    pub networks: usize,
    /// Networks run now.
    pub computed: usize,
    /// Seconds of scoring now.
    pub seconds: f64,
    /// How many networks could not be run now, and why the first could not.
    pub failed: Option<(usize, String)>,
    /// Image files that were left out because they could not be decoded.
    pub skipped: Vec<Skipped>,
}

/// Scores the networks of one shard of a [`screen`](super::screen) into `out/shards/IofN`, while other processes, here or on
/// other machines, score the others into the same folder. [`finish`](super::finish), or `screen` itself, writes the table.
///
/// A gate of a cascade needs everybody's scores. If some are missing there, the error is [`RunError::Waits`], and the same call
/// goes on when they are there.
pub fn screen_shard(
    config: &ScreenConfig,
    selection: &Selection,
    out: &Path,
    shard: Shard,
    options: &RunOptions<'_>,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<ShardOutcome, RunError> {
    if options.overwrite {
        return Err(RunError::Refused(
            "a shard does not overwrite, since others write beside it; choose another --out, or remove the folder first".into(),
        ));
    }
    let (share, source) = (Share::Shard(shard), config.data.open(&options.watch())?);
    let (prepared, mut population) = Prepared::new(config, &source, selection, share, options)?;
    let folder = Folder::open_together(out, &folder::SCREEN, config, &prepared.made, prepared.bytes)?;
    let all = folder.subfolder(SHARDS)?;
    let own = folder.part(&format!("{SHARDS}/{}", shard.folder()))?;
    let mut recorder = Recorder::open(&all, own.path())?;
    let scorer = prepared.scorer(config, options)?;
    let ended = run_stages(&prepared, &mut population, &mut recorder, (share, Some(&scorer)), options, on_progress)?;
    let (computed, seconds, failed) = (recorder.computed(), recorder.progress.seconds, recorder.failed());
    if computed > 0 {
        recorder.compact()?;
    }
    let networks = recorder.keys.len();
    let done = Done {
        naslens: env!("CARGO_PKG_VERSION").into(),
        libtorch: crate::LIBTORCH_VERSION.into(),
        shard: shard.to_string(),
        keys: networks,
        scored: networks - failed,
        failed,
        stages: recorder.stages,
        seconds: Done::seconds(own.path(), if computed > 0 { seconds } else { 0.0 }),
        host: host(),
        machine: json!(Machine::here()),
        device: describe_device(prepared.device),
        threads: options.threads,
        selection: prepared.chosen,
        config: json!(config),
    };
    done.write(own.path())?;
    match ended {
        Ended::Done(_) => Ok(ShardOutcome {
            shard,
            path: own.path().into(),
            networks,
            computed,
            seconds,
            failed: recorder.first_failure.map(|error| (recorder.failures, error)),
            skipped: prepared.skipped,
        }),
        Ended::Waits(lacking) => Err(lacking.waits(shard, prepared.plan.stages.len())),
    }
}
