//! Scores networks side by side.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use rayon::prelude::*;

use super::shards::{ScoreKey, Scored};
use crate::engine::{DeviceBatch, Engine, Pass, Passes, prepare_thread};
use crate::proxy::{Proxy, Score, Status, View};
use crate::seed::derive;
use crate::space::{ArchId, Architecture, SearchSpace, Task};

/// One network to run, and what to score it with.
pub(super) struct Job {
    /// What the scores are stored under: the `arch_id` for live networks; for networks as specified the architecture
    /// itself, since dead operations differ between architectures of one id.
    pub key: String,
    pub arch: Architecture,
    pub arch_id: ArchId,
    pub view: View,
    pub proxies: Vec<&'static Proxy>,
}

/// What came of a job.
pub(super) struct JobResult {
    pub scores: Vec<(ScoreKey, Scored)>,
    /// Why the network could not be run, if it could not.
    pub error: Option<String>,
}

/// Everything that is the same for all jobs.
pub(super) struct Scorer<'a> {
    pub space: &'a dyn SearchSpace,
    pub task: Task,
    pub engine: Engine,
    pub batch: DeviceBatch,
    pub seed: u64,
}

impl Scorer<'_> {
    /// The seed of a network's weights: it depends on the root seed, what the network computes and the repeat, so
    /// neither order nor sharding nor threads change a number.
    fn weight_seed(&self, id: ArchId, repeat: u32) -> u64 {
        derive(self.seed, &format!("{id}/{repeat}"))
    }

    /// Scores one network. Failure to run it is a score with the status `failed`, not an error.
    pub fn score(&self, job: &Job) -> JobResult {
        match self.run(job) {
            Ok(scores) => JobResult { scores, error: None },
            Err(error) => JobResult { scores: all(job, Status::Failed), error: Some(format!("{}: {error}", job.key)) },
        }
    }

    fn run(&self, job: &Job) -> Result<Vec<(ScoreKey, Scored)>, Box<dyn std::error::Error>> {
        let specified = self.space.build(&job.arch, &self.task)?;
        let Some(live) = specified.live() else {
            return Ok(all(job, Status::Dead));
        };
        let network = if job.view == View::Live { &live } else { &specified };
        let mut wanted: Vec<Pass> = job.proxies.iter().flat_map(|p| p.passes.iter().copied()).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let passes = self.engine.run(network, self.weight_seed(job.arch_id, 0), &self.batch, &wanted)?;
        Ok(job.proxies.iter().map(|p| ((job.key.clone(), p.name), scored(p, &passes))).collect())
    }

    /// Runs all jobs on `threads` threads and hands every result to `on_result` on the calling thread, in the order in
    /// which they finish. Ends early once `stop` is set or `on_result` fails.
    pub fn run_all<E>(
        &self,
        jobs: &[Job],
        pool: &rayon::ThreadPool,
        stop: &AtomicBool,
        mut on_result: impl FnMut(JobResult) -> Result<(), E>,
    ) -> Result<(), E> {
        let gave_up = AtomicBool::new(false);
        let (sender, receiver) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                pool.install(|| {
                    jobs.par_iter().with_max_len(1).for_each_with(sender, |sender, job| {
                        if !stop.load(Ordering::Relaxed) && !gave_up.load(Ordering::Relaxed) {
                            // The receiver lives until this scope ends.
                            let _ = sender.send(self.score(job));
                        }
                    });
                });
            });
            loop {
                match receiver.recv_timeout(Duration::from_millis(250)) {
                    Ok(result) => {
                        if let Err(error) = on_result(result) {
                            gave_up.store(true, Ordering::Relaxed);
                            return Err(error);
                        }
                    }
                    Err(mpsc::RecvTimeoutError::Timeout) => {}
                    Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(()),
                }
            }
        })
    }
}

/// A pool whose threads each use one libtorch thread.
pub(in crate::pipeline) fn thread_pool(threads: usize) -> Result<rayon::ThreadPool, rayon::ThreadPoolBuildError> {
    rayon::ThreadPoolBuilder::new().num_threads(threads).start_handler(|_| prepare_thread()).build()
}

fn scored(proxy: &Proxy, passes: &Passes<'_>) -> Scored {
    let seconds = passes.seconds.iter().filter(|(p, _)| proxy.passes.contains(p)).map(|(_, s)| s).sum();
    Scored { score: (proxy.score)(passes), seconds }
}

fn all(job: &Job, status: Status) -> Vec<(ScoreKey, Scored)> {
    let scored = Scored { score: Score::status(status), seconds: 0.0 };
    job.proxies.iter().map(|p| ((job.key.clone(), p.name), scored)).collect()
}
