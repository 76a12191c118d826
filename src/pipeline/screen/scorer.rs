//! Scores networks side by side.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::shards::{ScoreKey, Scored};
use crate::engine::{DeviceBatch, Engine, EngineError, Pass, Passes, prepare_thread, release_device_memory};
use crate::network::Network;
use crate::pipeline::RunError;
use crate::proxy::{Proxy, Score, Status, View};
use crate::seed::derive;
use crate::space::{ArchId, Architecture, SearchSpace, SpaceError, Task};

/// Where the weights of the networks come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Init {
    /// Layers of equal name and shape have equal weights in all networks; see
    /// [`WeightBank`](crate::engine::WeightBank).
    #[default]
    Bank,
    /// Every network has weights of its own.
    Independent,
}

impl std::str::FromStr for Init {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "bank" => Ok(Init::Bank),
            "independent" => Ok(Init::Independent),
            _ => Err(format!("`{text}` is not an initialisation; use bank or independent")),
        }
    }
}

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

impl JobResult {
    fn has_failed(&self) -> bool {
        self.scores.iter().any(|(_, scored)| scored.score.get_status() == Status::Failed)
    }
}

/// What networks are run for, and what they are counted for where that is another size, as under
/// [`Protocol::Quick`](super::Protocol::Quick).
pub(super) struct Tasks {
    pub run: Task,
    pub counted: Option<Task>,
}

/// A job's network for both.
struct Sized {
    run: Network,
    counted: Option<Network>,
}

/// Everything that is the same for all jobs.
pub(super) struct Scorer<'a> {
    space: &'a dyn SearchSpace,
    tasks: Tasks,
    engine: Engine,
    batch: DeviceBatch,
    seed: u64,
    init: Init,
    population: usize,
    /// Held while networks are run one by one for lack of memory.
    turn: Mutex<()>,
}

/// What to do about networks that could not be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remedy {
    /// Try each alone: together they may have needed too much memory.
    OneByOne,
    /// Give them the status `failed`.
    Fail,
    /// End the run: a device that fails fails for every network from then on.
    GiveUp,
}

impl Remedy {
    /// For `networks` that were run together.
    fn of(error: &EngineError, device: tch::Device, networks: usize) -> Remedy {
        match (error.is_lack_of_memory(), device.is_cuda(), networks) {
            (false, true, _) => Remedy::GiveUp,
            (_, _, 0 | 1) => Remedy::Fail,
            _ => Remedy::OneByOne,
        }
    }
}

impl<'a> Scorer<'a> {
    /// A scorer of networks of `space` on `device`, `population` of them at a time.
    pub fn new(
        space: &'a dyn SearchSpace,
        tasks: Tasks,
        batch: DeviceBatch,
        device: tch::Device,
        (seed, init): (u64, Init),
        population: usize,
    ) -> Self {
        let engine = match init {
            Init::Bank => Engine::with_bank(device),
            Init::Independent => Engine::new(device),
        };
        Scorer { space, tasks, engine, batch, seed, init, population: population.max(1), turn: Mutex::new(()) }
    }

    /// The seed of a network's weights: it depends on the root seed and the repeat, and without a bank on what the network
    /// computes, so neither order nor sharding nor threads change a number.
    fn weight_seed(&self, id: ArchId, repeat: u32) -> u64 {
        match self.init {
            Init::Bank => derive(self.seed, &format!("bank/{repeat}")),
            Init::Independent => derive(self.seed, &format!("{id}/{repeat}")),
        }
    }

    /// Scores a population and hands each result to `done` until that returns false. Failure to run a network is a score
    /// with the status `failed`; a device that fails is an error.
    fn score(&self, jobs: &[Job], done: &mut dyn FnMut(JobResult) -> bool) -> Result<(), EngineError> {
        let networks: Vec<Result<Option<Sized>, SpaceError>> = jobs.iter().map(|job| self.network(job)).collect();
        let mut waiting: Vec<(&Job, &Sized)> = Vec::new();
        for (job, network) in jobs.iter().zip(&networks) {
            let result = match network {
                Ok(Some(network)) => {
                    waiting.push((job, network));
                    continue;
                }
                Ok(None) => JobResult { scores: all(job, Status::Dead), error: None },
                Err(error) => failed(job, error),
            };
            if !done(result) {
                return Ok(());
            }
        }
        // After an interruption some networks lack fewer scores than others.
        for alike in waiting.chunk_by(|(a, _), (b, _)| passes(a) == passes(b)) {
            if !self.results(alike)?.into_iter().all(&mut *done) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The scores of networks that are run together; one by one if that does not go.
    fn results(&self, jobs: &[(&Job, &Sized)]) -> Result<Vec<JobResult>, EngineError> {
        let error = match self.run(jobs) {
            Ok(results) if !results.iter().any(JobResult::has_failed) => return Ok(results),
            // A proxy does not know why libtorch refused; the device does.
            Ok(results) => return self.engine.check().map(|()| results),
            Err(error) => error,
        };
        match Remedy::of(&error, self.engine.device(), jobs.len()) {
            Remedy::GiveUp => Err(error),
            Remedy::Fail => Ok(jobs.iter().map(|(job, _)| failed(job, &error)).collect()),
            Remedy::OneByOne => {
                // One worker at a time, so that each network has all the memory there is.
                let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
                release_device_memory(self.engine.device());
                let each = jobs.iter().map(|job| self.results(std::slice::from_ref(job)));
                Ok(each.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
            }
        }
    }

    /// The part of the job's network that is looked at; None if the input does not reach the output.
    fn network(&self, job: &Job) -> Result<Option<Sized>, SpaceError> {
        let part = |task: &Task| -> Result<Option<Network>, SpaceError> {
            let specified = self.space.build(&job.arch, task)?;
            let live = specified.live();
            Ok(if job.view == View::Live { live } else { live.map(|_| specified) })
        };
        let counted = self.tasks.counted.as_ref().map(part).transpose()?.flatten();
        Ok(part(&self.tasks.run)?.map(|run| Sized { run, counted }))
    }

    fn run(&self, jobs: &[(&Job, &Sized)]) -> Result<Vec<JobResult>, EngineError> {
        let Some((first, _)) = jobs.first() else {
            return Ok(Vec::new());
        };
        let population: Vec<(&Network, u64)> =
            jobs.iter().map(|(job, network)| (&network.run, self.weight_seed(job.arch_id, 0))).collect();
        let run = self.engine.run_population(&population, &self.batch, &passes(first))?;
        let result = |((job, network), passes): (&(&Job, &Sized), Passes<'_>)| {
            let counted = network.counted.as_ref().map(Passes::none);
            let read = |p: &Proxy| counted.as_ref().filter(|_| p.passes.is_empty()).unwrap_or(&passes);
            let scores = job.proxies.iter().map(|p| ((job.key.clone(), p.name), scored(p, read(p)))).collect();
            JobResult { scores, error: None }
        };
        Ok(jobs.iter().zip(run).map(result).collect())
    }

    /// Runs all jobs on the pool and hands every result to `on_result` on the calling thread, in the order in
    /// which they finish; None once `stop` is set, which ends it early as a failure of `on_result` does.
    pub fn run_all<E>(
        &self,
        jobs: &[Job],
        pool: &rayon::ThreadPool,
        stop: &AtomicBool,
        mut on_result: impl FnMut(Option<JobResult>) -> Result<(), E>,
    ) -> Result<(), E>
    where
        E: From<EngineError>,
    {
        let gave_up = AtomicBool::new(false);
        let (sender, receiver) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                pool.install(|| {
                    let goes_on = || !stop.load(Ordering::Relaxed) && !gave_up.load(Ordering::Relaxed);
                    jobs.par_chunks(self.population).with_max_len(1).for_each_with(sender, |sender, jobs| {
                        if goes_on() {
                            // The receiver lives until this scope ends.
                            let ended = self.score(jobs, &mut |result| sender.send(Ok(result)).is_ok() && goes_on());
                            if let Err(error) = ended {
                                let _ = sender.send(Err(error));
                            }
                        }
                    });
                });
            });
            let mut reported = false;
            loop {
                let result = match receiver.try_recv() {
                    Ok(result) => Some(result),
                    Err(mpsc::TryRecvError::Empty) if stop.load(Ordering::Relaxed) && !reported => {
                        reported = true;
                        None
                    }
                    // Waking a blocked receiver for every result takes a tenth of the time of the cheapest scores.
                    Err(mpsc::TryRecvError::Empty) => {
                        std::thread::sleep(Duration::from_millis(20));
                        continue;
                    }
                    Err(mpsc::TryRecvError::Disconnected) => return Ok(()),
                };
                let result = result.transpose().map_err(E::from);
                if let Err(error) = result.and_then(&mut on_result) {
                    gave_up.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
        })
    }
}

/// A pool whose threads each use one libtorch thread.
pub(in crate::pipeline) fn thread_pool(threads: usize) -> Result<rayon::ThreadPool, RunError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).start_handler(|_| prepare_thread());
    pool.build().map_err(no_threads)
}

pub(in crate::pipeline) fn no_threads(error: rayon::ThreadPoolBuildError) -> RunError {
    RunError::Refused(format!("cannot start the worker threads: {error}"))
}

fn scored(proxy: &Proxy, passes: &Passes<'_>) -> Scored {
    let seconds = passes.seconds.iter().filter(|(p, _)| proxy.passes.contains(p)).map(|(_, s)| s).sum();
    Scored { score: proxy.evaluate(passes), seconds }
}

/// What the engine has to run for the job.
fn passes(job: &Job) -> Vec<Pass> {
    let mut wanted: Vec<Pass> = job.proxies.iter().flat_map(|p| p.passes.iter().copied()).collect();
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

fn failed(job: &Job, error: &dyn std::error::Error) -> JobResult {
    JobResult { scores: all(job, Status::Failed), error: Some(format!("{}: {error}", job.key)) }
}

fn all(job: &Job, status: Status) -> Vec<(ScoreKey, Scored)> {
    let scored = Scored { score: Score::status(status), seconds: 0.0 };
    job.proxies.iter().map(|p| ((job.key.clone(), p.name), scored)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, TchError};

    #[test]
    fn only_lack_of_memory_is_tried_again_and_a_failing_device_ends_the_run() {
        let said = |text: &str| EngineError::from(TchError::Torch(text.into()));
        let memory = said("CUDA out of memory. Tried to allocate 2.00 GiB");
        let lost = said("CUDA error: an illegal memory access was encountered");
        let gpu = Device::Cuda(0);
        assert_eq!(Remedy::of(&memory, gpu, 16), Remedy::OneByOne);
        assert_eq!(Remedy::of(&memory, gpu, 1), Remedy::Fail);
        assert_eq!(Remedy::of(&lost, gpu, 16), Remedy::GiveUp);
        assert_eq!(Remedy::of(&lost, gpu, 1), Remedy::GiveUp);
        assert_eq!(Remedy::of(&said("size mismatch"), Device::Cpu, 2), Remedy::OneByOne);
        assert_eq!(Remedy::of(&said("size mismatch"), Device::Cpu, 1), Remedy::Fail);
    }
}
