//! Strategies tested against random search, seed by seed.

use serde::{Deserialize, Serialize};

use super::{CompareSettings, Searches};
use crate::pipeline::search::Trace;
use crate::stats::{PairedDifference, holm, paired_difference_test};

/// A strategy compared with random search at a budget.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgainstRandom {
    /// Trainings of full length.
    pub trainings: u32,
    /// Regret minus that of random search with the same seed; negative is better. None if a search has trained nothing.
    #[serde(flatten)]
    pub test: Option<PairedDifference>,
    /// Its p-value corrected by Holm over all strategies and budgets.
    pub p_holm: Option<f64>,
}

/// The tests of each of `searches`, in their order; none for the first, which is random search with these regrets.
pub(super) fn against_random(
    config: &CompareSettings,
    searches: &[Searches],
    reference: &[Vec<f64>],
    regrets: impl Fn(&[Trace]) -> Vec<Vec<f64>>,
) -> Vec<Vec<AgainstRandom>> {
    let test = |regrets: &[Vec<f64>], trainings: u32| {
        let column = trainings as usize - 1;
        let differences: Vec<f64> = regrets.iter().zip(reference).map(|(a, b)| a[column] - b[column]).collect();
        let test = paired_difference_test(&differences, 10 * config.repeats, config.seed);
        AgainstRandom { trainings, test, p_holm: None }
    };
    let of = |(i, searches): (usize, &Searches)| match i {
        0 => Vec::new(),
        _ => {
            let regrets = regrets(&searches.traces);
            config.at.iter().map(|&trainings| test(&regrets, trainings)).collect()
        }
    };
    let mut all: Vec<Vec<AgainstRandom>> = searches.iter().enumerate().map(of).collect();
    let p_values: Vec<f64> = all.iter().flatten().filter_map(|a| Some(a.test?.p_value)).collect();
    let corrected = holm(&p_values);
    let tested = all.iter_mut().flatten().filter(|a| a.test.is_some());
    tested.zip(corrected).for_each(|(a, p)| a.p_holm = Some(p));
    all
}
