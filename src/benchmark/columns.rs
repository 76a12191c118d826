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

use super::METADATA_KEY;
use crate::files::{FileError, write_atomically};

/// Writes the columns, which are of equal length, in their order. The metadata say the version that wrote them.
pub(crate) fn write(path: &Path, columns: Vec<(impl Into<String>, Values)>) -> Result<(), FileError> {
    write_with(path, columns, &[])
}

/// The same with pairs of key and value in the file's metadata; the key `naslens` may be among them.
pub(crate) fn write_with(
    path: &Path,
    columns: Vec<(impl Into<String>, Values)>,
    metadata: &[(&str, String)],
) -> Result<(), FileError> {
    let about = serde_json::json!({ "naslens": env!("CARGO_PKG_VERSION") }).to_string();
    let pairs: HashMap<String, String> = std::iter::once((METADATA_KEY, about))
        .chain(metadata.iter().cloned())
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    let mut noted: Vec<KeyValue> = pairs.iter().map(|(k, v)| KeyValue::new(k.clone(), v.clone())).collect();
    noted.sort_by(|a, b| a.key.cmp(&b.key));
    let field = |(name, (array, nullable)): (_, Values)| (Field::new(name, array.data_type().clone(), nullable), array);
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().map(field).unzip();
    // In the Arrow schema too, where pyarrow looks for it.
    let schema = Arc::new(Schema::new_with_metadata(fields, pairs));
    write_atomically(path, |file| {
        let batch = RecordBatch::try_new(schema.clone(), arrays)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_key_value_metadata(Some(noted))
            .build();
        let mut writer = ArrowWriter::try_new(file, schema, Some(properties))?;
        writer.write(&batch)?;
        writer.close()?;
        Ok::<_, ParquetError>(())
    })
}

/// The values of a column, and whether some of them may be missing.
pub(crate) type Values = (ArrayRef, bool);

pub(crate) fn text<S: AsRef<str>>(values: impl IntoIterator<Item = S>) -> Values {
    (Arc::new(StringArray::from_iter_values(values)), false)
}

/// Numbers, with gaps where there is none.
pub(crate) fn number<V: Into<Option<f64>>>(values: impl IntoIterator<Item = V>) -> Values {
    (Arc::new(values.into_iter().map(Into::into).collect::<Float64Array>()), true)
}

pub(crate) fn integer(values: impl IntoIterator<Item = i64>) -> Values {
    (Arc::new(Int64Array::from_iter_values(values)), false)
}

/// Whole numbers with gaps.
pub(crate) fn index(values: impl IntoIterator<Item = Option<i64>>) -> Values {
    (Arc::new(values.into_iter().collect::<Int64Array>()), true)
}
