//! The best networks as pictures: cells as graphs, chains as bars.

use super::chart::figure;
use super::format::{count, escape};
use super::layout::{Place, layout};
use super::model::{Drawing, RunReport};
use super::text::{operation, width};
use crate::space::{CellGraph, Chain, Picture};

const WIDTH: f64 = 320.0;
const FONT: f64 = 11.0;

/// One small figure per drawing, empty without any.
pub(super) fn figures(run: &RunReport) -> String {
    let all: String = run.drawings.iter().filter_map(one).collect();
    if all.is_empty() { all } else { format!("<div class=\"grid drawings\">\n{all}</div>\n") }
}

fn one(drawing: &Drawing) -> Option<String> {
    let (pictures, key) = match &drawing.picture {
        Picture::Cells(cells) => {
            let drawn: Vec<String> = cells.iter().filter(|c| c.nodes.len() > 1).map(|c| cell(c, drawing)).collect();
            (drawn.concat(), String::new())
        }
        Picture::Chain(chain) if !chain.layers.is_empty() => (bars(chain, drawing), bar_legend(chain)),
        Picture::Chain(_) => (String::new(), String::new()),
    };
    let caption = format!(
        "<strong>{}.</strong> {}<br><code>{}</code>",
        count(drawing.rank),
        escape(&drawing.caption),
        super::overview::breakable(&drawing.arch)
    );
    (!pictures.is_empty()).then(|| figure("drawing", &key, &pictures, &caption))
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
fn cell(cell: &CellGraph, drawing: &Drawing) -> String {
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
    let at = |(layer, position): Place| {
        if on_edges {
            (24.0 + layer * unit_along, 22.0 + (position - plan.span.0) * unit_across)
        } else {
            (WIDTH / 2.0 + (position - (plan.span.0 + plan.span.1) / 2.0) * unit_across, 17.0 + layer * unit_along)
        }
    };
    let (mut lines, mut labels) = (String::new(), String::new());
    for (i, edge) in cell.edges.iter().enumerate() {
        let points: Vec<(f64, f64)> = plan.edges[i].iter().map(|p| at(*p)).collect();
        if points.len() < 2 {
            continue;
        }
        let dead = if live[i] { "" } else { " dead" };
        lines.push_str(&format!(
            "<path d=\"{}\" class=\"edge {}{dead}\"/>",
            curve(&points, on_edges),
            if edge.label.is_empty() { "plain" } else { class(&edge.label) }
        ));
        if edge.label.is_empty() || !edge.open {
            continue;
        }
        let (a, b) = (points[(points.len() - 1) / 2], points[points.len() / 2]);
        let (x, y) = ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0);
        labels.push_str(&format!(
            "<text x=\"{x:.1}\" y=\"{:.1}\" class=\"op mid{dead}\">{}</text>",
            y + 4.0,
            escape(&operation(&edge.label))
        ));
    }
    let fed = |node: usize| {
        let touched = cell.edges.iter().zip(&live).any(|(e, live)| *live && (e.from == node || e.to == node));
        touched || node == 0 || node + 1 == cell.nodes.len()
    };
    for (i, (name, place)) in cell.nodes.iter().zip(&plan.nodes).enumerate() {
        let (x, y) = at(*place);
        let dead = if fed(i) { "" } else { " dead" };
        let words = operation(name);
        let half =
            if on_edges { 12.0_f64.max(width(&words, FONT) / 2.0 + 3.0) } else { width(&words, FONT) / 2.0 + 7.0 };
        let kind = if i == 0 || i + 1 == cell.nodes.len() || on_edges { "end" } else { class(name) };
        labels.push_str(&format!(
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"22\" rx=\"11\" class=\"node {kind}{dead}\"/><text \
             x=\"{x:.1}\" y=\"{:.1}\" class=\"op mid{dead}\">{}</text>",
            x - half,
            y - 11.0,
            2.0 * half,
            y + 4.0,
            escape(&words)
        ));
    }
    let name = if cell.name.is_empty() { String::new() } else { format!("<h3>{}</h3>", escape(&cell.name)) };
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
    format!(
        "{name}<svg viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-label=\"{}\">{lines}{labels}</svg>",
        escape(&label)
    )
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
fn bars(chain: &Chain, drawing: &Drawing) -> String {
    const TALL: f64 = 96.0;
    let n = chain.layers.len() as f64;
    let step = (WIDTH - 16.0) / n;
    let highest = chain.layers.iter().map(|l| l.height).fold(1e-9, f64::max);
    let roomy = step >= 26.0;
    let floor = TALL + 20.0;
    let mut body = format!("<line x1=\"6\" x2=\"{}\" y1=\"{floor}\" y2=\"{floor}\" class=\"axis\"/>", WIDTH - 6.0);
    let mut written = (0, f64::NEG_INFINITY);
    for (i, layer) in chain.layers.iter().enumerate() {
        let x = 8.0 + i as f64 * step;
        let tall = (layer.height / highest).clamp(0.0, 1.0) * TALL;
        let gap = (step * 0.12).min(6.0);
        body.push_str(&format!(
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{tall:.1}\" class=\"m layer {}\"><title>layer {}: {}, \
             {} channels</title></rect>",
            x + gap / 2.0,
            floor - tall,
            step - gap,
            class(&layer.kind),
            i + 1,
            escape(&operation(&layer.label)),
            layer.channels
        ));
        let middle = x + step / 2.0;
        let words = layer.channels.to_string();
        if roomy {
            let y = floor - tall - 5.0;
            body.push_str(&format!("<text x=\"{middle:.1}\" y=\"{y:.1}\" class=\"op mid\">{words}</text>"));
        } else if layer.channels != written.0 && middle - width(&words, FONT) / 2.0 > written.1 {
            let y = floor + 14.0;
            body.push_str(&format!("<text x=\"{middle:.1}\" y=\"{y:.1}\" class=\"op mid\">{words}</text>"));
            written = (layer.channels, middle + width(&words, FONT) / 2.0 + 2.0);
        }
    }
    let height = if roomy { floor + 6.0 } else { floor + 20.0 };
    let label =
        format!("Network {}: {} layers, bars as tall as their {}.", drawing.rank, chain.layers.len(), chain.height);
    format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">{body}</svg>", escape(&label))
}

/// What colours and heights mean, where layers differ in kind.
fn bar_legend(chain: &Chain) -> String {
    let mut kinds: Vec<&str> = Vec::new();
    for layer in &chain.layers {
        if !kinds.contains(&layer.kind.as_str()) {
            kinds.push(&layer.kind);
        }
    }
    if kinds.len() < 2 {
        return String::new();
    }
    kinds.sort_unstable();
    let item = |kind: &&str| {
        format!(
            "<li><svg viewBox=\"0 0 14 14\" width=\"14\" height=\"14\" aria-hidden=\"true\"><rect x=\"2\" y=\"2\" width=\"10\" \
             height=\"10\" class=\"layer {}\"/></svg>{}</li>",
            class(kind),
            escape(kind)
        )
    };
    let items: String = kinds.iter().map(item).collect();
    format!("<ul class=\"legend\">{items}<li>height: {}</li></ul>", escape(&chain.height))
}
