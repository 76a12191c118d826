//! Search: a strategy chooses which networks to train, looked up in a published table or trained for real.
//!
//! Constraints on cost decide who is in the pool, so no strategy can violate one. Costs are counted in trainings of full
//! length and, where they are known, in seconds of training.

use std::path::PathBuf;

mod constraint;
mod cost;
mod curves;
mod drive;
mod live;
mod members;
mod page;
mod random;
mod record;
mod recording;
mod report;
mod simulate;
mod verify;

pub use constraint::{Constraint, ConstraintError};
pub use cost::{Line, SecondsSource};
pub(in crate::pipeline) use curves::{REFERENCE, curve_sections};
pub use drive::{Budget, Step, Trace};
pub use live::{LiveConfig, TrainingSource, search_live};
pub use members::{Population, Scoring};
pub(in crate::pipeline) use page::KIND;
pub use report::{Found, SearchReport, Source, search_table};
pub use simulate::{ShortColumn, Simulation, SimulationConfig, TableSource, simulation};
pub use verify::{LatencyCheck, TooSlow};

use super::RunError;
use super::ScreenError;
use crate::benchmark::TableError;
use crate::candidates::CandidatesError;
use crate::files::FileError;
use crate::folder::FolderError;
use crate::hardware::HardwareError;
use crate::space::SpaceError;
use crate::strategy::StrategyError;
use crate::train::TrainingDataError;
use crate::trial::TrainError;

/// Why a search did not finish.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// A value that makes no sense.
    #[error("{0}")]
    Value(String),
    /// The networks.
    #[error(transparent)]
    Candidates(#[from] CandidatesError),
    /// A table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The constraints.
    #[error(transparent)]
    Constraint(#[from] ConstraintError),
    /// The strategy.
    #[error(transparent)]
    Strategy(#[from] StrategyError),
    /// The settings of a run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Device, images or threads.
    #[error(transparent)]
    Screen(#[from] ScreenError),
    /// The images for training.
    #[error(transparent)]
    TrainingData(#[from] TrainingDataError),
    /// A training.
    #[error(transparent)]
    Train(TrainError),
    /// The limit on latency.
    #[error(transparent)]
    Hardware(#[from] HardwareError),
    /// The space refuses.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// Results cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// No network has an accuracy.
    #[error(
        "none of the {networks} networks has a value in every column that is asked for in `{}`; choose other columns",
        table.display()
    )]
    NoTruth {
        /// The table.
        table: PathBuf,
        /// Distinct live networks.
        networks: usize,
    },
    /// Seconds are measured for too few networks to say what the others take.
    #[error(
        "`{column}` has seconds of {measured} networks with multiply-accumulates that differ; a line for the others needs \
         {least}. Leave out --cost to count trainings alone"
    )]
    TooFewSeconds {
        /// The column.
        column: String,
        /// Networks with seconds.
        measured: usize,
        /// The fewest that a line is fitted to.
        least: usize,
    },
    /// A strategy asks for epochs that the pool does not have.
    #[error("a training of {epochs} epochs was asked for, which the pool does not offer; report this as a bug")]
    Epochs {
        /// The number asked for.
        epochs: u32,
    },
    /// The folder is not one of such results.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Ctrl-C.
    #[error("interrupted after {done} trainings, which are kept; run the same command again to go on")]
    Interrupted {
        /// Trainings finished.
        done: usize,
    },
}
