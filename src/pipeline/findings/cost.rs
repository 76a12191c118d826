//! What proxies cost and what they give.

use super::ProxyRow;
use crate::report::document::{Cost, Part, Section};
use crate::stats::pareto_front;

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
pub(super) fn section(costs: &[Cost]) -> Section {
    Section::new("cost", "What a proxy costs and what it gives", vec![Part::Costs(costs.to_vec())])
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
}
