//! A comparison as plain text for a terminal.

use super::reach::Censored;
use super::{Comparison, Curve, StrategySummary};
use crate::text::columns;

/// Characters of the small plots.
const PLOT_WIDTH: usize = 48;
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// The plots show regrets between these, in percentage points, on a logarithmic scale.
const PLOT_RANGE: (f64, f64) = (0.03, 10.0);

impl Comparison {
    /// The comparison as aligned plain text.
    pub fn to_text(&self) -> String {
        let mut lines = self.population.to_lines();
        lines.extend(self.source.to_lines());
        let paid = if self.continued { "only the epochs added are paid" } else { "paid in full" };
        lines.push(format!(
            "{} searches per strategy, {} trainings of full length each; shorter and longer trainings of a network: {paid}",
            self.seeds, self.queries
        ));
        lines.push(match &self.population.scoring {
            Some(scoring) => format!(
                "scoring {} networks took {:.0} s once ({:.3} h); it is not part of the hours below",
                scoring.networks,
                scoring.seconds,
                scoring.seconds / 3600.0
            ),
            None => "the cost of scoring is not known and not part of the hours below".into(),
        });
        lines.push(String::new());
        lines.extend(self.quality());
        lines.push(String::new());
        lines.extend(self.cost());
        lines.push(String::new());
        lines.extend(self.plots());
        lines.push("\nwhat each needs".into());
        lines.extend(self.by_family().into_iter().map(|(_, s)| format!("{}: {}", s.name, s.needs)));
        lines.extend(self.left_out.iter().map(|(name, why)| format!("left out: {name}: {why}")));
        lines.join("\n")
    }

    /// The strategies, family by family.
    fn by_family(&self) -> Vec<(&'static str, &StrategySummary)> {
        let find = |name: &&str| self.strategies.iter().find(|s| s.name == *name);
        self.families.iter().flat_map(|f| f.strategies.iter().filter_map(find).map(|s| (f.family, s))).collect()
    }

    fn quality(&self) -> Vec<String> {
        let mut lines = vec![
            "regret [points]: median over seeds (quartiles); p: paired test against random search, Holm-corrected"
                .into(),
        ];
        let mut header = vec!["strategy".to_string()];
        for at in &self.at {
            header.extend([format!("after {at}"), "p".into()]);
        }
        header.push("found [%]".into());
        let row = |s: &StrategySummary| {
            let mut row = vec![s.name.to_string()];
            for &at in &self.at {
                row.push(at_budget(&s.by_trainings, at));
                let p = s.against_random.iter().find(|a| a.trainings == at).and_then(|a| a.p_holm);
                row.push(p.map_or("-".into(), p_value));
            }
            row.push(s.found_pct.map_or("-".into(), |v| format!("{v:.2}")));
            row
        };
        lines.extend(columns(header, self.strategies.iter().map(row).collect()));
        lines
    }

    fn cost(&self) -> Vec<String> {
        let mut lines = vec![
            "cost until the best training is near the best of the pool: median over seeds [95% interval]".to_string(),
            "(own: seconds that the strategy itself takes per search; > budget: most searches do not come there)"
                .into(),
        ];
        let timed = self.source.seconds.is_some();
        let mut header = vec!["family".to_string(), "strategy".into()];
        for within in &self.within {
            header.push(format!("trainings to {within}"));
            if timed {
                header.push(format!("hours to {within}"));
            }
        }
        header.push("own [s]".into());
        let width = header.len();
        let mut rows = Vec::new();
        for family in &self.families {
            let of_family: Vec<_> = self.by_family().into_iter().filter(|(name, _)| *name == family.family).collect();
            if of_family.is_empty() {
                let mut row = vec![family.family.to_string(), "not available yet".into()];
                row.resize(width, "-".into());
                rows.push(row);
            }
            for (_, s) in of_family {
                let mut row = vec![family.family.to_string(), s.name.into()];
                for reach in &s.reach {
                    row.push(censored(Some(&reach.trainings), f64::from(self.queries), 0));
                    if timed {
                        row.push(censored(reach.hours.as_ref(), f64::INFINITY, 1));
                    }
                }
                row.push(format!("{:.2}", s.overhead_seconds));
                rows.push(row);
            }
        }
        lines.extend(columns(header, rows));
        lines
    }

    /// The median regret of every strategy by trainings, both on logarithmic scales.
    fn plots(&self) -> Vec<String> {
        let (low, high) = PLOT_RANGE;
        let mut lines = vec![format!(
            "median regret from 1 to {} trainings (logarithmic; {} is {low} points or less, {} is {high} or more)",
            self.queries, LEVELS[0], LEVELS[7]
        )];
        let width = self.strategies.iter().map(|s| s.name.len()).max().unwrap_or(0);
        for s in &self.strategies {
            let at = |i: usize| {
                let share = i as f64 / (PLOT_WIDTH - 1) as f64;
                let position = f64::from(self.queries).powf(share).round() as usize;
                s.by_trainings.median.get(position.max(1) - 1).copied().flatten()
            };
            let bar = |regret: f64| {
                let share = (regret.clamp(low, high) / low).ln() / (high / low).ln();
                LEVELS[(share * 7.0).round() as usize]
            };
            let plot: String = (0..PLOT_WIDTH).map(|i| at(i).map_or(' ', bar)).collect();
            lines.push(format!("{:width$}  {plot}", s.name));
        }
        lines
    }
}

fn at_budget(curve: &Curve, trainings: u32) -> String {
    let at = trainings as usize - 1;
    let show = |values: &[Option<f64>]| values.get(at).copied().flatten().map_or("-".into(), |v| format!("{v:.2}"));
    format!("{} ({}, {})", show(&curve.median), show(&curve.quartile_1), show(&curve.quartile_3))
}

fn p_value(p: f64) -> String {
    if p < 0.001 { "<.001".into() } else { format!("{p:.3}") }
}

fn censored(value: Option<&Censored>, budget: f64, digits: usize) -> String {
    let Some(value) = value else { return "-".into() };
    let beyond = if budget.is_finite() { format!(">{budget:.0}") } else { "> budget".into() };
    let show = |v: Option<f64>| v.map_or(beyond.clone(), |v| format!("{v:.digits$}"));
    match (value.median, value.low) {
        (None, None) => beyond,
        _ => format!("{} [{}, {}]", show(value.median), show(value.low), show(value.high)),
    }
}
