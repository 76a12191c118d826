//! Latencies: measured in a table, or learned from measurements and from published numbers.

mod cached;
mod choose;
mod fit;
mod measured;
mod model_page;

use std::path::PathBuf;

use serde::Serialize;

pub use cached::{CACHED_SAMPLES, cached_model, subject_of_run};
pub use choose::{Chosen, listed, sampled, top_of_run};
pub use fit::{CurvePoint, Estimate};
pub use fit::{FitReport, fit_measured};
pub use fit::{PublishedConfig, PublishedFit, fit_published};
pub(in crate::pipeline) use measured::KIND;
pub use measured::{LatencyTable, Measured, measure_table};
pub(in crate::pipeline) use model_page::KIND as MODEL_KIND;

use super::screen::ScreenConfig;
use crate::data;
use crate::engine::load_average;
use crate::hardware::{ModelSettings, Origin};
use crate::network::Shape;
use crate::pipeline::RunError;
use crate::space::{SearchSpace, SpaceError, SpaceSpec, Task, in_settings};

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
    pub fn of(screen: &ScreenConfig) -> Result<Self, RunError> {
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
