//! How well proxies rank networks of known accuracy.

use serde::{Deserialize, Serialize};

use crate::report::document::{
    Cell, Estimate, Grid, IntervalRow, Intervals, Part, Scatter, ScatterPanel, Section, Tone,
};
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
        let grid = Grid::new(
            "Correlations by proxy",
            &["Proxy", "#Spearman", "#Kendall", "#n", "#Without a score", "#Time"],
            format!(
                "Correlations with 95% intervals. n: networks behind them. Without a score, and time: of all {scored}scored \
                 networks."
            ),
        );
        let cells = |row: &&ProxyRow| {
            let note = if row.baseline { Tone::Baseline.words() } else { "" };
            vec![
                Cell::Name(row.name.clone(), note.into()),
                Cell::Estimate(row.spearman, 2),
                Cell::Estimate(row.kendall, 2),
                Cell::Count(row.n),
                Cell::Count(row.failed),
                Cell::Seconds(row.seconds),
            ]
        };
        let parts = vec![Part::Intervals(figure), Part::Table(grid.with_rows(rows.iter().map(cells)))];
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
