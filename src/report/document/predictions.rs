//! Predicted against trained accuracy.

use serde::{Deserialize, Serialize};

use super::{Estimate, Interval, Role, number};

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
    /// The architecture.
    pub arch: String,
    /// Predicted accuracy, percent.
    #[serde(deserialize_with = "number::or_nan")]
    pub predicted: f64,
    /// Standard deviation of the prediction, percentage points.
    pub std: Option<f64>,
    /// Predictive interval at the level of [`Predictions::level`], percent.
    #[serde(deserialize_with = "number::interval")]
    pub interval: Option<Interval>,
    /// Trained accuracy, percent.
    #[serde(deserialize_with = "number::or_nan")]
    pub trained: f64,
    /// Its part in the run.
    pub role: Role,
}
