//! TFRecord files: records with a length and checksums.

use std::io::Read;

/// Longest record that is read.
const LONGEST: u64 = 16 << 20;

/// Why a record could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordError {
    #[error("it ends in the middle of a record")]
    Truncated,
    #[error("the checksum of {0} is wrong")]
    Checksum(&'static str),
    #[error("its length is {0} bytes, more than the {LONGEST} that are read")]
    Length(u64),
    #[error("{0}")]
    Unreadable(std::io::Error),
}

/// Reads records one by one.
pub(super) struct Records<R> {
    source: R,
    /// Bytes before the record that was read last or could not be read.
    pub offset: u64,
    next: u64,
    record: Vec<u8>,
}

impl<R: Read> Records<R> {
    pub fn new(source: R) -> Self {
        Records { source, offset: 0, next: 0, record: Vec::new() }
    }

    /// The next record; None at the end of the file.
    pub fn next(&mut self) -> Result<Option<&[u8]>, RecordError> {
        self.offset = self.next;
        let mut head = [0; 12];
        match fill(&mut self.source, &mut head)? {
            0 => return Ok(None),
            12 => {}
            _ => return Err(RecordError::Truncated),
        }
        let [l0, l1, l2, l3, l4, l5, l6, l7, sum @ ..] = head;
        let bytes = [l0, l1, l2, l3, l4, l5, l6, l7];
        let length = u64::from_le_bytes(bytes);
        if masked(&bytes) != u32::from_le_bytes(sum) {
            return Err(RecordError::Checksum("a record's length"));
        }
        if length > LONGEST {
            return Err(RecordError::Length(length));
        }
        self.record.clear();
        // Grown as bytes arrive.
        (&mut self.source).take(length).read_to_end(&mut self.record).map_err(RecordError::Unreadable)?;
        let mut sum = [0; 4];
        if (self.record.len() as u64) < length || fill(&mut self.source, &mut sum)? < 4 {
            return Err(RecordError::Truncated);
        }
        if masked(&self.record) != u32::from_le_bytes(sum) {
            return Err(RecordError::Checksum("a record's content"));
        }
        self.next += length + 16;
        Ok(Some(&self.record))
    }
}

fn fill(source: &mut impl Read, buffer: &mut [u8]) -> Result<usize, RecordError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(RecordError::Unreadable(error)),
        }
    }
    Ok(filled)
}

/// The checksum as TFRecord files store it: CRC-32C, rotated by 15 bits, plus a constant.
pub(super) fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// A record as it stands in a file.
#[cfg(test)]
pub(super) fn framed(record: &[u8]) -> Vec<u8> {
    let length = (record.len() as u64).to_le_bytes();
    [&length[..], &masked(&length).to_le_bytes(), record, &masked(record).to_le_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_rfc_3720() {
        // RFC 3720, B.4.
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c::crc32c(&(0..32).collect::<Vec<u8>>()), 0x46dd_794e);
    }

    #[test]
    fn records_come_back_and_damage_is_named() {
        let file = [framed(b"one"), framed(b""), framed(b"three")].concat();
        let mut records = Records::new(&file[..]);
        for expected in [&b"one"[..], b"", b"three"] {
            assert_eq!(records.next().unwrap(), Some(expected));
        }
        assert!(records.next().unwrap().is_none());
        for cut in (1..file.len()).filter(|cut| ![19, 35].contains(cut)) {
            let mut records = Records::new(&file[..cut]);
            let last = (0..4).map(|_| records.next().map(|r| r.is_some())).find(|r| !matches!(r, Ok(true)));
            assert!(matches!(last, Some(Err(RecordError::Truncated))), "{cut}: {last:?}");
        }
        for byte in 0..file.len() {
            let mut damaged = file.clone();
            damaged[byte] ^= 1;
            let mut records = Records::new(&damaged[..]);
            let last = (0..4).map(|_| records.next().map(|r| r.is_some())).find(|r| !matches!(r, Ok(true)));
            assert!(matches!(last, Some(Err(RecordError::Checksum(_)))), "{byte}");
        }
    }
}
