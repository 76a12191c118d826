//! Pages of searches.

use std::path::Path;

use serde_json::{Value, json};

use super::constraint::number;
use super::curves::curve_sections;
use super::curves::random_search;
use super::{Constraint, Found, Population, SearchReport, Source, TableSource, TrainingSource};
use crate::candidates::NetworkName;
use crate::pipeline::RunError;
use crate::pipeline::results::{Best, Contents, KindEntry, PageOptions, SearchCurve, SearchStep, front, read};
use crate::report::document::{Cell, Document, Fact, Part, Rows, Section, facts};
use crate::text::thousands;

pub(in crate::pipeline) const KIND: KindEntry = KindEntry {
    name: "search",
    title: "networks that a strategy chose to train",
    command: "naslens search",
    files: "summary.json, trials.parquet",
    recognise: |path| path.join("trials.parquet").is_file() && path.join("summary.json").is_file(),
    read,
};

/// Columns of the trials that are no cost of a network.
const NO_COST: [&str; 9] =
    ["trial", "arch", "arch_id", "epochs", "accuracy_pct", "reported_pct", "trainings", "seconds", "best_pct"];

fn read(path: &Path, options: &PageOptions) -> Result<Contents, RunError> {
    let file = path.join("summary.json");
    let summary: SearchReport = read::json(&file)?;
    let (trials, _) = read::table(&path.join("trials.parquet"))?;
    let trainings = trials.f64_column("trainings")?;
    let (seconds, best) = (trials.f64_column("seconds")?, trials.f64_column("best_pct")?);
    let reported = trials.f64_column("reported_pct")?;
    let step = |i: usize| SearchStep {
        trainings: trainings[i].unwrap_or(i as f64 + 1.0),
        seconds: seconds[i],
        reported_pct: reported[i],
        best_pct: best[i],
    };
    let random = match (&summary.source, &options.table) {
        // Only what all rows of the table are searched by; a limit would need the costs of all rows.
        (Source::Table(source), Some(table)) if summary.population.constraints.is_empty() => {
            let most = summary.trainings.ceil() as usize;
            Some(random_search(table, &source.target, &source.reported, most, options.seed)?)
        }
        _ => None,
    };
    let source = source(&summary);
    let trace = SearchCurve {
        strategy: summary.strategy.clone(),
        seed: summary.seed,
        setting: format!("{}, {source}, {:?}", summary.population.space, summary.population.constraint_texts()),
        source: source.clone(),
        steps: (0..trainings.len()).map(step).collect(),
        random,
    };

    let mut sections = curve_sections(&[&trace]);
    let published = format!("{}, published in {}.", summary.title, summary.paper);
    sections.iter_mut().take(1).for_each(|section| section.text.push(published.clone()));
    sections.push(found(&summary));
    if let Some(cost) = trials.column_names().into_iter().find(|name| !NO_COST.contains(&name.as_str())) {
        let (mut names, costs) = (NetworkName::of_rows(&trials)?, trials.f64_column(&cost)?);
        let winner = summary.best.first().map(|found| &found.arch);
        names.iter_mut().for_each(|name| name.winner = Some(&name.arch) == winner);
        let networks = names
            .into_iter()
            .zip(costs)
            .zip(&reported)
            .filter_map(|((name, cost), reported)| Some((name, cost?, (*reported)?)));
        sections.push(cost_section(&summary, &cost, networks.collect(), options.seed));
    }
    let document = Document { sections, ..summary.document() };
    let best = summary.best.iter().map(|f| Best::new(&f.name(), "search", f.accuracy_pct, f.reported_pct));
    let settings = noted(&summary);
    Ok(Contents { best: best.collect(), settings, searches: vec![trace], document, ..Contents::default() })
}

/// Where accuracies come from, in words.
fn source(summary: &SearchReport) -> String {
    match &summary.source {
        Source::Table(source) => format!("{} of {}", source.reported, source.table),
        Source::Training(training) => format!("trainings on {}", training.data),
    }
}

impl SearchReport {
    /// What was found; the page adds what its trials show.
    pub fn document(&self) -> Document {
        Document {
            title: format!("{} of {}", self.title, self.population.space),
            verdict: verdict(self),
            facts: asked(self),
            sections: vec![progress(self), found(self)],
        }
    }
}

/// The best so far, whenever it changed.
fn progress(summary: &SearchReport) -> Section {
    let label = "The best full training so far, whenever it changed";
    let grid = Rows::of(label, "", &summary.curve)
        .column("#Trial", |point| Cell::Count(point.trial as u64))
        .column("#Full trainings", |point| Cell::number(point.trainings, 2))
        .column("#Time", |point| Cell::Seconds(point.seconds))
        .column("#Chosen by, %", |point| Cell::number(point.accuracy_pct, 2))
        .column("#Reported, %", |point| Cell::number(point.reported_pct, 2));
    Section::table("progress", label, grid)
}

/// The part of a summary that was asked for, not found.
fn noted(summary: &SearchReport) -> Value {
    let source = match &summary.source {
        Source::Table(s) => json!({ "table": s.table, "target": s.target, "reported": s.reported }),
        Source::Training(source) => json!(source),
    };
    json!({
        "strategy": summary.strategy,
        "seed": summary.seed,
        "queries": summary.queries,
        "budget_seconds": summary.budget_seconds,
        "continued": summary.continued,
        "population": summary.population,
        "source": source,
    })
}

fn verdict(summary: &SearchReport) -> Vec<String> {
    let Some(best) = summary.best.first() else {
        return vec!["No training of full length was finished, so there is nothing to take.".into()];
    };
    let reported = best.reported_pct.map_or(String::new(), |pct| format!(" of {pct:.2}% accuracy"));
    let distance = match (summary.regret, &summary.source) {
        (Some(regret), Source::Table(_)) if regret <= 1e-9 => ", the best of the pool".to_owned(),
        (Some(regret), Source::Table(source)) => {
            format!(", {regret:.2} points below the best of the pool ({:.2}%)", source.best_pct)
        }
        _ => String::new(),
    };
    let trainings = match summary.trainings.round() as u64 {
        1 => "One training of full length".to_owned(),
        n => format!("{} trainings of full length", thousands(n)),
    };
    let mut sentences = vec![
        format!("{trainings} found a network{reported}{distance}."),
        format!("The network is {}, {}{}.", best.name(), best.arch, costs(summary, best)),
    ];
    if let Some(latency) = &summary.latency {
        sentences.push(match (&latency.not_measured, best.measured_ms) {
            (Some(why), _) => format!("It was not measured whether it meets the limit of {} ms: {why}.", latency.max_ms),
            (None, Some(ms)) => format!(
                "It takes {ms:.2} ms when measured, under the limit of {} ms; {} better networks were slower and passed over.",
                latency.max_ms,
                latency.too_slow.len()
            ),
            (None, None) => format!("Its predicted latency is under the limit of {} ms.", latency.max_ms),
        });
    }
    sentences
}

/// What the network costs of what is limited, in words.
fn costs(summary: &SearchReport, best: &Found) -> String {
    let limits = &summary.population.constraints;
    let cost = |limit: &Constraint| {
        let (name, value) = best.costs.iter().find(|(name, _)| *name == limit.cost.column)?;
        Some(format!("{name} {} (limit {})", number(*value), number(limit.limit)))
    };
    let all: Vec<String> = limits.iter().filter_map(cost).collect();
    if all.is_empty() { String::new() } else { format!(", with {}", all.join(", ")) }
}

fn asked(summary: &SearchReport) -> Vec<Fact> {
    let population = &summary.population;
    let count = |n: usize| thousands(n as u64);
    let some = |n: usize| if n > 0 { count(n) } else { String::new() };
    let time = |seconds: Option<f64>| seconds.map(crate::text::duration).unwrap_or_default();
    let budget = summary.queries.map(|n| format!("{} full trainings", thousands(n as u64)));
    let mut facts = facts([
        ("Search space", population.space.clone()),
        ("Networks to choose from", count(population.networks)),
        ("Without a known accuracy", some(population.without_truth)),
        ("Strategy", summary.strategy.clone()),
        ("Seed", summary.seed.to_string()),
        ("Accuracies", source(summary)),
        ("Features", format!("{}; {}", population.features, population.prior_in_words())),
        ("Trainings", format!("{} of any length, {:.2} of full length", count(summary.trials), summary.trainings)),
        ("Budget", budget.unwrap_or_default()),
        ("Budget in time", time(summary.budget_seconds)),
        ("Training time", time(summary.seconds)),
        ("Time of the strategy itself", crate::report::duration(summary.overhead_seconds)),
        ("Longer trainings", if summary.continued { "go on from shorter ones".into() } else { String::new() }),
        ("Limits", population.constraint_texts().join(", ")),
        ("Over a limit", if population.constraints.is_empty() { String::new() } else { count(population.infeasible) }),
    ]);
    match &summary.source {
        Source::Table(table) => facts.extend(table.facts()),
        Source::Training(training) => facts.extend(training.facts()),
    }
    facts.push(("Trials".into(), summary.trials_file.display().to_string()));
    facts
}

impl Population {
    /// The score that is believed before any training.
    pub(in crate::pipeline) fn prior_in_words(&self) -> String {
        format!("prior: {}", self.prior.as_deref().unwrap_or("none"))
    }
}

impl TableSource {
    /// What strategies are told, and how costs are counted.
    pub(in crate::pipeline) fn facts(&self) -> Vec<Fact> {
        let costs = match &self.seconds {
            None => "counted in trainings of full length (epochs / full epochs): no --cost column".into(),
            Some(source) => {
                let line = source.line.map_or(String::new(), |line| {
                    format!(
                        "; {} by the line {:.0} s + {:.0} s per 1e9 MACs (R2 {:.2})",
                        thousands(source.fitted as u64),
                        line.intercept,
                        line.slope,
                        line.r_squared
                    )
                });
                format!("seconds of {} networks as in {}{line}", thousands(source.measured as u64), source.column)
            }
        };
        let fact = |name: &str, value: String| (name.to_owned(), value);
        vec![
            fact("Strategies are told", self.target.clone()),
            fact("Best of the pool", format!("{:.2} %", self.best_pct)),
            fact("Costs", costs),
        ]
    }
}

impl TrainingSource {
    fn facts(&self) -> Vec<Fact> {
        let [train, valid, test] = self.images;
        let images = format!("{train} for training, {valid} for validation, {test} for test");
        let fact = |name: &str, value: String| (name.to_owned(), value);
        vec![
            fact("Images", images),
            fact("Epochs", self.recipe.epochs.to_string()),
            fact("Trainings reused", self.reused.to_string()),
        ]
    }
}

fn found(summary: &SearchReport) -> Section {
    let caption = "Longer trainings first, then by the accuracy that choices are made by.";
    let mut table = Rows::of("Best networks", caption, (1..).zip(&summary.best))
        .column("#Rank", |(rank, _)| Cell::Count(*rank))
        .column("Network", |(rank, found)| Cell::Arch(NetworkName { winner: *rank == 1, ..found.name() }))
        .column("#Trial", |(_, found)| Cell::Count(found.trial as u64))
        .column("#Epochs", |(_, found)| Cell::Count(u64::from(found.epochs)))
        .column("#Chosen by, %", |(_, found)| Cell::number(found.accuracy_pct, 2))
        .column("#Reported, %", |(_, found)| Cell::number(found.reported_pct, 2));
    for (i, (cost, _)) in summary.best.iter().take(1).flat_map(|found| &found.costs).enumerate() {
        table = table.column(&format!("#{cost}"), |(_, found)| cost_cell(cost, found.costs[i].1));
    }
    if summary.best.iter().any(|found| found.measured_ms.is_some()) {
        table = table.column("#Measured, ms", |(_, found)| Cell::number(found.measured_ms, 3));
    }
    let slow = summary.latency.iter().flat_map(|l| &l.too_slow);
    let caption = "Better networks that took longer than the limit when they were measured.";
    let passed = Rows::of("Networks that were too slow", caption, slow)
        .column("Passed over", |s| Cell::Arch(NetworkName::new(&s.arch, &s.arch_id)))
        .column("#Measured, ms", |s| Cell::number(s.measured_ms, 3))
        .column("#Predicted at most, ms", |s| Cell::number(s.predicted_high_ms, 3));
    Section::new("found", "What was found", vec![Part::Table(table.into()), Part::Table(passed.into())])
}

fn cost_cell(name: &str, value: f64) -> Cell {
    let decimals = name.ends_with("_ms") || name.ends_with("_mb");
    if decimals { Cell::number(value, 3) } else { Cell::Size(Some(value.max(0.0).round() as u64)) }
}

fn cost_section(summary: &SearchReport, cost: &str, networks: Vec<(NetworkName, f64, f64)>, seed: u64) -> Section {
    let (what, across) = match cost {
        "latency_high_ms" => ("latency", "predicted latency at most, ms".to_owned()),
        _ if cost.contains("latency") || cost.ends_with("_ms") => ("latency", format!("{cost}, ms")),
        "params" | "params@live" => ("parameters", "parameters".into()),
        "model_mb" => ("size", "size of the model, MB".into()),
        "macs" => ("multiply-accumulates", "multiply-accumulates".into()),
        _ => (cost, cost.to_owned()),
    };
    let mut front = front(networks, seed);
    front.across = across;
    front.up = "Reported accuracy, %".into();
    front.limit = summary.population.constraints.iter().find(|c| c.cost.column == cost).map(|c| c.limit);
    front.caption = "Each point is a training of the search. The line is what is reached at each cost.".into();
    Section::new("front", format!("Accuracy against {what}"), vec![Part::Front(front)])
}
