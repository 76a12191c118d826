//! What each proxy is worth here, told by tests rather than by bare numbers.

use serde::{Deserialize, Serialize};

use super::Estimate;

/// Proxies compared with one that they have to beat.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Worth {
    /// Name of what they are compared with ("params").
    pub reference: String,
    /// One row per other proxy, best first.
    pub rows: Vec<WorthRow>,
    /// How differences were tested, as a sentence.
    pub method: String,
}

/// One proxy less the reference.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorthRow {
    /// Name of the proxy.
    pub name: String,
    /// Its Spearman correlation less that of the reference, over the same networks.
    pub difference: Estimate,
    /// Two-sided p-value, corrected for the number of rows.
    pub p_value: Option<f64>,
    /// What follows.
    pub judgement: Judgement,
}

/// What a comparison with the reference says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// Ranks better.
    Better,
    /// The networks do not tell.
    #[default]
    Undecided,
    /// Ranks worse.
    Worse,
}
