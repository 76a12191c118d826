//! Devices and threads.

use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use tch::{Cuda, Device};

use super::{EngineError, processor};

/// The device called `text`: `cpu`, `cuda` (= `cuda:0`), `cuda:N`, or `auto`, the first CUDA device if there is one.
pub fn parse_device(text: &str) -> Result<Device, EngineError> {
    let available = Cuda::device_count();
    let index = match text {
        "cpu" => return Ok(Device::Cpu),
        "auto" if available == 0 || !Cuda::is_available() => return Ok(Device::Cpu),
        "auto" | "cuda" => 0,
        other => other
            .strip_prefix("cuda:")
            .and_then(|n| n.parse().ok())
            .ok_or_else(|| EngineError::UnknownDevice(text.into()))?,
    };
    if !Cuda::is_available() || index as i64 >= available {
        return Err(EngineError::NoCuda { index, available });
    }
    Ok(Device::Cuda(index))
}

/// `cpu` or `cuda:N`, as [`parse_device`] reads it.
pub fn describe_device(device: Device) -> String {
    match device {
        Device::Cuda(n) => format!("cuda:{n}"),
        _ => "cpu".into(),
    }
}

/// Whether CUDA devices may use TF32.
static TF32: AtomicBool = AtomicBool::new(false);

/// Lets convolutions and matrix products of CUDA devices round their factors to TF32 (10 bits of mantissa), or forbids it, for the
/// whole process. Until this is called it is forbidden, by [`prepare_process`] and by every [`Engine`](super::Engine):
/// libtorch alone would allow it for convolutions.
pub fn allow_tf32(device: Device, allowed: bool) -> Result<(), EngineError> {
    if allowed && !device.is_cuda() {
        return Err(EngineError::NoTf32);
    }
    TF32.store(allowed, Ordering::Relaxed);
    apply_arithmetic();
    Ok(())
}

/// Passes the choice of arithmetic on to libtorch.
pub(super) fn apply_arithmetic() {
    // SAFETY: a plain setter.
    unsafe { naslens_allow_tf32(c_int::from(TF32.load(Ordering::Relaxed))) };
}

/// The arithmetic of scores on the device: `float32` or `tf32`.
pub fn arithmetic(device: Device) -> &'static str {
    if device.is_cuda() && TF32.load(Ordering::Relaxed) { "tf32" } else { "float32" }
}

/// What the last bits of a result and the time it takes depend on, apart from versions and settings: numbers of one machine are
/// equal, those of two may differ by rounding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// The processor's name, as the system gives it; empty where it is not known.
    pub processor: String,
    /// Its vector instructions, as far as oneDNN chooses its kernels by them.
    pub instructions: Vec<&'static str>,
    /// `ONEDNN_DEFAULT_FPMATH_MODE`, which allows oneDNN to compute in less than float32.
    pub onednn_fpmath_mode: Option<String>,
}

impl Machine {
    /// This machine.
    pub fn here() -> Self {
        Machine {
            processor: processor(),
            instructions: instructions(),
            onednn_fpmath_mode: std::env::var("ONEDNN_DEFAULT_FPMATH_MODE").ok(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn instructions() -> Vec<&'static str> {
    macro_rules! detected {
        ($($name:tt),*) => {
            [$(($name, is_x86_feature_detected!($name))),*].into_iter().filter(|(_, found)| *found).map(|(name, _)| name)
        };
    }
    detected!("sse4.1", "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512vl", "avx512vnni", "avx512bf16").collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn instructions() -> Vec<&'static str> {
    Vec::new()
}

unsafe extern "C" {
    /// From OpenBLAS, which ndarray-linalg calls.
    fn openblas_set_num_threads(n: c_int);
    fn naslens_allow_tf32(allowed: c_int);
}

/// Settings of the whole process, to be made before the first tensor: one thread in OpenBLAS, no TF32 ([`allow_tf32`]) and, with
/// the feature `cli`, an allocator that keeps freed memory. Activations of some megabytes are allocated and freed for every
/// operation; given back to the kernel, each would be paid for again in page faults.
pub fn prepare_process() {
    // SAFETY: a plain setter.
    unsafe { openblas_set_num_threads(1) };
    apply_arithmetic();
    #[cfg(all(target_os = "linux", feature = "cli"))]
    keep_freed_memory();
    prepare_thread();
}

/// Tells mimalloc, which is malloc for the whole process, never to purge.
#[cfg(all(target_os = "linux", feature = "cli"))]
fn keep_freed_memory() {
    /// `mi_option_purge_delay` of mimalloc 2; -1 is never.
    const PURGE_DELAY: c_int = 15;
    // SAFETY: a plain setter.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, -1) };
}

/// Settings of one worker thread: a single libtorch thread, because rayon runs networks side by side.
pub fn prepare_thread() {
    tch::set_num_threads(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tf32_needs_a_cuda_device() {
        assert!(matches!(allow_tf32(Device::Cpu, true), Err(EngineError::NoTf32)));
        assert_eq!((arithmetic(Device::Cpu), arithmetic(Device::Cuda(0))), ("float32", "float32"));
    }

    #[test]
    fn this_machine_is_described() {
        let machine = Machine::here();
        assert_eq!(machine, Machine::here());
        if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            assert!(!machine.processor.is_empty() && machine.instructions.contains(&"sse4.1"), "{machine:?}");
        }
    }
}
