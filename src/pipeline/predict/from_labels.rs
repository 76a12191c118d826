//! Predictions for every network of a run from the few that were trained.

use std::path::{Path, PathBuf};

use ndarray::{Array1, Axis};
use serde::Serialize;

use super::text::{WIDEST, decimals, percent, unit};
use super::{FOLDS, PredictError, check_encodings, check_level, columns};
use crate::benchmark::{Table, lower_is_better};
use crate::candidates::{self, Candidates, CandidatesConfig, CandidatesError, PRIOR, percent_bounds};
use crate::folder::{self, Folder};
use crate::predictor::{self, PredictorError, conformal_scale, cross_validate};
use crate::seed::derive;
use crate::stats::{Interval, kendall_tau, top_indices};
use crate::text::{thousands, wrapped};

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
    /// Nominal coverage of the intervals.
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
    /// Nominal coverage of the intervals.
    pub level: f64,
    /// The best predicted networks without a label, best first.
    pub best: Vec<BestPredicted>,
}

/// A network that is expected to be good.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BestPredicted {
    /// Text form.
    pub arch: String,
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
/// unit of the labels. Intervals are scaled by held-out errors ([`conformal_scale`]); means and intervals of accuracies are cut
/// to what these can be ([`percent_bounds`]).
pub fn predict_from_labels(config: &LabelsConfig, out: &Path) -> Result<Labelled, PredictError> {
    check_level(config.level)?;
    check_encodings(&config.encodings)?;
    predictor::find(&config.predictor)?;
    let candidates = candidates::load(&CandidatesConfig {
        run: Some(config.run.clone()),
        table: Some(config.labels.clone()),
        targets: vec![config.target.clone()],
        space: config.space.clone(),
    })?;
    let encodings: Vec<&str> = config.encodings.iter().map(String::as_str).collect();
    let features = candidates.features(&encodings, true, Some(PRIOR))?;
    let labels = candidates.truth(&config.target).unwrap_or_default();
    let labelled: Vec<usize> = (0..labels.len()).filter(|&i| labels[i].is_some()).collect();

    let seed = derive(config.seed, "predict.labels");
    let predictor = predictor::open(&config.predictor, seed, &features.layout)?;
    let x = features.values.select(Axis(0), &labelled);
    let y: Array1<f64> = labelled.iter().filter_map(|&i| labels[i]).collect();
    let fitted = predictor.fit(x.view(), y.view())?;
    // With one label less than the predictor needs nothing can be held out, and no interval has a width to go by.
    let held_out = match cross_validate(predictor.as_ref(), x.view(), y.view(), FOLDS, derive(seed, "folds")) {
        Err(PredictorError::TooFewLabels { .. }) => None,
        held_out => Some(held_out?),
    };
    let scale = held_out.as_ref().map_or(f64::INFINITY, |held| conformal_scale(held, &y.to_vec(), config.level));
    let predictions = fitted.predict(features.values.view());
    let bounds = percent_bounds(&config.target);
    let shown: Vec<(f64, Interval)> = predictions.iter().map(|p| p.within(bounds, scale)).collect();

    let bytes = 1_000_000 + 200 * candidates.len() as u64;
    let _folder = Folder::results(out, &folder::LABELS, bytes)?;
    let path = out.join(PREDICTIONS_FILE);
    let texts = texts(&candidates);
    columns::write(
        &path,
        vec![
            ("arch", columns::text(&texts)),
            ("arch_id", columns::text(candidates.ids.iter().map(|id| id.to_string()))),
            ("label", columns::optional(labels.iter().copied())),
            ("mean", columns::number(shown.iter().map(|p| p.0))),
            ("std", columns::number(predictions.iter().map(|p| p.std))),
            ("low", columns::number(shown.iter().map(|p| p.1.low))),
            ("high", columns::number(shown.iter().map(|p| p.1.high))),
        ],
    )?;

    let open: Vec<usize> = (0..labels.len()).filter(|&i| labels[i].is_none()).collect();
    let means: Vec<f64> = open.iter().map(|&i| predictions[i].mean).collect();
    let best = top_indices(&means, SHOWN).into_iter().map(|k| {
        let (mean, Interval { low, high }) = shown[open[k]];
        BestPredicted { arch: texts[open[k]].clone(), mean, std: predictions[open[k]].std, low, high }
    });
    let rows = Table::open(&config.labels).map_err(CandidatesError::from)?.num_rows();
    let held: Option<Vec<f64>> = held_out.map(|held| held.into_iter().map(|p| p.mean).collect());
    let rmse = |held: &Vec<f64>| {
        let sum: f64 = held.iter().zip(&y).map(|(p, y)| (p - y).powi(2)).sum();
        (sum / y.len() as f64).sqrt()
    };
    Ok(Labelled {
        path,
        target: config.target.clone(),
        notes: lower_is_better(&config.target).into_iter().collect(),
        predictor: config.predictor.clone(),
        n_labels: labelled.len(),
        n_rows_unused: rows.saturating_sub(labelled.len()),
        label_std: y.std(0.0),
        n_networks: candidates.len(),
        held_out_kendall: held.as_ref().and_then(|held| kendall_tau(held, &y.to_vec())),
        held_out_rmse: held.as_ref().map(rmse),
        level: config.level,
        best: best.collect(),
    })
}

fn texts(candidates: &Candidates) -> Vec<String> {
    candidates.archs.iter().map(|arch| candidates.space.format(arch)).collect()
}

impl Labelled {
    /// What was learned, how good it is, and the best predicted networks.
    pub fn to_text(&self) -> String {
        let count = |n: usize| thousands(n as u64);
        let show = |value: Option<f64>, decimals| value.map_or("not defined".into(), |v| format!("{v:.decimals$}"));
        let mut lines = vec![
            format!("target     {}, in {} [u]; larger is better", self.target, unit(&self.target)),
            format!("labels     {}; {} rows of the file were not of use", count(self.n_labels), self.n_rows_unused),
            format!("predictor  {}, all {} networks of the run", self.predictor, count(self.n_networks)),
            format!(
                "held out   tau-b {}, RMSE {} [u] on the labelled networks",
                show(self.held_out_kendall, 3),
                show(self.held_out_rmse, decimals(self.label_std))
            ),
            "\nBest predicted of those without a label".into(),
            format!("mean [{} interval] in [u], network", percent(self.level)),
        ];
        let d = decimals(self.label_std);
        lines.splice(1..1, self.notes.iter().map(|note| wrapped(&format!("note: {note}"), WIDEST)));
        // The strings of some spaces nearly fill a line.
        let line = |b: &BestPredicted| format!("{:.d$} [{:.d$}, {:.d$}]  {}", b.mean, b.low, b.high, b.arch);
        lines.extend(self.best.iter().map(line));
        lines.push(format!("\npredictions: {}", self.path.display()));
        lines.join("\n")
    }
}
