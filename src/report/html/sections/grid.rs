//! Tables of cells of any kind.

use crate::report::html::format::{DASH, compact, count, duration, escape, fixed, score, usable};
use crate::report::html::model::{Cell, Grid};
use crate::report::html::overview::breakable;
use crate::report::html::{estimate_html, table};

/// The table with its caption.
pub(super) fn html(grid: &Grid) -> String {
    if grid.rows.is_empty() {
        return String::new();
    }
    let headings: Vec<String> = grid.columns.iter().map(|c| escape(&c.heading)).collect();
    let class = |numbers: bool| if numbers { "num" } else { "" };
    let headings: Vec<(&str, &str)> =
        grid.columns.iter().zip(&headings).map(|(c, text)| (class(c.numbers), text.as_str())).collect();
    let rows: String = grid
        .rows
        .iter()
        .map(|row| {
            let cells =
                row.iter().zip(&grid.columns).enumerate().map(|(i, (c, column))| cell(c, column.numbers, i == 0));
            format!("<tr>{}</tr>\n", cells.collect::<String>())
        })
        .collect();
    let caption = match grid.caption.as_str() {
        "" => String::new(),
        caption => format!("<p class=\"caption\">{}</p>\n", escape(caption)),
    };
    format!("{}{caption}", table(&grid.label, &headings, &rows))
}

fn cell(cell: &Cell, numbers: bool, first: bool) -> String {
    let finite = |value: &Option<f64>| value.filter(|v| usable(*v));
    let small = |note: &str| if note.is_empty() { String::new() } else { format!("<small>{}</small>", escape(note)) };
    let html = match cell {
        Cell::Arch(arch) => return format!("<td class=\"arch\"><code>{}</code></td>", breakable(arch)),
        // One long word, a setting for example, breaks between its parts.
        Cell::Text(text) if !text.contains(' ') => escape(text).replace('_', "_<wbr>").replace('.', ".<wbr>"),
        Cell::Text(text) => escape(text),
        Cell::Number(value, decimals, note) => {
            finite(value).map_or(DASH.to_owned(), |v| fixed(v, *decimals)) + &small(note)
        }
        Cell::Score(value) => finite(value).map_or(DASH.to_owned(), score),
        Cell::Count(n) => count(*n),
        Cell::Size(n) => n.map_or(DASH.to_owned(), compact),
        Cell::Seconds(seconds) => finite(seconds).map_or(DASH.to_owned(), duration),
        Cell::Estimate(estimate, decimals) => estimate_html(*estimate, *decimals),
    };
    match (first && !numbers, numbers) {
        (true, _) => format!("<th scope=\"row\">{html}</th>"),
        (_, true) => format!("<td class=\"num\">{html}</td>"),
        (_, false) => format!("<td>{html}</td>"),
    }
}
