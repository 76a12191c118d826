//! What charts with a named row per estimate have in common.

use super::chart::{Chart, Frame};
use super::drawable;
use super::model::{Estimate, Interval};
use super::scale::Scale;
use super::text::{shortened, width};

/// The interval of an estimate, if it can be drawn.
pub(super) fn interval(estimate: Estimate) -> Option<Interval> {
    estimate.interval.filter(|i| drawable(*i))
}

/// An axis across that has zero, all estimates and their intervals; none without estimates.
pub(super) fn axis(estimates: impl Iterator<Item = Estimate>) -> Option<Scale> {
    let ends: Vec<f64> = estimates
        .flat_map(|e| std::iter::once(e.value).chain(interval(e).into_iter().flat_map(|i| [i.low, i.high])))
        .collect();
    if ends.is_empty() { None } else { Scale::nice(ends.into_iter().chain([0.0]), 5) }
}

/// Room for rows of this height, their names at the left, and `right` at the right.
pub(super) fn frame<'a>(names: impl Iterator<Item = &'a str>, row: f64, right: f64) -> Frame {
    let (count, longest) =
        names.fold((0.0, 0.0), |(n, longest), name| (n + 1.0, width(&shortened(name), 12.0).max(longest)));
    Frame { width: 400.0, height: count * row + 50.0, left: 16.0 + longest, right, top: 4.0, bottom: 40.0 }
}

/// The interval as a bar.
pub(super) fn bar(chart: &mut Chart, estimate: Estimate, y: f64, class: &str) {
    if let Some(i) = interval(estimate) {
        chart.line((chart.x(i.low), y), (chart.x(i.high), y), &format!("bar {class}"));
    }
}
