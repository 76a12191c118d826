//! Heat maps: a matrix of values around zero, blue above and orange below.

use super::format::{escape, usable};
use super::text::{shortened, width};

const WIDTH: f64 = 400.0;
/// Font size of what is written into the cells, where all of them have room for it.
const SMALL: f64 = 10.0;

/// A row or a column of values with its name.
pub(super) struct Row<'a> {
    /// Name, in the margin.
    pub(super) name: &'a str,
    /// Whether it is set apart from the others.
    pub(super) strong: bool,
    /// One value per column; none is drawn as an empty cell.
    pub(super) values: &'a [Option<f64>],
}

/// The map as an SVG element. Values of magnitude `full` or more have the full colour. `written` is what a cell says,
/// `title` what its tooltip says of row, column and value. `label` says in words what the map shows.
pub(super) fn heat(
    rows: &[Row],
    columns: &[String],
    full: f64,
    written: impl Fn(f64) -> String,
    title: impl Fn(usize, usize, Option<f64>) -> String,
    label: &str,
) -> String {
    let longest = |names: &mut dyn Iterator<Item = &str>| names.map(|n| width(&shortened(n), 12.0)).fold(0.0, f64::max);
    let left = longest(&mut rows.iter().map(|r| r.name)) + 10.0;
    let top = longest(&mut columns.iter().map(String::as_str)) + 8.0;
    let cell = ((WIDTH - left) / columns.len().max(1) as f64).min(48.0);
    // Names stand upright side by side: narrow columns have smaller ones.
    let font = (cell * 0.82).min(12.0);
    let tall = cell.clamp(17.0, 24.0);
    let height = top + tall * rows.len() as f64 + 1.0;
    let shown = |value: Option<f64>| value.filter(|v| usable(*v));
    let all = rows.iter().flat_map(|r| r.values.iter().filter_map(|v| shown(*v)));
    let roomy = all.map(|v| width(&written(v), SMALL)).fold(0.0, f64::max) + 3.0 <= cell;
    let mut body = String::new();
    for (j, name) in columns.iter().enumerate() {
        let x = left + (j as f64 + 0.5) * cell + font * 0.33;
        body.push_str(&format!(
            "<text transform=\"translate({x:.1} {:.1}) rotate(-90)\" style=\"font-size:{font:.1}px\">{}</text>",
            top - 6.0,
            escape(&shortened(name))
        ));
    }
    for (i, row) in rows.iter().enumerate() {
        let y = top + i as f64 * tall;
        let class = if row.strong { "name end heavy" } else { "name end" };
        body.push_str(&format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" class=\"{class}\">{}</text>",
            left - 6.0,
            y + tall / 2.0 + 4.0,
            escape(&shortened(row.name))
        ));
        for j in 0..columns.len() {
            let value = shown(row.values.get(j).copied().flatten());
            let (class, share) = match value {
                Some(v) => (if v < 0.0 { "below" } else { "above" }, (v.abs() / full).min(1.0)),
                None => ("empty", 0.0),
            };
            let x = left + j as f64 * cell;
            body.push_str(&format!(
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" class=\"m h {class}\" \
                 fill-opacity=\"{:.2}\"><title>{}</title></rect>",
                cell - 1.0,
                tall - 1.0,
                0.75 * share,
                escape(&title(i, j, value))
            ));
            if let Some(value) = value.filter(|_| roomy) {
                body.push_str(&format!(
                    "<text x=\"{:.1}\" y=\"{:.1}\" class=\"cell mid\">{}</text>",
                    x + cell / 2.0 - 0.5,
                    y + tall / 2.0 + 3.5,
                    escape(&written(value))
                ));
            }
        }
    }
    format!("<svg viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-label=\"{}\">{body}</svg>", escape(label))
}
