//! Finalists against controls as sections of a document.

use serde::Deserialize;

use crate::report::document::{
    Cell, Estimate, Grid, Learning, LearningCurve, Part, Role, Section, Strip, StripGroup, TrainedNetwork,
};
use crate::text::thousands;

/// Finalists against controls under one training budget.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(in crate::pipeline) struct Comparison {
    /// The networks that were chosen.
    pub finalists: Group,
    /// The networks drawn at random.
    pub controls: Group,
    /// Mean of the finalists less mean of the controls, percentage points.
    pub difference: Option<Estimate>,
    /// P-value of that difference.
    pub p_value: Option<f64>,
    /// The test it comes from ("two-sided Welch t-test").
    pub test: String,
    /// How the intervals were made, as it follows "Bars: " ("95% t intervals of the mean over networks").
    pub interval_method: String,
    /// Training epochs of every network.
    pub epochs: Option<u64>,
    /// Training seeds per network.
    pub seeds: Option<u64>,
    /// A sentence added to the caption.
    pub note: String,
}

/// One side of a [`Comparison`].
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(in crate::pipeline) struct Group {
    /// Its networks.
    pub networks: Vec<TrainedNetwork>,
    /// Mean accuracy over networks, percent.
    pub mean: Option<Estimate>,
    /// Seconds spent training them.
    pub seconds: Option<f64>,
}

impl Group {
    /// Networks with an accuracy.
    fn known(&self) -> usize {
        self.networks.iter().filter(|n| n.accuracies.iter().flatten().any(|a| a.is_finite())).count()
    }
}

impl Comparison {
    /// The networks of both sides, and what their difference amounts to.
    pub fn section(&self, accuracy: &str) -> Section {
        let side = |role, group: &Group| StripGroup { role, networks: group.networks.clone(), mean: group.mean };
        let seeds = match self.seeds {
            Some(seeds) if seeds > 1 => format!(", its accuracy averaged over {} training seeds", thousands(seeds)),
            _ => String::new(),
        };
        let method = match self.interval_method.as_str() {
            "" => "95% intervals of the mean",
            method => method,
        };
        let caption = format!(
            "Each point is a network{seeds}; n = {} finalists and {} controls. Across: {accuracy}, %; up and down only keeps \
             points apart. Upright lines: means. Bars: {method}. {}",
            self.finalists.known(),
            self.controls.known(),
            self.note
        );
        let strip = Strip {
            accuracy: accuracy.into(),
            groups: vec![side(Role::Finalist, &self.finalists), side(Role::Control, &self.controls)],
            caption: caption.trim_end().into(),
        };
        let row = |name: &str, group: &Group| {
            let n = group.networks.len() as u64;
            vec![Cell::text(name), Cell::Count(n), Cell::Estimate(group.mean, 2), Cell::Seconds(group.seconds)]
        };
        let grid = Grid::new("Finalists and controls", &["Group", "#Networks", "#Mean, %", "#Training time"], "");
        let grid = grid.with_rows([row("Finalists", &self.finalists), row("Controls", &self.controls)]);
        let parts = vec![Part::Strip(strip), Part::Table(grid)];
        Section::new("comparison", "Finalists against random controls", parts)
            .called("Finalists")
            .with_text(self.difference().into_iter().chain(self.budget()).collect())
    }

    fn difference(&self) -> Option<String> {
        let d = self.difference.filter(|d| d.value.is_finite())?;
        let interval = d.interval.map(|i| format!("95% interval {:+.2} to {:+.2} points", i.low, i.high));
        let p = self.p_value.map(|p| match self.test.as_str() {
            "" => format!("p = {p:.3}"),
            test => format!("p = {p:.3} ({test})"),
        });
        let details: Vec<String> = interval.into_iter().chain(p).collect();
        Some(format!(
            "{:+.2} percentage points between the means, finalists less controls: {}.",
            d.value,
            details.join("; ")
        ))
    }

    fn budget(&self) -> Option<String> {
        let plural = |n: u64, what: &str| format!("{} {what}{}", thousands(n), if n == 1 { "" } else { "s" });
        let budget = [self.epochs.map(|n| plural(n, "epoch")), self.seeds.map(|n| plural(n, "seed"))];
        let budget: Vec<String> = budget.into_iter().flatten().collect();
        (!budget.is_empty())
            .then(|| format!("Same training for both sides: {} for each network.", budget.join(" and ")))
    }
}

/// How networks learned.
pub(in crate::pipeline) fn learning(curves: Vec<LearningCurve>) -> Section {
    let learning = Learning { accuracy: "validation accuracy".into(), curves };
    Section::new("curves", "How they learned", vec![Part::Learning(learning)]).called("Learning curves")
}
