//! How the proxies did: correlations, scatter plots, and what follows from them.

use super::Results;
use crate::pipeline::findings::{Column, Features, NAMED, ProxyRow, REPEATS};
use crate::proxy;
use crate::report::document::{Estimate, ScatterPanel, ScatterPoint};
use crate::stats::{Clusters, RankedPairs, missing_last, multiplicities, percentile_interval, resampled};

impl Results<'_> {
    /// The candidates that proxies are judged by, with their accuracy: those in the table, or the random networks.
    pub(super) fn judged(&self) -> Vec<(usize, f64)> {
        match self.truth() {
            None => self.random().filter_map(|t| Some((t.candidate, t.mean_test_pct()?))).collect(),
            Some(truth) => truth.iter().enumerate().filter_map(|(c, accuracy)| Some((c, (*accuracy)?))).collect(),
        }
    }

    /// The networks that these candidates are, one each, in an order of their own.
    pub(super) fn networks(&self, judged: &[(usize, f64)]) -> Clusters {
        let id = |&(candidate, _): &(usize, f64)| self.candidates.ids[candidate];
        Clusters::by_key(&judged.iter().map(id).collect::<Vec<_>>())
    }

    /// The scores of every proxy for every candidate.
    pub(super) fn columns(&self) -> Vec<Column> {
        let column = |(name, _): &(String, Vec<_>)| {
            Some(Column {
                name: name.clone(),
                values: self.candidates.score(name)?.to_vec(),
                baseline: proxy::find(name).is_ok_and(|p| p.baseline),
            })
        };
        self.outcome.table.proxies.iter().filter_map(column).collect()
    }

    /// Number of parameters, which every proxy has to beat.
    pub(super) fn params(&self) -> Column {
        let values = self.candidates.score("params").unwrap_or_default().to_vec();
        Column { name: "params".into(), values, baseline: true }
    }

    /// Correlations of the scores with the accuracies of the candidates that proxies are judged by.
    pub(super) fn proxy_rows(&self, columns: &[Column], judged: &[(usize, f64)], networks: &Clusters) -> Vec<ProxyRow> {
        let truth: Vec<f64> = judged.iter().map(|j| j.1).collect();
        let row = |column: &Column| {
            let scores = self.outcome.table.proxies.iter().find(|(name, _)| *name == column.name);
            let pairs = RankedPairs::new(&missing_last(&of(column, judged)), &truth, networks);
            let estimate = |f: fn(&RankedPairs, &[u32]) -> Option<f64>| {
                let (pairs, n) = (pairs.as_ref()?, networks.count());
                let value = f(pairs, &pairs.all())?;
                let seed = self.seed("bootstrap");
                let drawn = resampled(n, REPEATS, seed, |sample| f(pairs, &multiplicities(n, sample)));
                Some(Estimate::of(value, percentile_interval(&drawn, 0.95)))
            };
            ProxyRow {
                name: column.name.clone(),
                spearman: estimate(RankedPairs::spearman),
                kendall: estimate(RankedPairs::kendall),
                n: judged.len() as u64,
                failed: scores.map_or(0, |(_, s)| s.iter().filter(|s| s.value().is_none()).count() as u64),
                seconds: self.outcome.table.run.seconds_per_proxy.get(&column.name).copied(),
                baseline: column.baseline,
            }
        };
        columns.iter().map(row).collect()
    }

    /// Score against accuracy, a panel per row: all networks that proxies are judged by, the trained ones in the colour of
    /// their role. Without a table these are the trained ones, finalists included.
    pub(super) fn scatter(&self, rows: &[ProxyRow], columns: &[Column], judged: &[(usize, f64)]) -> Vec<ScatterPanel> {
        let trained: Vec<_> = self.labelled.iter().chain(self.confirmed).collect();
        let arch = |candidate: usize| self.names[candidate].clone();
        let mut alone = vec![self.truth().is_some(); self.candidates.len()];
        trained.iter().for_each(|t| alone[t.candidate] = false);
        let panel = |row: &ProxyRow| {
            let values = &columns.iter().find(|c| c.name == row.name)?.values;
            let points = trained.iter().filter_map(|t| {
                let accuracy = match self.truth() {
                    Some(truth) => truth[t.candidate]?,
                    None => t.mean_test_pct()?,
                };
                Some(ScatterPoint { arch: arch(t.candidate), score: values[t.candidate]?, accuracy, role: t.role })
            });
            let cloud: Vec<_> = judged
                .iter()
                .filter(|j| alone[j.0])
                .filter_map(|&(candidate, accuracy)| Some((candidate, [values[candidate]?, accuracy])))
                .collect();
            let named = if cloud.len() <= NAMED { cloud.as_slice() } else { &[] };
            Some(ScatterPanel {
                proxy: row.name.clone(),
                points: points.collect(),
                names: named.iter().map(|(candidate, _)| arch(*candidate)).collect(),
                cloud: cloud.into_iter().map(|(_, point)| point).collect(),
                ..ScatterPanel::default()
            })
        };
        rows.iter().filter_map(panel).collect()
    }

    /// Measures of the candidates.
    pub(super) fn measures(&self) -> Features {
        let of = |name: &str| -> Vec<f64> {
            self.candidates.score(name).unwrap_or_default().iter().map(|count| count.unwrap_or(0.0)).collect()
        };
        Features::of(self.candidates.space.as_ref(), &self.candidates.archs, &of("params"), &of("macs"))
    }
}

/// A column's scores of the judged candidates.
pub(super) fn of(column: &Column, judged: &[(usize, f64)]) -> Vec<Option<f64>> {
    judged.iter().map(|&(candidate, _)| column.values[candidate]).collect()
}
