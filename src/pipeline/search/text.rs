//! A search as plain text for a terminal.

use super::constraint::number;
use super::members::Population;
use super::report::{Found, SearchReport, Source};
use super::simulate::TableSource;
use super::verify::{LatencyCheck, TooSlow};
use crate::text::{aligned, columns, duration, thousands};

fn percent(value: Option<f64>) -> String {
    value.map_or("-".into(), |v| format!("{v:.2}"))
}

impl Population {
    /// Who could be trained, in a few lines.
    pub fn to_lines(&self) -> Vec<String> {
        let count = |n: usize| thousands(n as u64);
        let mut lines = vec![format!("{} distinct networks of {} may be trained", count(self.networks), self.space)];
        if !self.constraints.is_empty() {
            lines.push(format!("left out by {}: {}", self.constraints.join(", "), count(self.infeasible)));
        }
        if self.without_truth > 0 {
            lines.push(format!("left out without a known accuracy: {}", count(self.without_truth)));
        }
        let prior = self.prior.as_ref().map_or("no score is believed beforehand".into(), |p| format!("prior: {p}"));
        lines.push(format!("features: {}; {prior}", self.features));
        lines
    }
}

impl TableSource {
    /// Where the numbers come from, in a few lines.
    pub fn to_lines(&self) -> Vec<String> {
        let mut lines = vec![format!("table {}: told {}", self.table, self.target)];
        if self.reported != self.target {
            lines[0] += &format!(", reported {}", self.reported);
        }
        lines[0] += &format!(" (best of the pool {:.2}%)", self.best_pct);
        lines.push(match &self.seconds {
            None => "costs are counted in trainings of full length (epochs / full epochs): no --cost column".into(),
            Some(source) => {
                let line = source.line.map_or(String::new(), |line| {
                    format!(
                        ";\n         {} by the line {:.0} s + {:.0} s per 1e9 MACs (R2 {:.2})",
                        thousands(source.fitted as u64),
                        line.intercept,
                        line.slope,
                        line.r_squared
                    )
                });
                format!("seconds: {} networks as in {}{line}", thousands(source.measured as u64), source.column)
            }
        });
        lines
    }
}

impl LatencyCheck {
    fn to_lines(&self) -> Vec<String> {
        let limit = number(self.max_ms);
        if let Some(reason) = &self.not_measured {
            return vec![format!("\nnot measured, so below {limit} ms by prediction only: {reason}")];
        }
        let mut lines = vec![format!(
            "\nmeasured before they were listed, limit {limit} ms; left out since they take longer: {}",
            self.too_slow.len()
        )];
        lines.extend(self.too_slow.iter().map(|TooSlow { arch, measured_ms, predicted_high_ms }| {
            format!("  {} ms (predicted: at most {})  {arch}", number(*measured_ms), number(*predicted_high_ms))
        }));
        lines
    }
}

impl SearchReport {
    /// The search as aligned plain text.
    pub fn to_text(&self) -> String {
        let mut lines = vec![format!("{} ({}), seed {}", self.title, self.strategy, self.seed)];
        lines.extend(self.population.to_lines());
        match &self.source {
            Source::Table(table) => lines.extend(table.to_lines()),
            Source::Training(training) => lines.push(format!(
                "trained on {} of {} images of {}, {} epochs; chosen by {} validation images, reported on {} test images; {} \
                 trainings were there before",
                training.images[0],
                training.images.iter().sum::<usize>(),
                training.data,
                training.recipe.epochs,
                training.images[1],
                training.images[2],
                training.reused
            )),
        }
        let time = self.seconds.map_or(String::new(), |s| format!(", {} of training", duration(s)));
        lines.push(format!(
            "{} trainings, {:.2} of full length{time}; the strategy itself took {}",
            thousands(self.trials as u64),
            self.trainings,
            duration(self.overhead_seconds)
        ));

        lines.push("\nthe best full training so far, whenever it changed".into());
        let header = ["trial", "full trainings", "time", "accuracy [%]", "reported [%]"];
        let rows = self.curve.iter().map(|point| {
            let time = point.seconds.map_or("-".into(), duration);
            let (accuracy, reported) = (percent(point.accuracy_pct), percent(point.reported_pct));
            [point.trial.to_string(), format!("{:.2}", point.trainings), time, accuracy, reported]
        });
        lines.extend(aligned(header, rows.collect()));

        lines.push("\nbest networks".into());
        lines.extend(self.best_lines());
        lines.extend(self.latency.iter().flat_map(LatencyCheck::to_lines));
        if let Some(regret) = self.regret {
            let meeting = if self.population.constraints.is_empty() { "" } else { " that meets the constraints" };
            lines.push(format!("\nthe chosen network is {regret:.2} points below the best of the pool{meeting}"));
        }
        lines.push(format!("trials: {}", self.trials_file.display()));
        lines.join("\n")
    }
    fn best_lines(&self) -> Vec<String> {
        let mut header: Vec<String> = ["trial", "epochs", "accuracy [%]", "reported [%]"].map(str::to_owned).into();
        let measured = self.best.iter().any(|found| found.measured_ms.is_some());
        header.extend(measured.then(|| "measured [ms]".to_string()));
        header.extend(self.best.iter().take(1).flat_map(|found| found.costs.iter().map(|(name, _)| name.clone())));
        let row = |found: &Found| {
            let mut row = vec![found.trial.to_string(), found.epochs.to_string()];
            row.extend([percent(found.accuracy_pct), percent(found.reported_pct)]);
            row.extend(found.measured_ms.map(number));
            row.extend(found.costs.iter().map(|(_, value)| number(*value)));
            row
        };
        let numbers = columns(header, self.best.iter().map(row).collect());
        let archs = std::iter::once("network").chain(self.best.iter().map(|found| found.arch.as_str()));
        numbers.into_iter().zip(archs).map(|(numbers, arch)| format!("{numbers}  {arch}")).collect()
    }
}
