//! Trained networks: groups of them side by side, how they learned, and what was predicted of them.

use maud::{Markup, html};

use super::chart::{Chart, Frame, Mark, Shape, single};
use super::scale::Scale;
use super::{capitalized, dropped, role, role_legend};
use crate::report::document::{
    Evidence, Interval, Learning, LearningCurve, PredictionPoint, Predictions, Role, Strip, StripGroup, TrainedNetwork,
};
use crate::report::format::{count, drawable, fixed, interval_text, plural, usable};
use crate::stats;

const FRAME: Frame = Frame { width: 400.0, height: 228.0, left: 74.0, right: 14.0, top: 4.0, bottom: 40.0 };

/// Mean over the seeds that ended in a usable accuracy.
fn mean(network: &TrainedNetwork) -> Option<f64> {
    let values: Vec<_> = network.accuracies.iter().flatten().copied().filter(|a| usable(*a)).collect();
    stats::mean(&values)
}

fn networks(group: &StripGroup) -> Vec<(&TrainedNetwork, f64)> {
    group.networks.iter().filter_map(|n| Some((n, mean(n)?))).collect()
}

/// The chart; none without a usable accuracy.
pub(super) fn figure(strip: &Strip) -> Option<Markup> {
    let extent = strip.groups.iter().flat_map(|group| {
        let interval = group.mean.and_then(|m| m.interval).filter(|i| drawable(*i));
        let ends = interval.into_iter().flat_map(|i| [i.low, i.high]);
        networks(group).into_iter().map(|(_, accuracy)| accuracy).chain(ends)
    });
    let accuracy = capitalized(&strip.accuracy);
    let mut chart = Chart::rows(FRAME, Scale::nice(extent, 5)?, &format!("{accuracy}, %"));
    let half = (FRAME.height - FRAME.top - FRAME.bottom) / (2.0 * strip.groups.len() as f64);
    for (row, group) in strip.groups.iter().enumerate() {
        let centre = FRAME.top + half * (2.0 * row as f64 + 1.0);
        draw(&mut chart, group, centre, half - 12.0, &strip.accuracy);
    }
    let drawn: Vec<usize> = strip.groups.iter().map(|group| networks(group).len()).collect();
    let said: Vec<_> = drawn.iter().zip(&strip.groups).map(|(n, g)| format!("{n} {}s", role(g.role).1)).collect();
    let svg = chart.finish(&format!("{accuracy} of {}.", said.join(" and ")));
    let given: usize = strip.groups.iter().map(|group| group.networks.len()).sum();
    let lost = dropped(given - drawn.iter().sum::<usize>());
    Some(single(Markup::default(), svg, html! { (strip.caption) (lost) }))
}

/// One row: points above the line, mean and interval on it.
fn draw(chart: &mut Chart, group: &StripGroup, centre: f64, room: f64, accuracy: &str) {
    let (class, called) = role(group.role);
    let mut networks = networks(group);
    networks.sort_by(|a, b| a.1.total_cmp(&b.1));
    let name = match group.role {
        Role::Labelled => "labelled",
        Role::Control => "controls",
        Role::Finalist => "finalists",
    };
    chart.text(FRAME.left - 10.0, centre + 4.0, "name end", name);
    if let Some(mean) = group.mean.filter(|m| usable(m.value)) {
        let y = centre + room * 0.75;
        if let Some(i) = mean.interval.filter(|i| drawable(*i)) {
            chart.line((chart.x(i.low), y), (chart.x(i.high), y), &format!("bar strong {class}"));
        }
        let x = chart.x(mean.value);
        chart.line((x, y - 7.0), (x, y + 7.0), &format!("mean {class}"));
    }
    let places: Vec<_> = networks.iter().map(|(_, accuracy)| chart.x(*accuracy)).collect();
    let offsets = spread(&places, 10.0, room * 0.6);
    for (((network, mean), x), offset) in networks.iter().zip(places).zip(offsets) {
        let seeds = match network.accuracies.len() {
            0 | 1 => String::new(),
            n => {
                let each: Vec<_> = network.accuracies.iter().map(|a| fixed(a.unwrap_or(f64::NAN), 2)).collect();
                format!(", mean over {n} seeds ({})", each.join(", "))
            }
        };
        let title = format!("{} ({called}): {accuracy} {} %{seeds}", network.arch, fixed(*mean, 2));
        let mark = Mark { shape: Shape::of(group.role), class, key: &network.arch.arch, title: &title };
        let y = centre - room * 0.25 + offset;
        chart.mark(x, y, mark);
        if network.arch.winner {
            chart.ring(x, y);
        }
    }
}

/// Moves points that would overlap apart across their line: for each, from left to right, the smallest of 0, ±1, ±2, …
/// steps at which it touches none before it, or the line itself when there is no room.
fn spread(places: &[f64], step: f64, room: f64) -> Vec<f64> {
    let most = (room / step).floor() as i32;
    let mut offsets: Vec<f64> = Vec::with_capacity(places.len());
    for (i, x) in places.iter().enumerate() {
        let free =
            |offset: &f64| places[..i].iter().zip(&offsets).all(|(px, po)| (x - px).hypot(offset - po) >= step * 0.999);
        let candidates = (0..=most).flat_map(|k| [f64::from(k) * step, f64::from(-k) * step]);
        offsets.push(candidates.into_iter().find(free).unwrap_or(0.0));
    }
    offsets
}

const LEARNING: Frame = Frame { width: 400.0, height: 290.0, left: 36.0, right: 14.0, top: 30.0, bottom: 40.0 };

/// A line per training; none without a usable accuracy.
pub(super) fn learning(learning: &Learning) -> Option<Markup> {
    let known = |curve: &LearningCurve| -> Vec<(u64, f64)> {
        curve.points.iter().filter_map(|&(epoch, a)| Some((epoch, a.filter(|a| usable(*a))?))).collect()
    };
    let mut curves: Vec<_> = learning.curves.iter().map(|c| (c, known(c))).filter(|(_, p)| !p.is_empty()).collect();
    curves.sort_by_key(|(curve, _)| (curve.arch.winner, curve.role));
    let points = || curves.iter().flat_map(|(_, points)| points.iter().copied());
    let (x, y) =
        Scale::whole(points().map(|(epoch, _)| epoch as f64), 6).zip(Scale::nice(points().map(|(_, a)| a), 5))?;
    let accuracy = capitalized(&learning.accuracy);
    let mut chart = Chart::plane(LEARNING, x, "epoch", y, &format!("{accuracy}, %"));
    for (curve, points) in &curves {
        let places: Vec<_> = points.iter().map(|(epoch, a)| (chart.x(*epoch as f64), chart.y(*a))).collect();
        let thick = if curve.arch.winner { " winner" } else { "" };
        chart.path(&places, &format!("curve {}{thick}", role(curve.role).0), &curve.arch.arch);
    }
    for (curve, points) in &curves {
        let (epoch, last) = points[points.len() - 1];
        let seed = curve.seed.map(|s| format!(", seed {s}")).unwrap_or_default();
        let (class, called) = role(curve.role);
        let (arch, what) = (&curve.arch, &learning.accuracy);
        let title = format!("{arch} ({called}{seed}): {what} {} % after epoch {epoch}", fixed(last, 2));
        let mark = Mark { shape: Shape::Dot, class, key: &arch.arch, title: &title };
        chart.mark(chart.x(epoch as f64), chart.y(last), mark);
    }
    let svg = chart.finish(&format!("{accuracy} by epoch of {}.", plural(curves.len(), "training run")));
    let lost = learning.curves.iter().map(|c| c.points.len()).sum::<usize>() - points().count();
    let caption = html! {
        "Each line is one training run (n = " (count(curves.len() as u64)) "), with a point at its last epoch"
        @if let Some((winner, _)) = curves.iter().find(|(curve, _)| curve.arch.winner) {
            "; the thick one is the network to take, " (winner.arch)
        }
        ". Across: epoch. \
         Up: " (learning.accuracy) ", %." (dropped(lost))
    };
    Some(single(role_legend(curves.iter().map(|(curve, _)| curve.role)), svg, caption))
}

const PREDICTIONS: Frame = Frame { width: 400.0, height: 400.0, left: 36.0, right: 14.0, top: 30.0, bottom: 40.0 };

fn shown(point: &PredictionPoint) -> bool {
    usable(point.predicted) && usable(point.trained)
}

fn interval(point: &PredictionPoint) -> Option<Interval> {
    point.interval.filter(|i| drawable(*i))
}

/// The chart; none without a usable point.
pub(super) fn predictions(predictions: &Predictions) -> Option<Markup> {
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
        PREDICTIONS,
        scale.clone(),
        &format!("{}, %", capitalized(accuracy)),
        scale.clone(),
        "Predicted accuracy, %",
    );
    chart.diagonal(scale.ends());
    for p in &points {
        if let Some([low, high]) = ends(p) {
            let x = chart.x(p.trained);
            chart.line((x, chart.y(low)), (x, chart.y(high)), &format!("bar {}", role(p.role).0));
        }
    }
    for p in &points {
        let title = title(predictions, p, accuracy);
        let mark = Mark { shape: Shape::of(p.role), class: role(p.role).0, key: &p.arch.arch, title: &title };
        chart.mark(chart.x(p.trained), chart.y(p.predicted), mark);
        if p.arch.winner {
            chart.ring(chart.x(p.trained), chart.y(p.predicted));
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_points_until_none_overlap() {
        let places = [0.0, 1.0, 2.0, 30.0];
        let offsets = spread(&places, 10.0, 30.0);
        assert_eq!(offsets, [0.0, 10.0, -10.0, 0.0]);
        assert_eq!(spread(&[0.0; 9], 10.0, 10.0).len(), 9);
    }

    #[test]
    fn averages_the_seeds_that_worked() {
        let network =
            |accuracies: &[Option<f64>]| TrainedNetwork { arch: Default::default(), accuracies: accuracies.to_vec() };
        assert_eq!(mean(&network(&[Some(90.0), None, Some(92.0)])), Some(91.0));
        assert_eq!(mean(&network(&[Some(f64::NAN)])), None);
        assert_eq!(mean(&network(&[])), None);
    }
}
