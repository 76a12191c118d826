//! Predictions and trainings of a run as Parquet.

use std::path::Path;

use super::results::Results;
use crate::files::FileError;
use crate::pipeline::columns::{number, text, write};
use crate::stats::Interval;

/// `arch`, `arch_id`, `predicted_pct`, `std_pct`, `low_pct`, `high_pct` of every distinct live network: validation
/// accuracy in percent with the standard deviation and the interval at the run's level.
pub(super) fn write_predictions(path: &Path, results: &Results<'_>) -> Result<(), FileError> {
    let table = &results.outcome.table;
    let rows: Vec<usize> = results.candidates.iter().map(|c| c.row).collect();
    let shown = || results.predictions.iter().map(|p| p.within(Some(Interval::PERCENT), results.scale));
    write(
        path,
        vec![
            ("arch", text(rows.iter().map(|&r| &table.arch[r]))),
            ("arch_id", text(rows.iter().map(|&r| &table.arch_id[r]))),
            ("predicted_pct", number(shown().map(|p| p.0))),
            ("std_pct", number(results.predictions.iter().map(|p| p.std))),
            ("low_pct", number(shown().map(|p| p.1.low))),
            ("high_pct", number(shown().map(|p| p.1.high))),
        ],
    )
}
