//! All searches of a comparison as Parquet.

use std::path::Path;

use super::Searches;
use crate::benchmark::columns::{integer, number, text, write};
use crate::files::FileError;
use crate::pipeline::search::{Simulation, Step};

/// One row per strategy, seed and trial, in this order: `strategy`, `seed`, `query` (trial, from 1), `epochs`, `trainings` of
/// full length and `seconds` so far (null if not known), and of the best training so far `best` (reported accuracy,
/// percent) and `regret` (percentage points).
pub(super) fn write_curves(
    path: &Path,
    simulation: &Simulation,
    first_seed: u64,
    searches: &[Searches],
) -> Result<(), FileError> {
    let best = simulation.best_pct();
    let mut rows: Vec<(&str, u64, usize, &Step, Option<f64>)> = Vec::new();
    for one in searches {
        for (s, trace) in one.traces.iter().enumerate() {
            let seed = first_seed.wrapping_add(s as u64);
            for (i, step) in trace.steps.iter().enumerate() {
                let reported = step.incumbent.and_then(|b| trace.steps[b].reported_pct);
                rows.push((one.entry.name, seed, i + 1, step, reported));
            }
        }
    }
    write(
        path,
        vec![
            ("strategy", text(rows.iter().map(|r| r.0))),
            ("seed", integer(rows.iter().map(|r| r.1 as i64))),
            ("query", integer(rows.iter().map(|r| r.2 as i64))),
            ("epochs", integer(rows.iter().map(|r| i64::from(r.3.epochs)))),
            ("trainings", number(rows.iter().map(|r| r.3.trainings))),
            ("seconds", number(rows.iter().map(|r| r.3.seconds))),
            ("best", number(rows.iter().map(|r| r.4))),
            ("regret", number(rows.iter().map(|r| r.4.map(|pct| best - pct)))),
        ],
    )
}
