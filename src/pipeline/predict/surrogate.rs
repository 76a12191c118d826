//! A surrogate fitted on the candidates with a label, and its predictions for all.

use std::path::Path;

use ndarray::{Array1, Axis};

use super::FOLDS;
use crate::benchmark::columns;
use crate::candidates::{Candidates, PRIOR};
use crate::files::FileError;
use crate::pipeline::RunError;
use crate::predictor::{self, Prediction, PredictorError, conformal_scale, cross_validate};
use crate::seed::derive;
use crate::stats::Interval;

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
