//! The network to take: the best that meets the limit on latency, handed to other programs.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use super::train_stage::{TrainJob, TrainStage};
use crate::confirm::{Training, trained_parameters};
use crate::export::{Accuracy, ExportError, Exported, Model, write};
use crate::files::FileError;
use crate::hardware::{HardwareError, Limit, Measurement};
use crate::network::Network;
use crate::space::{Architecture, SpaceError, Task};

/// Images in the example of an export.
const EXAMPLES: usize = 8;

/// Why there is no winner, or why it cannot be handed over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WinnerError {
    /// The space refuses.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// A latency could not be measured.
    #[error(transparent)]
    Hardware(#[from] HardwareError),
    /// The files cannot be written.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// libtorch refused, for instance because memory ran out.
    #[error("libtorch: {}", crate::engine::torch_message(.0))]
    Torch(#[from] tch::TchError),
    /// The weights of the chosen training are gone.
    #[error("the weights {} are missing or damaged; remove the .json file beside them and run the same command again", .0.display())]
    NoWeights(std::path::PathBuf),
    /// A network could not be run.
    #[error(transparent)]
    Engine(#[from] crate::engine::EngineError),
    /// No trained network is fast enough.
    #[error(
        "none of the {measured} trained networks takes {max_ms} ms or less when measured, the fastest takes {fastest_ms:.2} ms; \
         raise the limit, or search among smaller networks"
    )]
    AllTooSlow {
        /// Networks measured.
        measured: usize,
        /// The limit.
        max_ms: f64,
        /// Of the fastest.
        fastest_ms: f64,
    },
    /// A folder cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// A trained network that could be taken.
pub(in crate::pipeline) struct Contender<'a> {
    pub arch: &'a Architecture,
    /// Mean validation accuracy, percent; what is chosen by.
    pub valid_pct: f64,
    pub trainings: &'a [Training],
}

/// A network that is better than the one taken, but too slow when measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Violator {
    /// As the space writes it.
    pub arch: String,
    /// Its latency ([`quiet_ms`](crate::hardware::Measurement::quiet_ms)).
    pub measured_ms: f64,
}

/// Which contender is taken, and how fast it and the better ones are.
pub(in crate::pipeline) struct Choice {
    /// Position among the contenders.
    pub contender: usize,
    pub latency: Option<Measurement>,
    pub violators: Vec<Violator>,
}

/// The contender of the highest validation accuracy. With a limit, contenders are measured from the best down, and the first
/// that meets it is taken: a network that is under the limit only by prediction never is. None without contenders.
pub(in crate::pipeline) fn choose(
    stage: &TrainStage<'_>,
    contenders: &[Contender<'_>],
    limit: Option<&Limit>,
    stop: &AtomicBool,
) -> Result<Option<Choice>, WinnerError> {
    let mut order: Vec<usize> = (0..contenders.len()).filter(|&c| contenders[c].valid_pct.is_finite()).collect();
    order.sort_by(|&a, &b| contenders[b].valid_pct.total_cmp(&contenders[a].valid_pct).then(a.cmp(&b)));
    let (mut violators, mut fastest_ms) = (Vec::new(), f64::INFINITY);
    for &contender in &order {
        let Some(limit) = limit else {
            return Ok(Some(Choice { contender, latency: None, violators }));
        };
        let arch = contenders[contender].arch;
        let measurement = limit.measure(&network(stage, arch)?, stop)?;
        if limit.meets(&measurement) {
            return Ok(Some(Choice { contender, latency: Some(measurement), violators }));
        }
        let measured_ms = measurement.quiet_ms;
        fastest_ms = fastest_ms.min(measured_ms);
        violators.push(Violator { arch: stage.space.format(arch), measured_ms });
    }
    match limit {
        Some(limit) if !violators.is_empty() => {
            Err(WinnerError::AllTooSlow { measured: violators.len(), max_ms: limit.max_ms, fastest_ms })
        }
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
pub(in crate::pipeline) fn export_winner(
    stage: &TrainStage<'_>,
    winner: &Contender<'_>,
    data_name: &str,
    dir: &Path,
) -> Result<Exported, WinnerError> {
    let network = network(stage, winner.arch)?;
    let last = |t: &Training| t.last().map_or(f64::NEG_INFINITY, |e| e.valid_accuracy_pct);
    let ranked = (0..).zip(winner.trainings).max_by(|a, b| last(a.1).total_cmp(&last(b.1)).then(b.0.cmp(&a.0)));
    let repeat = ranked.map_or(0, |(repeat, _)| repeat);
    let arch_id = stage.space.arch_id(winner.arch);
    let job = TrainJob { arch: winner.arch.clone(), arch_id: arch_id.to_string(), repeat, keep_weights: true };
    let path = stage.checkpoint(&job);
    let parameters = trained_parameters(&path, &network)?.ok_or(WinnerError::NoWeights(path))?;
    let [_, _, tested] = stage.data.sizes();
    let accuracy = winner.trainings.get(repeat as usize).map(|training| Accuracy {
        pct: training.test_accuracy_pct,
        images: format!("{tested} test images of {data_name}"),
    });
    let model = Model {
        network: &network,
        parameters: &parameters,
        classes: stage.data.class_names(),
        statistics: stage.data.statistics(),
        examples: &stage.data.examples(EXAMPLES)?.to_device(tch::Device::Cpu),
        space: stage.space.entry().name,
        arch: &stage.space.format(winner.arch),
        arch_id,
        accuracy,
    };
    Ok(write(dir, &model)?)
}
