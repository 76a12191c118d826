//! Predictions and trainings of a run as Parquet.

use std::path::Path;

use super::results::Results;
use crate::files::FileError;
use crate::pipeline::columns::{integer, number, optional, text, write};

/// `arch`, `arch_id`, `predicted_pct`, `std_pct`, `low_pct`, `high_pct` of every distinct live network: validation
/// accuracy in percent with the standard deviation and the interval at the run's level.
pub(super) fn write_predictions(path: &Path, results: &Results<'_>) -> Result<(), FileError> {
    let table = &results.outcome.table;
    let rows: Vec<usize> = results.candidates.iter().map(|c| c.row).collect();
    let intervals: Vec<_> = results.predictions.iter().map(|p| p.scaled_interval(results.scale)).collect();
    write(
        path,
        vec![
            ("arch", text(rows.iter().map(|&r| &table.arch[r]))),
            ("arch_id", text(rows.iter().map(|&r| &table.arch_id[r]))),
            ("predicted_pct", number(results.predictions.iter().map(|p| p.mean))),
            ("std_pct", number(results.predictions.iter().map(|p| p.std))),
            ("low_pct", number(intervals.iter().map(|i| i.low))),
            ("high_pct", number(intervals.iter().map(|i| i.high))),
        ],
    )
}

/// One row per network, repeat and epoch: `arch`, `arch_id`, `role`, `repeat`, `epoch`, `train_loss`,
/// `valid_accuracy_pct`, `test_accuracy_pct`, and the `seconds` of the whole training.
pub(super) fn write_trainings(path: &Path, results: &Results<'_>) -> Result<(), FileError> {
    let table = &results.outcome.table;
    let rows: Vec<_> = results
        .labelled
        .iter()
        .chain(results.confirmed)
        .flat_map(|t| {
            let row = results.candidates[t.candidate].row;
            (0..).zip(&t.trainings).flat_map(move |(repeat, training)| {
                training.curve.iter().map(move |e| (row, t.role, repeat as i64, e, training.seconds))
            })
        })
        .collect();
    write(
        path,
        vec![
            ("arch", text(rows.iter().map(|r| &table.arch[r.0]))),
            ("arch_id", text(rows.iter().map(|r| &table.arch_id[r.0]))),
            ("role", text(rows.iter().map(|r| r.1.name()))),
            ("repeat", integer(rows.iter().map(|r| r.2))),
            ("epoch", integer(rows.iter().map(|r| r.3.epoch as i64))),
            ("train_loss", optional(rows.iter().map(|r| r.3.train_loss))),
            ("valid_accuracy_pct", number(rows.iter().map(|r| r.3.valid_accuracy_pct))),
            ("test_accuracy_pct", number(rows.iter().map(|r| r.3.test_accuracy_pct))),
            ("seconds", number(rows.iter().map(|r| r.4))),
        ],
    )
}
