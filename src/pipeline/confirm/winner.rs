//! The network to take: the best that meets the limit on latency, handed to other programs.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use super::Trained;
use super::answers::{worst_mistakes, write_answers};
use super::assessment::{Assessment, Contest};
use crate::candidates::Candidates;
use crate::data::Dataset;
use crate::engine::Parameters;
use crate::export::{Accuracy, Exported, Model, write};
use crate::files::subfolder;
use crate::folder::WINNER;
use crate::hardware::{HardwareError, LatencyLimit};
use crate::network::{Network, Shape};
use crate::pipeline::{RunError, RunOptions};
use crate::report::document::Image;
use crate::space::{Architecture, SpaceError, Task};
use crate::train::{Training, TrainingData, trained_parameters};
use crate::trial::TrainStage;

/// What the winner said of each image.
pub(in crate::pipeline) const ANSWERS: &str = "answers.parquet";
/// Images in the example of an export.
const EXAMPLES: usize = 8;

/// A network that was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// As the space writes it.
    pub arch: String,
    /// Its latency ([`quiet_ms`](crate::hardware::Measurement::quiet_ms)).
    pub measured_ms: f64,
}

/// Larger images that a network could take under the limit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Room {
    /// Their shape.
    pub image: Shape,
    /// What the network takes with them when measured.
    pub latency_ms: f64,
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
    /// Megabytes (10^6 bytes) of its float32 parameters and buffers.
    pub model_mb: f64,
    /// Multiply-accumulates for one image.
    pub macs: u64,
    /// Latency when measured ([`quiet_ms`](crate::hardware::Measurement::quiet_ms)), if there is a limit.
    pub latency_ms: Option<f64>,
    /// Better networks that were too slow when measured.
    pub violators: Vec<Measured>,
    /// All trained networks with their latency, if there is a limit; the best by validation accuracy first.
    pub measured: Vec<Measured>,
    /// Other networks of the same validation accuracy: of equals the fastest is taken, or that of the fewest multiply-accumulates
    /// where latency is not measured.
    pub ties: usize,
    /// The images that it got wrong most confidently.
    #[serde(skip)]
    pub mistakes: Vec<Image>,
    /// How much larger its images could be, if the limit leaves room.
    pub room: Option<Room>,
    /// What it gets right on the test images, and what needs no search. None if its trainings cannot be judged.
    pub assessment: Option<Assessment>,
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

/// The images that the winner is judged on.
pub(in crate::pipeline) struct Judged<'a> {
    pub dataset: &'a Dataset,
    /// What they are called.
    pub data_name: &'a str,
    /// Parts of a cross-validation, 0 for none; by default five where there would be few test images.
    pub folds: Option<usize>,
}

/// Test images from which on they are enough by themselves, and parts of a cross-validation where there are fewer.
const ENOUGH: (usize, usize) = (200, 5);

/// Parts of the cross-validation: an official test part is what everybody is judged by, and stays.
fn folds_of(asked: Option<usize>, data: &TrainingData, dataset: &Dataset) -> usize {
    let few = data.sizes()[2] < ENOUGH.0 && !dataset.has_parts() && dataset.units() >= 2 * ENOUGH.1;
    asked.unwrap_or(if few { ENOUGH.1 } else { 0 })
}

/// Trainings that judge the winner.
pub(in crate::pipeline) fn judging_trainings(asked: Option<usize>, data: &TrainingData, dataset: &Dataset) -> usize {
    (2 * folds_of(asked, data, dataset)).max(1)
}

/// A trained network that may be taken.
struct Contender<'a> {
    valid_accuracy_pct: f64,
    trained: &'a Trained,
    network: Network,
    latency_ms: Option<f64>,
    meets: bool,
}

/// Chooses the winner among trained candidates and exports it: that of the highest validation accuracy, of equals the fastest.
/// With a limit all are measured, and only one that meets it is taken: a network that is under the limit only by prediction
/// never is. None if every training diverged.
pub(in crate::pipeline) fn take(
    stage: &TrainStage<'_>,
    candidates: &Candidates,
    trained: &[Trained],
    limit: Option<&LatencyLimit>,
    judged: &Judged<'_>,
    out: &Path,
    options: &RunOptions<'_>,
) -> Result<Option<Winner>, RunError> {
    let (stop, &Judged { dataset, data_name, folds }) = (options.stop, judged);
    let mut contenders = Vec::new();
    for one in trained {
        let Some(valid_accuracy_pct) = one.valid_pct() else { continue };
        let network = network(stage, &candidates.archs[one.candidate])?;
        let measured =
            limit.map(|limit| Ok::<_, HardwareError>((limit, limit.measure(&network, stop)?))).transpose()?;
        let latency_ms = measured.as_ref().map(|(_, m)| m.quiet_ms);
        let meets = measured.as_ref().is_none_or(|(limit, m)| limit.meets(m));
        contenders.push(Contender { valid_accuracy_pct, trained: one, network, latency_ms, meets });
    }
    let cost = |c: &Contender<'_>| c.latency_ms.unwrap_or(c.network.macs() as f64);
    contenders.sort_by(|a, b| b.valid_accuracy_pct.total_cmp(&a.valid_accuracy_pct).then(cost(a).total_cmp(&cost(b))));
    let measured = |c: &Contender<'_>| {
        let arch = candidates.texts[c.trained.candidate].clone();
        Some(Measured { arch, measured_ms: c.latency_ms? })
    };
    let all: Vec<Measured> = contenders.iter().filter_map(measured).collect();
    let Some(place) = contenders.iter().position(|c| c.meets) else {
        let fastest_ms = all.iter().map(|m| m.measured_ms).fold(f64::INFINITY, f64::min);
        return match limit {
            Some(limit) if !all.is_empty() => Err(RunError::Refused(format!(
                "none of the {} trained networks takes {} ms or less when measured, the fastest takes {fastest_ms:.2} ms; \
                     raise the limit, or search among smaller networks",
                all.len(),
                limit.max_ms
            ))),
            _ => Ok(None),
        };
    };
    let chosen = &contenders[place];
    let tied = |c: &&Contender<'_>| c.meets && c.valid_accuracy_pct == chosen.valid_accuracy_pct;
    let ties = contenders.iter().filter(tied).count() - 1;
    let (winner, network) = (chosen.trained, &chosen.network);
    let parameters = best_parameters(stage, candidates, winner, network)?;
    let contest = Contest {
        network,
        name: candidates.ids[winner.candidate].to_string(),
        parameters: &parameters,
        limit,
        folds: folds_of(folds, stage.data, dataset),
        options,
    };
    let (assessment, answered) = contest.assess(stage, dataset)?.unzip();
    if let Some(answered) = &answered {
        write_answers(&out.join(ANSWERS), answered, dataset)?;
    }
    let mistakes = answered.map_or(Vec::new(), |answered| worst_mistakes(&answered, dataset));
    let model = Exporting { stage, candidates, winner, network, parameters: &parameters, data_name };
    let exported = model.write(assessment.as_ref(), &subfolder(out, WINNER)?)?;
    let census = stage.data.census();
    let majority =
        census.majority().map(|(class, accuracy_pct)| Majority { class: census.classes[class].clone(), accuracy_pct });
    Ok(Some(Winner {
        arch: candidates.texts[winner.candidate].clone(),
        arch_id: candidates.ids[winner.candidate].to_string(),
        test_accuracy_pct: winner.mean_test_pct().unwrap_or(f64::NAN),
        valid_accuracy_pct: chosen.valid_accuracy_pct,
        params: exported.params,
        model_mb: exported.model_mb,
        macs: exported.macs,
        latency_ms: chosen.latency_ms,
        violators: contenders[..place].iter().filter_map(measured).collect(),
        measured: all,
        ties,
        mistakes,
        room: limit.map(|limit| room(stage, &candidates.archs[winner.candidate], limit, stop)).transpose()?.flatten(),
        assessment,
        majority,
        exported: exported.dir,
    }))
}

/// Sides of images that are tried under a limit.
const SIDES: [usize; 6] = [48, 64, 96, 128, 192, 256];

/// The largest images that the network takes under the limit, up to the size of the recorded ones.
fn room(
    stage: &TrainStage<'_>,
    arch: &Architecture,
    limit: &LatencyLimit,
    stop: &AtomicBool,
) -> Result<Option<Room>, RunError> {
    let (used, recorded) = (stage.recipe.image, stage.data.recorded_shape());
    let mut largest = None;
    let smaller = |side: usize| side > used.height.max(used.width) && side <= recorded.height.min(recorded.width);
    for side in SIDES.into_iter().filter(|&side| smaller(side) && limit.max_ms.is_finite()) {
        let image = Shape::new(used.channels, side, side);
        let network = stage.space.build(arch, &Task::classify(image, stage.data.classes()))?;
        let measurement = limit.measure(&network, stop)?;
        if !limit.meets(&measurement) {
            break;
        }
        largest = Some(Room { image, latency_ms: measurement.quiet_ms });
    }
    Ok(largest)
}

/// The network of an architecture as it was trained.
fn network(stage: &TrainStage<'_>, arch: &Architecture) -> Result<Network, SpaceError> {
    let task = Task::classify(stage.recipe.image, stage.data.classes());
    let specified = stage.space.build(arch, &task)?;
    Ok(specified.live().unwrap_or(specified))
}

/// The weights of the best training of a network, by validation accuracy; of equals, the first.
fn best_parameters(
    stage: &TrainStage<'_>,
    candidates: &Candidates,
    winner: &Trained,
    network: &Network,
) -> Result<Parameters, RunError> {
    let last = |t: &Training| t.last().map_or(f64::NEG_INFINITY, |e| e.valid_accuracy_pct);
    let ranked = winner.converged().max_by(|a, b| last(a.1).total_cmp(&last(b.1)).then(b.0.cmp(&a.0)));
    let repeat = ranked.map_or(0, |(repeat, _)| repeat);
    let arch = candidates.space.format(&candidates.archs[winner.candidate]);
    let path = stage.checkpoint(&stage.job(arch, candidates.ids[winner.candidate].to_string(), repeat, true));
    trained_parameters(&path, network)?.ok_or_else(|| {
        RunError::Refused(format!(
            "the weights {} are missing or damaged; remove the .json file beside them and run the same command again",
            path.display()
        ))
    })
}

/// What is handed to other programs.
struct Exporting<'a> {
    stage: &'a TrainStage<'a>,
    candidates: &'a Candidates,
    winner: &'a Trained,
    network: &'a Network,
    parameters: &'a Parameters,
    data_name: &'a str,
}

impl Exporting<'_> {
    fn write(&self, assessment: Option<&Assessment>, dir: &Path) -> Result<Exported, RunError> {
        let data = self.stage.data;
        let accuracy = assessment
            .map(|a| Accuracy { pct: a.test.accuracy_pct.0, images: format!("{} of {}", a.images(), self.data_name) });
        let model = Model {
            network: self.network,
            parameters: self.parameters,
            classes: data.class_names(),
            statistics: data.statistics(),
            examples: &data.examples(EXAMPLES)?.to_device(tch::Device::Cpu),
            space: &self.stage.space.text(),
            arch: &self.candidates.texts[self.winner.candidate],
            arch_id: self.candidates.ids[self.winner.candidate],
            accuracy,
            evaluation: assessment.map_or(Vec::new(), Assessment::rows),
        };
        // The run's own folder: the winner of an earlier run of it is replaced.
        Ok(write(dir, &model, true)?)
    }
}
