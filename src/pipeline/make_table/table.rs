//! The columns of a table.

use std::path::Path;

use crate::benchmark::columns::{Values, integer, number, text, write_with};
use crate::files::FileError;
use crate::stats::mean;
use crate::train::Training;

/// A network and its trainings.
pub(super) struct Row {
    pub arch: String,
    pub arch_id: String,
    pub params: u64,
    pub macs: u64,
    /// Median of this machine in milliseconds, if it was measured.
    pub latency_ms: Option<f64>,
    pub trainings: Vec<Training>,
}

impl Row {
    /// The mean over trainings; None if one of them diverged.
    fn mean(&self, value: impl Fn(&Training) -> Option<f64>) -> Option<f64> {
        let values = self.trainings.iter().map(|t| value(t).filter(|_| !t.diverged())).collect::<Option<Vec<_>>>()?;
        mean(&values)
    }
}

/// One row per network: `arch`, `arch_id`, `params`, `macs`, `test_acc_pct` and `valid_acc_pct` (means over trainings of
/// the last epoch's), the same for each training (`..._seed0_pct`, …), `valid_acc_epN_pct` (mean after epoch N) and
/// `train_cpu_s` (mean processor seconds), and `latency_ms` where it was measured. What diverged has no accuracy.
pub(super) fn write_table(
    path: &Path,
    rows: &[Row],
    repeats: usize,
    epochs: usize,
    metadata: &[(&str, String)],
) -> Result<(), FileError> {
    let valid = |t: &Training, epoch: usize| t.curve.get(epoch).map(|e| e.valid_accuracy_pct);
    let last = |t: &Training| t.last().map(|e| e.valid_accuracy_pct);
    let mut columns: Vec<(String, Values)> = vec![
        ("arch".into(), text(rows.iter().map(|r| &r.arch))),
        ("arch_id".into(), text(rows.iter().map(|r| &r.arch_id))),
        ("params".into(), integer(rows.iter().map(|r| r.params as i64))),
        ("macs".into(), integer(rows.iter().map(|r| r.macs as i64))),
        ("test_acc_pct".into(), number(rows.iter().map(|r| r.mean(|t| Some(t.test_accuracy_pct))))),
        ("valid_acc_pct".into(), number(rows.iter().map(|r| r.mean(last)))),
    ];
    for k in 0..repeats {
        let one = |r: &Row, value: &dyn Fn(&Training) -> Option<f64>| {
            value(&r.trainings[k]).filter(|_| !r.trainings[k].diverged())
        };
        let test = rows.iter().map(|r| one(r, &|t| Some(t.test_accuracy_pct)));
        columns.push((format!("test_acc_seed{k}_pct"), number(test)));
        columns.push((format!("valid_acc_seed{k}_pct"), number(rows.iter().map(|r| one(r, &last)))));
    }
    for epoch in 0..epochs {
        let mean = rows.iter().map(|r| r.mean(|t| valid(t, epoch)));
        columns.push((format!("valid_acc_ep{}_pct", epoch + 1), number(mean)));
    }
    columns.push(("train_cpu_s".into(), number(rows.iter().map(|r| r.mean(|t| Some(t.cpu_seconds))))));
    if rows.iter().any(|r| r.latency_ms.is_some()) {
        columns.push(("latency_ms".into(), number(rows.iter().map(|r| r.latency_ms))));
    }
    write_with(path, columns, metadata)
}

/// One row per network, training and epoch: `arch`, `arch_id`, `seed` (the repeat, from 0), `epoch`, `train_loss`,
/// `valid_acc_pct`.
pub(super) fn write_curves(path: &Path, rows: &[Row], metadata: &[(&str, String)]) -> Result<(), FileError> {
    let all: Vec<_> = rows
        .iter()
        .flat_map(|r| (0..).zip(&r.trainings).flat_map(move |(seed, t)| t.curve.iter().map(move |e| (r, seed, e))))
        .collect();
    let columns = vec![
        ("arch", text(all.iter().map(|(r, ..)| &r.arch))),
        ("arch_id", text(all.iter().map(|(r, ..)| &r.arch_id))),
        ("seed", integer(all.iter().map(|(_, seed, _)| *seed))),
        ("epoch", integer(all.iter().map(|(.., e)| e.epoch as i64))),
        ("train_loss", number(all.iter().map(|(.., e)| e.train_loss))),
        ("valid_acc_pct", number(all.iter().map(|(.., e)| e.valid_accuracy_pct))),
    ];
    write_with(path, columns, metadata)
}
