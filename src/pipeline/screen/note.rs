//! What a screen says of itself in its table.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use serde_json::json;

use super::ScreenConfig;
use super::plan::Plan;
use super::prepared::Prepared;
use super::recorder::Recorder;
use super::rows::Population;
use super::shards::{ScoreKey, Scored};
use crate::benchmark::Table;
use crate::candidates::{Gate, RunNote};
use crate::engine::{Machine, describe_device};
use crate::proxy::Proxy;

/// What the note is made of.
pub(super) struct Noted<'a> {
    pub config: &'a ScreenConfig,
    pub prepared: &'a Prepared,
    pub recorder: &'a Recorder,
    /// Devices on which shards ran, if there are any.
    pub devices: Option<String>,
    pub gates: Vec<Gate>,
    pub threads: usize,
}

impl Noted<'_> {
    /// The note of the table at `path`, which may be that of an earlier run.
    pub fn run_note(self, population: &Population, path: &Path) -> RunNote {
        let Noted { config, prepared, recorder, .. } = self;
        let Prepared { plan, limits, .. } = prepared;
        let computed = recorder.computed() > 0;
        let here = || describe_device(prepared.device);
        RunNote {
            naslens: env!("CARGO_PKG_VERSION").into(),
            libtorch: crate::LIBTORCH_VERSION.into(),
            config: json!(config),
            sampler: prepared.sampler.clone(),
            seed: config.seed,
            classes: Some(prepared.task.target.outputs()),
            architectures: Some(prepared.rows.len()),
            distinct_networks: Some(population.len()),
            device: self.devices.filter(|_| !computed).unwrap_or_else(here),
            machine: json!(Machine::here()),
            threads: Some(self.threads),
            scoring_seconds: scoring_seconds(path, recorder.fresh, computed.then_some(recorder.progress.seconds)),
            seconds_per_proxy: seconds_per_proxy(&prepared.proxies, &recorder.keys, &recorder.known.scores),
            protocols: protocols(plan),
            cascade: self.gates,
            skipped_files: prepared.skipped.iter().map(|file| file.path.display().to_string()).collect(),
            over_limit: population.over_limit(),
            latency_model: json!(limits.latency.as_ref().map(|limit| limit.model.settings())),
        }
    }
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
