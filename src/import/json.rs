//! JSON as Python writes it, read entry by entry.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, Error, Visitor};

use super::nats_file::Counted;
use super::{ImportError, Sink};
use crate::benchmark::schema::{Measurement, Subject};

/// Longest string.
const LONGEST: usize = 1 << 20;
const MEGABYTE: u64 = 1_000_000;

/// Why a visitor ended the reading; serde's errors carry only text.
#[derive(Default)]
pub(super) struct Failure(pub Option<ImportError>);

impl Failure {
    /// Keeps the error and gives one that ends the reading.
    pub fn keep<E: Error>(&mut self, error: ImportError) -> E {
        self.0 = Some(error);
        E::custom("stopped")
    }
}

/// What visitors work with.
pub(super) struct Context<'c, 's> {
    pub path: &'c Path,
    pub sink: &'c mut Sink<'s>,
    pub failure: Failure,
    read: u64,
    position: &'c Cell<u64>,
    total: u64,
}

impl Context<'_, '_> {
    /// Tells now and then how far the reading is; Err ends it.
    pub fn tick<E: Error>(&mut self) -> Result<(), E> {
        self.read += 1;
        if !self.read.is_multiple_of(256) {
            return Ok(());
        }
        let told = self.sink.progress(self.position.get() / MEGABYTE, self.total);
        told.map_err(|error| self.failure.keep(error))
    }

    /// Gives measurements to the sink; Err ends the reading.
    pub fn add<E: Error>(&mut self, subject: &Subject, rows: Vec<Measurement>) -> Result<(), E> {
        self.sink.add(subject, rows).map_err(|error| self.failure.keep(error))
    }
}

/// The JSON of a file.
pub(super) type Json<'c> = serde_json::Deserializer<serde_json::de::IoRead<PythonJson<BufReader<Counted<'c, File>>>>>;

/// Reads the one value of the file.
pub(super) fn visit<'s>(
    path: &Path,
    sink: &mut Sink<'s>,
    run: impl for<'c> FnOnce(&mut Context<'c, 's>, &mut Json<'c>) -> serde_json::Result<()>,
) -> Result<(), ImportError> {
    let file = File::open(path).map_err(ImportError::unreadable(path))?;
    let total = file.metadata().map(|file| file.len() / MEGABYTE).unwrap_or(0);
    let position = Cell::new(0);
    let source = PythonJson::new(BufReader::with_capacity(1 << 18, Counted { inner: file, position: &position }));
    let mut json = serde_json::Deserializer::from_reader(source);
    let mut context = Context { path, sink, failure: Failure::default(), read: 0, position: &position, total };
    let result = run(&mut context, &mut json).and_then(|()| json.end());
    match (context.failure.0, result) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => {
            let place = format!("line {}, column {}", error.line(), error.column());
            let text = error.to_string();
            let reason = text.split(" at line ").next().unwrap_or_default().to_string();
            Err(ImportError::content(path, place, reason))
        }
        (None, Ok(())) => Ok(()),
    }
}

/// A dictionary that a visitor goes through.
pub(super) struct Dictionary<V>(pub V);

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for Dictionary<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<V::Value, D::Error> {
        json.deserialize_map(self.0)
    }
}

/// Turns the `NaN`, `Infinity` and `-Infinity` of Python into `null`, and refuses strings without end.
pub(super) struct PythonJson<R> {
    source: R,
    in_string: bool,
    escaped: bool,
    string: usize,
    /// Bytes that are to be given out before the source goes on.
    queue: &'static [u8],
}

impl<R: BufRead> PythonJson<R> {
    pub fn new(source: R) -> Self {
        PythonJson { source, in_string: false, escaped: false, string: 0, queue: b"" }
    }

    fn next(&mut self) -> std::io::Result<Option<u8>> {
        if let Some((&byte, rest)) = self.queue.split_first() {
            self.queue = rest;
            return Ok(Some(byte));
        }
        let Some(&byte) = self.source.fill_buf()?.first() else { return Ok(None) };
        self.source.consume(1);
        if self.in_string {
            self.string += 1;
            if self.string > LONGEST {
                return Err(std::io::Error::other(format!("a string has more than the {LONGEST} bytes that are read")));
            }
            (self.in_string, self.escaped) = (self.escaped || byte != b'"', !self.escaped && byte == b'\\');
            return Ok(Some(byte));
        }
        match byte {
            b'"' => (self.in_string, self.string) = (true, 0),
            b'N' => return self.replace(b"aN", byte),
            b'I' => return self.replace(b"nfinity", byte),
            b'-' if self.source.fill_buf()?.first() == Some(&b'I') => return self.replace(b"Infinity", byte),
            _ => {}
        }
        Ok(Some(byte))
    }

    /// `null` if these bytes follow, else the byte that was there, which no JSON has in that place.
    fn replace(&mut self, rest: &[u8], byte: u8) -> std::io::Result<Option<u8>> {
        for &expected in rest {
            if self.source.fill_buf()?.first() != Some(&expected) {
                return Ok(Some(byte));
            }
            self.source.consume(1);
        }
        self.queue = b"ull";
        Ok(Some(b'n'))
    }
}

impl<R: BufRead> Read for PythonJson<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        for (i, slot) in buffer.iter_mut().enumerate() {
            match self.next()? {
                Some(byte) => *slot = byte,
                None => return Ok(i),
            }
        }
        Ok(buffer.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_none_become_null() {
        let read = |text: &str| std::io::read_to_string(PythonJson::new(text.as_bytes())).unwrap();
        assert_eq!(read(r#"{"NaN": [NaN, -Infinity, Infinity, -1]}"#), r#"{"NaN": [null, null, null, -1]}"#);
        assert_eq!(read(r#"["a\"NaN", "\\", NaN]"#), r#"["a\"NaN", "\\", null]"#);
        assert_eq!(read("Nope"), "Nope");
        let long = format!("\"{}\"", "x".repeat(LONGEST + 1));
        assert!(std::io::read_to_string(PythonJson::new(long.as_bytes())).is_err());
    }
}
