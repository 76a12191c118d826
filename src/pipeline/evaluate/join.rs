//! Joining the scores of a run with the rows of a benchmark table, and finding the proxies among the columns.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use super::EvaluateError;
use crate::benchmark::{Table, TableError};

const STATUS_SUFFIX: &str = "_status";
pub(super) const OK: &str = "ok";
const MISSING: &str = "missing";
/// Key column of a table: the first 64 bits of the published hash of a module (NAS-Bench-101), as a whole number.
pub(in crate::pipeline) const HASH: &str = "module_hash_hi64";
/// Key column that names networks, equal for architectures that compute the same.
const ID: &str = "arch_id";
/// Baselines as shown, with the column each is read from if no proxy of that name was run.
const BASELINES: [(&str, &str); 3] = [("params", "params"), ("flops", "macs"), ("layers", "layers")];

/// The architectures of a run that have a truth.
pub(in crate::pipeline) struct Joined {
    /// Key columns, of the scores and of the table.
    pub key: [String; 2],
    /// Rows of the scores, one per architecture.
    pub rows: Vec<usize>,
    /// Their truths, in the same order; no NaN.
    pub truth: Vec<f64>,
    pub n_unmatched: usize,
    pub n_without_truth: usize,
    pub n_repeated: usize,
}

/// What names an architecture.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Index(u64),
    Text(String),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Key::Index(index) => write!(f, "{index}"),
            Key::Text(text) => write!(f, "`{text}`"),
        }
    }
}

/// Joins the scores with the column `target` of `truths`, keeping the order of the scores.
pub(in crate::pipeline) fn join(scores: &Table, truths: &Table, target: &str) -> Result<Joined, EvaluateError> {
    let truth = truths.f64_column(target)?;
    let (key, score_keys, truth_keys) = keys(scores, truths)?;
    let [scores_key, table_key] = key.clone();

    let mut by_key: HashMap<Key, Option<f64>> = HashMap::with_capacity(truth.len());
    for (name, truth) in truth_keys.iter().zip(truth).filter_map(|(name, truth)| Some((name.as_ref()?, truth))) {
        match by_key.entry(name.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(truth);
            }
            Entry::Occupied(mut entry) if entry.get().is_none() => {
                entry.insert(truth);
            }
            Entry::Occupied(entry) if truth.is_some() && *entry.get() != truth => {
                let (table, target, value) = (truths.path().into(), target.into(), name.to_string());
                return Err(EvaluateError::Ambiguous { table, target, key: table_key, value });
            }
            Entry::Occupied(_) => {}
        }
    }

    let mut joined =
        Joined { key, rows: Vec::new(), truth: Vec::new(), n_unmatched: 0, n_without_truth: 0, n_repeated: 0 };
    let mut seen = HashSet::with_capacity(score_keys.len());
    for (row, name) in score_keys.iter().enumerate() {
        if name.is_some() && !seen.insert(name) {
            joined.n_repeated += 1;
            continue;
        }
        match name.as_ref().and_then(|name| by_key.get(name)) {
            None => joined.n_unmatched += 1,
            Some(None) => joined.n_without_truth += 1,
            Some(Some(truth)) => {
                joined.rows.push(row);
                joined.truth.push(*truth);
            }
        }
    }
    let table = truths.path().into();
    if !joined.rows.is_empty() {
        Ok(joined)
    } else if joined.n_without_truth > 0 {
        Err(EvaluateError::NoTruth { table, target: target.into(), matched: joined.n_without_truth })
    } else {
        let example = |keys: &[Option<Key>]| keys.iter().flatten().next().map_or("nothing".into(), Key::to_string);
        let (scores_example, table_example) = (example(&score_keys), example(&truth_keys));
        Err(EvaluateError::NoMatch { table, scores_key, scores_example, table_key, table_example })
    }
}

/// The column of a table that holds architectures as text.
pub(in crate::pipeline) fn text_column(table: &Table) -> Option<&'static str> {
    ["arch_str", "arch"].into_iter().find(|column| table.has(column))
}

type Keys = ([String; 2], Vec<Option<Key>>, Vec<Option<Key>>);

/// The key columns to join on and their values, of the scores and of the table.
fn keys(scores: &Table, truths: &Table) -> Result<Keys, EvaluateError> {
    let indices = |table: &Table| -> Result<Vec<Option<Key>>, TableError> {
        Ok(table.u64_column("arch_index")?.into_iter().map(|index| index.map(Key::Index)).collect())
    };
    let texts = |table: &Table, column: &str| -> Result<Vec<Option<Key>>, TableError> {
        Ok(table.string_column(column)?.into_iter().map(|text| text.map(Key::Text)).collect())
    };
    let named = |scores: &str, table: &str| [scores.to_owned(), table.to_owned()];
    let table_text = text_column(truths);
    if scores.has("arch_index") && truths.has("arch_index") {
        let score_keys = indices(scores)?;
        // A search space without numbering leaves the column empty; names may still match then.
        if score_keys.iter().any(Option::is_some) || table_text.is_none() {
            return Ok((named("arch_index", "arch_index"), score_keys, indices(truths)?));
        }
    }
    if scores.has(ID) && truths.has(HASH) {
        // The id of a space that was published with hashes is that hash; the table has its first 16 digits.
        let first_digits = |id: String| u64::from_str_radix(id.get(..16)?, 16).ok().map(Key::Index);
        let score_keys = scores.string_column(ID)?.into_iter().map(|id| id.and_then(first_digits)).collect();
        let table_keys = truths.u64_column(HASH)?.into_iter().map(|hash| hash.map(Key::Index)).collect();
        return Ok((named(ID, HASH), score_keys, table_keys));
    }
    if scores.has(ID) && truths.has(ID) {
        // One truth per network: then the string that it is written as does not matter. Where a table has several strings
        // of a network with truths of their own, these are what is joined.
        let table_keys = texts(truths, ID)?;
        let mut seen = HashSet::with_capacity(table_keys.len());
        if table_keys.iter().all(|id| id.as_ref().is_some_and(|id| seen.insert(id))) {
            return Ok((named(ID, ID), texts(scores, ID)?, table_keys));
        }
    }
    match table_text {
        Some(column) => Ok((named("arch", column), texts(scores, "arch")?, texts(truths, column)?)),
        None => {
            let tried = if scores.has("arch_index") {
                "arch_index, module_hash_hi64, arch_id, arch_str, arch"
            } else {
                "module_hash_hi64, arch_id, arch_str, arch"
            };
            Err(EvaluateError::NoKey { table: truths.path().into(), tried, columns: truths.column_names() })
        }
    }
}

/// The scores of one proxy on the joined architectures.
pub(super) struct ProxyScores {
    pub name: String,
    pub baseline: bool,
    /// The score where the status is ok and a value is there.
    pub scores: Vec<Option<f64>>,
    pub statuses: BTreeMap<String, usize>,
}

/// All proxies and baselines of a run, on the given rows of its scores.
pub(super) fn proxies(table: &Table, rows: &[usize]) -> Result<Vec<ProxyScores>, TableError> {
    let columns = table.column_names();
    let asked = columns.iter().filter_map(|column| column.strip_suffix(STATUS_SUFFIX)).filter(|name| !name.is_empty());
    let mut sources: Vec<(&str, &str)> = asked.map(|name| (name, name)).collect();
    for (name, column) in BASELINES {
        if table.has(column) && !sources.iter().any(|(known, _)| *known == name) {
            sources.push((name, column));
        }
    }
    sources.into_iter().map(|(name, column)| read_proxy(table, name, column, rows)).collect()
}

fn read_proxy(table: &Table, name: &str, column: &str, rows: &[usize]) -> Result<ProxyScores, TableError> {
    let values = table.f64_column(column)?;
    let status_column = format!("{name}{STATUS_SUFFIX}");
    let written = if table.has(&status_column) {
        table.string_column(&status_column)?
    } else {
        vec![Some(OK.into()); values.len()]
    };
    let mut statuses = BTreeMap::new();
    let mut scores = Vec::with_capacity(rows.len());
    for &row in rows {
        let (value, status) = (values[row], written[row].as_deref().unwrap_or(MISSING));
        let status = if status == OK && value.is_none() { MISSING } else { status };
        *statuses.entry(status.to_owned()).or_insert(0) += 1;
        scores.push(value.filter(|_| status == OK));
    }
    let baseline = BASELINES.iter().any(|(baseline, _)| *baseline == name);
    Ok(ProxyScores { name: name.into(), baseline, scores, statuses })
}
