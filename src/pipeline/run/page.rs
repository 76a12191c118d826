//! What a run has to say, as the data of the report page.

use serde_json::Value;

use super::results::{Results, Trained};
use crate::engine::describe_device;
use crate::pipeline::confirm::{Confirmed, Groups, mean};
use crate::predictor::Prediction;
use crate::proxy;
use crate::report::html::model::{
    Estimate, Evidence, Interval, Overview, PredictionPoint, Predictions, ProxyRow, ProxySection, Reproduction, Role,
    RunReport, ScatterPanel, ScatterPoint, TopNetwork,
};
use crate::seed::derive;
use crate::stats::{bootstrap_interval, kendall_tau, missing_last, spearman};

/// Resamples behind every interval and random splits behind a p-value.
const REPEATS: usize = 2000;
/// Networks in the table of the best.
const TOP_ROWS: usize = 20;
/// Proxies drawn against accuracy.
const PANELS: usize = 6;

impl Results<'_> {
    /// Labelled networks and controls: a uniform sample, unlike the finalists.
    fn random(&self) -> Vec<&Trained> {
        self.of(Role::Labelled).chain(self.of(Role::Control)).collect()
    }

    fn seed(&self, name: &str) -> u64 {
        derive(self.config.screen.seed, name)
    }

    /// The networks that proxies are judged by: row and accuracy of those in the table, or of the random networks.
    fn judged(&self) -> (Vec<usize>, Vec<f64>) {
        let Some(truth) = self.truth else {
            return self.random().iter().map(|t| (self.row(t), mean(t.test_pct().into_iter()))).unzip();
        };
        let known = |row: usize| Some((row, truth.accuracy(&self.outcome.table.arch_id[row])?));
        self.candidates.iter().filter_map(|c| known(c.row)).unzip()
    }

    /// Correlations of scores with the accuracy of the networks that they are judged by.
    fn proxy_rows(&self) -> Vec<ProxyRow> {
        let (judged, truth) = self.judged();
        let metadata: Value = serde_json::from_str(&self.outcome.table.metadata).unwrap_or(Value::Null);
        let table = &self.outcome.table;
        table
            .proxies
            .iter()
            .filter_map(|(name, scores)| {
                let values = table.values(name)?;
                let x = missing_last(&judged.iter().map(|&row| values[row]).collect::<Vec<_>>());
                let estimate = |f: fn(&[f64], &[f64]) -> Option<f64>| {
                    let value = f(&x, &truth)?;
                    let resample = |sample: &[usize]| {
                        let pick = |v: &[f64]| sample.iter().map(|&i| v[i]).collect::<Vec<_>>();
                        f(&pick(&x), &pick(&truth))
                    };
                    let interval = bootstrap_interval(x.len(), REPEATS, 0.95, self.seed("bootstrap"), resample);
                    Some(match interval {
                        Some(i) => Estimate::with_interval(value, i.low, i.high),
                        None => Estimate::new(value),
                    })
                };
                Some(ProxyRow {
                    name: name.clone(),
                    spearman: estimate(spearman),
                    kendall: estimate(kendall_tau),
                    n: judged.len() as u64,
                    failed: scores.iter().filter(|s| s.value().is_none()).count() as u64,
                    seconds: metadata["seconds_per_proxy"][name].as_f64(),
                    baseline: proxy::find(name).is_ok_and(|p| p.baseline),
                })
            })
            .collect()
    }

    fn scatter(&self, rows: &[ProxyRow]) -> Vec<ScatterPanel> {
        rows.iter()
            .take(PANELS)
            .filter_map(|row| {
                let values = self.outcome.table.values(&row.name)?;
                let points = self.labelled.iter().chain(self.confirmed).filter_map(|t| {
                    Some(ScatterPoint {
                        arch: self.arch(t).into(),
                        score: values[self.row(t)]?,
                        accuracy: mean(t.test_pct().into_iter()),
                        role: t.role,
                    })
                });
                Some(ScatterPanel { proxy: row.name.clone(), points: points.collect(), ..ScatterPanel::default() })
            })
            .collect()
    }

    fn predictions(&self, trained: &[Trained], predictions: &[Prediction], evidence: Evidence) -> Predictions {
        let points: Vec<PredictionPoint> = trained
            .iter()
            .zip(predictions)
            .map(|(t, p)| {
                let interval = p.scaled_interval(self.scale);
                PredictionPoint {
                    arch: self.arch(t).into(),
                    predicted: p.mean,
                    std: Some(p.std),
                    interval: Some(Interval { low: interval.low, high: interval.high }),
                    trained: t.valid_pct(),
                    role: t.role,
                }
            })
            .collect();
        let (x, y): (Vec<f64>, Vec<f64>) = points.iter().map(|p| (p.predicted, p.trained)).unzip();
        let note = match evidence {
            Evidence::CrossValidated => {
                "The width of the intervals was set on these predictions, so that most of them hold is no surprise."
            }
            _ => "The width of the intervals was set by cross-validation on the labelled networks.",
        };
        Predictions {
            predictor: self.config.predictor.clone(),
            labels: self.labelled.len() as u64,
            evidence,
            level: 100.0 * self.config.level,
            spearman: spearman(&x, &y).map(Estimate::new),
            accuracy: "validation accuracy".into(),
            points,
            note: note.into(),
        }
    }

    /// Finalists and controls.
    fn groups(&self) -> Groups<'_> {
        let networks =
            self.confirmed.iter().map(|t| Confirmed { arch: self.arch(t), role: t.role, trainings: &t.trainings });
        Groups {
            networks: networks.collect(),
            controls: self.config.controls,
            epochs: self.config.train.epochs,
            repeats: self.config.repeats,
            seed: self.config.screen.seed,
        }
    }

    /// The best predicted networks, with their test accuracy where they were trained.
    fn top(&self) -> Vec<TopNetwork> {
        let mut order: Vec<usize> = (0..self.candidates.len()).collect();
        order.sort_by(|&a, &b| self.predictions[b].mean.total_cmp(&self.predictions[a].mean).then(a.cmp(&b)));
        let table = &self.outcome.table;
        let trained = |c: usize| {
            let t = self.labelled.iter().chain(self.confirmed).find(|t| t.candidate == c)?;
            Some(mean(t.test_pct().into_iter()))
        };
        (1..)
            .zip(order.into_iter().take(TOP_ROWS))
            .map(|(rank, c)| {
                let (row, prediction) = (self.candidates[c].row, self.predictions[c]);
                TopNetwork {
                    rank,
                    arch: table.arch[row].clone(),
                    params: Some(table.params[row] as u64),
                    macs: Some(table.macs[row] as u64),
                    predicted: Some(prediction.mean),
                    std: Some(prediction.std),
                    trained: trained(c),
                }
            })
            .collect()
    }

    fn verdict(&self, groups: &Groups<'_>, rows: &[ProxyRow], held_out: &Predictions) -> Vec<String> {
        let mut sentences: Vec<String> = groups.sentence().into_iter().collect();
        sentences.extend(self.winner.iter().flat_map(|w| w.sentences(self.config.screen.max_latency_ms)));
        sentences.extend(proxy_sentence(rows));
        sentences.extend(domain_warning(rows));
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

/// Is a proxy worth more than counting? `rows` are sorted, best first.
fn proxy_sentence(rows: &[ProxyRow]) -> Option<String> {
    let rho = |row: &&ProxyRow| row.spearman.map(|e| e.value);
    let best = rows.iter().find(|r| !r.baseline && r.spearman.is_some())?;
    let trivial = rows.iter().find(|r| r.baseline && r.spearman.is_some())?;
    let (a, b) = (rho(&best)?, rho(&trivial)?);
    let interval = best
        .spearman
        .and_then(|e| e.interval)
        .map_or(String::new(), |i| format!(" (95% interval {:.2} to {:.2})", i.low, i.high));
    Some(if a > b {
        format!(
            "The best proxy on {} networks is {}, Spearman {a:.2}{interval}; the best count, {}, has {b:.2}.",
            best.n, best.name, trivial.name
        )
    } else {
        format!(
            "No proxy beats counting on {} networks: {} has Spearman {b:.2}, the best proxy, {}, {a:.2}{interval}.",
            best.n, trivial.name, best.name
        )
    })
}

/// Names the proxies that on these images say no more than the number of parameters. `rows` are sorted, best first.
fn domain_warning(rows: &[ProxyRow]) -> Option<String> {
    let rho = |row: &ProxyRow| row.spearman.map(|e| e.value);
    let params = rows.iter().find(|r| r.name == "params").and_then(rho)?;
    let losers: Vec<&str> =
        rows.iter().filter(|r| !r.baseline && rho(r).is_none_or(|v| v <= params)).map(|r| r.name.as_str()).collect();
    let others = rows.iter().filter(|r| !r.baseline).count();
    (!losers.is_empty()).then(|| {
        format!(
            "Domain warning: on these images {} of {others} proxies rank no better than the number of parameters (Spearman \
             {params:.2}): {}. Do not choose by them here, whatever they are worth elsewhere.",
            losers.len(),
            losers.join(", ")
        )
    })
}

/// Puts the page together.
pub(super) fn page(results: &Results<'_>) -> RunReport {
    let mut rows = results.proxy_rows();
    let rho = |r: &ProxyRow| r.spearman.map_or(f64::NEG_INFINITY, |e| e.value);
    rows.sort_by(|a, b| rho(b).total_cmp(&rho(a)));
    let groups = results.groups();
    let held_out: Vec<Prediction> = results.confirmed.iter().map(|t| results.predictions[t.candidate]).collect();
    let held_out = results.predictions(results.confirmed, &held_out, Evidence::HeldOut);
    let cross_validated = results.predictions(results.labelled, results.cross_validated, Evidence::CrossValidated);
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
        verdict: results.verdict(&groups, &rows, &held_out),
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
        scatter: results.scatter(&rows),
        proxies: ProxySection {
            rows,
            interval_method: match results.truth {
                Some(truth) => {
                    format!("95% bootstrap intervals over the networks, whose accuracies are {}", truth.name)
                }
                None => {
                    "95% bootstrap intervals over labelled networks and controls, which are a uniform random sample \
                         (finalists are not)"
                        .into()
                }
            },
        },
        predictions: vec![held_out, cross_validated],
        comparison: Some(groups.comparison()),
        top: results.top(),
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
                fact("features of the surrogate", results.features.names.join(", ")),
            ],
            config: results.settings.text().into(),
        },
        title,
        ..RunReport::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, rho: Option<f64>, baseline: bool) -> ProxyRow {
        ProxyRow { name: name.into(), spearman: rho.map(Estimate::new), baseline, ..ProxyRow::default() }
    }

    #[test]
    fn proxies_that_say_no_more_than_params_are_named() {
        let rows = [
            row("meco", Some(0.8), false),
            row("params", Some(0.7), true),
            row("zen", Some(0.7), false),
            row("snip", None, false),
        ];
        let warning = domain_warning(&rows).unwrap();
        assert!(warning.contains("2 of 3 proxies") && warning.contains("0.70): zen, snip."), "{warning}");
        assert_eq!(domain_warning(&rows[..2]), None);
        assert_eq!(domain_warning(&rows[2..]), None, "nothing to compare with");
    }
}
