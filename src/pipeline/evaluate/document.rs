//! An evaluation as a document.

use std::collections::BTreeMap;

use super::{Agreement, Evaluation, ProxyEvaluation, Undefined};
use crate::candidates::{OK, strings_and_networks};
use crate::pipeline::results::read;
use crate::report::document::{Cell, Document, Estimate, Fact, Grid, Rows, Section, facts};

impl Evaluation {
    /// Which proxy ranks best, what was compared, a table over all architectures and one for the top 10%, and the reasons for
    /// missing scores. Best proxy first.
    pub fn document(&self) -> Document {
        Document {
            title: format!("Scores compared with {} of {}", self.target, self.table),
            verdict: self.verdict(),
            facts: self.facts(),
            sections: vec![self.overall(), self.top(), self.missing()],
        }
    }

    fn verdict(&self) -> Vec<String> {
        let best = |baseline: bool| {
            self.rows.iter().find(|r| r.baseline == baseline).and_then(|r| Some((&r.name, r.overall.spearman?, r)))
        };
        let said = |name: &str, rho: f64, row: &ProxyEvaluation| {
            let range =
                row.overall.spearman_interval.map_or(String::new(), |i| format!(" [{:.2}, {:.2}]", i.low, i.high));
            format!("{name}: Spearman {rho:.2}{range}")
        };
        let proxy =
            best(false).map(|(name, rho, row)| format!("The proxy that ranks best is {}.", said(name, rho, row)));
        let count =
            best(true).map(|(name, rho, row)| format!("The count that ranks best is {}.", said(name, rho, row)));
        let verdict: Vec<String> = proxy.into_iter().chain(count).collect();
        if verdict.is_empty() { vec!["No score has a correlation with the target here.".into()] } else { verdict }
    }

    fn facts(&self) -> Vec<Fact> {
        let fact = |name: &str, value: String| (name.to_owned(), value);
        let [scores_key, table_key] = &self.join_key;
        let joined = strings_and_networks(self.n_joined, self.n_networks);
        let impossible = match self.n_impossible {
            0 => String::new(),
            n => format!("{n} values of the table are infinite, or no accuracy between 0 and 100%"),
        };
        let left_out = format!(
            "{} not in the table, {} without a target value, {} repeated rows",
            self.n_unmatched, self.n_without_truth, self.n_repeated
        );
        let mut facts = facts([
            ("target", format!("{} of {}", self.target, self.table)),
            ("n", format!("{joined}, joined on {scores_key} = {table_key}")),
            ("left out", left_out),
            ("missing", impossible),
        ]);
        facts.extend(self.notes.iter().map(|note| fact("note", note.clone())));
        let noted = |name| Some(fact(name, read::text(self.run.as_ref()?.get(name)?)));
        facts.extend(["sampler", "seed"].into_iter().filter_map(noted));
        let protocol = self.run.as_ref().and_then(|run| run.pointer("/config/protocol"));
        facts.extend(protocol.map(|name| {
            fact("protocol", format!("{}: on fewer or smaller images than the settings say", read::text(name)))
        }));
        facts.push(fact(
            "intervals",
            format!(
                "{} percentile bootstrap over networks with all their strings, {} resamples, seed {}",
                self.percent(),
                self.options.repeats,
                self.options.seed
            ),
        ));
        facts.extend(self.least_correlation.map(|least| {
            let networks = self.n_networks;
            fact(
                "chance",
                format!("{networks} networks tell a correlation from 0 (p < 0.05) if it is beyond ±{least:.3}"),
            )
        }));
        facts
    }

    fn overall(&self) -> Section {
        let partial = match self.controls.as_slice() {
            [] => String::new(),
            controls => format!(
                " partial: Spearman given {}, what is left with their ranks regressed out.",
                controls.join(" and ")
            ),
        };
        let caption = format!(
            "* marks a baseline. Correlations with {} intervals. Missing scores rank last; of equal values, the mean over all \
             orders.{partial} nDCG@10%: of the top 10% by score; gain: share of architectures with a lower target; 0.5 by chance. \
             prec@10%: share of the top 10% by score that are in the top 10% by target. regret@10: best target of all minus best \
             target among the ten highest scores, in units of the target.",
            self.percent()
        );
        let [spearman, kendall] = self.headings();
        let heading = format!("All {} architectures", self.n_joined);
        let grid = Rows::of(&heading, caption, &self.rows)
            .column("proxy", |row| name(row))
            .column("#ok", |row| Cell::Count(row.n_ok as u64))
            .column(&spearman, |row| correlations(&row.overall)[0].clone())
            .column(&kendall, |row| correlations(&row.overall)[1].clone())
            .column("#partial", |row| Cell::number(row.partial_spearman, 3))
            .column("#nDCG@10%", |row| Cell::number(row.ndcg_at_10pct, 3))
            .column("#prec@10% [%]", |row| Cell::number(row.precision_at_10pct.map(|share| 100.0 * share), 1))
            .column("#regret@10", |row| Cell::number(row.regret_at_10, 4));
        Section::table("all", heading, grid).with_text(self.undefined())
    }

    fn top(&self) -> Section {
        let heading = format!("Inside the top 10% by {} ({} architectures)", self.target, self.n_top_10pct);
        let [spearman, kendall] = self.headings();
        let grid = Rows::of(&heading, "", &self.rows)
            .column("proxy", |row| name(row))
            .column(&spearman, |row| correlations(&row.top_10pct)[0].clone())
            .column(&kendall, |row| correlations(&row.top_10pct)[1].clone());
        Section::table("best-tenth", heading, grid)
    }

    fn missing(&self) -> Section {
        let cells = |row: &ProxyEvaluation| {
            let failures = row.statuses.iter().filter(|(status, _)| *status != OK);
            let said: Vec<String> = failures.map(|(status, count)| format!("{count} {status}")).collect();
            vec![name(row), Cell::text(said.join(", "))]
        };
        let failing = self.rows.iter().filter(|row| row.n_not_ok > 0);
        let grid = Grid::new("Missing scores by status", &["proxy", "architectures"], "").with_rows(failing.map(cells));
        Section::table("missing", "Missing scores by status", grid)
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
            format!("– {}{why}{proxies}", if inside { "inside the top 10%: " } else { "" })
        };
        names.into_iter().map(line).collect()
    }

    /// Of the columns with correlations.
    fn headings(&self) -> [String; 2] {
        ["Spearman", "Kendall tau-b"].map(|name| format!("#{name} [{}]", self.percent()))
    }

    /// The confidence level, as in `95%`.
    fn percent(&self) -> String {
        format!("{}%", (1e4 * self.options.level).round() / 100.0)
    }
}

fn name(row: &ProxyEvaluation) -> Cell {
    Cell::text(format!("{}{}", row.name, if row.baseline { " *" } else { "" }))
}

fn correlations(agreement: &Agreement) -> [Cell; 2] {
    let estimate = |value: Option<f64>, interval| Cell::Estimate(value.map(|v| Estimate::of(v, interval)), 3);
    [estimate(agreement.spearman, agreement.spearman_interval), estimate(agreement.kendall, agreement.kendall_interval)]
}
