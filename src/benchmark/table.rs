//! A Parquet file read column by column, by name.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek};
use std::path::{Path, PathBuf};

use arrow::array::Array;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;

use super::parquet::unreadable_compression;
use super::schema;
use super::values::{self, without_dictionary};
use crate::text::{list, quoted};

/// Most rows of a table: its columns are held in memory.
const MOST_ROWS: usize = 10_000_000;

/// Why a table or one of its columns could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are what the messages name")]
pub enum TableError {
    /// No file has this name.
    #[error("there is no file `{path}`; check the path, or download or write the table first")]
    Missing { path: PathBuf },
    /// The path names a folder.
    #[error("`{path}` is a folder; name the Parquet file inside it")]
    Folder { path: PathBuf },
    /// The table has a row per measurement, not one per architecture.
    #[error(
        "`{path}` has a row per measurement, not one per architecture; \
         `naslens import {path} --wide TABLE.parquet` makes such a table"
    )]
    Long { path: PathBuf },
    /// The file exists but the system refuses to read it.
    #[error("`{path}` cannot be read ({source}); check its permissions and the disk")]
    Unreadable { path: PathBuf, source: std::io::Error },
    /// The file does not end in a valid Parquet footer: another format, or cut short.
    #[error("`{path}` is not a complete Parquet file ({source}); {remedy}")]
    NotParquet { path: PathBuf, source: ParquetError, remedy: &'static str },
    /// More rows than are held in memory.
    #[error("`{path}` has {rows} rows, more than the {MOST_ROWS} that are read; choose the rows that matter")]
    TooLong { path: PathBuf, rows: usize },
    /// A column is compressed in a way that is not read.
    #[error(
        "column {} of `{path}` is compressed by {codec}, which is not read; write the file again with zstd, snappy, gzip, \
         lz4 or no compression",
        quoted(.column)
    )]
    Compression { path: PathBuf, column: String, codec: &'static str },
    /// The footer is fine but the data of a column is not.
    #[error("column `{column}` of `{path}` is damaged ({source}); download or write the file again")]
    Damaged { path: PathBuf, column: String, source: ArrowError },
    /// No column has this name.
    #[error("`{path}` has no column `{column}`; {}columns: {}", hint(.suggestion), list(.columns))]
    NoColumn { path: PathBuf, column: String, suggestion: Option<String>, columns: Vec<String> },
    /// The column holds another kind of value.
    #[error("column `{column}` of `{path}` holds {found}, not {wanted}; choose another column or convert this one")]
    WrongType { path: PathBuf, column: String, found: DataType, wanted: &'static str },
    /// A value of a numeric column is negative, fractional, or too large for a float to be exact.
    #[error(
        "column `{column}` of `{path}` holds {value} in row {row}, not a whole number from 0 up; \
         correct or remove the row"
    )]
    NotWhole { path: PathBuf, column: String, row: usize, value: f64 },
}

fn hint(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map(|name| format!("did you mean `{name}`? ")).unwrap_or_default()
}

/// An open Parquet table. Opening reads the footer only; each column is read from the file when it is asked for.
#[derive(Clone, Debug)]
pub struct Table {
    path: PathBuf,
    footer: ArrowReaderMetadata,
}

impl Table {
    /// Opens the Parquet file at `path` and reads its schema.
    pub fn open(path: &Path) -> Result<Self, TableError> {
        if path.is_dir() {
            return Err(TableError::Folder { path: path.into() });
        }
        let file = open_file(path)?;
        let footer = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(|source| {
            let mut start = [0; 4];
            let parquet = (&file).rewind().and_then(|()| (&file).read_exact(&mut start)).is_ok() && start == *b"PAR1";
            let remedy = if parquet {
                "it was cut short, so download or write it again"
            } else {
                "naslens import with --wide TABLE.parquet makes such a table of CSV and of published files"
            };
            TableError::NotParquet { path: path.into(), source, remedy }
        })?;
        if let Some((column, codec)) = unreadable_compression(footer.metadata()) {
            return Err(TableError::Compression { path: path.into(), column, codec });
        }
        let table = Table { path: path.into(), footer };
        match table.num_rows() {
            rows if rows > MOST_ROWS => Err(TableError::TooLong { path: path.into(), rows }),
            _ => Ok(table),
        }
    }

    /// Opens a table of truths, which must have a row per architecture.
    pub fn open_truths(path: &Path) -> Result<Self, TableError> {
        let table = Table::open(path)?;
        match table.metadata(schema::SCHEMA_KEY).as_deref() {
            Some(schema::VERSION) => Err(TableError::Long { path: path.into() }),
            _ => Ok(table),
        }
    }

    /// The file this table was opened from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of the columns, in file order.
    pub fn column_names(&self) -> Vec<String> {
        self.footer.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    /// Whether there is a column called `name`.
    pub fn has(&self, name: &str) -> bool {
        self.footer.schema().index_of(name).is_ok()
    }

    /// Whether there is a column called `name` that holds numbers.
    pub fn is_number(&self, name: &str) -> bool {
        self.holds(name, values::is_number)
    }

    /// Whether there is a column called `name` that holds text.
    pub fn is_text(&self, name: &str) -> bool {
        self.holds(name, DataType::is_string)
    }

    fn holds(&self, name: &str, accepted: impl Fn(&DataType) -> bool) -> bool {
        self.footer.schema().field_with_name(name).is_ok_and(|field| match field.data_type() {
            DataType::Dictionary(_, values) => accepted(values),
            found => accepted(found),
        })
    }

    /// The number of rows.
    pub fn num_rows(&self) -> usize {
        usize::try_from(self.footer.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// The value stored under `key` in the file's key-value metadata, if there is one.
    pub fn metadata(&self, key: &str) -> Option<String> {
        let pairs = self.footer.metadata().file_metadata().key_value_metadata()?;
        pairs.iter().find(|pair| pair.key == key)?.value.clone()
    }

    /// A column of any numeric type as `f64`; null and NaN become `None`. Integers beyond 2^53 are rounded.
    pub fn f64_column(&self, name: &str) -> Result<Vec<Option<f64>>, TableError> {
        let values = self.column(name, "numbers", values::is_number, values::numbers)?;
        Ok(values.into_iter().map(|value| value.filter(|v| !v.is_nan())).collect())
    }

    /// A column of whole numbers from 0 up; null becomes `None`.
    ///
    /// A float column will do if its values are whole, since a table with gaps often stores integers so; its NaN
    /// becomes `None` too.
    pub fn u64_column(&self, name: &str) -> Result<Vec<Option<u64>>, TableError> {
        let not_whole = |row, value| TableError::NotWhole { path: self.path.clone(), column: name.into(), row, value };
        if self.data_type(name)?.is_integer() {
            let whole = |row, value| u64::try_from(value).map_err(|_| not_whole(row, value as f64));
            let values = self.column(name, "whole numbers", DataType::is_integer, values::integers)?;
            return values.into_iter().enumerate().map(|(row, v)| v.map(|v| whole(row, v)).transpose()).collect();
        }
        // Above 2^53 a float no longer tells one whole number from the next.
        let exact = |v: f64| v.fract() == 0.0 && (0.0..=(1u64 << 53) as f64).contains(&v);
        let whole = |row, value| if exact(value) { Ok(value as u64) } else { Err(not_whole(row, value)) };
        let values = self.f64_column(name)?.into_iter().enumerate();
        values.map(|(row, value)| value.map(|v| whole(row, v)).transpose()).collect()
    }

    /// A column of strings, plain or dictionary-encoded; null becomes `None`.
    pub fn string_column(&self, name: &str) -> Result<Vec<Option<String>>, TableError> {
        self.column(name, "strings", DataType::is_string, values::strings)
    }

    fn data_type(&self, name: &str) -> Result<&DataType, TableError> {
        if let Ok(field) = self.footer.schema().field_with_name(name) {
            return Ok(field.data_type());
        }
        let columns = self.column_names();
        let similarity = |column: &str| strsim::jaro_winkler(&column.to_lowercase(), &name.to_lowercase());
        let suggestion = columns
            .iter()
            .filter(|column| similarity(column) > 0.8)
            .max_by(|a, b| similarity(a).total_cmp(&similarity(b)))
            .cloned();
        Err(TableError::NoColumn { path: self.path.clone(), column: name.into(), suggestion, columns })
    }

    /// The whole column as `values` reads it, if the type of its values (those of the dictionary, if it has one) is
    /// accepted. A column with nothing in it has the null type and is accepted as any.
    fn column<T>(
        &self,
        name: &str,
        wanted: &'static str,
        accepted: impl Fn(&DataType) -> bool,
        values: impl Fn(&dyn Array) -> Vec<Option<T>>,
    ) -> Result<Vec<Option<T>>, TableError> {
        let found = self.data_type(name)?;
        let value_type = if let DataType::Dictionary(_, values) = found { values } else { found };
        if !accepted(value_type) && !value_type.is_null() {
            let (column, found) = (name.into(), found.clone());
            return Err(TableError::WrongType { path: self.path.clone(), column, found, wanted });
        }
        let damaged = |source| TableError::Damaged { path: self.path.clone(), column: name.into(), source };
        let index = self.footer.schema().index_of(name).map_err(damaged)?;
        // A file handle of its own per column: reads on shared handles would move one another's position.
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(open_file(&self.path)?, self.footer.clone());
        let projection = ProjectionMask::roots(reader.parquet_schema(), [index]);
        let batches = reader.with_projection(projection).with_batch_size(1 << 16).build();
        let mut whole = Vec::new();
        for batch in batches.map_err(|error| damaged(error.into()))? {
            let array = batch.and_then(|batch| without_dictionary(batch.column(0))).map_err(damaged)?;
            whole.extend(values(&array));
        }
        Ok(whole)
    }
}

fn open_file(path: &Path) -> Result<File, TableError> {
    File::open(path).map_err(|source| match source.kind() {
        ErrorKind::NotFound => TableError::Missing { path: path.into() },
        _ => TableError::Unreadable { path: path.into(), source },
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, BooleanArray, DictionaryArray, Float32Array, Float64Array, Int32Array, LargeStringArray, NullArray,
        RecordBatch, StringArray, StringViewArray, UInt64Array,
    };
    use arrow::datatypes::Int32Type;
    use parquet::arrow::ArrowWriter;
    use parquet::file::metadata::KeyValue;

    use super::*;

    const WORDS: [Option<&str>; 3] = [Some("a"), None, Some("c")];

    /// Writes the sample table, in two row groups, and returns its folder and path.
    fn sample() -> (tempfile::TempDir, PathBuf) {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("index", Arc::new(Int32Array::from(vec![Some(0), None, Some(7)]))),
            ("big", Arc::new(UInt64Array::from(vec![u64::MAX, 0, 1]))),
            ("accuracy", Arc::new(Float64Array::from(vec![Some(93.5), Some(f64::NAN), None]))),
            ("latency", Arc::new(Float32Array::from(vec![0.5, 2.0, -1.0]))),
            ("negative", Arc::new(Int32Array::from(vec![1, 2, -3]))),
            ("plain", Arc::new(StringArray::from(WORDS.to_vec()))),
            ("large", Arc::new(LargeStringArray::from(WORDS.to_vec()))),
            ("view", Arc::new(StringViewArray::from(WORDS.to_vec()))),
            ("dictionary", Arc::new(WORDS.into_iter().collect::<DictionaryArray<Int32Type>>())),
            ("flag", Arc::new(BooleanArray::from(vec![true, false, true]))),
            ("nothing", Arc::new(NullArray::new(3))),
        ];
        let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.parquet");
        let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch.slice(0, 2)).unwrap();
        writer.flush().unwrap();
        writer.write(&batch.slice(2, 1)).unwrap();
        writer.append_key_value_metadata(KeyValue::new("origin".into(), "here".to_string()));
        writer.close().unwrap();
        (folder, path)
    }

    #[test]
    fn reads_every_kind_of_column() {
        let (_folder, path) = sample();
        let table = Table::open(&path).unwrap();
        assert_eq!((table.num_rows(), table.column_names().len()), (3, 11));
        assert!(table.has("accuracy") && !table.has("Accuracy"));
        assert_eq!(table.metadata("origin").as_deref(), Some("here"));
        assert_eq!(table.metadata("elsewhere"), None);
        assert_eq!(table.f64_column("accuracy").unwrap(), [Some(93.5), None, None]);
        assert_eq!(table.f64_column("latency").unwrap(), [Some(0.5), Some(2.0), Some(-1.0)]);
        assert_eq!(table.f64_column("index").unwrap(), [Some(0.0), None, Some(7.0)]);
        assert_eq!(table.u64_column("index").unwrap(), [Some(0), None, Some(7)]);
        assert_eq!(table.u64_column("big").unwrap(), [Some(u64::MAX), Some(0), Some(1)]);
        for name in ["plain", "large", "view", "dictionary"] {
            assert_eq!(table.string_column(name).unwrap(), WORDS.map(|w| w.map(str::to_owned)), "{name}");
        }
        assert_eq!(table.f64_column("nothing").unwrap(), [None; 3]);
        assert_eq!(table.u64_column("nothing").unwrap(), [None; 3]);
        assert_eq!(table.string_column("nothing").unwrap(), [const { None }; 3]);
    }

    #[test]
    fn column_errors_say_what_to_do() {
        let (_folder, path) = sample();
        let table = Table::open(&path).unwrap();
        let message = table.f64_column("acuracy").unwrap_err().to_string();
        assert!(message.contains("has no column `acuracy`; did you mean `accuracy`? columns: index, big"), "{message}");
        let message = table.f64_column("zzz").unwrap_err().to_string();
        assert!(message.contains("has no column `zzz`; columns: index"), "{message}");
        let message = table.f64_column("plain").unwrap_err().to_string();
        assert!(message.contains("column `plain`") && message.contains("Utf8, not numbers"), "{message}");
        assert!(matches!(table.f64_column("flag"), Err(TableError::WrongType { .. })));
        assert!(matches!(table.string_column("index"), Err(TableError::WrongType { .. })));
        let message = table.u64_column("negative").unwrap_err().to_string();
        assert!(message.contains("holds -3 in row 2"), "{message}");
        assert!(matches!(table.u64_column("latency"), Err(TableError::NotWhole { row: 0, .. })));
    }

    #[test]
    fn file_errors_say_what_to_do() {
        let (folder, path) = sample();
        assert!(matches!(Table::open(&folder.path().join("none.parquet")), Err(TableError::Missing { .. })));
        assert!(matches!(Table::open(folder.path()), Err(TableError::Folder { .. })));
        let bytes = std::fs::read(&path).unwrap();
        for (kept, remedy) in [
            (0, "naslens import"),
            (3, "naslens import"),
            (bytes.len() / 2, "cut short"),
            (bytes.len() - 1, "cut short"),
        ] {
            let cut = folder.path().join("cut.parquet");
            std::fs::write(&cut, &bytes[..kept]).unwrap();
            let message = Table::open(&cut).unwrap_err().to_string();
            assert!(message.contains("is not a complete Parquet file"), "{kept}: {message}");
            assert!(message.contains(remedy), "{kept}: {message}");
        }
    }
}
