//! The table with a row per architecture: means over seeds, under names that say what they are.
//!
//! | column | |
//! |---|---|
//! | `space`, `arch`, `arch_id`, `arch_index` | as in the table with a row per measurement |
//! | `<dataset>_<split>_acc_<epochs>ep_pct` | accuracy at the end of the training, mean over seeds, percent |
//! | `<dataset>_<split>_acc_<epochs>ep_runs` | how many seeds it is the mean of; only where it is more than one for some architecture |
//! | `<dataset>_<split>_loss_<epochs>ep` | loss likewise |
//! | `<dataset>_<split>_<epochs>ep_s` | seconds likewise: of the training for `train`, of an evaluation otherwise |
//! | `<dataset>_params`, `<dataset>_macs` | of the network with the classes of the dataset |
//! | `<dataset>_<device>_latency_ms`, `<dataset>_<device>_energy_mj` | |
//! | `<dataset>_zc_<proxy>` | score of the untrained network |
//!
//! A part of a name that is not known is left out.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};

use super::summary::at_the_end;
use super::writer::{metadata, parquet, refuse};
use super::{ImportConfig, ImportError, atomically};
use crate::benchmark::schema::{Measurement, Subject, WIDE_VERSION};

/// Most columns, which bounds memory.
const MOST_COLUMNS: usize = 4096;

/// Sums by architecture and column.
#[derive(Default)]
pub(super) struct Wide {
    places: HashMap<(String, String), usize>,
    subjects: Vec<Subject>,
    columns: Vec<Column>,
    index: HashMap<Key, usize>,
}

/// What a column is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    what: What,
    dataset: Option<Arc<str>>,
    /// Split, device or proxy.
    of: Option<Arc<str>>,
    epochs: Option<i32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum What {
    Accuracy,
    Loss,
    Seconds,
    Params,
    Macs,
    Latency,
    Energy,
    Score,
}

/// Sum and number of values by architecture.
struct Column {
    key: Key,
    cells: Vec<(f64, u32)>,
}

impl Wide {
    pub fn add(&mut self, subject: &Subject, rows: &[Measurement]) -> Result<(), ImportError> {
        let key = (subject.space.clone(), subject.arch.clone());
        let place = *self.places.entry(key).or_insert_with(|| {
            self.subjects.push(subject.clone());
            self.subjects.len() - 1
        });
        for row in rows.iter().filter(|row| at_the_end(row)) {
            let of = row.split.as_ref().or(row.device.as_ref()).or(row.proxy.as_ref());
            let seconds = row.seconds.filter(|_| row.proxy.is_none());
            let values = [
                (What::Params, row.params.map(|n| n as f64)),
                (What::Macs, row.macs.map(|n| n as f64)),
                (What::Accuracy, row.accuracy_pct),
                (What::Loss, row.loss),
                (What::Seconds, seconds),
                (What::Latency, row.latency_ms),
                (What::Energy, row.energy_mj),
                (What::Score, row.score),
            ];
            for (what, value) in values {
                let Some(value) = value.filter(|value| !value.is_nan()) else { continue };
                let about_training = matches!(what, What::Accuracy | What::Loss | What::Seconds);
                let of = of.filter(|_| !matches!(what, What::Params | What::Macs)).cloned();
                let epochs = row.epochs.filter(|_| about_training);
                self.put(Key { what, dataset: row.dataset.clone(), of, epochs }, place, value)?;
            }
        }
        Ok(())
    }

    fn put(&mut self, key: Key, place: usize, value: f64) -> Result<(), ImportError> {
        let column = match self.index.get(&key) {
            Some(&column) => column,
            None => {
                if self.columns.len() == MOST_COLUMNS {
                    return Err(ImportError::Options(format!(
                        "the table with a row per architecture would have more than {MOST_COLUMNS} columns; leave --wide out"
                    )));
                }
                self.columns.push(Column { key: key.clone(), cells: Vec::new() });
                self.index.insert(key, self.columns.len() - 1);
                self.columns.len() - 1
            }
        };
        let cells = &mut self.columns[column].cells;
        if cells.len() <= place {
            cells.resize(place + 1, (0.0, 0));
        }
        cells[place].0 += value;
        cells[place].1 += 1;
        Ok(())
    }

    pub fn write(self, path: &Path, config: &ImportConfig, format: &str) -> Result<(), ImportError> {
        let n = self.subjects.len();
        let text = |cell: fn(&Subject) -> Option<&str>| {
            Arc::new(self.subjects.iter().map(cell).collect::<StringArray>()) as ArrayRef
        };
        let index: Int64Array = self.subjects.iter().map(|subject| subject.arch_index).collect();
        let mut columns: Vec<(String, DataType, ArrayRef)> = vec![
            ("space".into(), DataType::Utf8, text(|s| Some(&s.space))),
            ("arch".into(), DataType::Utf8, text(|s| Some(&s.arch))),
            ("arch_id".into(), DataType::Utf8, text(|s| s.arch_id.as_deref())),
            ("arch_index".into(), DataType::Int64, Arc::new(index)),
        ];
        for mut column in self.columns {
            column.cells.resize(n, (0.0, 0));
            let mean = |&(sum, count): &(f64, u32)| (count > 0).then(|| sum / f64::from(count));
            let means = column.cells.iter().map(mean);
            let name = column.key.name();
            if matches!(column.key.what, What::Params | What::Macs) {
                let whole: Int64Array = means.map(|mean| mean.map(|mean| mean.round() as i64)).collect();
                columns.push((name, DataType::Int64, Arc::new(whole)));
                continue;
            }
            columns.push((name.clone(), DataType::Float64, Arc::new(means.collect::<Float64Array>())));
            if column.key.what == What::Accuracy && column.cells.iter().any(|&(_, count)| count > 1) {
                let runs = column.cells.iter().map(|&(_, count)| Some(count as i32)).collect::<Int32Array>();
                columns.push((format!("{}_runs", name.trim_end_matches("_pct")), DataType::Int32, Arc::new(runs)));
            }
        }
        let fields = columns.iter().map(|(name, kind, _)| Field::new(name, kind.clone(), true)).collect::<Vec<_>>();
        let schema = Arc::new(Schema::new_with_metadata(fields, metadata(WIDE_VERSION, config, format)));
        let cells = columns.into_iter().map(|(.., cells)| cells).collect();
        atomically(path, |out| {
            let refuse = refuse(path);
            let mut writer = parquet(out, &schema).map_err(&refuse)?;
            let batch = RecordBatch::try_new(schema, cells).map_err(|error| refuse(error.into()))?;
            writer.write(&batch).map_err(&refuse)?;
            writer.close().map_err(&refuse).map(|_| ())
        })
    }
}

impl Key {
    fn name(&self) -> String {
        let epochs = self.epochs.map(|epochs| format!("{epochs}ep"));
        let part = |text: &'static str| Some(text.to_string());
        let of = self.of.as_ref().map(|of| of.to_string());
        let parts = match self.what {
            What::Accuracy => [of, part("acc"), epochs, part("pct")],
            What::Loss => [of, part("loss"), epochs, None],
            What::Seconds => [of, epochs, part("s"), None],
            What::Params => [part("params"), None, None, None],
            What::Macs => [part("macs"), None, None, None],
            What::Latency => [of, part("latency_ms"), None, None],
            What::Energy => [of, part("energy_mj"), None, None],
            What::Score => [part("zc"), of, None, None],
        };
        let dataset = self.dataset.as_ref().map(|dataset| dataset.to_string());
        std::iter::once(dataset).chain(parts).flatten().collect::<Vec<_>>().join("_")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::benchmark::Table;

    #[test]
    fn means_over_seeds_have_names_that_say_what_they_are() {
        let subject = |arch: &str| Subject { space: "s".into(), arch: arch.into(), ..Subject::default() };
        let run = |seed, accuracy| Measurement {
            dataset: Some("cifar10".into()),
            split: Some("test".into()),
            epochs: Some(200),
            epoch: Some(200.0),
            seed: Some(seed),
            accuracy_pct: Some(accuracy),
            params: Some(7),
            ..Measurement::default()
        };
        let early = Measurement { epoch: Some(100.0), ..run(1, 1.0) };
        let proxy = Measurement {
            proxy: Some("synflow".into()),
            score: Some(2.0),
            seconds: Some(9.0),
            ..Measurement::default()
        };
        let mut wide = Wide::default();
        wide.add(&subject("a"), &[run(1, 90.0), early, run(2, 92.0)]).unwrap();
        wide.add(&subject("b"), &[run(1, 80.0), proxy]).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wide.parquet");
        wide.write(&path, &ImportConfig::default(), "x").unwrap();
        let table = Table::open(&path).unwrap();
        let names = "space arch arch_id arch_index cifar10_params cifar10_test_acc_200ep_pct cifar10_test_acc_200ep_runs zc_synflow";
        assert_eq!(table.column_names().join(" "), names);
        assert_eq!(table.f64_column("cifar10_test_acc_200ep_pct").unwrap(), [Some(91.0), Some(80.0)]);
        assert_eq!(table.u64_column("cifar10_test_acc_200ep_runs").unwrap(), [Some(2), Some(1)]);
        assert_eq!(table.u64_column("cifar10_params").unwrap(), [Some(7), Some(7)]);
        assert_eq!(table.f64_column("zc_synflow").unwrap(), [None, Some(2.0)]);
        assert_eq!(table.metadata("naslens.schema").as_deref(), Some("benchmark-wide/1"));
    }
}
