//! Pages of learning curves of surrogates.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::{Contents, KindEntry, PageError, PageOptions, read};
use crate::report::html::model::{
    Cell, CurvePanels, Estimate, Grid, Line, LinePoint, Overview, Part, RunReport, Section,
};
use crate::text::thousands;

pub(super) const KIND: KindEntry = KindEntry {
    name: "prediction",
    command: "naslens predict",
    files: "curves.json",
    recognise: |path| path.join("curves.json").is_file(),
    read,
};

#[derive(Deserialize)]
struct Curves {
    target: String,
    table: String,
    space: String,
    networks: u64,
    taking_part: u64,
    repeats: u64,
    level: f64,
    seed: u64,
    features: Vec<(String, u64)>,
    curves: Vec<Curve>,
    verdict: Vec<String>,
}

#[derive(Deserialize)]
struct Curve {
    name: String,
    kind: String,
    labels: u64,
    measures: BTreeMap<String, Summary>,
}

#[derive(Clone, Copy, Deserialize)]
struct Summary {
    mean: f64,
    low: f64,
    high: f64,
}

fn read(path: &Path, _: &PageOptions) -> Result<Contents, PageError> {
    let file = path.join("curves.json");
    let mut settings = read::json(&file)?;
    let curves: Curves = read::parsed(&file, &settings)?;
    let features: Vec<String> = curves.features.iter().map(|(name, n)| format!("{n} {name}")).collect();
    let page = RunReport {
        title: format!("Accuracy predicted from few labels, {}", curves.space),
        // With most labels, and with fewest; the table has all.
        verdict: curves
            .verdict
            .iter()
            .rev()
            .take(1)
            .chain(&curves.verdict[..curves.verdict.len().saturating_sub(1).min(1)])
            .map(|sentence| capital(sentence))
            .collect(),
        overview: Overview {
            space: curves.space.clone(),
            more: vec![
                ("Accuracies".into(), format!("{} of {}", curves.target, curves.table)),
                ("Networks".into(), thousands(curves.networks)),
                ("Taking part".into(), thousands(curves.taking_part)),
                ("Features".into(), features.join(", ")),
                ("Draws of labels".into(), thousands(curves.repeats)),
                ("Seed".into(), curves.seed.to_string()),
            ],
            ..Overview::default()
        },
        sections: vec![learning(&curves), numbers(&curves)],
        ..RunReport::default()
    };
    if let Some(fields) = settings.as_object_mut() {
        let kept = ["target", "table", "space", "labels", "repeats", "level", "seed", "features"];
        fields.retain(|name, _| kept.contains(&name.as_str()));
    }
    Ok(Contents { settings, page, ..Contents::default() })
}

/// A sentence as it stands alone.
fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first = letters.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

/// Names of the contestants of a kind, in their order.
fn names<'a>(curves: &'a Curves, kind: &str) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for curve in curves.curves.iter().filter(|c| c.kind == kind) {
        if !names.contains(&curve.name.as_str()) {
            names.push(&curve.name);
        }
    }
    names
}

fn line(curves: &Curves, kind: &str, name: &str, measure: &str, shown: &str) -> Line {
    let of = curves.curves.iter().filter(|c| c.kind == kind && c.name == name);
    let point = |c: &Curve| {
        let s = c.measures.get(measure)?;
        Some(LinePoint { at: c.labels as f64, value: Estimate::with_interval(s.mean, s.low, s.high) })
    };
    Line { name: shown.into(), points: of.filter_map(point).collect(), ..Line::default() }
}

fn learning(curves: &Curves) -> Section {
    let rival = [("prior", "no label"), ("best_proxy", "the best single score")]
        .into_iter()
        .find_map(|(kind, what)| Some((kind, *names(curves, kind).first()?, what)));
    let mut lines: Vec<Line> = names(curves, "predictor")
        .into_iter()
        .map(|name| {
            let line = line(curves, "predictor", name, "kendall", name);
            let note = line.points.last().map_or(String::new(), |p| format!("{:.2}", p.value.value));
            Line { note, ..line }
        })
        .collect();
    let last = |line: &Line| line.points.last().map_or(f64::NEG_INFINITY, |p| p.value.value);
    lines.sort_by(|a, b| last(b).total_cmp(&last(a)));
    let reference = rival.map(|(kind, name, what)| line(curves, kind, name, "kendall", &format!("{name} ({what})")));
    let panels = CurvePanels {
        across: "labels".into(),
        up: "Kendall tau".into(),
        logarithmic: true,
        steps: false,
        decimals: 3,
        reference,
        lines,
        caption: format!(
            "Kendall tau of prediction and truth over networks without a label. Lines: means over {} draws of the labels; \
             bands: the middle {:.0}% of the draws; beside each name: the mean with most labels. Grey: the score that is believed \
             before any label is seen, the same in every panel.",
            curves.repeats,
            100.0 * curves.level
        ),
    };
    Section {
        id: "learning".into(),
        heading: "How many labels it takes".into(),
        text: Vec::new(),
        parts: vec![Part::Curves(panels)],
    }
}

fn numbers(curves: &Curves) -> Section {
    let mut grid = Grid::new(
        "All contestants",
        &["Contestant", "#Labels", "#Kendall", "#Spearman", "#Top 10% found", "#Regret at 1", "#RMSE", "#Coverage"],
        format!(
            "Means over draws with the middle {:.0}% of the draws. Top 10% found: share of the predicted best tenth that is in the true \
             one. Regret at 1 and RMSE in units of the table. Coverage: share of truths inside the {:.0}% intervals.",
            100.0 * curves.level,
            100.0 * curves.level
        ),
    );
    for curve in &curves.curves {
        let kind = match curve.kind.as_str() {
            "prior" => ", no label",
            "best_proxy" => ", best single score with hindsight",
            "baseline" => ", a count",
            _ => "",
        };
        let measure = |name: &str, decimals: usize| {
            let summary = curve.measures.get(name);
            Cell::Estimate(summary.map(|s| Estimate::with_interval(s.mean, s.low, s.high)), decimals)
        };
        grid.rows.push(vec![
            Cell::text(format!("{}{kind}", curve.name)),
            Cell::Count(curve.labels),
            measure("kendall", 3),
            measure("spearman", 3),
            measure("precision_at_10pct", 2),
            measure("regret_at_1", 2),
            measure("rmse", 2),
            measure("coverage", 2),
        ]);
    }
    Section {
        id: "contestants".into(),
        heading: "All numbers".into(),
        text: Vec::new(),
        parts: vec![Part::Table(grid)],
    }
}
