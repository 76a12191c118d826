//! How a screen runs.

use std::sync::atomic::AtomicBool;

use crate::data::Watch;
use crate::engine::{CostModel, EngineError, parse_device};

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
        Ok(RunOptions { device, threads, population, overwrite, stop, on_read: &|_, _| {}, on_note: &|_| {} })
    }

    /// For opening a data source.
    pub fn watch(&self) -> Watch<'a> {
        Watch { stop: self.stop, on_progress: self.on_read, on_note: self.on_note }
    }
}
