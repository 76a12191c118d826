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

/// Settings of the whole process, to be made before the first tensor: one thread in OpenBLAS, and on glibc one heap for all
/// threads that keeps large freed blocks. Activations of some megabytes are allocated and freed for every operation; by
/// default glibc returns each to the kernel and pays for the page faults again, and so do the heaps of single threads,
/// which cannot hold more than 64 MiB.
pub fn prepare_process() {
    // SAFETY: plain setters without pointers; mallopt is called before other threads exist.
    unsafe {
        openblas_set_num_threads(1);
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        {
            libc::mallopt(libc::M_MMAP_THRESHOLD, i32::MAX);
            libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
            libc::mallopt(libc::M_ARENA_MAX, 1);
        }
    }
    prepare_thread();
}

/// Settings of one worker thread: a single libtorch thread, because rayon runs networks side by side.
pub fn prepare_thread() {
    tch::set_num_threads(1);
}
