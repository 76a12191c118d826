//! Trainings of a search as a backend that keeps its record.

use std::collections::{HashMap, VecDeque};

use super::interrupted;
use super::record::Record;
use crate::pipeline::RunError;
use crate::strategy::{Proposal, StrategyError, Trial};
use crate::train::Training;
use crate::trial::{Backend, Job, Local, TrainError};

/// Trainings of a search, recorded in the order in which they are asked for; those of an earlier process are not done again.
pub(super) struct Recording<'a, 's, 'scope> {
    local: &'a mut Local<'s, 'scope>,
    record: &'a mut Record,
    members: HashMap<String, usize>,
    on_trial: &'a mut dyn FnMut(usize),
    /// Trainings asked for, earlier ones included.
    asked: usize,
    /// Those not handed over, in order, with what came of them if they have ended.
    pending: VecDeque<(Job, Option<Trial>)>,
}

impl<'a, 's, 'scope> Recording<'a, 's, 'scope> {
    pub fn new(
        local: &'a mut Local<'s, 'scope>,
        record: &'a mut Record,
        members: HashMap<String, usize>,
        on_trial: &'a mut dyn FnMut(usize),
    ) -> Self {
        Recording { local, record, members, on_trial, asked: 0, pending: VecDeque::new() }
    }
}

impl Backend for Recording<'_, '_, '_> {
    type Finished = Trial;
    type Error = RunError;

    /// The strategy must ask again for what is recorded.
    fn start(&mut self, job: Job) -> Result<(), RunError> {
        let proposal = Proposal { member: self.members[&job.arch_id], epochs: job.epochs };
        let known = self.record.trials.get(self.asked).copied();
        match known {
            Some(trial) if trial.proposal != proposal => {
                let (found, expected) = (trial.proposal.member, proposal.member);
                return Err(StrategyError::OtherSearch { position: self.asked, found, expected }.into());
            }
            Some(_) => {}
            None => self.local.start(job.clone())?,
        }
        self.asked += 1;
        self.pending.push_back((job, known));
        Ok(())
    }

    fn poll(&mut self) -> Result<Vec<(Job, Trial)>, RunError> {
        if self.local.busy() > 0 {
            let ended = self.local.poll().map_err(|error| match error {
                TrainError::Interrupted { .. } => interrupted(self.record.trials.len()),
                other => other.into(),
            })?;
            for (job, training) in ended {
                let trial = trial(self.members[&job.arch_id], &job, &training);
                let open = self.pending.iter_mut().find(|(pending, trial)| trial.is_none() && *pending == job);
                if let Some((_, place)) = open {
                    *place = Some(trial);
                }
            }
        }
        let mut handed: Vec<(Job, Trial)> = Vec::new();
        while let Some((job, Some(trial))) = self.pending.front().cloned() {
            self.pending.pop_front();
            handed.push((job, trial));
        }
        let first = self.asked - self.pending.len() - handed.len();
        let fresh = self.record.trials.len().saturating_sub(first).min(handed.len());
        if fresh < handed.len() {
            self.record.add(handed[fresh..].iter().map(|(_, trial)| *trial))?;
        }
        (self.on_trial)(first + handed.len());
        Ok(handed)
    }

    fn busy(&self) -> usize {
        self.pending.len()
    }
}

/// What a training of a member came to.
fn trial(member: usize, job: &Job, training: &Training) -> Trial {
    let last = training.last().filter(|_| !training.diverged());
    Trial {
        proposal: Proposal { member, epochs: job.epochs },
        accuracy_pct: last.map(|e| e.valid_accuracy_pct).filter(|a| a.is_finite()),
        reported_pct: last.map(|_| training.test_accuracy_pct).filter(|a| a.is_finite()),
        seconds: Some(training.seconds),
    }
}
