//! Finalists against controls: who the controls are, and what the difference amounts to.

use serde::{Deserialize, Serialize};

use super::Trained;
use super::comparison::{Comparison, Group};
use crate::candidates::{NetworkName, Role};
use crate::report::document::{Estimate, LearningCurve, TrainedNetwork};
use crate::seed::{Stream, derive};
use crate::stats::{MeanDifference, bootstrap_interval, mean_difference_test};

/// Resamples behind every interval and random splits behind a p-value.
const REPEATS: usize = 2000;
/// A matched control comes from so many networks nearest in multiply-accumulates: this share of all, and at least so many.
const NEIGHBOURS: (f64, usize) = (0.05, 5);

/// What finalists are compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Controls {
    /// Networks drawn uniformly: whether choosing helped at all.
    #[default]
    Random,
    /// For each finalist one drawn from the twentieth of the networks that is nearest in multiply-accumulates: whether
    /// choosing did more than prefer large networks.
    Matched,
}

impl Controls {
    /// As many controls as there are finalists, in their order, or as many as there are. `rest` are the networks to draw
    /// from, `macs` the multiply-accumulates of all networks.
    pub(in crate::pipeline) fn draw(self, finalists: &[usize], rest: &[usize], macs: &[f64], seed: u64) -> Vec<usize> {
        let mut stream = Stream::named(seed, "controls");
        let mut rest: Vec<usize> = rest.iter().copied().filter(|c| !finalists.contains(c)).collect();
        if self == Controls::Random {
            stream.shuffle(&mut rest);
            rest.truncate(finalists.len());
            return rest;
        }
        let near = ((rest.len() as f64 * NEIGHBOURS.0) as usize).max(NEIGHBOURS.1);
        let mut chosen = Vec::new();
        for &finalist in finalists {
            let distance = |c: usize| (macs[c].max(1.0).ln() - macs[finalist].max(1.0).ln()).abs();
            rest.sort_by(|&a, &b| distance(a).total_cmp(&distance(b)).then(a.cmp(&b)));
            if !rest.is_empty() {
                chosen.push(rest.remove(stream.below(rest.len().min(near) as u64) as usize));
            }
        }
        chosen
    }

    /// A sentence on how they were drawn.
    fn note(self) -> &'static str {
        match self {
            Controls::Random => {
                "Controls were drawn uniformly from the distinct live networks that are neither labelled nor finalists: \
                 close to what random search finds with the same number of trainings."
            }
            Controls::Matched => {
                "For each finalist a control was drawn from the networks nearest to it in multiply-accumulates, so that \
                 size alone does not tell the groups apart."
            }
        }
    }
}

/// Both groups, trained alike.
pub(in crate::pipeline) struct Groups<'a> {
    pub networks: &'a [Trained],
    /// What each candidate is called.
    pub names: &'a [NetworkName],
    pub controls: Controls,
    pub epochs: usize,
    pub repeats: u64,
    /// Root seed of the run.
    pub seed: u64,
}

impl Groups<'_> {
    fn of(&self, role: Role) -> impl Iterator<Item = &Trained> {
        self.networks.iter().filter(move |n| n.role == role)
    }

    /// Mean test accuracy of each network of which a training converged.
    fn means(&self, role: Role) -> Vec<f64> {
        self.of(role).filter_map(Trained::mean_test_pct).collect()
    }

    fn arch(&self, network: &Trained) -> NetworkName {
        self.names[network.candidate].clone()
    }

    /// Mean test accuracy of the finalists less that of the controls, percentage points, over networks.
    pub fn difference(&self) -> Option<MeanDifference> {
        let (finalists, controls) = (self.means(Role::Finalist), self.means(Role::Control));
        mean_difference_test(&finalists, &controls, REPEATS, derive(self.seed, "difference"))
    }

    /// Whether choosing helped, in one sentence.
    pub fn sentence(&self) -> Option<String> {
        let d = self.difference()?;
        let (finalists, controls) = (self.means(Role::Finalist), self.means(Role::Control));
        let range = d.interval.map_or(String::new(), |i| format!(", 95% interval {:+.2} to {:+.2}", i.low, i.high));
        let kind = match self.controls {
            Controls::Random => "random",
            Controls::Matched => "matched",
        };
        let p = if d.p_value < 0.001 { "p < 0.001".into() } else { format!("p = {:.3}", d.p_value) };
        let numbers = format!(
            "{} finalists reach {:.2}% test accuracy on average, {} {kind} controls {:.2}% ({:+.2} points{range}; {p})",
            finalists.len(),
            mean(finalists.iter().copied()),
            controls.len(),
            mean(controls.iter().copied()),
            d.difference,
        );
        Some(match (d.p_value <= 0.05, d.difference > 0.0) {
            (true, true) => format!("Screening helped: {numbers}."),
            (true, false) => format!("Screening did harm: {numbers}."),
            _ => format!("There is no evidence that screening helped: {numbers}."),
        })
    }

    /// The section of the report.
    pub fn comparison(&self) -> Comparison {
        let group = |role| {
            let networks: Vec<TrainedNetwork> = self
                .of(role)
                .map(|n| TrainedNetwork {
                    arch: self.arch(n),
                    accuracies: n.test_pct().into_iter().map(Some).collect(),
                })
                .collect();
            let means = self.means(role);
            let interval = bootstrap_interval(means.len(), REPEATS, 0.95, derive(self.seed, "group"), |sample| {
                Some(mean(sample.iter().map(|&i| means[i])))
            });
            let value = mean(means.iter().copied());
            let estimate = (!means.is_empty()).then(|| Estimate::of(value, interval));
            let seconds = self.of(role).flat_map(|n| &n.trainings).map(|t| t.seconds).sum();
            Group { networks, mean: estimate, seconds: Some(seconds) }
        };
        let difference = self.difference();
        Comparison {
            finalists: group(Role::Finalist),
            controls: group(Role::Control),
            difference: difference.as_ref().map(|d| Estimate::of(d.difference, d.interval)),
            p_value: difference.map(|d| d.p_value),
            test: "two-sided permutation test".into(),
            interval_method: "95% bootstrap intervals of the mean over networks".into(),
            epochs: Some(self.epochs as u64),
            seeds: Some(self.repeats),
            note: self.controls.note().into(),
        }
    }

    /// Validation accuracy by epoch of every training.
    pub fn curves(&self) -> Vec<LearningCurve> {
        self.networks
            .iter()
            .flat_map(|n| {
                (0..).zip(&n.trainings).map(|(repeat, training)| LearningCurve {
                    arch: self.arch(n),
                    role: n.role,
                    seed: (self.repeats > 1).then_some(repeat),
                    points: training.curve.iter().map(|e| (e.epoch as u64, Some(e.valid_accuracy_pct))).collect(),
                })
            })
            .collect()
    }
}

/// Not a number for no values.
pub(in crate::pipeline) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0), |(s, n), v| (s + v, n + 1));
    sum / n as f64
}

#[cfg(test)]
mod tests {
    use super::super::diverged;
    use super::*;
    use crate::train::{EpochRecord, Training};

    #[test]
    fn matched_controls_are_as_large_as_their_finalists() {
        let macs: Vec<f64> = (0..200).map(|i| 1000.0 * 1.05f64.powi(i)).collect();
        let rest: Vec<usize> = (0..200).collect();
        let finalists = [190, 150, 10];
        let matched = Controls::Matched.draw(&finalists, &rest, &macs, 4);
        assert_eq!(matched.len(), 3);
        for (f, c) in finalists.iter().zip(&matched) {
            assert!(f.abs_diff(*c) <= 10 && f != c, "{f} {c}");
        }
        assert_eq!(matched, Controls::Matched.draw(&finalists, &rest, &macs, 4));
        let random = Controls::Random.draw(&finalists, &rest, &macs, 4);
        assert!(random.len() == 3 && random.iter().all(|c| !finalists.contains(c)));
        assert_eq!(Controls::Matched.draw(&finalists, &[10, 11], &macs, 4), [11]);
    }

    /// A training of one epoch; without a loss it diverged.
    fn training(test_accuracy_pct: f64, train_loss: Option<f64>) -> Training {
        let curve = vec![EpochRecord { epoch: 1, train_loss, valid_accuracy_pct: 50.0 }];
        Training { curve, test_accuracy_pct, seconds: 2.0, cpu_seconds: 1.0 }
    }

    fn groups_of(finalists: &[f64], controls: &[f64]) -> Vec<Trained> {
        let all = finalists.iter().map(|a| (Role::Finalist, a)).chain(controls.iter().map(|a| (Role::Control, a)));
        let network = |(role, &pct)| Trained {
            candidate: 0,
            role,
            trainings: vec![training(pct, Some(0.5)), training(1.0, None)],
        };
        all.map(network).collect()
    }

    #[test]
    fn the_sentence_says_what_the_test_says_and_diverged_trainings_do_not_count() {
        let names = [NetworkName::from("a".to_string())];
        let sentence = |finalists: &[f64], controls: &[f64]| {
            let networks = groups_of(finalists, controls);
            let groups = Groups {
                networks: &networks,
                names: &names,
                controls: Controls::Random,
                epochs: 1,
                repeats: 1,
                seed: 0,
            };
            (groups.sentence().unwrap(), groups.comparison())
        };
        let (good, bad) = ([90.0, 91.0, 92.0, 93.0, 94.0], [50.0, 51.0, 52.0, 53.0, 54.0]);
        let (helped, comparison) = sentence(&good, &bad);
        assert!(helped.starts_with("Screening helped: 5 finalists reach 92.00%"), "{helped}");
        assert_eq!(comparison.difference.unwrap().value, 40.0);
        assert_eq!(comparison.finalists.seconds, Some(20.0));
        assert!(sentence(&bad, &good).0.starts_with("Screening did harm"));
        assert!(sentence(&good, &good).0.starts_with("There is no evidence"));
        assert_eq!(diverged(&groups_of(&good, &bad)), (10, 20));
        let only = Trained { candidate: 0, role: Role::Finalist, trainings: vec![training(9.0, None)] };
        assert_eq!((only.valid_pct(), only.mean_test_pct()), (None, None));
    }
}
