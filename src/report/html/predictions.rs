//! Predicted against trained accuracy.

use super::chart::{Chart, Frame, Mark, Shape, figure};
use super::format::{count, escape, fixed, plural, usable};
use super::model::{Evidence, Interval, PredictionPoint, Predictions, RunReport};
use super::scale::Scale;
use super::{
    accuracy_name, as_section, capitalized, drawable, dropped, interval_text, note, role_class, role_legend, role_name,
};

const FRAME: Frame = Frame { width: 400.0, height: 400.0, left: 36.0, right: 14.0, top: 30.0, bottom: 40.0 };

/// One figure per set of predictions.
pub(super) fn section(run: &RunReport) -> String {
    let figures: Vec<_> = run.predictions.iter().filter_map(|p| prediction_figure(run, p)).collect();
    match figures.len() {
        0 => String::new(),
        n => {
            let class = if n == 1 { "single" } else { "split" };
            let body = format!("<div class=\"{class}\">\n{}</div>\n", figures.concat());
            as_section("predictions", "Predicted against trained accuracy", &body)
        }
    }
}

fn shown(point: &PredictionPoint) -> bool {
    usable(point.predicted) && usable(point.trained)
}

fn interval(point: &PredictionPoint) -> Option<Interval> {
    point.interval.filter(|i| drawable(*i))
}

fn prediction_figure(run: &RunReport, predictions: &Predictions) -> Option<String> {
    let mut points: Vec<_> = predictions.points.iter().filter(|p| shown(p)).collect();
    points.sort_by_key(|p| p.role);
    // Intervals may run past 0 and 100%, where no accuracy can lie: bars stop there rather than stretch the axes.
    let ends = |p: &PredictionPoint| interval(p).map(|i| [i.low.clamp(0.0, 100.0), i.high.clamp(0.0, 100.0)]);
    let extent = points.iter().flat_map(|p| {
        let [low, high] = ends(p).unwrap_or([p.predicted; 2]);
        [p.predicted, p.trained, low, high]
    });
    let scale = Scale::nice(extent, 5)?;
    let accuracy = if predictions.accuracy.is_empty() { accuracy_name(run) } else { predictions.accuracy.as_str() };
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
            chart.line((x, chart.y(low)), (x, chart.y(high)), &format!("bar {}", role_class(p.role)));
        }
    }
    for p in &points {
        let title = title(predictions, p, accuracy);
        let mark = Mark { shape: Shape::of(p.role), class: role_class(p.role), key: &p.arch, title: &title };
        chart.mark(chart.x(p.trained), chart.y(p.predicted), mark);
    }
    let svg = chart.finish(&format!("Predicted against {accuracy} of {}.", plural(points.len(), "network")));
    let key = role_legend(points.iter().map(|p| p.role));
    Some(figure("chart", &key, &svg, &caption(predictions, &points, accuracy)))
}

fn title(predictions: &Predictions, p: &PredictionPoint, accuracy: &str) -> String {
    let spread = p.std.filter(|s| usable(*s)).map(|s| format!(" ± {}", fixed(s, 2))).unwrap_or_default();
    let range =
        interval(p).map(|i| format!(", {}% interval {}", level(predictions), interval_text(i, 2))).unwrap_or_default();
    format!(
        "{} ({}): predicted {}{spread} %{range}, {accuracy} {} %",
        p.arch,
        role_name(p.role),
        fixed(p.predicted, 2),
        fixed(p.trained, 2)
    )
}

fn level(predictions: &Predictions) -> String {
    fixed(predictions.level, usize::from(predictions.level.fract() != 0.0))
}

fn caption(predictions: &Predictions, points: &[&PredictionPoint], accuracy: &str) -> String {
    let source = match predictions.evidence {
        Evidence::CrossValidated => "Out of sample: each network was predicted by a fit that had not seen it.",
        Evidence::HeldOut => "Out of sample: these networks were trained after the fit.",
        Evidence::InSample => {
            "In sample: the predictor was fitted on these networks, so this says nothing of new ones."
        }
    };
    let intervals: Vec<_> = points.iter().filter_map(|p| Some((interval(p)?, p.trained))).collect();
    let held = intervals.iter().filter(|(i, trained)| (i.low..=i.high).contains(trained)).count();
    let coverage = match intervals.len() {
        0 => String::new(),
        n => format!(
            "<strong>{} of {} trained accuracies lie inside their {}% interval</strong> ({}% of them). ",
            count(held as u64),
            count(n as u64),
            level(predictions),
            fixed(100.0 * held as f64 / n as f64, 0),
        ),
    };
    let bars = if intervals.is_empty() {
        String::new()
    } else {
        format!(" Bars: {}% predictive intervals, cut at 0 and 100%.", level(predictions))
    };
    let rank = predictions.spearman.filter(|e| usable(e.value)).map(|e| {
        let range = e.interval.filter(|i| drawable(*i));
        let range = range.map(|i| format!(" (95% interval {})", interval_text(i, 2))).unwrap_or_default();
        format!(" Spearman correlation {}{range}.", fixed(e.value, 2))
    });
    format!(
        "{coverage}{}, fitted on {}; n = {}. {source}{} Across: {}, %. Up: predicted accuracy, %.{bars} On the \
         diagonal the prediction is right.{}{}",
        escape(&capitalized_name(&predictions.predictor)),
        plural(predictions.labels as usize, "labelled network"),
        count(points.len() as u64),
        rank.unwrap_or_default(),
        escape(accuracy),
        dropped(predictions.points.len() - points.len()),
        note(&predictions.note)
    )
}

fn capitalized_name(name: &str) -> String {
    if name.is_empty() { "Predictor".to_owned() } else { capitalized(name) }
}
