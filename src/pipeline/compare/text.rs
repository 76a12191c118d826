//! A comparison as plain text for a terminal.

use super::reach::Censored;
use super::{Comparison, Curve, StrategySummary};
use crate::text::{columns, thousands};

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
            "{} searches per strategy, {} trainings of full length each; a longer training after a shorter one: {paid}",
            self.seeds, self.queries
        ));
        lines.push(match &self.population.scoring {
            Some(scoring) => format!(
                "scores of {} networks took {:.0} s ({:.3} h), once for every strategy that uses them; not in the hours below",
                thousands(scoring.networks as u64),
                scoring.seconds,
                scoring.seconds / 3600.0
            ),
            None => "no scoring is counted: there is no run, or it does not say what its scores took".into(),
        });
        lines.push(String::new());
        lines.extend(self.quality());
        lines.push(String::new());
        lines.extend(self.cost());
        lines.push(String::new());
        lines.extend(self.plots());
        lines.push("\nwhat each needs".into());
        lines.extend(self.strategies.iter().map(|s| format!("{}: {}", s.name, s.needs)));
        lines.extend(self.left_out.iter().map(|(name, why)| format!("left out: {name}: {why}")));
        lines.join("\n")
    }

    fn find(&self, name: &str) -> Option<&StrategySummary> {
        self.strategies.iter().find(|s| s.name == name)
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
            "cost until the best full training is near the best of the pool, in points: median over seeds [95% interval]".to_string(),
            "(own: seconds that the strategy itself takes per search; > budget: most searches do not come there)"
                .into(),
        ];
        let timed = self.source.seconds.is_some();
        let mut header = vec!["family, strategy".to_string()];
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
            let note = match (family.available, family.strategies.is_empty()) {
                (false, _) => " (not available yet)",
                (true, true) => " (not compared)",
                (true, false) => "",
            };
            let mut row = vec![format!("{}{note}", family.family)];
            row.resize(width, String::new());
            rows.push(row);
            for s in family.strategies.iter().filter_map(|name| self.find(name)) {
                let mut row = vec![format!("  {}", s.name)];
                for reach in &s.reach {
                    row.push(censored(Some(&reach.trainings), &format!(">{}", self.queries)));
                    if timed {
                        row.push(censored(reach.hours.as_ref(), "> budget"));
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

fn censored(value: Option<&Censored>, beyond: &str) -> String {
    let Some(value) = value else { return "-".into() };
    let show = |v: Option<f64>| match v {
        None => beyond.to_string(),
        Some(v) if v >= 9.95 => format!("{v:.0}"),
        Some(v) => format!("{v:.1}"),
    };
    match (value.median, value.low) {
        (None, None) => beyond.into(),
        _ => format!("{} [{}, {}]", show(value.median), show(value.low), show(value.high)),
    }
}
