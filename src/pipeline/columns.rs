//! Columns written as Parquet (zstd), whole or not at all.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use crate::files::{FileError, write_atomically};

/// Writes the columns, which are of equal length, in their order.
pub(super) fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) -> Result<(), FileError> {
    write_with(path, columns, &[])
}

/// The same, with pairs of key and value in the file's metadata, beside `naslens`: the version that wrote it, as JSON.
pub(super) fn write_with(
    path: &Path,
    columns: Vec<(&str, ArrayRef)>,
    metadata: &[(&str, String)],
) -> Result<(), FileError> {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let about = serde_json::json!({ "naslens": env!("CARGO_PKG_VERSION") });
    let mut pairs = vec![("naslens", about.to_string())];
    pairs.extend_from_slice(metadata);
    // In the Arrow schema too, where pyarrow looks for it.
    let described: HashMap<_, _> = pairs.iter().map(|(key, value)| (key.to_string(), value.clone())).collect();
    let schema = Arc::new(Schema::new_with_metadata(fields, described));
    write_atomically(path, |file| {
        let batch = RecordBatch::try_new(schema.clone(), columns.into_iter().map(|(_, a)| a).collect())?;
        let metadata = pairs.iter().map(|(k, v)| KeyValue::new(k.to_string(), v.clone())).collect();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_key_value_metadata(Some(metadata))
            .build();
        let mut writer = ArrowWriter::try_new(file, schema, Some(properties))?;
        writer.write(&batch)?;
        writer.close()?;
        Ok::<_, ParquetError>(())
    })
}

pub(super) fn text<S: AsRef<str>>(values: impl IntoIterator<Item = S>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

pub(super) fn number(values: impl IntoIterator<Item = f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(values))
}

/// Numbers with gaps.
pub(super) fn optional(values: impl IntoIterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Float64Array>())
}

pub(super) fn integer(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    #[test]
    fn metadata_are_in_the_file_and_in_the_arrow_schema() {
        let file = tempfile::NamedTempFile::new().unwrap();
        write_with(file.path(), vec![("n", integer([1, 2]))], &[("origin", "here".into())]).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(file.path()).unwrap()).unwrap();
        let pairs = reader.metadata().file_metadata().key_value_metadata().unwrap().clone();
        let about = format!("{{\"naslens\":\"{}\"}}", env!("CARGO_PKG_VERSION"));
        for (key, value) in [("naslens", about.as_str()), ("origin", "here")] {
            assert!(pairs.iter().any(|p| p.key == key && p.value.as_deref() == Some(value)), "{pairs:?}");
            assert_eq!(reader.schema().metadata()[key], value);
        }
    }
}
