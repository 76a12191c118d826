"""Checks that model.py and model.onnx give the logits in example.safetensors: python check.py

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


def agrees(name, logits, expected):
    difference = (logits - expected).abs().max().item()
    scale = expected.abs().max().item()
    good = logits.shape == expected.shape and difference <= TOLERANCE * scale
    print(f"{name}: largest difference {difference:.2e}, largest logit {scale:.2e}: {'agrees' if good else 'DIFFERS'}")
    return good


def main():
    example = load_file(str(HERE / "example.safetensors"))
    images, expected = example["images"], example["logits"]
    with torch.no_grad():
        good = agrees(f"model.py, torch {torch.__version__}", load()(images), expected)
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
