//! Training of one network.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ndarray::Array2;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::checkpoint::{self, Checkpoint, Progress, SaveError};
use super::{Recipe, TrainingData};
use crate::engine::{DeviceBatch, EngineError, Parameters, Trainable};
use crate::files::FileError;
use crate::network::Network;
use crate::seed::{Stream, derive};

/// Images evaluated at once.
const EVAL_BATCH: i64 = 256;
/// How much work a killed process can lose at most.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(20);

/// How a network stood after an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Mean cross-entropy over the epoch's steps; None if one of them was not finite, which ends the training.
    pub train_loss: Option<f64>,
    /// Accuracy on the validation images, percent.
    pub valid_accuracy_pct: f64,
}

/// A finished training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// One record per epoch; training ends early if the loss is not finite, or as [`Recipe::patience`] says.
    pub curve: Vec<EpochRecord>,
    /// Accuracy on the test images after the last epoch, percent. Nothing is chosen by it, so it is looked at once.
    pub test_accuracy_pct: f64,
    /// Seconds of training and evaluation on the wall clock.
    pub seconds: f64,
    /// Seconds that this training kept its processor core busy: the same on a busy machine.
    #[serde(default)]
    pub cpu_seconds: f64,
}

impl Training {
    /// The last epoch.
    pub fn last(&self) -> Option<&EpochRecord> {
        self.curve.last()
    }

    /// True if the loss stopped being finite.
    pub fn diverged(&self) -> bool {
        self.curve.last().is_none_or(|e| e.train_loss.is_none())
    }
}

/// Why a network could not be trained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainingError {
    /// The network could not be run.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The checkpoint could not be written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl From<tch::TchError> for TrainingError {
    fn from(error: tch::TchError) -> Self {
        TrainingError::Engine(error.into())
    }
}

impl From<SaveError> for TrainingError {
    fn from(error: SaveError) -> Self {
        match error {
            SaveError::File(e) => e.into(),
            SaveError::Torch(e) => e.into(),
        }
    }
}

/// Trains `network` from the initial weights of `seed`; the same seed gives the same curve on a CPU, whatever else runs.
///
/// With a `checkpoint`, the state is written there every 20 seconds and when `stop` is set, and a training
/// that finds its own checkpoint goes on from it: its curve is that of an unbroken training, to the last bit.
/// [`trained_parameters`](super::trained_parameters) reads the weights. None if `stop` was set meanwhile.
pub fn train(
    network: &Network,
    data: &TrainingData,
    recipe: &Recipe,
    seed: u64,
    checkpoint: Option<Checkpoint<'_>>,
    stop: &AtomicBool,
) -> Result<Option<Training>, TrainingError> {
    let device = data.device();
    let mut trainable = Trainable::new(network, derive(seed, "weights"), device, recipe.precision)?;
    let zeros = || Tensor::f_zeros([trainable.counts().learned() as i64], (Kind::Float, device));
    let mut memory = (0..recipe.optimiser.memories()).map(|_| zeros()).collect::<Result<Vec<_>, _>>()?;
    let n = data.sizes()[0];
    let starts: Vec<usize> = (0..n).step_by(recipe.batch_size).take(recipe.steps_per_epoch(n)).collect();
    let weights = if recipe.balance_classes { Some(data.class_weights()?) } else { None };
    let steps = starts.len() * recipe.epochs;
    let settings = format!("{recipe:?} seed {seed} images {:?}", data.sizes());
    let restored = checkpoint.and_then(|c| checkpoint::restore(c.path, &settings, &trainable, &memory));
    let mut clock = Clock::start(restored.unwrap_or_default());
    let mut saved = Instant::now();
    while clock.progress.epoch < recipe.epochs && !ended(&clock.progress, recipe) {
        let epoch = clock.progress.epoch;
        let mut order: Vec<usize> = (0..n).collect();
        Stream::named(seed, &format!("epoch.{epoch}")).shuffle(&mut order);
        let mut finite = true;
        while finite && clock.progress.step < starts.len() {
            let stopped = stop.load(Ordering::Relaxed);
            if let Some(c) = checkpoint.filter(|_| stopped || saved.elapsed() > CHECKPOINT_EVERY) {
                checkpoint::save(c.path, &settings, clock.now(), &trainable, &memory)?;
                saved = Instant::now();
            }
            if stopped {
                return Ok(None);
            }
            let (first, step) = (starts[clock.progress.step], epoch * starts.len() + clock.progress.step);
            let picked = &order[first..n.min(first + recipe.batch_size)];
            let (images, labels) = data.batch(picked, recipe.augmentation, seed, epoch)?;
            let loss = trainable.loss(&images, &labels, recipe.label_smoothing, weights.as_ref())?;
            let rate = recipe.learning_rate_at(step, steps);
            recipe.optimiser.step(recipe, &trainable, &mut memory, rate, step)?;
            finite = loss.is_finite();
            clock.progress.loss_sum += if finite { loss } else { 0.0 };
            clock.progress.step += 1;
        }
        let record = EpochRecord {
            epoch: epoch + 1,
            train_loss: finite.then_some(clock.progress.loss_sum / starts.len().max(1) as f64),
            valid_accuracy_pct: accuracy_pct(&trainable, &data.valid)?,
        };
        let progress = &mut clock.progress;
        progress.curve.push(record);
        (progress.epoch, progress.step, progress.loss_sum) = (epoch + 1, 0, 0.0);
    }
    let test_accuracy_pct = accuracy_pct(&trainable, &data.test)?;
    match checkpoint {
        Some(Checkpoint { path, keep: true }) => {
            checkpoint::save(path, &settings, clock.now(), &trainable, &memory)?;
        }
        Some(Checkpoint { path, keep: false }) => drop(std::fs::remove_file(path)),
        None => {}
    }
    let Progress { curve, seconds, cpu_seconds, .. } = clock.now().clone();
    Ok(Some(Training { curve, test_accuracy_pct, seconds, cpu_seconds }))
}

/// Whether the training is over before its last epoch.
fn ended(progress: &Progress, recipe: &Recipe) -> bool {
    let diverged = progress.curve.last().is_some_and(|e| e.train_loss.is_none());
    let patience = recipe.patience.unwrap_or(usize::MAX);
    // While the learning rate is high the validation accuracy may stay at chance and the network learn all the same.
    let (mut highest, mut lowest, mut idle) = (f64::NEG_INFINITY, f64::INFINITY, 0);
    for record in &progress.curve {
        let loss = record.train_loss.unwrap_or(f64::INFINITY);
        let better = record.valid_accuracy_pct > highest || loss < (1.0 - LOSS_FALL) * lowest;
        idle = if better { 0 } else { idle + 1 };
        (highest, lowest) = (highest.max(record.valid_accuracy_pct), lowest.min(loss));
    }
    diverged || idle >= patience
}

/// What counts as a fall of the training loss, relative to the lowest one so far.
const LOSS_FALL: f64 = 0.01;

/// The probability of each class for each test image (images x classes), on the host.
pub fn test_probabilities(
    network: &Network,
    parameters: &Parameters,
    data: &TrainingData,
) -> Result<Array2<f32>, tch::TchError> {
    let n = data.test.len();
    let mut values = Vec::with_capacity(n * data.classes());
    for start in (0..n as i64).step_by(EVAL_BATCH as usize) {
        let images = data.test.images().f_narrow(0, start, EVAL_BATCH.min(n as i64 - start))?;
        let logits = parameters.logits(network, &images)?.f_to(tch::Device::Cpu)?;
        values.extend(Vec::<f32>::try_from(logits.f_softmax(1, Kind::Float)?.f_flatten(0, -1)?)?);
    }
    let shape = (n, data.classes());
    Array2::from_shape_vec(shape, values).map_err(|e| tch::TchError::Torch(e.to_string()))
}

fn accuracy_pct(network: &Trainable<'_>, data: &DeviceBatch) -> Result<f64, tch::TchError> {
    let n = data.len() as i64;
    let mut correct = 0;
    let mut start = 0;
    while start < n {
        let length = EVAL_BATCH.min(n - start);
        let (images, labels) = (data.images().f_narrow(0, start, length)?, data.labels().f_narrow(0, start, length)?);
        correct += network.correct(&images, &labels)?;
        start += length;
    }
    Ok(if n == 0 { f64::NAN } else { 100.0 * correct as f64 / n as f64 })
}

/// The progress of a training and the time it took, over all its sittings.
struct Clock {
    progress: Progress,
    start: Instant,
    cpu_start: f64,
    earlier: (f64, f64),
}

impl Clock {
    fn start(progress: Progress) -> Self {
        let earlier = (progress.seconds, progress.cpu_seconds);
        Clock { progress, start: Instant::now(), cpu_start: thread_cpu_seconds(), earlier }
    }

    fn now(&mut self) -> &Progress {
        self.progress.seconds = self.earlier.0 + self.start.elapsed().as_secs_f64();
        self.progress.cpu_seconds = self.earlier.1 + thread_cpu_seconds() - self.cpu_start;
        &self.progress
    }
}

/// Seconds that this thread has been running.
fn thread_cpu_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a writable timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

#[cfg(test)]
#[path = "train_tests.rs"]
mod tests;
