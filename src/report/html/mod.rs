//! A document as one HTML page that needs nothing else: styles, charts and a few lines of script are inside it, and it
//! makes no requests. Text is escaped by `maud` wherever it stands.

mod chart;
mod costs;
mod curves;
mod drawing;
mod front;
mod heat;
mod images;
mod intervals;
mod layout;
mod networks;
mod page;
mod scale;
mod scatter;
mod table;
#[cfg(test)]
mod tests;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::document::{Document, Part, Role};
use super::format::{count, plural};
use crate::text::visible;
use chart::{Shape, legend};

/// Renders a document as a self-contained page.
pub fn render(document: &Document) -> String {
    let sections: Vec<_> = document.sections.iter().filter_map(page::section).collect();
    let figures = sections.iter().any(|(_, body)| body.0.contains("<figure"));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1";
                meta name="generator" content={ "naslens " (env!("CARGO_PKG_VERSION")) };
                title { (document.title) }
                style { (PreEscaped(include_str!("page.css"))) }
            }
            body {
                (page::header(document))
                (page::contents(&sections))
                @if figures {
                    p.hint {
                        "Point at a mark, or tap it, to read its values; in a chart that has the focus the arrow keys go from \
                         mark to mark. The same network is outlined in every figure."
                    }
                }
                main { @for (_, body) in &sections { (body) } }
                script { "\n" (PreEscaped(include_str!("page.js"))) }
            }
        }
    };
    // Names of files and columns may hold control characters, wherever they stand.
    visible(&page.into_string())
}

/// A part of a section; none if it has nothing to show.
fn part(part: &Part) -> Option<Markup> {
    match part {
        Part::Table(grid) => table::table(grid),
        Part::Intervals(intervals) => intervals::figure(intervals),
        Part::Curves(panels) => curves::figure(panels),
        Part::Front(front) => front::figure(front),
        Part::Heat(heat) => heat::figure(heat),
        Part::Scatter(scatter) => scatter::figure(scatter),
        Part::Costs(costs) => costs::figure(costs),
        Part::Strip(strip) => networks::figure(strip),
        Part::Predictions(predictions) => networks::predictions(predictions),
        Part::Learning(learning) => networks::learning(learning),
        Part::Drawings(drawings) => drawing::figures(drawings),
        Part::Images(images) => images::figures(images),
        Part::Facts(facts) => (!facts.is_empty()).then(|| page::facts(facts)),
        Part::Code(title, text) => (!text.is_empty()).then(|| page::code(title, text)),
    }
}

/// A sentence about points that could not be drawn, empty when there are none.
fn dropped(n: usize) -> String {
    match n {
        0 => String::new(),
        1 => " 1 point without a usable value is not drawn.".to_owned(),
        n => format!(" {} points without usable values are not drawn.", count(n as u64)),
    }
}

/// Text with its first letter in upper case.
fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Class of a role in the style sheet, and what a network of this role is called.
fn role(role: Role) -> (&'static str, &'static str) {
    match role {
        Role::Labelled => ("labelled", "labelled network"),
        Role::Control => ("control", "random control"),
        Role::Finalist => ("finalist", "finalist"),
    }
}

/// A legend of the roles that occur, with how often, in the order in which they are drawn.
fn role_legend(roles: impl Iterator<Item = Role> + Clone) -> Markup {
    let entries: Vec<_> = [Role::Labelled, Role::Control, Role::Finalist]
        .into_iter()
        .map(|which| (which, roles.clone().filter(|r| *r == which).count()))
        .filter(|(_, n)| *n > 0)
        .map(|(which, n)| (Shape::of(which), role(which).0, plural(n, role(which).1)))
        .collect();
    legend(&entries)
}
