//! Asks a strategy, trains (or looks up) what it asks for, and tells it, until the budget is spent.

use std::collections::HashMap;
use std::time::Instant;

use crate::strategy::{Pool, Proposal, Strategy, StrategyError, Trial};
use crate::trial::{Backend, Job, run_all};

/// When a search ends, and how its cost is counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Trainings of full length; a training of `e` of `E` epochs counts `e / E`. One that does not fit is not begun.
    pub trainings: f64,
    /// Seconds of training: once they are spent, no training is begun.
    pub seconds: Option<f64>,
    /// Whether a longer training of a network goes on from its shorter one, so that only the additional epochs are paid.
    /// Otherwise (as with a learning rate that has come down to zero by the last epoch) every training is paid in full.
    pub continued: bool,
}

/// A training of a search in the running sum of its costs, which are totals up to and including it.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Step {
    /// Member of the pool.
    pub member: usize,
    /// Epochs.
    pub epochs: u32,
    /// Accuracy that choices are made by, percent; None if the training failed.
    pub accuracy_pct: Option<f64>,
    /// Accuracy that is reported, percent.
    pub reported_pct: Option<f64>,
    /// Trainings of full length so far.
    pub trainings: f64,
    /// Seconds of training so far, where they are known.
    pub seconds: Option<f64>,
    /// The step (from 0) of the best full training so far, the first of equal ones; None before one succeeded. Shorter
    /// trainings do not count: what their network reaches in full has not been paid for.
    pub incumbent: Option<usize>,
}

/// A whole search.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Trace {
    /// Its trainings.
    pub steps: Vec<Step>,
    /// Seconds that the strategy itself took.
    pub overhead_seconds: f64,
}

impl Trace {
    /// The best full training among those that `trainings` pay for; None if there is none.
    pub fn best_after(&self, trainings: f64) -> Option<&Step> {
        self.best_until(self.steps.partition_point(|step| step.trainings <= trainings + TOLERANCE))
    }

    /// The best full training within the first `seconds`; None if none is done or seconds are not known.
    pub fn best_within(&self, seconds: f64) -> Option<&Step> {
        self.best_until(
            self.steps.partition_point(|step| step.seconds.is_some_and(|s| s <= seconds * (1.0 + TOLERANCE))),
        )
    }

    /// The best of the whole search.
    pub fn best(&self) -> Option<&Step> {
        self.best_until(self.steps.len())
    }

    fn best_until(&self, steps: usize) -> Option<&Step> {
        self.steps[..steps].last()?.incumbent.map(|i| &self.steps[i])
    }
}

/// Costs are sums of many fractions.
const TOLERANCE: f64 = 1e-9;

/// Runs a fresh strategy, which is asked for up to `batch` trainings before it is told what came of them, in the order in which
/// it asked. `jobs` are the full trainings of the members.
pub(in crate::pipeline) fn drive<B>(
    strategy: &mut dyn Strategy,
    pool: &Pool,
    jobs: &[Job],
    budget: &Budget,
    batch: usize,
    backend: &mut B,
) -> Result<Trace, B::Error>
where
    B: Backend<Finished = Trial>,
    B::Error: From<StrategyError>,
{
    let full = f64::from(pool.epochs[pool.epochs.len() - 1]);
    let mut trace = Trace { steps: Vec::new(), overhead_seconds: 0.0 };
    let mut trained: HashMap<usize, u32> = HashMap::new();
    let (mut asked_for, mut seconds) = (0.0, Some(0.0));
    let mut finished = false;
    while !finished && budget.seconds.is_none_or(|most| seconds.is_none_or(|s| s < most)) {
        let start = Instant::now();
        let mut proposals: Vec<(Proposal, u32)> = Vec::new();
        while proposals.len() < batch {
            let Some(proposal) = strategy.ask(pool)? else { break };
            let before = if budget.continued { trained.get(&proposal.member).copied().unwrap_or(0) } else { 0 };
            let paid = proposal.epochs.saturating_sub(before);
            let after = asked_for + f64::from(paid) / full;
            if after > budget.trainings + TOLERANCE {
                finished = true;
                break;
            }
            asked_for = after;
            trained.insert(proposal.member, proposal.epochs);
            proposals.push((proposal, paid));
        }
        trace.overhead_seconds += start.elapsed().as_secs_f64();
        if proposals.is_empty() {
            break;
        }
        let job = |&(proposal, _): &(Proposal, u32)| Job { epochs: proposal.epochs, ..jobs[proposal.member].clone() };
        let asked: Vec<Job> = proposals.iter().map(job).collect();
        let trials = run_all(backend, &asked, &mut |_, _| {})?;
        for ((_, paid), trial) in proposals.into_iter().zip(trials) {
            let share = f64::from(paid) / f64::from(trial.proposal.epochs);
            seconds = seconds.zip(trial.seconds).map(|(sum, s)| sum + share * s);
            push(&mut trace.steps, &trial, f64::from(paid) / full, seconds, full);
            let start = Instant::now();
            strategy.tell(pool, &trial);
            trace.overhead_seconds += start.elapsed().as_secs_f64();
        }
    }
    Ok(trace)
}

fn push(steps: &mut Vec<Step>, trial: &Trial, cost: f64, seconds: Option<f64>, full: f64) {
    let Trial { proposal, accuracy_pct, reported_pct, .. } = *trial;
    let earlier = steps.last();
    let incumbent = earlier.and_then(|step| step.incumbent);
    let highest = incumbent.and_then(|i| steps[i].accuracy_pct);
    // None is less than any number.
    let better = f64::from(proposal.epochs) == full && accuracy_pct > highest;
    let step = Step {
        member: proposal.member,
        epochs: proposal.epochs,
        accuracy_pct,
        reported_pct,
        trainings: earlier.map_or(0.0, |step| step.trainings) + cost,
        seconds,
        incumbent: if better { Some(steps.len()) } else { incumbent },
    };
    steps.push(step);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::testing::nas_bench_201;
    use crate::strategy::{STRATEGIES, StrategyEntry};

    /// Asks for a list of trainings.
    struct Script(Vec<Proposal>, usize);

    impl Strategy for Script {
        fn entry(&self) -> &'static StrategyEntry {
            STRATEGIES.find("random").unwrap()
        }
        fn ask(&mut self, _: &Pool) -> Result<Option<Proposal>, StrategyError> {
            self.1 += 1;
            Ok(self.0.get(self.1 - 1).copied())
        }
        fn tell(&mut self, _: &Pool, _: &Trial) {}
    }

    /// Answers from a list, in its order.
    struct Answers<'a> {
        list: &'a [(usize, u32, Option<f64>)],
        done: usize,
        begun: Vec<Job>,
    }

    impl Backend for Answers<'_> {
        type Finished = Trial;
        type Error = StrategyError;
        fn start(&mut self, job: Job) -> Result<(), StrategyError> {
            self.begun.push(job);
            Ok(())
        }
        fn poll(&mut self) -> Result<Vec<(Job, Trial)>, StrategyError> {
            let trial = |job: Job| {
                let (member, epochs, accuracy_pct) = self.list[self.done];
                self.done += 1;
                let seconds = Some(f64::from(epochs) * 2.0);
                (
                    job,
                    Trial {
                        reported_pct: accuracy_pct,
                        seconds,
                        ..Trial::new(Proposal { member, epochs }, accuracy_pct)
                    },
                )
            };
            Ok(std::mem::take(&mut self.begun).into_iter().map(trial).collect())
        }
        fn busy(&self) -> usize {
            self.begun.len()
        }
    }

    fn run(budget: Budget, batch: usize, list: &[(usize, u32, Option<f64>)]) -> Trace {
        let pool = nas_bench_201(10);
        let proposals = list.iter().map(|&(member, epochs, _)| Proposal { member, epochs }).collect();
        let job = |member: usize| Job {
            arch: String::new(),
            arch_id: member.to_string(),
            epochs: 200,
            repeat: 0,
            keep_weights: false,
        };
        let jobs: Vec<Job> = (0..10).map(job).collect();
        let mut backend = Answers { list, done: 0, begun: Vec::new() };
        drive(&mut Script(proposals, 0), &pool, &jobs, &budget, batch, &mut backend).unwrap()
    }

    const LIST: [(usize, u32, Option<f64>); 6] = [
        (0, 12, Some(70.0)),
        (1, 12, None),
        (2, 12, Some(75.0)),
        (0, 200, Some(60.0)),
        (2, 200, Some(90.0)),
        (3, 200, Some(80.0)),
    ];

    #[test]
    fn costs_add_up_and_full_trainings_count() {
        let budget = Budget { trainings: 10.0, seconds: None, continued: false };
        let trace = run(budget, 1, &LIST);
        let incumbents: Vec<_> = trace.steps.iter().map(|s| s.incumbent).collect();
        assert_eq!(incumbents, [None, None, None, Some(3), Some(4), Some(4)]);
        approx::assert_relative_eq!(trace.steps[5].trainings, 3.0 + 3.0 * 0.06, max_relative = 1e-12);
        assert_eq!(trace.steps[5].seconds, Some(2.0 * 636.0));
        assert_eq!(trace.best_after(1.18).unwrap().member, 0);
        assert_eq!(trace.best_within(2.0 * 436.0).unwrap().accuracy_pct, Some(90.0));
        assert!(trace.best_after(1.17).is_none());
        assert_eq!(run(budget, 4, &LIST).steps, trace.steps, "answers do not depend on the batch here");

        let going_on = run(Budget { continued: true, ..budget }, 2, &LIST);
        approx::assert_relative_eq!(going_on.steps[5].trainings, 3.0 + 0.06, max_relative = 1e-12);
        approx::assert_relative_eq!(going_on.steps[5].seconds.unwrap(), 2.0 * 612.0, max_relative = 1e-12);
    }

    #[test]
    fn budgets_are_never_exceeded() {
        for continued in [false, true] {
            for (trainings, steps) in [(0.05, 0), (0.06, 1), (0.18, 3), (1.1, 3), (2.18, 5)] {
                for batch in [1, 3] {
                    let trace = run(Budget { trainings, seconds: None, continued }, batch, &LIST);
                    assert!(trace.steps.len() >= steps && (continued || trace.steps.len() == steps));
                    assert!(trace.steps.last().is_none_or(|s| s.trainings <= trainings + 1e-9));
                }
            }
        }
        let by_time = run(Budget { trainings: 10.0, seconds: Some(50.0), continued: false }, 1, &LIST);
        assert_eq!(by_time.steps.len(), 3, "the third training begins at 48 seconds");
    }
}
