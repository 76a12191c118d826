//! A comparison as Parquet.

use std::path::Path;

use super::Beside;
use crate::benchmark::columns::{integer, number, text, write};
use crate::files::FileError;
use crate::report::document::Estimate;

struct Row<'a> {
    run: &'a str,
    other: &'a str,
    what: &'static str,
    name: &'a str,
    networks: u64,
    value: Option<f64>,
    estimate: Option<Estimate>,
}

/// One row per number: `run`, `other_run` (empty but for agreements), `what` (`spearman` and `kendall` with accuracy,
/// `spearman_between_runs`, `kendall_between_runs`), `proxy`, `networks`, `value`, and `low` and `high` of its 95% interval.
pub(super) fn write_rows(path: &Path, beside: &Beside) -> Result<(), FileError> {
    let mut rows: Vec<Row> = Vec::new();
    for c in &beside.correlations {
        for (what, estimate) in [("spearman", c.spearman), ("kendall", c.kendall)] {
            let (run, value) = (&beside.runs[c.run], estimate.map(|e| e.value));
            rows.push(Row { run, other: "", what, name: &c.proxy, networks: c.networks, value, estimate });
        }
    }
    for a in &beside.agreement {
        for (what, value) in [("spearman_between_runs", a.spearman), ("kendall_between_runs", a.kendall)] {
            let (run, other) = (&beside.runs[a.first], &beside.runs[a.second]);
            rows.push(Row { run, other, what, name: &a.proxy, networks: a.networks, value, estimate: None });
        }
    }
    let interval = |row: &Row| row.estimate.and_then(|e| e.interval);
    write(
        path,
        vec![
            ("run", text(rows.iter().map(|r| r.run))),
            ("other_run", text(rows.iter().map(|r| r.other))),
            ("what", text(rows.iter().map(|r| r.what))),
            ("proxy", text(rows.iter().map(|r| r.name))),
            ("networks", integer(rows.iter().map(|r| r.networks as i64))),
            ("value", number(rows.iter().map(|r| r.value))),
            ("low", number(rows.iter().map(|r| interval(r).map(|i| i.low)))),
            ("high", number(rows.iter().map(|r| interval(r).map(|i| i.high)))),
        ],
    )
}
