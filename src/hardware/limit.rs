//! Upper limits on what a network costs.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use super::{HardwareError, LatencyModel, LatencyPrediction, MeasureOptions, Measurement, Origin, measure};
use crate::network::{Network, Shape};
use crate::space::SearchSpace;
use crate::text::thousands;

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

/// The most that a network may cost, as settings say it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LimitSettings {
    /// Trainable parameters of the live part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_params: Option<u64>,
    /// Megabytes (10^6 bytes) of the live part's float32 parameters and buffers, as they are exported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_model_mb: Option<f64>,
    /// Milliseconds that a network is predicted to take (upper end of the 90% interval).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_latency_ms: Option<f64>,
    /// File of the latency model ([`LatencyModel`]) that predicts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_model: Option<PathBuf>,
}

impl LimitSettings {
    /// The names of the settings.
    pub const KEYS: [&'static str; 4] = ["max_params", "max_model_mb", "max_latency_ms", "latency_model"];

    /// The limit on latency that is to be kept, if there is one.
    pub fn latency_ms(&self) -> Option<f64> {
        self.max_latency_ms.filter(|ms| ms.is_finite())
    }

    /// The limits on size in words, such as "500,000 parameters and 2 MB"; None without any.
    pub fn size(&self) -> Option<String> {
        let params = self.max_params.map(|n| format!("{} parameters", thousands(n)));
        let all: Vec<String> = params.into_iter().chain(self.max_model_mb.map(|mb| format!("{mb} MB"))).collect();
        (!all.is_empty()).then(|| all.join(" and "))
    }

    /// The options of the command line that say the same.
    pub fn options(&self) -> Vec<String> {
        let params = self.max_params.map(|n| format!("--max-params {n}"));
        let size = self.max_model_mb.map(|mb| format!("--max-model-mb {mb}"));
        let latency = self.max_latency_ms.map(|ms| format!("--max-latency-ms {ms}"));
        let model = self.latency_model.as_ref().map(|file| format!("--latency-model {}", file.display()));
        [params, size, latency, model].into_iter().flatten().collect()
    }
}

/// A cost of networks with the most that is allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// What is limited.
    pub cost: &'static str,
    /// The most that is allowed.
    pub max: f64,
}

/// Names of the costs that can be limited.
const PARAMS: &str = "params@live";
const MODEL_MB: &str = "model_mb";
const LATENCY_HIGH: &str = "latency_high_ms";

/// What a network costs of what is limited.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Costs {
    /// Its latency, if there is a model.
    pub latency: Option<LatencyPrediction>,
    /// One value per [bound](Limits::bounds).
    pub values: Vec<f64>,
}

/// The limits of [`LimitSettings`], and the model that predicts latencies. Sizes are counted, so no network that is too large is ever
/// proposed; latencies are predicted, and measured before a network wins.
#[derive(Clone, Debug)]
pub struct Limits {
    /// As they were set.
    pub settings: LimitSettings,
    /// The limit on latency with its model; without a limit the model only predicts.
    pub latency: Option<LatencyLimit>,
}

impl Limits {
    /// The limits that settings ask for, for networks of `target`.
    pub fn open(settings: &LimitSettings, target: &Target<'_>) -> Result<Self, HardwareError> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        if let Some(mb) = settings.max_model_mb.filter(|mb| !positive(*mb)) {
            return Err(HardwareError::SizeLimit(mb));
        }
        if let Some(ms) = settings.max_latency_ms.filter(|ms| !positive(*ms)) {
            return Err(HardwareError::LimitValue(ms));
        }
        let Some(path) = &settings.latency_model else {
            return match settings.max_latency_ms {
                Some(_) => Err(HardwareError::LimitWithoutModel),
                None => Ok(Limits { settings: settings.clone(), latency: None }),
            };
        };
        let model = LatencyModel::read(path)?;
        model.check(target)?;
        let latency = LatencyLimit { max_ms: settings.max_latency_ms.unwrap_or(f64::INFINITY), model };
        Ok(Limits { settings: settings.clone(), latency: Some(latency) })
    }

    /// What is limited.
    pub fn bounds(&self) -> Vec<Bound> {
        let LimitSettings { max_params, max_model_mb, .. } = &self.settings;
        let params = max_params.map(|n| Bound { cost: PARAMS, max: n as f64 });
        let size = max_model_mb.map(|max| Bound { cost: MODEL_MB, max });
        let latency = self.settings.latency_ms().map(|max| Bound { cost: LATENCY_HIGH, max });
        [params, size, latency].into_iter().flatten().collect()
    }

    /// Whether nothing is limited and no latency is predicted.
    pub fn is_empty(&self) -> bool {
        self.latency.is_none() && self.bounds().is_empty()
    }

    /// What the live part of a network costs.
    pub fn costs(&self, network: &Network) -> Costs {
        let live = network.live();
        let live = live.as_ref().unwrap_or(network);
        let latency = self.latency.as_ref().map(|limit| limit.predict(network));
        let value = |bound: Bound| match bound.cost {
            PARAMS => live.params() as f64,
            MODEL_MB => live.state_bytes() as f64 / 1e6,
            // Where the mean is not above 0, the upper end says nothing either.
            _ => latency.filter(|l| l.ms > 0.0).map_or(f64::NAN, |l| l.high_ms),
        };
        Costs { values: self.bounds().into_iter().map(value).collect(), latency }
    }

    /// Whether a network of these costs may be proposed.
    pub fn admit(&self, costs: &Costs) -> bool {
        self.bounds().iter().zip(&costs.values).all(|(bound, cost)| within(*cost, bound.max))
    }

    /// How far the networks of these costs are from the limits, in words: the least of each cost and its limit.
    pub fn least<'a>(&self, costs: impl Iterator<Item = &'a Costs> + Clone) -> String {
        let text = |(i, bound): (usize, &Bound)| {
            let known = costs.clone().filter_map(|c| c.values.get(i).copied()).filter(|v| v.is_finite());
            let least = known.fold(f64::INFINITY, f64::min);
            match bound.cost {
                PARAMS => format!(
                    "the smallest has {} parameters (limit {})",
                    thousands(least as u64),
                    thousands(bound.max as u64)
                ),
                MODEL_MB => format!("the smallest takes {least} MB (limit {} MB)", bound.max),
                _ => format!("the fastest is predicted at {least:.3} ms at most (limit {} ms)", bound.max),
            }
        };
        self.bounds().iter().enumerate().map(text).collect::<Vec<_>>().join(", ")
    }
}

/// The most milliseconds that a network may take, and the model that says beforehand which networks take more.
///
/// The upper end of the 90% interval counts: a search goes to the limit, where every second network that is below it by the
/// mean is above it in truth. Before a network may win it is measured ([`LatencyLimit::measure`]); then
/// [`Measurement::quiet_ms`] counts.
#[derive(Clone, Debug)]
pub struct LatencyLimit {
    /// Milliseconds per batch; infinite where latencies are only predicted.
    pub max_ms: f64,
    /// Says what a network takes.
    pub model: LatencyModel,
}

impl LatencyLimit {
    /// The latency of a network without running it.
    pub fn predict(&self, network: &Network) -> LatencyPrediction {
        self.model.predict(network)
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
