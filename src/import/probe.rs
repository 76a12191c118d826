//! A first look at a file or folder.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::ImportError;

/// Name and first bytes, by which a format is recognised.
#[derive(Clone, Debug, Default)]
pub struct Probe {
    /// Name without the folders above.
    pub name: String,
    /// The first bytes of a file, at most 4096.
    pub head: Vec<u8>,
    /// Names of the files in a folder, at most 10,000; None for a file.
    pub entries: Option<Vec<String>>,
}

impl Probe {
    /// Looks at `path`.
    pub fn of(path: &Path) -> Result<Self, ImportError> {
        let refuse = ImportError::unreadable(path);
        let name = path.canonicalize().map_err(&refuse)?;
        let name = name.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() {
            let entries = fs::read_dir(path).map_err(&refuse)?.take(10_000).flatten();
            let entries = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            return Ok(Probe { name, entries: Some(entries), ..Probe::default() });
        }
        let mut head = Vec::new();
        File::open(path).and_then(|file| file.take(4096).read_to_end(&mut head)).map_err(&refuse)?;
        Ok(Probe { name, head, entries: None })
    }

    /// Whether it is a file whose name has this ending.
    pub fn ends_with(&self, ending: &str) -> bool {
        self.entries.is_none() && self.name.to_lowercase().ends_with(ending)
    }

    /// Whether these bytes are among the first.
    pub fn contains(&self, bytes: &[u8]) -> bool {
        self.head.windows(bytes.len()).any(|window| window == bytes)
    }

    /// Whether it is a folder with a file whose name is fit.
    pub fn holds(&self, fit: impl Fn(&str) -> bool) -> bool {
        self.entries.iter().flatten().any(|name| fit(name))
    }
}
