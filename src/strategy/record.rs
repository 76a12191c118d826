//! What strategies that train every network in full remember of their trainings.

use std::collections::{HashMap, HashSet};

use super::{Pool, Proposal, StrategyEntry, Trial, random};
use crate::seed::Stream;

/// Steps of a walk through trained neighbours in search of an untried one.
const STEPS: usize = 4;

/// The members asked for, the accuracies told, and what is drawn.
pub(super) struct Record {
    pub rng: Stream,
    asked: HashSet<usize>,
    accuracy: HashMap<usize, f64>,
}

impl Record {
    /// Of a strategy that has been told nothing.
    pub fn new(seed: u64, strategy: &StrategyEntry) -> Self {
        Record { rng: Stream::named(seed, strategy.name), asked: HashSet::new(), accuracy: HashMap::new() }
    }

    /// True for a member that was not asked for.
    pub fn is_untried(&self, member: usize) -> bool {
        !self.asked.contains(&member)
    }

    /// A full training of this member, noted as asked for.
    pub fn propose(&mut self, pool: &Pool, member: usize) -> Proposal {
        self.asked.insert(member);
        Proposal { member, epochs: full(pool) }
    }

    /// A full training of an untried member drawn uniformly, None if there is none.
    pub fn fresh(&mut self, pool: &Pool) -> Option<Proposal> {
        random::fresh(pool, &mut self.asked, &mut self.rng).map(|member| Proposal { member, epochs: full(pool) })
    }

    /// Notes an outcome.
    pub fn tell(&mut self, trial: &Trial) {
        self.asked.insert(trial.proposal.member);
        self.accuracy.insert(trial.proposal.member, accuracy(trial));
    }

    /// What was told of a member: [`accuracy`] of its trial.
    pub fn accuracy(&self, member: usize) -> Option<f64> {
        self.accuracy.get(&member).copied()
    }

    /// The member with the highest accuracy of those with an outcome, the first of several; with that accuracy.
    pub fn best(&self, members: &[usize]) -> Option<(usize, f64)> {
        let known = members.iter().filter_map(|&member| Some((member, self.accuracy(member)?)));
        known.reduce(|best, next| if next.1 > best.1 { next } else { best })
    }

    /// The untried ones of [`Pool::neighbours`]. If all are tried, those of one of them, drawn uniformly, and so on for
    /// some steps: a member drawn from them is a mutant that was mutated again until it is new. Empty if the walk ends
    /// without any.
    pub fn untried_near(&mut self, pool: &Pool, member: usize) -> Vec<usize> {
        let mut at = member;
        for _ in 0..STEPS {
            let neighbours = pool.neighbours(at);
            let untried: Vec<usize> = neighbours.iter().copied().filter(|&i| self.is_untried(i)).collect();
            if !untried.is_empty() {
                return untried;
            }
            match draw(&neighbours, &mut self.rng) {
                Some(next) => at = next,
                None => break,
            }
        }
        Vec::new()
    }

    /// One of [`Record::untried_near`], drawn uniformly.
    pub fn mutant(&mut self, pool: &Pool, member: usize) -> Option<usize> {
        let untried = self.untried_near(pool, member);
        draw(&untried, &mut self.rng)
    }
}

/// The accuracy in percent; `-inf` for a training that failed, which is worse than any other.
pub(super) fn accuracy(trial: &Trial) -> f64 {
    trial.accuracy_pct.filter(|a| a.is_finite()).unwrap_or(f64::NEG_INFINITY)
}

/// One of the items, drawn uniformly.
fn draw(items: &[usize], rng: &mut Stream) -> Option<usize> {
    items.get(rng.below(items.len() as u64) as usize).copied()
}

/// Epochs of a full training.
pub(super) fn full(pool: &Pool) -> u32 {
    pool.epochs[pool.epochs.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::testing;

    #[test]
    fn mutants_are_new_and_near() {
        let pool = testing::nas_bench_201(300);
        let mut record = Record { rng: Stream::new(2), ..Record::new(0, &random::ENTRY) };
        let neighbours = pool.neighbours(7);
        assert_eq!(record.untried_near(&pool, 7), neighbours);
        record.propose(&pool, neighbours[0]);
        assert_eq!(record.untried_near(&pool, 7), neighbours[1..]);
        for &member in &neighbours {
            record.propose(&pool, member);
        }
        let beyond = record.untried_near(&pool, 7);
        assert!(!beyond.is_empty() && beyond.iter().all(|&i| record.is_untried(i)));
        while record.fresh(&pool).is_some() {}
        assert!(record.untried_near(&pool, 7).is_empty());
    }

    #[test]
    fn failures_are_worst() {
        let mut record = Record::new(0, &random::ENTRY);
        for (member, accuracy_pct) in [(4, None), (2, Some(10.0)), (9, Some(f64::NAN)), (3, Some(10.0))] {
            record.tell(&Trial::new(Proposal { member, epochs: 200 }, accuracy_pct));
        }
        assert_eq!(record.best(&[4, 9, 3, 2, 5]), Some((3, 10.0)));
        assert_eq!(record.best(&[4, 5]), Some((4, f64::NEG_INFINITY)));
        assert_eq!(record.best(&[5]), None);
    }
}
