//! Predicted against trained accuracy.

use maud::{Markup, html};

use super::chart::{Chart, Frame, Mark, Shape, single};
use super::scale::Scale;
use super::{capitalized, dropped, role, role_legend};
use crate::report::document::{Evidence, Interval, PredictionPoint, Predictions};
use crate::report::format::{count, drawable, fixed, interval_text, plural, usable};

const FRAME: Frame = Frame { width: 400.0, height: 400.0, left: 36.0, right: 14.0, top: 30.0, bottom: 40.0 };

fn shown(point: &PredictionPoint) -> bool {
    usable(point.predicted) && usable(point.trained)
}

fn interval(point: &PredictionPoint) -> Option<Interval> {
    point.interval.filter(|i| drawable(*i))
}

/// The chart; none without a usable point.
pub(super) fn figure(predictions: &Predictions) -> Option<Markup> {
    let mut points: Vec<_> = predictions.points.iter().filter(|p| shown(p)).collect();
    points.sort_by_key(|p| p.role);
    // Intervals may run past 0 and 100%, where no accuracy can lie: bars stop there rather than stretch the axes.
    let ends = |p: &PredictionPoint| interval(p).map(|i| [i.low.clamp(0.0, 100.0), i.high.clamp(0.0, 100.0)]);
    let extent = points.iter().flat_map(|p| {
        let [low, high] = ends(p).unwrap_or([p.predicted; 2]);
        [p.predicted, p.trained, low, high]
    });
    let scale = Scale::nice(extent, 5)?;
    let accuracy = predictions.accuracy.as_str();
    let mut chart = Chart::plane(
        FRAME,
        scale.clone(),
        &format!("{}, %", capitalized(accuracy)),
        scale.clone(),
        "Predicted accuracy, %",
    );
    let (first, last) = (scale.ticks[0], scale.ticks[scale.ticks.len() - 1]);
    chart.line((chart.x(first), chart.y(first)), (chart.x(last), chart.y(last)), "diagonal");
    for p in &points {
        if let Some([low, high]) = ends(p) {
            let x = chart.x(p.trained);
            chart.line((x, chart.y(low)), (x, chart.y(high)), &format!("bar {}", role(p.role).0));
        }
    }
    for p in &points {
        let title = title(predictions, p, accuracy);
        let mark = Mark { shape: Shape::of(p.role), class: role(p.role).0, key: &p.arch, title: &title };
        chart.mark(chart.x(p.trained), chart.y(p.predicted), mark);
    }
    let svg = chart.finish(&format!("Predicted against {accuracy} of {}.", plural(points.len(), "network")));
    let key = role_legend(points.iter().map(|p| p.role));
    Some(single(key, svg, caption(predictions, &points)))
}

fn title(predictions: &Predictions, p: &PredictionPoint, accuracy: &str) -> String {
    let spread = p.std.filter(|s| usable(*s)).map(|s| format!(" ± {}", fixed(s, 2))).unwrap_or_default();
    let range = interval(p)
        .map(|i| format!(", {}% interval {}", level(predictions), interval_text(i, fixed)))
        .unwrap_or_default();
    format!(
        "{} ({}): predicted {}{spread} %{range}, {accuracy} {} %",
        p.arch,
        role(p.role).1,
        fixed(p.predicted, 2),
        fixed(p.trained, 2)
    )
}

fn level(predictions: &Predictions) -> String {
    fixed(predictions.level, usize::from(predictions.level.fract() != 0.0))
}

fn caption(predictions: &Predictions, points: &[&PredictionPoint]) -> Markup {
    let source = match predictions.evidence {
        Evidence::CrossValidated => "Out of sample: each network was predicted by a fit that had not seen it.",
        Evidence::HeldOut => "Out of sample: these networks were trained after the fit.",
        Evidence::InSample => {
            "In sample: the predictor was fitted on these networks, so this says nothing of new ones."
        }
    };
    let intervals: Vec<_> = points.iter().filter_map(|p| Some((interval(p)?, p.trained))).collect();
    let (n, held) = (intervals.len(), intervals.iter().filter(|(i, y)| (i.low..=i.high).contains(y)).count());
    let rank = predictions.spearman.filter(|e| usable(e.value)).map(|e| {
        let range = e.interval.filter(|i| drawable(*i));
        let range = range.map(|i| format!(" (95% interval {})", interval_text(i, fixed))).unwrap_or_default();
        format!(" Spearman correlation {}{range}.", fixed(e.value, 2))
    });
    let predictor = if predictions.predictor.is_empty() { "predictor" } else { &predictions.predictor };
    html! {
        @if n > 0 {
            strong {
                (count(held as u64)) " of " (count(n as u64)) " trained accuracies lie inside their " (level(predictions))
                "% interval"
            }
            " (" (fixed(100.0 * held as f64 / n as f64, 0)) "% of them). "
        }
        (capitalized(predictor)) ", fitted on " (plural(predictions.labels as usize, "labelled network")) "; n = "
        (count(points.len() as u64)) ". " (source) (rank.unwrap_or_default()) " Across: " (predictions.accuracy)
        ", %. Up: predicted accuracy, %."
        @if n > 0 { " Bars: " (level(predictions)) "% predictive intervals, cut at 0 and 100%." }
        " On the diagonal the prediction is right." (dropped(predictions.points.len() - points.len()))
        @if !predictions.note.is_empty() { " " (predictions.note) }
    }
}
