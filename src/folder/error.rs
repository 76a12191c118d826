//! Why a folder cannot be used.

use std::path::PathBuf;

use crate::files::FileError;

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are what the messages name")]
pub enum FolderError {
    /// It cannot be written, or something in it is in the way.
    #[error(transparent)]
    File(#[from] FileError),
    /// It holds results of other settings. `what` has an article.
    #[error(
        "{} holds {what} with another {field} ({old} there, {new} now); choose another --out, or --overwrite to discard \
         what is there", dir.display()
    )]
    Other { dir: PathBuf, what: &'static str, field: String, old: String, new: String },
    /// Two folders that are to be put together hold results of different settings.
    #[error(
        "{} and {} differ in {field} ({old} and {new}), and such results are not mixed; leave one of them out, or compute it \
         again with the settings of the other", own.display(), other.display()
    )]
    Differ { own: PathBuf, other: PathBuf, field: String, old: String, new: String },
    /// It holds no results of this kind. `what` has an article.
    #[error(
        "{} does not hold {what}: {note} cannot be read ({source}); name the --out of a command that was begun",
        dir.display()
    )]
    None { dir: PathBuf, what: &'static str, note: &'static str, source: std::io::Error },
    /// It holds results, but nothing says of what settings.
    #[error(
        "{} holds {found} without {note}, so it is not known what it belongs to; choose another --out, or --overwrite to \
         discard it", dir.display()
    )]
    Unknown { dir: PathBuf, found: String, note: &'static str },
    /// The note of its settings cannot be read.
    #[error(
        "{} is damaged ({reason}), so it is not known what its folder holds; choose another --out, or start afresh with \
         --overwrite", path.display()
    )]
    Damaged { path: PathBuf, reason: String },
    /// It was written by a newer version.
    #[error(
        "{} was written by naslens {found}, this is {}; update naslens, or choose another --out",
        path.display(), env!("CARGO_PKG_VERSION")
    )]
    Newer { path: PathBuf, found: String },
    /// The settings cannot be written down.
    #[error("the settings cannot be noted: {0}")]
    Settings(String),
}
