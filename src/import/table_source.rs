//! The rows of a CSV or Parquet file, column by column name.

use std::cell::Cell as Counter;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::benchmark::values;

use super::nats_file::Counted;
use super::{ImportError, Sink};

/// A cell of a table.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    /// Nothing, or what stands for nothing.
    Empty,
    /// Text, of which a CSV file is made.
    Text(String),
    /// A number.
    Number(f64),
    /// A whole number.
    Whole(i64),
}

/// Longest field of a CSV file, and most columns.
const LONGEST: usize = 1 << 20;
const MOST_COLUMNS: usize = 100_000;
const MEGABYTE: u64 = 1_000_000;
/// Rows between two reports of progress.
const TICK: u64 = 8192;

/// What is done with a row: its number from 1, and its cells.
pub(super) type OnRow<'a> = &'a mut dyn FnMut(&mut Sink, u64, Vec<Cell>) -> Result<(), ImportError>;

/// The names of the columns.
pub(super) fn columns(path: &Path) -> Result<Vec<String>, ImportError> {
    if is_parquet(path)? {
        let names = parquet(path)?.schema().fields().iter().map(|field| field.name().clone()).collect();
        return Ok(names);
    }
    let position = Counter::new(0);
    let header = csv(path, &position)?.record()?;
    header.ok_or_else(|| ImportError::content(path, "line 1", "the file is empty, a header was expected"))
}

/// Reads the columns at these places of every row.
pub(super) fn rows(path: &Path, places: &[usize], sink: &mut Sink, on_row: OnRow) -> Result<(), ImportError> {
    if is_parquet(path)? { parquet_rows(path, places, sink, on_row) } else { csv_rows(path, places, sink, on_row) }
}

fn is_parquet(path: &Path) -> Result<bool, ImportError> {
    let mut file = BufReader::new(File::open(path).map_err(ImportError::unreadable(path))?);
    Ok(file.fill_buf().map_err(ImportError::unreadable(path))?.starts_with(b"PAR1"))
}

fn parquet(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, ImportError> {
    let file = File::open(path).map_err(ImportError::unreadable(path))?;
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| ImportError::content(path, "the footer", e.to_string()))
}

fn parquet_rows(path: &Path, places: &[usize], sink: &mut Sink, on_row: OnRow) -> Result<(), ImportError> {
    let damaged = |reason: String| ImportError::content(path, "its columns", reason);
    let builder = parquet(path)?;
    let total = builder.metadata().file_metadata().num_rows().unsigned_abs();
    let mask = ProjectionMask::roots(builder.parquet_schema(), places.iter().copied());
    // The reader gives the columns in the order of the file.
    let mut order: Vec<usize> = places.to_vec();
    order.sort_unstable();
    order.dedup();
    let batches = builder.with_projection(mask).with_batch_size(TICK as usize).build();
    let mut number = 0;
    for batch in batches.map_err(|e| damaged(e.to_string()))? {
        let batch = batch.map_err(|e| damaged(e.to_string()))?;
        sink.progress(number, total)?;
        let read = batch.columns().iter().map(|column| cells(column).map_err(|e| damaged(e.to_string())));
        let columns: Vec<Vec<Cell>> = read.collect::<Result<_, _>>()?;
        let place = |wanted: &usize| order.iter().position(|place| place == wanted);
        let wanted: Vec<&Vec<Cell>> = places.iter().filter_map(place).map(|place| &columns[place]).collect();
        for row in 0..batch.num_rows() {
            number += 1;
            on_row(sink, number, wanted.iter().map(|column| column[row].clone()).collect())?;
        }
    }
    Ok(())
}

fn cells(column: &ArrayRef) -> Result<Vec<Cell>, ArrowError> {
    let column = values::without_dictionary(column)?;
    let kind = column.data_type();
    if kind.is_integer() && *kind != DataType::UInt64 {
        // All of these fit.
        let whole = |n: Option<i128>| n.and_then(|n| i64::try_from(n).ok()).map_or(Cell::Empty, Cell::Whole);
        return Ok(values::integers(&column).into_iter().map(whole).collect());
    }
    if values::is_number(kind) {
        return Ok(values::numbers(&column).into_iter().map(|x| x.map_or(Cell::Empty, Cell::Number)).collect());
    }
    if !values::is_text(kind) && *kind != DataType::Null {
        return Err(ArrowError::CastError(format!("values of type {kind} are neither numbers nor text")));
    }
    Ok(values::strings(&column).into_iter().map(|text| text.map_or(Cell::Empty, Cell::Text)).collect())
}

fn csv_rows(path: &Path, places: &[usize], sink: &mut Sink, on_row: OnRow) -> Result<(), ImportError> {
    let total = path.metadata().map(|file| file.len() / MEGABYTE).unwrap_or(0);
    let position = Counter::new(0);
    let mut csv = csv(path, &position)?;
    let header = csv.record()?.map_or(0, |header| header.len());
    for number in 1u64.. {
        if number % TICK == 1 {
            sink.progress(position.get() / MEGABYTE, total)?;
        }
        let line = csv.line;
        let Some(record) = csv.record()? else { break };
        if record == [""] {
            continue;
        }
        if record.len() != header {
            let reason = format!("{} fields, but {header} columns", record.len());
            return Err(ImportError::content(path, format!("line {line}"), reason));
        }
        let cell = |&place: &usize| match record[place].trim() {
            "" | "NA" | "NaN" | "nan" | "null" | "None" => Cell::Empty,
            text => Cell::Text(text.into()),
        };
        on_row(sink, number, places.iter().map(cell).collect())?;
    }
    Ok(())
}

/// Reads records of RFC 4180: fields between commas (tabs in a .tsv file), in double quotes where they hold such.
pub(super) struct Csv<'p, R> {
    path: &'p Path,
    source: R,
    separator: u8,
    /// Line of the next record, from 1.
    line: u64,
}

fn csv<'p>(path: &'p Path, position: &'p Counter<u64>) -> Result<Csv<'p, BufReader<Counted<'p, File>>>, ImportError> {
    let inner = File::open(path).map_err(ImportError::unreadable(path))?;
    let mut source = BufReader::with_capacity(1 << 18, Counted { inner, position });
    // A byte order mark, as spreadsheets write it.
    if source.fill_buf().map_err(ImportError::unreadable(path))?.starts_with(b"\xef\xbb\xbf") {
        source.consume(3);
    }
    let tabs = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tsv"));
    Ok(Csv::new(path, source, if tabs { b'\t' } else { b',' }))
}

impl<'p, R: BufRead> Csv<'p, R> {
    pub fn new(path: &'p Path, source: R, separator: u8) -> Self {
        Csv { path, source, separator, line: 1 }
    }

    /// The fields of the next record; None at the end.
    pub fn record(&mut self) -> Result<Option<Vec<String>>, ImportError> {
        let (path, start) = (self.path, self.line);
        let content = |reason: String| ImportError::content(path, format!("line {start}"), reason);
        let (mut fields, mut field) = (Vec::new(), Vec::new());
        let (mut quoted, mut any) = (false, false);
        loop {
            let byte = self.source.fill_buf().map_err(ImportError::unreadable(path))?.first().copied();
            self.source.consume(usize::from(byte.is_some()));
            let ends = match byte {
                None if !any => return Ok(None),
                None if quoted => return Err(content("a quoted field does not end".into())),
                Some(b'"') if quoted => {
                    // Two quotes stand for one.
                    let next = self.source.fill_buf().map_err(ImportError::unreadable(path))?.first().copied();
                    if next == Some(b'"') {
                        self.source.consume(1);
                        field.push(b'"');
                    } else {
                        quoted = false;
                    }
                    continue;
                }
                Some(b'"') if field.is_empty() => {
                    (quoted, any) = (true, true);
                    continue;
                }
                None | Some(b'\n') if !quoted => true,
                Some(byte) if byte == self.separator && !quoted => false,
                Some(byte) => {
                    self.line += u64::from(byte == b'\n');
                    any = true;
                    field.push(byte);
                    if field.len() > LONGEST {
                        return Err(content(format!("a field has more than the {LONGEST} bytes that are read")));
                    }
                    continue;
                }
                None => true,
            };
            any = true;
            if ends && field.last() == Some(&b'\r') {
                field.pop();
            }
            fields.push(String::from_utf8(std::mem::take(&mut field)).map_err(|_| content("it is not UTF-8".into()))?);
            if fields.len() > MOST_COLUMNS {
                return Err(content(format!("it has more than {MOST_COLUMNS} fields")));
            }
            if ends {
                self.line += 1;
                return Ok(Some(fields));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<Vec<String>> {
        let mut csv = Csv::new(Path::new("x.csv"), text.as_bytes(), b',');
        std::iter::from_fn(|| csv.record().unwrap()).collect()
    }

    #[test]
    fn csv_is_that_of_rfc_4180() {
        assert_eq!(
            all("a,b\r\n1,\"x, \"\"y\"\"\nz\"\r\n,\n"),
            [vec!["a", "b"], vec!["1", "x, \"y\"\nz"], vec!["", ""]]
        );
        assert_eq!(all("a,b"), [["a", "b"]]);
        assert_eq!(all("a,\"\""), [["a", ""]]);
        assert!(all("").is_empty());
        let mut csv = Csv::new(Path::new("x.csv"), &b"a\n\"b"[..], b',');
        csv.record().unwrap();
        let error = csv.record().unwrap_err().to_string();
        assert!(error.contains("x.csv`, line 2: a quoted field does not end"), "{error}");
    }
}
