//! Which proxies rank alike.

use serde::Deserialize;

use super::Column;
use crate::report::document::{Heat, HeatRow, Part, Section};
use crate::stats::{missing_last, pearson, ranks, similarity_order};
use crate::text::thousands;

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
