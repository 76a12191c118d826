//! The bytes of a pickle, read once from front to back.

use std::io::BufRead;

use super::PickleError;
use super::opcode::{self, Argument};

/// Longest line of the text opcodes.
const LONGEST_LINE: usize = 1 << 16;

/// A buffered source that knows how far it was read.
pub struct Input<R> {
    source: R,
    offset: u64,
    /// Bytes at the front of the source's buffer that were handed out already.
    handed_out: usize,
    scratch: Vec<u8>,
}

impl<R: BufRead> Input<R> {
    /// From the first byte of a pickle.
    pub fn new(source: R) -> Self {
        Input { source, offset: 0, handed_out: 0, scratch: Vec::new() }
    }

    /// Bytes read so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The source, from the first byte that was not read.
    pub fn into_source(mut self) -> R {
        self.source.consume(self.handed_out);
        self.source
    }

    /// The next opcode, which plain data needs, and what follows it.
    pub(super) fn opcode(&mut self) -> Result<(u8, Argument), PickleError> {
        let offset = self.offset;
        let code = self.take(1)?[0];
        match opcode::argument(code) {
            Some(argument) => Ok((code, argument)),
            None => Err(PickleError::Opcode { offset, code, name: opcode::refused_name(code).into() }),
        }
    }

    /// The content of an argument: of counted ones without the length, of lines without the last end of line. It is valid until
    /// the next call.
    pub(super) fn argument(&mut self, argument: Argument, longest: u64) -> Result<&[u8], PickleError> {
        match argument {
            Argument::Fixed(n) => self.take(n.into()),
            Argument::Counted(width) => {
                let offset = self.offset;
                let mut length = [0; 8];
                length[..width.into()].copy_from_slice(self.take(width.into())?);
                let length = u64::from_le_bytes(length);
                if length > longest {
                    return Err(PickleError::Limit {
                        offset,
                        what: format!("a string of {length} bytes"),
                        limit: longest,
                    });
                }
                self.take(length as usize)
            }
            Argument::Lines(n) => self.lines(n),
        }
    }

    fn take(&mut self, n: usize) -> Result<&[u8], PickleError> {
        self.settle();
        if self.filled()? >= n {
            self.handed_out = n;
            self.offset += n as u64;
            let offset = self.offset;
            return Ok(&self.source.fill_buf().map_err(|e| unreadable(offset, &e))?[..n]);
        }
        // Grown as bytes arrive: a length that lies costs nothing.
        self.scratch.clear();
        while self.scratch.len() < n {
            let filled = self.filled()?;
            if filled == 0 {
                return Err(PickleError::Truncated { offset: self.offset });
            }
            let part = filled.min(n - self.scratch.len());
            let offset = self.offset;
            let buffer = self.source.fill_buf().map_err(|e| unreadable(offset, &e))?;
            self.scratch.extend_from_slice(&buffer[..part]);
            self.source.consume(part);
            self.offset += part as u64;
        }
        Ok(&self.scratch)
    }

    fn lines(&mut self, n: u8) -> Result<&[u8], PickleError> {
        self.settle();
        let (start, mut ends) = (self.offset, 0);
        self.scratch.clear();
        while ends < n {
            let offset = self.offset;
            let buffer = self.source.fill_buf().map_err(|e| unreadable(offset, &e))?;
            let Some(&byte) = buffer.first() else { return Err(PickleError::Truncated { offset }) };
            self.scratch.push(byte);
            self.source.consume(1);
            self.offset += 1;
            ends += u8::from(byte == b'\n');
            if self.scratch.len() > LONGEST_LINE {
                let limit = LONGEST_LINE as u64;
                return Err(PickleError::Limit { offset: start, what: "a longer line".into(), limit });
            }
        }
        self.scratch.pop();
        Ok(&self.scratch)
    }

    fn filled(&mut self) -> Result<usize, PickleError> {
        let offset = self.offset;
        Ok(self.source.fill_buf().map_err(|e| unreadable(offset, &e))?.len())
    }

    fn settle(&mut self) {
        self.source.consume(self.handed_out);
        self.handed_out = 0;
    }
}

fn unreadable(offset: u64, error: &std::io::Error) -> PickleError {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => PickleError::Truncated { offset },
        _ => PickleError::Unreadable { offset, reason: error.to_string() },
    }
}
