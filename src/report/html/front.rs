//! Accuracy against cost, with what no other network beats in both.

use maud::{Markup, html};

use super::capitalized;
use super::chart::{Chart, Frame, Mark, Shape, legend, single, stepped};
use super::scale::Scale;
use crate::report::document::{Front, FrontPoint};
use crate::report::format::{count, fixed, plural, score, usable};

const FRAME: Frame = Frame { width: 400.0, height: 300.0, left: 48.0, right: 24.0, top: 30.0, bottom: 40.0 };

/// The chart; none without a usable point.
pub(super) fn figure(front: &Front) -> Option<Markup> {
    let points: Vec<&FrontPoint> = front.points.iter().filter(|p| usable(p.x) && usable(p.y)).collect();
    let limit = front.limit.filter(|l| usable(*l));
    let across = || points.iter().map(|p| p.x).chain(limit);
    let up = || points.iter().map(|p| p.y);
    let (x, y) = match front.diagonal {
        true => Scale::nice(across().chain(up()), 5).map(|s| (s.clone(), s))?,
        false => Scale::nice(across(), 5).zip(Scale::nice(up(), 5))?,
    };
    let ends = x.ends();
    let mut chart = Chart::plane(FRAME, x, &front.across, y, &front.up);
    if front.diagonal {
        chart.diagonal(ends);
    }
    let mut best: Vec<&&FrontPoint> = points.iter().filter(|p| p.front).collect();
    best.sort_by(|a, b| a.x.total_cmp(&b.x));
    // What is reached at each cost: a step up at every network of the front.
    let places: Vec<(f64, f64)> = best.iter().map(|p| (chart.x(p.x), chart.y(p.y))).collect();
    if places.len() > 1 {
        chart.path(&stepped(&places), "curve proxy", "");
    }
    if let Some(limit) = limit {
        let place = chart.x(limit);
        chart.line((place, FRAME.top), (place, FRAME.height - FRAME.bottom), "limit");
        let (anchor, offset) = if place > FRAME.width * 0.8 { ("label end", -6.0) } else { ("label", 6.0) };
        chart.text(place + offset, FRAME.height - FRAME.bottom - 8.0, anchor, &format!("limit {}", score(limit)));
    }
    let mut ordered = points.clone();
    ordered.sort_by_key(|p| p.front);
    for p in ordered {
        let (shape, class) = if p.front { (Shape::Circle, "proxy") } else { (Shape::Dot, "labelled") };
        let title = format!("{}: {} {}, {} {}", p.arch, front.across, score(p.x), front.up, fixed(p.y, front.decimals));
        chart.mark(chart.x(p.x), chart.y(p.y), Mark { shape, class, key: &p.arch.arch, title: &title });
        if p.arch.winner {
            chart.ring(chart.x(p.x), chart.y(p.y));
        }
    }
    let others = points.len() - best.len() + front.left_out as usize;
    let svg = chart.finish(&format!(
        "{} against {} of {}, {} of them on the front.",
        capitalized(&front.up),
        front.across,
        plural(points.len() + front.left_out as usize, "network"),
        best.len()
    ));
    let mut entries = Vec::new();
    if !best.is_empty() {
        entries.push((Shape::Circle, "proxy", format!("{} that no other beats in both", count(best.len() as u64))));
        let words = format!("{} others", count(others as u64));
        entries.extend((others > 0).then_some((Shape::Dot, "labelled", words)));
    }
    let winner = points.iter().find(|p| p.arch.winner);
    entries.extend(winner.map(|p| (Shape::Ring, "ring", format!("the network to take, {}", p.arch))));
    let left_out = match front.left_out {
        0 => String::new(),
        n => format!(" {} of the others, drawn evenly from all, are left out of the picture.", count(n)),
    };
    Some(single(legend(&entries), svg, html! { (front.caption) (left_out) }))
}
