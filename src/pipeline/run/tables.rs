//! Predictions and trainings of a run as Parquet.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::results::Results;
use crate::pipeline::files::{FileError, write_atomically};

/// Writes columns of equal length as Parquet (zstd).
pub(in crate::pipeline) fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) -> Result<(), FileError> {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    write_atomically(path, |file| {
        let batch = RecordBatch::try_new(schema.clone(), columns.into_iter().map(|(_, a)| a).collect())?;
        let zstd = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?)).build();
        let mut writer = ArrowWriter::try_new(file, schema, Some(zstd))?;
        writer.write(&batch)?;
        writer.close()?;
        Ok::<_, ParquetError>(())
    })
}

/// A column of strings.
pub(in crate::pipeline) fn text<S: AsRef<str>>(values: impl IntoIterator<Item = S>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

/// A column of numbers without gaps.
pub(in crate::pipeline) fn number(values: impl IntoIterator<Item = f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(values))
}

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
    let integer = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
    write(
        path,
        vec![
            ("arch", text(rows.iter().map(|r| &table.arch[r.0]))),
            ("arch_id", text(rows.iter().map(|r| &table.arch_id[r.0]))),
            ("role", text(rows.iter().map(|r| r.1.name()))),
            ("repeat", integer(rows.iter().map(|r| r.2).collect())),
            ("epoch", integer(rows.iter().map(|r| r.3.epoch as i64).collect())),
            ("train_loss", Arc::new(Float64Array::from_iter(rows.iter().map(|r| r.3.train_loss)))),
            ("valid_accuracy_pct", number(rows.iter().map(|r| r.3.valid_accuracy_pct))),
            ("test_accuracy_pct", number(rows.iter().map(|r| r.3.test_accuracy_pct))),
            ("seconds", number(rows.iter().map(|r| r.4))),
        ],
    )
}
