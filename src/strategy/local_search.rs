//! Local search: uphill from network to neighbouring network.

use super::record::Record;
use super::{Family, Pool, Proposal, Strategy, StrategyEntry, StrategyError, Trial};

pub(super) static ENTRY: StrategyEntry = StrategyEntry {
    name: "local_search",
    title: "Local search",
    what: "from the best of 5 random members, trains neighbours and moves to the first better one, until none is; then anew",
    paper: "White, Nolen & Savani, Exploring the loss landscape in neural architecture search, UAI 2021, arXiv:2005.02960",
    family: Family::LocalSearch,
    needs: "nothing",
    open: &|seed| Box::new(LocalSearch { record: Record::new(seed, &ENTRY), starts: Vec::new(), climb: None }),
};

/// Random members that a climb starts from the best of.
const STARTS: usize = 5;

/// Hill climbing with restarts.
///
/// 1. Train 5 members drawn uniformly; the best is the centre.
/// 2. If a [neighbour](Pool::neighbours) is known to be better than the centre, the best known one is the new centre.
///    Otherwise train an untried neighbour, drawn uniformly. Repeat.
/// 3. When all neighbours are trained and none is better, the centre is a local optimum: step 1.
///
/// The paper trains all neighbours before it moves to the best of them. Going uphill at the first chance needs a fraction
/// of the trainings, where a network has two dozen neighbours and the budget is a few dozen. While step 3 waits for
/// outcomes, members drawn uniformly are asked for.
struct LocalSearch {
    record: Record,
    /// Random members of the present climb.
    starts: Vec<usize>,
    climb: Option<Climb>,
}

struct Climb {
    centre: (usize, f64),
    neighbours: Vec<usize>,
}

impl LocalSearch {
    fn climb_from(&mut self, pool: &Pool, centre: (usize, f64)) {
        let mut neighbours = pool.neighbours(centre.0);
        self.record.rng.shuffle(&mut neighbours);
        self.climb = Some(Climb { centre, neighbours });
    }
}

impl Strategy for LocalSearch {
    fn entry(&self) -> &'static StrategyEntry {
        &ENTRY
    }

    fn ask(&mut self, pool: &Pool) -> Result<Option<Proposal>, StrategyError> {
        // Every turn asks for something, moves to a better centre, or begins a climb, whose start asks for something.
        loop {
            let Some(climb) = &self.climb else {
                let best = self.record.best(&self.starts);
                match best {
                    Some(best) if self.starts.len() >= STARTS => self.climb_from(pool, best),
                    _ => {
                        let proposal = self.record.fresh(pool);
                        self.starts.extend(proposal.map(|p| p.member));
                        return Ok(proposal);
                    }
                }
                continue;
            };
            if let Some(better) = self.record.best(&climb.neighbours).filter(|best| best.1 > climb.centre.1) {
                self.climb_from(pool, better);
                continue;
            }
            if let Some(&member) = climb.neighbours.iter().find(|&&i| self.record.is_untried(i)) {
                return Ok(Some(self.record.propose(pool, member)));
            }
            if climb.neighbours.iter().any(|&i| self.record.accuracy(i).is_none()) {
                return Ok(self.record.fresh(pool));
            }
            self.climb = None;
            self.starts.clear();
        }
    }

    fn tell(&mut self, _: &Pool, trial: &Trial) {
        self.record.tell(trial);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::testing::{self, accuracy, search};

    #[test]
    fn climbs_to_an_optimum_and_starts_anew() {
        let pool = testing::nas_bench_201(400);
        let mut strategy = LocalSearch { record: Record::new(4, &ENTRY), starts: Vec::new(), climb: None };
        let value = |member: usize| accuracy(pool.arch(member).genes());
        let (mut last, mut restarts) = (None, 0);
        for _ in 0..300 {
            let member = search(&mut strategy, &pool, 1)[0].proposal.member;
            match (&strategy.climb, last) {
                (Some(climb), _) => {
                    assert!(climb.neighbours.contains(&member), "a climb trains neighbours only");
                    assert!(last.is_none_or(|l| l == climb.centre.0 || value(l) < climb.centre.1));
                    last = Some(climb.centre.0);
                }
                (None, Some(mut top)) => {
                    // The last steps may have led through networks trained before.
                    while let Some((next, better)) = strategy.record.best(&pool.neighbours(top))
                        && better > value(top)
                    {
                        top = next;
                    }
                    assert!(pool.neighbours(top).iter().all(|&i| value(i) <= value(top)), "a local optimum");
                    restarts += 1;
                    last = None;
                }
                (None, None) => {}
            }
        }
        assert!(restarts > 1);
    }
}
