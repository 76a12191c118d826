//! Pages of tables of trained networks.

use std::path::Path;

use serde_json::Value;

use crate::candidates::NetworkName;
use crate::pipeline::RunError;
use crate::pipeline::findings::TOP;
use crate::pipeline::results::{Best, Contents, KindEntry, PageOptions, front, read};
use crate::report::document::{
    Cell, CurvePanels, Document, Estimate, Front, Line, LinePoint, Part, Rows, Section, facts,
};
use crate::stats::{quantile, spearman, top_indices};
use crate::text::thousands;

pub(in crate::pipeline) const KIND: KindEntry = KindEntry {
    name: "table",
    title: "networks of a space trained for real",
    command: "naslens make-table",
    files: "table.toml, table.parquet",
    recognise: |path| path.join("table.toml").is_file(),
    read,
};

fn read(path: &Path, options: &PageOptions) -> Result<Contents, RunError> {
    let file = path.join("table.parquet");
    if !file.is_file() {
        return Err(read::unfinished(path, "make-table"));
    }
    let (table, version) = read::table(&file)?;
    let archs = NetworkName::of_rows(&table)?;
    let (valid, test) = (table.f64_column("valid_acc_pct")?, table.f64_column("test_acc_pct")?);
    let (params, macs) = (table.f64_column("params")?, table.f64_column("macs")?);
    let columns = table.column_names();
    let epochs: Vec<&String> = columns.iter().filter(|name| name.starts_with("valid_acc_ep")).collect();
    let learned: Vec<Vec<Option<f64>>> = epochs.iter().map(|name| table.f64_column(name)).collect::<Result<_, _>>()?;

    let cost = if table.has("latency_ms") { "latency_ms" } else { "macs" };
    let scale = if cost == "macs" { 1e-6 } else { 1.0 };
    let costs = table.f64_column(cost)?;
    let networks =
        archs.iter().zip(&costs).zip(&test).filter_map(|((a, c), t)| Some((a.clone(), (*c)? * scale, (*t)?)));
    let front = Front {
        across: if cost == "macs" { "multiply-accumulates, millions" } else { "latency, ms" }.into(),
        up: "Test accuracy, %".into(),
        caption: "Each point is a trained network. The line is what is reached at each cost.".into(),
        ..front(networks.collect(), options.seed)
    };
    let best = top_indices(&test.iter().map(|t| t.unwrap_or(f64::NEG_INFINITY)).collect::<Vec<_>>(), TOP);
    let caption = "By mean test accuracy over trainings. What diverged has none.";
    let grid = Rows::of("Best networks", caption, (1..).zip(&best))
        .column("#Rank", |(rank, _)| Cell::Count(*rank))
        .column("Network", |(_, i)| Cell::Arch(archs[**i].clone()))
        .column("#Parameters", |(_, i)| Cell::Size(params[**i].map(|v| v as u64)))
        .column("#MACs", |(_, i)| Cell::Size(macs[**i].map(|v| v as u64)))
        .column("#Validation accuracy, %", |(_, i)| Cell::number(valid[**i], 2))
        .column("#Test accuracy, %", |(_, i)| Cell::number(test[**i], 2));
    let what = if cost == "macs" { "operations" } else { "latency" };
    let sections = vec![
        Section::new("front", format!("Accuracy against {what}"), vec![Part::Front(front)]),
        Section::new("epochs", "How they learned", vec![Part::Curves(learning(&learned))]),
        Section::table("found", "The best networks", grid),
    ];
    let settings: Value = std::fs::read_to_string(path.join("table.toml"))
        .ok()
        .and_then(|text| toml::from_str(&text).ok())
        .unwrap_or_default();
    let document = Document {
        title: "A table of trained networks".into(),
        verdict: verdict(&table, &test)?,
        facts: facts([
            ("Search space", read::text(&settings["space"])),
            ("Data set", read::text(&settings["data"])),
            ("naslens", version),
            ("Networks", thousands(archs.len() as u64)),
            ("Trainings of each", read::text(&settings["repeats"])),
            ("Seed", read::text(&settings["seed"])),
        ]),
        sections,
    };
    let best = best.into_iter().map(|i| Best::new(&archs[i], "test accuracy, %", test[i], test[i]));
    Ok(Contents { best: best.collect(), settings, document, ..Contents::default() })
}

/// How far accuracies spread, and how far a single training can be trusted.
fn verdict(table: &crate::benchmark::Table, test: &[Option<f64>]) -> Result<Vec<String>, RunError> {
    let mut known: Vec<f64> = test.iter().flatten().copied().collect();
    known.sort_unstable_by(f64::total_cmp);
    let mut sentences = Vec::new();
    if let [Some(low), Some(middle), Some(high)] = [0.0, 0.5, 1.0].map(|q| quantile(&known, q)) {
        sentences.push(format!(
            "{} networks reach {low:.2} to {high:.2}% test accuracy, {middle:.2}% in the middle.",
            thousands(known.len() as u64)
        ));
    }
    if table.has("test_acc_seed0_pct") && table.has("test_acc_seed1_pct") {
        let (first, second) = (table.f64_column("test_acc_seed0_pct")?, table.f64_column("test_acc_seed1_pct")?);
        let (a, b): (Vec<f64>, Vec<f64>) = first.into_iter().zip(second).filter_map(|(a, b)| Some((a?, b?))).unzip();
        if let Some(rho) = spearman(&a, &b) {
            // The reliability of one training is their correlation; a perfect predictor correlates with its root.
            sentences.push(format!(
                "Two trainings of the same networks rank them with Spearman {rho:.2}; a score that knew the expected accuracies \
                 would agree with a single training by about {:.2}.",
                rho.max(0.0).sqrt()
            ));
        }
    }
    Ok(sentences)
}

fn learning(epochs: &[Vec<Option<f64>>]) -> CurvePanels {
    let point = |(epoch, values): (usize, &Vec<Option<f64>>)| {
        let value = Estimate::median(values.iter().flatten().copied().collect())?;
        Some(LinePoint { at: epoch as f64 + 1.0, value })
    };
    let line = Line {
        name: "All networks".into(),
        points: epochs.iter().enumerate().filter_map(point).collect(),
        ..Line::default()
    };
    CurvePanels {
        across: "epoch".into(),
        up: "Validation accuracy, %".into(),
        decimals: 2,
        lines: vec![line],
        caption: "Mean over the trainings of each network: median and quartiles over networks.".into(),
        ..CurvePanels::default()
    }
}
