//! What scores of networks say, and the sections that say it: what proxies are worth next to a count, how well they rank,
//! which rank alike, what they cost, what they favour.

mod overview;
mod preference;
mod proxies;
mod worth;

use serde::Deserialize;

pub(in crate::pipeline) use overview::{Overview, Reproduction};
pub(in crate::pipeline) use preference::{Features, Preferences, preferences};
pub(in crate::pipeline) use proxies::Proxies;
pub use proxies::ProxyRow;
pub(in crate::pipeline) use proxies::costs;
pub(in crate::pipeline) use proxies::{Correlations, correlations};
pub(in crate::pipeline) use worth::{Worth, sentences, worth};

use crate::report::document::{Cost, ScatterPanel, Section};

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
