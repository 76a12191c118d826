//! Numbers read back from JSON, which writes what is not finite as null.

use serde::{Deserialize, Deserializer};

use super::Interval;

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
