//! Networks on the clock.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde::Serialize;
use tch::{Cuda, Device, Tensor};

use super::memory::peak_memory_bytes;
use super::timing::{Timing, summarise};
use super::{HardwareError, Setting};
use crate::engine::{
    EngineError, Parameters, channels_last, parse_device, peak_device_memory, prepare_thread, reset_peak_device_memory,
};
use crate::network::{Network, Shape};
use crate::seed::Stream;

/// Every network is visited so many times, so that a passing load on the machine meets all of them.
const ROUNDS: usize = 5;
/// Runs of which the fastest is looked at while warming up.
const BLOCK: usize = 5;
/// Warm when another block does not beat the fastest run by more than this.
const STABLE: f64 = 0.02;
/// Warmed up after so many blocks in any case.
const MOST_BLOCKS: usize = 12;
/// Up to so many times the runs asked for, to make up for disturbed ones.
const PATIENCE: usize = 2;

/// Two measurements at a time would measure each other.
static TURN: Mutex<()> = Mutex::new(());

/// How much is measured.
#[derive(Clone, Copy)]
pub struct MeasureOptions<'a> {
    /// Runs of every network that count.
    pub runs: usize,
    /// Set from outside to end early.
    pub stop: &'a AtomicBool,
}

/// What a network costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Measurement {
    /// Wall-clock time of one batch.
    #[serde(flatten)]
    pub timing: Timing,
    /// The lowest median of a round, in milliseconds: what models are fitted to and limits are put on, since it is touched
    /// least by what else the machine does. On an idle machine the same as the median.
    pub quiet_ms: f64,
    /// Runs that count.
    pub runs: usize,
    /// Share of all runs during which the system took the processor away from this process. They do not count, unless fewer
    /// than half of the runs asked for are left.
    pub disturbed: f64,
    /// Runs before, until the fastest of another five was not more than 2% faster; the most over all rounds.
    pub warm_up_runs: usize,
    /// Parameters and live activations, counted ([`peak_memory_bytes`]).
    pub memory_bytes: u64,
    /// The most that libtorch's allocator had handed out on the GPU; None on a CPU.
    pub device_memory_bytes: Option<u64>,
    /// Trainable parameters of what was run.
    pub params: u64,
    /// Multiply-accumulates for one image.
    pub macs: u64,
}

#[derive(Default)]
struct Runs {
    undisturbed: Vec<f64>,
    all: Vec<f64>,
    /// Median of each round.
    medians: Vec<f64>,
    warm_up: usize,
    device_bytes: Option<u64>,
}

/// Measures untrained networks, one after another and never two at a time, on this machine with the device, threads and batch
/// of `setting`: forward passes in eval mode without gradients, from images on the device to logits on the device.
///
/// Each network is visited in five rounds, every time in another random order, and warmed up in each
/// ([`Measurement::warm_up_runs`]); a fifth of the runs is timed in each. On a GPU the device is synchronised before and after every run. `on_progress` hears how
/// many visits of how many are done.
pub fn measure(
    networks: &[&Network],
    setting: &Setting,
    options: MeasureOptions<'_>,
    on_progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Measurement>, HardwareError> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let device = parse_device(&setting.device)?;
    let total = ROUNDS * networks.len();
    let mut found: Vec<Runs> = networks.iter().map(|_| Runs::default()).collect();
    tch::set_num_threads(i32::try_from(setting.threads).unwrap_or(1));
    let result = (0..ROUNDS).try_for_each(|round| {
        let mut order: Vec<usize> = (0..networks.len()).collect();
        Stream::named(0, &format!("latency.round.{round}")).shuffle(&mut order);
        for (visited, i) in order.into_iter().enumerate() {
            let done = round * networks.len() + visited;
            if options.stop.load(Ordering::Relaxed) {
                return Err(HardwareError::Interrupted { done, total });
            }
            visit(networks[i], device, setting, options.runs.div_ceil(ROUNDS), &mut found[i])
                .map_err(|source| HardwareError::Run { device: setting.device.clone(), source })?;
            on_progress(done + 1, total);
        }
        Ok(())
    });
    prepare_thread();
    result?;
    networks.iter().zip(found).map(|(network, runs)| measurement(network, setting, options.runs, runs)).collect()
}

fn measurement(network: &Network, setting: &Setting, wanted: usize, runs: Runs) -> Result<Measurement, HardwareError> {
    let disturbed = 1.0 - runs.undisturbed.len() as f64 / runs.all.len().max(1) as f64;
    let times = if 2 * runs.undisturbed.len() >= wanted { &runs.undisturbed } else { &runs.all };
    let none = || EngineError::Torch(tch::TchError::Torch("no run was asked for".into()));
    let deployed = if setting.folded { network.folded().network } else { network.clone() };
    Ok(Measurement {
        timing: summarise(times).ok_or_else(none)?,
        quiet_ms: runs.medians.iter().copied().reduce(f64::min).ok_or_else(none)?,
        runs: times.len(),
        disturbed,
        warm_up_runs: runs.warm_up,
        memory_bytes: peak_memory_bytes(&deployed, setting.batch),
        device_memory_bytes: runs.device_bytes,
        params: deployed.params(),
        macs: deployed.macs(),
    })
}

/// One network: made, warmed up, timed, dropped.
fn visit(
    network: &Network,
    device: Device,
    setting: &Setting,
    wanted: usize,
    found: &mut Runs,
) -> Result<(), tch::TchError> {
    let _no_grad = tch::no_grad_guard();
    reset_peak_device_memory(device);
    let parameters = Parameters::init(network, 0, device)?;
    let (folded, parameters) = if setting.folded { parameters.folded(network)? } else { (network.clone(), parameters) };
    let images = images(network.input_shape(), setting.batch, device)?;
    let run = || -> Result<f64, tch::TchError> {
        synchronise(device);
        let start = Instant::now();
        let logits = parameters.logits(&folded, &images)?;
        synchronise(device);
        let seconds = start.elapsed().as_secs_f64();
        drop(logits);
        Ok(seconds * 1e3)
    };
    let mut fastest = f64::INFINITY;
    let mut warm_up = 0;
    for _ in 0..MOST_BLOCKS {
        let mut block = f64::INFINITY;
        for _ in 0..BLOCK {
            block = block.min(run()?);
        }
        warm_up += BLOCK;
        let stable = block > fastest * (1.0 - STABLE);
        fastest = fastest.min(block);
        if stable {
            break;
        }
    }
    found.warm_up = found.warm_up.max(warm_up);
    let (mut undisturbed, mut all) = (Vec::new(), Vec::new());
    while undisturbed.len() < wanted && all.len() < PATIENCE * wanted {
        let before = preemptions();
        let time = run()?;
        all.push(time);
        if preemptions() == before {
            undisturbed.push(time);
        }
    }
    let counted = if 2 * undisturbed.len() >= wanted { &undisturbed } else { &all };
    found.medians.extend(summarise(counted).map(|timing| timing.p50_ms));
    found.undisturbed.append(&mut undisturbed);
    found.all.append(&mut all);
    found.device_bytes = found.device_bytes.max(peak_device_memory(device));
    Ok(())
}

/// Standard normal images, always the same: what is in them does not matter to the clock.
fn images(shape: Shape, batch: usize, device: Device) -> Result<Tensor, tch::TchError> {
    let mut stream = Stream::named(0, "latency");
    let values: Vec<f32> = (0..batch * shape.len()).map(|_| stream.normal() as f32).collect();
    let size = [batch, shape.channels, shape.height, shape.width].map(|n| n as i64);
    channels_last(&Tensor::f_from_slice(&values)?.f_reshape(size)?.f_to(device)?)
}

fn synchronise(device: Device) {
    if let Device::Cuda(index) = device {
        Cuda::synchronize(index as i64);
    }
}

/// How often the system has taken the processor away from a thread of this process that wanted to go on.
fn preemptions() -> i64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: getrusage fills the struct that it is given; all zeros are a valid one where it fails.
    unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        #[allow(clippy::unnecessary_cast, reason = "the type differs between systems")]
        let count = usage.assume_init().ru_nivcsw as i64;
        count
    }
}
