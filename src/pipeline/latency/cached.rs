//! Models that are fitted when they are first needed, and kept.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde_json::json;

use super::Subject;
use super::fit::fit_measured;
use crate::candidates::{self, CandidatesConfig, RunNote};
use crate::engine::cache_folder;
use crate::files::FileError;
use crate::hardware::{LatencyModel, MeasureOptions, Setting};
use crate::pipeline::RunError;
use crate::seed::derive;
use crate::space::SpaceSpec;

/// Networks that a model which nobody asked for in particular learns from.
pub const CACHED_SAMPLES: usize = 100;
const FRESH: usize = 20;
const RUNS: usize = 30;

/// The file of a model for these networks on this machine (one thread, batch 1): the one that an earlier call kept in the cache
/// folder, or a new one, measured now. `say` hears how long that takes, how good the model is, and where it is kept.
pub fn cached_model(
    subject: &Subject,
    device: &str,
    stop: &AtomicBool,
    say: &mut dyn FnMut(&str),
    on_progress: &mut dyn FnMut(usize, usize),
) -> Result<PathBuf, RunError> {
    let setting = Setting::here(device, 1, 1, true)?;
    let folder = cache_folder().ok_or_else(|| {
        let text = "there is no cache folder to keep a latency model in; set NASLENS_CACHE, or fit one with `naslens latency \
                    --fit`";
        RunError::Refused(text.into())
    })?;
    let key = json!([env!("CARGO_PKG_VERSION"), subject.space, subject.image, subject.classes, setting]);
    let file = folder.join(format!("latency-{:016x}.json", derive(0, &key.to_string())));
    if LatencyModel::read(&file).is_ok() {
        return Ok(file);
    }
    let networks = CACHED_SAMPLES + FRESH;
    say(&format!(
        "no latency model of these networks on this machine yet: measuring {networks} of them, once, for a minute or more"
    ));
    std::fs::create_dir_all(&folder).map_err(|source| FileError::Folder { path: folder.clone(), source })?;
    let options = MeasureOptions { runs: RUNS, stop };
    let report = fit_measured(subject, &setting, options, CACHED_SAMPLES, FRESH, 0, &file, on_progress)?;
    if let Some(warning) = &report.warning {
        say(&format!("warning: {warning}: remove {} then, or later runs use it too", file.display()));
    }
    let quality = report.curve.last().map_or(String::new(), |p| {
        format!(": tau {:.2}, median error {:.1}% on {FRESH} fresh networks", p.tau.mean, p.error_pct.mean)
    });
    say(&format!("latency model fitted in {:.0} s{quality}; kept in {}", report.seconds, file.display()));
    Ok(file)
}

/// The networks of the run in this folder.
pub fn subject_of_run(run: &Path) -> Result<Subject, RunError> {
    let candidates = candidates::load(&CandidatesConfig { run: Some(run.into()), ..CandidatesConfig::default() })?;
    let noted = candidates.run.as_ref().map(RunNote::space).transpose()?.flatten();
    Ok(Subject {
        space: noted.map_or_else(|| SpaceSpec::new(candidates.space.entry().name), Ok)?,
        image: candidates.image(),
        // Runs of version 0.1.0 do not record their classes; its models had 10.
        classes: candidates.task().target.outputs(),
    })
}
