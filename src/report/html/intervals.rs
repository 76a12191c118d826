//! Estimates with their intervals, row by row.

use maud::{Markup, html};

use super::chart::{Chart, Frame, Mark, Shape, legend, single};
use super::scale::Scale;
use super::table::class;
use crate::report::document::{Estimate, IntervalRow, Intervals, Tone};
use crate::report::format::{drawable, extent, fixed, interval_text, signed, usable};
use crate::report::format::{shortened, width};

/// Colours and shapes of the series; there are no more, since more could not be told apart.
const LOOKS: [(Shape, &str); 4] =
    [(Shape::Circle, "s0"), (Shape::Diamond, "s1"), (Shape::Square, "s2"), (Shape::Dot, "s3")];
/// Height of a row of one estimate.
const ROW: f64 = 26.0;
/// Height of an estimate of several, and between rows.
const STEP: f64 = 9.0;

fn shape(tone: Tone) -> Shape {
    match tone {
        Tone::Plain | Tone::Better => Shape::Circle,
        Tone::Baseline | Tone::Undecided => Shape::Square,
        Tone::Worse => Shape::Diamond,
    }
}

/// The chart; none without a usable estimate.
pub(super) fn figure(intervals: &Intervals) -> Option<Markup> {
    let usable_estimate = |e: &Option<Estimate>| e.filter(|e| usable(e.value));
    let series = intervals.series.len().clamp(1, LOOKS.len());
    let shown: Vec<(&IntervalRow, Vec<Option<Estimate>>)> = intervals
        .rows
        .iter()
        .map(|row| (row, row.estimates.iter().take(series).map(usable_estimate).collect::<Vec<_>>()))
        .filter(|(_, estimates)| estimates.iter().any(Option::is_some))
        .collect();
    let ends = shown.iter().flat_map(|(_, estimates)| estimates.iter().flatten()).flat_map(extent);
    let x = (!shown.is_empty()).then(|| Scale::nice(ends.chain([0.0]), 5))??;
    let each = if series == 1 { ROW } else { STEP * (series as f64 + 1.0) };
    let longest = shown.iter().map(|(row, _)| width(&shortened(&row.name), 12.0)).fold(0.0, f64::max);
    let right = if series == 1 && !intervals.signed { 44.0 } else { 16.0 };
    let frame = Frame {
        width: 400.0,
        height: shown.len() as f64 * each + 50.0,
        left: 16.0 + longest,
        right,
        top: 4.0,
        bottom: 40.0,
    };
    let number = if intervals.signed { signed } else { fixed };
    let mut chart = Chart::rows(frame, x, &intervals.across);
    for (i, (row, estimates)) in shown.iter().enumerate() {
        let middle = frame.top + (i as f64 + 0.5) * each;
        let name = if row.tone == Tone::Baseline { "name end muted" } else { "name end" };
        chart.text(frame.left - 8.0, middle + 4.0, name, &shortened(&row.name));
        // Series without the row leave no gap.
        let there: Vec<_> = estimates.iter().enumerate().filter_map(|(s, estimate)| Some((s, (*estimate)?))).collect();
        for (place, (s, estimate)) in there.iter().copied().enumerate() {
            let y = middle + (place as f64 - (there.len() as f64 - 1.0) / 2.0) * STEP;
            let (shape, class) = if series == 1 { (shape(row.tone), class(row.tone)) } else { LOOKS[s] };
            let interval = estimate.interval.filter(|i| drawable(*i));
            if let Some(i) = interval {
                chart.line((chart.x(i.low), y), (chart.x(i.high), y), &format!("bar {class}"));
            }
            let range = interval.map(|i| format!(", 95% interval {}", interval_text(i, number))).unwrap_or_default();
            let of = if series == 1 { String::new() } else { format!(", {}", intervals.series[s]) };
            let note = if row.note.is_empty() { String::new() } else { format!(", {}", row.note) };
            let kind = if row.tone == Tone::Baseline { " (size baseline)" } else { "" };
            let title = format!("{}{kind}{of}: {}{range}{note}", row.name, number(estimate.value, 2));
            chart.mark(chart.x(estimate.value), y, Mark { shape, class, key: &row.name, title: &title });
            if right > 40.0 {
                chart.text(frame.width - 2.0, y + 4.0, "value end", &fixed(estimate.value, 2));
            }
        }
    }
    let best = shown[0].1.iter().flatten().next().map_or(String::new(), |e| number(e.value, 2));
    let svg = chart.finish(&format!("{} in {} rows: {best} of {}.", intervals.across, shown.len(), shown[0].0.name));
    let more = match intervals.series.len().saturating_sub(series) {
        0 => String::new(),
        n => format!(" The first {series} runs are drawn; {n} more are in the table."),
    };
    Some(single(key(intervals, &shown, series), svg, html! { (intervals.caption) (more) }))
}

fn key(intervals: &Intervals, shown: &[(&IntervalRow, Vec<Option<Estimate>>)], series: usize) -> Markup {
    if series > 1 {
        let entries = LOOKS.iter().zip(&intervals.series).map(|((shape, class), name)| (*shape, *class, name.as_str()));
        return legend(&entries.collect::<Vec<_>>());
    }
    let used = |tone: &Tone| shown.iter().any(|(row, _)| row.tone == *tone);
    let tones = [Tone::Better, Tone::Undecided, Tone::Worse, Tone::Plain, Tone::Baseline];
    let entries: Vec<_> = tones.into_iter().filter(used).map(|tone| (shape(tone), class(tone), tone.words())).collect();
    // Where nothing is told apart there is nothing to explain.
    if matches!(entries.as_slice(), [(_, "proxy", _)]) { Markup::default() } else { legend(&entries) }
}
