//! All that is known of a screen before its folder is touched.

use rayon::prelude::*;
use tch::Device;

use super::done::Chosen;
use super::plan::Plan;
use super::protocol::Scale;
use super::rows::{Population, Row, row};
use super::scorer::{Scorer, Tasks, thread_pool};
use super::selection::select;
use super::stages::Share;
use super::{RunOptions, ScreenConfig, Selection, options};
use crate::data::{self, Batch, DataSource, Skipped};
use crate::engine::{DeviceBatch, EngineError, Pass, parse_device};
use crate::folder::Made;
use crate::hardware::{Limits, Target};
use crate::pipeline::RunError;
use crate::proxy::Proxy;
use crate::space::{SearchSpace, Task};

/// A screen that is known to make sense.
pub(super) struct Prepared {
    pub space: Box<dyn SearchSpace>,
    pub plan: Plan,
    pub proxies: Vec<&'static Proxy>,
    pub limits: Limits,
    pub device: Device,
    /// What networks are for.
    pub task: Task,
    /// What they are run for.
    run_task: Task,
    batch: Batch,
    pub rows: Vec<Row>,
    /// How they were selected, in a sentence.
    pub sampler: String,
    pub chosen: Chosen,
    pub pool: rayon::ThreadPool,
    pub skipped: Vec<Skipped>,
    /// What results depend on besides the settings.
    pub made: Made,
    /// About how much is going to be written.
    pub bytes: u64,
}

impl Prepared {
    /// Refuses what makes no sense, and what does not fit the memory that `share` needs.
    pub fn new(
        config: &ScreenConfig,
        source: &DataSource,
        selection: &Selection,
        share: Share,
        options: &RunOptions<'_>,
    ) -> Result<(Self, Population), RunError> {
        let space = config.space.open()?;
        let plan = Plan::new(config)?;
        let proxies: Vec<&'static Proxy> = plan.proxies().map(|(_, proxy)| proxy).collect();
        let device = parse_device(options.device)?;
        options::check_batch(config)?;
        let scale = Scale::of(config);
        let batch = data::draw_batch(source, scale.image, scale.batch_size, config.seed, config.class_balanced)?;
        let image = config.image;
        let task = Task::classify(image, batch.classes);
        let run_task = Task::classify(scale.image, batch.classes);
        let limits = Limits::open(&config.limits, &Target { space: space.as_ref(), image })?;
        let (archs, sampler) = select(space.as_ref(), selection, config.seed)?;
        let pool = thread_pool(options.threads)?;
        let rows = pool.install(|| {
            archs
                .into_par_iter()
                .map(|arch| row(space.as_ref(), arch, &task, &proxies, &limits))
                .collect::<Result<Vec<_>, _>>()
        })?;
        let population = Population::new(&rows, &limits)?;
        if !device.is_cuda() && share != Share::Nothing {
            let passes: Vec<Pass> = proxies.iter().flat_map(|p| p.passes).copied().collect();
            options::check_networks(space.as_ref(), &run_task, &rows, &passes, batch.len(), options.threads)?;
        }
        let prepared = Prepared {
            chosen: Chosen::new(selection, rows.iter().map(|row| &row.text)),
            skipped: source.skipped().to_vec(),
            made: Made::here(device, batch.fingerprint()),
            bytes: 1_000_000 + rows.len() as u64 * (200 + 100 * proxies.len() as u64),
            space,
            plan,
            proxies,
            limits,
            device,
            task,
            run_task,
            batch,
            rows,
            sampler,
            pool,
        };
        Ok((prepared, population))
    }

    /// What scores its networks.
    pub fn scorer(&self, config: &ScreenConfig, options: &RunOptions<'_>) -> Result<Scorer<'_>, EngineError> {
        let batch = DeviceBatch::new(&self.batch.images, &self.batch.labels, self.device)?;
        let tasks = Tasks { run: self.run_task, counted: (self.run_task != self.task).then_some(self.task) };
        let how = (config.seed, config.init);
        Ok(Scorer::new(self.space.as_ref(), tasks, batch, self.device, how, options.population))
    }
}
