//! What no measurement can be. Cells that say "not measured" in numbers are emptied and counted; a value that cannot be, and a
//! measurement that comes twice, end the import.
//!
//! | field | emptied | refused |
//! |---|---|---|
//! | `latency_ms`, `energy_mj` | NaN, infinite, 0 or less | |
//! | `seconds` | NaN, infinite, negative | |
//! | `params`, `macs` | -1 | other negative numbers |
//! | `accuracy_pct` | NaN | infinite, outside 0 to 100 |
//! | `epochs`, `epoch` | NaN | infinite, negative |

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use super::ImportError;
use super::summary::at_the_end;
use crate::benchmark::schema::{Measurement, Subject};
use crate::text::thousands;

/// Devices that are counted one by one; the rest are counted together.
const MOST_DEVICES: usize = 1000;
/// Different values that a note lists.
const MOST_VALUES: usize = 3;

/// What was checked so far.
#[derive(Default)]
pub(super) struct Checks {
    cells: BTreeMap<(&'static str, Option<Arc<str>>), Cells>,
    /// Hashes of the ends of trainings, latencies and scores; evaluations on the way are too many to remember.
    keys: HashSet<u64>,
}

/// The cells of a field that hold a number.
#[derive(Default)]
struct Cells {
    n: u64,
    emptied: u64,
    /// What they said, the first few.
    values: BTreeSet<String>,
}

impl Checks {
    /// Empties the cells that say "not measured" and refuses what cannot be. Errors name the architecture,
    /// the field and the value; the file is for the caller to add.
    pub fn apply(&mut self, subject: &Subject, rows: &mut [Measurement]) -> Result<(), ImportError> {
        rows.iter_mut().try_for_each(|row| self.check(subject, row))?;
        // What comes at once is told apart by the file's own structure.
        let keys: HashSet<u64> = rows.iter().filter(|row| at_the_end(row)).map(|row| key(subject, row)).collect();
        match keys.into_iter().all(|key| self.keys.insert(key)) {
            true => Ok(()),
            false => Err(ImportError::repeated(subject)),
        }
    }

    fn check(&mut self, subject: &Subject, row: &mut Measurement) -> Result<(), ImportError> {
        let device = row.device.clone();
        let above_0 = |x: f64| x.is_finite() && x > 0.0;
        self.empty("latency_ms", device.as_ref(), &mut row.latency_ms, above_0);
        self.empty("energy_mj", device.as_ref(), &mut row.energy_mj, above_0);
        self.empty("seconds", None, &mut row.seconds, |x| x.is_finite() && x >= 0.0);
        self.empty("params", None, &mut row.params, |n| n != -1);
        self.empty("macs", None, &mut row.macs, |n| n != -1);
        self.empty("accuracy_pct", None, &mut row.accuracy_pct, |x| !x.is_nan());
        self.empty("epoch", None, &mut row.epoch, |x| !x.is_nan());
        let from_0 = "a number from 0 up";
        let cells = [
            ("accuracy_pct", row.accuracy_pct, 100.0, "a percentage from 0 to 100"),
            ("epoch", row.epoch, f64::MAX, from_0),
            ("epochs", row.epochs.map(f64::from), f64::MAX, from_0),
            ("params", row.params.map(|n| n as f64), f64::MAX, from_0),
            ("macs", row.macs.map(|n| n as f64), f64::MAX, from_0),
        ];
        for (field, cell, most, allowed) in cells {
            if let Some(value) = cell.filter(|value| !(0.0..=most).contains(value)) {
                return Err(ImportError::impossible(subject, field, value, allowed));
            }
        }
        Ok(())
    }

    fn empty<T: Copy + std::fmt::Display>(
        &mut self,
        field: &'static str,
        device: Option<&Arc<str>>,
        cell: &mut Option<T>,
        measured: impl Fn(T) -> bool,
    ) {
        let Some(value) = *cell else { return };
        let full = self.cells.len() >= MOST_DEVICES;
        let device = device.filter(|device| !full || self.cells.contains_key(&(field, Some((*device).clone()))));
        let cells = self.cells.entry((field, device.cloned())).or_default();
        cells.n += 1;
        if !measured(value) {
            *cell = None;
            cells.emptied += 1;
            if cells.values.len() <= MOST_VALUES {
                cells.values.insert(value.to_string());
            }
        }
    }

    /// Sentences on what was emptied.
    pub fn notes(&self) -> Vec<String> {
        let emptied = self.cells.iter().filter(|(_, cells)| cells.emptied > 0);
        let note = |((field, device), cells): (&(&'static str, Option<Arc<str>>), &Cells)| {
            let of = device.as_ref().map_or(String::new(), |device| format!(" of {device}"));
            let mut values: Vec<&str> = cells.values.iter().map(String::as_str).take(MOST_VALUES).collect();
            if cells.values.len() > MOST_VALUES {
                values.push("...");
            }
            let (emptied, n, values) = (thousands(cells.emptied), thousands(cells.n), values.join(", "));
            format!("{field}{of}: {emptied} of {n} values are not measurements ({values}) and were left empty")
        };
        emptied.map(note).collect()
    }
}

/// What tells a measurement from all others.
fn key(subject: &Subject, row: &Measurement) -> u64 {
    let mut hash = Xxh3::new();
    (&subject.space, &subject.arch, &row.dataset, &row.split, row.epochs).hash(&mut hash);
    (row.epoch.map(f64::to_bits), row.seed, &row.device, &row.proxy).hash(&mut hash);
    hash.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(row: Measurement) -> (Measurement, Vec<String>) {
        let (mut checks, mut row) = (Checks::default(), row);
        checks.apply(&Subject::default(), std::slice::from_mut(&mut row)).unwrap();
        (row, checks.notes())
    }

    #[test]
    fn numbers_that_say_not_measured_are_emptied_and_counted() {
        for value in [-1.0, 0.0, f64::NAN, f64::INFINITY, -999.0] {
            let device = Some(Arc::from("edgetpu"));
            let row = Measurement { latency_ms: Some(value), energy_mj: Some(value), device, ..Measurement::default() };
            let (row, notes) = applied(row);
            assert_eq!((row.latency_ms, row.energy_mj), (None, None));
            let note =
                format!("latency_ms of edgetpu: 1 of 1 values are not measurements ({value}) and were left empty");
            assert!(notes.contains(&note), "{notes:?}");
        }
        let row = Measurement { params: Some(-1), macs: Some(-1), seconds: Some(-1.0), ..Measurement::default() };
        assert_eq!(applied(row).0, Measurement::default());
        let kept =
            Measurement { params: Some(0), seconds: Some(0.0), latency_ms: Some(1e-9), ..Measurement::default() };
        assert_eq!(applied(kept.clone()), (kept, Vec::new()));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let row = Measurement::default();
        let wrong = [
            Measurement { accuracy_pct: Some(-1.0), ..row.clone() },
            Measurement { accuracy_pct: Some(f64::INFINITY), ..row.clone() },
            Measurement { accuracy_pct: Some(8235.0), ..row.clone() },
            Measurement { epochs: Some(-1), ..row.clone() },
            Measurement { params: Some(-7), ..row.clone() },
            Measurement { macs: Some(-7), ..row.clone() },
        ];
        for row in wrong {
            let error = Checks::default().apply(&Subject::default(), &mut [row]).unwrap_err();
            assert!(matches!(error, ImportError::Impossible { .. }), "{error}");
        }
        for accuracy in [0.0, 100.0] {
            let row = Measurement { accuracy_pct: Some(accuracy), ..row.clone() };
            assert_eq!(applied(row.clone()), (row, Vec::new()));
        }
    }

    #[test]
    fn a_measurement_comes_once() {
        let mut checks = Checks::default();
        let subject = Subject { arch: "a".into(), ..Subject::default() };
        let row = |seed| Measurement { seed: Some(seed), accuracy_pct: Some(1.0), ..Measurement::default() };
        for seed in [0, 1] {
            checks.apply(&subject, &mut [row(seed)]).unwrap();
        }
        let error = checks.apply(&subject, &mut [row(1)]).unwrap_err();
        assert!(matches!(error, ImportError::Repeated { .. }), "{error}");
        // On the way of a training, which is not remembered.
        let early = || Measurement { epochs: Some(9), epoch: Some(1.0), ..row(3) };
        checks.apply(&subject, &mut [early()]).unwrap();
        checks.apply(&subject, &mut [early()]).unwrap();
    }
}
