//! What scores of networks say, and the sections that say it: what proxies are worth next to a count, how well they rank,
//! which rank alike, what they cost, what they favour.

use serde::Deserialize;

use crate::report::document::{Cost, Fact, Part, ScatterPanel, Section, facts};
use crate::text::thousands;

mod preference;
mod proxies;
mod worth;

pub(in crate::pipeline) use preference::{Features, Preferences, preferences};
pub(in crate::pipeline) use proxies::Proxies;
pub use proxies::ProxyRow;
pub(in crate::pipeline) use proxies::costs;
pub(in crate::pipeline) use proxies::{Correlations, correlations};
pub(in crate::pipeline) use worth::{Worth, sentences, worth};

/// Networks in a table of the best.
pub(in crate::pipeline) const TOP: usize = 20;
/// Those of them that are drawn.
pub(in crate::pipeline) const DRAWN: usize = 6;
/// Up to so many networks are named in scatter plots.
pub(in crate::pipeline) const NAMED: usize = 2000;
/// Resamples behind every interval and p-value.
pub(in crate::pipeline) const REPEATS: usize = 2000;

/// The scores of one proxy.
#[derive(Clone, Debug)]
pub(in crate::pipeline) struct Column {
    pub name: String,
    /// One per network; none where the proxy gave no usable value.
    pub values: Vec<Option<f64>>,
    /// Whether it only measures size.
    pub baseline: bool,
}

/// Everything that scores say.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(in crate::pipeline) struct Findings {
    pub worth: Option<Worth>,
    pub proxies: Proxies,
    pub scatter: Vec<ScatterPanel>,
    pub costs: Vec<Cost>,
    pub correlations: Option<Correlations>,
    pub preferences: Option<Preferences>,
}

impl Findings {
    /// Whether proxies beat a count.
    pub fn verdict(&self) -> Option<Section> {
        self.worth.as_ref().map(Worth::section)
    }

    /// The other sections. `accuracy` is what correlations are with, `drawn` what scores are drawn against, `scored` the number
    /// of networks with scores.
    pub fn sections(&self, accuracy: &str, drawn: &str, scored: Option<u64>) -> Vec<Section> {
        let mut sections = Vec::new();
        if !self.proxies.rows.is_empty() {
            sections.push(self.proxies.section(accuracy, scored));
        }
        sections.push(self.proxies.scatter(&self.scatter, drawn));
        sections.push(proxies::cost_section(&self.costs));
        sections.extend(self.correlations.as_ref().and_then(Correlations::section));
        sections.extend(self.preferences.as_ref().map(Preferences::section));
        sections
    }
}

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
