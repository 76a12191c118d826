//! Runs jobs and keeps their scores: in memory for what follows, in shards for the case that the run is cut short.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Progress;
use super::rows::missing;
use super::scorer::{Job, Scorer};
use super::shards::{ScoreKey, Scored, Shards};
use crate::files::FileError;
use crate::pipeline::RunError;

/// All scores that the folder of a run knows, and what this run has done so far.
pub(super) struct Recorder {
    shards: Shards,
    pub scores: HashMap<ScoreKey, Scored>,
    /// Keys of the networks of this run.
    pub keys: HashSet<String>,
    pub progress: Progress,
    pub failures: usize,
    pub first_failure: Option<String>,
    start: Instant,
}

impl Recorder {
    /// Starts the clock, with the scores that earlier runs left in the folder.
    pub fn open(shards: PathBuf) -> Self {
        let (shards, scores) = Shards::open(shards);
        Recorder {
            shards,
            scores,
            keys: HashSet::new(),
            progress: Progress { done: 0, total: 0, resumed: 0, seconds: 0.0 },
            failures: 0,
            first_failure: None,
            start: Instant::now(),
        }
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
        let todo: Vec<Job> = jobs.into_iter().filter_map(|job| missing(job, &self.scores)).collect();
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
                self.scores.extend(pending.drain(..));
                last_flush = Instant::now();
            }
            on_progress(self.progress);
            Ok::<_, RunError>(())
        });
        // What was scored before a device failed is good.
        if !pending.is_empty() {
            self.shards.append(&pending)?;
            self.scores.extend(pending);
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

    /// Puts all scores into one shard.
    pub fn compact(&mut self) -> Result<(), FileError> {
        self.shards.compact(&self.scores)
    }
}

/// Soon at first, so that a short run loses little; then every ten seconds.
fn flush_interval(elapsed: Duration) -> Duration {
    (elapsed / 10).clamp(Duration::from_secs(1), Duration::from_secs(10))
}
