//! Hyperband: successive halving from several shortest trainings.

use super::StrategyEntry;
use super::successive_halving::{self, Halving};

/// Successive halving trusts the shortest training; random search in full trusts none. Hyperband hedges: bracket `s`
/// halves from `epochs[s]` on, so the last one is random search, and every bracket is given the same share of epochs: the
/// one that has spent least is asked next, which is asynchronous Hyperband (Li et al., MLSys 2020). A member belongs to one
/// bracket.
pub(super) static ENTRY: StrategyEntry = StrategyEntry {
    name: "hyperband",
    title: "Asynchronous Hyperband",
    what: "successive halving in brackets that start at each number of epochs, an equal share of epochs for each",
    paper: "Li, Jamieson, DeSalvo, Rostamizadeh & Talwalkar, Hyperband, JMLR 18, 2018, arXiv:1603.06560",
    open: &|seed| Box::new(Halving::new(&ENTRY, seed, |rungs| rungs)),
    ..successive_halving::ENTRY
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::testing::{self, search};
    use std::collections::HashMap;

    #[test]
    fn brackets_share_the_epochs() {
        let mut pool = testing::nas_bench_201(1_000);
        pool.epochs = vec![4, 12, 36];
        let trials = search((ENTRY.open)(3).as_mut(), &pool, 500);
        let (mut reached, mut spent) = (HashMap::new(), [0u32; 3]);
        for trial in &trials {
            let rung = pool.epochs.iter().position(|&e| e == trial.proposal.epochs).unwrap();
            let &mut (bracket, before) = reached.entry(trial.proposal.member).or_insert((rung, 0));
            spent[bracket] += trial.proposal.epochs - before;
            reached.insert(trial.proposal.member, (bracket, trial.proposal.epochs));
        }
        assert!(spent.iter().all(|s| s.abs_diff(spent[0]) <= 36), "{spent:?}");
    }
}
