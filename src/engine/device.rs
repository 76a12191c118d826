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

/// Settings of the whole process, to be made before the first tensor: one thread in OpenBLAS, and an allocator that keeps
/// freed memory. Activations of some megabytes are allocated and freed for every operation; given back to the kernel, each
/// would be paid for again in page faults.
pub fn prepare_process() {
    // SAFETY: a plain setter.
    unsafe { openblas_set_num_threads(1) };
    #[cfg(target_os = "linux")]
    keep_freed_memory();
    prepare_thread();
}

/// Tells jemalloc never to purge, in the arenas there are and in those to come. Where it does not know these settings,
/// nothing is lost but time.
#[cfg(target_os = "linux")]
fn keep_freed_memory() {
    let mut never: libc::ssize_t = -1;
    // 4096 stands for all arenas (MALLCTL_ARENAS_ALL).
    for name in
        [c"arenas.dirty_decay_ms", c"arenas.muzzy_decay_ms", c"arena.4096.dirty_decay_ms", c"arena.4096.muzzy_decay_ms"]
    {
        // SAFETY: a terminated name, no old value asked for, and a new value of the type and size that these settings have.
        unsafe {
            tikv_jemalloc_sys::mallctl(
                name.as_ptr(),
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                (&raw mut never).cast(),
                size_of::<libc::ssize_t>(),
            );
        }
    }
}

/// Settings of one worker thread: a single libtorch thread, because rayon runs networks side by side.
pub fn prepare_thread() {
    tch::set_num_threads(1);
}
