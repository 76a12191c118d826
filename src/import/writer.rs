//! Parquet files written as rows come.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::{ImportConfig, ImportError};
use crate::benchmark::schema::{self, Measurement, Rows, SCHEMA_KEY, Subject};
use crate::files::FileError;

/// Rows that are collected before they are encoded, and rows of a row group.
const BATCH: usize = 1 << 14;
const GROUP: usize = 1 << 18;

/// What the metadata of an imported file says of it.
pub(super) fn metadata(version: &str, config: &ImportConfig, format: &str) -> HashMap<String, String> {
    let source = config.source.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let about = serde_json::json!({
        "format": format, "source": source, "curves": config.curves, "naslens": env!("CARGO_PKG_VERSION"),
    });
    HashMap::from([(SCHEMA_KEY.into(), version.into()), ("naslens".into(), about.to_string())])
}

/// A Parquet writer (zstd) whose file and Arrow schema have the metadata of `schema`.
pub(super) fn parquet<'a>(
    out: &'a mut BufWriter<File>,
    schema: &SchemaRef,
) -> Result<ArrowWriter<&'a mut BufWriter<File>>, ParquetError> {
    let mut pairs: Vec<KeyValue> =
        schema.metadata().iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())).collect();
    pairs.sort_by(|a, b| a.key.cmp(&b.key));
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_key_value_metadata(Some(pairs))
        .set_max_row_group_row_count(Some(GROUP))
        .build();
    ArrowWriter::try_new(out, schema.clone(), Some(properties))
}

/// The table with a row per measurement.
pub struct LongWriter<'a> {
    writer: ArrowWriter<&'a mut BufWriter<File>>,
    schema: SchemaRef,
    rows: Rows,
    path: PathBuf,
}

impl<'a> LongWriter<'a> {
    pub(super) fn new(
        out: &'a mut BufWriter<File>,
        path: &Path,
        config: &ImportConfig,
        format: &str,
    ) -> Result<Self, ImportError> {
        let schema = schema::schema(metadata(schema::VERSION, config, format));
        let writer = parquet(out, &schema).map_err(refuse(path))?;
        Ok(LongWriter { writer, schema, rows: Rows::default(), path: path.into() })
    }

    pub(super) fn add(&mut self, subject: &Subject, rows: &[Measurement]) -> Result<(), ImportError> {
        for row in rows {
            self.rows.push(subject, row);
            if self.rows.len() >= BATCH {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ImportError> {
        let batch = self.rows.take(&self.schema).map_err(|e| refuse(&self.path)(e.into()))?;
        self.write(&batch)
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), ImportError> {
        self.writer.write(batch).map_err(refuse(&self.path))
    }

    pub(super) fn finish(mut self) -> Result<(), ImportError> {
        self.flush()?;
        self.writer.close().map_err(refuse(&self.path))?;
        Ok(())
    }
}

pub(super) fn refuse(path: &Path) -> impl Fn(ParquetError) -> ImportError + '_ {
    move |error| FileError::Write { path: path.into(), reason: error.to_string() }.into()
}
