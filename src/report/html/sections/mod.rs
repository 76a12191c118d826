//! Sections that are told part by part: curves, fronts, intervals of several runs, tables.

mod curves;
mod front;
mod grid;
mod intervals;
#[cfg(test)]
mod tests;

use super::as_section;
use super::format::escape;
use super::model::{Part, RunReport};

/// All such sections of the page. A part without usable values is left out, and a section without parts or text.
pub(super) fn all(run: &RunReport) -> String {
    let section = |section: &super::model::Section| {
        let text: String = section.text.iter().map(|p| format!("<p>{}</p>\n", escape(p))).collect();
        let parts: String = section.parts.iter().map(part).collect();
        match text.is_empty() && parts.is_empty() {
            true => String::new(),
            false => as_section(&escape(&section.id), &section.heading, &format!("{text}{parts}")),
        }
    };
    run.sections.iter().map(section).collect()
}

/// A figure of one chart, its caption beside it where there is room.
fn alone_with_caption(figure: &str) -> String {
    format!("<div class=\"single\">\n{figure}</div>\n")
}

fn part(part: &Part) -> String {
    let html = match part {
        Part::Curves(panels) => curves::html(panels),
        Part::Front(front) => front::html(front),
        Part::Intervals(intervals) => intervals::html(intervals),
        Part::Table(grid) => grid::html(grid),
    };
    if html.is_empty() { html } else { format!("<div class=\"part\">{html}</div>\n") }
}
