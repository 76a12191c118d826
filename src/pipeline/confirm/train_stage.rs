//! Trains a list of networks side by side, each result in a file of its own as soon as it is there.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use crate::confirm::{Checkpoint, Recipe, Training, TrainingData, TrainingError, train};
use crate::engine::{Precision, check_memory, training_bytes};
use crate::files::{FileError, write_atomically};
use crate::folder::set_aside;
use crate::network::Network;
use crate::seed::derive;
use crate::space::{Architecture, SearchSpace, Task};

/// One training to do.
pub(in crate::pipeline) struct TrainJob {
    /// What is trained: the representative of the network's class.
    pub arch: Architecture,
    pub arch_id: String,
    /// Repeat, from 0: another initialisation and another order of images.
    pub repeat: u64,
    /// Whether the weights stay beside the result; a result without them is then trained again.
    pub keep_weights: bool,
}

/// What every training of a run shares.
pub(in crate::pipeline) struct TrainStage<'a> {
    pub space: &'a dyn SearchSpace,
    pub recipe: &'a Recipe,
    pub data: &'a TrainingData,
    pub seed: u64,
    /// Where results are kept; it exists.
    pub dir: PathBuf,
}

/// Why the stage ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A network could not be built for the training images.
    #[error(transparent)]
    Space(#[from] crate::space::SpaceError),
    /// A network could not be trained.
    #[error(transparent)]
    Training(#[from] TrainingError),
    /// A result could not be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// No training came to anything.
    #[error(
        "all {trainings} trainings diverged: their loss stopped being finite. Lower learning_rate (now {learning_rate}) under \
         [train]"
    )]
    AllDiverged {
        /// How many there were.
        trainings: usize,
        /// The recipe's.
        learning_rate: f64,
    },
    /// Ctrl-C.
    #[error("interrupted after {done} of {total} trainings, which are kept; run the same command again to go on")]
    Interrupted {
        /// Trainings finished.
        done: usize,
        /// Trainings to do.
        total: usize,
    },
}

impl TrainStage<'_> {
    /// Trains all jobs and returns their results in the order of the jobs. Results of an earlier run are read instead.
    /// `on_done` gets (done, total, done by an earlier run).
    pub fn run(
        &self,
        jobs: &[TrainJob],
        pool: &rayon::ThreadPool,
        stop: &AtomicBool,
        on_done: &mut (dyn FnMut(usize, usize, usize) + Send),
    ) -> Result<Vec<Training>, TrainError> {
        let found: Vec<Option<Training>> = jobs
            .iter()
            .map(|job| read(&self.path(job)).filter(|_| !job.keep_weights || self.checkpoint(job).exists()))
            .collect();
        let (total, resumed) = (jobs.len(), found.iter().flatten().count());
        on_done(resumed, total, resumed);
        let waiting: Vec<&TrainJob> =
            jobs.iter().zip(&found).filter(|(_, f)| f.is_none()).map(|(job, _)| job).collect();
        self.check_memory(&waiting, pool.current_num_threads())?;
        let progress = Mutex::new((resumed, on_done));
        let results: Vec<Option<Training>> = pool.install(|| {
            jobs.par_iter()
                .zip(found)
                .with_max_len(1)
                .map(|(job, found)| {
                    if found.is_some() || stop.load(Ordering::Relaxed) {
                        return Ok(found);
                    }
                    let trained = self.train(job, stop)?;
                    if let (Some(_), Ok(mut guard)) = (&trained, progress.lock()) {
                        guard.0 += 1;
                        let done = guard.0;
                        (guard.1)(done, total, resumed);
                    }
                    Ok(trained)
                })
                .collect::<Result<_, TrainError>>()
        })?;
        let done = results.iter().flatten().count();
        results.into_iter().collect::<Option<Vec<_>>>().ok_or(TrainError::Interrupted { done, total })
    }

    /// Refuses trainings that do not fit when `threads` of them run at once. Looking at some of them never asks for too much.
    fn check_memory(&self, jobs: &[&TrainJob], threads: usize) -> Result<(), TrainError> {
        const LOOKED_AT: usize = 64;
        if self.data.device().is_cuda() || self.recipe.precision != Precision::Float32 {
            return Ok(());
        }
        let mut largest = 0;
        for job in jobs.iter().step_by(jobs.len().div_ceil(LOOKED_AT).max(1)) {
            let network = self.network(job)?;
            largest = largest.max(training_bytes(&network, self.recipe.batch_size, self.recipe.optimiser.memories()));
        }
        let needed = largest.saturating_mul(threads.min(jobs.len()) as u64);
        let lower = "batch_size or image of [train], the channels of the networks, or --threads";
        Ok(check_memory("training these networks", needed, lower).map_err(TrainingError::from)?)
    }

    /// The network of a job, built for the data.
    fn network(&self, job: &TrainJob) -> Result<Network, TrainError> {
        let specified = self.space.build(&job.arch, &Task::classify(self.recipe.image, self.data.classes()))?;
        Ok(specified.live().unwrap_or(specified))
    }

    fn train(&self, job: &TrainJob, stop: &AtomicBool) -> Result<Option<Training>, TrainError> {
        let network = self.network(job)?;
        let seed = derive(self.seed, &format!("train/{}/{}", job.arch_id, job.repeat));
        let (result, checkpoint) = (self.path(job), self.checkpoint(job));
        let checkpoint = Checkpoint { path: &checkpoint, keep: job.keep_weights };
        let training = train(&network, self.data, self.recipe, seed, Some(checkpoint), stop)?;
        if let Some(training) = &training {
            write_atomically(&result, |file| serde_json::to_writer(file, training))?;
        }
        Ok(training)
    }

    fn path(&self, job: &TrainJob) -> PathBuf {
        self.dir.join(format!("{}-{}.json", job.arch_id, job.repeat))
    }

    /// Where a training stands, and what it ended with if weights are kept.
    pub fn checkpoint(&self, job: &TrainJob) -> PathBuf {
        self.path(job).with_extension("safetensors")
    }
}

/// An earlier result; one that cannot be read is set aside and trained again.
fn read(path: &Path) -> Option<Training> {
    let text = match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        text => text.map_err(|e| e.to_string()),
    };
    let training = text.and_then(|text| serde_json::from_slice(&text).map_err(|e| e.to_string()));
    training.map_err(|reason| set_aside(path, &reason)).ok()
}
