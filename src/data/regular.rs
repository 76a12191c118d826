//! Files that end.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// No deflate stream grows by more when it is unpacked (RFC 1951: 258 bytes from two bits).
pub(super) const MOST_EXPANSION: u64 = 1032;

/// Opens a regular file and says how many bytes it has. Folders, pipes and devices are an error: a pipe would be waited for, a
/// device may have no end.
pub(super) fn open_regular(path: &Path) -> io::Result<(File, u64)> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    Ok((File::open(path)?, metadata.len()))
}
