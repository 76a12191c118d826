//! The rows of a CSV or Parquet file, column by column name.

use std::cell::Cell as Counter;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::benchmark::{column_bytes, unreadable_compression, values};
use crate::text::quoted;

use super::nats_file::Counted;
use super::{ImportError, Sink};

/// A cell of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Cell {
    /// Nothing, or what stands for nothing.
    #[default]
    Empty,
    /// Text, of which a CSV file is made.
    Text(String),
    /// A number.
    Number(f64),
    /// A whole number.
    Whole(i64),
}

/// Longest record of a CSV file, and longest text in a Parquet file.
const LONGEST: u64 = 1 << 20;
const MOST_COLUMNS: usize = 100_000;
const MEGABYTE: u64 = 1_000_000;
/// Rows between two reports of progress.
const TICK: u64 = 8192;
/// Bytes of a Parquet file that are decoded at once.
const BATCH_BYTES: u64 = 64 << 20;

/// Where a row stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// Line of a text file, from 1.
    Line(u64),
    /// Row of a Parquet file, from 1.
    Row(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Place::Line(line) => write!(f, "line {line}"),
            Place::Row(row) => write!(f, "row {row}"),
        }
    }
}

/// What is done with a row: its place and its cells.
pub(super) type OnRow<'a> = &'a mut dyn FnMut(&mut Sink, Place, Vec<Cell>) -> Result<(), ImportError>;

/// The names of the columns.
pub(super) fn columns(path: &Path) -> Result<Vec<String>, ImportError> {
    if is_parquet(path)? {
        let names = parquet(path)?.schema().fields().iter().map(|field| field.name().clone()).collect();
        return Ok(names);
    }
    let position = Counter::new(0);
    let mut csv = Csv::open(path, &position)?;
    let header = csv.record()?;
    let header = header.ok_or_else(|| ImportError::own(path, "line 1", "the file is empty", HEADER))?;
    Ok(header.1.iter().map(|name| name.trim().to_string()).collect())
}

const HEADER: &str = "the first line names the columns";
const WRITE_AGAIN: &str = "write the file again";

/// Reads the columns at these places, no two of which are equal, of every row.
pub(super) fn rows(path: &Path, places: &[usize], sink: &mut Sink, on_row: OnRow) -> Result<(), ImportError> {
    if is_parquet(path)? { parquet_rows(path, places, sink, on_row) } else { csv_rows(path, places, sink, on_row) }
}

fn is_parquet(path: &Path) -> Result<bool, ImportError> {
    let mut file = BufReader::new(File::open(path).map_err(ImportError::unreadable(path))?);
    Ok(file.fill_buf().map_err(ImportError::unreadable(path))?.starts_with(b"PAR1"))
}

fn parquet(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, ImportError> {
    let file = File::open(path).map_err(ImportError::unreadable(path))?;
    let footer = |e: parquet::errors::ParquetError| ImportError::own(path, "the footer", e.to_string(), WRITE_AGAIN);
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(footer)?;
    match unreadable_compression(builder.metadata()) {
        Some((column, codec)) => {
            let reason = format!("it is compressed by {codec}, which is not read");
            let remedy = "write the file again with zstd, snappy, gzip, lz4 or no compression";
            Err(ImportError::own(path, format!("column {}", quoted(&column)), reason, remedy))
        }
        None => Ok(builder),
    }
}

fn parquet_rows(path: &Path, places: &[usize], sink: &mut Sink, on_row: OnRow) -> Result<(), ImportError> {
    let damaged = |reason: String| ImportError::own(path, "its columns", reason, WRITE_AGAIN);
    let builder = parquet(path)?;
    let total = builder.metadata().file_metadata().num_rows().unsigned_abs();
    let per_row = column_bytes(builder.metadata(), places).div_ceil(total.max(1));
    if per_row > LONGEST {
        return Err(damaged(format!("a row has {per_row} bytes on average, more than the {LONGEST} that are read")));
    }
    let batch = (BATCH_BYTES / per_row.max(1)).clamp(1, TICK);
    let mask = ProjectionMask::roots(builder.parquet_schema(), places.iter().copied());
    // The reader gives the columns in the order of the file.
    let mut order: Vec<usize> = places.to_vec();
    order.sort_unstable();
    order.dedup();
    let batches = builder.with_projection(mask).with_batch_size(batch as usize).build();
    let mut number = 0;
    for batch in batches.map_err(|e| damaged(e.to_string()))? {
        let batch = batch.map_err(|e| damaged(e.to_string()))?;
        sink.progress(number, total)?;
        let read = batch.columns().iter().map(|column| cells(column).map_err(|e| damaged(e.to_string())));
        let mut columns: Vec<Vec<Cell>> = read.collect::<Result<_, _>>()?;
        let place = |wanted: &usize| order.iter().position(|place| place == wanted);
        let wanted = places.iter().filter_map(place).map(|column| std::mem::take(&mut columns[column]).into_iter());
        let mut wanted: Vec<_> = wanted.collect();
        for _ in 0..batch.num_rows() {
            number += 1;
            let cells = wanted.iter_mut().filter_map(Iterator::next).collect();
            on_row(sink, Place::Row(number), cells)?;
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
    let mut csv = Csv::open(path, &position)?;
    let header = csv.record()?.map_or(0, |(_, header)| header.len());
    if csv.separator != b',' {
        sink.note(format!("the fields are separated by {}", name(csv.separator)));
    }
    let separator = csv.separator;
    for number in 0u64.. {
        if number.is_multiple_of(TICK) {
            sink.progress(position.get() / MEGABYTE, total)?;
        }
        let Some((line, record)) = csv.record()? else { break };
        if record.len() != header {
            let (open, few) = (record.iter().any(|field| field.contains('\n')), record.len() < header);
            let why = if open && few { ", perhaps since a quote that opens there does not close" } else { "" };
            let reason = format!("{} fields, but {header} columns{why}", record.len());
            return Err(ImportError::own(path, Place::Line(line).to_string(), reason, "correct the line"));
        }
        let cell = |&place: &usize| match record[place].trim() {
            "" | "NA" | "null" | "None" => Cell::Empty,
            text if text.eq_ignore_ascii_case("nan") => Cell::Number(f64::NAN),
            // Where commas do not separate fields they separate decimals.
            text => match decimal_comma(text).filter(|_| separator != b',') {
                Some(number) => Cell::Number(number),
                None => Cell::Text(text.into()),
            },
        };
        on_row(sink, Place::Line(line), places.iter().map(cell).collect())?;
    }
    Ok(())
}

/// The number that a text with a decimal comma is, such as 93,41.
pub(super) fn decimal_comma(text: &str) -> Option<f64> {
    let (whole, decimals) = text.split_once(',')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = digits(whole.trim_start_matches(['-', '+'])) && digits(decimals.split(['e', 'E']).next()?);
    fits.then(|| text.replace(',', ".").parse().ok()).flatten()
}

fn name(separator: u8) -> &'static str {
    match separator {
        b'\t' => "tabs",
        b';' => "semicolons",
        _ => "commas",
    }
}

/// The records of a text file: fields between commas, semicolons or tabs, in double quotes where they hold such.
struct Csv<'p> {
    path: &'p Path,
    separator: u8,
    reader: csv::Reader<Lines<BufReader<Counted<'p, File>>>>,
}

/// Gives one line at a time, so that it knows which was last, and at most `left` bytes, so that no record is held whatever its
/// size.
struct Lines<R> {
    inner: R,
    /// Number of the line that was given last, from 1.
    line: u64,
    /// Whether that was given to its end.
    ended: bool,
    left: u64,
}

impl<R: BufRead> std::io::Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let bytes = self.inner.fill_buf()?;
        let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1);
        let n = end.min(buffer.len());
        let Some(left) = self.left.checked_sub(n as u64) else {
            return Err(std::io::Error::other(format!("a record has more than the {LONGEST} bytes that are read")));
        };
        buffer[..n].copy_from_slice(&bytes[..n]);
        self.left = left;
        if n > 0 {
            self.line += u64::from(self.ended);
            self.ended = buffer[n - 1] == b'\n';
        }
        self.inner.consume(n);
        Ok(n)
    }
}

impl<'p> Csv<'p> {
    fn open(path: &'p Path, position: &'p Counter<u64>) -> Result<Self, ImportError> {
        let refuse = ImportError::unreadable(path);
        let mut source =
            BufReader::with_capacity(1 << 18, Counted { inner: File::open(path).map_err(&refuse)?, position });
        let start = source.fill_buf().map_err(&refuse)?;
        if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
            return Err(ImportError::own(path, "line 1", "the text is UTF-16", "save it as CSV in UTF-8"));
        }
        // A byte order mark, as spreadsheets write it.
        let mark = if start.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let separator = separator(start[mark..].split(|byte| b"\r\n".contains(byte)).next().unwrap_or_default());
        source.consume(mark);
        let lines = Lines { inner: source, line: 0, ended: true, left: 0 };
        let mut reader = csv::ReaderBuilder::new();
        let reader = reader.delimiter(separator).has_headers(false).flexible(true).from_reader(lines);
        Ok(Csv { path, separator, reader })
    }

    /// The next record and its line; None at the end.
    fn record(&mut self) -> Result<Option<(u64, csv::StringRecord)>, ImportError> {
        self.reader.get_mut().left = LONGEST;
        let mut record = csv::ByteRecord::new();
        let read = self.reader.read_byte_record(&mut record);
        let inside = record.iter().flatten().filter(|byte| **byte == b'\n').count() as u64;
        let line = self.reader.get_ref().line.saturating_sub(inside);
        let refuse = |reason: String, remedy| ImportError::own(self.path, format!("line {line}"), reason, remedy);
        match read {
            Ok(false) => Ok(None),
            Ok(true) if record.len() > MOST_COLUMNS => {
                Err(refuse(format!("it has more than {MOST_COLUMNS} fields"), "choose fewer columns"))
            }
            Ok(true) => match csv::StringRecord::from_byte_record(record) {
                Ok(record) => Ok(Some((line, record))),
                Err(_) => Err(refuse("it is not UTF-8".into(), "save the file as CSV in UTF-8")),
            },
            Err(error) => match error.into_kind() {
                csv::ErrorKind::Io(error) if error.kind() == std::io::ErrorKind::Other => {
                    Err(refuse(error.to_string(), "see whether a quote does not close"))
                }
                csv::ErrorKind::Io(error) => Err(ImportError::unreadable(self.path)(error)),
                other => Err(refuse(format!("{other:?}"), "correct the line")),
            },
        }
    }
}

/// The separator that is most frequent in the header, outside of quotes: a comma where none is there.
fn separator(header: &[u8]) -> u8 {
    let mut counts = [(b',', 0), (b'\t', 0), (b';', 0)];
    let mut quoted = false;
    for byte in header {
        quoted ^= *byte == b'"';
        counts.iter_mut().filter(|(separator, _)| separator == byte && !quoted).for_each(|(_, n)| *n += 1);
    }
    counts.into_iter().rev().max_by_key(|(_, n)| *n).map_or(b',', |(separator, _)| separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<Vec<(u64, Vec<String>)>, ImportError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.csv");
        std::fs::write(&path, text).unwrap();
        let position = Counter::new(0);
        let mut csv = Csv::open(&path, &position)?;
        let mut all = Vec::new();
        while let Some((line, record)) = csv.record()? {
            all.push((line, record.iter().map(str::to_string).collect()));
        }
        Ok(all)
    }

    #[test]
    fn records_are_those_of_rfc_4180_and_know_their_lines() {
        let record = |line, fields: &[&str]| (line, fields.iter().map(|field| field.to_string()).collect::<Vec<_>>());
        let all = read(b"a,b\r\n1,\"x, \"\"y\"\"\nz\"\r\n,\n\n\n3,4").unwrap();
        let expected =
            [record(1, &["a", "b"]), record(2, &["1", "x, \"y\"\nz"]), record(4, &["", ""]), record(7, &["3", "4"])];
        assert_eq!(all, expected);
        assert_eq!(read(b"\xef\xbb\xbfa;\"b,c,d\"\n1,5;2\n").unwrap()[0], record(1, &["a", "b,c,d"]));
        assert_eq!(read(b"a\tb\n").unwrap()[0].1.len(), 2);
        assert!(read(b"").unwrap().is_empty());
    }

    #[test]
    fn texts_in_other_encodings_and_records_without_end_are_refused() {
        let error = |text: &[u8]| read(text).unwrap_err().to_string();
        assert!(error(b"\xff\xfea\0,\0").contains("UTF-16; save it as CSV in UTF-8"));
        assert!(error(b"a,b\ncaf\xe9,1\n").contains("line 2: it is not UTF-8"));
        let endless = [&b"a,b\n\""[..], &vec![b'x'; 3 << 20]].concat();
        assert!(error(&endless).contains("line 2: a record has more than the 1048576 bytes"), "{}", error(&endless));
    }

    #[test]
    fn decimal_commas() {
        assert_eq!(
            ["93,41", "-1,5e3", "1,234,5", "a,5", "1.5", ","].map(decimal_comma),
            [Some(93.41), Some(-1500.0), None, None, None, None]
        );
    }
}
