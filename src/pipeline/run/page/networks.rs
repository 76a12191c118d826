//! The networks of the page: predictions, the best of them, and their pictures.

use super::{Results, Trained};
use crate::pipeline::confirm::mean;
use crate::predictor::Prediction;
use crate::report::html::model::{Drawing, Estimate, Evidence, Interval, PredictionPoint, Predictions, TopNetwork};
use crate::space::SearchSpace;
use crate::stats::{self, spearman};

/// Networks in the table of the best.
const TOP_ROWS: usize = 20;
/// Those of them that are drawn.
const DRAWN: usize = 6;

impl Results<'_> {
    pub(super) fn predictions(
        &self,
        trained: &[Trained],
        predictions: &[Prediction],
        evidence: Evidence,
    ) -> Predictions {
        let points: Vec<PredictionPoint> = trained
            .iter()
            .zip(predictions)
            .map(|(t, p)| {
                let (mean, interval) = p.within(Some(stats::Interval::PERCENT), self.scale);
                PredictionPoint {
                    arch: self.arch(t).into(),
                    predicted: mean,
                    std: Some(p.std),
                    interval: Some(Interval { low: interval.low, high: interval.high }),
                    trained: t.valid_pct(),
                    role: t.role,
                }
            })
            .collect();
        let (x, y): (Vec<f64>, Vec<f64>) = points.iter().map(|p| (p.predicted, p.trained)).unzip();
        let note = match evidence {
            Evidence::CrossValidated => {
                "The width of the intervals was set on these predictions, so that most of them hold is no surprise."
            }
            _ => "The width of the intervals was set by cross-validation on the labelled networks.",
        };
        Predictions {
            predictor: self.config.predictor.clone(),
            labels: self.labelled.len() as u64,
            evidence,
            level: 100.0 * self.config.level,
            spearman: spearman(&x, &y).map(Estimate::new),
            accuracy: "validation accuracy".into(),
            points,
            note: note.into(),
        }
    }

    /// The best predicted networks, with their test accuracy where they were trained.
    pub(super) fn top(&self) -> Vec<TopNetwork> {
        let mut order: Vec<usize> = (0..self.candidates.len()).collect();
        order.sort_by(|&a, &b| self.predictions[b].mean.total_cmp(&self.predictions[a].mean).then(a.cmp(&b)));
        let table = &self.outcome.table;
        let trained = |c: usize| {
            let t = self.labelled.iter().chain(self.confirmed).find(|t| t.candidate == c)?;
            Some(mean(t.test_pct().into_iter()))
        };
        (1..)
            .zip(order.into_iter().take(TOP_ROWS))
            .map(|(rank, c)| {
                let (row, prediction) = (self.candidates[c].row, self.predictions[c]);
                TopNetwork {
                    rank,
                    arch: table.arch[row].clone(),
                    params: Some(table.params[row] as u64),
                    macs: Some(table.macs[row] as u64),
                    predicted: Some(stats::Interval::PERCENT.hold(prediction.mean)),
                    std: Some(prediction.std),
                    trained: trained(c),
                }
            })
            .collect()
    }

    /// Pictures of the first of them, as they are written.
    pub(super) fn drawings(&self, top: &[TopNetwork], space: &dyn SearchSpace) -> Vec<Drawing> {
        let percent = |word: &str, value: Option<f64>| value.map(|v| format!("{word} {v:.2}%"));
        let drawing = |network: &TopNetwork| {
            let known = [percent("predicted", network.predicted), percent("trained", network.trained)];
            Some(Drawing {
                rank: network.rank,
                arch: network.arch.clone(),
                caption: known.into_iter().flatten().collect::<Vec<_>>().join(", "),
                picture: space.picture(&space.parse(&network.arch).ok()?),
            })
        };
        top.iter().take(DRAWN).filter_map(drawing).collect()
    }
}
