//! Small charts of equal axes with one line each, and a common line to compare with.

use maud::{Markup, html};

use super::chart::{Chart, Frame, Mark, Shape, figure as framed, sample, single, stepped};
use super::scale::Scale;
use crate::report::document::{CurvePanels, Line, LinePoint};
use crate::report::format::{drawable, fixed, interval_text, score, usable};
use crate::stats::range;

const FRAME: Frame = Frame { width: 320.0, height: 210.0, left: 40.0, right: 14.0, top: 26.0, bottom: 38.0 };
const ALONE: Frame = Frame { width: 400.0, height: 270.0, left: 44.0, right: 14.0, top: 30.0, bottom: 40.0 };
/// Places of a line at which its values can be read.
const READINGS: usize = 12;
/// Lines between this many points are drawn; more could not be told apart.
const POINTS: usize = 240;

/// All panels as one figure; none without a line.
pub(super) fn figure(panels: &CurvePanels) -> Option<Markup> {
    let (x, y) = scales(panels)?;
    let drawn: Vec<&Line> =
        panels.lines.iter().filter(|line| line.points.iter().filter(|p| shown(p)).count() > 1).collect();
    let alone = panels.lines.len() == 1;
    let charts = html! {
        @for line in &drawn {
            div {
                h3 { (line.name) @if !line.note.is_empty() { " " small { (line.note) } } }
                (panel(panels, line, &x, &y, if alone { ALONE } else { FRAME }))
            }
        }
    };
    let caption = html! { (panels.caption) };
    match (drawn.is_empty(), alone) {
        (true, _) => None,
        (_, true) => Some(single(legend(panels), charts, caption)),
        (_, false) => Some(framed("panels", legend(panels), html! { div.grid { (charts) } }, caption)),
    }
}

fn legend(panels: &CurvePanels) -> Markup {
    let own = match panels.lines.as_slice() {
        [line] => line.name.as_str(),
        _ => "as named",
    };
    let item = |class: &str, name: &str| {
        let class = format!("main stroke {class}");
        sample(html! { line x1="0" y1="7" x2="14" y2="7" class=(class) {} }, name)
    };
    html! {
        @if let Some(reference) = &panels.reference {
            ul.legend { (item("proxy", own)) (item("baseline", &reference.name)) }
        }
    }
}

fn shown(point: &LinePoint) -> bool {
    usable(point.at) && usable(point.value.value)
}

/// The axes: all lines are inside; bands and single observations that are far below the lines are cut.
fn scales(panels: &CurvePanels) -> Option<(Scale, Scale)> {
    let lines = || panels.lines.iter().chain(&panels.reference);
    let points = || lines().flat_map(|line| &line.points).filter(|p| shown(p));
    let across = points().map(|p| p.at);
    let whole = across.clone().all(|v| v.fract() == 0.0);
    let x = match (panels.logarithmic, whole) {
        (true, _) => Scale::factors(across)?,
        (false, true) => Scale::whole(across, 5)?,
        (false, false) => Scale::nice(across, 5)?,
    };
    let (low, high) = range(points().map(|p| p.value.value));
    let room = 0.15 * (high - low);
    let ends = points().filter_map(|p| p.value.interval).flat_map(|i| [i.low, i.high]);
    let dots = lines().flat_map(|line| line.dots.iter().map(|d| d[1]));
    let near = ends.chain(dots).filter(|v| usable(*v)).map(|v| v.clamp(low - room, high + room));
    Some((x, Scale::nice(near.chain([low, high]), 4)?))
}

fn panel(panels: &CurvePanels, line: &Line, x: &Scale, y: &Scale, frame: Frame) -> Markup {
    let mut chart = Chart::plane(frame, x.clone(), &panels.across, y.clone(), &panels.up);
    if let Some(reference) = &panels.reference {
        draw(&mut chart, reference, "baseline", panels.steps);
    }
    let lowest = y.ticks[0];
    for dot in line.dots.iter().filter(|d| usable(d[0]) && usable(d[1]) && d[1] >= lowest) {
        let title = format!("{} {}: {}", panels.across, score_of(dot[0]), fixed(dot[1], panels.decimals));
        let mark = Mark { shape: Shape::Dot, class: "labelled", key: "", title: &title };
        chart.mark(chart.x(dot[0]), chart.y(dot[1]), mark);
    }
    draw(&mut chart, line, "proxy", panels.steps);
    if let Some(reference) = &panels.reference {
        read(&mut chart, panels, reference, "baseline");
    }
    read(&mut chart, panels, line, "proxy");
    let last = line.points.iter().rev().find(|p| shown(p));
    let end = last.map_or(String::new(), |p| format!(", {} at the end", fixed(p.value.value, panels.decimals)));
    chart.finish(&format!("{} by {} of {}{end}.", panels.up, panels.across, line.name))
}

fn score_of(value: f64) -> String {
    if value.fract() == 0.0 { fixed(value, 0) } else { score(value) }
}

/// Every point, or where there are many, the first, the last and some between.
fn thinned(points: &[LinePoint], most: usize) -> Vec<&LinePoint> {
    let good: Vec<&LinePoint> = points.iter().filter(|p| shown(p)).collect();
    if good.len() <= most {
        return good;
    }
    (0..most).map(|i| good[i * (good.len() - 1) / (most - 1)]).collect()
}

fn draw(chart: &mut Chart, line: &Line, class: &str, steps: bool) {
    let points = thinned(&line.points, POINTS);
    let banded: Vec<_> =
        points.iter().filter_map(|p| Some((p.at, p.value.interval.filter(|i| drawable(*i))?))).collect();
    if banded.len() > 1 {
        let up = banded.iter().map(|(at, i)| (chart.x(*at), chart.y(i.high)));
        let down = banded.iter().rev().map(|(at, i)| (chart.x(*at), chart.y(i.low)));
        let outline: Vec<_> = up.chain(down).collect();
        chart.area(&outline, &format!("area {class}"));
    }
    let places: Vec<_> = points.iter().map(|p| (chart.x(p.at), chart.y(p.value.value))).collect();
    let path = if steps && banded.is_empty() { stepped(&places) } else { places };
    chart.path(&path, &format!("main {class}"), "");
}

/// Marks that are seen only when pointed at, and say the values there.
fn read(chart: &mut Chart, panels: &CurvePanels, line: &Line, class: &str) {
    let points = thinned(&line.points, usize::MAX);
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
    let mut before = f64::NEG_INFINITY;
    let apart = (chart.x(last.at) - chart.x(first.at)) / READINGS as f64;
    for p in &points {
        let x = chart.x(p.at);
        if x < before + apart.max(1.0) && p.at < last.at {
            continue;
        }
        before = x;
        let number = |v: f64, _: usize| fixed(v, panels.decimals);
        let band = p.value.interval.filter(|i| drawable(*i));
        let band = band.map_or(String::new(), |i| format!(" ({})", interval_text(i, number)));
        let title = format!("{}, {} {}: {}{band}", line.name, panels.across, score_of(p.at), number(p.value.value, 0));
        let class = format!("ghost {class}");
        chart.mark(x, chart.y(p.value.value), Mark { shape: Shape::Dot, class: &class, key: "", title: &title });
    }
}
