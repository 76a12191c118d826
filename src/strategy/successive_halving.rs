//! Successive halving: many short trainings, of which the best go on.

use std::collections::{HashMap, HashSet};

use super::record::accuracy;
use super::{Family, Pool, Proposal, Strategy, StrategyEntry, StrategyError, Trial, random};
use crate::seed::Stream;

pub(super) static ENTRY: StrategyEntry = StrategyEntry {
    name: "successive_halving",
    title: "Asynchronous successive halving",
    what: "trains random members for the fewest epochs; of those at each number of epochs, the best go on to the next",
    paper: "Jamieson & Talwalkar, AISTATS 2016; Li et al., A system for massively parallel hyperparameter tuning, MLSys 2020",
    family: Family::MultiFidelity,
    needs: "two or more numbers of epochs; with one it is random search",
    open: &|seed| Box::new(Halving::new(&ENTRY, seed, |_| 1)),
};

/// Successive halving in its asynchronous form (ASHA), in one or several brackets.
///
/// Rung `k` of a bracket holds the members whose training for `epochs[k]` is done. Of `η_k` of them one goes on, the
/// rounded `epochs[k + 1] / epochs[k]` (2 at least), so that all rungs take about the same share of the epochs. In the
/// papers `η` is one number, 3 or 4, and the epochs follow from it; here the epochs are given. A bracket is asked:
///
/// 1. From the highest rung but the last down: if one of the best `⌊n_k / η_k⌋` of the `n_k` members of rung `k` was not
///    promoted, the best of these goes on to `epochs[k + 1]`.
/// 2. Otherwise a random member starts at the bracket's first rung.
/// 3. When all members have started, the best that can still be promoted is, from the highest rung down, until all are
///    trained in full.
///
/// A failed training counts in `n_k` and is never promoted. Asynchronous promotion needs no number of members set in
/// advance, so a search can stop or go on at any time; in the synchronous form of 2016 nothing of a rung goes on before
/// all of it is done. While everything is started and waits for outcomes, `ask` has nothing to offer.
pub(super) struct Halving {
    entry: &'static StrategyEntry,
    /// Number of brackets for a number of rungs. Bracket `s` starts at rung `s`.
    brackets_for: fn(usize) -> usize,
    rng: Stream,
    asked: HashSet<usize>,
    brackets: Vec<Bracket>,
    bracket_of: HashMap<usize, usize>,
}

impl Halving {
    pub fn new(entry: &'static StrategyEntry, seed: u64, brackets_for: fn(usize) -> usize) -> Self {
        let rng = Stream::named(seed, entry.name);
        Halving { entry, brackets_for, rng, asked: HashSet::new(), brackets: Vec::new(), bracket_of: HashMap::new() }
    }
}

impl Strategy for Halving {
    fn entry(&self) -> &'static StrategyEntry {
        self.entry
    }

    /// Brackets take turns by the epochs they have spent: the one that spent least is asked first.
    fn ask(&mut self, pool: &Pool) -> Result<Option<Proposal>, StrategyError> {
        let rungs = pool.epochs.len();
        if self.brackets.is_empty() {
            let bracket = |first| Bracket { first, spent: 0, rungs: vec![Rung::default(); rungs] };
            self.brackets = (0..(self.brackets_for)(rungs)).map(bracket).collect();
        }
        let mut turns: Vec<usize> = (0..self.brackets.len()).collect();
        turns.sort_by_key(|&b| self.brackets[b].spent);
        for b in turns {
            let bracket = &mut self.brackets[b];
            let promoted = bracket.promote(|k| reduction(&pool.epochs, k));
            let started =
                promoted.or_else(|| Some((random::fresh(pool, &mut self.asked, &mut self.rng)?, bracket.first)));
            if let Some((member, rung)) = started.or_else(|| bracket.promote(|_| 1)) {
                let epochs = pool.epochs[rung];
                let before = if rung > bracket.first { pool.epochs[rung - 1] } else { 0 };
                bracket.spent += u64::from(epochs - before);
                self.bracket_of.insert(member, b);
                return Ok(Some(Proposal { member, epochs }));
            }
        }
        Ok(None)
    }

    fn tell(&mut self, pool: &Pool, trial: &Trial) {
        let Proposal { member, epochs } = trial.proposal;
        let rung = pool.epochs.iter().position(|&e| e == epochs);
        if let (Some(&b), Some(rung)) = (self.bracket_of.get(&member), rung) {
            self.brackets[b].rungs[rung].insert(member, accuracy(trial));
        }
    }
}

/// Of so many members at rung `k` one is promoted: `η_k`.
fn reduction(epochs: &[u32], k: usize) -> usize {
    ((f64::from(epochs[k + 1]) / f64::from(epochs[k])).round() as usize).max(2)
}

struct Bracket {
    first: usize,
    /// Epochs asked for.
    spent: u64,
    rungs: Vec<Rung>,
}

impl Bracket {
    /// The member to promote, and the rung it goes to.
    fn promote(&mut self, reduction: impl Fn(usize) -> usize) -> Option<(usize, usize)> {
        let below_last = 0..self.rungs.len().saturating_sub(1);
        below_last.rev().find_map(|k| Some((self.rungs[k].promote(reduction(k))?, k + 1)))
    }
}

/// Members that have reached a number of epochs, best first.
#[derive(Clone, Default)]
struct Rung(Vec<Reached>);

#[derive(Clone)]
struct Reached {
    member: usize,
    accuracy: f64,
    promoted: bool,
}

impl Rung {
    fn insert(&mut self, member: usize, accuracy: f64) {
        let place = self.0.partition_point(|other| other.accuracy >= accuracy);
        self.0.insert(place, Reached { member, accuracy, promoted: false });
    }

    fn promote(&mut self, reduction: usize) -> Option<usize> {
        let eligible = self.0.len() / reduction;
        let next = self.0[..eligible].iter_mut().find(|r| !r.promoted && r.accuracy.is_finite())?;
        next.promoted = true;
        Some(next.member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::testing::{self, search};

    #[test]
    fn the_best_third_goes_on() {
        let mut pool = testing::nas_bench_201(500);
        pool.epochs = vec![4, 12, 36, 108];
        let trials = search((ENTRY.open)(1).as_mut(), &pool, 400);
        let at = |epochs| trials.iter().filter(move |t| t.proposal.epochs == epochs);
        let counts = pool.epochs.iter().map(|&e| at(e).count()).collect::<Vec<_>>();
        for pair in counts.windows(2) {
            // A rung can hold a few more where a promoted member fell behind later ones.
            assert!((pair[0] / 3..=pair[0] / 2).contains(&pair[1]), "{counts:?}");
        }
        // No member that went on is worse than the median of those it was compared with.
        let mut first: Vec<f64> = at(4).filter_map(|t| t.accuracy_pct).collect();
        first.sort_by(f64::total_cmp);
        let promoted: HashSet<usize> = at(12).map(|t| t.proposal.member).collect();
        let mean = at(4).filter(|t| promoted.contains(&t.proposal.member)).filter_map(|t| t.accuracy_pct).sum::<f64>();
        assert!(mean / promoted.len() as f64 > first[first.len() * 2 / 3]);
    }

    #[test]
    fn failures_do_not_go_on_and_outcomes_are_awaited() {
        let pool = testing::nas_bench_201(6);
        let mut strategy = (ENTRY.open)(1);
        let asked: Vec<Proposal> = (0..6).map(|_| strategy.ask(&pool).unwrap().unwrap()).collect();
        assert!(asked.iter().all(|p| p.epochs == 12));
        assert_eq!(strategy.ask(&pool).unwrap(), None);
        for (i, &proposal) in asked.iter().enumerate() {
            strategy.tell(&pool, &Trial::new(proposal, (i < 2).then_some(50.0 + i as f64)));
        }
        let rest: Vec<usize> = std::iter::from_fn(|| strategy.ask(&pool).unwrap()).map(|p| p.member).collect();
        assert_eq!(rest, [asked[1].member, asked[0].member]);
    }

    #[test]
    fn with_one_length_it_is_random_search() {
        let mut pool = testing::nas_bench_201(50);
        pool.epochs = vec![200];
        let trials = search((ENTRY.open)(1).as_mut(), &pool, 80);
        assert_eq!(trials.len(), 50);
        let (mut rng, mut asked) = (Stream::named(1, ENTRY.name), HashSet::new());
        assert!(trials.iter().all(|t| Some(t.proposal.member) == random::fresh(&pool, &mut asked, &mut rng)));
    }
}
