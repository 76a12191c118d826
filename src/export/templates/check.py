"""Checks that model.py and model.onnx give the logits in example.safetensors: python check.py

The check means something only if the logits depend on the image, so it also fails if those of different images are alike.
Needs torch and safetensors; model.onnx is checked if onnxruntime is installed. The exit code is 0 if all agree.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from model import load

HERE = Path(__file__).resolve().parent
# Largest difference of a logit, as part of the largest logit. Sums in another order differ by far less.
TOLERANCE = 1e-3
# How far apart the logits of some two images are at least, as part of the largest logit.
APART = 10 * TOLERANCE


def agrees(name, logits, expected):
    difference = (logits - expected).abs().max().item()
    scale = expected.abs().max().item()
    good = logits.shape == expected.shape and difference <= TOLERANCE * scale
    print(f"{name}: largest difference {difference:.2e}, largest logit {scale:.2e}: {'agrees' if good else 'DIFFERS'}")
    return good


def tells_apart(expected):
    apart = (expected.max(dim=0).values - expected.min(dim=0).values).max().item()
    scale = expected.abs().max().item()
    good = apart > APART * scale
    verdict = "they depend on the image" if good else "TOO ALIKE: the check cannot fail"
    print(f"example: logits of {len(expected)} images are up to {apart:.2e} apart, largest logit {scale:.2e}: {verdict}")
    return good


def main():
    example = load_file(str(HERE / "example.safetensors"))
    images, expected = example["images"], example["logits"]
    good = tells_apart(expected)
    with torch.no_grad():
        good = agrees(f"model.py, torch {torch.__version__}", load()(images), expected) and good
    try:
        import onnxruntime
    except ImportError:
        print("model.onnx: not checked, onnxruntime is not installed")
        return good
    session = onnxruntime.InferenceSession(str(HERE / "model.onnx"), providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"images": images.numpy()})
    return agrees(f"model.onnx, onnxruntime {onnxruntime.__version__}", torch.from_numpy(logits), expected) and good


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
