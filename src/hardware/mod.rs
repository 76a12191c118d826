//! What a network costs on a device: latency and memory, measured, and predicted for networks that nobody measured.
//!
//! A network is measured as it would be deployed by this program: its live part, batch normalisation by running statistics
//! and folded into the convolutions before it, one libtorch operation after another. A compiler such as TensorRT would fuse
//! more. [`LatencyModel`] is fitted to measurements, or to published ones of other devices; [`Limits`] keep what is too slow or too
//! large out of a run.
//!
//! ```
//! use naslens::hardware::{KnownLatency, LatencyModel, ModelSettings, Origin};
//!
//! let origin = Origin::Published { table: "mine.parquet".into(), column: "phone_latency_ms".into() };
//! let settings = ModelSettings { space: "nas-bench-201".parse()?, image: "3x32x32".parse()?, classes: 10, origin };
//! let (space, task) = settings.open()?;
//! let archs: Vec<_> = (0..30).filter_map(|i| space.at(500 * i)).collect();
//! let network = |i: usize| space.build(&archs[i], &task);
//! // Made up: a millisecond for every ten million multiply-accumulates.
//! let known = |i: usize| Ok(KnownLatency { arch: space.format(&archs[i]), latency_ms: network(i)?.macs() as f64 / 1e7 });
//! let model = LatencyModel::fit(settings.clone(), (0..29).map(known).collect::<Result<_, naslens::space::SpaceError>>()?)?;
//! let (found, truth) = (model.predict(&network(29)?).ms, network(29)?.macs() as f64 / 1e7);
//! assert!((found / truth - 1.0).abs() < 0.2, "{found} {truth}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod additive;
mod design;
mod features;
mod limit;
mod measure;
mod memory;
mod model;
mod setting;
mod timing;

use std::path::PathBuf;

pub(crate) use features::{Features, features};
pub use limit::{Bound, Costs, LatencyLimit, LimitSettings, Limits, Target, within};
pub use measure::{MeasureOptions, Measurement, measure};
pub use memory::peak_memory_bytes;
pub(crate) use model::FittedLatency;
pub use model::{KnownLatency, LatencyModel, LatencyPrediction, ModelSettings, Origin};
pub use setting::Setting;
pub use timing::{Timing, median_interval, summarise};

use crate::engine::EngineError;
use crate::network::Shape;
use crate::space::{SpaceError, SpaceSpec};

/// Why a latency cannot be measured or predicted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are what the messages name")]
pub enum HardwareError {
    /// The device.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The space.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// libtorch refused, for instance because memory ran out.
    #[error("a network cannot be run on {device}: {}", crate::engine::torch_message(.source))]
    Run { device: String, source: tch::TchError },
    /// Ctrl-C.
    #[error("interrupted after {done} of {total} measurements, which are lost")]
    Interrupted { done: usize, total: usize },
    /// Too few networks to fit.
    #[error("{found} networks with a latency are too few for a model, which needs {least}; measure more")]
    TooFew { found: usize, least: usize },
    /// An invalid latency.
    #[error("the latency of `{arch}` is {latency_ms} ms; it must be a positive number")]
    Value { arch: String, latency_ms: f64 },
    /// The fit failed.
    #[error("the latency model cannot be fitted: {0}")]
    Numerical(String),
    /// No such file, or none that is a model.
    #[error("{} is not a latency model ({reason}); make one with `naslens latency --fit --samples N --out FILE`", path.display())]
    NoModel { path: PathBuf, reason: String },
    /// A model of other networks. `what` is `the space`, `the skeleton` or `images of`.
    #[error(
        "the latency model is of {what} {model}, but these networks have {asked}: their operations are others; fit a model \
         for them with `naslens latency --fit`"
    )]
    OtherNetworks { what: &'static str, model: String, asked: String },
    /// An invalid limit.
    #[error("a limit of {0} ms makes no sense; give a positive number of milliseconds")]
    LimitValue(f64),
    /// An invalid limit on size.
    #[error("a model of at most {0} MB makes no sense; give a positive number of megabytes")]
    SizeLimit(f64),
    /// A limit without a model.
    #[error("a limit on latency needs a model; name it with latency_model (--latency-model FILE)")]
    LimitWithoutModel,
    /// The networks are measured elsewhere.
    #[error("the latency model is of {model}; on this machine ({here}) its networks cannot be measured again")]
    OtherMachine { model: String, here: String },
}

fn describe(space: &SpaceSpec, image: Shape) -> String {
    format!("{space}, {image} images")
}

#[cfg(test)]
mod tests;
