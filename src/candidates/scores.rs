//! The columns of a table of scores, of a run or from elsewhere.

use std::collections::BTreeMap;

use super::CandidatesError;
use super::names::names_architectures;
use crate::benchmark::{Table, TableError};
use crate::proxy;

/// Name of the column with predicted latencies, in milliseconds.
pub const LATENCY: &str = "latency_ms";
pub(super) const STATUS_SUFFIX: &str = "_status";
/// The status of a score that is there.
pub const OK: &str = "ok";
/// What stands for a status where a value is missing and nothing says why.
const MISSING: &str = "missing";
/// Baselines as shown, with the column each is read from if no proxy of that name was run.
pub const BASELINES: [(&str, &str); 3] = [("params", "params"), ("flops", "macs"), ("layers", "layers")];
/// Columns of numbers that are no scores unless a status stands beside them: counts, the predicted latency, and row numbers
/// that other programs write.
const OTHER: [&str; 6] = ["params", "macs", LATENCY, "index", "__index_level_0__", "Unnamed: 0"];

/// A score of every row.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreColumn {
    /// Its name.
    pub name: String,
    /// Whether this is a trivial baseline that a proxy must beat to be of use.
    pub baseline: bool,
    /// The score where the status is ok and a value is there.
    pub values: Vec<Option<f64>>,
    /// What is written beside it, `ok` where nothing is; `missing` where there is neither value nor reason.
    pub statuses: Vec<String>,
}

impl ScoreColumn {
    /// The scores of these rows.
    pub fn at(&self, rows: &[usize]) -> Vec<Option<f64>> {
        rows.iter().map(|&row| self.values[row]).collect()
    }

    /// How many of these rows have each status.
    pub fn statuses_at(&self, rows: &[usize]) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        rows.iter().for_each(|&row| *counts.entry(self.statuses[row].clone()).or_insert(0) += 1);
        counts
    }
}

/// The scores of a table by name, in the order of its columns: columns with a status, and every other column of numbers but
/// counts, indices and the predicted latency.
pub fn score_names(table: &Table) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let columns = table.column_names();
    let has_status = |name: &str| table.has(&format!("{name}{STATUS_SUFFIX}"));
    for column in &columns {
        let name = match column.strip_suffix(STATUS_SUFFIX) {
            // The status of `params` stands alone: the count is a column before it.
            Some(name) if table.has(name) => name,
            _ if has_status(column) || OTHER.contains(&column.as_str()) || names_architectures(column) => continue,
            _ if table.is_number(column) => column,
            _ => continue,
        };
        if !names.iter().any(|known| known == name) {
            names.push(name.into());
        }
    }
    names
}

/// A score by name; `flops` is the column `macs` where it has none of its own.
pub fn score(table: &Table, name: &str) -> Result<ScoreColumn, TableError> {
    let source = BASELINES.iter().find(|(shown, _)| *shown == name && !table.has(name)).map_or(name, |b| b.1);
    let values = table.f64_column(source)?;
    let status_column = format!("{name}{STATUS_SUFFIX}");
    let written = match table.has(&status_column) {
        true => table.string_column(&status_column)?,
        false => vec![Some(OK.into()); values.len()],
    };
    let status = |(value, written): (&Option<f64>, Option<String>)| match written {
        Some(status) if status == OK && value.is_none() => MISSING.into(),
        status => status.unwrap_or(MISSING.into()),
    };
    let statuses: Vec<String> = values.iter().zip(written).map(status).collect();
    let values = values.into_iter().zip(&statuses).map(|(value, status)| value.filter(|_| status == OK)).collect();
    let baseline =
        BASELINES.iter().any(|(baseline, _)| *baseline == name) || proxy::find(name).is_ok_and(|proxy| proxy.baseline);
    Ok(ScoreColumn { name: name.into(), baseline, values, statuses })
}

/// All scores of a table, then the baselines that it has and that are not among them. An error if there is nothing.
pub fn scores_and_baselines(table: &Table) -> Result<Vec<ScoreColumn>, CandidatesError> {
    let mut names = score_names(table);
    for (name, column) in BASELINES {
        if table.has(column) && !names.iter().any(|known| known == name) {
            names.push(name.into());
        }
    }
    if names.is_empty() {
        return Err(CandidatesError::Refused(format!(
            "`{}` has no column of scores: every column of numbers but counts, indices and latencies is one (columns: {})",
            table.path().display(),
            table.column_names().join(", ")
        )));
    }
    Ok(names.iter().map(|name| score(table, name)).collect::<Result<_, _>>()?)
}
