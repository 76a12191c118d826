//! Runs jobs and keeps their scores: in memory for what follows, in shards for the case that the run is cut short.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Progress;
use super::rows::missing;
use super::scorer::{Job, Scorer};
use super::shards::{Known, ScoreKey, Scored, Shards, Torn};
use crate::pipeline::RunError;

/// All scores that the folder of a run knows, and what this run has done so far.
pub(super) struct Recorder {
    /// The folder of all shards.
    all: PathBuf,
    /// The files that this process writes.
    shards: Shards,
    pub known: Known,
    /// Whether nothing was known when this run began.
    pub fresh: bool,
    /// Keys of the networks of this run.
    pub keys: HashSet<String>,
    /// Stages that are done.
    pub stages: usize,
    pub progress: Progress,
    pub failures: usize,
    pub first_failure: Option<String>,
    start: Instant,
}

impl Recorder {
    /// Starts the clock, with the scores that earlier runs left in the folder `all` of shards; new ones go into `own`.
    pub fn open(all: &Path, own: &Path) -> Result<Self, RunError> {
        let known = Known::read(all, Torn::SetAside)?;
        Ok(Recorder {
            all: all.into(),
            shards: Shards::open(own.into())?,
            fresh: known.scores.is_empty(),
            known,
            keys: HashSet::new(),
            stages: 0,
            progress: Progress { done: 0, total: 0, resumed: 0, seconds: 0.0 },
            failures: 0,
            first_failure: None,
            start: Instant::now(),
        })
    }

    /// The networks among those of other processes that have no answer yet, after a look at what these have written.
    pub fn lacking(&mut self, others: &[Job]) -> Result<Vec<String>, RunError> {
        let lacks = |known: &Known| -> Vec<String> {
            let has = |job: &&Job| job.proxies.iter().all(|p| known.answers(&(job.key.clone(), p.name)));
            others.iter().filter(|job| !has(job)).map(|job| job.key.clone()).collect()
        };
        if lacks(&self.known).is_empty() {
            return Ok(Vec::new());
        }
        self.known = Known::read(&self.all, Torn::SetAside)?;
        Ok(lacks(&self.known))
    }

    /// How many of the networks of this run could not be run.
    pub fn failed(&self) -> usize {
        let failed: HashSet<&String> = self.known.failed.iter().map(|(key, _)| key).collect();
        failed.into_iter().filter(|key| self.keys.contains(*key)).count()
    }

    /// Networks run by this run.
    pub fn computed(&self) -> usize {
        self.progress.done - self.progress.resumed
    }

    /// Runs what is missing of these jobs.
    pub fn run(
        &mut self,
        jobs: Vec<Job>,
        scorer: &Scorer<'_>,
        pool: &rayon::ThreadPool,
        stop: &AtomicBool,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<(), RunError> {
        let asked = jobs.len();
        self.keys.extend(jobs.iter().map(|job| job.key.clone()));
        let todo: Vec<Job> = jobs.into_iter().filter_map(|job| missing(job, &self.known.scores)).collect();
        self.progress.total += asked;
        self.progress.resumed += asked - todo.len();
        self.progress.done += asked - todo.len();
        on_progress(self.progress);
        let mut pending: Vec<(ScoreKey, Scored)> = Vec::new();
        let mut last_flush = Instant::now();
        let ended = scorer.run_all(&todo, pool, stop, |result| {
            self.progress.seconds = self.start.elapsed().as_secs_f64();
            if let Some(result) = result {
                self.progress.done += 1;
                if let Some(error) = result.error {
                    self.failures += 1;
                    self.first_failure.get_or_insert(error);
                }
                pending.extend(result.scores);
            }
            // After a signal the process may be ended at any moment.
            let due = stop.load(Ordering::Relaxed) || last_flush.elapsed() > flush_interval(self.start.elapsed());
            if due && !pending.is_empty() {
                self.shards.append(&pending)?;
                self.known.extend(std::mem::take(&mut pending));
                last_flush = Instant::now();
            }
            on_progress(self.progress);
            Ok::<_, RunError>(())
        });
        // What was scored before a device failed is good.
        if !pending.is_empty() {
            self.shards.append(&pending)?;
            self.known.extend(pending);
        }
        ended?;
        let Progress { done, total, .. } = self.progress;
        if stop.load(Ordering::Relaxed) && done < total {
            return Err(RunError::Interrupted(format!(
                "interrupted after {done} of {total} networks, which are kept; run the same command again to go on"
            )));
        }
        Ok(())
    }

    /// Puts the files that this process and earlier ones wrote into one.
    pub fn compact(&mut self) -> Result<(), RunError> {
        self.shards.compact()
    }
}

/// Soon at first, so that a short run loses little; then every ten seconds.
fn flush_interval(elapsed: Duration) -> Duration {
    (elapsed / 10).clamp(Duration::from_secs(1), Duration::from_secs(10))
}
