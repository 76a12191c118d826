//! Columns of candidates by name.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Candidates, CandidatesError};

/// A score of the run or a column of the table that is named beside it, or a column of another table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ColumnRef {
    /// The other table.
    pub table: Option<PathBuf>,
    /// The column.
    pub column: String,
}

impl FromStr for ColumnRef {
    type Err = NoColumnNamed;

    /// Reads `COLUMN` or `TABLE:COLUMN`.
    fn from_str(text: &str) -> Result<Self, NoColumnNamed> {
        let (table, column) = match text.rsplit_once(':') {
            Some((table, column)) => (Some(PathBuf::from(table)), column),
            None => (None, text),
        };
        if column.is_empty() || table.as_ref().is_some_and(|t| t.as_os_str().is_empty()) {
            return Err(NoColumnNamed(text.into()));
        }
        Ok(ColumnRef { table, column: column.into() })
    }
}

impl TryFrom<String> for ColumnRef {
    type Error = NoColumnNamed;

    fn try_from(text: String) -> Result<Self, NoColumnNamed> {
        text.parse()
    }
}

/// In files as in messages: without the folder of the table.
impl From<ColumnRef> for String {
    fn from(column: ColumnRef) -> String {
        column.to_string()
    }
}

impl fmt::Display for ColumnRef {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match &self.table {
            // The folder is long and says nothing.
            Some(table) => write!(f, "{}:{}", table.file_name().unwrap_or_default().display(), self.column),
            None => f.write_str(&self.column),
        }
    }
}

/// A text that names no column.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("`{0}` names no column; write COLUMN or TABLE:COLUMN")]
pub struct NoColumnNamed(String);

impl Candidates {
    /// The column of another table if one is named, else the score of that name, else the column of the table that was
    /// loaded.
    pub fn column(&self, reference: &ColumnRef) -> Result<Vec<Option<f64>>, CandidatesError> {
        let name = &reference.column;
        if let Some(table) = &reference.table {
            let (columns, _) = self.join(table, std::slice::from_ref(name))?;
            return Ok(columns.into_iter().map(|(_, values)| values).next().unwrap_or_default());
        }
        if let Some(values) = self.score(name).or_else(|| self.truth(name)) {
            return Ok(values.to_vec());
        }
        let scores = self.scores.iter().map(|(score, _)| score.as_str());
        let hint = crate::text::did_you_mean(name, scores.clone());
        Err(CandidatesError::Refused(format!(
            "no score or cost is called `{name}`{hint}; name one of {}, a column of the table, or TABLE:COLUMN of another one",
            scores.collect::<Vec<_>>().join(", ")
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_may_be_of_another_table() {
        let other: ColumnRef = "a/b.parquet:mean".parse().unwrap();
        assert_eq!((other.column.as_str(), other.to_string().as_str()), ("mean", "b.parquet:mean"));
        assert!(":x".parse::<ColumnRef>().is_err() && "x:".parse::<ColumnRef>().is_err());
    }
}
