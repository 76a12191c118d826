//! Whether trained networks have learned their images, or were given too little time to.

use super::{Trained, mean};
use crate::data::Census;
use crate::train::{Recipe, Training};

/// A loss above this share of that of naming the classes by their frequencies is of a network that has not learned.
const UNLEARNED: f64 = 0.9;
/// So large a part of the networks may be like that.
const TOLERATED: f64 = 0.25;
/// Percentage points by which the validation accuracy still rises at the end.
const RISING: f64 = 5.0;

/// Why nothing can be judged by these trainings yet, in a sentence; None if they have learned.
///
/// A network has not learned if the training loss of its last epoch is above 90% of the entropy of the classes, which the loss
/// reaches by naming frequencies alone; no more than a quarter of the networks may be so. Nor have they learned if the
/// validation accuracy still rises where the learning rate is nearly zero: from the last but one tenth of the epochs to the last by
/// more than five points on average, and by more than two standard errors over networks.
pub(in crate::pipeline) fn not_learned(trained: &[&Trained], recipe: &Recipe, census: &Census) -> Option<String> {
    let trainings: Vec<&Training> = trained.iter().flat_map(|t| t.converged().map(|(_, training)| training)).collect();
    let classes = census.classes.len() as f64;
    let images: usize = census.train.iter().sum();
    let share = |&n: &usize| if n == 0 { 0.0 } else { -(n as f64 / images as f64) * (n as f64 / images as f64).ln() };
    let entropy = if recipe.balance_classes { classes.ln() } else { census.train.iter().map(share).sum::<f64>() };
    let loss = |t: &Training| t.last().and_then(|epoch| epoch.train_loss);
    let stuck = trainings.iter().filter(|t| loss(t).is_some_and(|loss| loss > UNLEARNED * entropy)).count();
    let longer = format!("train longer (--epochs {}), or raise the learning rate", 4 * recipe.epochs);
    if stuck as f64 > TOLERATED * trainings.len() as f64 {
        return Some(format!(
            "These networks have not learned yet: the training loss of {stuck} of {} is hardly below that of guessing. Nothing \
             is judged by them; {longer}.",
            trainings.len()
        ));
    }
    let rises: Vec<f64> = trainings.iter().filter_map(|t| rise(t)).collect();
    let (n, average) = (rises.len() as f64, mean(rises.iter().copied()));
    let variance = rises.iter().map(|r| (r - average).powi(2)).sum::<f64>() / (n - 1.0);
    (n >= 2.0 && average > RISING.max(2.0 * (variance / n).sqrt())).then(|| {
        format!(
            "These networks have not learned yet: their validation accuracy still rises, by {average:.1} points over the last \
             tenth of the training. Nothing is judged by them; {longer}."
        )
    })
}

/// The mean validation accuracy of the last tenth of the epochs less that of the tenth before, percentage points; none for
/// fewer than four epochs.
fn rise(training: &Training) -> Option<f64> {
    let tenth = training.curve.len().div_ceil(10);
    let accuracies: Vec<f64> = training.curve.iter().rev().map(|e| e.valid_accuracy_pct).collect();
    let of = |part: &[f64]| mean(part.iter().copied());
    let known = accuracies.len() >= 4;
    known.then(|| of(&accuracies[..tenth]) - of(&accuracies[tenth..2 * tenth])).filter(|r| r.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidates::Role;
    use crate::train::EpochRecord;

    fn trained(losses: &[f64], accuracies: &[f64]) -> Trained {
        let epoch = |(i, (&loss, &valid_accuracy_pct)): (usize, (&f64, &f64))| EpochRecord {
            epoch: i + 1,
            train_loss: Some(loss),
            valid_accuracy_pct,
        };
        let curve = losses.iter().zip(accuracies).enumerate().map(epoch).collect();
        let training = Training { curve, test_accuracy_pct: 50.0, seconds: 1.0, cpu_seconds: 1.0 };
        Trained { candidate: 0, role: Role::Control, trainings: vec![training] }
    }

    #[test]
    fn a_loss_of_guessing_and_a_rising_curve_are_not_learned() {
        let census = Census {
            classes: ["a", "b"].map(String::from).into(),
            train: vec![50, 50],
            valid: vec![10, 10],
            test: vec![10, 10],
            all_equal: false,
        };
        let recipe = Recipe { epochs: 8, ..Recipe::default() };
        let judge = |networks: &[Trained]| not_learned(&networks.iter().collect::<Vec<_>>(), &recipe, &census);
        let losses = [0.69, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.1];
        let good = || trained(&losses, &[50.0, 70.0, 80.0, 88.0, 90.0, 90.0, 91.0, 91.0]);
        let stuck = || trained(&[0.69; 8], &[50.0; 8]);
        let rising = || trained(&losses, &[50.0, 52.0, 55.0, 60.0, 66.0, 70.0, 76.0, 82.0]);
        assert_eq!(judge(&[good(), good(), good(), stuck()]), None);
        let said = judge(&[good(), stuck(), good(), stuck()]).unwrap();
        assert!(said.contains("the training loss of 2 of 4") && said.contains("--epochs 32"), "{said}");
        let said = judge(&[rising(), rising()]).unwrap();
        assert!(said.contains("still rises, by 6.0 points"), "{said}");
        // Rare classes: naming the frequent one is below ln 2 already.
        let lopsided = Census { train: vec![95, 5], ..census.clone() };
        let loss = trained(&[0.19; 8], &[95.0; 8]);
        assert!(not_learned(&[&loss, &loss], &recipe, &lopsided).is_some());
    }
}
