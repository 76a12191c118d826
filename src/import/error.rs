//! Why a file could not be imported.

use std::path::{Path, PathBuf};

use super::pickle::PickleError;
use crate::pipeline::FileError;
use crate::space::SpaceError;

/// Why a file could not be imported. Nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// There is nothing there, or the system refuses to read it.
    #[error("`{}` cannot be read ({source}); check the path, its permissions and the disk", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// No format knows the file.
    #[error("`{}` is none of the files that are recognised; name its format with --format, one of: {known}", path.display())]
    Unrecognised {
        /// The file or folder.
        path: PathBuf,
        /// All formats.
        known: String,
    },
    /// No format of that name.
    #[error("unknown format `{name}`{hint}; known: {known}")]
    UnknownFormat {
        /// The name asked for.
        name: String,
        /// ` (did you mean …?)` or nothing.
        hint: String,
        /// All formats.
        known: String,
    },
    /// A pickle that is damaged, hostile or of another kind.
    #[error("`{}` is not the pickle that was expected: {source}; download it again from its official source", path.display())]
    Pickle {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PickleError,
    },
    /// The content is not what the format says.
    #[error("`{}`, {place}: {reason}; {remedy}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Where in it: a byte, a record, a line.
        place: String,
        /// What was found and what was expected.
        reason: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// Options that do not fit the file or each other.
    #[error("{0}")]
    Options(String),
    /// Writing failed.
    #[error(transparent)]
    Write(#[from] FileError),
    /// Stopped from outside.
    #[error("stopped; nothing was written")]
    Interrupted,
}

/// The remedy for a damaged download.
pub(super) const DOWNLOAD_AGAIN: &str = "download it again from its official source";

impl ImportError {
    /// The content of `path` at `place` is not what the format says.
    pub(super) fn content(path: &Path, place: impl Into<String>, reason: impl Into<String>) -> Self {
        ImportError::Content { path: path.into(), place: place.into(), reason: reason.into(), remedy: DOWNLOAD_AGAIN }
    }

    /// The same error with the file it is about, where that was not known.
    pub(super) fn in_file(self, file: &Path) -> Self {
        match self {
            ImportError::Pickle { path, source } if path.as_os_str().is_empty() => {
                ImportError::Pickle { path: file.into(), source }
            }
            other => other,
        }
    }

    pub(super) fn unreadable(path: &Path) -> impl Fn(std::io::Error) -> Self + '_ {
        move |source| ImportError::Unreadable { path: path.into(), source }
    }
}

impl From<PickleError> for ImportError {
    fn from(source: PickleError) -> Self {
        ImportError::Pickle { path: PathBuf::new(), source }
    }
}

impl From<SpaceError> for ImportError {
    fn from(error: SpaceError) -> Self {
        ImportError::Options(error.to_string())
    }
}
