//! Devices and threads.

use tch::{Cuda, Device};

use super::EngineError;

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

unsafe extern "C" {
    /// From OpenBLAS, which ndarray-linalg calls.
    fn openblas_set_num_threads(n: std::ffi::c_int);
}

/// Settings of the whole process, to be made before the first tensor: one thread in OpenBLAS and, with the feature `cli`,
/// an allocator that keeps freed memory. Activations of some megabytes are allocated and freed for every operation; given back to the kernel, each
/// would be paid for again in page faults.
pub fn prepare_process() {
    // SAFETY: a plain setter.
    unsafe { openblas_set_num_threads(1) };
    #[cfg(all(target_os = "linux", feature = "cli"))]
    keep_freed_memory();
    prepare_thread();
}

/// Tells mimalloc, which is malloc for the whole process, never to purge.
#[cfg(all(target_os = "linux", feature = "cli"))]
fn keep_freed_memory() {
    /// `mi_option_purge_delay` of mimalloc 2; -1 is never.
    const PURGE_DELAY: std::ffi::c_int = 15;
    // SAFETY: a plain setter.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, -1) };
}

/// Settings of one worker thread: a single libtorch thread, because rayon runs networks side by side.
pub fn prepare_thread() {
    tch::set_num_threads(1);
}
