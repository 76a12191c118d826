//! The page of a comparison.

use super::{Beside, Correlation, Setting};
use crate::pipeline::results::Best;
use crate::pipeline::search::curve_sections;
use crate::report::document::{Cell, Document, IntervalRow, Intervals, Part, Rows, Section, Tone, facts};
use crate::text::thousands;

/// Longer values of settings are cut.
const LONGEST: usize = 60;

pub(super) fn page(beside: &Beside) -> Document {
    let mut sections = vec![differing(beside)];
    sections.extend(correlations(beside));
    sections.extend(agreement(beside));
    sections.extend(curve_sections(&beside.searches.iter().collect::<Vec<_>>()));
    sections.extend(best(beside));
    Document {
        title: format!("{} runs side by side", beside.runs.len()),
        verdict: verdict(beside),
        facts: facts([
            ("naslens", beside.naslens.into()),
            ("Runs", beside.runs.len().to_string()),
            ("Settings in common", beside.common_settings.to_string()),
            ("Settings that differ", beside.settings.len().to_string()),
        ]),
        sections,
    }
}

/// The proxies of all runs, by their mean correlation, best first.
fn proxies(beside: &Beside) -> Vec<(&str, Vec<Option<&Correlation>>)> {
    let mut names: Vec<&str> = beside.correlations.iter().map(|c| c.proxy.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let of = |name: &str, run: usize| beside.correlations.iter().find(|c| c.run == run && c.proxy == name);
    let mut rows: Vec<(&str, Vec<Option<&Correlation>>)> =
        names.into_iter().map(|name| (name, (0..beside.runs.len()).map(|run| of(name, run)).collect())).collect();
    let mean = |row: &[Option<&Correlation>]| {
        let values: Vec<f64> = row.iter().flatten().filter_map(|c| Some(c.spearman?.value)).collect();
        if values.is_empty() { f64::NEG_INFINITY } else { values.iter().sum::<f64>() / values.len() as f64 }
    };
    rows.sort_by(|a, b| mean(&b.1).total_cmp(&mean(&a.1)));
    rows
}

fn verdict(beside: &Beside) -> Vec<String> {
    let mut sentences = Vec::new();
    let best: Vec<String> = (0..beside.runs.len())
        .filter_map(|run| {
            let rows = beside.correlations.iter().filter(|c| c.run == run && !c.baseline);
            let rho = |c: &Correlation| c.spearman.map_or(f64::NEG_INFINITY, |e| e.value);
            let best = rows.max_by(|a, b| rho(a).total_cmp(&rho(b)))?;
            Some(format!("{} in {} ({:.2})", best.proxy, beside.runs[run], best.spearman?.value))
        })
        .collect();
    if !best.is_empty() {
        sentences.push(format!("The best proxy by Spearman correlation: {}.", best.join(", ")));
    }
    let lowest = beside.agreement.iter().filter_map(|a| Some((a, a.spearman?))).min_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((a, rho)) = lowest {
        sentences.push(format!(
            "Of the proxies that two runs share, {} agrees least: Spearman {rho:.2} between {} and {} over {} common networks.",
            a.proxy,
            beside.runs[a.first],
            beside.runs[a.second],
            thousands(a.networks)
        ));
    }
    if sentences.is_empty() {
        let differ = match beside.settings.len() {
            1 => "1 setting".to_owned(),
            n => format!("{n} settings"),
        };
        sentences.push(format!("{} runs, which differ in {differ}.", beside.runs.len()));
    }
    sentences
}

fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST { text.into() } else { text.chars().take(LONGEST - 1).chain(['…']).collect() }
}

fn differing(beside: &Beside) -> Section {
    let kinds = beside.kinds.iter().map(|kind| Some((*kind).to_owned())).collect();
    let kinds = Setting { name: "kind".into(), values: kinds };
    let mut table = Rows::of("Settings that differ", "", std::iter::once(&kinds).chain(&beside.settings))
        .column("Setting", |setting| Cell::text(&setting.name));
    for (i, run) in beside.runs.iter().enumerate() {
        table = table.column(run, |setting| Cell::text(setting.values[i].as_deref().map_or("–".into(), cut)));
    }
    Section::table("settings", "What is different", table)
}

fn correlations(beside: &Beside) -> Option<Section> {
    let rows = proxies(beside);
    if rows.is_empty() {
        return None;
    }
    // Runs without accuracies have nothing to show.
    let runs: Vec<usize> =
        (0..beside.runs.len()).filter(|&run| rows.iter().any(|(_, row)| row[run].is_some())).collect();
    let interval_row = |(name, row): &(&str, Vec<Option<&Correlation>>)| IntervalRow {
        name: (*name).to_owned(),
        tone: if row.iter().flatten().any(|c| c.baseline) { Tone::Baseline } else { Tone::Plain },
        estimates: runs.iter().map(|&run| row[run]?.spearman).collect(),
        note: String::new(),
    };
    let figure = Intervals {
        across: "Spearman correlation with accuracy".into(),
        series: runs.iter().map(|&run| beside.runs[run].clone()).collect(),
        rows: rows.iter().map(interval_row).collect(),
        caption: "Each point is a proxy in a run, with its 95% interval. Proxies by their mean over runs, best first; those in \
                  grey only measure size."
            .into(),
        ..Intervals::default()
    };
    let mut table = Rows::of("Correlations by run", "Spearman correlation with its 95% interval.", &rows)
        .column("Proxy", |(name, _)| Cell::text(*name));
    for run in runs {
        let of = |(_, row): &&(&str, Vec<Option<&Correlation>>)| Cell::Estimate(row[run].and_then(|c| c.spearman), 2);
        table = table.column(&format!("#{}", beside.runs[run]), of);
    }
    let parts = vec![Part::Intervals(figure), Part::Table(table.into())];
    Some(Section::new("by-run", "Which proxies rank networks as training does", parts))
}

fn agreement(beside: &Beside) -> Option<Section> {
    if beside.agreement.is_empty() {
        return None;
    }
    let caption = "Scores of the networks that two runs share, one run against the other: how far a ranking depends on what is \
                   different between them. Missing scores rank last.";
    let mut rows: Vec<_> = beside.agreement.iter().collect();
    rows.sort_by(|a, b| a.proxy.cmp(&b.proxy).then((a.first, a.second).cmp(&(b.first, b.second))));
    let grid = Rows::of("Agreement between runs", caption, rows)
        .column("Proxy", |a| Cell::text(&a.proxy))
        .column("Run", |a| Cell::text(&beside.runs[a.first]))
        .column("Other run", |a| Cell::text(&beside.runs[a.second]))
        .column("#Common networks", |a| Cell::Count(a.networks))
        .column("#Spearman", |a| Cell::number(a.spearman, 3))
        .column("#Kendall", |a| Cell::number(a.kendall, 3));
    Some(Section::table("agreement", "Do the runs rank common networks alike", grid))
}

fn best(beside: &Beside) -> Option<Section> {
    let others = |run: usize, arch: &str| {
        let has = |(other, best): &(usize, &Vec<Best>)| *other != run && best.iter().any(|b| b.network.arch == arch);
        beside.best.iter().enumerate().filter(has).count()
    };
    let runs = beside.best.iter().enumerate();
    let rows: Vec<(usize, u64, &Best)> =
        runs.flat_map(|(run, best)| (1..).zip(best).map(move |(rank, network)| (run, rank, network))).collect();
    if rows.is_empty() {
        return None;
    }
    let caption = "Accuracy where it is known. The last column counts the other runs that have the network among their best here.";
    let name = |run: usize, rank: u64| if rank == 1 { beside.runs[run].as_str() } else { "" };
    let table = Rows::of("Best networks by run", caption, rows)
        .column("Run", |(run, rank, _)| Cell::text(name(*run, *rank)))
        .column("#Rank", |(_, rank, _)| Cell::Count(*rank))
        .column("Network", |(.., network)| Cell::Arch(network.network.clone()))
        .column("First by", |(.., network)| Cell::text(&network.by))
        .column("#Value", |(.., network)| Cell::Score(network.value))
        .column("#Accuracy, %", |(.., network)| Cell::number(network.accuracy_pct, 2))
        .column("#Also among the best of", |(run, _, network)| Cell::Count(others(*run, &network.network.arch) as u64));
    Some(Section::table("best", "Best networks of each run", table))
}
