//! Latencies: measured in a table, or learned from measurements and from published numbers.

mod cached;
mod choose;
mod curve;
mod fit;
mod measured;
mod model_page;
mod page;
mod published;
mod text;

use std::path::PathBuf;

use serde::Serialize;

pub use cached::{CACHED_SAMPLES, cached_model, subject_of_run};
pub use choose::{Chosen, listed, sampled, top_of_run};
pub use curve::{CurvePoint, Estimate};
pub use fit::{FitReport, fit_measured};
pub use measured::{LatencyTable, Measured, measure_table};
pub(in crate::pipeline) use model_page::KIND as MODEL_KIND;
pub(in crate::pipeline) use page::KIND;
pub use published::{PublishedConfig, PublishedFit, fit_published};

use super::screen::ScreenConfig;
use crate::benchmark::TableError;
use crate::candidates::CandidatesError;
use crate::data::{self, DataError};
use crate::engine::load_average;
use crate::files::FileError;
use crate::hardware::{HardwareError, ModelSettings, Origin};
use crate::network::Shape;
use crate::pipeline::counts::CountError;
use crate::space::{SearchSpace, SpaceError, SpaceSpec, Task, in_settings};

/// Why there are no latencies.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LatencyError {
    /// The device, the model, or a measurement.
    #[error(transparent)]
    Hardware(#[from] HardwareError),
    /// The space refuses.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// The networks of a run or a table.
    #[error(transparent)]
    Candidates(#[from] CandidatesError),
    /// The data that networks are built for.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Results cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// An impossible number of draws.
    #[error(transparent)]
    Count(#[from] CountError),
    /// A score that the run does not have.
    #[error("the run has no score `{name}`{hint}; name one of {known}")]
    NoScore {
        /// The name asked for.
        name: String,
        /// ` (did you mean …?)` or nothing.
        hint: String,
        /// The scores of the run.
        known: String,
    },
    /// An architecture that leads from no input to the output.
    #[error("`{arch}` is dead: no path leads from its input to its output, so there is nothing to measure")]
    Dead {
        /// The architecture.
        arch: String,
    },
    /// The space is too small for what is asked.
    #[error(
        "{asked} distinct live networks were asked for, but only {found} could be drawn from {space}; ask for fewer"
    )]
    TooMany {
        /// The number asked for.
        asked: usize,
        /// How many were found.
        found: usize,
        /// The space.
        space: &'static str,
    },
    /// A column with too few latencies.
    #[error("column `{column}` has {found} positive latencies of live networks, {samples} samples need more than that")]
    TooFewRows {
        /// The column.
        column: String,
        /// Usable rows.
        found: usize,
        /// The samples asked for.
        samples: usize,
    },
    /// Nowhere to keep a model.
    #[error(
        "there is no cache folder to keep a latency model in; set NASLENS_CACHE, or fit one with `naslens latency --fit`"
    )]
    NoCache,
}

/// Whose latencies: a space with its options, and what its networks are built for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Subject {
    /// Search space with its options.
    #[serde(flatten, with = "in_settings")]
    pub space: SpaceSpec,
    /// Images.
    pub image: Shape,
    /// Classes.
    pub classes: usize,
}

impl Subject {
    /// The networks of a screen, built for the classes of its data.
    pub fn of(screen: &ScreenConfig) -> Result<Self, LatencyError> {
        Ok(Subject { space: screen.space.clone(), image: screen.image, classes: data::open(&screen.data)?.classes() })
    }

    /// The space, and what its networks are built for.
    pub fn open(&self) -> Result<(Box<dyn SearchSpace>, Task), SpaceError> {
        Ok((self.space.open()?, Task::classify(self.image, self.classes)))
    }

    fn settings(&self, origin: Origin) -> ModelSettings {
        let Subject { space, image, classes } = self.clone();
        ModelSettings { space, image, classes, origin }
    }
}

/// Where files of models go if nothing else is said.
pub fn default_model_file() -> PathBuf {
    PathBuf::from("latency-model.json")
}

/// Processes that wanted to run over the last minute, if so many that measurements suffer: more than a quarter of the cores.
pub fn busy() -> Option<String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let load = load_average().filter(|load| *load > 0.25 * cores as f64)?;
    Some(format!(
        "the machine is busy (load average {load:.1} on {cores} cores): latencies are too high and noisy; measure again when \
         it is idle"
    ))
}
