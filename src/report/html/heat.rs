//! Heat maps: a matrix of values around zero, blue above and orange below, with its numbers as a table to unfold.

use maud::{Markup, html};

use super::chart::{at, single, svg};
use super::table::table;
use crate::report::document::{Cell, Grid, Heat, HeatRow};
use crate::report::format::{DASH, fixed, signed, usable};
use crate::report::format::{shortened, width};

const WIDTH: f64 = 400.0;
/// Font size of what is written into the cells, where all of them have room for it.
const SMALL: f64 = 10.0;

/// The map with its numbers; none without rows and columns.
pub(super) fn figure(heat: &Heat) -> Option<Markup> {
    (!heat.rows.is_empty() && !heat.columns.is_empty()).then(|| {
        let number = if heat.signed { signed } else { fixed };
        let headings = heat.columns.iter().map(|name| format!("#{name}"));
        let headings: Vec<String> = std::iter::once(heat.corner.clone()).chain(headings).collect();
        let cell = |v: &Option<f64>| Cell::text(v.map_or(DASH.into(), |v| number(v, 2)));
        let row = |r: &HeatRow| std::iter::once(Cell::text(&r.name)).chain(r.values.iter().map(cell)).collect();
        let numbers = Grid::new(&heat.label, &headings, "").with_rows(heat.rows.iter().map(row));
        html! {
            (single(Markup::default(), map(heat), html! { (heat.caption) }))
            details { summary { "The numbers" } @if let Some(table) = table(&numbers) { (table) } }
        }
    })
}

/// What a cell says.
fn written(heat: &Heat, value: f64) -> String {
    if heat.signed { signed(value, 1) } else { fixed(value, 2).replacen("0.", ".", 1) }
}

fn title(heat: &Heat, row: &str, column: &str, value: Option<f64>) -> String {
    let unit = if heat.unit.is_empty() { String::new() } else { format!(" {}", heat.unit) };
    let number = if heat.signed { signed } else { fixed };
    format!("{row}, {column}: {}", value.map_or(DASH.into(), |v| number(v, 2) + &unit))
}

fn map(heat: &Heat) -> Markup {
    let longest = |names: &mut dyn Iterator<Item = &str>| names.map(|n| width(&shortened(n), 12.0)).fold(0.0, f64::max);
    let left = longest(&mut heat.rows.iter().map(|r| r.name.as_str())) + 10.0;
    let top = longest(&mut heat.columns.iter().map(String::as_str)) + 8.0;
    let cell = ((WIDTH - left) / heat.columns.len() as f64).min(48.0);
    // Names stand upright side by side: narrow columns have smaller ones.
    let font = (cell * 0.82).min(12.0);
    let tall = cell.clamp(17.0, 24.0);
    let height = (top + tall * heat.rows.len() as f64 + 1.0).round();
    let shown = |value: Option<f64>| value.filter(|v| usable(*v));
    let all = heat.rows.iter().flat_map(|r| r.values.iter().filter_map(|v| shown(*v)));
    let roomy = all.map(|v| width(&written(heat, v), SMALL)).fold(0.0, f64::max) + 3.0 <= cell;
    let column = |j: usize| left + j as f64 * cell;
    let turned =
        |j: usize| format!("translate({:.1} {:.1}) rotate(-90)", column(j) + 0.5 * cell + font * 0.33, top - 6.0);
    let look = |value: Option<f64>| match value {
        Some(v) => (if v < 0.0 { "m h below" } else { "m h above" }, (v.abs() / heat.full).min(1.0)),
        None => ("m h empty", 0.0),
    };
    let body = html! {
        @for (j, name) in heat.columns.iter().enumerate() {
            text transform=(turned(j)) style={ "font-size:" (at(font)) "px" } { (shortened(name)) }
        }
        @for (i, row) in heat.rows.iter().enumerate() {
            @let y = top + i as f64 * tall;
            text x=(at(left - 6.0)) y=(at(y + tall / 2.0 + 4.0)) class=(if row.strong { "name end heavy" } else { "name end" }) {
                (shortened(&row.name))
            }
            @for (j, name) in heat.columns.iter().enumerate() {
                @let value = shown(row.values.get(j).copied().flatten());
                @let (class, share) = look(value);
                rect x=(at(column(j))) y=(at(y)) width=(at(cell - 1.0)) height=(at(tall - 1.0)) class=(class)
                    fill-opacity=(format!("{:.2}", 0.75 * share)) { title { (title(heat, &row.name, name, value)) } }
                @if let Some(value) = value.filter(|_| roomy) {
                    text x=(at(column(j) + cell / 2.0 - 0.5)) y=(at(y + tall / 2.0 + 3.5)) class="cell mid" {
                        (written(heat, value))
                    }
                }
            }
        }
    };
    svg(WIDTH, height, &heat.label, body)
}
