//! The network to take: the best that meets the limit on latency, handed to other programs.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use super::Trained;
use crate::candidates::Candidates;
use crate::export::{Accuracy, Exported, Model, write};
use crate::files::subfolder;
use crate::folder::WINNER;
use crate::hardware::Limit;
use crate::network::Network;
use crate::pipeline::RunError;
use crate::space::{Architecture, SpaceError, Task};
use crate::text::thousands;
use crate::train::{Training, trained_parameters};
use crate::trial::TrainStage;

/// Images in the example of an export.
const EXAMPLES: usize = 8;

/// A network that is better than the one taken, but too slow when measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Violator {
    /// As the space writes it.
    pub arch: String,
    /// Its latency ([`quiet_ms`](crate::hardware::Measurement::quiet_ms)).
    pub measured_ms: f64,
}

/// The network to take.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Winner {
    /// As the run writes it.
    pub arch: String,
    /// Its identity.
    pub arch_id: String,
    /// Mean test accuracy of its trainings, percent.
    pub test_accuracy_pct: f64,
    /// Mean validation accuracy, percent; what it was chosen by.
    pub valid_accuracy_pct: f64,
    /// Trainable parameters.
    pub params: u64,
    /// Multiply-accumulates for one image.
    pub macs: u64,
    /// Latency when measured ([`quiet_ms`](crate::hardware::Measurement::quiet_ms)), if there is a limit.
    pub latency_ms: Option<f64>,
    /// Better networks that were too slow when measured.
    pub violators: Vec<Violator>,
    /// What needs no network at all.
    pub majority: Option<Majority>,
    /// Folder with PyTorch source, safetensors and ONNX.
    pub exported: PathBuf,
}

/// Always naming the most frequent class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Majority {
    /// The class.
    pub class: String,
    /// Test accuracy of naming it, percent.
    pub accuracy_pct: f64,
}

impl Winner {
    /// Some sentences on it.
    pub(in crate::pipeline) fn sentences(&self, max_ms: Option<f64>) -> Vec<String> {
        let mut sentences = vec![format!(
            "The network to take, by validation accuracy, is {}: {:.2}% test accuracy with {} parameters; it is in {}.",
            self.arch,
            self.test_accuracy_pct,
            thousands(self.params),
            self.exported.display()
        )];
        let majority = self.majority.as_ref();
        if let Some(m) = majority.filter(|m| self.test_accuracy_pct <= m.accuracy_pct) {
            sentences.push(format!(
                "That is not above always naming class '{}' ({:.2}%): nothing shows that anything was learnt.",
                m.class, m.accuracy_pct
            ));
        }
        if let (Some(ms), Some(max_ms)) = (self.latency_ms, max_ms) {
            let slower = match self.violators.len() {
                0 => String::new(),
                1 => "; one better network took longer than the limit and was passed over".into(),
                n => format!("; {n} better networks took longer than the limit and were passed over"),
            };
            sentences.push(format!("It takes {ms:.2} ms when measured, under the limit of {max_ms} ms{slower}."));
        }
        sentences
    }
}

/// Chooses the winner among trained candidates and exports it: that of the highest validation accuracy. With a limit they are
/// measured from the best down, and the first that meets it is taken: a network that is under the limit only by prediction
/// never is. None if every training diverged.
pub(in crate::pipeline) fn take(
    stage: &TrainStage<'_>,
    candidates: &Candidates,
    trained: &[Trained],
    limit: Option<&Limit>,
    data_name: &str,
    out: &Path,
    stop: &AtomicBool,
) -> Result<Option<Winner>, RunError> {
    let mut order: Vec<(f64, &Trained)> = trained.iter().filter_map(|one| Some((one.valid_pct()?, one))).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut violators, mut fastest_ms) = (Vec::new(), f64::INFINITY);
    for (valid_accuracy_pct, winner) in order {
        let arch = &candidates.archs[winner.candidate];
        let network = network(stage, arch)?;
        let mut latency_ms = None;
        if let Some(limit) = limit {
            let measurement = limit.measure(&network, stop)?;
            latency_ms = Some(measurement.quiet_ms);
            if !limit.meets(&measurement) {
                fastest_ms = fastest_ms.min(measurement.quiet_ms);
                let arch = candidates.texts[winner.candidate].clone();
                violators.push(Violator { arch, measured_ms: measurement.quiet_ms });
                continue;
            }
        }
        let exported = export(stage, candidates, winner, &network, data_name, &subfolder(out, WINNER)?)?;
        return Ok(Some(Winner {
            arch: candidates.texts[winner.candidate].clone(),
            arch_id: candidates.ids[winner.candidate].to_string(),
            test_accuracy_pct: winner.mean_test_pct().unwrap_or(f64::NAN),
            valid_accuracy_pct,
            params: exported.params,
            macs: exported.macs,
            latency_ms,
            violators,
            majority: stage
                .data
                .census()
                .majority()
                .map(|(class, accuracy_pct)| Majority { class: stage.data.class_names()[class].clone(), accuracy_pct }),
            exported: exported.dir,
        }));
    }
    match limit {
        Some(limit) if !violators.is_empty() => Err(RunError::Refused(format!(
            "none of the {} trained networks takes {} ms or less when measured, the fastest takes {fastest_ms:.2} ms; \
                 raise the limit, or search among smaller networks",
            violators.len(),
            limit.max_ms
        ))),
        _ => Ok(None),
    }
}

/// The network of an architecture as it was trained.
fn network(stage: &TrainStage<'_>, arch: &Architecture) -> Result<Network, SpaceError> {
    let task = Task::classify(stage.recipe.image, stage.data.classes());
    let specified = stage.space.build(arch, &task)?;
    Ok(specified.live().unwrap_or(specified))
}

/// Writes the best training of a network, by validation accuracy, into `dir`.
fn export(
    stage: &TrainStage<'_>,
    candidates: &Candidates,
    winner: &Trained,
    network: &Network,
    data_name: &str,
    dir: &Path,
) -> Result<Exported, RunError> {
    let last = |t: &Training| t.last().map_or(f64::NEG_INFINITY, |e| e.valid_accuracy_pct);
    let ranked = winner.converged().max_by(|a, b| last(a.1).total_cmp(&last(b.1)).then(b.0.cmp(&a.0)));
    let repeat = ranked.map_or(0, |(repeat, _)| repeat);
    let arch_id = candidates.ids[winner.candidate];
    let arch = candidates.space.format(&candidates.archs[winner.candidate]);
    let path = stage.checkpoint(&stage.job(arch, arch_id.to_string(), repeat, true));
    let parameters = trained_parameters(&path, network)?.ok_or_else(|| {
        RunError::Refused(format!(
            "the weights {} are missing or damaged; remove the .json file beside them and run the same command again",
            path.display()
        ))
    })?;
    let [_, _, tested] = stage.data.sizes();
    let accuracy = ranked.map(|(_, training)| Accuracy {
        pct: training.test_accuracy_pct,
        images: format!("{tested} test images of {data_name}"),
    });
    let model = Model {
        network,
        parameters: &parameters,
        classes: stage.data.class_names(),
        statistics: stage.data.statistics(),
        examples: &stage.data.examples(EXAMPLES)?.to_device(tch::Device::Cpu),
        space: &stage.space.text(),
        arch: &candidates.texts[winner.candidate],
        arch_id,
        accuracy,
        evaluation: Vec::new(),
    };
    // The run's own folder: the winner of an earlier run of it is replaced.
    Ok(write(dir, &model, true)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_winner_that_learnt_nothing_says_so() {
        let winner = |test_accuracy_pct| Winner {
            arch: "a".into(),
            arch_id: "1".into(),
            test_accuracy_pct,
            valid_accuracy_pct: 90.0,
            params: 1,
            macs: 1,
            latency_ms: None,
            violators: Vec::new(),
            majority: Some(Majority { class: "healthy".into(), accuracy_pct: 95.0 }),
            exported: PathBuf::new(),
        };
        let said = winner(95.0).sentences(None).join(" ");
        assert!(said.contains("not above always naming class 'healthy' (95.00%)"), "{said}");
        assert_eq!(winner(95.5).sentences(None).len(), 1);
    }
}
