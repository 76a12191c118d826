//! How well proxies rank trained networks.

use serde::{Deserialize, Serialize};

use super::{Estimate, Role};

/// The proxies and how their correlations were computed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProxySection {
    /// One row per proxy, in any order: the page sorts them by Spearman correlation.
    pub rows: Vec<ProxyRow>,
    /// How the intervals were made, as it follows "Bars: " ("95% bootstrap intervals over the labelled networks").
    pub interval_method: String,
}

/// One proxy's agreement with training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProxyRow {
    /// Name of the proxy.
    pub name: String,
    /// Spearman correlation of the score with the trained accuracy of the labelled networks.
    pub spearman: Option<Estimate>,
    /// Kendall correlation of the same.
    pub kendall: Option<Estimate>,
    /// Number of labelled networks behind the correlations.
    pub n: u64,
    /// Number of scored networks for which the proxy gave no usable value.
    pub failed: u64,
    /// Seconds the proxy took over all scored networks.
    pub seconds: Option<f64>,
    /// Whether it only measures size (params, flops, layers): what a proxy has to beat.
    pub baseline: bool,
}

/// One proxy's scores against trained accuracy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScatterPanel {
    /// Name of the proxy; the panel quotes the correlation of the proxy row of that name.
    pub proxy: String,
    /// The trained networks, each drawn by its role.
    pub points: Vec<ScatterPoint>,
    /// Score and accuracy (percent) of networks beside them; many are drawn as a density.
    pub cloud: Vec<[f64; 2]>,
    /// The architectures of the cloud, in its order; empty for more than can be named.
    pub names: Vec<String>,
    /// Whose accuracy is drawn; the overview's when empty.
    pub accuracy: String,
}

/// One trained network in a [`ScatterPanel`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScatterPoint {
    /// The architecture.
    pub arch: String,
    /// The proxy's score, in the proxy's own unit.
    pub score: f64,
    /// Trained accuracy, percent.
    pub accuracy: f64,
    /// Its part in the run.
    pub role: Role,
}
