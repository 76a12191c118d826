//! The seam between what wants networks trained and what trains them, or knows what came of it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// A training to do, by names alone: another process or machine can do it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Job {
    /// What is trained: the representative of the network's class, as the space writes it.
    pub arch: String,
    /// The id of the network.
    pub arch_id: String,
    /// Length of the training.
    pub epochs: u32,
    /// Repeat, from 0: another initialisation and another order of images.
    pub repeat: u64,
    /// Whether the weights stay beside the result; a result without them is then trained again.
    pub keep_weights: bool,
}

/// Where trainings are done: a table, this machine, others.
pub trait Backend {
    /// What comes of a training.
    type Finished;
    /// Why there is none.
    type Error;

    /// Begins a training; it may have finished by the time this returns.
    fn start(&mut self, job: Job) -> Result<(), Self::Error>;

    /// What has finished and was not handed over before, in any order; waits a moment if there is nothing yet.
    fn poll(&mut self) -> Result<Vec<(Job, Self::Finished)>, Self::Error>;

    /// Trainings that were begun and are not handed over.
    fn busy(&self) -> usize;
}

/// Does all these trainings; their results are in the order of the jobs, whatever the order in which they finish. `on_finished`
/// gets the number of those that are done.
pub fn run_all<B: Backend>(
    backend: &mut B,
    jobs: &[Job],
    on_finished: &mut dyn FnMut(&B, usize),
) -> Result<Vec<B::Finished>, B::Error> {
    let mut places: HashMap<&Job, Vec<usize>> = HashMap::with_capacity(jobs.len());
    for (place, job) in jobs.iter().enumerate().rev() {
        places.entry(job).or_default().push(place);
    }
    jobs.iter().try_for_each(|job| backend.start(job.clone()))?;
    let mut finished: Vec<Option<B::Finished>> = jobs.iter().map(|_| None).collect();
    let mut done = 0;
    while backend.busy() > 0 {
        for (job, result) in backend.poll()? {
            if let Some(place) = places.get_mut(&job).and_then(Vec::pop) {
                finished[place] = Some(result);
                done += 1;
                on_finished(backend, done);
            }
        }
    }
    Ok(finished.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands over the last job first, one at a time.
    struct Backwards(Vec<Job>);

    impl Backend for Backwards {
        type Finished = u32;
        type Error = String;
        fn start(&mut self, job: Job) -> Result<(), String> {
            self.0.push(job);
            Ok(())
        }
        fn poll(&mut self) -> Result<Vec<(Job, u32)>, String> {
            let job = self.0.pop().ok_or("nothing was begun")?;
            let epochs = job.epochs;
            Ok(vec![(job, epochs)])
        }
        fn busy(&self) -> usize {
            self.0.len()
        }
    }

    #[test]
    fn results_are_in_the_order_of_the_jobs() {
        let job = |epochs| Job { arch: "a".into(), arch_id: "1".into(), epochs, repeat: 0, keep_weights: false };
        let jobs: Vec<Job> = [3, 1, 3, 2].map(job).into();
        let mut seen = Vec::new();
        let found = run_all(&mut Backwards(Vec::new()), &jobs, &mut |backend, done| seen.push((done, backend.busy())));
        assert_eq!(found.unwrap(), [3, 1, 3, 2]);
        assert_eq!(seen, [(1, 3), (2, 2), (3, 1), (4, 0)]);
    }
}
