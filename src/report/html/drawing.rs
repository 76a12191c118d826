//! The best networks as pictures: cells as graphs, chains as bars.

use maud::{Markup, html};

use super::chart::{at, figure, sample, svg};
use super::layout::{Place, layout};
use super::page::breakable;
use crate::report::document::Drawing;
use crate::report::format::count;
use crate::report::format::{operation, width};
use crate::space::{CellGraph, Chain, Picture};

const WIDTH: f64 = 320.0;
const FONT: f64 = 11.0;

/// One small figure per drawing; none without any.
pub(super) fn figures(drawings: &[Drawing]) -> Option<Markup> {
    let all: Vec<Markup> = drawings.iter().filter_map(one).collect();
    (!all.is_empty()).then(|| html! { div class="grid drawings" { @for figure in all { (figure) } } })
}

fn one(drawing: &Drawing) -> Option<Markup> {
    let (pictures, key) = match &drawing.picture {
        Picture::Cells(cells) => {
            let drawn: Vec<Markup> = cells.iter().filter(|c| c.nodes.len() > 1).map(|c| cell(c, drawing)).collect();
            ((!drawn.is_empty()).then(|| html! { @for cell in drawn { (cell) } })?, Markup::default())
        }
        Picture::Chain(chain) if !chain.layers.is_empty() => (bars(chain, drawing), bar_legend(chain)),
        Picture::Chain(_) => return None,
    };
    let caption = html! {
        strong { (count(drawing.rank)) ". " (drawing.arch) } " " (drawing.caption) br; code { (breakable(&drawing.arch.arch)) }
    };
    Some(figure("drawing", key, pictures, caption))
}

/// Class of an operation in the style sheet.
fn class(op: &str) -> &'static str {
    match op {
        op if op.contains("grouped") && op.contains('5') => "conv grouped",
        op if op.contains("grouped") => "conv-small grouped",
        op if op.contains("pool") => "pool",
        op if op.contains("skip") => "skip",
        op if op.contains("conv") && op.contains('1') => "conv-small",
        op if op.contains("conv") || op == "layer" => "conv",
        op if op.contains("7×7") || op.contains("5×5") => "conv",
        op if op.contains("3×3") => "conv-small",
        _ => "plain",
    }
}

/// Operations on the nodes run downwards in boxes; operations on the edges run to the right along them.
fn cell(cell: &CellGraph, drawing: &Drawing) -> Markup {
    let edges: Vec<(usize, usize)> = cell.edges.iter().map(|e| (e.from, e.to)).collect();
    let on_edges = cell.edges.iter().any(|e| !e.label.is_empty());
    let plan = layout(cell.nodes.len(), &edges, if on_edges { 0.9 } else { 0.45 });
    let live = cell.live();
    let span = plan.span.1 - plan.span.0;
    let steps = (plan.layers - 1).max(1) as f64;
    let (unit_along, unit_across, height) = if on_edges {
        ((WIDTH - 48.0) / steps, 50.0, 50.0 * span + 44.0)
    } else {
        let widest = cell.nodes.iter().map(|n| width(&operation(n), FONT) + 14.0).fold(0.0, f64::max);
        (40.0, (widest + 8.0).min((WIDTH - widest) / span.max(1e-9)), 40.0 * steps + 34.0)
    };
    let place = |(layer, position): Place| {
        if on_edges {
            (24.0 + layer * unit_along, 22.0 + (position - plan.span.0) * unit_across)
        } else {
            (WIDTH / 2.0 + (position - (plan.span.0 + plan.span.1) / 2.0) * unit_across, 17.0 + layer * unit_along)
        }
    };
    let edge = |i: usize| {
        let edge = &cell.edges[i];
        let points: Vec<(f64, f64)> = plan.edges[i].iter().map(|p| place(*p)).collect();
        (points.len() > 1).then(|| {
            let dead = if live[i] { "" } else { " dead" };
            let class = if edge.label.is_empty() { "plain" } else { class(&edge.label) };
            html! { path d=(curve(&points, on_edges)) class={ "edge " (class) (dead) } {} }
        })
    };
    let operation_of = |i: usize| {
        let (edge, points) = (&cell.edges[i], &plan.edges[i]);
        (points.len() > 1 && !edge.label.is_empty() && edge.open).then(|| {
            let (a, b) = (place(points[(points.len() - 1) / 2]), place(points[points.len() / 2]));
            let dead = if live[i] { "" } else { " dead" };
            html! {
                text x=(at((a.0 + b.0) / 2.0)) y=(at((a.1 + b.1) / 2.0 + 4.0)) class={ "op mid" (dead) } {
                    (operation(&edge.label))
                }
            }
        })
    };
    let fed = |node: usize| {
        let touched = cell.edges.iter().zip(&live).any(|(e, live)| *live && (e.from == node || e.to == node));
        touched || node == 0 || node + 1 == cell.nodes.len()
    };
    let node = |i: usize| {
        let (name, (x, y)) = (&cell.nodes[i], place(plan.nodes[i]));
        let dead = if fed(i) { "" } else { " dead" };
        let words = operation(name);
        let half =
            if on_edges { 12.0_f64.max(width(&words, FONT) / 2.0 + 3.0) } else { width(&words, FONT) / 2.0 + 7.0 };
        let kind = if i == 0 || i + 1 == cell.nodes.len() || on_edges { "end" } else { class(name) };
        html! {
            rect x=(at(x - half)) y=(at(y - 11.0)) width=(at(2.0 * half)) height="22" rx="11"
                class={ "node " (kind) (dead) } {}
            text x=(at(x)) y=(at(y + 4.0)) class={ "op mid" (dead) } { (words) }
        }
    };
    let described: Vec<String> = cell
        .edges
        .iter()
        .zip(&live)
        .filter(|(_, live)| **live)
        .map(|(e, _)| {
            let op = if e.label.is_empty() { String::new() } else { format!(": {}", operation(&e.label)) };
            format!("{} to {}{op}", operation(&cell.nodes[e.from]), operation(&cell.nodes[e.to]))
        })
        .collect();
    let label = format!("Cell of network {}. {}.", drawing.rank, described.join("; "));
    let edges = 0..cell.edges.len();
    let body = html! {
        @for line in edges.clone().filter_map(edge) { (line) }
        @for words in edges.filter_map(operation_of) { (words) }
        @for i in 0..cell.nodes.len() { (node(i)) }
    };
    html! {
        @if !cell.name.is_empty() { h3 { (cell.name) } }
        (svg(WIDTH, height.round(), &label, body))
    }
}

/// A smooth line that runs along the layers at each of its points.
fn curve(points: &[(f64, f64)], rightward: bool) -> String {
    let mut path = format!("M{:.1} {:.1}", points[0].0, points[0].1);
    for w in points.windows(2) {
        let ((x1, y1), (x2, y2)) = (w[0], w[1]);
        let (a, b) = match rightward {
            true => (((x1 + x2) / 2.0, y1), ((x1 + x2) / 2.0, y2)),
            false => ((x1, (y1 + y2) / 2.0), (x2, (y1 + y2) / 2.0)),
        };
        path.push_str(&format!("C{:.1} {:.1} {:.1} {:.1} {x2:.1} {y2:.1}", a.0, a.1, b.0, b.1));
    }
    path
}

/// A bar per layer. Where there is room, its channels stand above it, elsewhere where they change below it.
fn bars(chain: &Chain, drawing: &Drawing) -> Markup {
    const TALL: f64 = 96.0;
    let n = chain.layers.len() as f64;
    let step = (WIDTH - 16.0) / n;
    let highest = chain.layers.iter().map(|l| l.height).fold(1e-9, f64::max);
    let roomy = step >= 26.0;
    let floor = TALL + 20.0;
    let mut written = (0, f64::NEG_INFINITY);
    let bar = |i: usize| {
        let layer = &chain.layers[i];
        let x = 8.0 + i as f64 * step;
        let tall = (layer.height / highest).clamp(0.0, 1.0) * TALL;
        let gap = (step * 0.12).min(6.0);
        let middle = x + step / 2.0;
        let words = layer.channels.to_string();
        let half = width(&words, FONT) / 2.0;
        let below = !roomy && layer.channels != written.0 && middle - half > written.1;
        if below {
            written = (layer.channels, middle + half + 2.0);
        }
        let y = if roomy { floor - tall - 5.0 } else { floor + 14.0 };
        html! {
            rect x=(at(x + gap / 2.0)) y=(at(floor - tall)) width=(at(step - gap)) height=(at(tall))
                class={ "m layer " (class(&layer.kind)) } {
                title { "layer " (i + 1) ": " (operation(&layer.label)) ", " (layer.channels) " channels" }
            }
            @if roomy || below { text x=(at(middle)) y=(at(y)) class="op mid" { (words) } }
        }
    };
    let label =
        format!("Network {}: {} layers, bars as tall as their {}.", drawing.rank, chain.layers.len(), chain.height);
    let body = html! {
        line x1="6" x2=(WIDTH - 6.0) y1=(floor) y2=(floor) class="axis" {}
        @for bar in (0..chain.layers.len()).map(bar) { (bar) }
    };
    svg(WIDTH, if roomy { floor + 6.0 } else { floor + 20.0 }, &label, body)
}

/// What colours and heights mean, where layers differ in kind.
fn bar_legend(chain: &Chain) -> Markup {
    let mut kinds: Vec<&str> = chain.layers.iter().map(|layer| layer.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    html! {
        @if kinds.len() > 1 {
            ul.legend {
                @for kind in kinds {
                    (sample(html! { rect x="2" y="2" width="10" height="10" class={ "layer " (class(kind)) } {} }, kind))
                }
                li { "height: " (chain.height) }
            }
        }
    }
}
