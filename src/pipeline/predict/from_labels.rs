//! Predictions for every network of a run from the few that were trained: the surrogate, and what a study of it says.

use std::path::{Path, PathBuf};

use ndarray::{Array1, Axis};
use serde::Serialize;

use super::measure::{decimals, percent, unit};
use super::{FOLDS, check_encodings, check_level};
use crate::benchmark::{Table, columns, lower_is_better};
use crate::candidates::{self, Candidates, CandidatesConfig, NetworkName, PRIOR, percent_bounds};
use crate::files::FileError;
use crate::folder::{self, Folder};
use crate::pipeline::RunError;
use crate::predictor::{self, PREDICTORS, Prediction, PredictorError, conformal_scale, cross_validate};
use crate::report::document::{Cell, Document, Estimate, Grid, Section};
use crate::seed::derive;
use crate::stats::{Interval, kendall_tau, top_indices};
use crate::text::thousands;

/// The predictions, inside the folder of results.
pub const PREDICTIONS_FILE: &str = "predictions.parquet";
/// How many of the best predicted networks are shown.
const SHOWN: usize = 10;

/// What is predicted from what.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelsConfig {
    /// Folder of a screen.
    pub run: PathBuf,
    /// Parquet file with a few trained networks, in the forms that tables have.
    pub labels: PathBuf,
    /// Its column with the labels; larger is better.
    pub target: String,
    /// The space, if the run does not say it.
    pub space: Option<String>,
    /// Name of the predictor.
    pub predictor: String,
    /// Names of the encodings beside the scores.
    pub encodings: Vec<String>,
    /// Root of all random numbers.
    pub seed: u64,
    /// Confidence level of the intervals.
    pub level: f64,
}

/// Predictions of all networks of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Labelled {
    /// Where they are.
    pub path: PathBuf,
    /// The column of the labels.
    pub target: String,
    /// What a reader should know before believing a number.
    pub notes: Vec<String>,
    /// The predictor.
    pub predictor: String,
    /// Networks with a label.
    pub n_labels: usize,
    /// Rows of the file that name no network of the run, name one again, or have no label.
    pub n_rows_unused: usize,
    /// Standard deviation of the labels, target units.
    pub label_std: f64,
    /// Networks predicted.
    pub n_networks: usize,
    /// Kendall tau-b of held-out predictions of the labelled networks, if defined.
    pub held_out_kendall: Option<f64>,
    /// Root mean square error of held-out predictions, target units.
    pub held_out_rmse: Option<f64>,
    /// Confidence level of the intervals.
    pub level: f64,
    /// The best predicted networks without a label, best first.
    pub best: Vec<BestPredicted>,
}

/// A network that is expected to be good.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BestPredicted {
    /// Text form.
    pub arch: String,
    /// Its id.
    pub arch_id: String,
    /// Expected label, target units.
    pub mean: f64,
    /// Standard deviation around it.
    pub std: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Learns from the labelled networks of the run and writes `predictions.parquet` into `out`: one row per distinct live
/// network with `arch` (its representative), `arch_id`, `label` where it has one, and `mean`, `std`, `low`, `high` in the
/// unit of the labels. Intervals are scaled by held-out errors ([`crate::predictor::conformal_scale`]); means and intervals
/// of accuracies are cut to what these can be ([`percent_bounds`]).
pub fn predict_from_labels(config: &LabelsConfig, out: &Path) -> Result<Labelled, RunError> {
    check_level(config.level)?;
    check_encodings(&config.encodings)?;
    PREDICTORS.find(&config.predictor)?;
    let candidates = candidates::load(&CandidatesConfig {
        run: Some(config.run.clone()),
        table: Some(config.labels.clone()),
        targets: vec![config.target.clone()],
        space: config.space.clone(),
    })?;
    let labels = candidates.truth(&config.target).unwrap_or_default();
    let settings = SurrogateSettings {
        predictor: &config.predictor,
        encodings: &config.encodings,
        seed: config.seed,
        level: config.level,
        bounds: percent_bounds(&config.target),
    };
    let surrogate = Surrogate::fit(&candidates, labels, settings)?;
    let bytes = 1_000_000 + 200 * candidates.len() as u64;
    let _folder = Folder::results(out, &folder::LABELS, bytes)?;
    let path = out.join(PREDICTIONS_FILE);
    surrogate.write(&path, &candidates)?;

    let open: Vec<usize> = (0..labels.len()).filter(|&i| labels[i].is_none()).collect();
    let Surrogate { labels, predictions, intervals, .. } = surrogate;
    let means: Vec<f64> = open.iter().map(|&i| predictions[i].mean).collect();
    let best = top_indices(&means, SHOWN).into_iter().map(|k| {
        let (Prediction { mean, std }, Interval { low, high }) = (predictions[open[k]], intervals[open[k]]);
        let (arch, arch_id) = (candidates.texts[open[k]].clone(), candidates.ids[open[k]].to_string());
        BestPredicted { arch, arch_id, mean, std, low, high }
    });
    let rows = Table::open(&config.labels)?.num_rows();
    let held: Option<Vec<f64>> = surrogate.held_out.map(|held| held.into_iter().map(|p| p.mean).collect());
    let rmse = |held: &Vec<f64>| {
        let sum: f64 = held.iter().zip(&labels).map(|(p, y)| (p - y).powi(2)).sum();
        (sum / labels.len() as f64).sqrt()
    };
    Ok(Labelled {
        path,
        target: config.target.clone(),
        notes: lower_is_better(&config.target).into_iter().collect(),
        predictor: config.predictor.clone(),
        n_labels: labels.len(),
        n_rows_unused: rows.saturating_sub(labels.len()),
        label_std: ndarray::aview1(&labels).std(0.0),
        n_networks: candidates.len(),
        held_out_kendall: held.as_ref().and_then(|held| kendall_tau(held, &labels)),
        held_out_rmse: held.as_ref().map(rmse),
        level: config.level,
        best: best.collect(),
    })
}

impl Labelled {
    /// How good the predictions are, and the best predicted networks.
    pub fn document(&self) -> Document {
        let count = |n: usize| thousands(n as u64);
        let show = |value: Option<f64>, decimals| value.map_or("not defined".into(), |v| format!("{v:.decimals$}"));
        let d = decimals(self.label_std);
        let (tau, rmse) = (show(self.held_out_kendall, 3), show(self.held_out_rmse, d));
        let fact = |name: &str, value: String| (name.to_owned(), value);
        let mut facts = vec![
            fact("target", format!("{}, in {}; larger is better", self.target, unit(&self.target))),
            fact(
                "labels",
                format!("{}; {} rows of the file were not of use", count(self.n_labels), self.n_rows_unused),
            ),
            fact("predictor", format!("{}, all {} networks of the run", self.predictor, count(self.n_networks))),
        ];
        facts.extend(self.notes.iter().map(|note| fact("note", note.clone())));
        facts.push(fact("predictions", self.path.display().to_string()));
        let row = |b: &BestPredicted| {
            let estimate = Estimate::with_interval(b.mean, b.low, b.high);
            vec![Cell::Estimate(Some(estimate), d), Cell::Arch(NetworkName::new(&b.arch, &b.arch_id))]
        };
        let heading = "Best predicted of those without a label";
        let columns = [format!("#Predicted [{} interval]", percent(self.level)), "Network".into()];
        let grid = Grid::new(heading, &columns, "").with_rows(self.best.iter().map(row));
        Document {
            title: format!("{} predicted from {} labels", self.target, self.n_labels),
            verdict: vec![format!(
                "Held-out predictions of the labelled networks: Kendall tau-b {tau}, root mean square error {rmse}."
            )],
            facts,
            sections: vec![Section::table("best", heading, grid)],
        }
    }
}

/// What a surrogate is, and how it is judged.
#[derive(Clone, Copy)]
pub(in crate::pipeline) struct SurrogateSettings<'a> {
    /// Name of the predictor.
    pub predictor: &'a str,
    /// Names of the encodings beside the scores.
    pub encodings: &'a [String],
    /// Root of its random numbers.
    pub seed: u64,
    /// Confidence level of the intervals.
    pub level: f64,
    /// What labels can be, such as 0 to 100%: predictions and intervals are cut there.
    pub bounds: Option<Interval>,
}

/// A fitted surrogate.
pub(in crate::pipeline) struct Surrogate {
    /// The candidates that it learned from, ascending.
    pub labelled: Vec<usize>,
    /// Their labels.
    pub labels: Vec<f64>,
    /// What it predicts of every candidate.
    pub predictions: Vec<Prediction>,
    /// The interval around each prediction, scaled by held-out errors ([`conformal_scale`]).
    pub intervals: Vec<Interval>,
    /// What it predicts of the labelled candidates when each is held out; None with too few labels to hold one out.
    pub held_out: Option<Vec<Prediction>>,
    /// Half-width of an interval in standard deviations; infinite without held-out predictions.
    pub scale: f64,
    /// Names of the features.
    pub features: Vec<String>,
}

impl Surrogate {
    /// Fits on the candidates that have a label.
    pub fn fit(
        candidates: &Candidates,
        labels: &[Option<f64>],
        settings: SurrogateSettings<'_>,
    ) -> Result<Self, RunError> {
        let encodings: Vec<&str> = settings.encodings.iter().map(String::as_str).collect();
        let features = candidates.features(&encodings, true, Some(PRIOR))?;
        let labelled: Vec<usize> = (0..labels.len()).filter(|&i| labels[i].is_some()).collect();
        let predictor = predictor::open(settings.predictor, derive(settings.seed, "predictor"), &features.layout)?;
        let x = features.values.select(Axis(0), &labelled);
        let y: Array1<f64> = labelled.iter().filter_map(|&i| labels[i]).collect();
        let fitted = predictor.fit(x.view(), y.view())?;
        let labels = y.to_vec();
        // With one label less than the predictor needs nothing can be held out, and no interval has a width to go by.
        let folds = derive(settings.seed, "folds");
        let held_out = match cross_validate(predictor.as_ref(), x.view(), y.view(), FOLDS, folds) {
            Err(PredictorError::TooFewLabels { .. }) => None,
            held_out => Some(held_out?),
        };
        let scale = held_out.as_ref().map_or(f64::INFINITY, |held| conformal_scale(held, &labels, settings.level));
        let cut = |prediction: Prediction| {
            let (mean, interval) = prediction.within(settings.bounds, scale);
            (Prediction { mean, ..prediction }, interval)
        };
        let (predictions, intervals) = fitted.predict(features.values.view()).into_iter().map(cut).unzip();
        Ok(Surrogate { labelled, labels, predictions, intervals, held_out, scale, features: features.names })
    }

    /// Writes one row per candidate: `arch`, `arch_id`, `label` where it has one, and `mean`, `std`, `low`, `high` in the unit
    /// of the labels.
    pub fn write(&self, path: &Path, candidates: &Candidates) -> Result<(), FileError> {
        let mut labels = vec![None; candidates.len()];
        self.labelled.iter().zip(&self.labels).for_each(|(&candidate, &label)| labels[candidate] = Some(label));
        columns::write(
            path,
            vec![
                ("arch", columns::text(&candidates.texts)),
                ("arch_id", columns::text(candidates.ids.iter().map(|id| id.to_string()))),
                ("label", columns::number(labels.into_iter())),
                ("mean", columns::number(self.predictions.iter().map(|p| p.mean))),
                ("std", columns::number(self.predictions.iter().map(|p| p.std))),
                ("low", columns::number(self.intervals.iter().map(|i| i.low))),
                ("high", columns::number(self.intervals.iter().map(|i| i.high))),
            ],
        )
    }
}
