//! Pages of searches.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::net::front;
use super::random::random_search;
use super::trace::{Paid, Step, Trace, by_strategy, line};
use super::{Best, Contents, KindEntry, PageError, PageOptions, read};
use crate::report::html::model::{Cell, CurvePanels, Grid, Line, Overview, Part, RunReport, Section};
use crate::text::thousands;

pub(super) const KIND: KindEntry = KindEntry {
    name: "search",
    command: "naslens search",
    files: "summary.json, trials.parquet",
    recognise: |path| path.join("trials.parquet").is_file() && path.join("summary.json").is_file(),
    read,
};

/// Columns of the trials that are no cost of a network.
const NO_COST: [&str; 9] =
    ["trial", "arch", "arch_id", "epochs", "accuracy_pct", "reported_pct", "trainings", "seconds", "best_pct"];
/// The strategy that others are compared with.
pub(super) const REFERENCE: &str = "random";

#[derive(Deserialize)]
struct Summary {
    strategy: String,
    title: String,
    paper: String,
    seed: u64,
    queries: Option<f64>,
    budget_seconds: Option<f64>,
    #[serde(default)]
    continued: bool,
    population: Population,
    source: Source,
    trials: usize,
    trainings: f64,
    seconds: Option<f64>,
    best: Vec<Found>,
    latency: Option<Latency>,
    regret: Option<f64>,
}

#[derive(Deserialize)]
pub(super) struct Population {
    pub space: String,
    pub networks: u64,
    #[serde(default)]
    pub infeasible: u64,
    #[serde(default)]
    pub constraints: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Source {
    Table(TableSource),
    Training { data: Value },
}

#[derive(Deserialize)]
pub(super) struct TableSource {
    pub table: String,
    pub target: String,
    pub reported: String,
    pub best_pct: f64,
}

#[derive(Deserialize)]
struct Found {
    arch: String,
    trial: u64,
    epochs: u64,
    accuracy_pct: Option<f64>,
    reported_pct: Option<f64>,
    costs: Vec<(String, f64)>,
    measured_ms: Option<f64>,
}

#[derive(Deserialize)]
struct Latency {
    max_ms: f64,
    not_measured: Option<String>,
    too_slow: Vec<TooSlow>,
}

#[derive(Deserialize)]
struct TooSlow {
    arch: String,
    measured_ms: f64,
    predicted_high_ms: f64,
}

fn read(path: &Path, options: &PageOptions) -> Result<Contents, PageError> {
    let file = path.join("summary.json");
    let settings = read::json(&file)?;
    let summary: Summary = read::parsed(&file, &settings)?;
    let (trials, _) = read::table(&path.join("trials.parquet"))?;
    let trainings = trials.f64_column("trainings")?;
    let (seconds, best) = (trials.f64_column("seconds")?, trials.f64_column("best_pct")?);
    let reported = trials.f64_column("reported_pct")?;
    let step = |i: usize| Step {
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
    let source = match &summary.source {
        Source::Table(source) => format!("{} of {}", source.reported, source.table),
        Source::Training { data } => format!("trainings on {}", read::text(data)),
    };
    let trace = Trace {
        strategy: summary.strategy.clone(),
        seed: summary.seed,
        setting: format!("{}, {source}, {:?}", summary.population.space, summary.population.constraints),
        source: source.clone(),
        steps: (0..trainings.len()).map(step).collect(),
        random,
    };

    let mut sections = curve_sections(&[&trace]);
    let published = format!("{}, published in {}.", summary.title, summary.paper);
    sections.iter_mut().take(1).for_each(|section| section.text.push(published.clone()));
    sections.push(found(&summary));
    if let Some(cost) = trials.column_names().into_iter().find(|name| !NO_COST.contains(&name.as_str())) {
        let (archs, costs) = (trials.string_column("arch")?, trials.f64_column(&cost)?);
        let networks = archs
            .into_iter()
            .zip(costs)
            .zip(&reported)
            .filter_map(|((arch, cost), reported)| Some((arch?, cost?, (*reported)?)));
        sections.push(cost_section(&summary, &cost, networks.collect(), options.seed));
    }
    let page = RunReport {
        title: format!("{} of {}", summary.title, summary.population.space),
        verdict: verdict(&summary),
        overview: overview(&summary, &source),
        sections,
        ..RunReport::default()
    };
    let best = summary.best.iter().map(|found| Best {
        arch: found.arch.clone(),
        by: "search".into(),
        value: found.accuracy_pct,
        accuracy_pct: found.reported_pct,
    });
    Ok(Contents { best: best.collect(), settings: noted(settings), traces: vec![trace], page })
}

/// The part of a summary that was asked for, not found.
fn noted(mut summary: Value) -> Value {
    let kept = ["strategy", "seed", "queries", "budget_seconds", "continued", "population", "source"];
    if let Some(fields) = summary.as_object_mut() {
        fields.retain(|name, _| kept.contains(&name.as_str()));
    }
    if let Some(table) = summary["source"]["table"].as_object_mut() {
        table.retain(|name, _| ["table", "target", "reported"].contains(&name.as_str()));
    }
    summary
}

fn verdict(summary: &Summary) -> Vec<String> {
    let Some(best) = summary.best.first() else {
        return vec!["No training of full length was finished, so there is nothing to take.".into()];
    };
    let reported = best.reported_pct.map_or(String::new(), |pct| format!(" of {pct:.2}% accuracy"));
    let distance = match (summary.regret, &summary.source) {
        (Some(regret), Source::Table(_)) if regret <= 1e-9 => ", the best of the table".to_owned(),
        (Some(regret), Source::Table(source)) => {
            format!(", {regret:.2} points below the best of the table ({:.2}%)", source.best_pct)
        }
        _ => String::new(),
    };
    let trainings = match summary.trainings.round() as u64 {
        1 => "One training of full length".to_owned(),
        n => format!("{} trainings of full length", thousands(n)),
    };
    let mut sentences =
        vec![format!("{trainings} found a network{reported}{distance}."), format!("The network is {}.", best.arch)];
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

fn overview(summary: &Summary, source: &str) -> Overview {
    let mut more = vec![
        ("Networks to choose from".to_owned(), thousands(summary.population.networks)),
        ("Strategy".into(), summary.strategy.clone()),
        ("Seed".into(), summary.seed.to_string()),
        ("Accuracies".into(), source.into()),
        ("Trainings".into(), format!("{} of any length", thousands(summary.trials as u64))),
    ];
    if let Some(queries) = summary.queries {
        more.push(("Budget".into(), format!("{} full trainings", thousands(queries as u64))));
    }
    if let Some(seconds) = summary.budget_seconds {
        more.push(("Budget in time".into(), crate::text::duration(seconds)));
    }
    if let Some(seconds) = summary.seconds {
        more.push(("Training time".into(), crate::text::duration(seconds)));
    }
    if summary.continued {
        more.push(("Longer trainings".into(), "go on from shorter ones".into()));
    }
    if !summary.population.constraints.is_empty() {
        more.push(("Limits".into(), summary.population.constraints.join(", ")));
        more.push(("Over a limit".into(), thousands(summary.population.infeasible)));
    }
    Overview { space: summary.population.space.clone(), more, ..Overview::default() }
}

fn found(summary: &Summary) -> Section {
    let costs: Vec<&str> = summary.best.first().iter().flat_map(|f| &f.costs).map(|(name, _)| name.as_str()).collect();
    let measured = summary.best.iter().any(|found| found.measured_ms.is_some());
    let mut columns = vec!["#Rank", "Architecture", "#Trial", "#Epochs", "#Chosen by, %", "#Reported, %"];
    let headings: Vec<String> = costs.iter().map(|cost| format!("#{cost}")).collect();
    columns.extend(headings.iter().map(String::as_str));
    columns.extend(measured.then_some("#Measured, ms"));
    let mut grid =
        Grid::new("Best networks", &columns, "Longer trainings first, then by the accuracy that choices are made by.");
    for (rank, found) in (1..).zip(&summary.best) {
        let mut row = vec![
            Cell::Count(rank),
            Cell::Arch(found.arch.clone()),
            Cell::Count(found.trial),
            Cell::Count(found.epochs),
            Cell::number(found.accuracy_pct, 2),
            Cell::number(found.reported_pct, 2),
        ];
        row.extend(found.costs.iter().map(|(name, value)| cost_cell(name, *value)));
        if measured {
            row.push(Cell::number(found.measured_ms, 3));
        }
        grid.rows.push(row);
    }
    let mut parts = vec![Part::Table(grid)];
    let slow = summary.latency.iter().flat_map(|l| &l.too_slow);
    let mut passed = Grid::new(
        "Networks that were too slow",
        &["Passed over", "#Measured, ms", "#Predicted at most, ms"],
        "Better networks that took longer than the limit when they were measured.",
    );
    passed.rows.extend(slow.map(|s| {
        vec![Cell::Arch(s.arch.clone()), Cell::number(s.measured_ms, 3), Cell::number(s.predicted_high_ms, 3)]
    }));
    if !passed.rows.is_empty() {
        parts.push(Part::Table(passed));
    }
    Section { id: "found".into(), heading: "What was found".into(), text: Vec::new(), parts }
}

fn cost_cell(name: &str, value: f64) -> Cell {
    if name.ends_with("_ms") { Cell::number(value, 3) } else { Cell::Size(Some(value.max(0.0).round() as u64)) }
}

/// The limit on a cost, out of "cost <= limit".
fn limit(constraints: &[String], cost: &str) -> Option<f64> {
    let of = |text: &String| text.strip_prefix(cost)?.trim_start().strip_prefix("<=")?.trim().parse().ok();
    constraints.iter().find_map(of)
}

fn cost_section(summary: &Summary, cost: &str, networks: Vec<(String, f64, f64)>, seed: u64) -> Section {
    let latency = cost.contains("latency") || cost.ends_with("_ms");
    let across = match cost {
        "latency_high_ms" => "predicted latency at most, ms".to_owned(),
        _ if latency => format!("{cost}, ms"),
        "params" => "parameters".into(),
        "macs" => "multiply-accumulates".into(),
        _ => cost.to_owned(),
    };
    let mut front = front(networks, seed);
    front.across = across;
    front.up = "Reported accuracy, %".into();
    front.limit = limit(&summary.population.constraints, cost);
    front.caption = "Each point is a training of the search. The line is what is reached at each cost.".into();
    let what = match cost {
        _ if latency => "latency",
        "params" => "parameters",
        "macs" => "multiply-accumulates",
        other => other,
    };
    Section {
        id: "front".into(),
        heading: format!("Accuracy against {what}"),
        parts: vec![Part::Front(front)],
        ..Section::default()
    }
}

/// Curves of searches that are equal in all but strategy and seed: a panel per strategy, random search in every one.
pub(super) fn curve_sections(traces: &[&Trace]) -> Vec<Section> {
    let mut settings: Vec<&str> = traces.iter().map(|trace| trace.setting.as_str()).collect();
    settings.sort_unstable();
    settings.dedup();
    let several = settings.len() > 1;
    let section = |(n, setting): (usize, &str)| {
        let group: Vec<&Trace> = traces.iter().copied().filter(|trace| trace.setting == setting).collect();
        let mut parts = vec![Part::Curves(panels(&group, |step| Some(step.trainings), "trainings of full length"))];
        if group.iter().all(|trace| trace.steps.iter().all(|step| step.seconds.is_some())) {
            parts.push(Part::Curves(panels(&group, |step| step.seconds.map(|s| s / 3600.0), "hours of training")));
        }
        let of = if several { format!(": {}", group[0].source) } else { String::new() };
        Section {
            id: if n == 0 { "search".into() } else { format!("search-{n}") },
            heading: format!("The best so far by what was paid{of}"),
            text: Vec::new(),
            parts,
        }
    };
    settings.into_iter().enumerate().map(section).collect()
}

fn panels(traces: &[&Trace], paid: Paid, across: &str) -> CurvePanels {
    let groups = by_strategy(traces.iter().copied());
    let mut lines: Vec<Line> = groups.iter().map(|(name, group)| line(name, group, paid)).collect();
    let last = |line: &Line| line.points.last().map_or(f64::NEG_INFINITY, |p| p.value.value);
    lines.sort_by(|a, b| last(b).total_cmp(&last(a)));
    // Random search in the same folders is better than one that is simulated: it had the same budget and pool.
    let own = lines.iter().position(|line| line.name == REFERENCE).filter(|_| lines.len() > 1);
    let simulated = || traces.iter().find_map(|trace| trace.random.clone()).filter(|_| across.starts_with("trainings"));
    let (reference, how) = match own {
        Some(i) => (Some(Line { name: "random search".into(), ..lines.remove(i) }), "the one among these searches"),
        None => (simulated(), "200 searches simulated on all rows of the table"),
    };
    let bands = match lines.iter().chain(&reference).any(|l| l.points.iter().any(|p| p.value.interval.is_some())) {
        true => " Lines: medians over searches; bands: quartiles.",
        false => "",
    };
    let random = match &reference {
        Some(_) => format!(" Grey: random search, {how}."),
        None => {
            " There is no random search to compare with: name --table, or compare with a search by the strategy random."
                .into()
        }
    };
    let dots = if lines.iter().any(|l| !l.dots.is_empty()) { " Points: single trainings." } else { "" };
    CurvePanels {
        across: across.into(),
        up: "Best reported accuracy, %".into(),
        logarithmic: true,
        steps: true,
        decimals: 2,
        reference,
        lines,
        caption: format!("Reported accuracy of the best full training so far.{dots}{bands}{random}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_found_by_its_cost() {
        let constraints = ["params <= 1000000".to_owned(), "latency_high_ms <= 0.1200".to_owned()];
        assert_eq!(limit(&constraints, "latency_high_ms"), Some(0.12));
        assert_eq!(limit(&constraints, "param"), None);
        assert_eq!(limit(&constraints, "macs"), None);
    }
}
