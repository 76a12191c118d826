//! What to import, and how.

use std::path::PathBuf;

use super::{ImportError, Mapping, Setting};
use crate::files::check_output_folder;

/// What to import, from where to where.
#[derive(Clone, Debug, Default)]
pub struct ImportConfig {
    /// The official file or folder.
    pub source: PathBuf,
    /// Parquet file for a row per measurement.
    pub out: Option<PathBuf>,
    /// Parquet file for a row per architecture.
    pub wide: Option<PathBuf>,
    /// Name of the format; None recognises it.
    pub format: Option<String>,
    /// All epochs that were recorded, instead of the last of each training.
    pub curves: bool,
    /// Where the fields of a table come from.
    pub maps: Vec<Mapping>,
    /// Fields that are the same in all rows of a table.
    pub sets: Vec<Setting>,
    /// Threads for formats of many files.
    pub threads: Option<usize>,
}

/// How far an import is, in the unit of its format.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What is done.
    pub done: u64,
    /// What there is to do.
    pub total: u64,
    /// Since the start.
    pub seconds: f64,
}

impl ImportConfig {
    /// Refuses outputs that cannot be.
    pub(super) fn check(&self) -> Result<(), ImportError> {
        let outputs: Vec<&PathBuf> = self.out.iter().chain(&self.wide).collect();
        if outputs.is_empty() {
            return Err(ImportError::Options("nothing would be written: give --out, --wide or both".into()));
        }
        if self.out == self.wide {
            return Err(ImportError::Options("--out and --wide name the same file: they are two tables".into()));
        }
        for path in outputs {
            if path.is_dir() {
                let path = path.display();
                return Err(ImportError::Options(format!(
                    "`{path}` is a folder; name the Parquet file to write in it"
                )));
            }
            if let (Ok(source), Ok(target)) = (self.source.canonicalize(), path.canonicalize())
                && source == target
            {
                let path = path.display();
                return Err(ImportError::Options(format!(
                    "`{path}` would replace the file it is read from; choose another"
                )));
            }
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            check_output_folder(folder.unwrap_or(std::path::Path::new(".")), 1 << 20)?;
        }
        Ok(())
    }

    /// The value that --set gives a field.
    pub(super) fn setting(&self, field: &str) -> Option<&str> {
        self.sets.iter().find(|set| set.field == field).map(|set| set.value.as_str())
    }
}
