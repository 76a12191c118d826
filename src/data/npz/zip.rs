//! The little of the zip format that NumPy's archives use, read without trusting a number in it.
//!
//! What is announced is never allocated beforehand: the directory is limited, and entries are read as streams.

use flate2::CrcReader;
use flate2::read::DeflateDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// The most bytes of a directory; that of a data set has six entries of about a hundred bytes.
const MAX_DIRECTORY: u64 = 1 << 20;
/// End-of-directory record, and the longest comment after it.
const END: usize = 22;
const MAX_COMMENT: usize = u16::MAX as usize;

/// A file in an archive.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub name: String,
    /// Uncompressed bytes, as announced.
    pub size: u64,
    compressed: u64,
    offset: u64,
    checksum: u32,
    method: u16,
    encrypted: bool,
}

/// An open archive.
pub(super) struct Archive {
    file: File,
    pub entries: Vec<Entry>,
}

/// Little-endian number of `N` bytes at `at`; none beyond the end.
fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    let digits = bytes.get(at..at.checked_add(N)?)?;
    Some(digits.iter().rev().fold(0, |number, &digit| number << 8 | u64::from(digit)))
}

impl Archive {
    /// Reads the directory; the reason in words if it can't be.
    pub fn open(mut file: File) -> Result<Self, String> {
        let length = file.seek(SeekFrom::End(0)).map_err(|e| e.to_string())?;
        let (start, size) = directory(&mut file, length)?;
        if size > MAX_DIRECTORY || start.checked_add(size).is_none_or(|end| end > length) {
            return Err(format!("its directory of {size} bytes at {start} does not fit"));
        }
        let bytes = read_at(&mut file, start, size as usize)?;
        let (mut entries, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            let (entry, next) = entry(&bytes, at).ok_or("its directory is damaged")?;
            entries.push(entry);
            at = next;
        }
        Ok(Archive { file, entries })
    }

    /// The bytes of an entry, which end with an error if their checksum differs.
    pub fn read(&mut self, entry: &Entry) -> Result<impl Read + use<>, String> {
        if entry.encrypted {
            return Err(format!("{} is encrypted", entry.name));
        }
        let header = read_at(&mut self.file, entry.offset, 30)?;
        let (Some(name), Some(extra), true) =
            (number::<2>(&header, 26), number::<2>(&header, 28), header.starts_with(b"PK\x03\x04"))
        else {
            return Err(format!("{} does not begin where the directory says", entry.name));
        };
        let start = entry.offset + 30 + name + extra;
        self.file.seek(SeekFrom::Start(start)).map_err(|e| e.to_string())?;
        let file = self.file.try_clone().map_err(|e| e.to_string())?;
        let data = BufReader::new(file).take(entry.compressed);
        let data: Box<dyn Read> = match entry.method {
            0 => Box::new(data),
            8 => Box::new(DeflateDecoder::new(data)),
            other => return Err(format!("{} is compressed by method {other}, not by deflate", entry.name)),
        };
        Ok(Checked { data: CrcReader::new(data), checksum: entry.checksum })
    }
}

/// Where the directory begins, and its bytes.
fn directory(file: &mut File, length: u64) -> Result<(u64, u64), String> {
    let from = length.saturating_sub((END + MAX_COMMENT) as u64);
    let tail = read_at(file, from, (length - from) as usize)?;
    let found = (0..tail.len().saturating_sub(END - 1)).rev().find(|&at| tail[at..].starts_with(b"PK\x05\x06"));
    let end = found.ok_or("it has no zip directory at its end: it is truncated or another format")?;
    let (size, start) = (number::<4>(&tail, end + 12).unwrap_or(0), number::<4>(&tail, end + 16).unwrap_or(0));
    if size != u64::from(u32::MAX) && start != u64::from(u32::MAX) {
        return Ok((start, size));
    }
    // Beyond 4 GiB a record of 64-bit numbers stands before, and a pointer to it in between.
    let damaged = "its 64-bit directory is damaged";
    let at = end.checked_sub(20).filter(|&at| tail[at..].starts_with(b"PK\x06\x07")).ok_or(damaged)?;
    let record = read_at(file, number::<8>(&tail, at + 8).ok_or(damaged)?, 56)?;
    match (number::<8>(&record, 48), number::<8>(&record, 40), record.starts_with(b"PK\x06\x06")) {
        (Some(start), Some(size), true) => Ok((start, size)),
        _ => Err(damaged.into()),
    }
}

/// The entry at a position of the directory, and the position of the next.
fn entry(bytes: &[u8], at: usize) -> Option<(Entry, usize)> {
    if !bytes.get(at..)?.starts_with(b"PK\x01\x02") {
        return None;
    }
    let short = |offset| number::<2>(bytes, at + offset);
    let long = |offset| number::<4>(bytes, at + offset);
    let name_end = at + 46 + short(28)? as usize;
    let extra_end = name_end + short(30)? as usize;
    let mut entry = Entry {
        name: String::from_utf8_lossy(bytes.get(at + 46..name_end)?).into_owned(),
        size: long(24)?,
        compressed: long(20)?,
        offset: long(42)?,
        checksum: long(16)? as u32,
        method: short(10)? as u16,
        encrypted: short(8)? & 1 == 1,
    };
    let mut extra = bytes.get(name_end..extra_end)?;
    while let (Some(kind), Some(size)) = (number::<2>(extra, 0), number::<2>(extra, 2)) {
        let field = extra.get(4..4 + size as usize)?;
        if kind == 1 {
            // 64-bit numbers, in this order, for those that don't fit into 32 bits.
            let fields = [&mut entry.size, &mut entry.compressed, &mut entry.offset];
            for (i, value) in fields.into_iter().filter(|value| **value == u64::from(u32::MAX)).enumerate() {
                *value = number::<8>(field, 8 * i)?;
            }
        }
        extra = &extra[4 + size as usize..];
    }
    Some((entry, extra_end + short(32)? as usize))
}

fn read_at(file: &mut File, at: u64, length: usize) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; length];
    file.seek(SeekFrom::Start(at))
        .and_then(|_| file.read_exact(&mut bytes))
        .map_err(|e| format!("{e} at byte {at}"))?;
    Ok(bytes)
}

/// Compares the checksum at the end.
struct Checked<R> {
    data: CrcReader<R>,
    checksum: u32,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.data.read(buffer)?;
        if read == 0 && !buffer.is_empty() && self.data.crc().sum() != self.checksum {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its checksum differs: it is damaged"));
        }
        Ok(read)
    }
}
