//! How well surrogates predict from few labels: learning curves where the truth of all networks is known, and the
//! predictions themselves where only a few are.
//!
//! A learning curve draws labels at random again and again, fits, and judges the predictions of all networks it did not see,
//! beside scores that need no label at all. Every contestant is judged on the same unseen networks.

mod from_labels;
mod measure;
mod page;
mod report;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ndarray::{Array1, Axis};
use rayon::prelude::*;

pub use from_labels::{Labelled, LabelsConfig, predict_from_labels};
pub(in crate::pipeline) use from_labels::{Surrogate, SurrogateSettings};
pub use measure::{METRICS, Measures, Metric};
pub(in crate::pipeline) use page::KIND;
pub use report::{Comparison, Curve, Curves, Kind, Point, Summary};

use super::Progress;
use crate::benchmark::columns;
use crate::candidates::{self, BASELINES, Candidates, CandidatesConfig, PRIOR, percent_bounds};
use crate::encoding::{ENCODINGS, FeatureMatrix};
use crate::ensemble::ENSEMBLES;
use crate::folder::{self, Folder};
use crate::pipeline::RunError;
use crate::pipeline::counts::{DRAWS, check_count};
use crate::pipeline::results::write_summary;
use crate::predictor::{self, PREDICTORS, PredictorError, conformal_scale, cross_validate};
use crate::seed::{Stream, derive};
use crate::stats::{kendall_tau, missing_last};
use measure::{judge_predictions, judge_scores};

/// Folds of the cross-validation that sets the width of intervals.
pub(crate) const FOLDS: usize = 10;
/// Numbers of labels used if none are named, as far as they leave half of the networks unseen.
const LABELS: [usize; 6] = [10, 25, 50, 100, 200, 400];
/// Fewer unseen networks than this have no top 10% to speak of.
const LEAST_UNSEEN: usize = 20;
/// Of more networks than this, beside the labelled ones, a random subset stands for all.
pub const MOST_UNSEEN: usize = 20_000;
/// Every measured point.
pub const POINTS_FILE: &str = "curves.parquet";
/// The report.
pub const CURVES_FILE: &str = "curves.json";

/// What learning curves are of.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictConfig {
    /// The networks; the table is needed.
    pub candidates: CandidatesConfig,
    /// Column of the table that is predicted; larger is better.
    pub target: String,
    /// Names of the predictors, or `all`; that of [`crate::pipeline::RunConfig`] if empty.
    pub predictors: Vec<String>,
    /// Numbers of labels; a sensible list if empty.
    pub labels: Vec<usize>,
    /// Random draws of labels for each number.
    pub repeats: usize,
    /// Names of the encodings beside the scores.
    pub encodings: Vec<String>,
    /// Root of all random numbers.
    pub seed: u64,
    /// Confidence level of intervals; also the central range of repeats reported.
    pub level: f64,
}

/// The networks that curves are over.
struct Arena {
    candidates: Candidates,
    /// Candidates that take part.
    rows: Vec<usize>,
    /// Networks with a truth, of which `rows` may be a part.
    known: usize,
    truth: Vec<f64>,
    features: FeatureMatrix,
}

/// Measures learning curves. `stop` ends early; what was done then is lost.
pub fn curves(
    config: &PredictConfig,
    stop: &AtomicBool,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Curves, RunError> {
    let predictors = predictors(&config.predictors)?;
    check_count("repeats", config.repeats as u64, DRAWS)?;
    check_level(config.level)?;
    check_encodings(&config.encodings)?;
    let (arena, labels) = arena(config)?;
    let contestants = contestants(&arena);

    let start = std::time::Instant::now();
    let tasks: Vec<(usize, usize)> =
        (0..config.repeats).flat_map(|repeat| labels.iter().map(move |&n| (repeat, n))).collect();
    let (done, total) = (AtomicUsize::new(0), tasks.len() * predictors.len());
    let on_progress = Mutex::new(on_progress);
    let finished = || {
        // Counted under the lock, so that reports come in order.
        if let Ok(mut report) = on_progress.lock() {
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            report(Progress { done, total, resumed: 0, seconds: start.elapsed().as_secs_f64() });
        }
    };
    let measure = |(repeat, n): (usize, usize)| -> Result<Vec<Point>, RunError> {
        let (labelled, unseen) = split(config.seed, repeat, arena.rows.len(), n);
        let truth: Vec<f64> = unseen.iter().map(|&i| arena.truth[i]).collect();
        let point = |name: &str, kind, measures| Point { name: name.into(), kind, labels: n, repeat, measures };
        let mut points = Vec::new();
        for &name in &predictors {
            if stop.load(Ordering::Relaxed) {
                return Err(RunError::Interrupted(format!(
                    "stopped after {} of {total} fits; nothing was written. Fewer --repeats or --labels take less time",
                    done.load(Ordering::Relaxed)
                )));
            }
            let measures = fit_and_judge(config, &arena, (name, repeat), &labelled, &unseen, &truth)?;
            points.push(point(name, Kind::Predictor, measures));
            finished();
        }
        for (name, kind, scores) in &contestants {
            let scores: Vec<f64> = unseen.iter().map(|&i| scores[i]).collect();
            points.push(point(name, *kind, judge_scores(&scores, &truth)));
        }
        Ok(points)
    };
    let measured: Vec<Result<Vec<Point>, RunError>> = tasks.into_par_iter().map(measure).collect();
    // Collected first, so that the error is that of the first task on any number of threads.
    let points = measured.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
    Ok(report::report(config, &arena, labels, points))
}

/// The names asked for, each once; all for `all`, the default one for none.
fn predictors(names: &[String]) -> Result<Vec<&'static str>, PredictorError> {
    let mut found: Vec<&'static str> = Vec::new();
    if names.iter().any(|name| name == "all") {
        return Ok(PREDICTORS.names());
    }
    let default = [crate::pipeline::RunConfig::default().predictor];
    for name in if names.is_empty() { &default } else { names } {
        let name = PREDICTORS.find(name)?.name;
        if !found.contains(&name) {
            found.push(name);
        }
    }
    Ok(found)
}

fn check_level(level: f64) -> Result<(), RunError> {
    if level > 0.0 && level < 1.0 {
        return Ok(());
    }
    Err(RunError::Refused(format!("level is {level}, it must be between 0 and 1, such as 0.9")))
}

/// Before networks are read, which can take long.
fn check_encodings(names: &[String]) -> Result<(), RunError> {
    names.iter().try_for_each(|name| Ok(ENCODINGS.find(name).map(|_| ())?))
}

/// The networks that take part, and the numbers of labels, ascending.
fn arena(config: &PredictConfig) -> Result<(Arena, Vec<usize>), RunError> {
    let candidates = CandidatesConfig { targets: vec![config.target.clone()], ..config.candidates.clone() };
    let candidates = candidates::load(&candidates)?;
    let truth = candidates.truth(&config.target).ok_or_else(|| {
        RunError::Refused("no table is named, so there is nothing to compare with; add --table FILE".into())
    })?;
    let known: Vec<usize> = (0..candidates.len()).filter(|&i| truth[i].is_some()).collect();
    let mut labels = config.labels.clone();
    if labels.is_empty() {
        labels = LABELS.into_iter().filter(|n| 2 * n <= known.len()).collect();
        labels.extend(labels.is_empty().then_some(LABELS[0]));
    }
    labels.sort_unstable();
    labels.dedup();
    let most = labels[labels.len() - 1];
    if most.saturating_add(LEAST_UNSEEN) > known.len() {
        return Err(RunError::Refused(format!(
            "{most} labels leave fewer than {LEAST_UNSEEN} of the {} networks with a value of `{}` to predict; ask for fewer \
             labels, or screen more networks",
            known.len(),
            config.target
        )));
    }
    let size = known.len().min(MOST_UNSEEN + most);
    let mut rows: Vec<usize> = Stream::named(config.seed, "predict.networks")
        .sample_indices(known.len() as u64, size as u64)
        .into_iter()
        .map(|i| known[i as usize])
        .collect();
    rows.sort_unstable();
    let encodings: Vec<&str> = config.encodings.iter().map(String::as_str).collect();
    let features = candidates.features_of(&rows, &encodings, true, Some(PRIOR))?;
    let truth = rows.iter().filter_map(|&row| truth[row]).collect();
    Ok((Arena { known: known.len(), truth, features, rows, candidates }, labels))
}

/// Scores that need no label: the prior, the single score that turns out best, and the trivial ones.
fn contestants(arena: &Arena) -> Vec<(String, Kind, Vec<f64>)> {
    let values = |name: &str| -> Option<Vec<f64>> {
        let scores = arena.candidates.score(name)?;
        Some(missing_last(&arena.rows.iter().map(|&row| scores[row]).collect::<Vec<_>>()))
    };
    let shown = |name: &str| BASELINES.iter().find(|(_, source)| *source == name).map_or(name, |b| b.0).to_string();
    let mut contestants: Vec<(String, Kind, Vec<f64>)> = Vec::new();
    contestants.extend(values(PRIOR).map(|scores| (PRIOR.to_string(), Kind::Prior, scores)));
    let single = arena.candidates.scores.iter().map(|(name, _)| name.as_str());
    let mut best: Option<(f64, &str)> = None;
    for name in single.filter(|name| ENSEMBLES.find(name).is_err()) {
        let tau = values(name).and_then(|scores| kendall_tau(&scores, &arena.truth));
        if let Some(tau) = tau.filter(|tau| best.is_none_or(|(most, _)| *tau > most)) {
            best = Some((tau, name));
        }
    }
    if let Some((name, scores)) = best.and_then(|(_, name)| Some((name, values(name)?))) {
        contestants.push((shown(name), Kind::BestProxy, scores));
    }
    for (name, source) in BASELINES {
        if contestants.iter().all(|(known, ..)| known != name) {
            contestants.extend(values(source).map(|scores| (name.to_string(), Kind::Baseline, scores)));
        }
    }
    contestants
}

/// The labelled and the unseen of `networks`. The labels of a repeat are the first of one random order, so a larger number
/// of labels holds a smaller one, and all predictors see the same.
fn split(seed: u64, repeat: usize, networks: usize, labels: usize) -> (Vec<usize>, Vec<usize>) {
    let mut order: Vec<usize> = (0..networks).collect();
    Stream::named(seed, &format!("predict.labels.{repeat}")).shuffle(&mut order);
    let mut unseen = order.split_off(labels);
    unseen.sort_unstable();
    (order, unseen)
}

/// All measures are None if there are too few labels for the predictor, the width of intervals if there are too few to
/// cross-validate it.
fn fit_and_judge(
    config: &PredictConfig,
    arena: &Arena,
    (name, repeat): (&'static str, usize),
    labelled: &[usize],
    unseen: &[usize],
    truth: &[f64],
) -> Result<Measures, RunError> {
    let n = labelled.len();
    let seed = derive(config.seed, &format!("predict.{name}.{n}.{repeat}"));
    let features = &arena.features;
    let predictor = predictor::open(name, seed, &features.layout)?;
    let x = features.values.select(Axis(0), labelled);
    let y: Array1<f64> = labelled.iter().map(|&i| arena.truth[i]).collect();
    let fitted = match predictor.fit(x.view(), y.view()) {
        Err(PredictorError::TooFewLabels { .. }) => return Ok(Measures::default()),
        fitted => fitted?,
    };
    let scale = match cross_validate(predictor.as_ref(), x.view(), y.view(), FOLDS, derive(seed, "folds")) {
        Err(PredictorError::TooFewLabels { .. }) => None,
        held_out => Some(conformal_scale(&held_out?, &y.to_vec(), config.level)),
    };
    let predictions = fitted.predict(features.values.select(Axis(0), unseen).view());
    Ok(judge_predictions(&predictions, truth, scale, percent_bounds(&config.target)))
}

/// Writes all points and the report into the folder.
pub fn write_curves(curves: &Curves, dir: &Path) -> Result<(), RunError> {
    let _folder = Folder::results(dir, &folder::LEARNING, 1_000_000)?;
    let points = &curves.points;
    let mut table = vec![
        ("name", columns::text(points.iter().map(|p| &p.name))),
        ("kind", columns::text(points.iter().map(|p| p.kind.name()))),
        ("labels", columns::integer(points.iter().map(|p| p.labels as i64))),
        ("repeat", columns::integer(points.iter().map(|p| p.repeat as i64))),
    ];
    for (i, metric) in METRICS.iter().enumerate() {
        table.push((metric.name, columns::number(points.iter().map(|p| p.measures.0[i]))));
    }
    columns::write(&dir.join(POINTS_FILE), table)?;
    Ok(write_summary(&dir.join(CURVES_FILE), curves)?)
}

#[cfg(test)]
mod tests;
