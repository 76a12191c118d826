//! Why there are no candidates, and why networks cannot be joined with a table.

use std::path::PathBuf;

use crate::benchmark::TableError;
use crate::encoding::EncodingError;
use crate::space::SpaceError;

/// Why networks and the rows of a table do not come together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// A table, or a column of it, could not be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The table has no column that names architectures.
    #[error(
        "`{}` has none of the key columns {tried}, so its rows cannot be joined; rename the column that names the \
         architecture (columns: {})",
        table.display(), .columns.join(", ")
    )]
    NoKey {
        /// The table.
        table: PathBuf,
        /// The names looked for.
        tried: &'static str,
        /// The columns there are.
        columns: Vec<String>,
    },
    /// The table is of another search space.
    #[error(
        "`{}` is a table of the space {found} by its column `space`, the networks are of {space}; choose the table of \
         the search space that was scored",
        table.display()
    )]
    OtherSpace {
        /// The table.
        table: PathBuf,
        /// The space of its rows.
        found: String,
        /// The space of the networks.
        space: String,
    },
    /// A row is not an architecture of the space.
    #[error("row {row} of `{}`: {source}", table.display())]
    Row {
        /// The table.
        table: PathBuf,
        /// The row, from 0.
        row: usize,
        /// What is wrong with it.
        source: SpaceError,
    },
    /// A row is not an architecture of the space by number or graph.
    #[error("row {row} of `{}`: {reason}; correct or remove the row, or name another --space", table.display())]
    NoArchitecture {
        /// The table.
        table: PathBuf,
        /// The row, from 0.
        row: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// Two columns of a row name different networks.
    #[error(
        "row {row} of `{}`: `{column}` is {found}, but `{arch}` is {expected}; a number of rows is not an index of the \
         space: correct `{column}`, or remove or rename it",
        table.display()
    )]
    Disagree {
        /// The table.
        table: PathBuf,
        /// The row, from 0.
        row: usize,
        /// The column that is not what the string means.
        column: &'static str,
        /// Its value.
        found: String,
        /// The architecture.
        arch: String,
        /// What the column should hold.
        expected: String,
    },
    /// The table names networks by a hash or an id, from which none can be built.
    #[error(
        "`{}` names architectures by `{column}` only, from which none can be built; name the folder of a screen too, or a \
         table with the architectures",
        table.display()
    )]
    HashOnly {
        /// The table.
        table: PathBuf,
        /// The column.
        column: &'static str,
    },
    /// No network is in the table.
    #[error(
        "no architecture of the run is in `{}`: `{scores_key}` of the scores has values like {scores_example}, \
         `{table_key}` of the table like {table_example}; choose the table of the search space that was scored",
        table.display()
    )]
    NoMatch {
        /// The table.
        table: PathBuf,
        /// Key column of the scores.
        scores_key: String,
        /// A value of it.
        scores_example: String,
        /// Key column of the table.
        table_key: String,
        /// A value of it.
        table_example: String,
    },
    /// Networks are in the table, but none has a value.
    #[error(
        "`{target}` of `{}` has no value for any of the {matched} matching architectures{}; choose another target column",
        table.display(), impossible_values(*impossible)
    )]
    NoTruth {
        /// The table.
        table: PathBuf,
        /// The target column.
        target: String,
        /// How many architectures are in both.
        matched: usize,
        /// Cells of the column that hold what the target cannot be.
        impossible: usize,
    },
    /// A table of scores without one.
    #[error(
        "`{}` has no column of scores: every column of numbers but counts, indices and latencies is one (columns: {})",
        table.display(), .columns.join(", ")
    )]
    NoScoreColumns {
        /// The table.
        table: PathBuf,
        /// Its columns.
        columns: Vec<String>,
    },
}

fn impossible_values(n: usize) -> String {
    match n {
        0 => String::new(),
        n => format!(" ({n} values are infinite, or no accuracy between 0 and 100%)"),
    }
}

fn fastest(ms: Option<f64>) -> String {
    ms.map_or(String::new(), |ms| format!(", the fastest is predicted at {ms:.3} ms"))
}

/// Why there are no candidates.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CandidatesError {
    /// Run and table do not fit together.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// A table or a column cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The space refuses.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// Features cannot be put together.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// The folder holds no scores.
    #[error("`{}` holds no scores.parquet; name the output folder of a finished scoring run", dir.display())]
    NoScores {
        /// The folder asked for.
        dir: PathBuf,
    },
    /// A score that the run does not have.
    #[error(
        "no score or cost is called `{name}`{hint}; name one of {scores}, a column of the table, or TABLE:COLUMN of another one"
    )]
    NoScore {
        /// The name asked for.
        name: String,
        /// ` (did you mean …?)` or nothing.
        hint: String,
        /// The scores there are.
        scores: String,
    },
    /// Neither a run nor a table.
    #[error(
        "neither a run nor a table is named, so there are no networks; name the folder of a screen, or --table FILE"
    )]
    Nothing,
    /// The space is not known.
    #[error("{origin} does not say which search space it belongs to; name it with --space (known: {known})")]
    NoSpace {
        /// The run or table.
        origin: String,
        /// All spaces.
        known: String,
    },
    /// The run is of another space than asked for.
    #[error("the run in {} is of the space {found}, not {asked}; leave out --space", dir.display())]
    OtherSpace {
        /// The folder of the run.
        dir: PathBuf,
        /// The space of the run.
        found: String,
        /// The space asked for.
        asked: String,
    },
    /// All networks are too slow.
    #[error(
        "all {networks} live networks of {origin} exceed its limit on latency{}; screen again with a higher --max-latency-ms",
        fastest(*fastest_ms)
    )]
    AllOverLimit {
        /// The run.
        origin: String,
        /// How many there are.
        networks: usize,
        /// The lowest predicted latency among them, milliseconds, where it is known.
        fastest_ms: Option<f64>,
    },
    /// All networks are dead.
    #[error("none of the {networks} networks of {origin} has a path from input to output; take more networks")]
    AllDead {
        /// The run or table.
        origin: String,
        /// How many there are.
        networks: usize,
    },
}
