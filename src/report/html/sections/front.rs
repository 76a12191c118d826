//! Accuracy against cost, with what no other network beats in both.

use super::alone_with_caption;
use crate::report::html::capitalized;
use crate::report::html::chart::{Chart, Frame, Mark, Shape, figure, legend};
use crate::report::html::format::{count, escape, fixed, plural, score, usable};
use crate::report::html::model::{Front, FrontPoint};
use crate::report::html::scale::Scale;

const FRAME: Frame = Frame { width: 400.0, height: 300.0, left: 48.0, right: 14.0, top: 30.0, bottom: 40.0 };

/// The chart.
pub(super) fn html(front: &Front) -> String {
    let points: Vec<&FrontPoint> = front.points.iter().filter(|p| usable(p.x) && usable(p.y)).collect();
    let limit = front.limit.filter(|l| usable(*l));
    let across = || points.iter().map(|p| p.x).chain(limit);
    let up = || points.iter().map(|p| p.y);
    let scales = match front.diagonal {
        true => Scale::nice(across().chain(up()), 5).map(|s| (s.clone(), s)),
        false => Scale::nice(across(), 5).zip(Scale::nice(up(), 5)),
    };
    let (Some((x, y)), false) = (scales, points.is_empty()) else { return String::new() };
    let ends = (x.ticks[0], x.ticks[x.ticks.len() - 1]);
    let mut chart = Chart::plane(FRAME, x, &front.across, y, &front.up);
    if front.diagonal {
        let corner = |v: f64| (chart.x(v), chart.y(v));
        let (from, to) = (corner(ends.0), corner(ends.1));
        chart.line(from, to, "diagonal");
    }
    let mut best: Vec<&&FrontPoint> = points.iter().filter(|p| p.front).collect();
    best.sort_by(|a, b| a.x.total_cmp(&b.x));
    // What is reached at each cost: a step up at every network of the front.
    let mut steps: Vec<(f64, f64)> = Vec::new();
    for p in &best {
        let place = (chart.x(p.x), chart.y(p.y));
        steps.extend(steps.last().map(|last| (place.0, last.1)));
        steps.push(place);
    }
    if steps.len() > 1 {
        chart.path(&steps, "curve proxy", "");
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
        chart.mark(chart.x(p.x), chart.y(p.y), Mark { shape, class, key: &p.arch, title: &title });
    }
    let others = points.len() - best.len() + front.left_out as usize;
    let svg = chart.finish(&format!(
        "{} against {} of {}, {} of them on the front.",
        capitalized(&front.up),
        front.across,
        plural(points.len() + front.left_out as usize, "network"),
        best.len()
    ));
    let front_words = format!("{} that no other beats in both", count(best.len() as u64));
    let other_words = match best.is_empty() {
        true => plural(others, "network"),
        false => format!("{} others", count(others as u64)),
    };
    let key = match (best.is_empty(), others) {
        (true, _) => String::new(),
        (false, 0) => legend(&[(Shape::Circle, "proxy", &front_words)]),
        (false, _) => legend(&[(Shape::Circle, "proxy", &front_words), (Shape::Dot, "labelled", &other_words)]),
    };
    let left_out = match front.left_out {
        0 => String::new(),
        n => format!(" {} of the others, drawn evenly from all, are left out of the picture.", count(n)),
    };
    alone_with_caption(&figure("chart", &key, &svg, &format!("{}{left_out}", escape(&front.caption))))
}
