//! Groups of trained networks, one row each: a point per network, the mean and its interval.

use maud::{Markup, html};

use super::chart::{Chart, Frame, Mark, Shape, single};
use super::scale::Scale;
use super::{capitalized, dropped, role};
use crate::report::document::{Role, Strip, StripGroup, TrainedNetwork};
use crate::report::format::{drawable, fixed, usable};
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
        let mark = Mark { shape: Shape::of(group.role), class, key: &network.arch, title: &title };
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
            |accuracies: &[Option<f64>]| TrainedNetwork { arch: String::new(), accuracies: accuracies.to_vec() };
        assert_eq!(mean(&network(&[Some(90.0), None, Some(92.0)])), Some(91.0));
        assert_eq!(mean(&network(&[Some(f64::NAN)])), None);
        assert_eq!(mean(&network(&[])), None);
    }
}
