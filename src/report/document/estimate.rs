//! Numbers with their uncertainty, and as they are read back from JSON, which writes what is not finite as null.

use serde::{Deserialize, Deserializer, Serialize};

pub use crate::stats::Interval;
use crate::stats::quantile;

/// A number and how far it can be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Estimate {
    /// The point estimate.
    #[serde(deserialize_with = "or_nan")]
    pub value: f64,
    /// Its interval (95% unless something else is said).
    #[serde(deserialize_with = "interval")]
    pub interval: Option<Interval>,
}

impl Estimate {
    /// An estimate with its interval, if there is one.
    pub fn of(value: f64, interval: Option<Interval>) -> Self {
        Self { value, interval }
    }

    /// The median of values with their quartiles; without an interval if there is one value, none if there is none.
    pub fn median(mut values: Vec<f64>) -> Option<Self> {
        values.sort_unstable_by(f64::total_cmp);
        let [low, middle, high] = [0.25, 0.5, 0.75].map(|q| quantile(&values, q));
        let interval = low.zip(high).filter(|_| values.len() > 1).map(|(low, high)| Interval { low, high });
        Some(Self { value: middle?, interval })
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

/// A number; null is not one.
pub(super) fn or_nan<'de, D: Deserializer<'de>>(reader: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(reader)?.unwrap_or(f64::NAN))
}

/// Pairs of numbers.
pub(super) fn pairs<'de, D: Deserializer<'de>>(reader: D) -> Result<Vec<[f64; 2]>, D::Error> {
    let pairs: Vec<[Option<f64>; 2]> = Vec::deserialize(reader)?;
    Ok(pairs.into_iter().map(|pair| pair.map(|v| v.unwrap_or(f64::NAN))).collect())
}

/// An interval; none if an end of it is not finite.
pub(super) fn interval<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<Interval>, D::Error> {
    #[derive(Deserialize)]
    struct Ends {
        low: Option<f64>,
        high: Option<f64>,
    }
    let ends: Option<Ends> = Option::deserialize(reader)?;
    Ok(ends.and_then(|e| Some(Interval { low: e.low?, high: e.high? })))
}
