//! How far scores depend on chance: the same networks screened again with another seed or another batch.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use crate::candidates::{SCORES_FILE, ScoreTable, read_scores};
use crate::encoding::rank_normal;
use crate::pipeline::RunError;
use crate::report::document::{Cell, Document, Rows, Section, facts};
use crate::stats::{
    count_of, icc_agreement, repeats_for_top_overlap, repeats_needed, spearman, top_overlap_by_repeats,
};
use crate::text::thousands;

/// Settings that change no score: which ones are asked for, and of which networks.
const SELECTION: [&str; 2] = ["proxies", "cascade"];

/// What is wanted of the scores.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StabilityOptions {
    /// The part of the networks that is the top of the list, in `(0, 1]`.
    pub top: f64,
    /// Wanted reliability of a mean over repeats, below 1.
    pub reliability: f64,
    /// Wanted overlap of the top of the list by one mean over repeats with that by another, below 1.
    pub overlap: f64,
}

impl Default for StabilityOptions {
    fn default() -> Self {
        StabilityOptions { top: 0.1, reliability: 0.95, overlap: 0.9 }
    }
}

/// How far one proxy agrees with itself over the runs.
///
/// Scores become normal scores within each run ([`rank_normal`]), missing ones last. Networks without a score in any run
/// are left out: they are known to be last whatever the seed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProxyStability {
    /// The name of the proxy.
    pub name: String,
    /// Networks with a score in at least one run: what everything here is computed over.
    pub networks: usize,
    /// Those among them that lack a score in some run.
    pub sometimes_missing: usize,
    /// Intraclass correlation ICC(A,1) of the normal scores ([`icc_agreement`]): the reliability of one run.
    pub icc: Option<f64>,
    /// Mean of Spearman's rho over all pairs of runs.
    pub spearman: Option<f64>,
    /// Overlap of the top of the list between means of 1, 2, … runs ([`top_overlap_by_repeats`]).
    pub top_overlap: Vec<f64>,
    /// Repeats whose mean has the wanted reliability ([`repeats_needed`]).
    pub repeats_for_reliability: Option<u64>,
    /// Repeats whose top of the list has the wanted overlap ([`repeats_for_top_overlap`]).
    pub repeats_for_overlap: Option<u64>,
}

/// How far runs agree that should differ by chance only.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stability {
    /// The folders of the runs.
    pub runs: Vec<PathBuf>,
    /// Settings in which the runs differ, with the value of each run.
    pub differences: BTreeMap<String, Vec<Value>>,
    /// Distinct networks that are in all runs.
    pub networks: usize,
    /// Distinct networks that are in some run only; they are left out.
    pub not_in_all: usize,
    /// Proxies that are in some run only; they are left out.
    pub proxies_not_in_all: Vec<String>,
    /// What was wanted.
    #[serde(flatten)]
    pub options: StabilityOptions,
    /// One row per proxy and ensemble that all runs have, by reliability, best first.
    pub rows: Vec<ProxyStability>,
}

/// Compares the runs in these folders, which scored the same networks with different seeds, batches or data. Networks are
/// joined on their `arch_id`, each counted once.
pub fn stability(dirs: &[PathBuf], options: &StabilityOptions) -> Result<Stability, RunError> {
    if dirs.len() < 2 {
        return Err(RunError::Refused(format!(
            "there is {} run; name at least two screens of the same networks with different seeds or batches",
            dirs.len()
        )));
    }
    let runs: Vec<Run> = dirs.iter().map(|dir| Run::read(dir)).collect::<Result<_, _>>()?;
    for (i, run) in runs.iter().enumerate() {
        runs[..i].iter().try_for_each(|earlier| earlier.comparable(run))?;
    }
    let mut rows_of: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for run in &runs {
        run.rows.iter().for_each(|(id, &row)| rows_of.entry(id).or_default().push(row));
    }
    let everyone = rows_of.len();
    let common: Vec<Vec<usize>> = rows_of.into_values().filter(|rows| rows.len() == runs.len()).collect();
    if common.len() < 2 {
        return Err(RunError::Refused(format!(
            "{} networks are in all {} runs; a --sample is another one for every seed, so screen the same ones with --archs \
             FILE or --all",
            common.len(),
            runs.len()
        )));
    }
    let mut rows = Vec::new();
    let mut proxies_not_in_all: Vec<String> = Vec::new();
    for name in runs.iter().flat_map(|run| run.table.proxies.iter().map(|(name, _)| name)) {
        let known = rows.iter().any(|row: &ProxyStability| row.name == *name) || proxies_not_in_all.contains(name);
        let columns: Option<Vec<_>> = runs.iter().map(|run| run.table.values(name)).collect();
        match columns {
            _ if known => {}
            None => proxies_not_in_all.push(name.clone()),
            Some(columns) => rows.push(judge(name, &columns, &common, options)),
        }
    }
    let reliability = |row: &ProxyStability| row.icc.unwrap_or(f64::NEG_INFINITY);
    rows.sort_by(|a, b| reliability(b).total_cmp(&reliability(a)).then_with(|| a.name.cmp(&b.name)));
    Ok(Stability {
        differences: differences(&runs),
        networks: common.len(),
        not_in_all: everyone - common.len(),
        proxies_not_in_all,
        options: *options,
        rows,
        runs: dirs.to_vec(),
    })
}

/// One run as it was read.
struct Run {
    dir: PathBuf,
    table: ScoreTable,
    /// The settings that scores depend on.
    settings: serde_json::Map<String, Value>,
    /// The row of each network.
    rows: BTreeMap<String, usize>,
}

impl Run {
    fn read(dir: &Path) -> Result<Self, RunError> {
        let unreadable = |e| RunError::Refused(format!("{e}; name the output folders of finished screens"));
        let table = read_scores(&dir.join(SCORES_FILE)).map_err(unreadable)?;
        let mut settings = table.run.config.as_object().cloned().unwrap_or_default();
        SELECTION.iter().for_each(|key| drop(settings.remove(*key)));
        let rows = table.networks().into_iter().map(|(id, row)| (id.to_owned(), row)).collect();
        Ok(Run { dir: dir.into(), table, settings, rows })
    }

    fn comparable(&self, other: &Run) -> Result<(), RunError> {
        let (a, b) = (self.dir.display(), other.dir.display());
        let space = |run: &Run| run.settings.get("space").and_then(Value::as_str).unwrap_or("unknown").to_string();
        if space(self) != space(other) {
            return Err(RunError::Refused(format!(
                "{a} is a run in the space {}, {b} in {}; compare runs in one space",
                space(self),
                space(other)
            )));
        }
        // A run that does not say how it was made may still be another one.
        if self.settings == other.settings && !self.settings.is_empty() {
            return Err(RunError::Refused(format!(
                "{a} and {b} have the same settings, so their scores differ by nothing; screen one with another --seed"
            )));
        }
        Ok(())
    }
}

/// The settings in which the runs differ.
fn differences(runs: &[Run]) -> BTreeMap<String, Vec<Value>> {
    let values = |key: &String| -> Vec<Value> {
        runs.iter().map(|run| run.settings.get(key).cloned().unwrap_or_default()).collect()
    };
    let keys = runs.iter().flat_map(|run| run.settings.keys());
    let all = keys.map(|key| (key.clone(), values(key)));
    all.filter(|(_, values)| values.iter().any(|value| *value != values[0])).collect()
}

/// One proxy, from its column in each run and the rows of the common networks in each.
fn judge(
    name: &str,
    columns: &[Vec<Option<f64>>],
    common: &[Vec<usize>],
    options: &StabilityOptions,
) -> ProxyStability {
    let scores = |rows: &Vec<usize>| -> Vec<Option<f64>> { columns.iter().zip(rows).map(|(c, &row)| c[row]).collect() };
    let scored: Vec<Vec<Option<f64>>> =
        common.iter().map(scores).filter(|scores| scores.iter().any(Option::is_some)).collect();
    let n = scored.len();
    let runs: Vec<Vec<f64>> =
        (0..columns.len()).map(|j| rank_normal(&scored.iter().map(|scores| scores[j]).collect::<Vec<_>>())).collect();
    let pairs = (0..runs.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
    let rhos: Option<Vec<f64>> = pairs.map(|(a, b)| spearman(&runs[a], &runs[b])).collect();
    let icc = icc_agreement(&runs);
    let k = count_of(n, options.top);
    // Where a score is the same everywhere, or there is none, the list has no top.
    let top_overlap = if icc.is_some() { top_overlap_by_repeats(&runs, k) } else { Vec::new() };
    let share = k as f64 / n.max(1) as f64;
    ProxyStability {
        name: name.into(),
        networks: n,
        sometimes_missing: scored.iter().filter(|scores| scores.iter().any(Option::is_none)).count(),
        icc,
        spearman: rhos.filter(|rhos| !rhos.is_empty()).map(|rhos| rhos.iter().sum::<f64>() / rhos.len() as f64),
        repeats_for_reliability: icc.and_then(|icc| repeats_needed(icc, options.reliability)),
        repeats_for_overlap: repeats_for_top_overlap(&top_overlap, share, options.overlap),
        top_overlap,
    }
}

impl Stability {
    /// How far every score agrees with itself.
    pub fn document(&self) -> Document {
        let options = &self.options;
        let percent = |share: f64| format!("{}%", (1e4 * share).round() / 100.0);
        let (top, wanted, count) = (percent(options.top), percent(options.overlap), |n: usize| thousands(n as u64));
        let networks = format!(
            "{} in all runs, each counted once; {} in some only are left out",
            count(self.networks),
            count(self.not_in_all)
        );
        let show = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
        let differ = self
            .differences
            .iter()
            .map(|(setting, values)| (setting.clone(), values.iter().map(show).collect::<Vec<_>>().join(", ")));
        let some_only = match self.proxies_not_in_all.join(", ") {
            none if none.is_empty() => none,
            names => format!("{names} (not in all runs)"),
        };
        let caption = format!(
            "Scores as normal scores within each run, missing ones last; networks that never have one are left out. ICC(A,1) is \
             the reliability of one run; Spearman: mean over pairs of runs. Top {top}: overlap of the {top} best by one run with \
             those by another. Repeats: runs to average for a reliability of {}, and for an overlap of {wanted} (extrapolated).",
            options.reliability
        );
        let repeats = |n: Option<u64>| Cell::text(n.map_or("–".into(), thousands));
        let grid = Rows::of("Scores", caption, &self.rows)
            .column("Proxy", |row| Cell::text(&row.name))
            .column("#Networks", |row| Cell::Count(row.networks as u64))
            .column("#Missing", |row| Cell::Count(row.sometimes_missing as u64))
            .column("#ICC", |row| Cell::number(row.icc, 3))
            .column("#Spearman", |row| Cell::number(row.spearman, 3))
            .column(&format!("#Top {top}, %"), |row| {
                Cell::number(row.top_overlap.first().map(|share| 100.0 * share), 1)
            })
            .column(&format!("#Repeats, ICC {}", options.reliability), |row| repeats(row.repeats_for_reliability))
            .column(&format!("#Repeats, top {wanted}"), |row| repeats(row.repeats_for_overlap));
        let known = facts([("Runs", self.runs.len().to_string()), ("Networks", networks), ("Left out", some_only)]);
        Document {
            title: format!("{} runs of the same networks", self.runs.len()),
            facts: known.into_iter().chain(differ).collect(),
            sections: vec![Section::table("scores", "", grid)],
            ..Document::default()
        }
    }
}
