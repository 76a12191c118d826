"""Small models in ONNX files and what ONNX Runtime makes of them: python tests/golden/onnx_models.py

Writes tests/golden/onnx/NAME.onnx and a line per model in golden.txt: name, parameters, and the logits of
one image of sin(0.1 i). Both of PyTorch's exporters are used. Needs torch, onnx, onnxscript and onnxruntime.
"""

import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from torch import nn

warnings.filterwarnings("ignore")
FOLDER = Path(__file__).resolve().parent / "onnx"
IMAGE = (3, 12, 12)
CLASSES = 5


class SqueezeExcitation(nn.Module):
    """As in EfficientNet: SiLU, a gate per channel, layers that are dropped in evaluation mode."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(6, eps=1e-3)
        self.reduce = nn.Conv2d(6, 2, 1)
        self.expand = nn.Conv2d(2, 6, 1)
        self.head = nn.Linear(6, CLASSES)

    def forward(self, x):
        x = F.silu(self.norm(self.stem(x)))
        gate = torch.sigmoid(self.expand(F.silu(self.reduce(F.adaptive_avg_pool2d(x, 1)))))
        x = F.hardswish(x * gate) + x
        return self.head(F.dropout(x.mean((2, 3)), 0.2, self.training))


class Shuffle(nn.Module):
    """As in ShuffleNetV2: halves, a channel shuffle, dilated and one-sided windows."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, (3, 5), (2, 1), (2, 2), dilation=(2, 1))
        self.branch = nn.Sequential(nn.Conv2d(4, 4, 3, 1, 1, groups=4, bias=False), nn.BatchNorm2d(4), nn.ReLU6())
        self.pool = nn.MaxPool2d(3, 2, 1, ceil_mode=True)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x):
        x = self.pool(F.relu(self.stem(x)))
        a, b = x.chunk(2, dim=1)
        x = torch.cat((a, self.branch(b)), dim=1)
        n, c, h, w = x.shape
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, c, h, w)
        x = F.avg_pool2d(F.pad(x, (0, 1, 1, 0)), 2, 2, 1, count_include_pad=True)
        return self.head(x.mean((2, 3)))


class LayerScale(nn.Module):
    """As in ConvNeXt: normalisation over channels, linear layers on the last axis, GELU, a learned scale."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 4, 4)
        self.depthwise = nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.norm = nn.LayerNorm(4, eps=1e-6)
        self.widen, self.narrow = nn.Linear(4, 8), nn.Linear(8, 4)
        self.scale = nn.Parameter(torch.linspace(0.5, 1.5, 4).reshape(4, 1, 1))
        self.last = nn.GroupNorm(2, 4)
        self.head = nn.Linear(4 * 9, CLASSES, bias=False)

    def forward(self, x):
        x = self.stem(x)
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.narrow(F.gelu(self.widen(y))).permute(0, 3, 1, 2)
        return self.head(torch.flatten(F.leaky_relu(self.last(x + self.scale * y), 0.1), 1))


def main():
    FOLDER.mkdir(exist_ok=True)
    count = np.prod(IMAGE)
    x = torch.sin(0.1 * torch.arange(count, dtype=torch.float64)).reshape(1, *IMAGE).float()
    lines = []
    for make in (SqueezeExcitation, Shuffle, LayerScale):
        torch.manual_seed(1)
        model = make().eval()
        for norm in model.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.running_mean.uniform_(-0.2, 0.2)
                norm.running_var.uniform_(0.5, 1.5)
        for exporter in ("legacy", "dynamo"):
            name = f"{make.__name__.lower()}_{exporter}"
            path = FOLDER / f"{name}.onnx"
            names = {"input_names": ["images"], "output_names": ["logits"]}
            if exporter == "legacy":
                axes = {"images": {0: "batch"}, "logits": {0: "batch"}}
                mode = torch.onnx.TrainingMode.PRESERVE
                torch.onnx.export(
                    model, x, path, dynamo=False, training=mode, do_constant_folding=False, dynamic_axes=axes, **names
                )
            else:
                shapes = ({0: torch.export.Dim("batch", min=1)},)
                torch.onnx.export(
                    model, (x,), path, dynamo=True, dynamic_shapes=shapes, external_data=False, verbose=False, **names
                )
            y = onnxruntime.InferenceSession(path).run(None, {"images": x.numpy()})[0].flatten()
            params = sum(p.numel() for p in model.parameters())
            if exporter == "dynamo":
                # It folds batch normalisations into convolutions: scale and shift become a bias.
                params -= sum(m.num_features for m in model.modules() if isinstance(m, nn.BatchNorm2d))
            lines.append(" ".join([name, str(params), *(f"{v:.7g}" for v in y)]))
    (FOLDER / "golden.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
