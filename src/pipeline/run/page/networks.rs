//! The networks of the page: predictions, the best of them, and their pictures.

use serde::Deserialize;

use super::Results;
use crate::candidates::NetworkName;
use crate::pipeline::confirm::Trained;
use crate::pipeline::findings::{DRAWN, TOP};
use crate::pipeline::results::Best;
use crate::report::document::{Cell, Drawing, Estimate, Evidence, Part, PredictionPoint, Predictions, Rows, Section};
use crate::stats::{self, spearman};

/// One of the best networks by prediction.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(in crate::pipeline) struct TopNetwork {
    /// Its rank by prediction, from 1.
    pub rank: u64,
    /// The network.
    pub arch: NetworkName,
    /// Number of trainable parameters.
    pub params: Option<u64>,
    /// Multiply-accumulate operations of one forward pass on one input.
    pub macs: Option<u64>,
    /// Predicted accuracy, percent.
    pub predicted: Option<f64>,
    /// Standard deviation of the prediction, percentage points.
    pub std: Option<f64>,
    /// Validation accuracy, percent, when it was trained.
    pub valid: Option<f64>,
    /// Trained accuracy, percent, when it was trained.
    pub trained: Option<f64>,
}

/// The pictures and the table of the best networks by prediction.
pub(in crate::pipeline) fn top_section(top: &[TopNetwork], drawings: Vec<Drawing>, accuracy: &str) -> Section {
    let mut letters = accuracy.chars();
    let accuracy = letters.next().map_or(String::new(), |c| c.to_uppercase().chain(letters).collect());
    let spread = |n: &TopNetwork| n.std.filter(|s| s.is_finite()).map(|s| format!("± {s:.2}")).unwrap_or_default();
    let caption = "Predicted accuracy ± standard deviation of the prediction. MACs are multiply-accumulate operations of one \
                   forward pass on one input. – means not measured.";
    let mut table = Rows::of("Best networks by prediction", caption, top)
        .column("#Rank", |n| Cell::Count(n.rank))
        .column("Network", |n| Cell::Arch(n.arch.clone()))
        .column("#Parameters", |n| Cell::Size(n.params))
        .column("#MACs", |n| Cell::Size(n.macs))
        .column("#Predicted, %", |n| Cell::Number(n.predicted, 2, spread(n)));
    if top.iter().any(|n| n.valid.is_some()) {
        table = table.column("#Validation accuracy, %", |n| Cell::number(n.valid, 2));
    }
    let table = table.column(&format!("#{accuracy}, %"), |n| Cell::number(n.trained, 2));
    let parts = vec![Part::Drawings(drawings), Part::Table(table.into())];
    Section::new("top", "Best networks by prediction", parts).called("Best networks")
}

/// Predicted against trained accuracy, a figure for each set of networks.
pub(in crate::pipeline) fn predictions_section(predictions: Vec<Predictions>) -> Section {
    let parts = predictions.into_iter().map(Part::Predictions).collect();
    Section::new("predictions", "Predicted against trained accuracy", parts)
}

/// The same networks, to compare runs by.
pub(in crate::pipeline) fn best(top: &[TopNetwork]) -> Vec<Best> {
    let best = |network: &TopNetwork| Best {
        network: network.arch.clone(),
        by: "predicted accuracy, %".into(),
        value: network.predicted,
        accuracy_pct: network.trained,
    };
    top.iter().map(best).collect()
}

impl Results<'_> {
    /// Predicted against trained accuracy: of finalists and controls, or of the labelled networks, each held out.
    pub(super) fn predictions(&self, evidence: Evidence) -> Predictions {
        let surrogate = self.surrogate;
        let held_out = |candidate: usize| {
            let place = surrogate.labelled.binary_search(&candidate).ok()?;
            surrogate.held_out.as_ref()?.get(place).copied()
        };
        let of = |candidate: usize| match evidence {
            Evidence::CrossValidated => held_out(candidate),
            _ => Some(surrogate.predictions[candidate]),
        };
        let trained = if evidence == Evidence::CrossValidated { self.labelled } else { self.confirmed };
        let points: Vec<PredictionPoint> = trained
            .iter()
            .filter_map(|t| {
                let (p, trained) = (of(t.candidate)?, t.valid_pct()?);
                let (mean, interval) = p.within(Some(stats::Interval::PERCENT), surrogate.scale);
                Some(PredictionPoint {
                    arch: self.names[t.candidate].clone(),
                    predicted: mean,
                    std: Some(p.std),
                    interval: Some(interval),
                    trained,
                    role: t.role,
                })
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
            labels: surrogate.labels.len() as u64,
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
        let predictions = &self.surrogate.predictions;
        let mut order: Vec<usize> = (0..self.candidates.len()).collect();
        order.sort_by(|&a, &b| predictions[b].mean.total_cmp(&predictions[a].mean).then(a.cmp(&b)));
        let trained = |c: usize| self.labelled.iter().chain(self.confirmed).find(|t| t.candidate == c);
        let count = |name: &str, c: usize| Some(self.candidates.score(name)?[c]? as u64);
        (1..)
            .zip(order.into_iter().take(TOP))
            .map(|(rank, c)| TopNetwork {
                rank,
                arch: self.names[c].clone(),
                params: count("params", c),
                macs: count("macs", c),
                predicted: Some(predictions[c].mean),
                std: Some(predictions[c].std),
                valid: trained(c).and_then(Trained::valid_pct),
                trained: trained(c).and_then(Trained::mean_test_pct),
            })
            .collect()
    }

    /// Pictures of the first of them, as they are written.
    pub(super) fn drawings(&self, top: &[TopNetwork]) -> Vec<Drawing> {
        let space = &self.candidates.space;
        let percent = |word: &str, value: Option<f64>| value.map(|v| format!("{word} {v:.2}%"));
        let drawing = |network: &TopNetwork| {
            let known = [percent("predicted", network.predicted), percent("trained", network.trained)];
            Some(Drawing {
                rank: network.rank,
                arch: network.arch.clone(),
                caption: known.into_iter().flatten().collect::<Vec<_>>().join(", "),
                picture: space.picture(&space.parse(&network.arch.arch).ok()?),
            })
        };
        top.iter().take(DRAWN).filter_map(drawing).collect()
    }
}
