"""Golden values of single operations: python tests/golden/operations.py > src/engine/golden_operations.txt

Every operation takes a map of two images, four channels, 5 x 6 pixels, of sin(0.7 i + 0.3); so are its parameters made, scales
with one added. A line has the sum of the output and its sum weighted by sqrt(1), sqrt(2), ... Needs torch.
"""

import torch
import torch.nn.functional as F


def waves(*size):
    i = torch.arange(torch.Size(size).numel(), dtype=torch.float64)
    return torch.sin(0.7 * i + 0.3).reshape(size).float()


x = waves(2, 4, 5, 6)
scale, shift = waves(4) + 1, waves(4)


def conv(kernel, **named):
    return F.conv2d(named.pop("x", x), waves(6, 2, *kernel), waves(6), groups=2, **named)


def one_sided():
    # (left, right, top, bottom) of padding above 1, left 0, below 2, right 1
    return F.pad(x, (0, 1, 1, 2))


column = (-1, 1, 1)
bare = F.pad(torch.ones_like(x), (0, 1, 1, 2))
operations = {
    "conv_dilated": conv((3, 3), dilation=(2, 1), padding=(2, 1)),
    "conv_one_sided": conv((3, 3), x=one_sided(), stride=(2, 1)),
    "conv_flat": conv((1, 5), padding=(0, 2)),
    "conv_transposed": F.conv_transpose2d(
        x, waves(4, 3, 3, 2), waves(6), stride=(2, 1), padding=(1, 0), output_padding=(1, 0), groups=2, dilation=(1, 2)
    ),
    "layer_norm": F.layer_norm(x.permute(0, 2, 3, 1), (4,), scale, shift, 1e-3).permute(0, 3, 1, 2),
    "group_norm": F.group_norm(x, 2, scale, shift, 1e-3),
    "instance_norm": F.instance_norm(x, eps=1e-3),
    "local_response_norm": F.local_response_norm(x, 3, 0.5, 0.75, 1.0),
    "sigmoid": torch.sigmoid(x),
    "hard_sigmoid": F.hardsigmoid(x),
    "silu": F.silu(x),
    "hard_swish": F.hardswish(x),
    "gelu": F.gelu(x),
    "gelu_tanh": F.gelu(x, approximate="tanh"),
    "tanh": torch.tanh(x),
    "mish": F.mish(x),
    "leaky_relu": F.leaky_relu(x, 0.2),
    "elu": F.elu(x, 0.2),
    "clip": torch.clamp(x, -0.5, 0.25),
    "relu6": F.relu6(x),
    "prelu": F.prelu(x, scale),
    "affine": x * scale.reshape(column) + shift.reshape(column),
    "scale": x * 0.3,
    "avg_pool": F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
    "avg_pool_padding": F.avg_pool2d(x, 3, 2, 1, ceil_mode=True),
    "avg_pool_one_sided": F.avg_pool2d(one_sided(), 3, 2),
    "avg_pool_one_sided_bare": F.avg_pool2d(one_sided(), 3, 2) / F.avg_pool2d(bare, 3, 2),
    "max_pool_one_sided": F.max_pool2d(F.pad(x, (0, 1, 1, 1), value=float("-inf")), (2, 3), 2),
    "adaptive_avg_pool": F.adaptive_avg_pool2d(x, (3, 4)),
    "mul": x.mean((2, 3)).reshape(2, 4, 1, 1) * x,
    "slice": x[:, :, 1:4:2],
    "pad": one_sided(),
    "nearest": F.interpolate(x, (9, 4), mode="nearest"),
    "bilinear": F.interpolate(x, (9, 4), mode="bilinear", align_corners=False),
    "bilinear_corners": F.interpolate(x, (9, 4), mode="bilinear", align_corners=True),
    "flatten": x.flatten(1),
}

print("# tests/golden/operations.py, torch", torch.__version__.split("+")[0])
for name, y in operations.items():
    y = y.double().flatten()
    print(name, f"{y.sum():.8e}", f"{(y * torch.arange(1, len(y) + 1).sqrt()).sum():.8e}")
