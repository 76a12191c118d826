"""A network of the search space made-up, written by naslens

Network      net-000000
Architecture |a~0|\\\"\"\"
Identity     0000000000000000000000000000002a
Images       3x9x9 (channels x height x width)
Classes      3
Parameters   422
MACs         21,933 for one image
Accuracy     93.46% of 360 test images

    from model import load
    from preprocess import preprocess
    logits = load()(torch.from_numpy(preprocess("image.png")))

Needs torch >= 1.13; load() needs safetensors too.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn


def channel_shuffle(x, groups):
    """Takes the channels as a matrix of groups x (channels / groups) and transposes it."""
    n, channels, height, width = x.shape
    return x.reshape(n, groups, channels // groups, height, width).transpose(1, 2).reshape(x.shape)


def zeros(x, channels):
    """A map of zeros of the size of x."""
    return x.new_zeros(x.shape[0], channels, x.shape[2], x.shape[3])


class Network(nn.Module):
    """Takes standardised images, (n, 3, 9, 9), and returns logits, (n, 3)."""

    def __init__(self):
        super().__init__()
        self.stem_conv = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.stem_conv_bn = nn.BatchNorm2d(8)
        self.cells_0_expand = nn.Conv2d(8, 8, 1, groups=2)
        self.cells_0_depthwise = nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=8, bias=False)
        self.bn = nn.BatchNorm2d(15)
        self.classifier = nn.Linear(15, 3)

    def forward(self, x):
        # stem: 8x9x9
        x = self.stem_conv_bn(self.stem_conv(x))
        # cells.0: 15x5x5
        y = self.cells_0_depthwise(channel_shuffle(self.cells_0_expand(F.relu(x)), 2))
        x = y + F.avg_pool2d(x, 2, stride=2, ceil_mode=True, count_include_pad=False) + y
        y = x[:, :5]
        x = torch.cat((y, zeros(y, 2), F.max_pool2d(x, 3, stride=1, padding=1)), dim=1)
        # head
        return self.classifier(torch.flatten(F.adaptive_avg_pool2d(F.relu(self.bn(x)), 1), 1))


def load(weights=None, device="cpu"):
    """The network in evaluation mode, with the weights of a file: model.safetensors beside this one, if none is named."""
    from safetensors.torch import load_file

    if weights is None:
        weights = Path(__file__).resolve().with_name("model.safetensors")
    model = Network()
    model.load_state_dict(load_file(str(weights)))
    return model.to(device).eval()
