//! Numbers with their uncertainty.

use serde::{Deserialize, Serialize};

/// A range of values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A number and how far it can be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
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
