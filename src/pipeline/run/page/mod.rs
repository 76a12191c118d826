//! What a run has to say.

mod networks;
mod proxies;

pub(in crate::pipeline) use networks::{TopNetwork, best, predictions_section, top_section};

use std::path::Path;

use super::RunConfig;
use crate::candidates::{Candidates, NetworkName, Role};
use crate::engine::describe_device;
use crate::pipeline::Outcome;
use crate::pipeline::confirm::{
    Card, Contestant, Groups, Trained, Winner, diverged, divergence, judged, learning, picture,
};
use crate::pipeline::findings::{
    self, Column, Findings, Overview, Proxies, ProxyRow, Reproduction, Worth, correlations, costs, preferences, worth,
};
use crate::pipeline::predict::Surrogate;
use crate::pipeline::results::Saved;
use crate::report::document::{Document, Evidence, PredictionPoint, Predictions, Section};
use crate::seed::derive;
use crate::stats::{mean, wilson_interval};

/// Everything that a run found.
pub(super) struct Results<'a> {
    pub config: &'a RunConfig,
    pub outcome: &'a Outcome,
    pub candidates: &'a Candidates,
    /// What they are called.
    pub names: &'a [NetworkName],
    pub labelled: &'a [Trained],
    /// Finalists, then controls.
    pub confirmed: &'a [Trained],
    /// These compared.
    pub groups: Groups<'a>,
    pub surrogate: &'a Surrogate,
    /// The network to take.
    pub winner: Option<&'a Winner>,
    /// Why nothing can be judged by the trainings, if so.
    pub not_learned: Option<&'a str>,
    pub settings: String,
    /// Steps of a training that runs to its end.
    pub steps: usize,
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
        let mut sentences = judged(self.not_learned, self.winner, self.groups.sentence(), &self.config.screen.limits);
        let learned = self.not_learned.is_none();
        sentences.extend(worth.filter(|_| learned).map_or(Vec::new(), |w| findings::sentences(w, rows)));
        let ((a, n), (b, m)) = (diverged(self.labelled), diverged(self.confirmed));
        sentences.extend(divergence(a + b, n + m));
        sentences.extend(surrogate(held_out).filter(|_| learned));
        sentences
    }
}

/// How far the surrogate can be trusted with networks that were trained after it was fitted.
fn surrogate(held_out: &Predictions) -> Option<String> {
    let rho = held_out.spearman?;
    let (points, level) = (&held_out.points, held_out.level);
    let holds = |p: &&PredictionPoint| p.interval.is_some_and(|i| (i.low..=i.high).contains(&p.trained));
    let (inside, n) = (points.iter().filter(holds).count(), points.len());
    let too_narrow = wilson_interval(inside, n, 0.95).is_some_and(|i| i.high < level);
    let above: Vec<f64> = points.iter().filter(|p| p.role == Role::Finalist).map(|p| p.predicted - p.trained).collect();
    let optimism = mean(&above).filter(|d| too_narrow && *d > 0.0).map_or(String::new(), |d| {
        format!(" Expect finalists {d:.1} points below their prediction: the best of many predictions are also the luckiest.")
    });
    let narrow = if too_narrow { "; its intervals are too narrow here" } else { "" };
    Some(format!(
        "The surrogate, fitted on {} networks, ranks the {n} trained afterwards with Spearman {:.2}; {inside} of them fall into \
         their {level:.0}% interval{narrow}.{optimism}",
        held_out.labels, rho.value
    ))
}

/// What divides the page.
fn for_researchers() -> Section {
    let text = "From here on the page is about the search itself: how well training-free scores and the surrogate rank networks \
                on these images. The network can be used without it.";
    Section::new("research", "For NAS researchers", Vec::new()).called("Research").with_text(vec![text.into()])
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
    let comparison = groups.comparison();
    let card = results.winner.map(|winner| Card {
        winner,
        picture: picture(results.candidates, &winner.arch),
        limits: &config.screen.limits,
        trained: Contestant::all(results.names, results.confirmed),
        controls: comparison.controls.mean,
        training_images: results.image_counts[0],
    });
    let mut sections: Vec<_> = card.iter().map(Card::section).collect();
    sections.extend(card.as_ref().and_then(Card::classes));
    sections.push(comparison.section(accuracy));
    sections.extend(card.as_ref().and_then(Card::next));
    sections.push(for_researchers());
    sections.extend(findings.verdict());
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
            more: vec![("Training time".into(), self.training_time())],
            ..Overview::default()
        }
    }

    /// "12 min of processor cores, 40 trainings of 812 steps".
    fn training_time(&self) -> String {
        let trainings: Vec<_> = self.labelled.iter().chain(self.confirmed).flat_map(|t| &t.trainings).collect();
        let seconds: f64 = trainings.iter().map(|t| t.seconds).sum();
        let (count, steps) = (trainings.len(), self.steps);
        format!("{} of all threads, {count} trainings of up to {steps} steps", crate::report::duration(seconds))
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
