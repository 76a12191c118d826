//! The report as one HTML page that needs nothing else: styles, charts and a few lines of script are inside it, and it
//! makes no requests. [`model`] says what goes in; [`render`] turns it into the page.

mod chart;
mod comparison;
mod correlation;
mod cost;
mod density;
mod drawing;
mod format;
mod heat;
mod layout;
pub mod model;
mod overview;
mod placing;
mod predictions;
mod preference;
mod proxies;
mod rows;
#[cfg(test)]
mod samples;
mod scale;
mod scatter;
mod sections;
#[cfg(test)]
mod tests;
mod text;
mod worth;

use format::{DASH, count, escape, fixed, plural};
use model::{Estimate, Interval, Role, RunReport};

const HINT: &str = "<p class=\"hint\">Point at a mark, or tap it, to read its values; in a chart that has the focus the arrow \
                    keys go from mark to mark. The same network is outlined in every figure.</p>\n";

/// Renders a run as a self-contained HTML page. Sections for which the run has no data are left out.
pub fn render(run: &RunReport) -> String {
    let body = [
        worth::section(run),
        comparison::section(run),
        proxies::section(run),
        scatter::section(run),
        cost::section(run),
        correlation::section(run),
        preference::section(run),
        sections::all(run),
        predictions::section(run),
        overview::top_section(run),
        comparison::curves_section(run),
        overview::reproduction_section(run),
    ]
    .concat();
    let hint = if body.contains("<figure") { HINT } else { "" };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta name=\"generator\" content=\"naslens {}\">\n\
         <title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n{}{}{hint}<main>\n{body}</main>\n\
         <script>\n{}</script>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION"),
        escape(&run.title),
        include_str!("page.css"),
        overview::header(run),
        overview::contents(run, &body),
        include_str!("page.js"),
    )
}

/// A section of the page; its body is HTML.
fn as_section(id: &str, heading: &str, body: &str) -> String {
    format!("<section id=\"{id}\">\n<h2>{}</h2>\n{body}</section>\n", escape(heading))
}

/// A table that scrolls sideways where it does not fit. Headings are HTML; those of class "num" align right.
fn table(label: &str, headings: &[(&str, &str)], rows: &str) -> String {
    let head: String =
        headings.iter().map(|(class, text)| format!("<th scope=\"col\" class=\"{class}\">{text}</th>")).collect();
    format!(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{}\"><table><thead><tr>{head}</tr></thead>\n\
         <tbody>\n{rows}</tbody></table></div>\n",
        escape(label)
    )
}

/// A right-aligned table cell.
fn number_cell(html: &str) -> String {
    format!("<td class=\"num\">{html}</td>")
}

/// A sentence about points that could not be drawn, empty when there are none.
fn dropped(n: usize) -> String {
    match n {
        0 => String::new(),
        1 => " 1 point without a usable value is not drawn.".to_owned(),
        n => format!(" {} points without usable values are not drawn.", count(n as u64)),
    }
}

/// The caller's note as a sentence to go behind others, empty when there is none.
fn note(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" {}", escape(text)) }
}

/// An interval in words: "0.52 to 0.84".
fn interval_text(interval: Interval, decimals: usize) -> String {
    format!("{} to {}", fixed(interval.low, decimals), fixed(interval.high, decimals))
}

/// An estimate over its interval, as table cells hold it.
fn estimate_html(estimate: Option<Estimate>, decimals: usize) -> String {
    let Some(estimate) = estimate else { return DASH.to_owned() };
    let interval = estimate.interval.filter(|i| drawable(*i));
    let small = interval.map(|i| format!("<small>{}</small>", interval_text(i, decimals))).unwrap_or_default();
    format!("{}{small}", fixed(estimate.value, decimals))
}

/// Whether both ends of an interval can be drawn.
fn drawable(interval: Interval) -> bool {
    format::usable(interval.low) && format::usable(interval.high)
}

/// What the accuracy of this run is called.
fn accuracy_name(run: &RunReport) -> &str {
    if run.overview.accuracy.is_empty() { "trained accuracy" } else { &run.overview.accuracy }
}

/// Text with its first letter in upper case.
fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Class of a role in the style sheet.
fn role_class(role: Role) -> &'static str {
    match role {
        Role::Labelled => "labelled",
        Role::Control => "control",
        Role::Finalist => "finalist",
    }
}

/// What a network of this role is called.
fn role_name(role: Role) -> &'static str {
    match role {
        Role::Labelled => "labelled network",
        Role::Control => "random control",
        Role::Finalist => "finalist",
    }
}

/// A legend of the roles that occur, with how often, in the order in which they are drawn.
fn role_legend(roles: impl Iterator<Item = Role> + Clone) -> String {
    let words: Vec<_> = [Role::Labelled, Role::Control, Role::Finalist]
        .into_iter()
        .map(|role| (role, roles.clone().filter(|r| *r == role).count()))
        .filter(|(_, n)| *n > 0)
        .map(|(role, n)| (role, plural(n, role_name(role))))
        .collect();
    let entries: Vec<_> =
        words.iter().map(|(role, words)| (chart::Shape::of(*role), role_class(*role), words.as_str())).collect();
    chart::legend(&entries)
}
