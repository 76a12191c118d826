//! Clocks, memory, the speed of the machine, and other programs that score the same networks.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tch::{Cuda, Device, Kind, Tensor};

use crate::engine::{Pass, channels_last};
use crate::pipeline::{RunError, ScreenConfig};
use crate::proxy::Proxy;
use crate::space::{CELLS, CHANNELS};

/// What something cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    /// Wall-clock seconds.
    pub seconds: f64,
    /// Seconds of user and system time of all threads of the process.
    pub cpu_seconds: f64,
}

impl Usage {
    pub fn of<T>(f: impl FnOnce() -> T) -> (T, Usage) {
        let (start, cpu) = (Instant::now(), clock(libc::CLOCK_PROCESS_CPUTIME_ID));
        let value = f();
        (
            value,
            Usage { seconds: start.elapsed().as_secs_f64(), cpu_seconds: clock(libc::CLOCK_PROCESS_CPUTIME_ID) - cpu },
        )
    }
}

/// Makes [`peak_memory_mib`] start again from the memory in use now. Linux only.
pub(super) fn reset_peak_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: gives freed memory back to the system, which allocation settings of the process forbid otherwise.
    unsafe {
        libc::malloc_trim(0);
    }
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Largest resident memory since [`reset_peak_memory`], in MiB; None where the system does not say.
pub(super) fn peak_memory_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
}

/// The highest rates of float32 arithmetic that a machine reaches, in GFLOP/s (2 operations per multiply-accumulate).
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Peak {
    /// Of matrix products.
    pub products: f64,
    /// Of convolutions, channels-last.
    pub convolutions: f64,
}

impl Peak {
    /// All workers of the pool at once with one libtorch thread each; the best of a few sizes. On a CPU per second of the
    /// workers' CPU time, so that other work on the machine does not lower it; on a GPU per wall-clock second.
    pub(super) fn measure(device: Device, pool: &rayon::ThreadPool) -> Result<Peak, tch::TchError> {
        let best = |sizes: &[i64], flops: fn(i64) -> f64, make: fn(Device, i64) -> Operation| {
            let mut best = 0.0f64;
            for &size in sizes {
                let rates = pool.broadcast(|_| Ok(flops(size) / seconds(device, make(device, size)?)?));
                best = best.max(rates.into_iter().sum::<Result<f64, tch::TchError>>()? / 1e9);
            }
            Ok::<_, tch::TchError>(best)
        };
        let sides: [i64; 3] = if device.is_cuda() { [2048, 4096, 8192] } else { [512, 1024, 2048] };
        Ok(Peak {
            products: best(&sides, |side| 2.0 * (side as f64).powi(3), product)?,
            convolutions: best(&[16, 32, 64, 128], convolution_flops, convolution)?,
        })
    }

    /// The higher of the two.
    pub(super) fn gflops(&self) -> f64 {
        self.products.max(self.convolutions)
    }

    /// The higher rates of both.
    pub(super) fn or(&self, other: Peak) -> Peak {
        Peak { products: self.products.max(other.products), convolutions: self.convolutions.max(other.convolutions) }
    }
}

/// Something to be timed.
type Operation = Result<Box<dyn Fn() -> Result<Tensor, tch::TchError>>, tch::TchError>;

fn product(device: Device, side: i64) -> Operation {
    let a = Tensor::f_ones([side, side], (Kind::Float, device))?;
    Ok(Box::new(move || a.f_matmul(&a)))
}

/// Images of the timed convolution; their side in pixels; and of its kernel.
const CONVOLUTION: (i64, i64, i64) = (64, 16, 3);

/// A padded convolution from `channels` to `channels`.
fn convolution(device: Device, channels: i64) -> Operation {
    let (images, side, kernel) = CONVOLUTION;
    let x = channels_last(&Tensor::f_ones([images, channels, side, side], (Kind::Float, device))?)?;
    let weight = channels_last(&Tensor::f_ones([channels, channels, kernel, kernel], (Kind::Float, device))?)?;
    Ok(Box::new(move || x.f_conv2d(&weight, None::<&Tensor>, [1, 1], [kernel / 2, kernel / 2], [1, 1], 1)))
}

fn convolution_flops(channels: i64) -> f64 {
    let (images, side, kernel) = CONVOLUTION;
    2.0 * (images * (side * kernel * channels).pow(2)) as f64
}

/// Seconds that the operation takes.
fn seconds(device: Device, operation: impl Fn() -> Result<Tensor, tch::TchError>) -> Result<f64, tch::TchError> {
    let now = || match device {
        Device::Cuda(index) => {
            Cuda::synchronize(index as i64);
            clock(libc::CLOCK_MONOTONIC)
        }
        _ => clock(libc::CLOCK_THREAD_CPUTIME_ID),
    };
    drop(operation()?);
    let (start, mut runs, mut seconds) = (now(), 0.0, 0.0);
    while seconds < 0.1 {
        drop(operation()?);
        runs += 1.0;
        seconds = now() - start;
    }
    Ok(seconds / runs)
}

fn clock(id: libc::clockid_t) -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: clock_gettime fills the struct that it is given.
    unsafe { libc::clock_gettime(id, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// How many images the forward work is done for, all passes of these proxies together, where it is known: a backward pass
/// counts like two forwards, half of it where no gradient of weights is wanted, the pair of SynFlow like two images.
pub(super) fn work(proxies: &[&Proxy], batch_size: usize) -> Option<f64> {
    let needs = |pass| proxies.iter().any(|p| p.passes.contains(&pass));
    let known = [Pass::Weights, Pass::Dual, Pass::Codes, Pass::LossGradient, Pass::BlockWise];
    if !proxies.iter().flat_map(|p| p.passes).all(|pass| known.contains(pass)) {
        return None;
    }
    let on_batch = if needs(Pass::LossGradient) { 3.0 } else { f64::from(u8::from(needs(Pass::Codes))) };
    let on_noise = if needs(Pass::BlockWise) { 2.0 } else { 0.0 };
    let images = (on_batch + on_noise) * batch_size as f64 + if needs(Pass::Dual) { 2.0 } else { 0.0 };
    (images > 0.0).then_some(images)
}

/// The last line that a baseline prints.
#[derive(Deserialize)]
struct Total {
    networks: usize,
    seconds: f64,
    cpu_seconds: f64,
}

/// Runs a shell command on the `count` architectures in the file `archs` with the settings of the screen, in as many
/// processes of one thread as naslens has worker threads. What it says it took counts, not the start of the process.
pub(super) fn run(
    command: &str,
    config: &ScreenConfig,
    processes: usize,
    (archs, count): (&Path, usize),
) -> Result<Usage, RunError> {
    let failed = |reason: String| RunError::Refused(format!("the baseline `{command}` gave no figure: {reason}"));
    let numbers = [
        ("--batch-size", Some(config.batch_size)),
        ("--image", Some(config.image.height)),
        ("--init-channels", config.space.option(CHANNELS.name)?),
        ("--cells", config.space.option(CELLS.name)?),
        ("--processes", Some(processes)),
        ("--threads", Some(1)),
    ];
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{command} \"$@\"")).arg("sh").stdin(Stdio::null());
    shell.arg("--archs").arg(archs).arg("--set").arg(config.proxies.join(","));
    for (name, value) in numbers.iter().filter_map(|(name, value)| Some((name, (*value)?))) {
        shell.arg(name).arg(value.to_string());
    }
    let output = shell.output().map_err(|e| failed(e.to_string()))?;
    let last = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().last().unwrap_or_default().to_string();
    if !output.status.success() {
        return Err(failed(format!("{}, {}", output.status, last(&output.stderr))));
    }
    let line = last(&output.stdout);
    match serde_json::from_str::<Total>(&line) {
        Ok(Total { networks, seconds, cpu_seconds }) if networks == count && seconds > 0.0 => {
            Ok(Usage { seconds, cpu_seconds })
        }
        _ => Err(failed(format!(
            "its last line must be JSON with networks (here {count}), seconds and cpu_seconds, but is `{line}`"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::find;

    #[test]
    fn shared_passes_count_once() {
        let work = |names: &[&str]| work(&names.iter().map(|n| find(n).unwrap()).collect::<Vec<_>>(), 64);
        assert_eq!(work(&["naswot"]), Some(64.0));
        assert_eq!(work(&["grad_norm", "snip", "naswot"]), Some(192.0));
        assert_eq!(work(&["synflow", "naswot", "layers"]), Some(66.0));
        assert_eq!(work(&["az_trainability", "az_expressivity"]), Some(128.0));
        assert_eq!(work(&["params"]), None);
        assert_eq!(work(&["grasp"]), None);
    }
}
