//! Trainings on this machine, side by side, each result in a file of its own as soon as it is there.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use rayon::{ScopeFifo, ThreadPool};

use super::{Backend, Job, run_all};
use crate::engine::{Parameters, Precision, check_memory, training_bytes};
use crate::files::{FileError, write_atomically};
use crate::folder::set_aside;
use crate::network::Network;
use crate::seed::derive;
use crate::space::{SearchSpace, Task};
use crate::train::{Checkpoint, Recipe, Training, TrainingData, TrainingError, train, trained_parameters};

/// How long a poll waits for a training.
const MOMENT: Duration = Duration::from_millis(100);

/// What every training of a run shares.
pub struct TrainStage<'a> {
    /// The space, with the skeleton of the run.
    pub space: &'a dyn SearchSpace,
    /// How networks are trained; a job says for how many epochs.
    pub recipe: &'a Recipe,
    /// Images.
    pub data: &'a TrainingData,
    /// Root of initialisations and orders of images.
    pub seed: u64,
    /// Where results are kept; it exists.
    pub dir: PathBuf,
    /// Where those of other lengths than the recipe's are kept; they exist.
    pub short: Vec<(u32, PathBuf)>,
}

/// Why the stage ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are what the messages name")]
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
    AllDiverged { trainings: usize, learning_rate: f64 },
    /// Ctrl-C.
    #[error("interrupted after {done} of {total} trainings, which are kept; run the same command again to go on")]
    Interrupted { done: usize, total: usize },
}

impl TrainStage<'_> {
    /// A training of the recipe's length.
    pub fn job(&self, arch: String, arch_id: String, repeat: u64, keep_weights: bool) -> Job {
        Job { arch, arch_id, epochs: u32::try_from(self.recipe.epochs).unwrap_or(u32::MAX), repeat, keep_weights }
    }

    /// Trains all jobs and returns their results in the order of the jobs. Results of an earlier run are read instead.
    /// `on_done` gets (done, total, done by an earlier run).
    pub fn run(
        &self,
        jobs: &[Job],
        pool: &ThreadPool,
        stop: &AtomicBool,
        on_done: &mut (dyn FnMut(usize, usize, usize) + Send),
    ) -> Result<Vec<Training>, TrainError> {
        let waiting: Vec<&Job> = jobs.iter().filter(|job| self.found(job).is_none()).collect();
        self.check_memory(&waiting, pool.current_num_threads())?;
        // What was there before counts as done from the beginning, whatever is handed over first.
        let report =
            &mut |local: &Local<'_, '_>, done: usize| on_done(done.max(local.resumed), jobs.len(), local.resumed);
        self.with_backend(pool, stop, |local| run_all(local, jobs, report))
    }

    /// Lends a backend that trains on the threads of `pool`; returns when every training that was begun has ended.
    pub fn with_backend<R>(
        &self,
        pool: &ThreadPool,
        stop: &AtomicBool,
        work: impl FnOnce(&mut Local<'_, '_>) -> R,
    ) -> R {
        pool.in_place_scope_fifo(|scope| {
            let (sender, receiver) = channel();
            work(&mut Local {
                stage: self,
                stop,
                scope,
                sender,
                receiver,
                failed: Arc::new(AtomicBool::new(false)),
                begun: 0,
                done: 0,
                busy: 0,
                interrupted: false,
                resumed: 0,
            })
        })
    }

    /// Refuses trainings that do not fit when `threads` of them run at once. Looking at some of them never asks for too much.
    pub fn check_memory(&self, jobs: &[&Job], threads: usize) -> Result<(), TrainError> {
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
    fn network(&self, job: &Job) -> Result<Network, TrainError> {
        let task = Task::classify(self.recipe.image, self.data.classes());
        let specified = self.space.build(&self.space.parse(&job.arch)?, &task)?;
        Ok(specified.live().unwrap_or(specified))
    }

    fn train(&self, job: &Job, stop: &AtomicBool) -> Result<Option<Training>, TrainError> {
        self.train_network(&self.network(job)?, job, stop)
    }

    fn train_network(&self, network: &Network, job: &Job, stop: &AtomicBool) -> Result<Option<Training>, TrainError> {
        let recipe = Recipe { epochs: job.epochs as usize, ..self.recipe.clone() };
        let seed = derive(self.seed, &format!("train/{}/{}", job.arch_id, job.repeat));
        let (result, checkpoint) = (self.path(job), self.checkpoint(job));
        let checkpoint = Checkpoint { path: &checkpoint, keep: job.keep_weights };
        let training = train(network, self.data, &recipe, seed, Some(checkpoint), stop)?;
        if let Some(training) = &training {
            write_atomically(&result, |file| serde_json::to_writer(file, training))?;
        }
        Ok(training)
    }

    /// Trains a network that is not of the space, under a name that no network of the space has, and returns what it
    /// reached and its parameters; None for these if they cannot be read.
    pub fn train_other(
        &self,
        name: &str,
        network: &Network,
        stop: &AtomicBool,
    ) -> Result<(Training, Option<Parameters>), TrainError> {
        let job = self.job(name.into(), name.into(), 0, true);
        let training = match self.found(&job) {
            Some(training) => training,
            None => self.train_network(network, &job, stop)?.ok_or(TrainError::Interrupted { done: 0, total: 1 })?,
        };
        let parameters = trained_parameters(&self.checkpoint(&job), network).map_err(TrainingError::from)?;
        Ok((training, parameters))
    }

    /// The result of an earlier run, if it is of use.
    fn found(&self, job: &Job) -> Option<Training> {
        read(&self.path(job)).filter(|_| !job.keep_weights || self.checkpoint(job).exists())
    }

    fn path(&self, job: &Job) -> PathBuf {
        let short = self.short.iter().find(|(epochs, _)| *epochs == job.epochs);
        let dir = short.map_or(&self.dir, |(_, dir)| dir);
        dir.join(format!("{}-{}.json", job.arch_id, job.repeat))
    }

    /// Where a training stands, and what it ended with if weights are kept.
    pub fn checkpoint(&self, job: &Job) -> PathBuf {
        self.path(job).with_extension("safetensors")
    }
}

/// Trains on the threads of this process; see [`TrainStage::with_backend`].
pub struct Local<'s, 'scope> {
    stage: &'scope TrainStage<'scope>,
    stop: &'scope AtomicBool,
    scope: &'s ScopeFifo<'scope>,
    sender: Sender<Message>,
    receiver: Receiver<Message>,
    /// Set by the first training that fails: the others are not begun any more.
    failed: Arc<AtomicBool>,
    begun: usize,
    done: usize,
    busy: usize,
    interrupted: bool,
    /// Trainings that an earlier run had done.
    pub resumed: usize,
}

/// A training that has ended; None if it was stopped before its end.
type Message = (Job, Result<Option<Training>, TrainError>);

impl Backend for Local<'_, '_> {
    type Finished = Training;
    type Error = TrainError;

    fn start(&mut self, job: Job) -> Result<(), TrainError> {
        (self.begun, self.busy) = (self.begun + 1, self.busy + 1);
        if let Some(training) = self.stage.found(&job) {
            self.resumed += 1;
            // Nobody else holds the receiver, so it is there.
            let _ = self.sender.send((job, Ok(Some(training))));
            return Ok(());
        }
        let (stage, stop) = (self.stage, self.stop);
        let (sender, failed) = (self.sender.clone(), Arc::clone(&self.failed));
        self.scope.spawn_fifo(move |_| {
            let idle = stop.load(Ordering::Relaxed) || failed.load(Ordering::Relaxed);
            let result = if idle { Ok(None) } else { stage.train(&job, stop) };
            failed.fetch_or(result.is_err(), Ordering::Relaxed);
            // The receiver is gone if an earlier training failed.
            let _ = sender.send((job, result));
        });
        Ok(())
    }

    fn poll(&mut self) -> Result<Vec<(Job, Training)>, TrainError> {
        let mut finished = Vec::new();
        let mut next = self.receiver.recv_timeout(MOMENT).ok();
        while let Some((job, result)) = next {
            self.busy -= 1;
            match result? {
                Some(training) => finished.push((job, training)),
                None => self.interrupted = true,
            }
            next = self.receiver.try_recv().ok();
        }
        self.done += finished.len();
        // Those that were under way may still have come to an end.
        if self.interrupted && self.busy == 0 {
            return Err(TrainError::Interrupted { done: self.done, total: self.begun });
        }
        Ok(finished)
    }

    fn busy(&self) -> usize {
        self.busy
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
