//! Searches as curves: the best so far by what was paid for it.

use std::collections::BTreeMap;

use crate::report::html::model::{Estimate, Line, LinePoint};
use crate::stats::quantile;

/// Costs at which searches are summed up.
const PLACES: usize = 200;

/// One search.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Trace {
    /// Name of the strategy.
    pub strategy: String,
    /// Its seed.
    pub seed: u64,
    /// What was searched and with which budget: only searches that are equal in it are drawn together.
    pub setting: String,
    /// Where accuracies come from, in words.
    pub source: String,
    /// The trainings, in order.
    pub steps: Vec<Step>,
    /// What random search does with the same table, if that is known.
    pub random: Option<Line>,
}

/// A training.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Step {
    /// Trainings of full length so far.
    pub trainings: f64,
    /// Seconds of training so far.
    pub seconds: Option<f64>,
    /// Reported accuracy of this training, percent.
    pub reported_pct: Option<f64>,
    /// Reported accuracy of the best full training so far, percent.
    pub best_pct: Option<f64>,
}

/// What a search pays.
pub(super) type Paid = fn(&Step) -> Option<f64>;

/// Searches by strategy, in the order of their seeds.
pub(super) fn by_strategy<'a>(traces: impl IntoIterator<Item = &'a Trace>) -> BTreeMap<&'a str, Vec<&'a Trace>> {
    let mut groups: BTreeMap<&str, Vec<&Trace>> = BTreeMap::new();
    for trace in traces {
        groups.entry(&trace.strategy).or_default().push(trace);
    }
    groups.values_mut().for_each(|group| group.sort_by_key(|trace| trace.seed));
    groups
}

/// Median over searches of the best so far, with the quartiles where there are several, from the cost at which the last has its
/// first to the cost at which the first ends. Single trainings are dots where there is one search.
pub(super) fn line(name: &str, traces: &[&Trace], paid: Paid) -> Line {
    let curves: Vec<Vec<(f64, f64)>> = traces
        .iter()
        .map(|trace| trace.steps.iter().filter_map(|step| Some((paid(step)?, step.best_pct?))).collect::<Vec<_>>())
        .filter(|curve| !curve.is_empty())
        .collect();
    let start = curves.iter().map(|curve| curve[0].0).fold(0.0, f64::max);
    let end = curves.iter().map(|curve| curve[curve.len() - 1].0).fold(f64::INFINITY, f64::min);
    let mut costs: Vec<f64> =
        curves.iter().flatten().map(|(at, _)| *at).filter(|at| (start..=end).contains(at)).collect();
    costs.sort_unstable_by(f64::total_cmp);
    costs.dedup();
    if costs.len() > PLACES {
        costs = (0..PLACES).map(|i| costs[i * (costs.len() - 1) / (PLACES - 1)]).collect();
    }
    let points: Vec<LinePoint> = costs.into_iter().filter_map(|at| point(&curves, at)).collect();
    let dots = match traces {
        [trace] => trace.steps.iter().filter_map(|step| Some([paid(step)?, step.reported_pct?])).collect(),
        _ => Vec::new(),
    };
    let last = points.last().map_or(String::new(), |p| format!("{:.2} %", p.value.value));
    let note = if traces.len() > 1 { format!("{last}, {} searches", traces.len()) } else { last };
    Line { name: name.into(), note, points, dots }
}

/// The best so far of the curves at a cost.
fn point(curves: &[Vec<(f64, f64)>], at: f64) -> Option<LinePoint> {
    let best = |curve: &Vec<(f64, f64)>| {
        let reached = curve.partition_point(|(cost, _)| *cost <= at);
        Some(curve[reached.checked_sub(1)?].1)
    };
    let mut values: Vec<f64> = curves.iter().filter_map(best).collect();
    values.sort_unstable_by(f64::total_cmp);
    let value = quantile(&values, 0.5)?;
    let estimate = match values.len() {
        1 => Estimate::new(value),
        _ => Estimate::with_interval(value, quantile(&values, 0.25)?, quantile(&values, 0.75)?),
    };
    Some(LinePoint { at, value: estimate })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(seed: u64, best: &[f64]) -> Trace {
        let step =
            |(i, best): (usize, &f64)| Step { trainings: i as f64 + 1.0, best_pct: Some(*best), ..Step::default() };
        Trace {
            strategy: "random".into(),
            seed,
            steps: best.iter().enumerate().map(step).collect(),
            ..Trace::default()
        }
    }

    #[test]
    fn a_line_is_the_median_with_quartiles_where_all_searches_are() {
        let traces = [trace(0, &[50.0, 60.0, 60.0]), trace(1, &[40.0, 80.0]), trace(2, &[70.0, 70.0, 90.0])];
        let line = line("random", &traces.iter().collect::<Vec<_>>(), |step| Some(step.trainings));
        let shown: Vec<_> = line.points.iter().map(|p| (p.at, p.value.value, p.value.interval.unwrap())).collect();
        assert_eq!(shown.len(), 2, "one search ends after two trainings");
        assert_eq!((shown[0].0, shown[0].1, shown[0].2.low, shown[0].2.high), (1.0, 50.0, 45.0, 60.0));
        assert_eq!((shown[1].0, shown[1].1), (2.0, 70.0));
        assert_eq!(line.note, "70.00 %, 3 searches");
    }
}
