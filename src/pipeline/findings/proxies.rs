//! Proxies: how well they rank networks of known accuracy, which rank alike, and what they cost.

use serde::{Deserialize, Serialize};

use super::Column;
use crate::report::document::{
    Cell, Cost, Estimate, Heat, HeatRow, IntervalRow, Intervals, Part, Rows, Scatter, ScatterPanel, Section, Tone,
};
use crate::stats::{missing_last, pareto_front, pearson, ranks, similarity_order};
use crate::text::thousands;

/// The proxies and how their correlations were computed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(in crate::pipeline) struct Proxies {
    /// One row per proxy, in any order.
    pub rows: Vec<ProxyRow>,
    /// How the intervals were made, as it follows "Bars: " ("95% bootstrap intervals over the labelled networks").
    pub interval_method: String,
}

/// One proxy's agreement with training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProxyRow {
    /// Name of the proxy.
    pub name: String,
    /// Spearman correlation of the score with accuracy.
    pub spearman: Option<Estimate>,
    /// Kendall correlation of the same.
    pub kendall: Option<Estimate>,
    /// Number of networks behind the correlations.
    pub n: u64,
    /// Number of scored networks for which the proxy gave no usable value.
    pub failed: u64,
    /// Seconds the proxy took over all scored networks.
    pub seconds: Option<f64>,
    /// Whether it only measures size (params, flops, layers): what a proxy has to beat.
    pub baseline: bool,
}

impl ProxyRow {
    fn rho(&self) -> Option<f64> {
        self.spearman.map(|e| e.value).filter(|v| v.is_finite())
    }

    fn tone(&self) -> Tone {
        if self.baseline { Tone::Baseline } else { Tone::Plain }
    }
}

impl Proxies {
    /// Correlations of all proxies, as a chart and as a table, best first.
    pub fn section(&self, accuracy: &str, scored: Option<u64>) -> Section {
        let mut rows: Vec<&ProxyRow> = self.rows.iter().collect();
        let rank = |row: &ProxyRow| row.rho().unwrap_or(f64::NEG_INFINITY);
        rows.sort_by(|a, b| rank(b).total_cmp(&rank(a)).then_with(|| a.name.cmp(&b.name)));
        let drawn: Vec<&ProxyRow> = rows.iter().copied().filter(|row| row.rho().is_some()).collect();
        let missing = match rows.len() - drawn.len() {
            0 => String::new(),
            1 => " One proxy without a correlation is not drawn.".to_owned(),
            n => format!(" {n} proxies without a correlation are not drawn."),
        };
        let method = if self.interval_method.is_empty() { "95% intervals" } else { &self.interval_method };
        let row = |row: &&ProxyRow| IntervalRow {
            name: row.name.clone(),
            tone: row.tone(),
            estimates: vec![row.spearman],
            note: format!("n = {}", thousands(row.n)),
        };
        let figure = Intervals {
            across: "Spearman correlation with training".into(),
            rows: drawn.iter().map(row).collect(),
            caption: format!(
                "Spearman rank correlation of each proxy’s score with {accuracy} over the networks with a known one ({}); 1 is \
                 the same order, 0 is none. Bars: {method}.{missing} A proxy earns its cost only where it beats the size \
                 baselines.",
                n_range(&drawn)
            ),
            ..Intervals::default()
        };
        let scored = scored.map(|n| format!("{} ", thousands(n))).unwrap_or_default();
        let caption = format!(
            "Correlations with 95% intervals. n: networks behind them. Without a score, and time: of all {scored}scored networks."
        );
        let note = |row: &ProxyRow| if row.baseline { Tone::Baseline.words() } else { "" };
        let grid = Rows::of("Correlations by proxy", caption, rows)
            .column("Proxy", |row| Cell::Name(row.name.clone(), note(row).into()))
            .column("#Spearman", |row| Cell::Estimate(row.spearman, 2))
            .column("#Kendall", |row| Cell::Estimate(row.kendall, 2))
            .column("#n", |row| Cell::Count(row.n))
            .column("#Without a score", |row| Cell::Count(row.failed))
            .column("#Time", |row| Cell::Seconds(row.seconds));
        let parts = vec![Part::Intervals(figure), Part::Table(grid.into())];
        Section::new("proxies", "Which proxies rank networks as training does", parts)
    }

    /// Score against accuracy, each panel with the correlation of its proxy.
    pub fn scatter(&self, panels: &[ScatterPanel], accuracy: &str) -> Section {
        let spearman = |name: &str| self.rows.iter().find(|row| row.name == name).and_then(ProxyRow::rho);
        let panels = panels.iter().map(|p| ScatterPanel { spearman: spearman(&p.proxy), ..p.clone() }).collect();
        let scatter = Scatter { accuracy: accuracy.into(), panels };
        Section::new("scatter", "Score against accuracy", vec![Part::Scatter(scatter)])
    }
}

/// The numbers of networks behind the rows: "n = 40", "n = 38 to 40".
fn n_range(rows: &[&ProxyRow]) -> String {
    let low = rows.iter().map(|row| row.n).min().unwrap_or(0);
    let high = rows.iter().map(|row| row.n).max().unwrap_or(0);
    if low == high {
        format!("n = {}", thousands(low))
    } else {
        format!("n = {} to {}", thousands(low), thousands(high))
    }
}

/// Time for one of `networks` networks and correlation of the proxies that have both, with the Pareto front marked. A
/// time of zero is one below the clock's step: it counts as a microsecond.
pub(in crate::pipeline) fn costs(rows: &[ProxyRow], networks: u64) -> Vec<Cost> {
    let cost = |row: &ProxyRow| {
        let (seconds, spearman) = (row.seconds.filter(|s| s.is_finite())?, row.spearman?);
        (networks > 0 && spearman.value.is_finite()).then(|| Cost {
            name: row.name.clone(),
            seconds: (seconds / networks as f64).max(1e-6),
            spearman,
            baseline: row.baseline,
            front: false,
        })
    };
    let mut costs: Vec<Cost> = rows.iter().filter_map(cost).collect();
    let points: Vec<[f64; 2]> = costs.iter().map(|c| [-c.seconds, c.spearman.value]).collect();
    let points: Vec<&[f64]> = points.iter().map(|p| p.as_slice()).collect();
    pareto_front(&points).into_iter().for_each(|i| costs[i].front = true);
    costs
}

/// What the page says of them.
pub(super) fn cost_section(costs: &[Cost]) -> Section {
    Section::new("cost", "What a proxy costs and what it gives", vec![Part::Costs(costs.to_vec())])
}

/// Spearman correlations between the scores of proxies.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(in crate::pipeline) struct Correlations {
    /// Names of the proxies, similar ones next to each other.
    pub names: Vec<String>,
    /// Correlation of each with each, in the order of the names; none where a proxy gave no or equal scores.
    pub rho: Vec<Vec<Option<f64>>>,
    /// Number of networks behind them.
    pub networks: u64,
    /// How the order was found and what missing scores count as, as a sentence.
    pub method: String,
}

impl Correlations {
    pub fn section(&self) -> Option<Section> {
        let rows = self.names.iter().zip(&self.rho);
        let rows = rows.map(|(name, values)| HeatRow { name: name.clone(), strong: false, values: values.clone() });
        let heat = Heat {
            label: format!("Spearman correlations between {} proxies", self.names.len()),
            corner: "Proxy".into(),
            columns: self.names.clone(),
            rows: rows.collect(),
            full: 1.0,
            caption: format!(
                "Spearman correlation ρ between the scores of {} networks; blue: positive, orange: negative. Proxies that rank \
                 alike say the same twice. {}",
                thousands(self.networks),
                self.method
            ),
            ..Heat::default()
        };
        let section = Section::new("correlations", "Which proxies rank alike", vec![Part::Heat(heat)]);
        (self.names.len() > 1).then(|| section.called("Similar proxies"))
    }
}

/// Spearman correlations between the columns, like beside like; none for fewer than two columns or networks.
pub(in crate::pipeline) fn correlations(columns: &[Column]) -> Option<Correlations> {
    let networks = columns.first()?.values.len();
    if columns.len() < 2 || networks < 2 {
        return None;
    }
    // Ranked once each: the correlation of the ranks is Spearman's.
    let ranked: Vec<Vec<f64>> = columns.iter().map(|c| ranks(&missing_last(&c.values))).collect();
    let rho: Vec<Vec<Option<f64>>> = ranked.iter().map(|a| ranked.iter().map(|b| pearson(a, b)).collect()).collect();
    let distances: Vec<Vec<f64>> = rho.iter().map(|row| row.iter().map(|r| 1.0 - r.unwrap_or(0.0)).collect()).collect();
    let order = similarity_order(&distances);
    Some(Correlations {
        names: order.iter().map(|&i| columns[i].name.clone()).collect(),
        rho: order.iter().map(|&i| order.iter().map(|&j| rho[i][j]).collect()).collect(),
        networks: networks as u64,
        method:
            "Proxies are ordered by hierarchical clustering (average linkage of 1 − ρ). A missing score ranks last."
                .into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::document::Estimate;

    #[test]
    fn the_front_is_quick_or_good() {
        let row = |name: &str, seconds: Option<f64>, rho: f64| ProxyRow {
            name: name.into(),
            seconds,
            spearman: Some(Estimate::new(rho)),
            ..ProxyRow::default()
        };
        let rows = [
            row("quick", Some(0.0), 0.3),
            row("slow", Some(9.0), 0.7),
            row("bad", Some(10.0), 0.6),
            row("?", None, 0.9),
        ];
        let costs = costs(&rows, 3);
        let found: Vec<_> = costs.iter().map(|c| (c.name.as_str(), c.seconds, c.front)).collect();
        assert_eq!(found, [("quick", 1e-6, true), ("slow", 3.0, true), ("bad", 10.0 / 3.0, false)]);
    }

    #[test]
    fn like_stands_beside_like() {
        let column = |name: &str, values: [f64; 5]| Column {
            name: name.into(),
            values: values.map(Some).to_vec(),
            baseline: false,
        };
        let columns = [
            column("up", [1.0, 2.0, 3.0, 4.0, 5.0]),
            column("down", [5.0, 4.0, 3.0, 2.0, 1.0]),
            column("nearly up", [1.0, 2.0, 3.0, 5.0, 4.0]),
            column("flat", [1.0; 5]),
        ];
        let found = correlations(&columns).unwrap();
        let at = |name: &str| found.names.iter().position(|n| n == name).unwrap();
        assert_eq!(at("up").abs_diff(at("nearly up")), 1);
        assert!((found.rho[at("up")][at("down")].unwrap() + 1.0).abs() < 1e-12);
        assert_eq!(found.rho[at("up")][at("flat")], None);
        assert!((found.rho[at("up")][at("nearly up")].unwrap() - 0.9).abs() < 1e-12);
        assert_eq!(correlations(&columns[..1]), None);
    }
}
