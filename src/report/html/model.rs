//! What one run has to say, as plain data. Everything but the title may be missing; the page then leaves it out.
//!
//! Units, unless a field says otherwise: accuracies and their spreads in percent (0 to 100), times in seconds. Empty
//! strings and empty lists mean "not known". Values that are not finite are shown as a dash and never drawn.

use serde::Serialize;

/// One run from the sampled networks to the trained finalists.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RunReport {
    /// Headline and page title.
    pub title: String,
    /// What the run found, one plain sentence each; the first is set largest.
    pub verdict: Vec<String>,
    /// What was sampled and scored, where and how fast.
    pub overview: Overview,
    /// How well each proxy ranks the trained networks.
    pub proxies: ProxySection,
    /// Score against trained accuracy, one panel per proxy.
    pub scatter: Vec<ScatterPanel>,
    /// Predicted against trained accuracy, one figure per set of networks.
    pub predictions: Vec<Predictions>,
    /// Finalists against random controls.
    pub comparison: Option<Comparison>,
    /// The best networks by prediction, best first.
    pub top: Vec<TopNetwork>,
    /// Accuracy by epoch, one curve per training run.
    pub curves: Vec<LearningCurve>,
    /// What is needed to run this again.
    pub reproduction: Reproduction,
}

/// The facts about the run shown under the verdict.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
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
}

/// A range of values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A number and how far it can be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Estimate {
    /// The point estimate.
    pub value: f64,
    /// Its interval (95% throughout this report).
    pub interval: Option<Interval>,
}

impl Estimate {
    /// An estimate with no interval.
    pub fn new(value: f64) -> Self {
        Self { value, interval: None }
    }

    /// An estimate with its 95% interval.
    pub fn with_interval(value: f64, low: f64, high: f64) -> Self {
        Self { value, interval: Some(Interval { low, high }) }
    }
}

impl Role {
    /// Name in files.
    pub fn name(self) -> &'static str {
        match self {
            Role::Labelled => "labelled",
            Role::Control => "control",
            Role::Finalist => "finalist",
        }
    }
}

/// The part a network played in the run; it sets the colour and the shape of its points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Trained to fit the surrogate.
    #[default]
    Labelled,
    /// Drawn at random, to be compared with the finalists.
    Control,
    /// Chosen by the surrogate.
    Finalist,
}

/// The proxies and how their correlations were computed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ProxySection {
    /// One row per proxy, in any order: the page sorts them by Spearman correlation.
    pub rows: Vec<ProxyRow>,
    /// How the intervals were made, as it follows "Bars: " ("95% bootstrap intervals over the labelled networks").
    pub interval_method: String,
}

/// One proxy's agreement with training.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ScatterPanel {
    /// Name of the proxy; the panel quotes the correlation of the proxy row of that name.
    pub proxy: String,
    /// The trained networks.
    pub points: Vec<ScatterPoint>,
}

/// One trained network in a [`ScatterPanel`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
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

/// Where the networks of a [`Predictions`] stood when the predictor was fitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The labelled networks, each predicted by a fit that had not seen it.
    #[default]
    CrossValidated,
    /// Finalists and controls, trained after the fit.
    HeldOut,
    /// Networks the predictor was fitted on: says nothing about new ones, and the page warns of it.
    InSample,
}

/// One predictor's predictions of networks that were also trained.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Predictions {
    /// Which accuracy was predicted, in lower case ("validation accuracy"); the overview's when empty.
    pub accuracy: String,
    /// Name of the predictor.
    pub predictor: String,
    /// Number of labelled networks it was fitted on.
    pub labels: u64,
    /// Whether the networks were new to it.
    pub evidence: Evidence,
    /// Nominal level of the intervals, percent (90 for a 90% interval).
    pub level: f64,
    /// Spearman correlation of predicted with trained accuracy.
    pub spearman: Option<Estimate>,
    /// The networks. How many intervals hold the trained accuracy is counted from them.
    pub points: Vec<PredictionPoint>,
    /// A sentence added to the caption.
    pub note: String,
}

/// One network in a [`Predictions`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PredictionPoint {
    /// The architecture.
    pub arch: String,
    /// Predicted accuracy, percent.
    pub predicted: f64,
    /// Standard deviation of the prediction, percentage points.
    pub std: Option<f64>,
    /// Predictive interval at the level of [`Predictions::level`], percent.
    pub interval: Option<Interval>,
    /// Trained accuracy, percent.
    pub trained: f64,
    /// Its part in the run.
    pub role: Role,
}

/// Finalists against random controls under one training budget.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Comparison {
    /// The networks the surrogate chose.
    pub finalists: Group,
    /// The networks drawn at random.
    pub controls: Group,
    /// Mean of the finalists less mean of the controls, percentage points.
    pub difference: Option<Estimate>,
    /// P-value of that difference.
    pub p_value: Option<f64>,
    /// The test it comes from ("two-sided Welch t-test").
    pub test: String,
    /// How the intervals were made, as it follows "Bars: " ("95% t intervals of the mean over networks").
    pub interval_method: String,
    /// Training epochs of every network.
    pub epochs: Option<u64>,
    /// Training seeds per network.
    pub seeds: Option<u64>,
    /// A sentence added to the caption.
    pub note: String,
}

/// One side of a [`Comparison`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Group {
    /// Its networks.
    pub networks: Vec<TrainedNetwork>,
    /// Mean accuracy over networks, percent.
    pub mean: Option<Estimate>,
    /// Seconds spent training them.
    pub seconds: Option<f64>,
}

/// A network and how it trained.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TrainedNetwork {
    /// The architecture.
    pub arch: String,
    /// Trained accuracy, percent, one per seed; drawn at their mean.
    pub accuracies: Vec<f64>,
}

/// One row of the table of best networks.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TopNetwork {
    /// Its rank by prediction, from 1.
    pub rank: u64,
    /// The architecture.
    pub arch: String,
    /// Number of trainable parameters.
    pub params: Option<u64>,
    /// Multiply-accumulate operations of one forward pass on one input.
    pub macs: Option<u64>,
    /// Predicted accuracy, percent.
    pub predicted: Option<f64>,
    /// Standard deviation of the prediction, percentage points.
    pub std: Option<f64>,
    /// Trained accuracy, percent, when it was trained.
    pub trained: Option<f64>,
}

/// Accuracy over one training run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LearningCurve {
    /// The architecture.
    pub arch: String,
    /// Its part in the run.
    pub role: Role,
    /// Training seed.
    pub seed: Option<u64>,
    /// Epoch (from 1) and accuracy in percent after it.
    pub points: Vec<(u64, f64)>,
}

/// What is needed to run this again.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Reproduction {
    /// The command line.
    pub command: String,
    /// Versions, seeds, device, as name and value.
    pub facts: Vec<(String, String)>,
    /// The resolved configuration, as TOML.
    pub config: String,
}
