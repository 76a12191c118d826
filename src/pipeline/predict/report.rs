//! Learning curves summed up: means over repeats, paired comparisons, and what they say in words.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::measure::KENDALL;
use super::{Arena, METRICS, Measures, PredictConfig};
use crate::benchmark::lower_is_better;
use crate::stats::percentile_interval;

/// A difference is called clear if it has the same sign in at least this share of the repeats.
pub(super) const CLEAR: f64 = 0.9;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A surrogate.
    Predictor,
    /// Prior score, used until labels are available.
    Prior,
    /// The single score with the highest Kendall tau over all networks: known only with hindsight.
    BestProxy,
    /// A count that anything must beat to be of use.
    Baseline,
}

impl Kind {
    /// As in files.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Predictor => "predictor",
            Kind::Prior => "prior",
            Kind::BestProxy => "best_proxy",
            Kind::Baseline => "baseline",
        }
    }
}

/// One contestant on the unseen networks of one repeat.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Predictor or score.
    pub name: String,
    /// Which of them.
    pub kind: Kind,
    /// Number of labels.
    pub labels: usize,
    /// Number of the repeat, from 0.
    pub repeat: usize,
    /// What it achieved.
    pub measures: Measures,
}

/// A value over repeats.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Mean.
    pub mean: f64,
    /// Lower end of the central part of the repeats.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Summary {
    /// Mean and central `level` of the defined values; None if more than half are not.
    fn of(values: &[Option<f64>], level: f64) -> Option<Self> {
        let interval = percentile_interval(values, level)?;
        let defined: Vec<f64> = values.iter().flatten().copied().filter(|v| v.is_finite()).collect();
        let mean = defined.iter().sum::<f64>() / defined.len() as f64;
        Some(Summary { mean, low: interval.low, high: interval.high })
    }
}

/// One contestant with one number of labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Predictor or score.
    pub name: String,
    /// Which of them.
    pub kind: Kind,
    /// Number of labels.
    pub labels: usize,
    /// By name of [`METRICS`]; what is not defined is not there.
    pub measures: BTreeMap<String, Summary>,
}

/// Kendall tau of a predictor against that of a score that needs no label, on the same unseen networks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Number of labels.
    pub labels: usize,
    /// The predictor.
    pub predictor: String,
    /// The score.
    pub rival: String,
    /// What the score is.
    pub rival_kind: Kind,
    /// Mean tau of the predictor.
    pub tau: f64,
    /// Mean tau of the score.
    pub rival_tau: f64,
    /// Difference of the two in the same repeat.
    pub difference: Summary,
    /// Repeats in which the predictor has the higher tau.
    pub better: usize,
    /// Repeats in which both are defined.
    pub repeats: usize,
}

/// Learning curves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curves {
    /// The column that is predicted; larger is better.
    pub target: String,
    /// What a reader should know before believing a number.
    #[serde(default)]
    pub notes: Vec<String>,
    /// File name of the table.
    pub table: String,
    /// The space.
    pub space: String,
    /// The column of the table that names the networks.
    pub key: String,
    /// Distinct live networks with a truth.
    pub networks: usize,
    /// How many of them take part, drawn uniformly; all, unless they are too many.
    pub taking_part: usize,
    /// Distinct live networks without a truth, left out.
    pub n_without_truth: usize,
    /// Dead networks, left out.
    pub n_dead: usize,
    /// Numbers of labels.
    pub labels: Vec<usize>,
    /// Draws of labels for each number.
    pub repeats: usize,
    /// Confidence level of intervals; also the central range of repeats.
    pub level: f64,
    /// Root of all random numbers.
    pub seed: u64,
    /// Names of the groups of features with their numbers of columns.
    pub features: Vec<(String, usize)>,
    /// Standard deviation of the truth over the networks that take part, target units.
    pub truth_std: f64,
    /// One per number of labels and contestant.
    pub curves: Vec<Curve>,
    /// One per number of labels, predictor and rival.
    pub comparisons: Vec<Comparison>,
    /// One sentence per number of labels.
    pub verdict: Vec<String>,
    /// Every measured point.
    #[serde(skip)]
    pub points: Vec<Point>,
}

pub(super) fn report(config: &PredictConfig, arena: &Arena, labels: Vec<usize>, points: Vec<Point>) -> Curves {
    let mut contestants: Vec<(String, Kind)> = Vec::new();
    for point in &points {
        if contestants.iter().all(|(name, kind)| (name, *kind) != (&point.name, point.kind)) {
            contestants.push((point.name.clone(), point.kind));
        }
    }
    // Points come by repeat, so the values of two contestants pair up.
    let values = |name: &str, kind: Kind, n: usize, metric: usize| -> Vec<Option<f64>> {
        let of = |p: &&Point| p.labels == n && p.kind == kind && p.name == name;
        points.iter().filter(of).map(|p| p.measures.0[metric]).collect()
    };
    let (mut curves, mut comparisons, mut verdict) = (Vec::new(), Vec::new(), Vec::new());
    for &n in &labels {
        for (name, kind) in &contestants {
            let summary = |(i, metric): (usize, &super::Metric)| {
                Some((metric.name.to_string(), Summary::of(&values(name, *kind, n, i), config.level)?))
            };
            let measures = METRICS.iter().enumerate().filter_map(summary).collect();
            curves.push(Curve { name: name.clone(), kind: *kind, labels: n, measures });
        }
        let of_kind = |kinds: &'static [Kind]| contestants.iter().filter(|(_, kind)| kinds.contains(kind));
        let first = comparisons.len();
        for (predictor, kind) in of_kind(&[Kind::Predictor]) {
            let taus = values(predictor, *kind, n, KENDALL);
            for (rival, rival_kind) in of_kind(&[Kind::Prior, Kind::BestProxy]) {
                let rivals = values(rival, *rival_kind, n, KENDALL);
                comparisons.extend(compare((n, predictor, rival, *rival_kind), &taus, &rivals, config.level));
            }
        }
        verdict.push(sentence(n, &comparisons[first..]));
    }
    let table = config.candidates.table.as_deref().and_then(|path| path.file_name()).unwrap_or_default();
    Curves {
        target: config.target.clone(),
        notes: lower_is_better(&config.target).into_iter().collect(),
        table: table.to_string_lossy().into_owned(),
        space: arena.candidates.space.entry().name.into(),
        key: arena.candidates.join.as_ref().map(|join| join.key[1].clone()).unwrap_or_default(),
        networks: arena.known,
        taking_part: arena.rows.len(),
        n_without_truth: arena.candidates.len() - arena.known,
        n_dead: arena.candidates.n_dead,
        labels,
        repeats: config.repeats,
        level: config.level,
        seed: config.seed,
        features: arena.features.layout.groups.iter().map(|g| (g.name.clone(), g.columns.len())).collect(),
        truth_std: ndarray::aview1(&arena.truth).std(0.0),
        curves,
        comparisons,
        verdict,
        points,
    }
}

fn compare(
    (labels, predictor, rival, rival_kind): (usize, &str, &str, Kind),
    taus: &[Option<f64>],
    rivals: &[Option<f64>],
    level: f64,
) -> Option<Comparison> {
    let pairs: Vec<(f64, f64)> = taus.iter().zip(rivals).filter_map(|(a, b)| Some(((*a)?, (*b)?))).collect();
    let differences: Vec<Option<f64>> = pairs.iter().map(|(a, b)| Some(a - b)).collect();
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / pairs.len() as f64;
    Some(Comparison {
        labels,
        predictor: predictor.into(),
        rival: rival.into(),
        rival_kind,
        difference: Summary::of(&differences, level)?,
        tau: mean(&mut pairs.iter().map(|p| p.0)),
        rival_tau: mean(&mut pairs.iter().map(|p| p.1)),
        better: pairs.iter().filter(|(a, b)| a > b).count(),
        repeats: pairs.len(),
    })
}

/// What one number of labels is worth: the best predictor against the prior, or against the best single score where there
/// is not a prior.
fn sentence(labels: usize, comparisons: &[Comparison]) -> String {
    let best = |kind: Kind| {
        let of_kind = comparisons.iter().filter(move |c| c.rival_kind == kind);
        of_kind.reduce(|best, c| if c.tau > best.tau { c } else { best })
    };
    let (prior, proxy) = (best(Kind::Prior), best(Kind::BestProxy));
    let Some(main) = prior.or(proxy) else {
        return format!("with {labels} labels no predictor can be compared");
    };
    let share = main.better as f64 / main.repeats as f64;
    let (predictor, rival) = (&main.predictor, &main.rival);
    let what = if share >= CLEAR {
        format!("{predictor} beats {rival}")
    } else if share <= 1.0 - CLEAR {
        format!("{predictor} does not yet beat {rival}")
    } else {
        format!("{predictor} is not clearly better or worse than {rival}")
    };
    let hindsight = match proxy.filter(|_| prior.is_some()) {
        Some(proxy) => format!("; the best single score with hindsight, {}, has {:.2}", proxy.rival, proxy.rival_tau),
        None => ", the best single score with hindsight".into(),
    };
    format!(
        "with {labels} labels {what} (tau {:.2} against {:.2}, better in {} of {} repeats){hindsight}",
        main.tau, main.rival_tau, main.better, main.repeats
    )
}
