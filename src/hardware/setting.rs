//! Where and how a latency is measured.

use std::fmt;

use serde::{Deserialize, Serialize};
use tch::Device;

use crate::engine::{EngineError, describe_device, parse_device, processor};

/// Where and how latencies are measured. Equal settings, comparable latencies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// `cpu` or `cuda:N`.
    pub device: String,
    /// Name of the processor or GPU, as the system gives it; empty where it is not known.
    pub name: String,
    /// Name of the processor.
    pub cpu: String,
    /// Threads of libtorch.
    pub threads: usize,
    /// Images per batch.
    pub batch: usize,
    /// Whether batch normalisations are folded into convolutions.
    pub folded: bool,
    /// Version of libtorch.
    pub libtorch: String,
}

impl Setting {
    /// This machine, with the device called `device` ([`parse_device`]).
    pub fn here(device: &str, threads: usize, batch: usize, folded: bool) -> Result<Self, EngineError> {
        let device = parse_device(device)?;
        let cpu = processor();
        let name = match device {
            Device::Cuda(index) => gpu_name(index).unwrap_or_default(),
            _ => cpu.clone(),
        };
        let libtorch = crate::LIBTORCH_VERSION.into();
        Ok(Setting { device: describe_device(device), name, cpu, threads, batch, folded, libtorch })
    }

    /// This machine with the same device, threads and batch; what a measurement now would be comparable with.
    pub fn again_here(&self) -> Result<Self, EngineError> {
        Setting::here(&self.device, self.threads, self.batch, self.folded)
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Setting { device, name, threads, batch, folded, libtorch, .. } = self;
        let norms = if *folded { "folded" } else { "not folded" };
        let name = if name.is_empty() { "unknown" } else { name };
        let plural = if *threads == 1 { "" } else { "s" };
        write!(
            f,
            "{device} ({name}), {threads} thread{plural}, batch {batch}, normalisations {norms}, libtorch {libtorch}"
        )
    }
}

/// The name of the GPU of this index in the order of the driver; None where the driver does not say.
fn gpu_name(index: usize) -> Option<String> {
    let mut folders: Vec<_> = std::fs::read_dir("/proc/driver/nvidia/gpus").ok()?.flatten().map(|e| e.path()).collect();
    folders.sort();
    let text = std::fs::read_to_string(folders.get(index)?.join("information")).ok()?;
    Some(text.lines().find_map(|line| line.strip_prefix("Model:"))?.trim().into())
}
