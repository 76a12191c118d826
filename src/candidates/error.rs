//! Errors in loading candidates and in joining networks with a table.

use super::names::{HASH, ID};
use crate::benchmark::{Table, TableError};
use crate::encoding::EncodingError;
use crate::space::SpaceError;

/// An error in loading candidates, or in joining them with the rows of a table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CandidatesError {
    /// Run, table and what is asked for do not fit together: what is wrong, and what to do about it.
    #[error("{0}")]
    Refused(String),
    /// A table, or a column of it, cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The space refuses.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// Features cannot be put together.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
}

impl CandidatesError {
    /// What is wrong with a row of a table, counted from 0.
    pub(super) fn row(table: &Table, row: usize, problem: impl std::fmt::Display) -> Self {
        CandidatesError::Refused(format!("row {row} of `{}`: {problem}", table.path().display()))
    }

    /// For a row whose `column` is not what its architecture means.
    pub(super) fn disagree(table: &Table, row: usize, column: &str, [found, arch, expected]: [&str; 3]) -> Self {
        let problem = format!(
            "`{column}` is {found}, but `{arch}` is {expected}; a number of rows is not an index of the space: correct \
             `{column}`, or remove or rename it"
        );
        Self::row(table, row, problem)
    }

    /// For a table without any of the key columns `tried`.
    pub(super) fn no_key(table: &Table, tried: &str) -> Self {
        CandidatesError::Refused(format!(
            "`{}` has none of the key columns {tried}, so its rows cannot be joined; rename the column that names the \
             architecture (columns: {})",
            table.path().display(),
            table.column_names().join(", ")
        ))
    }

    /// For a table that has no architecture to build a network from, at most ids or hashes.
    pub(crate) fn no_architectures(table: &Table) -> Self {
        match [HASH, ID].into_iter().find(|column| table.has(column)) {
            None => Self::no_key(table, "arch_str, arch, arch_index"),
            Some(column) => CandidatesError::Refused(format!(
                "`{}` names architectures by `{column}` only, from which none can be built; name the folder of a screen too, \
                 or a table with the architectures",
                table.path().display()
            )),
        }
    }

    /// For a target without a value for any of the networks that the table has.
    pub(super) fn no_truth(table: &Table, target: &str, matched: usize, impossible: usize) -> Self {
        let impossible = match impossible {
            0 => String::new(),
            n => format!(" ({n} values are infinite, or no accuracy between 0 and 100%)"),
        };
        CandidatesError::Refused(format!(
            "`{target}` of `{}` has no value for any of the {matched} matching architectures{impossible}; choose another target \
             column",
            table.path().display()
        ))
    }

    /// For networks that are all dead.
    pub(super) fn all_dead(origin: &str, networks: usize) -> Self {
        CandidatesError::Refused(format!(
            "none of the {networks} networks of {origin} has a path from input to output; take more networks"
        ))
    }
}
