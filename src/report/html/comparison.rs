//! Finalists against random controls: the strip plot with its numbers, and the learning curves.

use super::chart::{Chart, Frame, Mark, Shape, figure};
use super::format::{count, duration, escape, fixed, p_value, plural, signed, usable};
use super::model::{Comparison, Group, LearningCurve, Role, RunReport, TrainedNetwork};
use super::scale::Scale;
use super::{accuracy_name, as_section, capitalized, drawable, dropped, note, role_class, role_legend, role_name};
use crate::stats;

const STRIP: Frame = Frame { width: 400.0, height: 228.0, left: 74.0, right: 14.0, top: 4.0, bottom: 40.0 };
const CURVES: Frame = Frame { width: 400.0, height: 290.0, left: 36.0, right: 14.0, top: 30.0, bottom: 40.0 };

/// The strip plot of both groups and what their difference amounts to.
pub(super) fn section(run: &RunReport) -> String {
    let Some(comparison) = &run.comparison else { return String::new() };
    let Some(strip) = strip(run, comparison) else { return String::new() };
    let body = format!("<div class=\"split\">\n{strip}<div>\n{}</div>\n</div>\n", summary(comparison));
    as_section("comparison", "Finalists against random controls", &body)
}

/// Mean over the seeds that ended in a usable accuracy.
fn mean(network: &TrainedNetwork) -> Option<f64> {
    let values: Vec<_> = network.accuracies.iter().copied().filter(|a| usable(*a)).collect();
    stats::mean(&values)
}

fn networks(group: &Group) -> Vec<(&TrainedNetwork, f64)> {
    group.networks.iter().filter_map(|n| Some((n, mean(n)?))).collect()
}

fn strip(run: &RunReport, comparison: &Comparison) -> Option<String> {
    let groups = [(Role::Finalist, &comparison.finalists), (Role::Control, &comparison.controls)];
    let extent = groups.iter().flat_map(|(_, group)| {
        let interval = group.mean.and_then(|m| m.interval).filter(|i| drawable(*i));
        let ends = interval.into_iter().flat_map(|i| [i.low, i.high]);
        networks(group).into_iter().map(|(_, accuracy)| accuracy).chain(ends)
    });
    let accuracy = accuracy_name(run);
    let mut chart = Chart::rows(STRIP, Scale::nice(extent, 5)?, &format!("{}, %", capitalized(accuracy)));
    let half = (STRIP.height - STRIP.top - STRIP.bottom) / 4.0;
    for (row, (role, group)) in groups.into_iter().enumerate() {
        let centre = STRIP.top + half * (2.0 * row as f64 + 1.0);
        draw_group(&mut chart, role, group, centre, half - 12.0, accuracy);
    }
    let drawn = groups.map(|(_, group)| networks(group).len());
    let svg =
        chart.finish(&format!("{} of {} finalists and {} random controls.", capitalized(accuracy), drawn[0], drawn[1]));
    let given: usize = groups.iter().map(|(_, group)| group.networks.len()).sum();
    let per_network = match comparison.seeds {
        Some(seeds) if seeds > 1 => format!(", its accuracy averaged over {} training seeds", count(seeds)),
        _ => String::new(),
    };
    let method = match comparison.interval_method.as_str() {
        "" => "95% intervals of the mean".to_owned(),
        method => escape(method),
    };
    let caption = format!(
        "Each point is a network{per_network}; n = {} finalists and {} controls. Across: {}, %; up and down only \
         keeps points apart. Upright lines: means. Bars: {method}.{}{}",
        drawn[0],
        drawn[1],
        escape(accuracy),
        dropped(given - drawn[0] - drawn[1]),
        note(&comparison.note)
    );
    Some(figure("chart", "", &svg, &caption))
}

/// One row of the strip plot: points above the line, mean and interval on it.
fn draw_group(chart: &mut Chart, role: Role, group: &Group, centre: f64, room: f64, accuracy: &str) {
    let class = role_class(role);
    let mut networks = networks(group);
    networks.sort_by(|a, b| a.1.total_cmp(&b.1));
    chart.text(
        STRIP.left - 10.0,
        centre + 4.0,
        "name end",
        if role == Role::Finalist { "finalists" } else { "controls" },
    );
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
                let each: Vec<_> = network.accuracies.iter().map(|a| fixed(*a, 2)).collect();
                format!(", mean over {n} seeds ({})", each.join(", "))
            }
        };
        let title = format!("{} ({}): {accuracy} {} %{seeds}", network.arch, role_name(role), fixed(*mean, 2));
        let mark = Mark { shape: Shape::of(role), class, key: &network.arch, title: &title };
        chart.mark(x, centre - room * 0.25 + offset, mark);
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

/// The difference, then the numbers of each side.
fn summary(comparison: &Comparison) -> String {
    let difference = comparison.difference.filter(|d| usable(d.value)).map(|d| {
        let interval = d
            .interval
            .filter(|i| drawable(*i))
            .map(|i| format!("95% interval {} to {} points", signed(i.low, 2), signed(i.high, 2)));
        let p = comparison.p_value.map(|p| match comparison.test.as_str() {
            "" => p_value(p),
            test => format!("{} ({test})", p_value(p)),
        });
        let details: Vec<_> = interval.into_iter().chain(p).collect();
        format!(
            "<p class=\"headline\"><strong>{}</strong> percentage points between the means, finalists less \
             controls</p>\n<p>{}</p>\n",
            signed(d.value, 2),
            escape(&details.join("; "))
        )
    });
    let epochs = comparison.epochs.map(|n| plural(n as usize, "epoch"));
    let seeds = comparison.seeds.map(|n| plural(n as usize, "seed"));
    let budget: Vec<_> = epochs.into_iter().chain(seeds).collect();
    let budget = match budget.is_empty() {
        true => String::new(),
        false => format!("<p>Same training for both sides: {} for each network.</p>\n", budget.join(" and ")),
    };
    let side = |name: &str, group: &Group| {
        let mean = super::estimate_html(group.mean, 2);
        let time = group.seconds.map_or(super::DASH.to_owned(), duration);
        let cells = [count(group.networks.len() as u64), mean, time].map(|c| super::number_cell(&c)).concat();
        format!("<tr><th scope=\"row\">{name}</th>{cells}</tr>\n")
    };
    let rows = side("Finalists", &comparison.finalists) + &side("Controls", &comparison.controls);
    let headings = [("", "Group"), ("num", "Networks"), ("num", "Mean, %"), ("num", "Train time")];
    let table = super::table("Finalists and controls", &headings, &rows);
    format!("{}{budget}{table}", difference.unwrap_or_default())
}

/// Learning curves of the networks, when there are any.
pub(super) fn curves_section(run: &RunReport) -> String {
    let usable_points =
        |curve: &LearningCurve| curve.points.iter().copied().filter(|(_, a)| usable(*a)).collect::<Vec<_>>();
    let mut curves: Vec<_> = run.curves.iter().map(|c| (c, usable_points(c))).filter(|(_, p)| !p.is_empty()).collect();
    curves.sort_by_key(|(curve, _)| curve.role);
    let points = || curves.iter().flat_map(|(_, points)| points.iter().copied());
    let scales = Scale::whole(points().map(|(epoch, _)| epoch as f64), 6).zip(Scale::nice(points().map(|(_, a)| a), 5));
    let Some((x, y)) = scales else { return String::new() };
    let accuracy = "validation accuracy";
    let mut chart = Chart::plane(CURVES, x, "epoch", y, &format!("{}, %", capitalized(accuracy)));
    for (curve, points) in &curves {
        let places: Vec<_> = points.iter().map(|(epoch, a)| (chart.x(*epoch as f64), chart.y(*a))).collect();
        chart.path(&places, &format!("curve {}", role_class(curve.role)), &curve.arch);
    }
    for (curve, points) in &curves {
        let (epoch, last) = points[points.len() - 1];
        let seed = curve.seed.map(|s| format!(", seed {s}")).unwrap_or_default();
        let title = format!(
            "{} ({}{seed}): {accuracy} {} % after epoch {epoch}",
            curve.arch,
            role_name(curve.role),
            fixed(last, 2)
        );
        let mark = Mark { shape: Shape::Dot, class: role_class(curve.role), key: &curve.arch, title: &title };
        chart.mark(chart.x(epoch as f64), chart.y(last), mark);
    }
    let svg = chart.finish(&format!("{} by epoch of {}.", capitalized(accuracy), plural(curves.len(), "training run")));
    let caption = format!(
        "Each line is one training run (n = {}), with a point at its last epoch. Across: epoch. Up: {}, %.{}",
        count(curves.len() as u64),
        escape(accuracy),
        dropped(run.curves.iter().map(|c| c.points.len()).sum::<usize>() - points().count())
    );
    let key = role_legend(curves.iter().map(|(curve, _)| curve.role));
    let body = format!("<div class=\"single\">\n{}</div>\n", figure("chart", &key, &svg, &caption));
    as_section("curves", "How they learned", &body)
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
        let network = |accuracies: &[f64]| TrainedNetwork { arch: String::new(), accuracies: accuracies.to_vec() };
        assert_eq!(mean(&network(&[90.0, f64::NAN, 92.0])), Some(91.0));
        assert_eq!(mean(&network(&[f64::NAN])), None);
        assert_eq!(mean(&network(&[])), None);
    }
}
