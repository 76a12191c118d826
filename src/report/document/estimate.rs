//! Numbers with their uncertainty.

use serde::{Deserialize, Serialize};

use super::number;
pub use crate::stats::Interval;

/// A number and how far it can be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Estimate {
    /// The point estimate.
    #[serde(deserialize_with = "number::or_nan")]
    pub value: f64,
    /// Its interval (95% unless something else is said).
    #[serde(deserialize_with = "number::interval")]
    pub interval: Option<Interval>,
}

impl Estimate {
    /// An estimate with its interval, if there is one.
    pub fn of(value: f64, interval: Option<Interval>) -> Self {
        Self { value, interval }
    }

    /// An estimate with no interval.
    pub fn new(value: f64) -> Self {
        Self { value, interval: None }
    }

    /// An estimate with the ends of its interval.
    pub fn with_interval(value: f64, low: f64, high: f64) -> Self {
        Self { value, interval: Some(Interval { low, high }) }
    }
}
