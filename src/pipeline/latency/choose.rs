//! Which networks are measured, and models that are fitted when they are first needed.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde_json::json;

use super::Subject;
use super::fit::fit_measured;
use crate::candidates::{self, CandidatesConfig, RunNote};
use crate::engine::cache_folder;
use crate::files::FileError;
use crate::hardware::{LatencyModel, MeasureOptions, Setting};
use crate::network::Network;
use crate::pipeline::RunError;
use crate::pipeline::screen::draw_live;
use crate::seed::{Stream, derive};
use crate::space::{ArchId, Architecture, SpaceSpec};
use crate::stats::{missing_last, top_indices};

/// A network to measure.
pub struct Chosen {
    /// As the space writes it.
    pub arch: String,
    /// Its id.
    pub arch_id: String,
    /// As specified, dead operations included.
    pub network: Network,
}

/// The architectures of these texts. A dead one is refused.
pub fn listed(subject: &Subject, texts: &[String]) -> Result<Vec<Chosen>, RunError> {
    let (space, task) = subject.open()?;
    let one = |text: &String| {
        let arch = space.parse(text)?;
        let network = space.build(&arch, &task)?;
        if network.live().is_none() {
            return Err(RunError::Refused(format!(
                "`{text}` is dead: no path leads from its input to its output, so there is nothing to measure"
            )));
        }
        Ok(Chosen { arch: space.format(&arch), arch_id: space.arch_id(&arch).to_string(), network })
    };
    texts.iter().map(one).collect()
}

/// `n` distinct live networks: architectures drawn uniformly from the space, of each class of equal networks its
/// representative, once. The first `m` of `n` are those of `m`.
pub fn sampled(subject: &Subject, n: usize, seed: u64) -> Result<Vec<Chosen>, RunError> {
    let (space, task) = subject.open()?;
    let chosen = draw_live(space.as_ref(), &task, n, Stream::named(seed, "latency"))?;
    if chosen.len() < n {
        return Err(RunError::Refused(format!(
            "{n} distinct live networks were asked for, but only {} could be drawn from {}; ask for fewer",
            chosen.len(),
            space.entry().name
        )));
    }
    let named = |(arch, id, network): (Architecture, ArchId, Network)| Chosen {
        arch: space.format(&arch),
        arch_id: id.to_string(),
        network,
    };
    Ok(chosen.into_iter().map(named).collect())
}

/// The `top` best networks of a run by a score, ties by their order in it.
pub fn top_of_run(subject: &Subject, run: &Path, score: &str, top: usize) -> Result<Vec<Chosen>, RunError> {
    let candidates = candidates::load(&CandidatesConfig { run: Some(run.into()), ..CandidatesConfig::default() })?;
    let Some(values) = candidates.score(score) else {
        let names = candidates.scores.iter().map(|(name, _)| name.as_str());
        let hint = crate::text::did_you_mean(score, names.clone());
        let known = names.collect::<Vec<_>>().join(", ");
        return Err(RunError::Refused(format!("the run has no score `{score}`{hint}; name one of {known}")));
    };
    let best = top_indices(&missing_last(values), top.min(values.len()));
    let texts: Vec<String> = best.into_iter().map(|i| candidates.space.format(&candidates.archs[i])).collect();
    listed(subject, &texts)
}

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
        "no latency model of these networks on this machine yet: measuring {networks} of them, once, for about a minute"
    ));
    std::fs::create_dir_all(&folder).map_err(|source| FileError::Folder { path: folder.clone(), source })?;
    let options = MeasureOptions { runs: RUNS, stop };
    let report = fit_measured(subject, &setting, options, CACHED_SAMPLES, FRESH, 0, &file, on_progress)?;
    report.warning.iter().for_each(|warning| say(&format!("warning: {warning}")));
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
        classes: candidates.run.as_ref().and_then(|run| run.classes).unwrap_or(10),
    })
}
