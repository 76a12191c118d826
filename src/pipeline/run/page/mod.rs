//! What a run has to say, as the data of the report page.

use serde_json::Value;

mod networks;
mod proxies;

use std::path::Path;

use super::RunConfig;
use crate::candidates::{Candidates, Role};
use crate::engine::describe_device;
use crate::pipeline::Outcome;
use crate::pipeline::confirm::{Groups, Trained, Winner, diverged, divergence};
use crate::pipeline::findings::{self, Column, correlations, costs, preferences, worth};
use crate::pipeline::predict::Surrogate;
use crate::report::html::model::{
    Evidence, Overview, Predictions, ProxyRow, ProxySection, Reproduction, RunReport, Worth,
};
use crate::seed::derive;

/// Everything that a run found.
pub(super) struct Results<'a> {
    pub config: &'a RunConfig,
    pub outcome: &'a Outcome,
    pub candidates: &'a Candidates,
    pub labelled: &'a [Trained],
    /// Finalists, then controls.
    pub confirmed: &'a [Trained],
    /// These compared.
    pub groups: Groups<'a>,
    pub surrogate: &'a Surrogate,
    /// The network to take.
    pub winner: Option<&'a Winner>,
    pub settings: String,
    /// Images for training, validation and test.
    pub image_counts: [usize; 3],
    pub device: tch::Device,
    pub threads: usize,
    pub out: &'a Path,
}

impl Results<'_> {
    /// Labelled networks and controls: a uniform sample, unlike the finalists.
    fn random(&self) -> impl Iterator<Item = &Trained> {
        let controls = self.confirmed.iter().filter(|t| t.role == Role::Control);
        self.labelled.iter().chain(controls)
    }

    /// Accuracies of the table by candidate, if there is one.
    fn truth(&self) -> Option<&[Option<f64>]> {
        self.candidates.truth(&self.config.table.as_ref()?.column)
    }

    fn seed(&self, name: &str) -> u64 {
        derive(self.config.screen.seed, name)
    }

    /// What proxies are worth, whether choosing helped, what to take, and how far the surrogate can be trusted.
    fn verdict(&self, worth: Option<&Worth>, rows: &[ProxyRow], held_out: &Predictions) -> Vec<String> {
        let mut sentences = worth.map_or(Vec::new(), |w| findings::sentences(w, rows));
        sentences.extend(self.groups.sentence());
        sentences.extend(self.winner.iter().flat_map(|w| w.sentences(self.config.screen.max_latency_ms)));
        let ((a, n), (b, m)) = (diverged(self.labelled), diverged(self.confirmed));
        sentences.extend(divergence(a + b, n + m));
        if let Some(rho) = held_out.spearman {
            let inside = held_out
                .points
                .iter()
                .filter(|p| p.interval.is_some_and(|i| (i.low..=i.high).contains(&p.trained)))
                .count();
            sentences.push(format!(
                "The surrogate, fitted on {} networks, ranks the {} trained afterwards with Spearman {:.2}; {inside} of \
                 them fall into their {:.0}% interval.",
                held_out.labels,
                held_out.points.len(),
                rho.value,
                held_out.level
            ));
        }
        sentences
    }
}

/// Puts the page together.
pub(super) fn page(results: &Results<'_>) -> RunReport {
    let (columns, judged, params) = (results.columns(), results.judged(), results.params());
    let truth: Vec<f64> = judged.iter().map(|j| j.1).collect();
    let restricted = |c: &Column| Column { values: proxies::of(c, &judged), ..c.clone() };
    let tested: Vec<Column> = columns.iter().map(restricted).collect();
    let networks = results.networks(&judged);
    let worth = worth(&tested, &restricted(&params), &truth, &networks, results.seed("bootstrap"));
    let mut rows = results.proxy_rows(&columns, &judged, &networks);
    let rho = |r: &ProxyRow| r.spearman.map_or(f64::NEG_INFINITY, |e| e.value);
    rows.sort_by(|a, b| rho(b).total_cmp(&rho(a)));
    let mut known = vec![None; results.candidates.len()];
    judged.iter().for_each(|&(candidate, accuracy)| known[candidate] = Some(accuracy));
    let accuracy = results.truth().map_or("test accuracy", |_| "table accuracy");
    let (top, groups) = (results.top(), &results.groups);
    let held_out = results.predictions(Evidence::HeldOut);
    let cross_validated = results.predictions(Evidence::CrossValidated);
    let config = results.config;
    let metadata: Value = serde_json::from_str(&results.outcome.table.metadata).unwrap_or(Value::Null);
    let title = if config.title.is_empty() {
        format!("{} on {}", config.screen.space, config.screen.data)
    } else {
        config.title.clone()
    };
    let [train, valid, test] = results.image_counts;
    let fact = |k: &str, v: String| (k.to_string(), v);
    RunReport {
        verdict: results.verdict(worth.as_ref(), &rows, &held_out),
        worth,
        correlations: correlations(&columns),
        costs: costs(&rows, results.outcome.distinct as u64),
        preferences: preferences(&results.measures(), &columns, &known, accuracy),
        overview: Overview {
            space: config.screen.space.clone(),
            asked: Some(results.outcome.table.arch.len() as u64),
            scored: Some(results.outcome.distinct as u64),
            scoring_seconds: metadata["scoring_seconds"].as_f64(),
            sampler: metadata["sampler"].as_str().unwrap_or_default().into(),
            seed: None,
            device: describe_device(results.device),
            dataset: config.screen.data.to_string(),
            version: env!("CARGO_PKG_VERSION").into(),
            accuracy: "test accuracy".into(),
            ..Overview::default()
        },
        scatter: results.scatter(&rows, &columns, &judged),
        proxies: ProxySection {
            rows,
            interval_method: match &config.table {
                Some(table) => format!(
                    "95% bootstrap intervals over the networks, whose accuracies are {} of {}",
                    table.column,
                    table.file.file_name().unwrap_or_default().display()
                ),
                None => {
                    "95% bootstrap intervals over labelled networks and controls, which are a uniform random sample \
                         (finalists are not)"
                        .into()
                }
            },
        },
        predictions: vec![held_out, cross_validated],
        comparison: Some(groups.comparison()),
        drawings: results.drawings(&top),
        top,
        curves: groups.curves(),
        reproduction: Reproduction {
            command: format!("naslens run run.toml --out {}", results.out.display()),
            facts: vec![
                fact("naslens", env!("CARGO_PKG_VERSION").into()),
                fact("libtorch", crate::LIBTORCH_VERSION.into()),
                fact("device", describe_device(results.device)),
                fact("threads", results.threads.to_string()),
                fact("seed", config.screen.seed.to_string()),
                fact("images", format!("{train} for training, {valid} for validation, {test} for test")),
                fact("features of the surrogate", results.surrogate.features.join(", ")),
            ],
            config: results.settings.clone(),
        },
        title,
        ..RunReport::default()
    }
}
