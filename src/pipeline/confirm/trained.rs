//! Candidates that were trained, and what for.

use super::mean;
use crate::candidates::{Candidates, Role};
use crate::pipeline::screen::thread_pool;
use crate::pipeline::{Progress, RunError, RunOptions};
use crate::train::Training;
use crate::trial::{Job, TrainError, TrainStage};

/// A candidate and its trainings.
pub(in crate::pipeline) struct Trained {
    /// Its number among the candidates.
    pub candidate: usize,
    pub role: Role,
    /// By repeat; those that diverged too.
    pub trainings: Vec<Training>,
}

impl Trained {
    /// The trainings that count: a diverged one says nothing of what a network reaches.
    pub fn converged(&self) -> impl Iterator<Item = (u64, &Training)> {
        (0..).zip(&self.trainings).filter(|(_, training)| !training.diverged())
    }

    /// Mean over these of the last validation accuracy, percent; what is chosen by. None if there is none.
    pub fn valid_pct(&self) -> Option<f64> {
        Some(mean(self.converged().filter_map(|(_, t)| Some(t.last()?.valid_accuracy_pct))))
            .filter(|pct| pct.is_finite())
    }

    /// Test accuracy of each of them, percent.
    pub fn test_pct(&self) -> Vec<f64> {
        self.converged().map(|(_, t)| t.test_accuracy_pct).collect()
    }

    /// Mean of the test accuracies, percent.
    pub fn mean_test_pct(&self) -> Option<f64> {
        Some(mean(self.test_pct().into_iter())).filter(|pct| pct.is_finite())
    }
}

/// How many of all trainings diverged, of how many.
pub(in crate::pipeline) fn diverged(networks: &[Trained]) -> (usize, usize) {
    let all = || networks.iter().flat_map(|network| &network.trainings);
    (all().filter(|training| training.diverged()).count(), all().count())
}

/// That trainings diverged, in a sentence; None if none did.
pub(in crate::pipeline) fn divergence(diverged: usize, trainings: usize) -> Option<String> {
    (diverged > 0).then(|| {
        format!(
            "{diverged} of {trainings} trainings diverged: their loss stopped being finite. They are left out of all means; \
             lower learning_rate"
        )
    })
}

/// Trains candidates, `repeats` times each; what an earlier run did is used. Weights stay, but for what is only learned from.
pub(in crate::pipeline) fn train_candidates(
    stage: &TrainStage<'_>,
    candidates: &Candidates,
    chosen: &[(usize, Role)],
    repeats: u64,
    options: &RunOptions<'_>,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Vec<Trained>, RunError> {
    let job = |&(candidate, role): &(usize, Role), repeat| {
        let arch = candidates.space.format(&candidates.archs[candidate]);
        stage.job(arch, candidates.ids[candidate].to_string(), repeat, role != Role::Labelled)
    };
    let jobs: Vec<Job> = chosen.iter().flat_map(|one| (0..repeats).map(move |repeat| job(one, repeat))).collect();
    let pool = thread_pool(options.threads)?;
    let start = std::time::Instant::now();
    let mut trainings = stage
        .run(&jobs, &pool, options.stop, &mut |done, total, resumed| {
            on_progress(Progress { done, total, resumed, seconds: start.elapsed().as_secs_f64() });
        })?
        .into_iter();
    let trained: Vec<Trained> = chosen
        .iter()
        .map(|&(candidate, role)| Trained {
            candidate,
            role,
            trainings: trainings.by_ref().take(repeats as usize).collect(),
        })
        .collect();
    match diverged(&trained) {
        (diverged, trainings) if diverged == trainings && trainings > 0 => {
            Err(TrainError::AllDiverged { trainings, learning_rate: stage.recipe.learning_rate }.into())
        }
        _ => Ok(trained),
    }
}
