//! Trainings as Parquet.

use std::path::Path;

use super::Trained;
use crate::benchmark::columns::{integer, number, text, write};
use crate::candidates::Candidates;
use crate::files::FileError;
use crate::train::{EpochRecord, Training};

/// One row per network, repeat and epoch: `arch`, `arch_id`, `role`, `repeat`, `epoch`, `train_loss`,
/// `valid_accuracy_pct`, `test_accuracy_pct` after the last epoch, and the `seconds` (wall clock) and `cpu_seconds` of the
/// whole training.
pub(in crate::pipeline) fn write_trainings(
    path: &Path,
    candidates: &Candidates,
    networks: &[&Trained],
) -> Result<(), FileError> {
    let epochs = |(repeat, training): (i64, &'_ Training), n: usize| {
        let last = training.curve.len();
        let row = move |e: &EpochRecord| (n, repeat, *e, e.epoch == last);
        training.curve.iter().map(row).collect::<Vec<_>>()
    };
    let rows: Vec<(usize, i64, EpochRecord, bool)> = networks
        .iter()
        .enumerate()
        .flat_map(|(n, network)| (0..).zip(&network.trainings).flat_map(move |t| epochs(t, n)))
        .collect();
    let training = |&(n, repeat, ..): &(usize, i64, EpochRecord, bool)| &networks[n].trainings[repeat as usize];
    write(
        path,
        vec![
            ("arch", text(rows.iter().map(|r| &candidates.texts[networks[r.0].candidate]))),
            ("arch_id", text(rows.iter().map(|r| candidates.ids[networks[r.0].candidate].to_string()))),
            ("role", text(rows.iter().map(|r| networks[r.0].role.name()))),
            ("repeat", integer(rows.iter().map(|r| r.1))),
            ("epoch", integer(rows.iter().map(|r| r.2.epoch as i64))),
            ("train_loss", number(rows.iter().map(|r| r.2.train_loss))),
            ("valid_accuracy_pct", number(rows.iter().map(|r| r.2.valid_accuracy_pct))),
            ("test_accuracy_pct", number(rows.iter().map(|r| r.3.then(|| training(r).test_accuracy_pct)))),
            ("seconds", number(rows.iter().map(|r| training(r).seconds))),
            ("cpu_seconds", number(rows.iter().map(|r| training(r).cpu_seconds))),
        ],
    )
}
