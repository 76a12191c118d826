// What libtorch's caching allocator of a device says about its memory, and the arithmetic of CUDA devices; tch binds neither.
#include <ATen/Context.h>
#include <c10/core/CachingDeviceAllocator.h>

#include <cstdint>
#include <exception>

static c10::DeviceAllocator *cuda_allocator() { return c10::getDeviceAllocator(c10::DeviceType::CUDA); }

// Bytes handed out at most since the last reset; -1 if the device has no such allocator.
extern "C" int64_t naslens_peak_allocated_bytes(int device) {
    try {
        const auto stats = cuda_allocator()->getDeviceStats(static_cast<c10::DeviceIndex>(device));
        return stats.allocated_bytes[static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE)].peak;
    } catch (const std::exception &) {
        return -1;
    }
}

// Starts the count of the peak again. Does nothing if the device has no such allocator.
extern "C" void naslens_reset_peak_allocated_bytes(int device) {
    try {
        cuda_allocator()->resetPeakStats(static_cast<c10::DeviceIndex>(device));
    } catch (const std::exception &) {
    }
}

// Gives memory that no tensor uses back to the device. Does nothing if there is no such allocator.
extern "C" void naslens_release_memory(int) {
    try {
        cuda_allocator()->emptyCache();
    } catch (const std::exception &) {
    }
}

// Whether convolutions and matrix products on CUDA devices may round their factors to TF32.
extern "C" void naslens_allow_tf32(int allowed) {
    at::globalContext().setAllowTF32CuDNN(allowed != 0);
    at::globalContext().setAllowTF32CuBLAS(allowed != 0);
}
