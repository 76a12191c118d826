//! Pages of comparisons of strategies.

use std::path::Path;

use serde::Deserialize;

use super::search::{Population, REFERENCE, TableSource};
use super::{Contents, KindEntry, PageError, PageOptions, read};
use crate::report::html::model::{
    Cell, CurvePanels, Estimate, Grid, Interval, Line, LinePoint, Overview, Part, RunReport, Section,
};
use crate::text::{duration, thousands};

pub(super) const KIND: KindEntry = KindEntry {
    name: "comparison",
    command: "naslens compare",
    files: "summary.json, curves.parquet",
    recognise: |path| path.join("curves.parquet").is_file() && path.join("summary.json").is_file(),
    read,
};

/// P-values below this are called differences.
const ALPHA: f64 = 0.05;

#[derive(Deserialize)]
struct Summary {
    population: Population,
    source: TableSource,
    seeds: u64,
    seed: u64,
    queries: u64,
    #[serde(default)]
    continued: bool,
    at: Vec<u64>,
    #[serde(default)]
    repeats: u64,
    strategies: Vec<Strategy>,
    #[serde(default)]
    left_out: Vec<(String, String)>,
    wall_seconds: Option<f64>,
}

#[derive(Deserialize)]
struct Strategy {
    name: String,
    title: String,
    found_pct: Option<f64>,
    by_trainings: Curve,
    by_hours: Option<Curve>,
    reach: Vec<Reach>,
    against_random: Vec<Against>,
    overhead_seconds: Option<f64>,
}

#[derive(Deserialize)]
struct Curve {
    at: Vec<f64>,
    median: Vec<Option<f64>>,
    #[serde(default)]
    quartile_1: Vec<Option<f64>>,
    #[serde(default)]
    quartile_3: Vec<Option<f64>>,
}

#[derive(Deserialize)]
struct Reach {
    within: f64,
    reached: u64,
    searches: u64,
    trainings: Censored,
    hours: Option<Censored>,
}

#[derive(Deserialize)]
struct Censored {
    median: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
}

#[derive(Deserialize)]
struct Against {
    trainings: u64,
    difference: Option<f64>,
    interval: Option<Interval>,
    p_holm: Option<f64>,
}

fn read(path: &Path, _: &PageOptions) -> Result<Contents, PageError> {
    let file = path.join("summary.json");
    let mut settings = read::json(&file)?;
    let summary: Summary = read::parsed(&file, &settings)?;
    let timed = summary.strategies.iter().any(|s| s.by_hours.is_some());
    let mut parts = vec![Part::Curves(panels(&summary, "trainings of full length", |s| Some(&s.by_trainings)))];
    if timed {
        parts.push(Part::Curves(panels(&summary, "hours of training", |s| s.by_hours.as_ref())));
    }
    let curves =
        Section { id: "search".into(), heading: "The best so far by what was paid".into(), text: Vec::new(), parts };
    let left_out = summary.left_out.iter().map(|(name, why)| (format!("{name} left out"), why.clone()));
    let page = RunReport {
        title: format!("Search strategies on {}", summary.population.space),
        verdict: verdict(&summary),
        overview: Overview {
            space: summary.population.space.clone(),
            more: [
                ("Networks to choose from", thousands(summary.population.networks)),
                ("Accuracies", format!("{} of {}", summary.source.reported, summary.source.table)),
                ("Best of the table", format!("{:.2} %", summary.source.best_pct)),
                ("Searches per strategy", thousands(summary.seeds)),
                ("Seeds", format!("{} to {}", summary.seed, summary.seed + summary.seeds.saturating_sub(1))),
                ("Budget", format!("{} full trainings", thousands(summary.queries))),
                ("Longer trainings", if summary.continued { "go on from shorter ones" } else { "start anew" }.into()),
                ("Took", summary.wall_seconds.map(duration).unwrap_or_default()),
            ]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.to_owned(), value))
            .chain(left_out)
            .collect(),
            ..Overview::default()
        },
        sections: vec![curves, tests(&summary), reach(&summary, timed)],
        ..RunReport::default()
    };
    if let Some(fields) = settings.as_object_mut() {
        let kept = ["population", "source", "seeds", "seed", "queries", "continued", "repeats"];
        fields.retain(|name, _| kept.contains(&name.as_str()));
    }
    if let Some(table) = settings["source"].as_object_mut() {
        table.retain(|name, _| ["table", "target", "reported"].contains(&name.as_str()));
    }
    Ok(Contents { settings, page, ..Contents::default() })
}

/// Median and quartiles of the best so far: the best of the table less the regret.
fn line(strategy: &Strategy, curve: &Curve, best: f64) -> Line {
    let point = |i: usize| {
        let median = best - curve.median[i]?;
        let end = |values: &[Option<f64>]| Some(best - values.get(i).copied().flatten()?);
        let interval = end(&curve.quartile_3).zip(end(&curve.quartile_1)).map(|(low, high)| Interval { low, high });
        Some(LinePoint { at: curve.at[i], value: Estimate { value: median, interval } })
    };
    Line {
        name: strategy.name.clone(),
        note: strategy.found_pct.map(|pct| format!("{pct:.2} %")).unwrap_or_default(),
        points: (0..curve.at.len().min(curve.median.len())).filter_map(point).collect(),
        dots: Vec::new(),
    }
}

fn panels(summary: &Summary, across: &str, of: fn(&Strategy) -> Option<&Curve>) -> CurvePanels {
    let best = summary.source.best_pct;
    let mut lines: Vec<Line> = summary.strategies.iter().filter_map(|s| Some(line(s, of(s)?, best))).collect();
    let reference = lines.iter().position(|line| line.name == REFERENCE).map(|i| lines.remove(i));
    CurvePanels {
        across: across.into(),
        up: "Best reported accuracy, %".into(),
        logarithmic: true,
        steps: false,
        decimals: 2,
        reference: reference.map(|line| Line { name: "random search".into(), ..line }),
        lines,
        caption: format!(
            "Reported accuracy of the best full training so far. Lines: medians over {} searches; bands: quartiles; grey: \
             random search, the same in every panel. What lies far below is cut off. Beside each name: the median at the end.",
            summary.seeds
        ),
    }
}

fn verdict(summary: &Summary) -> Vec<String> {
    let last = |s: &Strategy| {
        s.against_random.iter().max_by_key(|a| a.trainings).and_then(|a| Some((a.difference?, a.p_holm?)))
    };
    let differs = |s: &&Strategy, sign: f64| last(s).is_some_and(|(d, p)| d * sign > 0.0 && p < ALPHA);
    let others = summary.strategies.iter().filter(|s| s.name != REFERENCE).count();
    let better: Vec<&str> = summary.strategies.iter().filter(|s| differs(s, -1.0)).map(|s| s.name.as_str()).collect();
    let worse: Vec<&str> = summary.strategies.iter().filter(|s| differs(s, 1.0)).map(|s| s.name.as_str()).collect();
    let random = summary.strategies.iter().find(|s| s.name == REFERENCE).and_then(|s| s.found_pct);
    let beside = random.map_or(String::new(), |pct| format!("; random search has {pct:.2}%"));
    let mut sentences = Vec::new();
    if let Some((best, pct)) = summary.strategies.iter().find_map(|s| Some((s, s.found_pct?))) {
        sentences.push(format!(
            "After {} trainings {} has found most: {pct:.2}% in the middle of {} searches{beside}.",
            thousands(summary.queries),
            best.name,
            summary.seeds
        ));
    }
    if others > 0 {
        let names = if better.is_empty() { String::new() } else { format!(": {}", better.join(", ")) };
        sentences
            .push(format!("{} of {others} strategies beat random search then (p < 0.05, Holm){names}.", better.len()));
    }
    if !worse.is_empty() {
        sentences.push(format!("Worse than random search: {}.", worse.join(", ")));
    }
    sentences
}

fn tests(summary: &Summary) -> Section {
    let mut columns = vec!["Strategy".to_owned(), "#Found, %".into()];
    for at in &summary.at {
        columns.push(format!("#After {at}: points"));
        columns.push("#p".into());
    }
    columns.push("#Own time".into());
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut grid = Grid::new(
        "Strategies against random search",
        &columns,
        format!(
            "Regret less that of random search with the same seed, in percentage points, mean over seeds with its 95% bootstrap \
             interval ({} resamples): below zero is better. p: paired sign-flip test, corrected by Holm over all strategies and \
             budgets. Found: median reported accuracy at the end. Own time: what the strategy itself takes for one search.",
            thousands(summary.repeats)
        ),
    );
    for strategy in &summary.strategies {
        let mut row =
            vec![Cell::text(format!("{}, {}", strategy.name, strategy.title)), Cell::number(strategy.found_pct, 2)];
        for at in &summary.at {
            let against = strategy.against_random.iter().find(|a| a.trainings == *at);
            row.push(Cell::Estimate(
                against.and_then(|a| Some(Estimate { value: a.difference?, interval: a.interval })),
                2,
            ));
            row.push(match against.and_then(|a| a.p_holm) {
                Some(p) if p < 0.001 => Cell::text("<\u{a0}0.001"),
                p => Cell::number(p, 3),
            });
        }
        row.push(Cell::Seconds(strategy.overhead_seconds));
        grid.rows.push(row);
    }
    Section {
        id: "tests".into(),
        heading: "Which strategies beat random search".into(),
        text: Vec::new(),
        parts: vec![Part::Table(grid)],
    }
}

fn reach(summary: &Summary, timed: bool) -> Section {
    let withins: Vec<f64> = summary.strategies.first().iter().flat_map(|s| &s.reach).map(|r| r.within).collect();
    let mut columns = vec!["Strategy".to_owned()];
    for within in &withins {
        columns.push(format!("#Trainings to {within}"));
        if timed {
            columns.push(format!("#Hours to {within}"));
        }
        columns.push("#Reached by".into());
    }
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut grid = Grid::new(
        "What it takes to come near the best",
        &columns,
        "What is paid until the best full training is so many percentage points below the best of the table: median over \
         searches with its 95% bootstrap interval. Where most searches do not come there, there is no median.",
    );
    let cell = |paid: Option<&Censored>| {
        let show = |v: Option<f64>| v.map_or("> budget".to_owned(), |v| format!("{v:.1}"));
        let note = paid.map_or(String::new(), |c| format!("{} to {}", show(c.low), show(c.high)));
        Cell::Number(paid.and_then(|c| c.median), 1, note)
    };
    for strategy in &summary.strategies {
        let mut row = vec![Cell::text(strategy.name.clone())];
        for within in &withins {
            let reach = strategy.reach.iter().find(|r| r.within == *within);
            row.push(cell(reach.map(|r| &r.trainings)));
            if timed {
                row.push(cell(reach.and_then(|r| r.hours.as_ref())));
            }
            row.push(Cell::text(reach.map_or(String::new(), |r| format!("{} of {}", r.reached, r.searches))));
        }
        grid.rows.push(row);
    }
    Section {
        id: "reach".into(),
        heading: "What it takes to come near the best".into(),
        text: Vec::new(),
        parts: vec![Part::Table(grid)],
    }
}
