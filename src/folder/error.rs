//! Why a folder cannot be used.

use std::path::PathBuf;

use crate::files::FileError;

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// It cannot be written, or something in it is in the way.
    #[error(transparent)]
    File(#[from] FileError),
    /// It holds results of other settings.
    #[error(
        "{} holds {what} with another {field} ({old} there, {new} now); choose another --out, or --overwrite to discard \
         what is there", dir.display()
    )]
    Other {
        /// The folder.
        dir: PathBuf,
        /// What it holds, with an article.
        what: &'static str,
        /// First setting that differs.
        field: String,
        /// Its value in the folder.
        old: String,
        /// Its value now.
        new: String,
    },
    /// It holds results, but nothing says of what settings.
    #[error(
        "{} holds {found} without {note}, so it is not known what it belongs to; choose another --out, or --overwrite to \
         discard it", dir.display()
    )]
    Unknown {
        /// The folder.
        dir: PathBuf,
        /// The result.
        found: String,
        /// The file that is missing.
        note: &'static str,
    },
    /// The note of its settings cannot be read.
    #[error(
        "{} is damaged ({reason}), so it is not known what its folder holds; choose another --out, or start afresh with \
         --overwrite", path.display()
    )]
    Damaged {
        /// The note.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It was written by a newer version.
    #[error(
        "{} was written by naslens {found}, this is {}; update naslens, or choose another --out",
        path.display(), env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// The note.
        path: PathBuf,
        /// The version that wrote it.
        found: String,
    },
    /// The settings cannot be written down.
    #[error("the settings cannot be noted: {0}")]
    Settings(String),
}
