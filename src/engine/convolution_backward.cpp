// The one libtorch function that tch does not bind: both gradients of a convolution in one call.
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/convolution_backward.h>

#include <cstdint>
#include <cstring>
#include <exception>

// Writes new tensors to input_gradient and weight_gradient where they are wanted, null where not. Returns zero, or one
// with what libtorch says in message.
extern "C" int naslens_convolution_backward(const at::Tensor *gradient, const at::Tensor *input, const at::Tensor *weight,
                                            int64_t stride, int64_t padding, int64_t groups, int wants_input,
                                            int wants_weight, at::Tensor **input_gradient, at::Tensor **weight_gradient,
                                            char *message, size_t message_length) {
    *input_gradient = nullptr;
    *weight_gradient = nullptr;
    try {
        at::NoGradGuard no_grad;
        const int64_t strides[2] = {stride, stride}, paddings[2] = {padding, padding}, ones[2] = {1, 1}, none[2] = {0, 0};
        auto gradients = at::convolution_backward(*gradient, *input, *weight, c10::nullopt, strides, paddings, ones, false,
                                                  none, groups, {wants_input != 0, wants_weight != 0, false});
        if (wants_input) *input_gradient = new at::Tensor(std::get<0>(gradients));
        if (wants_weight) *weight_gradient = new at::Tensor(std::get<1>(gradients));
        return 0;
    } catch (const std::exception &error) {
        std::strncpy(message, error.what(), message_length - 1);
        message[message_length - 1] = 0;
        return 1;
    }
}
