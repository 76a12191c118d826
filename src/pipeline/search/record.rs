//! The record of a search: every finished training in one file that is always whole, kept by a backend.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::interrupted;
use crate::data::DataSpec;
use crate::files::FileError;
use crate::folder::{self, Folder, Made, Settings, set_aside};
use crate::pipeline::RunError;
use crate::pipeline::results::write_summary;
use crate::strategy::{Proposal, StrategyError, Trial};
use crate::train::{Recipe, Training};
use crate::trial::{Backend, Job, Local, TrainError};

/// What decides the trials of a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SearchSettings {
    pub strategy: String,
    pub seed: u64,
    pub recipe: Recipe,
    pub data: DataSpec,
    pub short: Vec<u32>,
    pub batch: usize,
    pub constraints: Vec<String>,
    /// Who is in the pool.
    pub networks: String,
}

impl Settings for SearchSettings {}

#[derive(Serialize, Deserialize)]
struct Content {
    trials: Vec<Trial>,
}

/// The file, and what is in it.
pub(super) struct Record {
    path: PathBuf,
    _folder: Folder,
    pub trials: Vec<Trial>,
}

impl Record {
    /// Opens the record of a search with these settings in the folder `dir`; refuses one with other settings, unless it is
    /// to be overwritten. A record that cannot be read counts as none: its trainings are kept elsewhere.
    pub fn open(
        dir: &std::path::Path,
        settings: &SearchSettings,
        made: &Made,
        overwrite: bool,
    ) -> Result<Self, RunError> {
        // Version 0.1.0 kept settings and trials in one file, which is noted anew when the folder is opened.
        let earlier = trials(&dir.join("search.json")).ok().filter(|_| !overwrite);
        let folder = Folder::open(dir, &folder::SEARCH, settings, made, overwrite, 1_000_000)?;
        let path = folder.file("record.json");
        let trials = match trials(&path) {
            Ok(trials) => trials,
            Err(None) => earlier.unwrap_or_default(),
            Err(Some(reason)) => {
                set_aside(&path, &reason);
                Vec::new()
            }
        };
        Ok(Record { path, _folder: folder, trials })
    }

    /// Adds finished trainings.
    pub fn add(&mut self, trials: impl IntoIterator<Item = Trial>) -> Result<(), FileError> {
        self.trials.extend(trials);
        write_summary(&self.path, &Content { trials: self.trials.clone() })
    }
}

/// The trials in a file; None if there is no file, or why it cannot be read.
fn trials(path: &std::path::Path) -> Result<Vec<Trial>, Option<String>> {
    let text = std::fs::read_to_string(path).map_err(|_| None)?;
    serde_json::from_str::<Content>(&text).map(|content| content.trials).map_err(|e| Some(e.to_string()))
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::Proposal;
    use std::fs;

    fn settings(seed: u64) -> SearchSettings {
        SearchSettings {
            strategy: "random".into(),
            seed,
            recipe: Recipe::default(),
            data: "digits".parse().unwrap(),
            short: vec![],
            batch: 1,
            constraints: vec![],
            networks: "3 (00)".into(),
        }
    }

    fn made() -> Made {
        Made::here(tch::Device::Cpu, "00".into())
    }

    const TRIAL: Trial = Trial {
        proposal: Proposal { member: 3, epochs: 12 },
        accuracy_pct: None,
        reported_pct: Some(0.1 + 0.2),
        seconds: Some(1.5),
    };

    #[test]
    fn a_record_belongs_to_its_settings() {
        let dir = tempfile::tempdir().unwrap();
        let open = |seed, overwrite| Record::open(dir.path(), &settings(seed), &made(), overwrite);
        open(1, false).unwrap().add([TRIAL]).unwrap();
        let mut again = open(1, false).unwrap();
        again.add([TRIAL]).unwrap();
        assert_eq!(again.trials, [TRIAL, TRIAL]);
        drop(again);
        let error = open(2, false).err().unwrap().to_string();
        assert!(error.contains("another seed (1 there, 2 now)") && error.contains("--overwrite"), "{error}");
        assert!(open(2, true).unwrap().trials.is_empty());
    }

    #[test]
    fn a_record_of_version_0_1_0_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let mut noted = serde_json::to_value(settings(1)).unwrap();
        noted["device"] = "cpu".into();
        let old = serde_json::json!({ "settings": noted, "trials": [TRIAL] });
        fs::write(dir.path().join("search.json"), old.to_string()).unwrap();
        let mut record = Record::open(dir.path(), &settings(1), &made(), false).unwrap();
        assert_eq!(record.trials, [TRIAL]);
        record.add([TRIAL]).unwrap();
        drop(record);
        assert_eq!(Record::open(dir.path(), &settings(1), &made(), false).unwrap().trials, [TRIAL, TRIAL]);
    }

    #[test]
    fn a_torn_record_is_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        Record::open(dir.path(), &settings(1), &made(), false).unwrap().add([TRIAL]).unwrap();
        fs::write(dir.path().join("record.json"), "").unwrap();
        assert!(Record::open(dir.path(), &settings(1), &made(), false).unwrap().trials.is_empty());
        assert!(dir.path().join("record.json.damaged").exists());
    }
}
