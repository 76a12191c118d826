//! Networks: trained ones by group, over their training and by prediction, by score and accuracy, and as pictures.

use serde::{Deserialize, Serialize};

use super::{Estimate, Interval, NetworkName, Role, estimate};
use crate::space::Picture;

/// Groups of networks by accuracy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Strip {
    /// What the accuracy is called, in lower case.
    pub accuracy: String,
    /// The groups, from the top down.
    pub groups: Vec<StripGroup>,
    /// What points, lines and bars are.
    pub caption: String,
}

/// One group of a [`Strip`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StripGroup {
    /// What its networks are.
    pub role: Role,
    /// Its networks.
    pub networks: Vec<TrainedNetwork>,
    /// Mean accuracy over networks, percent.
    pub mean: Option<Estimate>,
}

/// A network and how it trained.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrainedNetwork {
    /// The network.
    pub arch: NetworkName,
    /// Trained accuracy, percent, one per seed, none where the training diverged; drawn at their mean.
    pub accuracies: Vec<Option<f64>>,
}

/// An image with what is said of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Image {
    /// A PNG file in base64.
    pub png: String,
    /// What it is called.
    pub name: String,
    /// What is said under it.
    pub caption: String,
}

/// Accuracy over trainings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Learning {
    /// What the accuracy is called, in lower case.
    pub accuracy: String,
    /// One curve per training.
    pub curves: Vec<LearningCurve>,
}

/// Accuracy over one training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LearningCurve {
    /// The network.
    pub arch: NetworkName,
    /// Its part in the run.
    pub role: Role,
    /// Training seed.
    pub seed: Option<u64>,
    /// Epoch (from 1) and accuracy in percent after it.
    pub points: Vec<(u64, Option<f64>)>,
}

/// One network to draw.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Drawing {
    /// Its rank, from 1.
    pub rank: u64,
    /// The network.
    pub arch: NetworkName,
    /// What is said under it ("predicted 91.2%, trained 90.8%").
    pub caption: String,
    /// What is drawn.
    pub picture: Picture,
}

/// Where the networks of a [`Predictions`] stood when the predictor was fitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Predictions {
    /// Which accuracy was predicted, in lower case ("validation accuracy").
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PredictionPoint {
    /// The network.
    pub arch: NetworkName,
    /// Predicted accuracy, percent.
    #[serde(deserialize_with = "estimate::or_nan")]
    pub predicted: f64,
    /// Standard deviation of the prediction, percentage points.
    pub std: Option<f64>,
    /// Predictive interval at the level of [`Predictions::level`], percent.
    #[serde(deserialize_with = "estimate::interval")]
    pub interval: Option<Interval>,
    /// Trained accuracy, percent.
    #[serde(deserialize_with = "estimate::or_nan")]
    pub trained: f64,
    /// Its part in the run.
    pub role: Role,
}

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
    #[serde(deserialize_with = "estimate::pairs")]
    pub cloud: Vec<[f64; 2]>,
    /// The networks of the cloud, in its order; empty for more than can be named.
    pub names: Vec<NetworkName>,
}

/// One trained network in a [`ScatterPanel`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScatterPoint {
    /// The network.
    pub arch: NetworkName,
    /// The proxy's score, in the proxy's own unit.
    #[serde(deserialize_with = "estimate::or_nan")]
    pub score: f64,
    /// Trained accuracy, percent.
    #[serde(deserialize_with = "estimate::or_nan")]
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
    #[serde(deserialize_with = "estimate::or_nan")]
    pub seconds: f64,
    /// Spearman correlation with accuracy.
    pub spearman: Estimate,
    /// Whether it only measures size.
    pub baseline: bool,
    /// Whether no other proxy is at least as quick and at least as well correlated, and one of them strictly.
    pub front: bool,
}
