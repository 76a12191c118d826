//! Proxies as points: networks by score and accuracy, proxies by time and correlation.

use serde::{Deserialize, Serialize};

use super::{Estimate, Role, number};

/// Score against accuracy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scatter {
    /// What the accuracy is called, in lower case.
    pub accuracy: String,
    /// One panel per proxy; the first is shown.
    pub panels: Vec<ScatterPanel>,
}

/// One proxy's scores against accuracy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScatterPanel {
    /// Name of the proxy.
    pub proxy: String,
    /// Its Spearman correlation with accuracy.
    pub spearman: Option<f64>,
    /// The trained networks, each drawn by its role.
    pub points: Vec<ScatterPoint>,
    /// Score and accuracy (percent) of other networks; many are drawn as a density.
    #[serde(deserialize_with = "number::pairs")]
    pub cloud: Vec<[f64; 2]>,
    /// The architectures of the cloud, in its order; empty for more than can be named.
    pub names: Vec<String>,
}

/// One trained network in a [`ScatterPanel`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScatterPoint {
    /// The architecture.
    pub arch: String,
    /// The proxy's score, in the proxy's own unit.
    #[serde(deserialize_with = "number::or_nan")]
    pub score: f64,
    /// Trained accuracy, percent.
    #[serde(deserialize_with = "number::or_nan")]
    pub accuracy: f64,
    /// Its part in the run.
    pub role: Role,
}

/// One proxy's time and correlation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cost {
    /// Name of the proxy.
    pub name: String,
    /// Mean seconds for one network.
    #[serde(deserialize_with = "number::or_nan")]
    pub seconds: f64,
    /// Spearman correlation with accuracy.
    pub spearman: Estimate,
    /// Whether it only measures size.
    pub baseline: bool,
    /// Whether no other proxy is at least as quick and at least as well correlated, and one of them strictly.
    pub front: bool,
}
