//! Pages of learning curves of surrogates.

use std::path::Path;

use serde_json::json;

use super::measure::{COVERAGE, KENDALL, PRECISION, REGRET, RMSE, SPEARMAN, WIDTH};
use super::measure::{decimals, percent, unit};
use super::report::CLEAR;
use super::{Curve, Curves, Kind, METRICS};
use crate::pipeline::RunError;
use crate::pipeline::results::{Contents, KindEntry, PageOptions, read};
use crate::report::document::{Cell, CurvePanels, Document, Estimate, Line, LinePoint, Part, Rows, Section, facts};
use crate::text::thousands;

pub(in crate::pipeline) const KIND: KindEntry = KindEntry {
    name: "prediction",
    title: "how well surrogates predict from few labels",
    command: "naslens predict",
    files: "curves.json",
    recognise: |path| path.join("curves.json").is_file(),
    read,
};

fn read(path: &Path, _: &PageOptions) -> Result<Contents, RunError> {
    let file = path.join("curves.json");
    let curves: Curves = read::json(&file)?;
    let settings = json!({
        "target": curves.target,
        "table": curves.table,
        "space": curves.space,
        "labels": curves.labels,
        "repeats": curves.repeats,
        "level": curves.level,
        "seed": curves.seed,
        "features": curves.features,
    });
    Ok(Contents { settings, document: curves.document(), ..Contents::default() })
}

/// With fewer repeats, a warning.
const ENOUGH_REPEATS: usize = 10;

impl Curves {
    /// What the curves say.
    pub fn document(&self) -> Document {
        let count = |n: usize| thousands(n as u64);
        let features: Vec<String> = self.features.iter().map(|(name, n)| format!("{n} {name}")).collect();
        // With most labels, and with fewest; the table has all.
        let fewest = &self.verdict[..self.verdict.len().saturating_sub(1).min(1)];
        let fact = |name: &str, value: String| (name.to_owned(), value);
        let mut facts = facts([
            ("Search space", self.space.clone()),
            ("Accuracies", format!("{} of {}, in {}", self.target, self.table, unit(&self.target))),
            ("Networks", format!("{}, by {}", count(self.networks), self.key)),
            ("Left out", format!("{} dead, {} without a target", count(self.n_dead), count(self.n_without_truth))),
            ("Taking part", count(self.taking_part)),
            ("Features", features.join(", ")),
            ("Draws of labels", count(self.repeats)),
            ("Seed", self.seed.to_string()),
        ]);
        facts.extend(self.notes.iter().map(|note| fact("Note", note.clone())));
        if self.repeats < ENOUGH_REPEATS {
            facts.push(fact("Few draws", format!("fewer than {ENOUGH_REPEATS} draws of labels: that says little")));
        }
        Document {
            title: format!("Accuracy predicted from few labels, {}", self.space),
            verdict: self.verdict.last().into_iter().chain(fewest).map(|sentence| capital(sentence)).collect(),
            facts,
            sections: vec![learning(self), numbers(self)],
        }
    }
}

/// A sentence as it stands alone.
fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first = letters.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

/// Names of the contestants of a kind, in their order.
fn names(curves: &Curves, kind: Kind) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for curve in curves.curves.iter().filter(|c| c.kind == kind) {
        if !names.contains(&curve.name.as_str()) {
            names.push(&curve.name);
        }
    }
    names
}

fn line(curves: &Curves, kind: Kind, name: &str, measure: &str, shown: &str) -> Line {
    let of = curves.curves.iter().filter(|c| c.kind == kind && c.name == name);
    let point = |c: &Curve| {
        let s = c.measures.get(measure)?;
        Some(LinePoint { at: c.labels as f64, value: Estimate::with_interval(s.mean, s.low, s.high) })
    };
    Line { name: shown.into(), points: of.filter_map(point).collect(), ..Line::default() }
}

fn learning(curves: &Curves) -> Section {
    let rival = [(Kind::Prior, "no label"), (Kind::BestProxy, "the best single score")]
        .into_iter()
        .find_map(|(kind, what)| Some((kind, *names(curves, kind).first()?, what)));
    let mut lines: Vec<Line> = names(curves, Kind::Predictor)
        .into_iter()
        .map(|name| {
            let line = line(curves, Kind::Predictor, name, "kendall", name);
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
    Section::new("learning", "How many labels it takes", vec![Part::Curves(panels)])
}

fn numbers(curves: &Curves) -> Section {
    let level = percent(curves.level);
    let caption = format!(
        "Means over the draws of labels; tau-b with the central {level} of the draws. top 10%: share of the predicted best tenth \
             that is in the true one. regret: best unseen target minus target of the best predicted network. inside: targets \
             inside the {level} intervals, whose mean width is the last column. Regret, RMSE and width in {}. *: a count that \
             anything must beat to be of use. Hindsight: the single score with the highest tau over all networks, which nobody \
             knows beforehand. A verdict is clear if it is the same in at least {} of the draws.",
        unit(&curves.target),
        percent(CLEAR)
    );
    let d = decimals(curves.truth_std);
    let get = |curve: &Curve, metric: usize| curve.measures.get(METRICS[metric].name).copied();
    let mean = |metric: usize, decimals, factor: f64| {
        move |curve: &&Curve| Cell::number(get(curve, metric).map(|s| factor * s.mean), decimals)
    };
    let name = |curve: &Curve| match curve.kind {
        Kind::Predictor => curve.name.clone(),
        Kind::Prior => format!("{} (no labels)", curve.name),
        Kind::BestProxy => format!("{} (hindsight)", curve.name),
        Kind::Baseline => format!("{} *", curve.name),
    };
    let tau = |curve: &Curve| get(curve, KENDALL).map(|s| Estimate::with_interval(s.mean, s.low, s.high));
    let table = Rows::of("All contestants", caption, &curves.curves)
        .column("", |curve| Cell::text(name(curve)))
        .column("#labels", |curve| Cell::Count(curve.labels as u64))
        .column(&format!("#tau-b [{level}]"), |curve| Cell::Estimate(tau(curve), 3))
        .column("#rho", mean(SPEARMAN, 3, 1.0))
        .column("#top 10% [%]", mean(PRECISION, 1, 100.0))
        .column("#regret", mean(REGRET, d, 1.0))
        .column("#RMSE", mean(RMSE, d, 1.0))
        .column("#inside [%]", mean(COVERAGE, 1, 100.0))
        .column("#width", mean(WIDTH, d, 1.0));
    Section::table("contestants", "All numbers", table)
}
