//! An upper limit on latency.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::{HardwareError, LatencyModel, LatencyPrediction, MeasureOptions, Measurement, Origin, measure};
use crate::network::{Network, Shape};
use crate::space::SearchSpace;

/// Whether a cost is known to be within a limit. A cost that is not above 0, infinite or not a number was never measured: tables
/// mark missing values so.
pub fn within(cost: f64, limit: f64) -> bool {
    cost > 0.0 && cost.is_finite() && cost <= limit
}

/// Whose networks are limited.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// The space with its skeleton.
    pub space: &'a dyn SearchSpace,
    /// Images.
    pub image: Shape,
}

/// The most milliseconds that a network may take, and the model that says beforehand which networks take more.
///
/// The upper end of the 90% interval counts: a search goes to the limit, where every second network that is below it by the
/// mean is above it in truth. Before a network may win it is measured ([`Limit::measure`]); then [`Measurement::quiet_ms`] counts.
#[derive(Clone, Debug)]
pub struct Limit {
    /// Milliseconds per batch; infinite where latencies are only to be told.
    pub max_ms: f64,
    /// Says what a network takes.
    pub model: LatencyModel,
}

impl Limit {
    /// The limit that settings ask for, for networks of `target`: none without a model; without `max_ms` one that all
    /// networks meet.
    pub fn open(max_ms: Option<f64>, model: Option<&Path>, target: &Target<'_>) -> Result<Option<Self>, HardwareError> {
        if let Some(ms) = max_ms.filter(|ms| !(ms.is_finite() && *ms > 0.0)) {
            return Err(HardwareError::LimitValue(ms));
        }
        let Some(path) = model else {
            return if max_ms.is_some() { Err(HardwareError::LimitWithoutModel) } else { Ok(None) };
        };
        let model = LatencyModel::read(path)?;
        model.check(target)?;
        Ok(Some(Limit { max_ms: max_ms.unwrap_or(f64::INFINITY), model }))
    }

    /// The latency of a network without running it.
    pub fn predict(&self, network: &Network) -> LatencyPrediction {
        self.model.predict(network)
    }

    /// Whether a network of this predicted latency may be proposed.
    pub fn admits(&self, prediction: &LatencyPrediction) -> bool {
        self.max_ms.is_infinite() || (prediction.ms > 0.0 && within(prediction.high_ms, self.max_ms))
    }

    /// Whether a network of this measured latency may win.
    pub fn meets(&self, measurement: &Measurement) -> bool {
        within(measurement.quiet_ms, self.max_ms)
    }

    /// Whether the networks of the model are measured on this machine, with this version of libtorch.
    pub fn measurable(&self) -> Result<(), HardwareError> {
        let (model, here) = match &self.model.settings().origin {
            Origin::Measured { setting, .. } => match setting.again_here() {
                Ok(here) if here == *setting => return Ok(()),
                Ok(here) => (setting.to_string(), here.to_string()),
                Err(error) => (setting.to_string(), error.to_string()),
            },
            Origin::Published { table, column } => (format!("{column} in {table}"), "which is not known there".into()),
        };
        Err(HardwareError::OtherMachine { model, here })
    }

    /// Measures the live part of a network, with the settings of the model. Refused on other machines.
    pub fn measure(&self, network: &Network, stop: &AtomicBool) -> Result<Measurement, HardwareError> {
        self.measurable()?;
        let Origin::Measured { setting, runs } = &self.model.settings().origin else {
            return Err(HardwareError::LimitWithoutModel);
        };
        let live = network.live();
        let networks = [live.as_ref().unwrap_or(network)];
        let mut found = measure(&networks, setting, MeasureOptions { runs: *runs, stop }, &mut |_, _| {})?;
        found.pop().ok_or(HardwareError::TooFew { found: 0, least: 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_meets_no_limit() {
        for cost in [-1.0, 0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(!within(cost, 3.0) && !within(cost, f64::INFINITY), "{cost}");
        }
        assert!(within(3.0, 3.0) && within(1e-9, 3.0) && !within(3.1, 3.0) && !within(1.0, f64::NAN));
    }
}
