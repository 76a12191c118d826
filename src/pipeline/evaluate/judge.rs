//! One proxy held against the truth.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::{EvaluateOptions, TOP_FRACTION};
use crate::candidates::{Joined, ScoreColumn};
use crate::stats::{
    Clusters, Interval, RankedPairs, count_of, missing_last, multiplicities, ndcg_at, partial_spearman,
    percentile_interval, precision_at, ranks, regret_at, resampled,
};

/// How many best-scored architectures the regret is taken over.
const REGRET_PICKS: usize = 10;
/// Of fewer networks every order agrees or disagrees with another by chance.
const FEWEST: usize = 3;

/// Why a statistic has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Undefined {
    /// Fewer than three networks.
    FewNetworks,
    /// The target is the same for all architectures.
    EqualTargets,
    /// The score is the same for all architectures, or missing for all.
    EqualScores,
}

impl Undefined {
    /// Why these scores cannot be compared with this truth; `None` if they can.
    fn of(scores: &[f64], truth: &[f64], networks: &Clusters) -> Option<Self> {
        let equal = |values: &[f64]| values.iter().all(|v| *v == values[0]);
        if networks.count() < FEWEST {
            Some(Undefined::FewNetworks)
        } else if equal(truth) {
            Some(Undefined::EqualTargets)
        } else {
            equal(scores).then_some(Undefined::EqualScores)
        }
    }
}

impl fmt::Display for Undefined {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Undefined::FewNetworks => "fewer than three networks",
            Undefined::EqualTargets => "the target is the same for all",
            Undefined::EqualScores => "the score is the same for all",
        })
    }
}

/// Rank correlations of a score with the truth, with percentile bootstrap intervals over networks. Without a value where
/// [`Agreement::undefined`] says why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Agreement {
    /// Why nothing here, and nothing else about these architectures, is defined.
    pub undefined: Option<Undefined>,
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
    /// Spearman's rho with the truth that is left given the ranks of the [`super::Evaluation::controls`]
    /// ([`partial_spearman`]); `None` for the controls themselves, and for what ranks like one.
    pub partial_spearman: Option<f64>,
    /// nDCG of the top 10% by score ([`ndcg_at`]), equal scores in a random order. The gain of an architecture is the share, in `[0, 1]`, of the other
    /// architectures that are truly worse, those tied with it counted half; the discount at position `p` is
    /// `1 / log2(p + 1)`. A random order has 0.5 to 0.53.
    pub ndcg_at_10pct: Option<f64>,
    /// Share, in `[0, 1]`, of the top 10% by score that are in the top 10% by truth: the mean over all orders of equal
    /// values ([`precision_at`]).
    pub precision_at_10pct: Option<f64>,
    /// Best truth of all minus best truth among the ten best scores, in the unit of the target: the mean over all orders of
    /// equal scores ([`regret_at`]).
    pub regret_at_10: Option<f64>,
}

/// What every proxy is held against.
pub(super) struct Yardstick<'a> {
    joined: &'a Joined,
    /// Positions of the top 10% by truth.
    top: &'a [usize],
    top_truth: Vec<f64>,
    top_networks: Clusters,
    /// The gain of each architecture; see [`ProxyEvaluation::ndcg_at_10pct`].
    gains: Vec<f64>,
    controls: Vec<&'a [f64]>,
    options: &'a EvaluateOptions,
}

impl<'a> Yardstick<'a> {
    pub fn new(joined: &'a Joined, top: &'a [usize], controls: Vec<&'a [f64]>, options: &'a EvaluateOptions) -> Self {
        let others = joined.truth.len() as f64 - 1.0;
        Yardstick {
            joined,
            top,
            top_truth: top.iter().map(|&i| joined.truth[i]).collect(),
            top_networks: joined.networks.of(top),
            gains: ranks(&joined.truth).into_iter().map(|rank| (rank - 1.0) / others).collect(),
            controls,
            options,
        }
    }

    pub fn judge(&self, proxy: &ScoreColumn) -> ProxyEvaluation {
        let (truth, scores) = (&self.joined.truth, proxy.at(&self.joined.rows));
        let n_ok = scores.iter().flatten().count();
        let scores = missing_last(&scores);
        let top_scores: Vec<f64> = self.top.iter().map(|&i| scores[i]).collect();
        let overall = self.agreement(&scores, truth, &self.joined.networks);
        let defined = overall.undefined.is_none();
        // Without anything to control for there is nothing partial.
        let controlled = defined && !self.controls.is_empty();
        let picks = count_of(scores.len(), TOP_FRACTION);
        ProxyEvaluation {
            name: proxy.name.clone(),
            baseline: proxy.baseline,
            n_ok,
            n_not_ok: scores.len() - n_ok,
            statuses: proxy.statuses_at(&self.joined.rows),
            overall,
            top_10pct: self.agreement(&top_scores, &self.top_truth, &self.top_networks),
            partial_spearman: controlled.then(|| partial_spearman(&scores, truth, &self.controls)).flatten(),
            ndcg_at_10pct: defined.then(|| ndcg_at(&scores, &self.gains, picks)).flatten(),
            precision_at_10pct: defined.then(|| precision_at(&scores, truth, TOP_FRACTION)).flatten(),
            regret_at_10: defined.then(|| regret_at(&scores, truth, REGRET_PICKS)).flatten(),
        }
    }

    fn agreement(&self, scores: &[f64], truth: &[f64], networks: &Clusters) -> Agreement {
        if let Some(why) = Undefined::of(scores, truth, networks) {
            return Agreement { undefined: Some(why), ..Agreement::default() };
        }
        let Some(pairs) = RankedPairs::new(scores, truth, networks) else {
            return Agreement::default();
        };
        let (n, options) = (networks.count(), self.options);
        let both = |weights: &[u32]| (pairs.spearman(weights), pairs.kendall(weights));
        let (spearman, kendall) = both(&pairs.all());
        let (spearmans, kendalls): (Vec<_>, Vec<_>) =
            resampled(n, options.repeats, options.seed, |sample| both(&multiplicities(n, sample))).into_iter().unzip();
        Agreement {
            undefined: None,
            spearman,
            spearman_interval: percentile_interval(&spearmans, options.level),
            kendall,
            kendall_interval: percentile_interval(&kendalls, options.level),
        }
    }
}
