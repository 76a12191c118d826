//! What each proxy is worth next to a count: differences with their intervals, and what follows.

use super::chart::{Chart, Mark, Shape, figure};
use super::format::{DASH, escape, p_number, p_value, signed, usable};
use super::model::{Judgement, RunReport, Worth, WorthRow};
use super::rows;
use super::text::shortened;
use super::{as_section, number_cell, table};

const ROW: f64 = 26.0;

/// The differences as a chart and as a table, best first.
pub(super) fn section(run: &RunReport) -> String {
    let Some(worth) = run.worth.as_ref().filter(|w| !w.rows.is_empty()) else { return String::new() };
    let body = format!("<div class=\"split\">\n{}{}</div>\n", forest(worth), numbers(worth));
    as_section("worth", &format!("Is a proxy worth more than {}?", worth.reference), &body)
}

/// Class in the style sheet and words.
fn judged(judgement: Judgement) -> (&'static str, &'static str) {
    match judgement {
        Judgement::Better => ("better", "better"),
        Judgement::Undecided => ("undecided", "not told apart"),
        Judgement::Worse => ("worse", "worse"),
    }
}

fn forest(worth: &Worth) -> String {
    let shown: Vec<&WorthRow> = worth.rows.iter().filter(|r| usable(r.difference.value)).collect();
    let Some(x) = rows::axis(shown.iter().map(|r| r.difference)) else { return String::new() };
    let frame = rows::frame(shown.iter().map(|r| r.name.as_str()), ROW, 16.0);
    let mut chart = Chart::rows(frame, x, &format!("Spearman correlation less that of {}", worth.reference));
    for (i, row) in shown.iter().enumerate() {
        let y = frame.top + (i as f64 + 0.5) * ROW;
        let (class, words) = judged(row.judgement);
        let shape = match row.judgement {
            Judgement::Better => Shape::Circle,
            Judgement::Undecided => Shape::Square,
            Judgement::Worse => Shape::Diamond,
        };
        rows::bar(&mut chart, row.difference, y, class);
        let title = format!("{}: {} ({words})", row.name, difference(row));
        chart.mark(chart.x(row.difference.value), y, Mark { shape, class, key: &row.name, title: &title });
        chart.text(frame.left - 8.0, y + 4.0, "name end", &shortened(&row.name));
    }
    let better = shown.iter().filter(|r| r.judgement == Judgement::Better).count();
    let svg = chart.finish(&format!("{better} of {} proxies rank better than {}.", shown.len(), worth.reference));
    let used = |j: Judgement| shown.iter().any(|r| r.judgement == j);
    let legend: Vec<_> = [
        (Judgement::Better, Shape::Circle, "better"),
        (Judgement::Undecided, Shape::Square, "not told apart"),
        (Judgement::Worse, Shape::Diamond, "worse"),
    ]
    .into_iter()
    .filter(|(j, _, _)| used(*j))
    .map(|(j, shape, words)| (shape, judged(j).0, words))
    .collect();
    figure("chart", &super::chart::legend(&legend), &svg, &escape(&worth.method))
}

fn difference(row: &WorthRow) -> String {
    let range = rows::interval(row.difference);
    let range = range.map(|i| format!(" [{}, {}]", signed(i.low, 2), signed(i.high, 2))).unwrap_or_default();
    let p = row.p_value.map(|p| format!(", {}", p_value(p))).unwrap_or_default();
    format!("{}{range}{p}", signed(row.difference.value, 2))
}

fn numbers(worth: &Worth) -> String {
    let cells = |row: &WorthRow| {
        let range = rows::interval(row.difference)
            .map(|i| format!("<small>{} to {}</small>", signed(i.low, 2), signed(i.high, 2)))
            .unwrap_or_default();
        let p = row.p_value.map_or(DASH.to_owned(), |p| escape(&p_number(p)));
        let (class, words) = judged(row.judgement);
        format!(
            "<tr><th scope=\"row\">{}</th>{}{}<td><span class=\"tag {class}\">{words}</span></td></tr>\n",
            escape(&row.name),
            number_cell(&format!("{}{range}", signed(row.difference.value, 2))),
            number_cell(&p)
        )
    };
    let rows: String = worth.rows.iter().map(cells).collect();
    let headings = [("", "Proxy"), ("num", "Difference"), ("num", "p"), ("", "Verdict")];
    format!("<div>{}</div>\n", table(&format!("Proxies compared with {}", worth.reference), &headings, &rows))
}
