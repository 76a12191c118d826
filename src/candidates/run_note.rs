//! What a screen says of itself.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::benchmark::{METADATA_KEY, Table};
use crate::space::{SpaceError, SpaceSpec};

/// What a screen says of itself in the metadata of its scores, as JSON under [`METADATA_KEY`]. What an earlier version did not
/// say has its default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunNote {
    /// The version that wrote it.
    pub naslens: String,
    /// The version of libtorch.
    pub libtorch: String,
    /// The settings, as that version wrote them.
    pub config: Value,
    /// How architectures were chosen, in words.
    pub sampler: String,
    /// Root of all random numbers.
    pub seed: u64,
    /// Classes that networks were built for.
    pub classes: Option<usize>,
    /// Architectures asked for.
    pub architectures: Option<usize>,
    /// Distinct networks among them.
    pub distinct_networks: Option<usize>,
    /// The device, in words.
    pub device: String,
    /// The machine.
    pub machine: Value,
    /// Worker threads.
    pub threads: Option<usize>,
    /// Wall-clock seconds that all scores took, if they are known.
    pub scoring_seconds: Option<f64>,
    /// Seconds of the passes that each proxy read, summed over networks.
    pub seconds_per_proxy: BTreeMap<String, f64>,
    /// How each score is defined.
    pub protocols: BTreeMap<String, String>,
    /// The stages of the cascade.
    pub cascade: Vec<Gate>,
    /// Image files that were left out.
    pub skipped_files: Vec<String>,
    /// Distinct networks over a limit.
    pub over_limit: usize,
    /// The latency model.
    pub latency_model: Value,
}

/// A stage of a cascade: who entered it, and who went on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// The score that decided.
    pub score: String,
    /// How many were to go on, as the settings say it.
    pub keep: String,
    /// Networks that entered, without dead ones.
    pub entered: usize,
    /// Networks that went on, without dead ones.
    pub kept: usize,
}

impl RunNote {
    /// The note of a table of scores; None if it has none that can be read.
    pub fn of(scores: &Table) -> Option<Self> {
        serde_json::from_str(&scores.metadata(METADATA_KEY)?).ok()
    }

    /// A setting by its name; None if it is not noted.
    pub fn setting<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        T::deserialize(self.config.get(name)?).ok()
    }

    /// The search space with its options; None if it is not noted.
    pub fn space(&self) -> Result<Option<SpaceSpec>, SpaceError> {
        SpaceSpec::of_settings(&self.config)
    }
}
