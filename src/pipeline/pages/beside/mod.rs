//! Several runs side by side.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::Loaded;
use crate::benchmark::Table;
use crate::benchmark::columns::{integer, number, text, write};
use crate::candidates::{SCORES_FILE, score, score_names};
use crate::files::FileError;
use crate::pipeline::RunError;
use crate::pipeline::findings::ProxyRow;
use crate::pipeline::results::{Best, SearchCurve, read};
use crate::report::document::{Document, Estimate, Interval};
use crate::stats::{kendall_tau, missing_last, spearman};

mod page;

/// Best networks named of each run.
const BEST: usize = 5;

/// One proxy in one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Correlation {
    /// Position of the run.
    pub run: usize,
    /// The proxy.
    pub proxy: String,
    /// Whether it only measures size.
    pub baseline: bool,
    /// Networks behind it.
    pub networks: u64,
    /// Spearman correlation with accuracy.
    pub spearman: Option<Estimate>,
    /// Kendall correlation with accuracy.
    pub kendall: Option<Estimate>,
}

/// Several runs side by side.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Beside {
    /// Version of naslens.
    pub naslens: &'static str,
    /// Names of the runs: what their paths do not have in common.
    pub runs: Vec<String>,
    /// What each is.
    pub kinds: Vec<&'static str>,
    /// Settings that differ.
    pub settings: Vec<Setting>,
    /// Number of settings that all runs have in common.
    pub common_settings: usize,
    /// Every proxy in every run whose accuracies are known.
    pub correlations: Vec<Correlation>,
    /// The best networks of every run.
    pub best: Vec<Vec<Best>>,
    /// How far two runs rank the networks that both have in the same order.
    pub agreement: Vec<Agreement>,
    /// Their searches.
    #[serde(skip)]
    searches: Vec<SearchCurve>,
}

/// Compares runs: two or more.
pub fn beside(loaded: &[Loaded]) -> Result<Beside, RunError> {
    if loaded.len() < 2 {
        return Err(RunError::Refused(format!(
            "--compare needs two runs or more, there is {}; name more, or a folder that holds several",
            loaded.len()
        )));
    }
    let noted: Vec<&serde_json::Value> = loaded.iter().map(|run| &run.contents.settings).collect();
    let (settings, common_settings) = differing(&noted);
    let rows = |(run, loaded): (usize, &Loaded)| {
        let row = move |row: &ProxyRow| Correlation {
            run,
            proxy: row.name.clone(),
            baseline: row.baseline,
            networks: row.n,
            spearman: row.spearman,
            kendall: row.kendall,
        };
        loaded.contents.proxies.iter().map(row).collect::<Vec<_>>()
    };
    Ok(Beside {
        naslens: env!("CARGO_PKG_VERSION"),
        runs: names(&loaded.iter().map(|run| run.path.as_path()).collect::<Vec<_>>()),
        kinds: loaded.iter().map(|run| run.kind.name).collect(),
        settings,
        common_settings,
        correlations: loaded.iter().enumerate().flat_map(rows).collect(),
        best: loaded.iter().map(|run| run.contents.best.iter().take(BEST).cloned().collect()).collect(),
        agreement: agreements(loaded)?,
        searches: loaded.iter().flat_map(|run| run.contents.searches.clone()).collect(),
    })
}

impl Beside {
    /// The page.
    pub fn page(&self) -> Document {
        page::page(self)
    }

    /// Writes the comparison as a long table; see the documentation of `naslens report`.
    pub fn write(&self, path: &Path) -> Result<(), RunError> {
        Ok(write_rows(path, self)?)
    }
}

/// Paths without the folders that all have in common.
fn names(paths: &[&Path]) -> Vec<String> {
    let parts: Vec<Vec<String>> = paths
        .iter()
        .map(|path| path.components().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect())
        .collect();
    let shortest = parts.iter().map(Vec::len).min().unwrap_or(0);
    let common = (0..shortest.saturating_sub(1)).take_while(|&i| parts.iter().all(|p| p[i] == parts[0][i])).count();
    parts.iter().map(|p| p[common..].join("/")).collect()
}

/// One row per number: `run`, `other_run` (empty but for agreements), `what` (`spearman` and `kendall` with accuracy,
/// `spearman_between_runs`, `kendall_between_runs`), `proxy`, `networks`, `value`, and `low` and `high` of its 95% interval.
pub(super) fn write_rows(path: &Path, beside: &Beside) -> Result<(), FileError> {
    let mut rows: Vec<([&str; 4], u64, Option<Estimate>)> = Vec::new();
    for c in &beside.correlations {
        let own = |what, estimate| ([beside.runs[c.run].as_str(), "", what, &c.proxy], c.networks, estimate);
        rows.extend([own("spearman", c.spearman), own("kendall", c.kendall)]);
    }
    for a in &beside.agreement {
        let (run, other) = (&beside.runs[a.first], &beside.runs[a.second]);
        for (what, value) in [("spearman_between_runs", a.spearman), ("kendall_between_runs", a.kendall)] {
            rows.push(([run, other, what, &a.proxy], a.networks, value.map(Estimate::new)));
        }
    }
    let end = |of: fn(Interval) -> f64| number(rows.iter().map(move |r| r.2.and_then(|e| e.interval).map(of)));
    write(
        path,
        vec![
            ("run", text(rows.iter().map(|r| r.0[0]))),
            ("other_run", text(rows.iter().map(|r| r.0[1]))),
            ("what", text(rows.iter().map(|r| r.0[2]))),
            ("proxy", text(rows.iter().map(|r| r.0[3]))),
            ("networks", integer(rows.iter().map(|r| r.1 as i64))),
            ("value", number(rows.iter().map(|r| r.2.map(|e| e.value)))),
            ("low", end(|i| i.low)),
            ("high", end(|i| i.high)),
        ],
    )
}

/// A setting in which runs differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// Its name, with dots between the levels.
    pub name: String,
    /// Its value in every run; None where the run does not have it.
    pub values: Vec<Option<String>>,
}

/// The settings that are not the same in all runs, by name, and the number of those that are.
pub(super) fn differing(runs: &[&Value]) -> (Vec<Setting>, usize) {
    let mut flat = vec![BTreeMap::new(); runs.len()];
    runs.iter().zip(&mut flat).for_each(|(run, flat)| flatten("", run, flat));
    let mut names: Vec<&String> = flat.iter().flat_map(BTreeMap::keys).collect();
    names.sort_unstable();
    names.dedup();
    let all = names.len();
    let setting = |name: &String| {
        let values: Vec<Option<String>> = flat.iter().map(|run| run.get(name).cloned()).collect();
        let equal = values.iter().all(|v| *v == values[0]);
        (!equal).then(|| Setting { name: name.clone(), values })
    };
    let differing: Vec<Setting> = names.into_iter().filter_map(setting).collect();
    let common = all - differing.len();
    (differing, common)
}

/// Every value inside, by its name with dots between the levels.
fn flatten(name: &str, value: &Value, flat: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(field, value)| {
            let name = if name.is_empty() { field.clone() } else { format!("{name}.{field}") };
            flatten(&name, value, flat);
        }),
        Value::Array(items) => {
            flat.insert(name.into(), items.iter().map(read::text).collect::<Vec<_>>().join(", "));
        }
        Value::Null => {}
        plain => {
            flat.insert(name.into(), read::text(plain));
        }
    }
}

/// Fewer common networks tell nothing.
const LEAST: usize = 3;

/// One proxy in two runs, over the networks that both have.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// Position of the first run.
    pub first: usize,
    /// Position of the second.
    pub second: usize,
    /// The proxy.
    pub proxy: String,
    /// Networks that both have, by id.
    pub networks: u64,
    /// Spearman correlation of the scores; missing ones rank last.
    pub spearman: Option<f64>,
    /// Kendall correlation of the scores.
    pub kendall: Option<f64>,
}

/// Every proxy that two runs have in common, for every two runs that have networks in common.
pub(super) fn agreements(loaded: &[Loaded]) -> Result<Vec<Agreement>, RunError> {
    let scores: Vec<Option<Scores>> = loaded.iter().map(|run| Scores::open(&run.path)).collect::<Result<_, _>>()?;
    let mut found = Vec::new();
    for first in 0..scores.len() {
        for second in first + 1..scores.len() {
            if let (Some(a), Some(b)) = (&scores[first], &scores[second]) {
                found.extend(pair(a, b, first, second)?);
            }
        }
    }
    Ok(found)
}

struct Scores {
    table: Table,
    /// First row of every network.
    rows: HashMap<String, usize>,
    proxies: Vec<String>,
}

impl Scores {
    fn open(path: &Path) -> Result<Option<Self>, RunError> {
        let file = path.join(SCORES_FILE);
        if !file.is_file() {
            return Ok(None);
        }
        let table = Table::open(&file)?;
        let mut rows = HashMap::new();
        for (row, id) in table.string_column("arch_id")?.into_iter().enumerate() {
            rows.entry(id.unwrap_or_default()).or_insert(row);
        }
        Ok(Some(Scores { proxies: score_names(&table), table, rows }))
    }
}

fn pair(a: &Scores, b: &Scores, first: usize, second: usize) -> Result<Vec<Agreement>, RunError> {
    let mut common: Vec<(usize, usize)> =
        a.rows.iter().filter_map(|(id, row)| Some((*row, *b.rows.get(id)?))).collect();
    common.sort_unstable();
    if common.len() < LEAST {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for proxy in a.proxies.iter().filter(|proxy| b.proxies.contains(proxy)) {
        let (x, y) = (score(&a.table, proxy)?.values, score(&b.table, proxy)?.values);
        let x = missing_last(&common.iter().map(|(i, _)| x[*i]).collect::<Vec<_>>());
        let y = missing_last(&common.iter().map(|(_, j)| y[*j]).collect::<Vec<_>>());
        found.push(Agreement {
            first,
            second,
            proxy: proxy.clone(),
            networks: common.len() as u64,
            spearman: spearman(&x, &y),
            kendall: kendall_tau(&x, &y),
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_leave_out_common_folders() {
        let of = |paths: &[&str]| names(&paths.iter().map(Path::new).collect::<Vec<_>>());
        assert_eq!(of(&["runs/space=a/seed=1", "runs/space=a/seed=2"]), ["seed=1", "seed=2"]);
        assert_eq!(of(&["runs/a", "other/b/c"]), ["runs/a", "other/b/c"]);
        assert_eq!(of(&["a", "a"]), ["a", "a"]);
    }

    #[test]
    fn only_what_differs_is_named() {
        let runs = [
            json!({ "space": "a", "train": { "epochs": 4, "lr": 0.1 }, "proxies": ["x", "y"], "limit": null }),
            json!({ "space": "a", "train": { "epochs": 8, "lr": 0.1 }, "proxies": ["x"], "limit": 3 }),
        ];
        let (settings, common) = differing(&[&runs[0], &runs[1]]);
        let shown: Vec<(&str, Vec<&str>)> = settings
            .iter()
            .map(|s| (s.name.as_str(), s.values.iter().map(|v| v.as_deref().unwrap_or("-")).collect()))
            .collect();
        assert_eq!(
            shown,
            [("limit", vec!["-", "3"]), ("proxies", vec!["x, y", "x"]), ("train.epochs", vec!["4", "8"])]
        );
        assert_eq!(common, 2);
    }
}
