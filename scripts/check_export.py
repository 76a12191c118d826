"""Exports random networks of every space and compares PyTorch and ONNX Runtime with naslens.

    python scripts/check_export.py target/debug/naslens [networks per space]

Needs torch, safetensors, onnx, onnxruntime and pillow. The normalisations of an untrained network do nothing, and nearly constant logits
would agree whatever went wrong. So the statistics are measured on noise, scales and shifts are drawn, and naslens exports the
network again with these weights. `spread` is how far the logits of different images lie apart.
"""

import collections
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from safetensors.torch import load_file, save_file

OPS_201 = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]


def nas_bench_201(rng):
    edge = lambda source: f"{rng.choice(OPS_201)}~{source}"
    return "+".join("|" + "|".join(edge(source) for source in range(node)) + "|" for node in (1, 2, 3))


def nas_bench_101(rng):
    """A module of up to 7 vertices and 9 edges; every vertex is fed and read."""
    while True:
        inner = rng.randint(1, 5)
        sources = [sorted(rng.sample(range(v), rng.randint(1, min(v, 3)))) for v in range(1, inner + 2)]
        read = set().union(*sources)
        if sum(map(len, sources)) <= 9 and read == set(range(inner + 1)):
            ops = [rng.choice(["conv3x3", "conv1x1", "maxpool3x3"]) for _ in range(inner)] + ["output"]
            return "/".join(f"{op}:{''.join(map(str, s))}" for op, s in zip(ops, sources))


SPACES = {
    "nas-bench-201": (nas_bench_201, [[], ["--init-channels", "8", "--cells", "2"]], ["3x32x32", "1x20x28"]),
    "nats-size": (lambda rng: ":".join(str(8 * rng.randint(1, 8)) for _ in range(5)), [[]], ["3x32x32"]),
    # Odd sides have a last window that is only partly filled.
    "nas-bench-101": (nas_bench_101, [[], ["--init-channels", "12", "--cells", "1"]], ["3x32x32", "3x25x31"]),
    "fbnet": (lambda rng: "_".join(str(rng.randint(0, 8)) for _ in range(22)), [[]], ["3x32x32", "3x96x80"]),
}


def module(folder):
    scope = {"__name__": "model", "__file__": str(folder / "model.py")}
    exec(compile((folder / "model.py").read_text(), folder / "model.py", "exec"), scope)
    return scope


def trained_in_appearance(network, shape, seed):
    """The state dict with statistics of noise and drawn scales and shifts."""
    generator = torch.Generator().manual_seed(seed)
    for layer in network.modules():
        if isinstance(layer, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            layer.momentum = None  # averages all batches
            torch.nn.init.uniform_(layer.weight, 0.5, 1.5, generator=generator)
            torch.nn.init.uniform_(layer.bias, -0.5, 0.5, generator=generator)
    network.train()
    with torch.no_grad():
        network(torch.randn(16, *shape, generator=generator))
    return network.state_dict()


def main():
    naslens, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 4
    onnxruntime.set_default_logger_severity(3)
    worst = collections.defaultdict(float)
    for space, (draw, skeletons, shapes) in SPACES.items():
        rng, done, operators = random.Random(space), 0, collections.Counter()
        while done < count:
            arch, skeleton, image = draw(rng), skeletons[done % len(skeletons)], shapes[done // 2 % len(shapes)]
            command = [naslens, "export", "--space", space, "--arch", arch, "--image", image, *skeleton]
            with tempfile.TemporaryDirectory() as folder:
                plain, final = Path(folder, "plain"), Path(folder, "final")
                run = subprocess.run([*command, "--out", plain], capture_output=True, text=True)
                if "dead network" in run.stderr:
                    continue
                assert run.returncode == 0, run.stderr
                network = module(plain)["Network"]()
                network.load_state_dict(load_file(plain / "model.safetensors"))
                shape = tuple(map(int, image.split("x")))
                save_file(trained_in_appearance(network, shape, done), Path(folder, "weights"))
                subprocess.run([*command, "--weights", Path(folder, "weights"), "--out", final], check=True, capture_output=True)

                state = load_file(final / "model.safetensors")
                assert state.keys() == network.state_dict().keys()
                model = onnx.load(str(final / "model.onnx"))
                onnx.checker.check_model(model, full_check=True)
                onnx.checker.check_model(onnx.load(str(final / "model-uint8.onnx")), full_check=True)
                operators.update(node.op_type for node in model.graph.node)
                example = load_file(final / "example.safetensors")
                images, logits = example["images"], example["logits"]
                with torch.no_grad():
                    by_torch = module(final)["load"]()(images)
                session = onnxruntime.InferenceSession(str(final / "model.onnx"), providers=["CPUExecutionProvider"])
                (by_onnx,) = session.run(["logits"], {"images": images.numpy()})
                (one,) = session.run(["logits"], {"images": images[:1].numpy()})
                assert one.shape == (1, logits.shape[1])
                check = subprocess.run([sys.executable, final / "check.py"], capture_output=True, text=True)
                assert check.returncode == 0, check.stdout + check.stderr
                differences = (by_torch - logits).abs().max().item(), np.abs(by_onnx - logits.numpy()).max().item()
                spread = logits.std(0).mean().item()
                largest = logits.abs().max().item()
                by = f"torch {differences[0]:.1e} onnx {differences[1]:.1e}"
                print(f"{space} {image} {by} largest logit {largest:.2f} spread {spread:.2f} {arch}", flush=True)
                for by, difference in zip(("torch", "onnx"), differences):
                    worst[space, by] = max(worst[space, by], difference)
                    worst[space, by, "relative"] = max(worst[space, by, "relative"], difference / largest)
                done += 1
        print(space, dict(operators))
    print(json.dumps({" ".join(key): value for key, value in worst.items()}, indent=2))


if __name__ == "__main__":
    main()
