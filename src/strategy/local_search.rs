//! Local search: uphill from network to neighbouring network.

use super::record::Record;
use super::{Family, Pool, Proposal, Strategy, StrategyEntry, StrategyError, Trial};
use crate::seed::Stream;

/// Registry line.
pub(super) static ENTRY: StrategyEntry = StrategyEntry {
    name: "local_search",
    title: "Local search",
    what: "from the best of 10 random members, trains all neighbours and moves to the best, until none is better; then anew",
    paper: "White, Nolen & Savani, Exploring the loss landscape in neural architecture search, UAI 2021, arXiv:2005.02960",
    family: Family::LocalSearch,
    needs: "nothing",
    open: |seed| Box::new(LocalSearch::new(seed)),
};

/// Random members that a climb starts from the best of.
const STARTS: usize = 10;

/// Steepest ascent with restarts.
///
/// 1. Train 10 members drawn uniformly; the best is the centre.
/// 2. Train all [`Pool::neighbours`] of the centre that are untried, in random order.
/// 3. If the best neighbour is better than the centre, it is the new centre: step 2. Otherwise the centre is a local
///    optimum: step 1.
///
/// Neighbours trained earlier cost nothing. While step 3 waits for outcomes, members drawn uniformly are asked for.
struct LocalSearch {
    rng: Stream,
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
    fn new(seed: u64) -> Self {
        let rng = Stream::named(seed, ENTRY.name);
        LocalSearch { rng, record: Record::default(), starts: Vec::new(), climb: None }
    }

    fn climb_from(&mut self, pool: &Pool, centre: (usize, f64)) {
        let mut neighbours = pool.neighbours(centre.0);
        self.rng.shuffle(&mut neighbours);
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
                        let proposal = self.record.fresh(pool, &mut self.rng);
                        self.starts.extend(proposal.map(|p| p.member));
                        return Ok(proposal);
                    }
                }
                continue;
            };
            if let Some(&member) = climb.neighbours.iter().find(|&&i| self.record.is_untried(i)) {
                return Ok(Some(self.record.propose(pool, member)));
            }
            if climb.neighbours.iter().any(|&i| self.record.accuracy(i).is_none()) {
                return Ok(self.record.fresh(pool, &mut self.rng));
            }
            match self.record.best(&climb.neighbours) {
                Some(best) if best.1 > climb.centre.1 => self.climb_from(pool, best),
                _ => {
                    self.climb = None;
                    self.starts.clear();
                }
            }
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
        let mut strategy = LocalSearch::new(4);
        let value = |member: usize| accuracy(&pool.arch(member).0);
        let (mut centres, mut restarts) = (Vec::new(), 0);
        for _ in 0..300 {
            let trials = search(&mut strategy, &pool, 1);
            match &strategy.climb {
                Some(climb) if centres.last() != Some(&climb.centre.0) => centres.push(climb.centre.0),
                None if !centres.is_empty() => {
                    // The last centre is a local optimum, and each one before it a neighbour of the next.
                    let top = centres[centres.len() - 1];
                    assert!(pool.neighbours(top).iter().all(|&i| value(i) <= value(top)));
                    for step in centres.windows(2) {
                        let best = pool.neighbours(step[0]).into_iter().map(value).fold(f64::MIN, f64::max);
                        assert!(value(step[1]) == best && best > value(step[0]));
                    }
                    restarts += 1;
                    centres.clear();
                }
                Some(climb) => assert!(climb.neighbours.contains(&trials[0].proposal.member)),
                None => {}
            }
        }
        assert!(restarts > 1);
    }
}
