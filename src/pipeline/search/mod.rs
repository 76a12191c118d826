//! Search: a strategy chooses which networks to train, looked up in a published table or trained for real.
//!
//! Constraints on cost decide who is in the pool, so no strategy can violate one. Costs are counted in trainings of full
//! length and, where they are known, in seconds of training.

mod best;
mod constraint;
mod curves;
mod drive;
mod live;
mod members;
mod page;
mod record;
mod report;
mod simulate;

pub use best::{Found, LatencyCheck, TooSlow};
pub use constraint::Constraint;
pub use constraint::{Line, SecondsSource};
pub(in crate::pipeline) use curves::{REFERENCE, best_so_far, curve_sections};
pub use drive::{Budget, Step, Trace};
pub use live::{LiveConfig, TrainingSource, search_live};
pub use members::{PoolConfig, Population, Scoring};
pub(in crate::pipeline) use page::KIND;
pub use report::{SearchReport, Source, search_table};
pub use simulate::{ShortColumn, Simulation, SimulationConfig, TableSource, simulation};

use super::RunError;

/// Ctrl-C, after so many trainings.
pub(super) fn interrupted(done: usize) -> RunError {
    RunError::Interrupted(format!(
        "interrupted after {done} trainings, which are kept; run the same command again to go on"
    ))
}
