//! The table of scores: `scores.parquet`.
//!
//! | column | type | |
//! |---|---|---|
//! | `arch` | string | the architecture as the space writes it |
//! | `arch_id` | string | 32 hexadecimal digits; equal for architectures that compute the same |
//! | `arch_index` | int64 | position in the space's official order; null where there is none |
//! | `params` | int64 | trainable parameters of the architecture as specified |
//! | `macs` | int64 | multiply-accumulates of one inference, as specified |
//! | `latency_ms` | float64 | predicted latency of the representative; null where dead; only with a latency model |
//! | `<proxy>` | float64 | the score; null unless the status is `ok` |
//! | `<proxy>_status` | string | `ok`, `dead`, `singular`, `non_finite`, `saturated`, `unsupported`, `failed`, `screened_out` or `over_limit` |
//!
//! The baseline `layers` is always among the proxies, and ensembles come after them. The proxy `params` shares the
//! column of the count of the same name, and adds only its status. The key-value metadata holds the [`RunNote`] under
//! [`METADATA_KEY`] as JSON.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::RunNote;
use super::scores::{LATENCY, STATUS_SUFFIX};
use crate::benchmark::columns::{index, integer, number, text, write_with};
use crate::benchmark::{METADATA_KEY, Table, TableError};
use crate::files::FileError;
use crate::proxy::{Score, Status};

/// Name of the file within the folder of a run.
pub const SCORES_FILE: &str = "scores.parquet";

/// The scores of a screen, one row per architecture asked for.
#[derive(Clone, Debug, Default)]
pub struct ScoreTable {
    /// Text form of each architecture.
    pub arch: Vec<String>,
    /// Identity of what each computes.
    pub arch_id: Vec<String>,
    /// Official index of each, where the space has one.
    pub arch_index: Vec<Option<i64>>,
    /// Trainable parameters.
    pub params: Vec<i64>,
    /// Multiply-accumulates.
    pub macs: Vec<i64>,
    /// Predicted latency in milliseconds, if the run has a latency model; None for dead networks.
    pub latency_ms: Option<Vec<Option<f64>>>,
    /// Name of each proxy or ensemble and its score for each architecture.
    pub proxies: Vec<(String, Vec<Score>)>,
    /// What the run says of itself.
    pub run: RunNote,
}

impl ScoreTable {
    /// The scores of a proxy, None where the status is not ok; the counts `params` and `macs` and the
    /// predicted `latency_ms` by their names.
    pub fn values(&self, name: &str) -> Option<Vec<Option<f64>>> {
        if let Some((_, scores)) = self.proxies.iter().find(|(n, _)| n == name) {
            return Some(scores.iter().map(Score::value).collect());
        }
        if name == LATENCY {
            return self.latency_ms.clone();
        }
        let counts = match name {
            "params" => &self.params,
            "macs" => &self.macs,
            _ => return None,
        };
        Some(counts.iter().map(|&c| Some(c as f64)).collect())
    }

    /// The row that stands for each network, by id: of several architectures the first by its text, whatever the order of
    /// rows.
    pub fn networks(&self) -> BTreeMap<&str, usize> {
        let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
        for (row, id) in self.arch_id.iter().enumerate() {
            let first = rows.entry(id).or_insert(row);
            if self.arch[row] < self.arch[*first] {
                *first = row;
            }
        }
        rows
    }

    /// Whether the network of this row may be proposed: no score calls it dead or over the limit.
    pub fn eligible(&self, row: usize) -> bool {
        let refused = |scores: &Vec<Score>| matches!(scores[row].get_status(), Status::Dead | Status::OverLimit);
        !self.proxies.iter().any(|(_, scores)| refused(scores))
    }

    /// Writes the table as Parquet (zstd).
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        let mut columns = vec![
            ("arch".to_owned(), text(&self.arch)),
            ("arch_id".into(), text(&self.arch_id)),
            ("arch_index".into(), index(self.arch_index.iter().copied())),
            ("params".into(), integer(self.params.iter().copied())),
            ("macs".into(), integer(self.macs.iter().copied())),
        ];
        columns.extend(self.latency_ms.iter().map(|ms| (LATENCY.to_owned(), number(ms.iter().copied()))));
        for (name, scores) in &self.proxies {
            if name != "params" {
                columns.push((name.clone(), number(scores.iter().map(Score::value))));
            }
            columns.push((format!("{name}{STATUS_SUFFIX}"), text(scores.iter().map(|s| s.get_status().name()))));
        }
        write_with(path, columns, &[(METADATA_KEY, json!(self.run).to_string())])
    }
}

/// Reads a table that [`ScoreTable::write`] wrote. Null scores keep their status; unknown statuses read as failed.
pub fn read_scores(path: &Path) -> Result<ScoreTable, TableError> {
    let table = Table::open(path)?;
    let text = |name: &str| -> Result<Vec<String>, TableError> {
        Ok(table.string_column(name)?.into_iter().map(Option::unwrap_or_default).collect())
    };
    let optional = |name: &str| -> Result<Vec<Option<i64>>, TableError> {
        Ok(table.u64_column(name)?.into_iter().map(|v| v.map(|v| v as i64)).collect())
    };
    let count = |name: &str| -> Result<Vec<i64>, TableError> {
        Ok(optional(name)?.into_iter().map(Option::unwrap_or_default).collect())
    };
    let mut proxies = Vec::new();
    for column in table.column_names() {
        let Some(name) = column.strip_suffix(STATUS_SUFFIX) else { continue };
        let statuses = text(&column)?;
        let values = table.f64_column(name)?;
        let score = |(value, status): (Option<f64>, &String)| match (value, status.parse().unwrap_or(Status::Failed)) {
            (Some(v), Status::Ok) => Score::new(v),
            (_, status) => Score::status(status),
        };
        proxies.push((name.to_string(), values.into_iter().zip(&statuses).map(score).collect()));
    }
    Ok(ScoreTable {
        arch: text("arch")?,
        arch_id: text("arch_id")?,
        arch_index: optional("arch_index")?,
        params: count("params")?,
        macs: count("macs")?,
        latency_ms: table.has(LATENCY).then(|| table.f64_column(LATENCY)).transpose()?,
        proxies,
        run: RunNote::of(&table).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    #[test]
    fn reads_back_what_it_wrote() {
        let table = ScoreTable {
            arch: vec!["a".into(), "b".into(), "c".into()],
            arch_id: vec!["1".into(), "2".into(), "3".into()],
            arch_index: vec![Some(5), None, Some(7)],
            params: vec![10, 20, 30],
            macs: vec![100, 200, 300],
            latency_ms: Some(vec![Some(1.5), None, Some(0.1)]),
            proxies: vec![
                ("params".into(), vec![Score::new(10.0), Score::new(20.0), Score::new(30.0)]),
                ("naswot".into(), vec![Score::new(0.1 + 0.2), Score::status(Status::Dead), Score::new(f64::NAN)]),
            ],
            run: RunNote { seed: 1, ..RunNote::default() },
        };
        let file = tempfile::NamedTempFile::new().unwrap();
        table.write(file.path()).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(file.path()).unwrap()).unwrap();
        assert_eq!(reader.schema().metadata()[METADATA_KEY], json!(table.run).to_string());
        let back = read_scores(file.path()).unwrap();
        assert_eq!(back.proxies, table.proxies);
        assert_eq!(back.values("naswot"), Some(vec![Some(0.1 + 0.2), None, None]));
        assert_eq!(back.values("latency_ms"), table.latency_ms);
        assert_eq!([0, 1, 2].map(|row| back.eligible(row)), [true, false, true]);
        assert_eq!(back.values("macs"), Some(vec![Some(100.0), Some(200.0), Some(300.0)]));
        assert_eq!((back.arch, back.arch_index, back.run), (table.arch, table.arch_index, table.run));
    }
}
