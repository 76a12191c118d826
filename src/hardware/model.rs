//! Latencies of networks that nobody measured.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::additive::{Additive, LEAST};
use super::design::Design;
use super::features::{Features, features};
use super::{HardwareError, Setting, Target, describe};
use crate::network::{Network, Shape};
use crate::space::{SearchSpace, SpaceSpec, Task, in_settings};

/// A latency with its 90% interval, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LatencyPrediction {
    /// Expected.
    pub ms: f64,
    /// Lower end.
    pub low_ms: f64,
    /// Upper end.
    pub high_ms: f64,
}

/// Where the latencies of a model come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Origin {
    /// Measured by this program.
    Measured {
        /// Where and how.
        #[serde(flatten)]
        setting: Setting,
        /// Runs of each network.
        runs: usize,
    },
    /// Published numbers.
    Published {
        /// File name of the table.
        table: String,
        /// Its column, in milliseconds.
        column: String,
    },
}

/// Which networks a model is of, and where its latencies come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSettings {
    /// Search space with its options.
    #[serde(flatten, serialize_with = "in_settings::serialize", deserialize_with = "in_settings::required")]
    pub space: SpaceSpec,
    /// Images.
    pub image: Shape,
    /// Classes.
    pub classes: usize,
    /// Where the latencies come from.
    pub origin: Origin,
}

impl ModelSettings {
    /// Images per batch that operations are counted for; 1 where a table does not say.
    pub fn batch(&self) -> usize {
        match &self.origin {
            Origin::Measured { setting, .. } => setting.batch,
            Origin::Published { .. } => 1,
        }
    }

    /// The space with its skeleton, and what its networks are built for.
    pub fn open(&self) -> Result<(Box<dyn SearchSpace>, Task), HardwareError> {
        Ok((self.space.open()?, Task::classify(self.image, self.classes)))
    }
}

/// A network whose latency is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownLatency {
    /// As the space writes it.
    pub arch: String,
    /// Milliseconds per batch.
    pub latency_ms: f64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Version of this format.
    naslens_latency_model: u32,
    settings: ModelSettings,
    networks: Vec<KnownLatency>,
}

const FORMAT: u32 = 1;

/// A network takes about a hundred bytes, so this is some hundred thousand of them.
const MAX_BYTES: u64 = 16 << 20;

/// Latency as a sum over operations, fitted to networks whose latency is known.
///
/// The columns are counts of every distinct operation (what, kernel, stride, groups, shapes), multiply-accumulates, bytes and
/// calls of every kind of operation, and the same over all operations, so that operations that no known network has are still
/// worth what their kind takes. Each is counted over the live operations; where known networks have dead ones, also over
/// those that the output depends on, and over all: some programs run what is dead. One ridge line is fitted by relative
/// errors, with the penalty of least leave-one-out error; intervals are conformal.
///
/// A file holds the settings and the known latencies. The fit is made again when it is read, and is the same.
#[derive(Clone, Debug)]
pub struct LatencyModel {
    settings: ModelSettings,
    networks: Vec<KnownLatency>,
    fitted: FittedLatency,
}

impl LatencyModel {
    /// Fits at least nine networks with positive latencies. Order does not matter but for rounding.
    pub fn fit(settings: ModelSettings, networks: Vec<KnownLatency>) -> Result<Self, HardwareError> {
        let (space, task) = settings.open()?;
        let mut counted = Vec::with_capacity(networks.len());
        for known in &networks {
            if !(known.latency_ms.is_finite() && known.latency_ms > 0.0) {
                return Err(HardwareError::Value { arch: known.arch.clone(), latency_ms: known.latency_ms });
            }
            counted.push(features(&space.build(&space.parse(&known.arch)?, &task)?, settings.batch()));
        }
        let latencies: Vec<f64> = networks.iter().map(|n| n.latency_ms).collect();
        let fitted = FittedLatency::new(&counted.iter().collect::<Vec<_>>(), &latencies)?;
        Ok(LatencyModel { settings, networks, fitted })
    }

    /// Reads a file that [`LatencyModel::to_json`] wrote.
    pub fn read(path: &Path) -> Result<Self, HardwareError> {
        let refuse = |reason: String| HardwareError::NoModel { path: path.into(), reason };
        let about = std::fs::metadata(path).map_err(|e| refuse(e.to_string()))?;
        if !about.is_file() {
            return Err(refuse("not a regular file".into()));
        }
        if about.len() > MAX_BYTES {
            return Err(refuse(format!("{} MB, and a model has at most {}", about.len() >> 20, MAX_BYTES >> 20)));
        }
        let text = std::fs::read(path).map_err(|e| refuse(e.to_string()))?;
        let file: File = serde_json::from_slice(&text).map_err(|e| refuse(e.to_string()))?;
        if file.naslens_latency_model != FORMAT {
            return Err(refuse(format!("its format is {}, this program reads {FORMAT}", file.naslens_latency_model)));
        }
        Self::fit(file.settings, file.networks)
    }

    /// The file: settings and known latencies, nothing of the day they were measured.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let file =
            File { naslens_latency_model: FORMAT, settings: self.settings.clone(), networks: self.networks.clone() };
        serde_json::to_string_pretty(&file)
    }

    /// Which networks it is of, and where its latencies come from.
    pub fn settings(&self) -> &ModelSettings {
        &self.settings
    }

    /// The networks that it was fitted to.
    pub fn networks(&self) -> &[KnownLatency] {
        &self.networks
    }

    /// The latency of a network of the space, built for the model's task; dead operations included, as far as the networks
    /// that were measured show that they take time.
    pub fn predict(&self, network: &Network) -> LatencyPrediction {
        self.fitted.predict(&features(network, self.settings.batch()))
    }

    /// Refuses networks that are not those of the model: another space, skeleton or image shape.
    pub fn check(&self, target: &Target<'_>) -> Result<(), HardwareError> {
        let other = |what, model: String, asked: String| Err(HardwareError::OtherNetworks { what, model, asked });
        let (space, task) = self.settings.open()?;
        let (model_name, asked_name) = (space.entry().name, target.space.entry().name);
        if model_name != asked_name {
            return other("the space", model_name.into(), asked_name.into());
        }
        if self.settings.image != target.image {
            return other("images of", self.settings.image.to_string(), target.image.to_string());
        }
        // Equal skeletons, equal networks; a skeleton that is not set has published values.
        if let Some(known) = self.networks.first() {
            let arch = space.parse(&known.arch)?;
            if space.build(&arch, &task)? != target.space.build(&arch, &task)? {
                let model = describe(&self.settings.space, self.settings.image);
                return other("the skeleton", model, "another number of channels or cells".into());
            }
        }
        Ok(())
    }
}

/// A fit without names.
#[derive(Clone, Debug)]
pub(crate) struct FittedLatency {
    design: Design,
    line: Additive,
}

impl FittedLatency {
    pub fn new(networks: &[&Features], latencies_ms: &[f64]) -> Result<Self, HardwareError> {
        if networks.len() < LEAST {
            return Err(HardwareError::TooFew { found: networks.len(), least: LEAST });
        }
        let design = Design::new(networks);
        let line = Additive::fit(design.rows(networks).view(), latencies_ms).map_err(HardwareError::Numerical)?;
        Ok(FittedLatency { design, line })
    }

    pub fn predict(&self, network: &Features) -> LatencyPrediction {
        let (ms, half) = self.line.at(self.design.rows(&[network]).row(0));
        LatencyPrediction { ms, low_ms: (ms - half).max(0.0), high_ms: ms + half }
    }
}
