//! Trained networks: finalists against controls, the best, and how they learned.

use serde::{Deserialize, Serialize};

use super::Estimate;
use crate::candidates::Role;

/// Finalists against random controls under one training budget.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Group {
    /// Its networks.
    pub networks: Vec<TrainedNetwork>,
    /// Mean accuracy over networks, percent.
    pub mean: Option<Estimate>,
    /// Seconds spent training them.
    pub seconds: Option<f64>,
}

/// A network and how it trained.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrainedNetwork {
    /// The architecture.
    pub arch: String,
    /// Trained accuracy, percent, one per seed; drawn at their mean.
    pub accuracies: Vec<f64>,
}

/// One row of the table of best networks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
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
