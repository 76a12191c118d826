//! Memory of a CUDA device, as libtorch counts it.

use std::ffi::c_int;

use tch::Device;

unsafe extern "C" {
    fn naslens_peak_allocated_bytes(device: c_int) -> i64;
    fn naslens_release_memory(device: c_int);
    fn naslens_reset_peak_allocated_bytes(device: c_int);
}

/// The most bytes that libtorch's allocator had handed out at one time since [`reset_peak_device_memory`]: the tensors of
/// everything in this process, without what the allocator holds in reserve and without the CUDA context. None on a CPU.
pub fn peak_device_memory(device: Device) -> Option<u64> {
    let Device::Cuda(index) = device else { return None };
    // SAFETY: reads statistics; a device without an allocator gives -1.
    u64::try_from(unsafe { naslens_peak_allocated_bytes(index as c_int) }).ok()
}

/// Starts counting again from what is handed out now.
pub fn reset_peak_device_memory(device: Device) {
    if let Device::Cuda(index) = device {
        // SAFETY: resets statistics; does nothing for a device without an allocator.
        unsafe { naslens_reset_peak_allocated_bytes(index as c_int) };
    }
}

/// Gives back to the device what libtorch's allocator holds in reserve.
pub fn release_device_memory(device: Device) {
    if let Device::Cuda(index) = device {
        // SAFETY: frees blocks that no tensor uses; does nothing for a device without an allocator.
        unsafe { naslens_release_memory(index as c_int) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cpu_has_no_device_memory_and_an_absent_device_is_harmless() {
        assert_eq!(peak_device_memory(Device::Cpu), None);
        if !tch::Cuda::is_available() {
            reset_peak_device_memory(Device::Cuda(0));
            release_device_memory(Device::Cuda(0));
            assert_eq!(peak_device_memory(Device::Cuda(0)), None);
        }
    }
}
