//! What this machine does best, measured once and kept.

use std::path::{Path, PathBuf};
use std::time::Instant;

use ndarray::Array4;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tch::Device;

use super::{DeviceBatch, Engine, EngineError, Pass, describe_device, prepare_thread};
use crate::network::{Conv2d, Network, NetworkBuilder, NetworkError, Op, Shape};

/// How to run networks on a device: settings that change no score but the time it takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CostModel {
    /// Processor, number of cores, device and versions that it was measured with.
    pub machine: String,
    /// Networks run side by side, one thread each.
    pub threads: usize,
    /// Networks that each thread runs as one population ([`Engine::run_population`]).
    pub population: usize,
    /// Rate of train-mode forwards with ReLU codes with these settings, all threads together, in GFLOP/s (2 operations per
    /// multiply-accumulate); None where nothing was measured.
    pub forward_gflops: Option<f64>,
}

/// A setting must be this much faster than the one before it to be preferred: less is noise.
const GAIN: f64 = 1.05;
const IMAGES: usize = 64;
const NETWORKS: usize = 16;

impl CostModel {
    /// The settings for `device`: those kept in the user's cache folder, if they were measured on this machine with these
    /// versions; otherwise measured now (about a second) and kept. While other work keeps the processor busy nothing is
    /// measured for it: one thread per core, one network at a time.
    pub fn of(device: Device) -> Result<CostModel, EngineError> {
        let machine = machine(device);
        let path = cache_file(device);
        let kept = path.as_ref().and_then(|path| std::fs::read(path).ok());
        if let Some(model) = kept.and_then(|text| serde_json::from_slice::<CostModel>(&text).ok())
            && model.machine == machine
            && (model.threads > 0 && model.population > 0)
        {
            return Ok(model);
        }
        // What other work leaves over is not what the processor can do. A GPU hardly notices, and needs its populations.
        if !device.is_cuda() && load_average().is_some_and(|load| load > 0.25 * cores() as f64) {
            return Ok(CostModel { machine, threads: cores(), population: 1, forward_gflops: None });
        }
        let model = Self::measure(device, machine)?;
        if let Some(path) = path {
            // Without a cache the next run measures again; that is not a reason to stop.
            let _ = keep(&path, &model);
        }
        Ok(model)
    }

    fn measure(device: Device, machine: String) -> Result<CostModel, EngineError> {
        let cores = cores();
        let networks: Vec<Network> = (0..NETWORKS).map(probe).collect::<Result<_, _>>().unwrap_or_default();
        let images =
            Array4::from_shape_fn((IMAGES, 3, 16, 16), |(n, c, h, w)| ((n * 7 + c * 5 + h * 3 + w) % 11) as f32);
        let batch = DeviceBatch::new(&images, &[0; IMAGES], device)?;
        let seconds = |threads: usize, population: usize| -> Result<f64, EngineError> {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).start_handler(|_| prepare_thread()).build();
            let pool = pool.map_err(|e| tch::TchError::Torch(e.to_string()))?;
            let engine = Engine::with_bank(device);
            let run = || {
                let start = Instant::now();
                pool.install(|| {
                    networks.par_chunks(population).with_max_len(1).try_for_each(|networks| {
                        let population: Vec<(&Network, u64)> = networks.iter().map(|n| (n, 0)).collect();
                        engine.run_population(&population, &batch, &[Pass::Codes, Pass::Dual]).map(drop)
                    })
                })?;
                Ok::<_, EngineError>(start.elapsed().as_secs_f64())
            };
            // The first run draws weights, compiles kernels and fills the allocator.
            run()?;
            Ok(run()?.min(run()?))
        };
        let (mut threads, mut population) = (cores, 1);
        let mut best = seconds(threads, population)?;
        // Two hardware threads of one core share its multipliers.
        for fewer in [cores / 2].into_iter().filter(|&n| n > 0 && shares_cores()) {
            let time = seconds(fewer, population)?;
            if time * GAIN < best {
                (threads, best) = (fewer, time);
            }
        }
        for larger in [4, 16] {
            match seconds(threads, larger) {
                Ok(time) if time * GAIN < best => (population, best) = (larger, time),
                Ok(_) => {}
                // It does not fit the device's memory, and neither would a larger one.
                Err(_) => break,
            }
        }
        let work: u64 = networks.iter().map(|n| 2 * n.macs() * IMAGES as u64).sum();
        Ok(CostModel { machine, threads, population, forward_gflops: Some(work as f64 / best / 1e9) })
    }
}

/// A chain of eight small residual blocks; which weights each takes depends on the bits of `variant`, so that populations
/// share some.
fn probe(variant: usize) -> Result<Network, NetworkError> {
    let mut b = NetworkBuilder::new(Shape::new(3, 16, 16));
    let mut x = b.conv("stem", 0, Conv2d::same(3, 32, 3, 1))?;
    for i in 0..8 {
        let kernel = if variant >> (i % 4) & 1 == 0 { 3 } else { 1 };
        let y = b.relu(x)?;
        let y = b.conv(format!("block.{i}.{kernel}"), y, Conv2d::same(32, 32, kernel, 1))?;
        let y = b.batch_norm(y)?;
        x = b.add(&[x, y])?;
        b.end_block(x);
    }
    let x = b.apply(Op::GlobalAvgPool, x)?;
    let x = b.linear("classifier", x, 10)?;
    Ok(b.finish(x))
}

/// Processes that wanted to run, averaged over the last minute; None where the system does not say.
pub fn load_average() -> Option<f64> {
    let mut load = [0.0];
    // SAFETY: getloadavg writes at most the one value that there is room for.
    (unsafe { libc::getloadavg(load.as_mut_ptr(), 1) } == 1).then_some(load[0])
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Whether several hardware threads share a core; only Linux says.
fn shares_cores() -> bool {
    std::fs::read_to_string("/sys/devices/system/cpu/smt/active").is_ok_and(|text| text.trim() == "1")
}

/// The processor's name, as Linux gives it; empty where it is not known.
pub fn processor() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    name.trim_start_matches(['\t', ':', ' ']).into()
}

fn machine(device: Device) -> String {
    let (cpu, cores) = (processor(), cores());
    let (version, libtorch) = (env!("CARGO_PKG_VERSION"), crate::LIBTORCH_VERSION);
    format!("{cpu}, {cores} cores, {}, libtorch {libtorch}, naslens {version}", describe_device(device))
}

/// Where what was measured of this machine is kept: `NASLENS_CACHE`, or `naslens` in the user's cache folder; None where
/// there is no such folder.
pub fn cache_folder() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    folder("NASLENS_CACHE").or_else(|| {
        let base = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")))?;
        Some(base.join("naslens"))
    })
}

fn cache_file(device: Device) -> Option<PathBuf> {
    Some(cache_folder()?.join(format!("cost-{}.json", describe_device(device).replace(':', "-"))))
}

fn keep(path: &Path, model: &CostModel) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // Written whole under another name first: several processes may do this at once.
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::write(&temporary, serde_json::to_vec_pretty(model)?)?;
    std::fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_and_keeps_what_it_measured() {
        let model = CostModel::measure(Device::Cpu, "here".into()).unwrap();
        assert!(model.threads >= 1 && model.population >= 1 && model.forward_gflops > Some(0.0));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/cost.json");
        keep(&path, &model).unwrap();
        assert_eq!(serde_json::from_slice::<CostModel>(&std::fs::read(&path).unwrap()).unwrap(), model);
    }
}
