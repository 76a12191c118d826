//! Searches as curves: the best so far by what was paid for it.

use crate::report::document::Line;

/// The best so far of one search.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::pipeline) struct SearchCurve {
    /// Name of the strategy.
    pub strategy: String,
    /// Its seed.
    pub seed: u64,
    /// What was searched and with which budget: only searches that are equal in it are drawn together.
    pub setting: String,
    /// Where accuracies come from, in words.
    pub source: String,
    /// The trainings, in order.
    pub steps: Vec<SearchStep>,
    /// What random search does with the same table, if that is known.
    pub random: Option<Line>,
}

/// A training.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::pipeline) struct SearchStep {
    /// Trainings of full length so far.
    pub trainings: f64,
    /// Seconds of training so far.
    pub seconds: Option<f64>,
    /// Reported accuracy of this training, percent.
    pub reported_pct: Option<f64>,
    /// Reported accuracy of the best full training so far, percent.
    pub best_pct: Option<f64>,
}
