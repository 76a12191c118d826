//! What was scored, where and how fast, and what is needed to do it again.

use serde::Deserialize;

use crate::report::document::{Fact, Part, Section, facts};
use crate::text::thousands;

/// What was sampled and scored, where and how fast. What is empty is not known.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(in crate::pipeline) struct Overview {
    /// Name of the search space.
    pub space: String,
    /// Number of architectures the sampler was asked for.
    pub asked: Option<u64>,
    /// Number of distinct networks that were scored.
    pub scored: Option<u64>,
    /// Wall-clock seconds spent scoring them, all proxies together.
    pub scoring_seconds: Option<f64>,
    /// Name of the sampler.
    pub sampler: String,
    /// Seed of the run.
    pub seed: Option<u64>,
    /// The device the networks ran on.
    pub device: String,
    /// The data set.
    pub dataset: String,
    /// Version of naslens.
    pub version: String,
    /// What accuracy means here, in lower case ("test accuracy").
    pub accuracy: String,
    /// What else is to be said.
    pub more: Vec<Fact>,
}

impl Overview {
    /// What the accuracy is called.
    pub fn accuracy(&self) -> &str {
        if self.accuracy.is_empty() { "trained accuracy" } else { &self.accuracy }
    }

    /// What is known, as names and values.
    pub fn facts(&self) -> Vec<Fact> {
        let networks = match (self.scored, self.asked) {
            (Some(scored), Some(asked)) => {
                format!("{} distinct, of {} asked for", thousands(scored), thousands(asked))
            }
            (Some(scored), None) => format!("{} distinct", thousands(scored)),
            (None, Some(asked)) => format!("{} asked for", thousands(asked)),
            (None, None) => String::new(),
        };
        let duration = crate::report::duration;
        let scoring = match (self.scoring_seconds.filter(|s| s.is_finite()), self.scored) {
            (Some(seconds), Some(n)) if n > 0 => {
                format!("{}, {} a network", duration(seconds), duration(seconds / n as f64))
            }
            (Some(seconds), _) => duration(seconds),
            (None, _) => String::new(),
        };
        // A seed is an identifier, not a quantity: no separators.
        let seed = self.seed.map(|s| format!("seed {s}"));
        let sampler: Vec<String> =
            Some(self.sampler.clone()).filter(|s| !s.is_empty()).into_iter().chain(seed).collect();
        facts([
            ("Search space", self.space.clone()),
            ("Networks scored", networks),
            ("Scoring time", scoring),
            ("Sampler", sampler.join(", ")),
            ("Data set", self.dataset.clone()),
            ("Device", self.device.clone()),
            ("naslens", self.version.clone()),
        ])
        .into_iter()
        .chain(self.more.iter().cloned())
        .collect()
    }
}

/// What is needed to do it again. What is empty is not known.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(in crate::pipeline) struct Reproduction {
    /// The command line.
    pub command: String,
    /// Versions, seeds, device.
    pub facts: Vec<Fact>,
    /// The resolved configuration, as TOML.
    pub config: String,
}

impl Reproduction {
    pub fn section(self) -> Section {
        let parts = vec![
            Part::Code(String::new(), self.command),
            Part::Facts(self.facts),
            Part::Code("Resolved configuration".into(), self.config),
        ];
        Section::new("reproduce", "Run it again", parts).called("Run it again")
    }
}
