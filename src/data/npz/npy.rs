//! NumPy's arrays: a header in Python's notation, then the values.

use std::io::Read;

/// The most bytes of a header; NumPy refuses longer ones too.
const MAX_HEADER: u64 = 10_000;

/// The head of an array in C order, whose values follow in the stream.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    /// The type of the values, such as `|u1` or `<i8`.
    pub dtype: String,
    /// The sizes, the last dimension fastest.
    pub sizes: Vec<usize>,
}

impl Header {
    /// Reads the head; the reason in words if it can't be.
    pub fn read(stream: &mut impl Read) -> Result<Self, String> {
        let mut start = [0; 8];
        stream.read_exact(&mut start).map_err(|e| e.to_string())?;
        let length_bytes = match &start {
            b"\x93NUMPY\x01\0" => 2,
            b"\x93NUMPY\x02\0" | b"\x93NUMPY\x03\0" => 4,
            other => return Err(format!("it begins with {other:?}, not as NumPy's formats 1 to 3")),
        };
        let mut length = [0; 4];
        stream.read_exact(&mut length[..length_bytes]).map_err(|e| e.to_string())?;
        let length = u64::from(u32::from_le_bytes(length));
        if length > MAX_HEADER {
            return Err(format!("its header has {length} bytes, more than {MAX_HEADER}"));
        }
        let mut text = String::new();
        stream.take(length).read_to_string(&mut text).map_err(|e| e.to_string())?;
        let value = |key: &str| text.split_once(&format!("'{key}':")).map(|(_, value)| value.trim_start());
        let field = |key: &str, open: char, close: char| value(key)?.strip_prefix(open)?.split_once(close).map(|v| v.0);
        let (Some(dtype), Some(order), Some(shape)) =
            (field("descr", '\'', '\''), value("fortran_order"), field("shape", '(', ')'))
        else {
            return Err(format!("its header is '{}'", text.trim_end()));
        };
        if !order.starts_with("False") {
            return Err("it is in Fortran order; save np.ascontiguousarray of it".into());
        }
        let sizes = shape.split(',').map(str::trim).filter(|size| !size.is_empty());
        let sizes: Result<Vec<usize>, _> = sizes.map(|size| size.trim_end_matches('L').parse()).collect();
        Ok(Header { dtype: dtype.to_owned(), sizes: sizes.map_err(|_| format!("its shape is ({shape})"))? })
    }

    /// Reads `count` whole numbers that are not negative.
    pub fn integers(&self, stream: impl Read, count: usize) -> Result<Vec<usize>, String> {
        let width = match self.dtype.as_bytes() {
            [b'|' | b'<', b'u' | b'i', b'1'] => 1,
            [b'<', b'u' | b'i', width @ (b'2' | b'4' | b'8')] => usize::from(width - b'0'),
            _ => return Err(format!("its values are {}, not whole numbers in little-endian order", self.dtype)),
        };
        let signed = self.dtype.contains('i');
        let integer = |bytes: &[u8]| -> Result<usize, String> {
            let value = bytes.iter().rev().fold(0u64, |value, &byte| value << 8 | u64::from(byte));
            if signed && bytes[width - 1] >= 128 {
                return Err("it has a negative value".into());
            }
            usize::try_from(value).map_err(|e| e.to_string())
        };
        exactly(stream, count as u64 * width as u64)?.chunks_exact(width).map(integer).collect()
    }
}

/// All bytes of a stream, which must be `length`; grows with what is there.
fn exactly(stream: impl Read, length: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    stream.take(length.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() as u64 != length {
        return Err(format!("it holds {} bytes of values where its header announces {length}", bytes.len()));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn head(text: &str) -> Result<Header, String> {
        let bytes = [b"\x93NUMPY\x01\0", &(text.len() as u16).to_le_bytes()[..], text.as_bytes()].concat();
        Header::read(&mut &bytes[..])
    }

    #[test]
    fn headers_are_understood_or_refused_in_words() {
        let good = head("{'descr': '|u1', 'fortran_order': False, 'shape': (10, 28, 28), }      \n").unwrap();
        assert_eq!(good, Header { dtype: "|u1".into(), sizes: vec![10, 28, 28] });
        assert_eq!(head("{'descr': '<i8', 'fortran_order': False, 'shape': (3,)}").unwrap().sizes, [3]);
        assert!(head("{'descr': '<i8', 'fortran_order': True, 'shape': (3, 2)}").unwrap_err().contains("Fortran"));
        assert!(head("{'descr': '<i8', 'fortran_order': False, 'shape': (-3,)}").unwrap_err().contains("(-3,)"));
        assert!(head("{'descr': [('a', '<i8')], 'fortran_order': False, 'shape': (3,)}").is_err());
        assert!(head(&"(".repeat(9000)).unwrap_err().contains("its header is"));
        assert!(Header::read(&mut &b"\x93NUMPY\x02\0\xff\xff\xff\xff"[..]).unwrap_err().contains("4294967295 bytes"));
    }

    #[test]
    fn integers_of_every_width() {
        let read = |dtype: &str, bytes: &[u8]| Header { dtype: dtype.into(), sizes: vec![2] }.integers(bytes, 2);
        assert_eq!(read("|u1", &[1, 255]).unwrap(), [1, 255]);
        assert_eq!(read("<i2", &[1, 2, 3, 0]).unwrap(), [513, 3]);
        assert_eq!(read("<i8", &[1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]).unwrap(), [1, 2]);
        assert!(read("|i1", &[1, 255]).unwrap_err().contains("negative"));
        assert!(read("<f4", &[0; 8]).unwrap_err().contains("<f4") && read(">i4", &[0; 8]).is_err());
        assert!(read("<i4", &[0; 7]).unwrap_err().contains("7 bytes") && read("|u1", &[0; 3]).is_err());
    }

    proptest! {
        #[test]
        fn any_header_is_read_or_refused(text in "[ -~]{0,120}", bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = head(&text);
            let _ = head(&format!("{{'descr': {text}, 'fortran_order': False, 'shape': ({text})}}"));
            let _ = Header::read(&mut &bytes[..]);
        }
    }
}
