//! What kind of networks each proxy prefers: a heat map with the truth in its first row.

use super::chart::figure;
use super::format::{DASH, count, escape, fixed, signed};
use super::heat::{Row, heat};
use super::model::{Preferences, RunReport};
use super::text::operation;
use super::{as_section, number_cell, table};

/// The heat map with its table.
pub(super) fn section(run: &RunReport) -> String {
    let Some(p) = run.preferences.as_ref().filter(|p| !p.rows.is_empty() && !p.features.is_empty()) else {
        return String::new();
    };
    let rows: Vec<Row> =
        p.rows.iter().map(|r| Row { name: &r.name, strong: r.truth, values: &r.differences }).collect();
    let features: Vec<String> = p.features.iter().map(|f| operation(f)).collect();
    let title = |i: usize, j: usize, value: Option<f64>| {
        let value = value.map_or("does not vary".to_owned(), |v| format!("{} standard deviations", signed(v, 2)));
        format!("{}, {}: {value}", p.rows[i].name, features[j])
    };
    let label = format!("What the networks ranked highest by {} rankings have more or less of.", rows.len());
    let svg = heat(&rows, &features, 2.0, |v| signed(v, 1), title, &label);
    let truth = p.rows.iter().find(|r| r.truth).map_or(String::new(), |r| {
        let among = r.networks.map_or(String::new(), |n| format!(", known for {} of them", count(n)));
        format!(" First row: the {} itself{among}; a proxy that differs from it is biased.", escape(&r.name))
    });
    let caption = format!(
        "Mean over the {}% of {} networks that are ranked highest, less the mean over all, in standard deviations over all; \
         blue: more of it, orange: less.{truth} Operations: how often they occur, those that reach the output; depth: \
         operations on the longest way.",
        fixed(p.top_pct, 0),
        count(p.networks)
    );
    let body =
        format!("<div class=\"single\">\n{}</div>\n{}", figure("chart", "", &svg, &caption), numbers(p, &features));
    as_section("preferences", "What kind of networks each proxy prefers", &body)
}

fn numbers(p: &Preferences, features: &[String]) -> String {
    let names: Vec<String> = features.iter().map(|n| escape(n)).collect();
    let headings: Vec<_> = [("", "Ranked by")].into_iter().chain(names.iter().map(|n| ("num", n.as_str()))).collect();
    let rows: String = p
        .rows
        .iter()
        .map(|row| {
            let cells: String =
                row.differences.iter().map(|v| number_cell(&v.map_or(DASH.to_owned(), |v| signed(v, 2)))).collect();
            format!("<tr><th scope=\"row\">{}</th>{cells}</tr>\n", escape(&row.name))
        })
        .collect();
    format!(
        "<details><summary>The numbers</summary>\n{}</details>\n",
        table("Preferences in standard deviations", &headings, &rows)
    )
}
