//! Why a file could not be imported.

use std::path::{Path, PathBuf};

use super::pickle::PickleError;
use crate::benchmark::schema::Subject;
use crate::files::FileError;
use crate::registry::Unknown;
use crate::space::SpaceError;
use crate::text::quoted;

/// Why a file could not be imported. Nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are what the messages name")]
pub enum ImportError {
    /// There is nothing there, or the system refuses to read it.
    #[error("`{}` cannot be read ({source}); check the path, its permissions and the disk", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    /// No format knows the file.
    #[error("`{}` is none of the files that are recognised; name its format with --format, one of: {known}", path.display())]
    Unrecognised { path: PathBuf, known: String },
    /// No format of that name.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// A pickle that is damaged, hostile or of another kind.
    #[error("`{}` is not the pickle that was expected: {source}; download it again from its official source", path.display())]
    Pickle { path: PathBuf, source: PickleError },
    /// The content is not what the format says.
    #[error("`{}`, {place}: {reason}; {remedy}", path.display())]
    Content { path: PathBuf, place: String, reason: String, remedy: &'static str },
    /// A number that its field cannot hold.
    #[error("`{}`, {place}: {field} is {value}, not {allowed}; {remedy}", path.display())]
    Impossible { path: PathBuf, place: String, field: &'static str, value: f64, allowed: &'static str, remedy: String },
    /// Two measurements of the same thing.
    #[error("`{}`, {place}: it was measured before with the same dataset, split, epochs, seed, device and proxy; {remedy}", path.display())]
    Repeated { path: PathBuf, place: String, remedy: String },
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

    /// The content of a table of the user's own is not what the format says.
    pub(super) fn own(path: &Path, place: impl Into<String>, reason: impl Into<String>, remedy: &'static str) -> Self {
        ImportError::Content { path: path.into(), place: place.into(), reason: reason.into(), remedy }
    }

    /// `field` cannot hold `value`, which is said of this architecture.
    pub(super) fn impossible(subject: &Subject, field: &'static str, value: f64, allowed: &'static str) -> Self {
        let place = format!("architecture {}", quoted(&subject.arch));
        let (path, remedy) = (PathBuf::new(), DOWNLOAD_AGAIN.into());
        ImportError::Impossible { path, place, field, value, allowed, remedy }
    }

    /// A measurement of this architecture came before.
    pub(super) fn repeated(subject: &Subject) -> Self {
        let place = format!("architecture {}", quoted(&subject.arch));
        ImportError::Repeated { path: PathBuf::new(), place, remedy: DOWNLOAD_AGAIN.into() }
    }

    /// The same error with the file it is about, where that was not known.
    pub(super) fn in_file(mut self, file: &Path) -> Self {
        match &mut self {
            ImportError::Pickle { path, .. }
            | ImportError::Impossible { path, .. }
            | ImportError::Repeated { path, .. }
                if path.as_os_str().is_empty() =>
            {
                *path = file.into();
            }
            _ => {}
        }
        self
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
