//! Search strategies: which network to train next, after the trainings so far.
//!
//! A strategy is asked for a [`Proposal`] and told the [`Trial`] it led to, in any order of answers. It draws all
//! randomness from its seed, so a search is resumed by asking and telling again what was told ([`replay`]).
//!
//! To add a strategy: one file that implements [`Strategy`], one line in [`STRATEGIES`].
//!
//! ```
//! use naslens::encoding::FeatureMatrix;
//! use naslens::strategy::{Pool, STRATEGIES, Trial};
//!
//! let space = naslens::space::open("nas-bench-201")?;
//! let archs = (0..20).filter_map(|index| space.at(index)).collect();
//! let pool = Pool::new(space, archs, FeatureMatrix::new(Vec::new(), None)?, Vec::new(), vec![200])?;
//! let mut search = (STRATEGIES.find("local_search")?.open)(0);
//! while let Some(proposal) = search.ask(&pool)? {
//!     search.tell(&pool, &Trial::new(proposal, Some(90.0 + proposal.member as f64 / 10.0)));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bayesian;
mod hyperband;
mod local_search;
mod nsga2;
mod pool;
mod prior_only;
mod random;
mod record;
mod regularised_evolution;
mod reinforce;
mod successive_halving;
mod warm_start_evolution;

use serde::{Deserialize, Serialize};

use crate::registry::{Registry, entry};

pub use pool::Pool;

/// Why a strategy refuses.
#[derive(Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are what the messages name")]
pub enum StrategyError {
    /// The pool lacks what the strategy works with.
    #[error("{strategy} needs {what}; {remedy}")]
    Needs { strategy: &'static str, what: String, remedy: &'static str },
    /// A [`Pool`] whose parts do not fit together.
    #[error("these networks are not a pool: {0}")]
    Pool(String),
    /// Its surrogate fails.
    #[error("{strategy}: {source}")]
    Predictor { strategy: &'static str, source: crate::predictor::PredictorError },
    /// A recorded trial is not what the strategy asks for. Trials count from 0.
    #[error(
        "trial {position} trained member {found}, the strategy asks for {expected}; the record belongs to other settings, \
         start anew"
    )]
    OtherSearch { position: usize, found: usize, expected: usize },
}

/// A training that a strategy asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Proposal {
    /// Member of the pool.
    pub member: usize,
    /// Epochs to train it for, one of [`Pool::epochs`]. A longer training of a member goes on from its shorter one.
    pub epochs: u32,
}

/// A training that was done, as a search tells it to its strategy and records it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// What was trained.
    #[serde(flatten)]
    pub proposal: Proposal,
    /// Accuracy on the images that choices may be made by, in percent; None if the training failed (diverged).
    pub accuracy_pct: Option<f64>,
    /// Accuracy that is reported, percent; strategies must not look at it.
    pub reported_pct: Option<f64>,
    /// Seconds of the whole training, where they are known.
    pub seconds: Option<f64>,
}

impl Trial {
    /// A training of which only the accuracy is known.
    pub fn new(proposal: Proposal, accuracy_pct: Option<f64>) -> Self {
        Trial { proposal, accuracy_pct, reported_pct: None, seconds: None }
    }
}

/// A way to search. Members are proposed at most once per number of epochs, and never with fewer epochs than before.
pub trait Strategy: Send {
    /// Registry entry of the strategy.
    fn entry(&self) -> &'static StrategyEntry;

    /// The next training, None when nothing is left to ask for, or nothing before another outcome is told. May be called
    /// again before the answer is told: the next one is then different.
    fn ask(&mut self, pool: &Pool) -> Result<Option<Proposal>, StrategyError>;

    /// The outcome of a proposal. Outcomes may come in another order than they were asked for; the search depends on it.
    fn tell(&mut self, pool: &Pool, trial: &Trial);
}

/// What kind of search a strategy is, for comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Uniform sampling: what everything is compared with.
    Random,
    /// Steps to better neighbours.
    LocalSearch,
    /// Populations, mutation and selection.
    Evolution,
    /// A controller trained by its rewards.
    ReinforcementLearning,
    /// A surrogate with uncertainty, and an acquisition function.
    Bayesian,
    /// Training-free scores choose.
    ZeroCost,
    /// Many short trainings, few long ones.
    MultiFidelity,
}

/// One line of the registry.
pub struct StrategyEntry {
    /// Name on the command line and in files.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What it does, in one line.
    pub what: &'static str,
    /// Where it was published.
    pub paper: &'static str,
    /// Its kind.
    pub family: Family,
    /// What one needs to implement it.
    pub needs: &'static str,
    /// Creates the strategy with a seed.
    pub open: &'static (dyn Fn(u64) -> Box<dyn Strategy> + Send + Sync),
}

entry!(StrategyEntry, "strategy", what, needs, paper);

/// All strategies.
pub static STRATEGIES: Registry<StrategyEntry> = Registry::new(&[
    &random::ENTRY,
    &local_search::ENTRY,
    &regularised_evolution::ENTRY,
    &warm_start_evolution::ENTRY,
    &nsga2::ENTRY,
    &reinforce::ENTRY,
    &prior_only::ENTRY,
    &successive_halving::ENTRY,
    &hyperband::ENTRY,
    &bayesian::UCB,
    &bayesian::EI,
    &bayesian::THOMPSON,
]);

/// Brings a fresh strategy to the state after these trials, asked and told one by one. Errors if it asks for something
/// else than was trained.
pub fn replay(strategy: &mut dyn Strategy, pool: &Pool, trials: &[Trial]) -> Result<(), StrategyError> {
    for (position, trial) in trials.iter().enumerate() {
        let asked = strategy.ask(pool)?;
        if asked != Some(trial.proposal) {
            let expected = asked.map_or(usize::MAX, |p| p.member);
            return Err(StrategyError::OtherSearch { position, found: trial.proposal.member, expected });
        }
        strategy.tell(pool, trial);
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod testing {
    //! A pool that tests search, with a made-up accuracy.

    use super::*;
    use crate::encoding::{ENCODINGS, FeatureMatrix, score_columns};
    use crate::seed::Stream;
    use crate::space;

    /// `n` distinct networks of NAS-Bench-201 (all for a large `n`), with a noisy prior, genes, and a cost.
    pub fn nas_bench_201(n: usize) -> Pool {
        let space = space::open("nas-bench-201").unwrap();
        let mut seen = std::collections::HashSet::new();
        let archs: Vec<_> = (0..15_625)
            .map(|i| space.representative(&space.at(i * 7_919 % 15_625).unwrap()))
            .filter(|arch| seen.insert(space.arch_id(arch)))
            .take(n)
            .collect();
        let mut rng = Stream::new(11);
        let prior = archs.iter().map(|arch| Some(accuracy(arch.genes()) + 3.0 * rng.normal())).collect();
        let cost = archs.iter().map(|arch| 1.0 + arch.genes().iter().map(|&g| f64::from(g)).sum::<f64>()).collect();
        let groups = vec![
            ("scores".to_string(), score_columns(&[("prior".into(), prior)]).unwrap()),
            ("one_hot".to_string(), (ENCODINGS.find("one_hot").unwrap().encode)(space.as_ref(), &archs)),
        ];
        let features = FeatureMatrix::new(groups, Some("prior")).unwrap();
        Pool::new(space, archs, features, vec![("macs".into(), cost)], vec![12, 200]).unwrap()
    }

    /// A smooth made-up accuracy of the genes with one best network: convolutions help, most on the long path.
    pub fn accuracy(genes: &[u16]) -> f64 {
        let value = [-2.0, 0.0, 1.5, 3.0, 0.5];
        let weight = [1.5, 0.7, 1.2, 0.5, 0.8, 1.4];
        let sum: f64 = genes.iter().zip(weight).map(|(&g, w)| w * value[usize::from(g)]).sum();
        85.0 + 0.4 * sum - if genes[3] == 3 { 0.7 } else { 0.0 }
    }

    /// Accuracies after `queries` trainings; shorter trainings are noisier and lower.
    pub fn search(strategy: &mut dyn Strategy, pool: &Pool, queries: usize) -> Vec<Trial> {
        let mut trials = Vec::new();
        while trials.len() < queries {
            let Some(proposal) = strategy.ask(pool).unwrap() else { break };
            let full = *pool.epochs.last().unwrap();
            let short = if proposal.epochs == full { 0.0 } else { 5.0 + 0.3 * (proposal.member % 7) as f64 };
            let accuracy_pct = Some(accuracy(pool.arch(proposal.member).genes()) - short);
            let trial = Trial::new(proposal, accuracy_pct);
            strategy.tell(pool, &trial);
            trials.push(trial);
        }
        trials
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use testing::search;

    #[test]
    fn registry_is_sound() {
        crate::registry::testing::is_sound(&STRATEGIES);
        for entry in &STRATEGIES {
            assert_eq!((entry.open)(1).entry().name, entry.name);
        }
    }

    #[test]
    fn every_strategy_keeps_the_contract() {
        let pool = testing::nas_bench_201(120);
        for entry in &STRATEGIES {
            let trials = search((entry.open)(3).as_mut(), &pool, 400);
            let mut last: HashMap<usize, u32> = HashMap::new();
            for Trial { proposal, .. } in &trials {
                assert!(proposal.member < pool.len() && pool.epochs.contains(&proposal.epochs), "{}", entry.name);
                let before = last.insert(proposal.member, proposal.epochs);
                assert!(before.is_none_or(|b| b < proposal.epochs), "{} trains a network again", entry.name);
            }
            assert_eq!(last.len(), pool.len(), "{} gives up before everything is trained", entry.name);

            let again = search((entry.open)(3).as_mut(), &pool, 40);
            assert_eq!(trials[..40], again[..], "{} is not reproducible", entry.name);
            let mut resumed = (entry.open)(3);
            replay(resumed.as_mut(), &pool, &trials[..25]).unwrap();
            assert_eq!(resumed.ask(&pool).unwrap(), Some(trials[25].proposal), "{} does not resume", entry.name);

            // Several at once, answers in reverse, some of them failures.
            let mut strategy = (entry.open)(5);
            let mut seen = std::collections::HashSet::new();
            for round in 0..6 {
                let asked: Vec<_> = (0..4).map(|_| strategy.ask(&pool).unwrap().unwrap()).collect();
                assert!(asked.iter().all(|p| seen.insert(*p)), "{} repeats a pending proposal", entry.name);
                for (i, proposal) in asked.into_iter().enumerate().rev() {
                    let accuracy_pct = (i != round % 4).then_some(80.0 + i as f64);
                    strategy.tell(&pool, &Trial::new(proposal, accuracy_pct));
                }
            }
        }
    }

    #[test]
    fn every_strategy_goes_on_when_all_trainings_fail() {
        for n in [2, 40] {
            let pool = testing::nas_bench_201(n);
            for entry in &STRATEGIES {
                let (mut strategy, mut members) = ((entry.open)(9), std::collections::HashSet::new());
                while let Some(proposal) = strategy.ask(&pool).unwrap() {
                    members.insert(proposal.member);
                    strategy.tell(&pool, &Trial::new(proposal, None));
                }
                assert_eq!(members.len(), n, "{}", entry.name);
            }
        }
    }

    /// Best accuracy of full trainings after as many epochs as `queries` full trainings take; a promoted training goes on
    /// from its shorter one.
    fn best_after(entry: &StrategyEntry, pool: &Pool, queries: u32, seed: u64) -> f64 {
        let (mut strategy, mut reached) = ((entry.open)(seed), HashMap::new());
        let (mut best, mut left) = (f64::NEG_INFINITY, queries * pool.epochs[pool.epochs.len() - 1]);
        while let Some(Trial { proposal, accuracy_pct, .. }) = search(strategy.as_mut(), pool, 1).pop() {
            let before = reached.insert(proposal.member, proposal.epochs).unwrap_or(0);
            let Some(rest) = left.checked_sub(proposal.epochs - before) else { break };
            left = rest;
            if pool.epochs.last() == Some(&proposal.epochs) {
                best = best.max(accuracy_pct.unwrap());
            }
        }
        best
    }

    #[test]
    fn every_strategy_beats_random_search() {
        let pool = testing::nas_bench_201(20_000);
        let median = |entry: &'static StrategyEntry| {
            let mut best: Vec<f64> = (0..20).map(|seed| best_after(entry, &pool, 60, seed)).collect();
            best.sort_by(f64::total_cmp);
            (best[9] + best[10]) / 2.0
        };
        let medians: Vec<f64> = STRATEGIES.iter().map(median).collect();
        for (entry, value) in STRATEGIES.iter().zip(&medians).skip(1) {
            assert!(*value >= medians[0], "{}: {value} where random search reaches {}", entry.name, medians[0]);
        }
    }
}
