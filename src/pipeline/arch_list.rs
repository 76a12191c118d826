//! Lists of architectures in text files.

use std::path::{Path, PathBuf};

use super::{ScreenConfig, Selection};
use crate::space::{self, Skeleton, SpaceError};

/// Why a list could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchListError {
    /// The space refuses.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// The file cannot be read.
    #[error("cannot read {}: {source}; --archs takes a text file with one architecture per line", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A line is no architecture.
    #[error("{}, line {line}: {source}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What is wrong with it.
        source: SpaceError,
    },
}

/// Reads one architecture per line; empty lines and what follows `#` are ignored. Repeated architectures stay.
pub fn read_arch_list(config: &ScreenConfig, path: &Path) -> Result<Selection, ArchListError> {
    let space = space::open(&config.space, &Skeleton { init_channels: config.init_channels, cells: config.cells })?;
    let text = std::fs::read_to_string(path)
        .map_err(|source| ArchListError::Unreadable { path: path.into(), source })?;
    let mut archs = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        let content = content.split('#').next().unwrap_or_default().trim();
        if !content.is_empty() {
            let parsed = space.parse(content);
            archs.push(parsed.map_err(|source| ArchListError::Line { path: path.into(), line, source })?);
        }
    }
    Ok(Selection::Listed(archs, path.display().to_string()))
}
