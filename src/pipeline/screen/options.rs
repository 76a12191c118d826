//! How a screen runs, and whether it fits the memory of the machine.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::rows::Row;
use super::{RunError, ScreenConfig};
use crate::data::Watch;
use crate::engine::{
    CostModel, EngineError, Pass, activation_bytes, batch_bytes, check_memory, parse_device, weight_bytes,
};
use crate::space::{SearchSpace, Task};

/// How to run, without effect on the scores (but for the kind of device).
pub struct RunOptions<'a> {
    /// `auto`, `cpu` or `cuda:N`.
    pub device: &'a str,
    /// Worker threads.
    pub threads: usize,
    /// Networks that each of them runs as one population; see
    /// [`Engine::run_population`](crate::engine::Engine::run_population).
    pub population: usize,
    /// Discard what is in the output folder.
    pub overwrite: bool,
    /// When the work began, which a budget counts from.
    pub started: Instant,
    /// Set from outside to end early.
    pub stop: &'a AtomicBool,
    /// Called while images are read, with their number so far and in all.
    pub on_read: &'a (dyn Fn(usize, usize) + Sync),
    /// Called with what is unusual about the images and their parts, a sentence each.
    pub on_note: &'a (dyn Fn(&str) + Sync),
}

impl<'a> RunOptions<'a> {
    /// What is not given is taken from the machine's [`CostModel`].
    pub fn new(
        device: &'a str,
        threads: Option<usize>,
        overwrite: bool,
        stop: &'a AtomicBool,
    ) -> Result<Self, EngineError> {
        let target = parse_device(device)?;
        let (threads, population) = match threads {
            // A CPU runs any population in the same time.
            Some(threads) if !target.is_cuda() => (threads, 1),
            threads => {
                let cost = CostModel::of(target)?;
                (threads.unwrap_or(cost.threads), cost.population)
            }
        };
        Ok(RunOptions {
            device,
            threads,
            population,
            overwrite,
            started: Instant::now(),
            stop,
            on_read: &|_, _| {},
            on_note: &|_| {},
        })
    }

    /// For opening a data source.
    pub fn watch(&self) -> Watch<'a> {
        Watch { stop: self.stop, on_progress: self.on_read, on_note: self.on_note }
    }
}

/// Networks that are looked at: an estimate from some of them is never too high.
const LOOKED_AT: usize = 64;

/// Refuses a batch that does not fit, before it is drawn.
pub(super) fn check_batch(config: &ScreenConfig) -> Result<(), EngineError> {
    check_memory("the batch", batch_bytes(config.batch_size, config.image), "--batch-size or --image")
}

/// Refuses networks that do not fit beside the batch when `threads` of them run at once, each through `passes`.
pub(super) fn check_networks(
    space: &dyn SearchSpace,
    task: &Task,
    rows: &[Row],
    passes: &[Pass],
    images: usize,
    threads: usize,
) -> Result<(), RunError> {
    if passes.is_empty() {
        return Ok(());
    }
    let side_by_side = threads.min(rows.len()) as u64;
    let mut largest = 0;
    for row in rows.iter().step_by(rows.len().div_ceil(LOOKED_AT).max(1)) {
        if let Some(network) = space.build(&row.arch, task)?.live() {
            let activations = side_by_side.saturating_mul(activation_bytes(&network, images, passes));
            largest = largest.max(weight_bytes(&network).saturating_add(activations));
        }
    }
    // The images have been drawn; their copy on the device has not been made.
    let needed = largest.saturating_add(batch_bytes(images, task.input) / 2);
    Ok(check_memory("scoring these networks", needed, "--batch-size, --image, --init-channels or --threads")?)
}
