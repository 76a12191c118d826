//! Finalists against controls: who the controls are, and what the difference amounts to.

use serde::{Deserialize, Serialize};

use crate::confirm::Training;
use crate::report::html::model::{Comparison, Estimate, Group, LearningCurve, Role, TrainedNetwork};
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

/// A network of either group and its trainings.
#[derive(Clone, Copy)]
pub(in crate::pipeline) struct Confirmed<'a> {
    pub arch: &'a str,
    pub role: Role,
    pub trainings: &'a [Training],
}

impl Confirmed<'_> {
    /// Test accuracy of each training, percent.
    fn test_pct(&self) -> Vec<f64> {
        self.trainings.iter().map(|t| t.test_accuracy_pct).collect()
    }
}

/// Both groups, trained alike.
pub(in crate::pipeline) struct Groups<'a> {
    pub networks: Vec<Confirmed<'a>>,
    pub controls: Controls,
    pub epochs: usize,
    pub repeats: u64,
    /// Root seed of the run.
    pub seed: u64,
}

impl Groups<'_> {
    fn of(&self, role: Role) -> impl Iterator<Item = &Confirmed<'_>> {
        self.networks.iter().filter(move |n| n.role == role)
    }

    fn means(&self, role: Role) -> Vec<f64> {
        self.of(role).map(|n| mean(n.test_pct().into_iter())).collect()
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
            let networks: Vec<TrainedNetwork> =
                self.of(role).map(|n| TrainedNetwork { arch: n.arch.into(), accuracies: n.test_pct() }).collect();
            let means = self.means(role);
            let interval = bootstrap_interval(means.len(), REPEATS, 0.95, derive(self.seed, "group"), |sample| {
                Some(mean(sample.iter().map(|&i| means[i])))
            });
            let value = mean(means.iter().copied());
            let estimate = match interval {
                Some(i) => Estimate::with_interval(value, i.low, i.high),
                None => Estimate::new(value),
            };
            let seconds = self.of(role).flat_map(|n| n.trainings).map(|t| t.seconds).sum();
            Group { networks, mean: Some(estimate), seconds: Some(seconds) }
        };
        let difference = self.difference();
        Comparison {
            finalists: group(Role::Finalist),
            controls: group(Role::Control),
            difference: difference.as_ref().map(|d| match d.interval {
                Some(i) => Estimate::with_interval(d.difference, i.low, i.high),
                None => Estimate::new(d.difference),
            }),
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
                (0..).zip(n.trainings).map(|(repeat, training)| LearningCurve {
                    arch: n.arch.into(),
                    role: n.role,
                    seed: (self.repeats > 1).then_some(repeat),
                    points: training.curve.iter().map(|e| (e.epoch as u64, e.valid_accuracy_pct)).collect(),
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
    use super::*;

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

    fn training(test_accuracy_pct: f64) -> Training {
        Training { curve: Vec::new(), test_accuracy_pct, seconds: 2.0, cpu_seconds: 1.0 }
    }

    #[test]
    fn the_sentence_says_what_the_test_says() {
        let sentence = |finalists: &[f64], controls: &[f64]| {
            let all: Vec<(Role, Vec<Training>)> = finalists
                .iter()
                .map(|&a| (Role::Finalist, vec![training(a)]))
                .chain(controls.iter().map(|&a| (Role::Control, vec![training(a)])))
                .collect();
            let networks = all.iter().map(|(role, t)| Confirmed { arch: "a", role: *role, trainings: t }).collect();
            let groups = Groups { networks, controls: Controls::Random, epochs: 1, repeats: 1, seed: 0 };
            (groups.sentence().unwrap(), groups.comparison())
        };
        let (good, bad) = ([90.0, 91.0, 92.0, 93.0, 94.0], [50.0, 51.0, 52.0, 53.0, 54.0]);
        let (helped, comparison) = sentence(&good, &bad);
        assert!(helped.starts_with("Screening helped: 5 finalists reach 92.00%"), "{helped}");
        assert_eq!(comparison.difference.unwrap().value, 40.0);
        assert_eq!(comparison.finalists.seconds, Some(10.0));
        assert!(sentence(&bad, &good).0.starts_with("Screening did harm"));
        assert!(sentence(&good, &good).0.starts_with("There is no evidence"));
    }
}
