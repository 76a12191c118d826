//! What a proxy costs and what it gives.

use serde::{Deserialize, Serialize};

use super::Estimate;

/// One proxy's time and correlation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cost {
    /// Name of the proxy.
    pub name: String,
    /// Mean seconds for one network.
    pub seconds: f64,
    /// Spearman correlation with accuracy.
    pub spearman: Estimate,
    /// Whether it only measures size.
    pub baseline: bool,
    /// Whether no other proxy is at least as quick and at least as well correlated, and one of them strictly.
    pub front: bool,
}
