//! Regularised evolution: tournaments in a population whose oldest member dies.

use std::collections::VecDeque;

use super::record::{Record, accuracy};
use super::{Family, Pool, Proposal, Strategy, StrategyEntry, StrategyError, Trial};
use crate::seed::Stream;

pub(super) static ENTRY: StrategyEntry = StrategyEntry {
    name: "regularised_evolution",
    title: "Regularised (ageing) evolution",
    what: "trains a mutant of the best of 10 drawn from a population of 50, in which the oldest gives way",
    paper: "Real, Aggarwal, Huang & Le, Regularized evolution for image classifier architecture search, AAAI 2019",
    family: Family::Evolution,
    needs: "nothing",
    open: &|seed| {
        let (record, population) = (Record::new(seed, &ENTRY), Population::default());
        Box::new(RegularisedEvolution { record, founders: 0, population })
    },
};

/// Members of a full population.
const POPULATION: usize = 50;
/// Members trained before the first mutant.
pub(super) const FOUNDERS: usize = 10;
/// Members that a parent is the best of.
const TOURNAMENT: usize = 10;

/// Mutation and selection by age.
///
/// 1. Train 10 members drawn uniformly; they found the population.
/// 2. Draw 10 members of the population with replacement; the most accurate is the parent.
/// 3. Train an untried neighbour of the parent, drawn uniformly. If all are tried, one is mutated again, for up to 4
///    steps; then a member drawn uniformly takes its place.
/// 4. It joins the population; of more than 50, the oldest dies, however good. Step 2.
///
/// The paper fills a population of 100 with random members before the first mutant, and draws 25 for a tournament. That
/// is for budgets of 20,000 trainings. Here mutants fill the population, so that a search of some dozen trainings is more
/// than random search.
struct RegularisedEvolution {
    record: Record,
    founders: usize,
    population: Population,
}

impl Strategy for RegularisedEvolution {
    fn entry(&self) -> &'static StrategyEntry {
        &ENTRY
    }

    fn ask(&mut self, pool: &Pool) -> Result<Option<Proposal>, StrategyError> {
        if self.founders < FOUNDERS {
            self.founders += 1;
        } else if let Some(parent) = self.population.parent(&mut self.record.rng)
            && let Some(member) = self.record.mutant(pool, parent)
        {
            return Ok(Some(self.record.propose(pool, member)));
        }
        Ok(self.record.fresh(pool))
    }

    fn tell(&mut self, _: &Pool, trial: &Trial) {
        self.record.tell(trial);
        self.population.join(trial);
    }
}

/// The last 50 trainings told, in their order.
#[derive(Default)]
pub(super) struct Population(VecDeque<(usize, f64)>);

impl Population {
    /// Adds a member; the oldest leaves a full population.
    pub fn join(&mut self, trial: &Trial) {
        self.0.push_back((trial.proposal.member, accuracy(trial)));
        if self.0.len() > POPULATION {
            self.0.pop_front();
        }
    }

    /// The winner of a tournament; None while nobody lives.
    pub fn parent(&self, rng: &mut Stream) -> Option<usize> {
        let drawn = (0..TOURNAMENT).filter_map(|_| self.0.get(rng.below(self.0.len() as u64) as usize).copied());
        drawn.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(member, _)| member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::testing::{self, search};

    fn told(member: usize, accuracy_pct: Option<f64>) -> Trial {
        Trial::new(Proposal { member, epochs: 200 }, accuracy_pct)
    }

    #[test]
    fn the_best_becomes_a_parent_until_it_dies_of_age() {
        let (mut population, rng) = (Population::default(), &mut Stream::new(1));
        assert_eq!(population.parent(rng), None);
        population.join(&told(0, Some(99.0)));
        population.join(&told(1, None));
        (2..POPULATION).for_each(|i| population.join(&told(i, Some(50.0 + i as f64 / 100.0))));
        let mut parents: Vec<usize> = (0..5_000).filter_map(|_| population.parent(rng)).collect();
        // The best of 50 is among 10 drawn with probability 1 - 0.98^10 = 0.183.
        let wins = parents.iter().filter(|&&p| p == 0).count() as f64 / 5_000.0;
        assert!((wins - 0.183).abs() < 0.02, "{wins}");
        assert!(!parents.contains(&1));
        population.join(&told(POPULATION, Some(50.0)));
        parents = (0..200).filter_map(|_| population.parent(rng)).collect();
        assert!(!parents.contains(&0));
    }

    #[test]
    fn mutants_are_one_gene_from_a_member_trained_before() {
        let pool = testing::nas_bench_201(20_000);
        let trials = search((ENTRY.open)(5).as_mut(), &pool, 60);
        for (i, trial) in trials.iter().enumerate().skip(FOUNDERS) {
            let neighbours = pool.neighbours(trial.proposal.member);
            let distance = |other: &Trial| pool.arch(other.proposal.member).distance(pool.arch(trial.proposal.member));
            // A neighbour may be written with other genes; then the relation is seen from one side alone.
            let near = |other: &Trial| {
                neighbours.contains(&other.proposal.member)
                    || distance(other) == 1
                    || pool.neighbours(other.proposal.member).contains(&trial.proposal.member)
            };
            assert!(trials[..i].iter().any(near));
        }
    }
}
