//! Where a training stands, in a file.

use std::collections::HashMap;
use std::path::Path;

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};
use tch::{TchError, Tensor};

use super::EpochRecord;
use crate::engine::{EngineError, ParameterCounts, Parameters, Trainable};
use crate::files::{FileError, write_atomically};
use crate::network::Network;

/// Names in the file: all parameters ([`Parameters::view`]), and the optimiser's vectors with their number behind.
const VALUES: &str = "parameters";
const MEMORY: &str = "optimiser.";
const PROGRESS: &str = "progress";
const SETTINGS: &str = "settings";

/// The file that a training writes its state to.
#[derive(Clone, Copy, Debug)]
pub struct Checkpoint<'a> {
    /// The file.
    pub path: &'a Path,
    /// Whether it stays when the training is over, with the weights; otherwise it is removed.
    pub keep: bool,
}

/// Everything but the tensors. The order of images and their augmentation follow from seed and epoch, so no random state
/// needs keeping.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// Epochs that are done, and steps of the next one.
    pub epoch: usize,
    pub step: usize,
    /// Sum of the losses of those steps.
    pub loss_sum: f64,
    pub curve: Vec<EpochRecord>,
    pub seconds: f64,
    pub cpu_seconds: f64,
}

/// Writes the state of a training; readers see the old file or the new one.
pub(super) fn save(
    path: &Path,
    settings: &str,
    progress: &Progress,
    network: &Trainable<'_>,
    memory: &[Tensor],
) -> Result<(), SaveError> {
    let bytes = |t: &Tensor| -> Result<Vec<u8>, TchError> {
        let host = t.f_to(tch::Device::Cpu)?.f_contiguous()?;
        let mut values = vec![0f32; host.numel()];
        host.f_copy_data(&mut values, host.numel())?;
        Ok(values.iter().flat_map(|v| v.to_le_bytes()).collect())
    };
    let mut named = vec![(VALUES.to_string(), bytes(network.values())?)];
    for (k, m) in memory.iter().enumerate() {
        named.push((format!("{MEMORY}{k}"), bytes(m)?));
    }
    let views: Result<Vec<_>, _> = named
        .iter()
        .map(|(name, b)| Ok((name, TensorView::new(Dtype::F32, vec![b.len() / 4], b)?)))
        .collect::<Result<_, safetensors::SafeTensorError>>();
    let refuse = |reason: String| FileError::Write { path: path.into(), reason };
    let progress = serde_json::to_string(progress).map_err(|e| refuse(e.to_string()))?;
    let metadata = HashMap::from([(PROGRESS.into(), progress), (SETTINGS.into(), settings.into())]);
    let file = views.and_then(|v| safetensors::serialize(v, Some(metadata))).map_err(|e| refuse(e.to_string()))?;
    Ok(write_atomically(path, |out| std::io::Write::write_all(out, &file))?)
}

/// Why a checkpoint was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum SaveError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Torch(#[from] TchError),
}

/// Puts a training back to where the file says it was. None, with nothing changed, if there is no file, if it belongs to
/// other settings or if it is damaged: the training then starts anew.
pub(super) fn restore(path: &Path, settings: &str, network: &Trainable<'_>, memory: &[Tensor]) -> Option<Progress> {
    let file = std::fs::read(path).ok()?;
    let tensors = SafeTensors::deserialize(&file).ok()?;
    let (_, header) = SafeTensors::read_metadata(&file).ok()?;
    let metadata = header.metadata().as_ref()?;
    if metadata.get(SETTINGS)? != settings {
        return None;
    }
    let progress = serde_json::from_str(metadata.get(PROGRESS)?).ok()?;
    let mut wanted = vec![(VALUES.to_string(), network.values())];
    wanted.extend(memory.iter().enumerate().map(|(k, m)| (format!("{MEMORY}{k}"), m)));
    let found: Vec<(Tensor, &Tensor)> =
        wanted.into_iter().map(|(name, to)| Some((vector(&tensors, &name, to.numel())?, to))).collect::<Option<_>>()?;
    for (from, to) in found {
        to.shallow_clone().f_copy_(&from).ok()?;
    }
    Some(progress)
}

fn vector(tensors: &SafeTensors<'_>, name: &str, length: usize) -> Option<Tensor> {
    let view = tensors.tensor(name).ok()?;
    if view.dtype() != Dtype::F32 || view.shape() != [length] {
        return None;
    }
    let values: Vec<f32> = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    Tensor::f_from_slice(&values).ok()
}

/// The parameters that a training left in its last checkpoint. None if the file is missing, damaged or of another network.
pub fn trained_parameters(path: &Path, network: &Network) -> Result<Option<Parameters>, EngineError> {
    let Ok(file) = std::fs::read(path) else { return Ok(None) };
    let Ok(tensors) = SafeTensors::deserialize(&file) else { return Ok(None) };
    let total = ParameterCounts::of(network).total();
    Ok(vector(&tensors, VALUES, total).map(|flat| Parameters::view(network, &flat)).transpose()?)
}
