//! Trained networks: groups of them side by side, how they learned, and their pictures.

use serde::{Deserialize, Serialize};

use super::{Estimate, Role};
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
    /// The architecture.
    pub arch: String,
    /// Trained accuracy, percent, one per seed, none where the training diverged; drawn at their mean.
    pub accuracies: Vec<Option<f64>>,
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
    /// The architecture.
    pub arch: String,
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
    /// The architecture.
    pub arch: String,
    /// What is said under it ("predicted 91.2%, trained 90.8%").
    pub caption: String,
    /// What is drawn.
    pub picture: Picture,
}
