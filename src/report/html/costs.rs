//! Time against correlation: what a proxy costs and what it gives.

use maud::{Markup, html};

use super::chart::{Chart, Frame, Mark, Shape, legend, single, stepped};
use super::scale::Scale;
use crate::report::document::{Cost, Tone};
use crate::report::format::{drawable, duration, extent, fixed, interval_text, shortened, usable, width};

const FRAME: Frame = Frame { width: 400.0, height: 350.0, left: 36.0, right: 24.0, top: 30.0, bottom: 40.0 };
const FONT: f64 = 11.0;

/// One point per proxy; none for fewer than two.
pub(super) fn figure(costs: &[Cost]) -> Option<Markup> {
    let shown = |c: &&Cost| usable(c.seconds) && c.seconds > 0.0 && usable(c.spearman.value);
    let mut costs: Vec<&Cost> = costs.iter().filter(shown).collect();
    if costs.len() < 2 {
        return None;
    }
    // The front is named first: it gets the best places.
    costs.sort_by(|a, b| b.front.cmp(&a.front).then(a.seconds.total_cmp(&b.seconds)));
    let ends = costs.iter().flat_map(|c| extent(&c.spearman));
    let (x, y) = Scale::decades(costs.iter().map(|c| c.seconds.log10())).zip(Scale::nice(ends, 6))?;
    let mut chart = Chart::plane(FRAME, x, "time for one network", y, "Spearman correlation");
    let place_of = |c: &Cost, chart: &Chart| (chart.x(c.seconds.log10()), chart.y(c.spearman.value));
    let front: Vec<(f64, f64)> = costs.iter().filter(|c| c.front).map(|c| place_of(c, &chart)).collect();
    let steps = stepped(&front);
    if steps.len() > 1 {
        chart.path(&steps, "front", "");
    }
    let mut taken: Vec<Box> = steps
        .windows(2)
        .map(|w| Box {
            left: w[0].0.min(w[1].0) - 1.0,
            right: w[0].0.max(w[1].0) + 1.0,
            top: w[0].1.min(w[1].1) - 1.0,
            bottom: w[0].1.max(w[1].1) + 1.0,
        })
        .collect();
    let kind = |c: &Cost| if c.baseline { (Shape::Square, "baseline") } else { (Shape::Circle, "proxy") };
    for c in &costs {
        let (x, y) = place_of(c, &chart);
        taken.push(Box::around(x, y, 5.0));
        if let Some(i) = c.spearman.interval.filter(|i| drawable(*i)) {
            let (high, low) = (chart.y(i.high), chart.y(i.low));
            chart.line((x, low), (x, high), &format!("bar {}", kind(c).1));
            taken.push(Box { left: x - 1.0, right: x + 1.0, top: high, bottom: low });
        }
    }
    let points: Vec<(f64, f64)> = costs.iter().map(|c| place_of(c, &chart)).collect();
    let names: Vec<String> = costs.iter().map(|c| shortened(&c.name)).collect();
    let widths: Vec<f64> = names.iter().map(|n| width(n, FONT)).collect();
    let plot =
        Box { left: FRAME.left, top: FRAME.top, right: FRAME.width - FRAME.right, bottom: FRAME.height - FRAME.bottom };
    let boxes = place(&points, &widths, FONT + 4.0, plot, &taken);
    for ((&(x, y), b), (c, name)) in points.iter().zip(&boxes).zip(costs.iter().zip(&names)) {
        let nearest = (x.clamp(b.left, b.right), y.clamp(b.top, b.bottom));
        if (nearest.0 - x).hypot(nearest.1 - y) > 14.0 {
            chart.line((x, y), nearest, "leader");
        }
        let class = if c.front { "place mid heavy" } else { "place mid" };
        chart.text((b.left + b.right) / 2.0, b.bottom - 4.0, class, name);
    }
    for (c, &(x, y)) in costs.iter().zip(&points) {
        let (shape, class) = kind(c);
        let range = c.spearman.interval.filter(|i| drawable(*i));
        let range = range.map(|i| format!(", 95% interval {}", interval_text(i, fixed))).unwrap_or_default();
        let title =
            format!("{}: {} a network, Spearman {}{range}", c.name, time(c.seconds), fixed(c.spearman.value, 2));
        let class = if c.front { format!("{class} first") } else { class.to_owned() };
        chart.mark(x, y, Mark { shape, class: &class, key: &c.name, title: &title });
    }
    let on_front: Vec<&str> = costs.iter().filter(|c| c.front).map(|c| c.name.as_str()).collect();
    let svg = chart.finish(&format!("Time and Spearman correlation of {} proxies.", costs.len()));
    let kinds = [(Shape::Circle, "proxy", Tone::Plain.words()), (Shape::Square, "baseline", Tone::Baseline.words())];
    let key = if costs.iter().any(|c| c.baseline) { legend(&kinds) } else { Markup::default() };
    let caption = html! {
        "Across: seconds for one network, on a logarithmic axis; what takes less than a microsecond stands at its left end. Up: \
         Spearman correlation with its 95% interval. The line is the Pareto front: no proxy is both quicker and better than "
        (on_front.join(", ")) "."
    };
    Some(single(key, svg, caption))
}

/// A time that may be less than a millisecond.
fn time(seconds: f64) -> String {
    if seconds < 1e-4 { format!("{} µs", fixed(seconds * 1e6, 0)) } else { duration(seconds) }
}

/// A rectangle in user units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Box {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Box {
    /// The box around a point.
    pub(super) fn around(x: f64, y: f64, half: f64) -> Self {
        Box { left: x - half, top: y - half, right: x + half, bottom: y + half }
    }

    fn overlap(&self, other: &Box) -> f64 {
        let across = self.right.min(other.right) - self.left.max(other.left);
        let down = self.bottom.min(other.bottom) - self.top.max(other.top);
        across.max(0.0) * down.max(0.0)
    }
}

/// For each point, in order, the box of its name: of the places around it, nearer ones first, the first that is inside
/// `plot` and touches neither a name placed before it nor anything of `taken`; else the one that touches least.
/// `widths` are those of the names, all of them `height` tall.
pub(super) fn place(points: &[(f64, f64)], widths: &[f64], height: f64, plot: Box, taken: &[Box]) -> Vec<Box> {
    let mut taken = taken.to_vec();
    let mut placed = Vec::new();
    for (&(x, y), &width) in points.iter().zip(widths) {
        let candidates =
            [7.0, 12.0, 20.0, 30.0, 42.0, 56.0, 72.0, 90.0, 110.0, 135.0, 160.0].into_iter().flat_map(|away| {
                (0..16).map(move |step| {
                    // Right first, then left, above, below, and between.
                    let turn = [0, 8, 12, 4, 15, 1, 9, 7, 14, 2, 10, 6, 13, 3, 11, 5][step] as f64 / 16.0;
                    let (sin, cos) = (turn * std::f64::consts::TAU).sin_cos();
                    let (cx, cy) = (x + cos * (away + width / 2.0), y + sin * (away + height / 2.0));
                    Box {
                        left: cx - width / 2.0,
                        top: cy - height / 2.0,
                        right: cx + width / 2.0,
                        bottom: cy + height / 2.0,
                    }
                })
            });
        let cost = |b: &Box| {
            let outside = (plot.left - b.left).max(0.0)
                + (b.right - plot.right).max(0.0)
                + (plot.top - b.top).max(0.0)
                + (b.bottom - plot.bottom).max(0.0);
            outside * 100.0 + taken.iter().map(|t| b.overlap(t)).sum::<f64>()
        };
        let mut best: Option<(f64, Box)> = None;
        for candidate in candidates {
            let cost = cost(&candidate);
            if best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, candidate));
            }
            if cost == 0.0 {
                break;
            }
        }
        if let Some((_, chosen)) = best {
            taken.push(chosen);
            placed.push(chosen);
        }
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_crowd_do_not_overlap() {
        let points: Vec<_> =
            (0..20).map(|i| (150.0 + 9.0 * f64::from(i % 5), 150.0 + 11.0 * f64::from(i / 5))).collect();
        let plot = Box { left: 0.0, top: 0.0, right: 400.0, bottom: 400.0 };
        let marks: Vec<_> = points.iter().map(|&(x, y)| Box::around(x, y, 4.0)).collect();
        let boxes = place(&points, &[50.0; 20], 14.0, plot, &marks);
        for (i, a) in boxes.iter().enumerate() {
            assert!(a.left >= 0.0 && a.right <= 400.0);
            assert!(boxes[..i].iter().chain(&marks).all(|b| a.overlap(b) == 0.0), "{i}");
        }
    }
}
