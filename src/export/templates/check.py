"""Checks that the network gives the logits in example.safetensors here as well: python check.py

ONNX Runtime runs model.onnx and model-uint8.onnx, PyTorch (with safetensors) model.py; what is not installed is left out, but one of
them must be there. The check means something only if the logits depend on the image, so it also fails if those of different
images are alike. The exit code is 0 if all agree. Needs numpy and pillow.
"""

import json
import sys
from pathlib import Path

import numpy as np

from preprocess import INPUT, READ, preprocess

HERE = Path(__file__).resolve().parent
# Largest difference of a logit, as part of the largest logit. Sums in another order differ by far less.
TOLERANCE = 1e-3
# How far apart the logits of some two images are at least, as part of the largest logit.
APART = 10 * TOLERANCE


def tensors(path):
    """The float32 tensors of a safetensors file."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header.pop("__metadata__", None)
    read = lambda t: np.frombuffer(data[start:][slice(*t["data_offsets"])], "<f4").reshape(t["shape"])
    return {name: read(tensor) for name, tensor in header.items()}


def agrees(name, found, expected):
    if found.shape != expected.shape:
        print(f"{name}: {found.shape} values in place of {expected.shape}: DIFFERS")
        return False
    difference, scale = np.abs(found - expected).max(), np.abs(expected).max()
    good = bool(difference <= TOLERANCE * scale)
    print(f"{name}: largest difference {difference:.2e}, largest value {scale:.2e}: {'agrees' if good else 'DIFFERS'}")
    return good


def tells_apart(expected):
    apart, scale = np.ptp(expected, axis=0).max(), np.abs(expected).max()
    good = bool(apart > APART * scale)
    verdict = "they depend on the image" if good else "TOO ALIKE: the check cannot fail"
    print(f"example: logits of {len(expected)} images are up to {apart:.2e} apart, largest logit {scale:.2e}: {verdict}")
    return good


def by_onnxruntime(images, expected):
    import onnxruntime

    def run(file, output, **inputs):
        session = onnxruntime.InferenceSession(str(HERE / file), providers=["CPUExecutionProvider"])
        return session.run([output], inputs)[0]

    version = f"onnxruntime {onnxruntime.__version__}"
    good = agrees(f"model.onnx, {version}", run("model.onnx", "logits", images=images), expected)
    # Noise that preprocess takes the long way, and the graph by itself.
    pixels = np.random.default_rng(0).integers(0, 256, (4, *READ, INPUT[0]), dtype=np.uint8)
    logits = run("model.onnx", "logits", images=np.concatenate([preprocess(image) for image in pixels]))
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    found = run("model-uint8.onnx", "probabilities", pixels=pixels)
    return agrees(f"model-uint8.onnx, {version}", found, shares) and good


def by_torch(images, expected):
    import torch

    from model import load

    with torch.no_grad():
        logits = load()(torch.from_numpy(images.copy())).numpy()
    return agrees(f"model.py, torch {torch.__version__}", logits, expected)


def main():
    example = tensors(HERE / "example.safetensors")
    good, checked = tells_apart(example["logits"]), 0
    for check in (by_onnxruntime, by_torch):
        try:
            good = check(example["images"], example["logits"]) and good
            checked += 1
        except ImportError as error:
            print(f"{check.__name__}: left out, {error.name} is not installed")
    if checked == 0:
        print("nothing was checked: install onnxruntime, or torch and safetensors")
    return good and checked > 0


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
