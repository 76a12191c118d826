//! What one run has to say, as plain data. Everything but the title may be missing; the page then leaves it out.
//!
//! Units, unless a field says otherwise: accuracies and their spreads in percent (0 to 100), times in seconds. Empty
//! strings and empty lists mean "not known". Values that are not finite are shown as a dash and never drawn.

mod confirm;
mod correlation;
mod cost;
mod drawing;
mod estimate;
mod predictions;
mod preference;
mod proxies;
mod section;
mod verdict;

pub use crate::candidates::Role;
pub use confirm::{Comparison, Group, LearningCurve, TopNetwork, TrainedNetwork};
pub use correlation::Correlations;
pub use cost::Cost;
pub use drawing::Drawing;
pub use estimate::{Estimate, Interval};
pub use predictions::{Evidence, PredictionPoint, Predictions};
pub use preference::{Preference, Preferences};
pub use proxies::{ProxyRow, ProxySection, ScatterPanel, ScatterPoint};
pub use section::{
    Cell, Column, CurvePanels, Front, FrontPoint, Grid, IntervalRow, Intervals, Line, LinePoint, Part, Section,
};
pub use verdict::{Judgement, Worth, WorthRow};

use serde::{Deserialize, Serialize};

/// One run from the sampled networks to the trained finalists.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunReport {
    /// Headline and page title.
    pub title: String,
    /// What the run found, one plain sentence each; the first is set largest.
    pub verdict: Vec<String>,
    /// What was sampled and scored, where and how fast.
    pub overview: Overview,
    /// What each proxy is worth next to the number of parameters.
    pub worth: Option<Worth>,
    /// How well each proxy ranks the trained networks.
    pub proxies: ProxySection,
    /// Score against trained accuracy, one panel per proxy.
    pub scatter: Vec<ScatterPanel>,
    /// How alike the proxies rank.
    pub correlations: Option<Correlations>,
    /// Time against correlation, one point per proxy.
    pub costs: Vec<Cost>,
    /// What kind of networks each proxy prefers.
    pub preferences: Option<Preferences>,
    /// What else there is to show: search curves, fronts, tables.
    pub sections: Vec<Section>,
    /// Predicted against trained accuracy, one figure per set of networks.
    pub predictions: Vec<Predictions>,
    /// Finalists against random controls.
    pub comparison: Option<Comparison>,
    /// The best networks by prediction, best first.
    pub top: Vec<TopNetwork>,
    /// Pictures of the best networks, best first.
    pub drawings: Vec<Drawing>,
    /// Accuracy by epoch, one curve per training run.
    pub curves: Vec<LearningCurve>,
    /// What is needed to run this again.
    pub reproduction: Reproduction,
}

/// The facts about the run shown under the verdict.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Overview {
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
    /// What accuracy means here, in lower case, for axis labels ("test accuracy"); "trained accuracy" when empty.
    pub accuracy: String,
    /// What else is to be said, as name and value.
    pub more: Vec<(String, String)>,
}

/// What is needed to run this again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reproduction {
    /// The command line.
    pub command: String,
    /// Versions, seeds, device, as name and value.
    pub facts: Vec<(String, String)>,
    /// The resolved configuration, as TOML.
    pub config: String,
}
