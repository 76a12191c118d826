//! How far two runs rank the same networks in the same order.

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;

use crate::benchmark::Table;
use crate::candidates::SCORES_FILE;
use crate::candidates::{score, score_names};
use crate::pipeline::pages::{Loaded, RunError};
use crate::stats::{kendall_tau, missing_last, spearman};

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
