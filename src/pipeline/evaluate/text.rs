//! An evaluation as plain text for a terminal.

use std::collections::BTreeMap;

use super::{Agreement, Evaluation, ProxyEvaluation, Undefined};
use crate::candidates::strings_and_networks;
use crate::stats::Interval;
use crate::text::{aligned, wrapped};

/// Characters of a line of a note.
const WIDEST: usize = 110;

impl Evaluation {
    /// The evaluation as aligned plain text: what was compared, a table over all architectures, a table for the top
    /// 10%, and the reasons for missing scores. Best proxy first; baselines carry an asterisk.
    pub fn to_text(&self) -> String {
        let (spearman, kendall) =
            (format!("Spearman [{}]", self.percent()), format!("Kendall tau-b [{}]", self.percent()));
        let mut lines = self.header();
        lines.push(format!("\nAll {} architectures", self.n_joined));
        lines.extend(aligned(
            ["proxy", "ok", &spearman, &kendall, "partial", "nDCG@10%", "prec@10% [%]", "regret@10"],
            self.rows.iter().map(overall_cells).collect(),
        ));
        lines.push(format!("\nInside the top 10% by {} ({} architectures)", self.target, self.n_top_10pct));
        let top_cells = |row: &ProxyEvaluation| {
            let [spearman, kendall] = correlations(&row.top_10pct);
            [label(row), spearman, kendall]
        };
        lines.extend(aligned(["proxy", &spearman, &kendall], self.rows.iter().map(top_cells).collect()));
        let failing: Vec<_> = self.rows.iter().filter(|row| row.n_not_ok > 0).collect();
        if !failing.is_empty() {
            lines.push("\nMissing scores by status".into());
            lines.extend(aligned(["proxy", "architectures"], failing.into_iter().map(failure_cells).collect()));
        }
        lines.extend(self.undefined());
        lines.join("\n") + "\n"
    }

    /// Why there is a dash for a correlation, each reason once.
    fn undefined(&self) -> Vec<String> {
        let mut names: BTreeMap<(bool, Undefined), Vec<&str>> = BTreeMap::new();
        for row in &self.rows {
            for (inside, agreement) in [(false, &row.overall), (true, &row.top_10pct)] {
                // What is undefined over all is so inside the top.
                let news = agreement.undefined.filter(|_| !inside || row.overall.undefined.is_none());
                news.into_iter().for_each(|why| names.entry((inside, why)).or_default().push(&row.name));
            }
        }
        let line = |((inside, why), proxies): ((bool, Undefined), Vec<&str>)| {
            let everyone = proxies.len() == self.rows.len() || why != Undefined::EqualScores;
            let proxies = if everyone { String::new() } else { format!(": {}", proxies.join(", ")) };
            format!("-          {}{why}{proxies}", if inside { "inside the top 10%: " } else { "" })
        };
        let lines: Vec<String> = names.into_iter().map(line).collect();
        if lines.is_empty() { lines } else { [vec![String::new()], lines].concat() }
    }

    fn header(&self) -> Vec<String> {
        let [scores_key, table_key] = &self.join_key;
        let mut lines = vec![
            format!("target     {} of {}", self.target, self.table),
            format!(
                "n          {}, joined on {scores_key} = {table_key}",
                strings_and_networks(self.n_joined, self.n_networks)
            ),
            format!(
                "left out   {} not in the table, {} without a target value, {} repeated rows",
                self.n_unmatched, self.n_without_truth, self.n_repeated
            ),
        ];
        if self.n_impossible > 0 {
            lines.push(format!(
                "missing    {} values of the table are infinite, or no accuracy between 0 and 100%",
                self.n_impossible
            ));
        }
        lines.extend(self.notes.iter().map(|note| wrapped(&format!("note: {note}"), WIDEST)));
        for name in ["sampler", "seed"] {
            if let Some(value) = self.run.as_ref().and_then(|run| run.get(name)) {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                lines.push(format!("{name:<10} {value}"));
            }
        }
        lines.push(format!(
            "intervals  {} percentile bootstrap over networks with all their strings, {} resamples, seed {}",
            self.percent(),
            self.repeats,
            self.seed
        ));
        if let Some(least) = self.least_correlation {
            lines.push(format!(
                "chance     {} networks tell a correlation from 0 (p < 0.05) if it is beyond ±{least:.3}",
                self.n_networks
            ));
        }
        lines.push(
            "rules      missing scores rank last; of equal values, the mean over all orders; * marks a baseline".into(),
        );
        if !self.controls.is_empty() {
            lines.push(format!(
                "partial    Spearman given {}: what is left with their ranks regressed out",
                self.controls.join(" and ")
            ));
        }
        lines.push(
            "nDCG@10%   of the top 10% by score; gain: share of architectures with a lower target; 0.5 by chance"
                .into(),
        );
        lines.push("prec@10%   share of the top 10% by score that are in the top 10% by target".into());
        lines.push(
            "regret@10  best target of all minus best target among the ten highest scores, in units of the target"
                .into(),
        );
        lines
    }

    /// The confidence level, as in `95%`.
    fn percent(&self) -> String {
        format!("{}%", (1e4 * self.level).round() / 100.0)
    }
}

fn label(row: &ProxyEvaluation) -> String {
    format!("{}{}", row.name, if row.baseline { " *" } else { "" })
}

fn overall_cells(row: &ProxyEvaluation) -> [String; 8] {
    let [spearman, kendall] = correlations(&row.overall);
    let precision = row.precision_at_10pct.map_or("-".into(), |share| format!("{:.1}", 100.0 * share));
    let regret = row.regret_at_10.map_or("-".into(), |regret| format!("{regret:.4}"));
    let [partial, ndcg] =
        [row.partial_spearman, row.ndcg_at_10pct].map(|v| v.map_or("-".into(), |v| format!("{v:.3}")));
    [label(row), row.n_ok.to_string(), spearman, kendall, partial, ndcg, precision, regret]
}

fn failure_cells(row: &ProxyEvaluation) -> [String; 2] {
    let failures = row.statuses.iter().filter(|(status, _)| *status != crate::candidates::OK);
    [label(row), failures.map(|(status, count)| format!("{count} {status}")).collect::<Vec<_>>().join(", ")]
}

fn correlations(agreement: &Agreement) -> [String; 2] {
    let cell = |value: Option<f64>, interval: Option<Interval>| match (value, interval) {
        (None, _) => "-".into(),
        (Some(value), None) => format!("{value:.3}"),
        (Some(value), Some(Interval { low, high })) => format!("{value:.3} [{low:.3}, {high:.3}]"),
    };
    [cell(agreement.spearman, agreement.spearman_interval), cell(agreement.kendall, agreement.kendall_interval)]
}
