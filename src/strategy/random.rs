//! Random search.

use std::collections::HashSet;

use super::record::Record;
use super::{Family, Pool, Proposal, Strategy, StrategyEntry, StrategyError, Trial};
use crate::seed::Stream;

pub(super) static ENTRY: StrategyEntry = StrategyEntry {
    name: "random",
    title: "Random search",
    what: "trains members drawn uniformly, without replacement",
    paper: "Li & Talwalkar, Random search and reproducibility for neural architecture search, UAI 2019",
    family: Family::Random,
    needs: "nothing",
    open: &|seed| Box::new(Random(Record::new(seed, &ENTRY))),
};

struct Random(Record);

impl Strategy for Random {
    fn entry(&self) -> &'static StrategyEntry {
        &ENTRY
    }

    fn ask(&mut self, pool: &Pool) -> Result<Option<Proposal>, StrategyError> {
        Ok(self.0.fresh(pool))
    }

    fn tell(&mut self, _: &Pool, _: &Trial) {}
}

/// A member that is not in `asked`, drawn uniformly, and notes it there; None if all are.
pub(super) fn fresh(pool: &Pool, asked: &mut HashSet<usize>, rng: &mut Stream) -> Option<usize> {
    if asked.len() >= pool.len() {
        return None;
    }
    // While most are free, rejection is quick; later the free ones are listed.
    let member = if asked.len() <= pool.len() / 2 {
        std::iter::repeat_with(|| pool.sample(rng)).find(|member| !asked.contains(member))?
    } else {
        let free: Vec<usize> = (0..pool.len()).filter(|member| !asked.contains(member)).collect();
        free[rng.below(free.len() as u64) as usize]
    };
    asked.insert(member);
    Some(member)
}
