//! Regularised evolution that begins with the best by the prior, and asks it about every mutant.

use super::prior_only::ByPrior;
use super::record::Record;
use super::regularised_evolution::{FOUNDERS, Population};
use super::{Family, Pool, Proposal, Strategy, StrategyEntry, StrategyError, Trial};

pub(super) static ENTRY: StrategyEntry = StrategyEntry {
    name: "warm_start_evolution",
    title: "Evolution with zero-cost warm-up and moves",
    what: "regularised evolution whose founders are the 10 best by the prior, and each child the best by it of 3 mutants",
    paper: "Abdelfattah, Mehrotra, Dudziak & Lane, Zero-cost proxies for lightweight NAS, ICLR 2021, arXiv:2101.08134",
    family: Family::Evolution,
    needs: "a prior",
    open: &|seed| {
        let (record, population) = (Record::new(seed, &ENTRY), Population::default());
        Box::new(WarmStartEvolution { record, prior: None, founders: 0, population })
    },
};

/// Mutants that the prior chooses from.
const MUTANTS: u64 = 3;

/// As `regularised_evolution`, but
///
/// - the 10 founders are the members with the highest prior (warm-up);
/// - of 3 untried neighbours of the parent, drawn without replacement, the one with the highest prior is trained (move
///   proposal);
/// - where there is no untried mutant, the untried member with the highest prior is trained.
struct WarmStartEvolution {
    record: Record,
    prior: Option<ByPrior>,
    founders: usize,
    population: Population,
}

impl Strategy for WarmStartEvolution {
    fn entry(&self) -> &'static StrategyEntry {
        &ENTRY
    }

    fn ask(&mut self, pool: &Pool) -> Result<Option<Proposal>, StrategyError> {
        let prior = match &mut self.prior {
            Some(prior) => prior,
            none => none.insert(ByPrior::new(pool, ENTRY.name)?),
        };
        let mut child = None;
        if self.founders < FOUNDERS {
            self.founders += 1;
        } else if let Some(parent) = self.population.parent(&mut self.record.rng) {
            let mutants = self.record.untried_near(pool, parent);
            let drawn = self.record.rng.sample_indices(mutants.len() as u64, MUTANTS);
            let drawn = drawn.into_iter().map(|i| mutants[i as usize]);
            child = drawn.reduce(|a, b| if prior.values[b] > prior.values[a] { b } else { a });
        }
        let member = child.or_else(|| prior.next(&self.record));
        Ok(member.map(|member| self.record.propose(pool, member)))
    }

    fn tell(&mut self, _: &Pool, trial: &Trial) {
        self.record.tell(trial);
        self.population.join(trial);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::top_indices;
    use crate::strategy::testing::{self, search};

    #[test]
    fn the_prior_chooses_founders_and_children() {
        let pool = testing::nas_bench_201(1_000);
        let prior = pool.prior().unwrap();
        let mean_of = |entry: &StrategyEntry| {
            let trials = search((entry.open)(2).as_mut(), &pool, 60);
            let members: Vec<usize> = trials.iter().map(|t| t.proposal.member).collect();
            let children = &members[FOUNDERS..];
            let mean = children.iter().map(|&i| prior[i]).sum::<f64>() / children.len() as f64;
            (members[..FOUNDERS].to_vec(), mean)
        };
        let (founders, children) = mean_of(&ENTRY);
        assert_eq!(founders, top_indices(&prior, FOUNDERS));
        let (_, without) = mean_of(&super::super::regularised_evolution::ENTRY);
        assert!(children > without + 0.2, "normal scores {children} and {without}");
    }
}
