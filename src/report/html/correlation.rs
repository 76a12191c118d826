//! How alike proxies rank: a heat map, and the numbers as a table.

use super::chart::figure;
use super::format::{DASH, count, escape, fixed};
use super::heat::{Row, heat};
use super::model::{Correlations, RunReport};
use super::{as_section, number_cell, table};

/// The heat map with its table; nothing for fewer than two proxies.
pub(super) fn section(run: &RunReport) -> String {
    let Some(c) = run.correlations.as_ref().filter(|c| c.names.len() > 1) else { return String::new() };
    let rows: Vec<Row> = c.names.iter().zip(&c.rho).map(|(name, values)| Row { name, strong: false, values }).collect();
    let title = |i: usize, j: usize, value: Option<f64>| {
        format!("{} and {}: ρ = {}", c.names[i], c.names[j], value.map_or(DASH.to_owned(), |v| fixed(v, 2)))
    };
    let written = |v: f64| fixed(v, 2).replacen("0.", ".", 1);
    let label = format!("Spearman correlations between {} proxies.", c.names.len());
    let svg = heat(&rows, &c.names, 1.0, written, title, &label);
    let caption = format!(
        "Spearman correlation ρ between the scores of {} networks; blue: positive, orange: negative. Proxies that rank alike \
         say the same twice. {}",
        count(c.networks),
        escape(&c.method)
    );
    let body = format!("<div class=\"single\">\n{}</div>\n{}", figure("chart", "", &svg, &caption), numbers(c));
    as_section("correlations", "How alike the proxies rank", &body)
}

fn numbers(c: &Correlations) -> String {
    let names: Vec<String> = c.names.iter().map(|n| escape(n)).collect();
    let headings: Vec<_> = [("", "Proxy")].into_iter().chain(names.iter().map(|n| ("num", n.as_str()))).collect();
    let row = |(name, values): (&String, &Vec<Option<f64>>)| {
        let cells: String = values.iter().map(|v| number_cell(&v.map_or(DASH.to_owned(), |v| fixed(v, 2)))).collect();
        format!("<tr><th scope=\"row\">{name}</th>{cells}</tr>\n")
    };
    let rows: String = names.iter().zip(&c.rho).map(row).collect();
    format!(
        "<details><summary>The numbers</summary>\n{}</details>\n",
        table("Spearman correlations between proxies", &headings, &rows)
    )
}
