//! How well each proxy of a run ranks architectures whose truth is known.
//!
//! The scores of a run are joined with a benchmark table. Each proxy, and each trivial baseline, is then judged by rank
//! correlation over all joined architectures and inside the top 10%, by what is left of it given the size of the networks,
//! by the precision and the gain of its own top 10%, and by the regret of its ten best. Scores that are missing rank last
//! ([`missing_last`]), so failing is never an advantage.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::benchmark::{Table, TableError};
use crate::candidates::{
    CandidatesError, JoinError, Joined, ScoreColumn, join, open_scores, scores_and_baselines, space_of_scores,
};
use crate::report::METADATA_KEY;
use crate::stats::{
    Interval, RankedPairs, count_of, missing_last, multiplicities, ndcg_at, partial_spearman, percentile_interval,
    precision_at, ranks, regret_at, resampled, top_fraction_indices,
};

mod text;

/// What counts as the top of the list.
const TOP_FRACTION: f64 = 0.1;
/// How many best-scored architectures the regret is taken over.
const REGRET_PICKS: usize = 10;

/// The baselines that the partial correlation is given.
const CONTROLS: [&str; 2] = ["params", "flops"];

/// Why a run could not be evaluated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// The scores cannot be read.
    #[error(transparent)]
    Candidates(#[from] CandidatesError),
    /// The scores and the table do not fit together.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// One of the two tables, or a column of it, could not be read.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// How to compute the uncertainty of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EvaluateOptions {
    /// Number of bootstrap resamples of the architectures; 0 for no intervals.
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

/// Rank correlations of a score with the truth, with percentile bootstrap intervals over architectures. A value is
/// `None` if it is not defined, as for a score that is the same everywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Agreement {
    /// Spearman's rho.
    pub spearman: Option<f64>,
    /// Interval of Spearman's rho.
    pub spearman_interval: Option<Interval>,
    /// Kendall's tau-b.
    pub kendall: Option<f64>,
    /// Interval of Kendall's tau-b.
    pub kendall_interval: Option<Interval>,
}

/// How well one proxy ranks the joined architectures. Every architecture counts, those with a missing score as ranked
/// last.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProxyEvaluation {
    /// The name of the proxy.
    pub name: String,
    /// Whether this is a trivial baseline (`params`, `flops`, `layers`) that a proxy must beat to be of use.
    pub baseline: bool,
    /// Architectures with a score.
    pub n_ok: usize,
    /// Architectures without one.
    pub n_not_ok: usize,
    /// Architectures by status; `missing` where no status or no value was written.
    pub statuses: BTreeMap<String, usize>,
    /// Agreement over all joined architectures.
    #[serde(flatten)]
    pub overall: Agreement,
    /// Agreement inside the top 10% by truth (ties at its boundary included).
    pub top_10pct: Agreement,
    /// Spearman's rho with the truth that is left given the ranks of the [`Evaluation::controls`]
    /// ([`partial_spearman`]); `None` for the controls themselves, and for what ranks like one.
    pub partial_spearman: Option<f64>,
    /// nDCG of the top 10% by score ([`ndcg_at`]). The gain of an architecture is the share, in `[0, 1]`, of the other
    /// architectures that are truly worse, those tied with it counted half; the discount at position `p` is
    /// `1 / log2(p + 1)`. A random order has 0.5 to 0.53.
    pub ndcg_at_10pct: Option<f64>,
    /// Share, in `[0, 1]`, of the top 10% by score that are in the top 10% by truth.
    pub precision_at_10pct: Option<f64>,
    /// Best truth of all minus best truth among the ten best scores, in the unit of the target.
    pub regret_at_10: Option<f64>,
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
    /// Distinct networks among them.
    pub n_networks: usize,
    /// Architectures of the run that the table does not have.
    pub n_unmatched: usize,
    /// Architectures that the table has, without a value of the target.
    pub n_without_truth: usize,
    /// Rows of the scores left out because their architecture had come before.
    pub n_repeated: usize,
    /// Values of the target that count as missing since they cannot be: infinite, or no accuracy between 0 and 100%.
    pub n_impossible: usize,
    /// Architectures in the top 10% by truth.
    pub n_top_10pct: usize,
    /// What the partial correlations are given: `params` and `flops`, as far as the scores have them.
    pub controls: Vec<String>,
    /// Bootstrap resamples behind each interval.
    pub repeats: usize,
    /// Confidence level of the intervals.
    pub level: f64,
    /// Root seed of the resamples.
    pub seed: u64,
    /// The run's description of itself, if its scores carry one.
    pub run: Option<serde_json::Value>,
    /// One row per proxy and baseline, by Spearman's rho over all architectures, best first.
    pub rows: Vec<ProxyEvaluation>,
}

/// Judges the proxies of the run in the folder `dir` against the column `target` of the benchmark table at `table`.
///
/// Rows are joined by what their architectures mean ([`join`]); those without a match or a truth are counted and left out.
/// Proxies are the columns of the scores that have a `<name>_status` column beside them, and all other columns of numbers but
/// counts, indices and latencies; `params`, `flops` (the multiply-accumulates in the column `macs`, unless a proxy `flops`
/// was run) and `layers` (if present) are always shown as baselines. All scores are read as larger is better.
pub fn evaluate(
    dir: &Path,
    table: &Path,
    target: &str,
    options: &EvaluateOptions,
) -> Result<Evaluation, EvaluateError> {
    let scores = open_scores(dir)?;
    let space = space_of_scores(&scores, &Table::open_truths(table)?)?;
    let joined = join(&scores, table, target, space.as_deref())?;
    let top = top_fraction_indices(&joined.truth, TOP_FRACTION);
    let proxies = scores_and_baselines(&scores)?;
    let rows = &joined.rows;
    let controls: Vec<(String, Vec<f64>)> = proxies
        .iter()
        .filter(|proxy| CONTROLS.contains(&proxy.name.as_str()))
        .map(|proxy| (proxy.name.clone(), missing_last(&proxy.at(rows))))
        .collect();
    let yardstick = Yardstick::new(&joined.truth, &top, controls.iter().map(|(_, scores)| scores.as_slice()).collect());
    let mut rows: Vec<ProxyEvaluation> = proxies.iter().map(|proxy| yardstick.judge(proxy, rows, options)).collect();
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
        n_unmatched: join.unmatched,
        n_without_truth: join.without_value,
        n_repeated: join.repeated,
        n_impossible: join.impossible,
        n_top_10pct: top.len(),
        controls: controls.into_iter().map(|(name, _)| name).collect(),
        repeats: options.repeats,
        level: options.level,
        seed: options.seed,
        run,
        rows,
    })
}

/// What every proxy is held against.
struct Yardstick<'a> {
    truth: &'a [f64],
    /// Positions of the top 10% by truth.
    top: &'a [usize],
    /// The gain of each architecture; see [`ProxyEvaluation::ndcg_at_10pct`].
    gains: Vec<f64>,
    controls: Vec<&'a [f64]>,
}

impl<'a> Yardstick<'a> {
    fn new(truth: &'a [f64], top: &'a [usize], controls: Vec<&'a [f64]>) -> Self {
        let others = truth.len() as f64 - 1.0;
        let gains = ranks(truth).into_iter().map(|rank| (rank - 1.0) / others).collect();
        Yardstick { truth, top, gains, controls }
    }

    fn judge(&self, proxy: &ScoreColumn, rows: &[usize], options: &EvaluateOptions) -> ProxyEvaluation {
        let scores = proxy.at(rows);
        let n_ok = scores.iter().flatten().count();
        let scores = missing_last(&scores);
        let at_top = |values: &[f64]| self.top.iter().map(|&i| values[i]).collect::<Vec<_>>();
        let picks = count_of(scores.len(), TOP_FRACTION);
        // Without anything to control for there is nothing partial.
        let partial = (!self.controls.is_empty()).then(|| partial_spearman(&scores, self.truth, &self.controls));
        ProxyEvaluation {
            name: proxy.name.clone(),
            baseline: proxy.baseline,
            n_ok,
            n_not_ok: scores.len() - n_ok,
            statuses: proxy.statuses_at(rows),
            overall: agreement(&scores, self.truth, options),
            top_10pct: agreement(&at_top(&scores), &at_top(self.truth), options),
            partial_spearman: partial.flatten(),
            ndcg_at_10pct: ndcg_at(&scores, &self.gains, picks),
            precision_at_10pct: precision_at(&scores, self.truth, TOP_FRACTION),
            regret_at_10: regret_at(&scores, self.truth, REGRET_PICKS),
        }
    }
}

fn agreement(scores: &[f64], truth: &[f64], options: &EvaluateOptions) -> Agreement {
    let Some(pairs) = RankedPairs::new(scores, truth) else {
        return Agreement::default();
    };
    let n = truth.len();
    let both = |weights: &[u32]| (pairs.spearman(weights), pairs.kendall(weights));
    let (spearman, kendall) = both(&vec![1; n]);
    let (spearmans, kendalls): (Vec<_>, Vec<_>) =
        resampled(n, options.repeats, options.seed, |sample| both(&multiplicities(n, sample))).into_iter().unzip();
    // A score without a correlation has no uncertainty to speak of either.
    let interval = |value: Option<f64>, values: &[_]| value.and_then(|_| percentile_interval(values, options.level));
    Agreement {
        spearman,
        spearman_interval: interval(spearman, &spearmans),
        kendall,
        kendall_interval: interval(kendall, &kendalls),
    }
}

#[cfg(test)]
mod tests;
