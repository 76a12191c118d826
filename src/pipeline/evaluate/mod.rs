//! How well each proxy of a run ranks architectures whose truth is known.
//!
//! The scores of a run are joined with a benchmark table. Each proxy, and each trivial baseline, is then judged by rank
//! correlation over all joined architectures and inside the top 10%, by what is left of it given the size of the networks,
//! by the precision and the gain of its own top 10%, and by the regret of its ten best. Scores that are missing rank last
//! ([`missing_last`]), so failing is never an advantage.
//!
//! Several architectures may be one network, whose scores are copies: intervals resample networks with all their
//! architectures ([`crate::stats::Clusters`]). No number depends on the order of rows.

use std::path::Path;

use serde::Serialize;

use crate::benchmark::{METADATA_KEY, Table, lower_is_better};
use crate::candidates::{Joined, is_accuracy, join, open_scores, scores_and_baselines, space_of_scores};
use crate::pipeline::RunError;
use crate::pipeline::counts::{RESAMPLES, check_count};
use crate::stats::{least_correlation, missing_last, top_fraction_indices};

mod document;
mod judge;

use judge::Yardstick;
pub use judge::{Agreement, ProxyEvaluation, Undefined};

/// What counts as the top of the list.
const TOP_FRACTION: f64 = 0.1;
/// Level of the test behind the least correlation.
const LEVEL: f64 = 0.05;
/// The baselines that the partial correlation is given.
const CONTROLS: [&str; 2] = ["params", "flops"];

/// How to compute the uncertainty of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EvaluateOptions {
    /// Number of bootstrap resamples of the networks, within [`RESAMPLES`].
    pub repeats: usize,
    /// Root seed of the resamples. All proxies see the same ones.
    pub seed: u64,
    /// Confidence level of the intervals, in `[0, 1]`; there are no intervals for any other value.
    pub level: f64,
}

impl Default for EvaluateOptions {
    fn default() -> Self {
        EvaluateOptions { repeats: 1_000, seed: 0, level: 0.95 }
    }
}

/// The proxies of a run judged against one column of a benchmark table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// The column of the benchmark table that holds the truth; larger is better.
    pub target: String,
    /// The file name of the benchmark table.
    pub table: String,
    /// The key columns joined on: of the scores, then of the table.
    pub join_key: [String; 2],
    /// Different architectures of the run with a truth: what everything here is computed over.
    pub n_joined: usize,
    /// Distinct networks among them: the independent observations, which intervals resample.
    pub n_networks: usize,
    /// Smallest |correlation| that so many networks tell from zero at the 5% level ([`least_correlation`]).
    pub least_correlation: Option<f64>,
    /// Architectures of the run that the table does not have.
    pub n_unmatched: usize,
    /// Architectures that the table has, without a value of the target.
    pub n_without_truth: usize,
    /// Rows of the scores left out because their architecture had come before.
    pub n_repeated: usize,
    /// Values of the target that count as missing since they cannot be: infinite, or no accuracy between 0 and 100%.
    pub n_impossible: usize,
    /// Architectures in the top 10% by truth, ties at its boundary included.
    pub n_top_10pct: usize,
    /// What the partial correlations are given: `params` and `flops`, as far as the scores have them.
    pub controls: Vec<String>,
    /// How the intervals were computed.
    #[serde(flatten)]
    pub options: EvaluateOptions,
    /// What a reader should know before believing a number.
    pub notes: Vec<String>,
    /// The run's description of itself, if its scores carry one.
    pub run: Option<serde_json::Value>,
    /// One row per proxy and baseline, by Spearman's rho over all architectures, best first.
    pub rows: Vec<ProxyEvaluation>,
}

/// Judges the proxies of the run in the folder `dir`, or the columns of numbers of the table `dir`, against the column `target` of the benchmark table at `table`.
///
/// Rows are joined by what their architectures mean ([`join`]); those without a match or a truth are counted and left out.
/// Proxies are the columns of the scores that have a `<name>_status` column beside them, and all other columns of numbers but
/// counts, indices and latencies; `params`, `flops` (the multiply-accumulates in the column `macs`, unless a proxy `flops`
/// was run) and `layers` (if present) are always shown as baselines. All scores are read as larger is better.
pub fn evaluate(dir: &Path, table: &Path, target: &str, options: &EvaluateOptions) -> Result<Evaluation, RunError> {
    check_count("resamples", options.repeats as u64, RESAMPLES)?;
    let scores = open_scores(dir)?;
    let space = space_of_scores(&scores, &Table::open_truths(table)?)?;
    let joined = join(&scores, table, target, space.as_deref())?;
    let top = top_fraction_indices(&joined.truth, TOP_FRACTION);
    let mut proxies = scores_and_baselines(&scores)?;
    if let (Ok(own), Ok(other)) = (scores.path().canonicalize(), table.canonicalize())
        && own == other
    {
        // What is judged by, and other accuracies, would judge themselves.
        proxies.retain(|proxy| proxy.name != target && !is_accuracy(&proxy.name));
    }
    let rows = &joined.rows;
    let controls: Vec<(String, Vec<f64>)> = proxies
        .iter()
        .filter(|proxy| CONTROLS.contains(&proxy.name.as_str()))
        .map(|proxy| (proxy.name.clone(), missing_last(&proxy.at(rows))))
        .collect();
    let given = controls.iter().map(|(_, scores)| scores.as_slice()).collect();
    let yardstick = Yardstick::new(&joined, &top, given, options);
    let mut rows: Vec<ProxyEvaluation> = proxies.iter().map(|proxy| yardstick.judge(proxy)).collect();
    let rho = |row: &ProxyEvaluation| row.overall.spearman.unwrap_or(f64::NEG_INFINITY);
    rows.sort_by(|a, b| rho(b).total_cmp(&rho(a)).then_with(|| a.name.cmp(&b.name)));

    let Joined { join, truth, .. } = joined;
    // A description that is not JSON is still worth keeping as it is.
    let run = scores.metadata(METADATA_KEY).map(|text| serde_json::from_str(&text).unwrap_or_else(|_| text.into()));
    Ok(Evaluation {
        target: target.into(),
        table: table.file_name().unwrap_or(table.as_os_str()).to_string_lossy().into_owned(),
        join_key: join.key,
        n_joined: truth.len(),
        n_networks: join.networks,
        least_correlation: least_correlation(join.networks, LEVEL),
        n_unmatched: join.unmatched,
        n_without_truth: join.without_value,
        n_repeated: join.repeated,
        n_impossible: join.impossible,
        n_top_10pct: top.len(),
        controls: controls.into_iter().map(|(name, _)| name).collect(),
        options: *options,
        notes: lower_is_better(target).into_iter().collect(),
        run,
        rows,
    })
}

#[cfg(test)]
mod tests;
