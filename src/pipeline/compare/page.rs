//! Pages of comparisons of strategies.

use std::path::Path;

use serde_json::json;

use super::{Censored, Comparison, Curve, Reach, StrategySummary};
use crate::pipeline::RunError;
use crate::pipeline::results::{Contents, KindEntry, PageOptions, read};
use crate::pipeline::search::{REFERENCE, best_so_far};
use crate::report::document::{
    Cell, CurvePanels, Document, Estimate, Grid, Interval, Line, LinePoint, Part, Rows, Section, facts,
};
use crate::text::{duration, thousands};

pub(in crate::pipeline) const KIND: KindEntry = KindEntry {
    name: "comparison",
    title: "search strategies side by side",
    command: "naslens compare",
    files: "summary.json, curves.parquet",
    recognise: |path| path.join("curves.parquet").is_file() && path.join("summary.json").is_file(),
    read,
};

/// P-values below this are called differences.
const ALPHA: f64 = 0.05;

fn read(path: &Path, _: &PageOptions) -> Result<Contents, RunError> {
    let file = path.join("summary.json");
    let summary: Comparison = read::json(&file)?;
    let (source, asked) = (&summary.source, &summary.settings);
    let settings = json!({
        "population": summary.population,
        "source": { "table": source.table, "target": source.target, "reported": source.reported },
        "seeds": asked.seeds,
        "seed": asked.seed,
        "queries": asked.queries,
        "continued": asked.continued,
        "repeats": asked.repeats,
    });
    Ok(Contents { settings, document: summary.document(), ..Contents::default() })
}

impl Comparison {
    /// What the comparison found.
    pub fn document(&self) -> Document {
        let timed = self.strategies.iter().any(|s| s.by_hours.is_some());
        let mut parts = vec![Part::Curves(panels(self, "trainings of full length", |s| Some(&s.by_trainings)))];
        if timed {
            parts.push(Part::Curves(panels(self, "hours of training", |s| s.by_hours.as_ref())));
        }
        let curves = Section::new("search", "Best accuracy so far against training cost", parts);
        let scoring = self.population.scoring.as_ref().map(|scoring| {
            let networks = thousands(scoring.networks as u64);
            format!("{networks} networks in {}, once for every strategy that uses them", duration(scoring.seconds))
        });
        let facts = facts([
            ("Search space", self.population.space.clone()),
            ("Networks to choose from", thousands(self.population.networks as u64)),
            ("Accuracies", format!("{} of {}", self.source.reported, self.source.table)),
            ("Features", format!("{}; {}", self.population.features, self.population.prior_in_words())),
            ("Scoring, not in the hours", scoring.unwrap_or_default()),
            ("Searches per strategy", thousands(self.settings.seeds)),
            (
                "Seeds",
                format!("{} to {}", self.settings.seed, self.settings.seed + self.settings.seeds.saturating_sub(1)),
            ),
            ("Budget", format!("{} full trainings", thousands(u64::from(self.settings.queries)))),
            ("Longer trainings", if self.settings.continued { "go on from shorter ones" } else { "start anew" }.into()),
            ("Took", duration(self.wall_seconds)),
        ]);
        let left_out = self.left_out.iter().map(|(name, why)| (format!("{name} left out"), why.clone()));
        Document {
            title: format!("Search strategies on {}", self.population.space),
            verdict: verdict(self),
            facts: facts.into_iter().chain(self.source.facts()).chain(left_out).collect(),
            sections: vec![curves, tests(self), reach(self, timed), needs(self)],
        }
    }
}

/// What every kind of search needs, and which kinds were not compared.
fn needs(summary: &Comparison) -> Section {
    let mut grid = Grid::new("What each needs", &["Strategy", "Family", "Needs"], "");
    for family in &summary.families {
        let note = match (family.available, family.strategies.is_empty()) {
            (false, _) => " (not available yet)",
            (true, true) => " (not compared)",
            (true, false) => "",
        };
        let named = format!("{}{note}", family.family);
        let strategies =
            family.strategies.iter().filter_map(|name| summary.strategies.iter().find(|s| s.name == *name));
        let rows = strategies.map(|s| vec![Cell::text(&s.name), Cell::text(&named), Cell::text(&s.needs)]);
        grid.rows.extend(rows);
        if family.strategies.is_empty() {
            grid.rows.push(vec![Cell::text("–"), Cell::text(&named), Cell::text("")]);
        }
    }
    Section::table("needs", "What each needs", grid)
}

/// Median and quartiles of the best so far: the best of the table less the regret.
fn line(strategy: &StrategySummary, curve: &Curve, best: f64) -> Line {
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

fn panels(summary: &Comparison, across: &str, of: fn(&StrategySummary) -> Option<&Curve>) -> CurvePanels {
    let best = summary.source.best_pct;
    let mut lines: Vec<Line> = summary.strategies.iter().filter_map(|s| Some(line(s, of(s)?, best))).collect();
    let reference = lines.iter().position(|line| line.name == REFERENCE).map(|i| lines.remove(i));
    let caption = format!(
        "Reported accuracy of the best full training so far. Lines: medians over {} searches; bands: quartiles; grey: random \
         search, the same in every panel. What lies far below is cut off. Beside each name: the median at the end.",
        summary.settings.seeds
    );
    let reference = reference.map(|line| Line { name: "random search".into(), ..line });
    CurvePanels { steps: false, ..best_so_far(across, reference, lines, caption) }
}

fn verdict(summary: &Comparison) -> Vec<String> {
    let last = |s: &StrategySummary| {
        s.against_random.iter().max_by_key(|a| a.trainings).and_then(|a| Some((a.test?.difference, a.p_holm?)))
    };
    let differs = |s: &&StrategySummary, sign: f64| last(s).is_some_and(|(d, p)| d * sign > 0.0 && p < ALPHA);
    let others = summary.strategies.iter().filter(|s| s.name != REFERENCE).count();
    let better: Vec<&str> = summary.strategies.iter().filter(|s| differs(s, -1.0)).map(|s| s.name.as_str()).collect();
    let worse: Vec<&str> = summary.strategies.iter().filter(|s| differs(s, 1.0)).map(|s| s.name.as_str()).collect();
    let random = summary.strategies.iter().find(|s| s.name == REFERENCE).and_then(|s| s.found_pct);
    let beside = random.map_or(String::new(), |pct| format!("; random search has {pct:.2}%"));
    let mut sentences = Vec::new();
    if let Some((best, pct)) = summary.strategies.iter().find_map(|s| Some((s, s.found_pct?))) {
        sentences.push(format!(
            "After {} trainings {} has found most: {pct:.2}% in the middle of {} searches{beside}.",
            thousands(u64::from(summary.settings.queries)),
            best.name,
            summary.settings.seeds
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

fn tests(summary: &Comparison) -> Section {
    let caption = format!(
        "Regret less that of random search with the same seed, in percentage points, mean over seeds with its 95% bootstrap \
         interval ({} resamples): below zero is better. p: paired sign-flip test, corrected by Holm over all strategies and \
         budgets. Found: median reported accuracy at the end. Own time: what the strategy itself takes for one search.",
        thousands(summary.settings.repeats as u64)
    );
    let mut table = Rows::of("Strategies against random search", caption, &summary.strategies)
        .column("Strategy", |s| Cell::text(format!("{}, {}", s.name, s.title)))
        .column("#Found, %", |s| Cell::number(s.found_pct, 2));
    for at in &summary.settings.at {
        let against = |s: &StrategySummary| s.against_random.iter().find(|a| a.trainings == *at).copied();
        let difference = |s: &StrategySummary| against(s)?.test.map(|t| Estimate::of(t.difference, t.interval));
        table = table
            .column(&format!("#After {at}: points"), |s| Cell::Difference(difference(s), 2))
            .column("#p", |s| Cell::PValue(against(s).and_then(|a| a.p_holm)));
    }
    table = table.column("#Own time", |s| Cell::Seconds(Some(s.overhead_seconds)));
    Section::table("tests", "Which strategies beat random search", table)
}

fn reach(summary: &Comparison, timed: bool) -> Section {
    let cell = |paid: Option<Censored>| {
        let show = |v: Option<f64>| v.map_or("> budget".to_owned(), |v| format!("{v:.1}"));
        let note = paid.map_or(String::new(), |c| format!("{} to {}", show(c.low), show(c.high)));
        Cell::Number(paid.and_then(|c| c.median), 1, note)
    };
    let title = "What it takes to come near the best";
    let caption = "What is paid until the best full training is so many percentage points below the best of the table: median over \
                   searches with its 95% bootstrap interval. Where most searches do not come there, there is no median.";
    let mut table = Rows::of(title, caption, &summary.strategies).column("Strategy", |s| Cell::text(&s.name));
    for within in summary.strategies.iter().take(1).flat_map(|s| &s.reach).map(|r| r.within) {
        let of = |s: &StrategySummary| s.reach.iter().find(|r| r.within == within).cloned();
        let reached = |r: Reach| format!("{} of {}", r.reached, r.searches);
        table = table.column(&format!("#Trainings to {within}"), |s| cell(of(s).map(|r| r.trainings)));
        if timed {
            table = table.column(&format!("#Hours to {within}"), |s| cell(of(s).and_then(|r| r.hours)));
        }
        table = table.column("#Reached by", |s| Cell::text(of(s).map(reached).unwrap_or_default()));
    }
    Section::table("reach", title, table)
}
