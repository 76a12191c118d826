//! What a run has to say.

mod networks;
mod proxies;

pub(in crate::pipeline) use networks::{TopNetwork, best, predictions_section, top_section};

use std::path::Path;

use super::RunConfig;
use crate::candidates::{Candidates, Role};
use crate::engine::describe_device;
use crate::pipeline::Outcome;
use crate::pipeline::confirm::{Groups, Trained, Winner, diverged, divergence, learning};
use crate::pipeline::findings::{
    self, Column, Findings, Overview, Proxies, ProxyRow, Reproduction, Worth, correlations, costs, preferences, worth,
};
use crate::pipeline::predict::Surrogate;
use crate::pipeline::results::Saved;
use crate::report::document::{Document, Evidence, Predictions};
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
pub(super) fn page(results: &Results<'_>) -> Saved {
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
    let judged_by = results.truth().map_or("test accuracy", |_| "table accuracy");
    let (top, groups) = (results.top(), &results.groups);
    let held_out = results.predictions(Evidence::HeldOut);
    let cross_validated = results.predictions(Evidence::CrossValidated);
    let config = results.config;
    let title = if config.title.is_empty() {
        format!("{} on {}", config.screen.space.name(), config.screen.data)
    } else {
        config.title.clone()
    };
    let verdict = results.verdict(worth.as_ref(), &rows, &held_out);
    let findings = Findings {
        worth,
        correlations: correlations(&columns),
        costs: costs(&rows, results.outcome.distinct as u64),
        preferences: preferences(&results.measures(), &columns, &known, judged_by),
        scatter: results.scatter(&rows, &columns, &judged),
        proxies: Proxies {
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
    };
    let overview = results.overview();
    let accuracy = overview.accuracy();
    let mut sections: Vec<_> = findings.verdict().into_iter().collect();
    sections.push(groups.comparison().section(accuracy));
    sections.extend(findings.sections(accuracy, judged_by, overview.scored));
    sections.push(predictions_section(vec![held_out, cross_validated]));
    sections.push(top_section(&top, results.drawings(&top), accuracy));
    sections.push(learning(groups.curves()));
    sections.push(results.reproduction().section());
    let document = Document { title, verdict, facts: overview.facts(), sections };
    Saved { document, proxies: findings.proxies.rows, best: best(&top) }
}

impl Results<'_> {
    fn overview(&self) -> Overview {
        let run = &self.outcome.table.run;
        Overview {
            space: self.config.screen.space.name().into(),
            asked: Some(self.outcome.table.arch.len() as u64),
            scored: Some(self.outcome.distinct as u64),
            scoring_seconds: run.scoring_seconds,
            sampler: run.sampler.clone(),
            device: describe_device(self.device),
            dataset: self.config.screen.data.to_string(),
            version: env!("CARGO_PKG_VERSION").into(),
            accuracy: "test accuracy".into(),
            ..Overview::default()
        }
    }

    /// The configuration is in the folder of the run.
    fn reproduction(&self) -> Reproduction {
        let [train, valid, test] = self.image_counts;
        let fact = |k: &str, v: String| (k.to_string(), v);
        let out = self.out.display();
        Reproduction {
            command: format!("naslens run {out}/run.toml --out {out}"),
            facts: vec![
                fact("naslens", env!("CARGO_PKG_VERSION").into()),
                fact("libtorch", crate::LIBTORCH_VERSION.into()),
                fact("device", describe_device(self.device)),
                fact("threads", self.threads.to_string()),
                fact("seed", self.config.screen.seed.to_string()),
                fact("images", format!("{train} for training, {valid} for validation, {test} for test")),
                fact("features of the surrogate", self.surrogate.features.join(", ")),
            ],
            config: self.settings.clone(),
        }
    }
}
