//! What a run has found, before it is written down.

use std::path::Path;

use super::{RunConfig, Truth};
use crate::confirm::Training;
use crate::encoding::FeatureMatrix;
use crate::pipeline::Outcome;
use crate::pipeline::confirm::{Winner, mean};
use crate::predictor::Prediction;
use crate::report::html::model::Role;
use crate::space::Architecture;

/// A network of the screen that can be trained: the first architecture of each live id.
pub(super) struct Candidate {
    /// Row in the score table.
    pub row: usize,
    /// The representative of its class.
    pub arch: Architecture,
}

/// A network that was trained, with all its repeats.
pub(super) struct Trained {
    /// Position among the candidates.
    pub candidate: usize,
    pub role: Role,
    pub trainings: Vec<Training>,
}

impl Trained {
    /// Mean over repeats of the last validation accuracy, percent.
    pub fn valid_pct(&self) -> f64 {
        mean(self.trainings.iter().filter_map(|t| Some(t.last()?.valid_accuracy_pct)))
    }

    /// Last test accuracy of each repeat, percent.
    pub fn test_pct(&self) -> Vec<f64> {
        self.trainings.iter().map(|t| t.test_accuracy_pct).collect()
    }
}

/// Everything a run found.
pub(super) struct Results<'a> {
    pub config: &'a RunConfig,
    pub outcome: &'a Outcome,
    pub candidates: &'a [Candidate],
    pub labelled: &'a [Trained],
    /// Finalists, then controls.
    pub confirmed: &'a [Trained],
    /// Out-of-fold predictions of the labelled networks.
    pub cross_validated: &'a [Prediction],
    /// Predictions of all candidates.
    pub predictions: &'a [Prediction],
    /// Half-width of an interval in standard deviations.
    pub scale: f64,
    pub features: &'a FeatureMatrix,
    /// A table that proxies are judged by.
    pub truth: Option<&'a Truth>,
    /// The network to take.
    pub winner: Option<&'a Winner>,
    pub settings: String,
    /// Images for training, validation and test.
    pub image_counts: [usize; 3],
    pub device: tch::Device,
    pub threads: usize,
    pub out: &'a Path,
}

impl Results<'_> {
    /// Row of a trained network in the score table.
    pub fn row(&self, t: &Trained) -> usize {
        self.candidates[t.candidate].row
    }

    /// Text form of a trained network.
    pub fn arch(&self, t: &Trained) -> &str {
        &self.outcome.table.arch[self.row(t)]
    }

    /// The trained networks of a role.
    pub fn of(&self, role: Role) -> impl Iterator<Item = &Trained> {
        self.labelled.iter().chain(self.confirmed).filter(move |t| t.role == role)
    }
}
