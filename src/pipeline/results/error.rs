//! Why there is no page.

use std::path::PathBuf;

use crate::benchmark::TableError;
use crate::files::FileError;
use crate::hardware::HardwareError;
use crate::pipeline::evaluate::EvaluateError;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// Nothing is there.
    #[error("there is nothing at {}; name a folder or file that naslens wrote", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// Something else.
    #[error("{} is nothing that naslens wrote, and holds nothing; known are {known}", path.display())]
    Unknown {
        /// The path.
        path: PathBuf,
        /// The kinds of results, with their commands and files.
        known: String,
    },
    /// Not finished.
    #[error("{} holds an unfinished {what}; the same `naslens {what}` command resumes", path.display())]
    Unfinished {
        /// The folder.
        path: PathBuf,
        /// The command.
        what: &'static str,
    },
    /// A file that cannot be understood.
    #[error("{} is damaged or of another program ({reason}); run the command that wrote it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file from a newer version.
    #[error(
        "{} was written by naslens {found}, this is {}; update naslens to read it",
        path.display(), env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: String,
    },
    /// A table without a column, or a column without a table.
    #[error("--table and --target go together: the table of trained networks, and its column with their accuracy")]
    TableAndTarget,
    /// One page for several runs.
    #[error(
        "--out names one page, but there are {runs} runs; add --compare to show them side by side, or leave out --out"
    )]
    OnePage {
        /// How many there are.
        runs: usize,
    },
    /// A page under a name that says otherwise.
    #[error("a page is HTML, and {} does not end in .html; choose another --out", path.display())]
    NotHtml {
        /// The path.
        path: PathBuf,
    },
    /// Nothing to compare.
    #[error("--compare needs two runs or more, there is {runs}; name more, or a folder that holds several")]
    TooFew {
        /// How many there are.
        runs: usize,
    },
    /// Scores and table do not fit together.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// A table or a column cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A latency model.
    #[error(transparent)]
    Hardware(#[from] HardwareError),
    /// The page cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
}
