//! How well proxies rank trained networks: the ranking chart and its table.

use super::chart::{Chart, Mark, Shape, figure, legend};
use super::format::{DASH, count, duration, escape, fixed, usable};
use super::model::{Estimate, ProxyRow, RunReport};
use super::rows;
use super::text::shortened;
use super::{accuracy_name, as_section, estimate_html, interval_text, number_cell, table};

const ROW: f64 = 26.0;

/// Correlations of all proxies, as a chart and as a table, best first.
pub(super) fn section(run: &RunReport) -> String {
    if run.proxies.rows.is_empty() {
        return String::new();
    }
    let mut rows: Vec<_> = run.proxies.rows.iter().collect();
    let rank = |row: &ProxyRow| spearman(row).map_or(f64::NEG_INFINITY, |e| e.value);
    rows.sort_by(|a, b| rank(b).total_cmp(&rank(a)).then_with(|| a.name.cmp(&b.name)));
    let body = format!("<div class=\"split\">\n{}{}</div>\n", ranking(run, &rows), ranking_table(run, &rows));
    as_section("proxies", "Which proxies rank networks as training does", &body)
}

pub(super) fn spearman(row: &ProxyRow) -> Option<Estimate> {
    row.spearman.filter(|e| usable(e.value))
}

fn ranking(run: &RunReport, rows: &[&ProxyRow]) -> String {
    let drawn: Vec<_> = rows.iter().filter_map(|row| Some((*row, spearman(row)?))).collect();
    let Some(x) = rows::axis(drawn.iter().map(|(_, e)| *e)) else { return String::new() };
    let frame = rows::frame(drawn.iter().map(|(row, _)| row.name.as_str()), ROW, 44.0);
    let mut chart = Chart::rows(frame, x, "Spearman correlation with training");
    for (i, (row, estimate)) in drawn.iter().enumerate() {
        let y = frame.top + (i as f64 + 0.5) * ROW;
        let (shape, class) = if row.baseline { (Shape::Square, "baseline") } else { (Shape::Circle, "proxy") };
        rows::bar(&mut chart, *estimate, y, class);
        let range =
            rows::interval(*estimate).map(|i| format!(", 95% interval {}", interval_text(i, 2))).unwrap_or_default();
        let kind = if row.baseline { " (size baseline)" } else { "" };
        let title = format!("{}{kind}: {}{range}, n = {}", row.name, fixed(estimate.value, 2), count(row.n));
        chart.mark(chart.x(estimate.value), y, Mark { shape, class, key: &row.name, title: &title });
        let name_class = if row.baseline { "name end muted" } else { "name end" };
        chart.text(frame.left - 8.0, y + 4.0, name_class, &shortened(&row.name));
        chart.text(frame.width - 2.0, y + 4.0, "value end", &fixed(estimate.value, 2));
    }
    let best = drawn[0];
    let svg = chart.finish(&format!(
        "Spearman correlation of {} proxies, highest first: {} at {}.",
        drawn.len(),
        best.0.name,
        fixed(best.1.value, 2)
    ));
    let key = match rows.iter().any(|r| r.baseline) {
        true => legend(&[(Shape::Circle, "proxy", "proxy"), (Shape::Square, "baseline", "size baseline")]),
        false => String::new(),
    };
    let missing = match rows.len() - drawn.len() {
        0 => String::new(),
        1 => " One proxy without a correlation is not drawn.".to_owned(),
        n => format!(" {n} proxies without a correlation are not drawn."),
    };
    let caption = format!(
        "Spearman rank correlation of each proxy’s score with {} over the networks with a known one ({}); 1 is the same \
         order, 0 is none. {}{missing} A proxy earns its cost only where it beats the size baselines.",
        escape(accuracy_name(run)),
        n_range(&drawn),
        bars(&run.proxies.interval_method),
    );
    figure("chart", &key, &svg, &caption)
}

/// The numbers of networks behind the rows: "n = 40", "n = 38 to 40".
fn n_range(rows: &[(&ProxyRow, Estimate)]) -> String {
    let low = rows.iter().map(|(row, _)| row.n).min().unwrap_or(0);
    let high = rows.iter().map(|(row, _)| row.n).max().unwrap_or(0);
    if low == high { format!("n = {}", count(low)) } else { format!("n = {} to {}", count(low), count(high)) }
}

fn bars(method: &str) -> String {
    format!("Bars: {}.", if method.is_empty() { "95% intervals".to_owned() } else { escape(method) })
}

fn ranking_table(run: &RunReport, rows: &[&ProxyRow]) -> String {
    let headings =
        [("", "Proxy"), ("num", "Spearman"), ("num", "Kendall"), ("num", "n"), ("num", "Failed"), ("num", "Time")];
    let cells = |row: &ProxyRow| {
        let tag = if row.baseline { " <small>size baseline</small>" } else { "" };
        let numbers = [
            estimate_html(row.spearman, 2),
            estimate_html(row.kendall, 2),
            count(row.n),
            count(row.failed),
            row.seconds.map_or(DASH.to_owned(), duration),
        ];
        let numbers: String = numbers.iter().map(|n| number_cell(n)).collect();
        format!("<tr><th scope=\"row\">{}{tag}</th>{numbers}</tr>\n", escape(&row.name))
    };
    let rows: String = rows.iter().map(|r| cells(r)).collect();
    let scored = run.overview.scored.map(|n| format!("{} ", count(n))).unwrap_or_default();
    format!(
        "<div>{}<p class=\"caption\">Correlations with 95% intervals. n: networks behind them. Failed and \
         Time: networks without a usable value and time taken, of all {scored}scored networks.</p></div>\n",
        table("Correlations by proxy", &headings, &rows)
    )
}
