//! What a proxy prefers.

use serde::{Deserialize, Serialize};

/// How the networks that a proxy ranks highest differ from all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// Names of the features of a network ("parameters", "skip_connect").
    pub features: Vec<String>,
    /// One row per ranking.
    pub rows: Vec<Preference>,
    /// Share of the networks that counts as ranked highest, percent.
    pub top_pct: f64,
    /// Number of networks.
    pub networks: u64,
}

/// The preferences of one ranking.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preference {
    /// The proxy, or what the accuracy is called.
    pub name: String,
    /// Whether it is the accuracy itself; such rows come first.
    pub truth: bool,
    /// Number of networks it ranks, if not all.
    pub networks: Option<u64>,
    /// For each feature: mean over its top networks less mean over all, in standard deviations over all; none where a
    /// feature does not vary.
    pub differences: Vec<Option<f64>>,
}
