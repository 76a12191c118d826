//! How alike proxies rank.

use serde::{Deserialize, Serialize};

/// Spearman correlations between the scores of proxies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Correlations {
    /// Names of the proxies, like beside like.
    pub names: Vec<String>,
    /// Correlation of each with each, in the order of the names; none where a proxy gave no or equal scores.
    pub rho: Vec<Vec<Option<f64>>>,
    /// Number of networks behind them.
    pub networks: u64,
    /// How the order was found and what missing scores count as, as a sentence.
    pub method: String,
}
