//! Estimates of several runs with their intervals, row by row.

use super::alone_with_caption;
use crate::report::html::chart::{Chart, Mark, Shape, figure, legend};
use crate::report::html::format::{escape, fixed, usable};
use crate::report::html::interval_text;
use crate::report::html::model::{Estimate, Intervals};
use crate::report::html::rows;
use crate::report::html::text::shortened;

/// Colours and shapes of the series; there are no more, since more could not be told apart.
const LOOKS: [(Shape, &str); 4] =
    [(Shape::Circle, "s0"), (Shape::Diamond, "s1"), (Shape::Square, "s2"), (Shape::Dot, "s3")];
/// Height of a bar, and between rows.
const STEP: f64 = 9.0;
const GAP: f64 = 9.0;

/// The chart.
pub(super) fn html(intervals: &Intervals) -> String {
    let usable_estimate = |e: &Option<Estimate>| e.filter(|e| usable(e.value));
    let series = intervals.series.len().min(LOOKS.len());
    let shown: Vec<_> = intervals
        .rows
        .iter()
        .map(|row| (row, row.estimates.iter().take(series).map(usable_estimate).collect::<Vec<_>>()))
        .filter(|(_, estimates)| estimates.iter().any(Option::is_some))
        .collect();
    let estimates = shown.iter().flat_map(|(_, estimates)| estimates.iter().flatten().copied());
    let Some(x) = rows::axis(estimates) else { return String::new() };
    let each = STEP * series as f64 + GAP;
    let frame = rows::frame(shown.iter().map(|(row, _)| row.name.as_str()), each, 14.0);
    let mut chart = Chart::rows(frame, x, &intervals.across);
    for (i, (row, estimates)) in shown.iter().enumerate() {
        let middle = frame.top + (i as f64 + 0.5) * each;
        let class = if row.baseline { "name end muted" } else { "name end" };
        chart.text(frame.left - 8.0, middle + 4.0, class, &shortened(&row.name));
        // Runs without the row leave no gap.
        let there: Vec<_> = estimates.iter().enumerate().filter_map(|(s, estimate)| Some((s, (*estimate)?))).collect();
        for (place, (s, estimate)) in there.iter().copied().enumerate() {
            let y = middle + (place as f64 - (there.len() as f64 - 1.0) / 2.0) * STEP;
            let (shape, class) = LOOKS[s];
            rows::bar(&mut chart, estimate, y, class);
            let range =
                rows::interval(estimate).map(|i| format!(", 95% interval {}", interval_text(i, 2))).unwrap_or_default();
            let title = format!("{}, {}: {}{range}", row.name, intervals.series[s], fixed(estimate.value, 2));
            chart.mark(chart.x(estimate.value), y, Mark { shape, class, key: &row.name, title: &title });
        }
    }
    let svg = chart.finish(&format!("{} of {} rows in {series} runs.", intervals.across, shown.len()));
    let words: Vec<_> =
        LOOKS.iter().zip(&intervals.series).map(|((shape, class), name)| (*shape, *class, name.as_str())).collect();
    let more = match intervals.series.len() - series {
        0 => String::new(),
        n => format!(" The first {series} runs are drawn; {n} more are in the table."),
    };
    let caption = format!("{}{more}", escape(&intervals.caption));
    alone_with_caption(&figure("chart", &legend(&words), &svg, &caption))
}
