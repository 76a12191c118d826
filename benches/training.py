#!/usr/bin/env python3
"""Trains the first networks of a table with naslens and with PyTorch, and compares images per second and test accuracy.

    python benches/training.py target/release/naslens benchmarks-data/fashion-cells.toml --networks 6 --rounds 2

PyTorch runs the source that `naslens export` writes, from its own initialisation, one network after another with its
default settings (as many threads as it chooses), the images as one tensor in memory: no data loader slows it down. Both
follow the recipe of the configuration and evaluate after every epoch. The two take turns, so that load hits both.
Needs torch, numpy, pyarrow and Python 3.11.
"""
import argparse
import importlib.util
import json
import math
import pathlib
import subprocess
import tempfile
import time
import tomllib

import numpy as np
import pyarrow.parquet as pq
import torch
import torch.nn.functional as F


def load_images(image):
    """Parts of the embedded reduced Fashion-MNIST in the shape of the recipe, standardised by the training images."""
    table = pq.read_table(pathlib.Path(__file__).parent.parent / "benchmarks-data/fashion.parquet")
    pixels = np.stack([np.frombuffer(b, np.uint8) for b in table["pixels"].to_pylist()]).astype(np.float32) / 255
    x = torch.tensor(pixels).reshape(-1, 1, 12, 12)
    y = torch.tensor(table["label"].to_numpy().astype(np.int64))
    part = np.array(table["part"].to_pylist())
    train = x[torch.tensor(part == "train")]
    x = (x - train.mean()) / train.std(unbiased=False)
    channels, height, width = map(int, image.split("x"))
    x = x.repeat(1, channels, 1, 1)
    if (height, width) != (12, 12):
        x = F.interpolate(x, size=(height, width), mode="bilinear", align_corners=False)
    return {p: (x[torch.tensor(part == p)], y[torch.tensor(part == p)]) for p in ("train", "valid", "test")}


def train(model, parts, recipe, limit, seed):
    """Final test accuracy in percent and seconds, evaluation after every epoch included."""
    torch.manual_seed(seed)
    (x, y), valid, test = ((a[:n], b[:n]) for (a, b), n in zip(parts.values(), limit))
    weights = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() == 1]
    groups = [{"params": weights, "weight_decay": recipe.get("weight_decay", 5e-4)}, {"params": others, "weight_decay": 0}]
    rate = recipe.get("learning_rate", 0.1)
    optimiser = torch.optim.SGD(groups, lr=rate, momentum=0.9, nesterov=True)
    size, epochs = recipe.get("batch_size", 64), recipe["epochs"]
    starts = [s for s in range(0, len(x), size) if len(x) - s > 1]
    steps = epochs * len(starts)
    warmup = round(recipe.get("warmup_epochs", 0) * steps / epochs)

    def accuracy(images, labels):
        model.eval()
        with torch.no_grad():
            right = sum((model(a).argmax(1) == b).sum().item() for a, b in zip(images.split(256), labels.split(256)))
        return 100 * right / max(len(labels), 1)

    start, step = time.perf_counter(), 0
    for _ in range(epochs):
        model.train()
        order = torch.randperm(len(x))
        for first in starts:
            after = (step - warmup) / max(steps - warmup, 1)
            lr = rate * (step + 1) / warmup if step < warmup else rate * (1 + math.cos(math.pi * after)) / 2
            for group in optimiser.param_groups:
                group["lr"] = lr
            picked = order[first:first + size]
            optimiser.zero_grad()
            loss = F.cross_entropy(model(x[picked]), y[picked])
            loss.backward()
            optimiser.step()
            loss.item()
            step += 1
        accuracy(*valid)
    return accuracy(*test), time.perf_counter() - start


def module(folder):
    spec = importlib.util.spec_from_file_location("model", f"{folder}/model.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded.Network()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("naslens")
    parser.add_argument("config")
    parser.add_argument("--networks", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, nargs="*", default=[0, 1], help="of PyTorch; 0 is its default")
    args = parser.parse_args()
    config = tomllib.loads(pathlib.Path(args.config).read_text())
    recipe, default = config["train"], torch.get_num_threads()
    parts = load_images(recipe["image"])
    limit = recipe.get("limit", [len(y) for _, y in parts.values()])
    images = limit[0] * recipe["epochs"]

    def naslens(workers, out):
        command = [args.naslens, "make-table", args.config, "--networks", str(args.networks), "--out", out]
        start = time.perf_counter()
        subprocess.run([*command, "--threads", str(workers), "--device", "cpu"], check=True, capture_output=True)
        seconds = time.perf_counter() - start
        rows = pq.read_table(f"{out}/table.parquet").to_pylist()
        return images * config["repeats"] * len(rows) / seconds, rows

    speeds, accuracies = {}, {}
    with tempfile.TemporaryDirectory() as tmp:
        for round_ in range(args.rounds):
            for workers in (default, 1):
                speed, rows = naslens(workers, f"{tmp}/{round_}-{workers}")
                speeds.setdefault(f"naslens, {workers} side by side", []).append(speed)
            for row in rows:
                name = f"{tmp}/{row['arch_id']}"
                command = [args.naslens, "export", "--space", config["space"], "--arch", row["arch"], "--out", name]
                command += ["--image", recipe["image"], "--classes", "10"]
                for key, flag in (("init_channels", "--init-channels"), ("cells", "--cells")):
                    command += [flag, str(config[key])] if key in config else []
                subprocess.run(command, check=True, capture_output=True)
                accuracies.setdefault(row["arch"], {})["naslens"] = [
                    row[f"test_acc_seed{k}_pct"] for k in range(config["repeats"])]
            for threads in args.threads:
                torch.set_num_threads(threads or default)
                total = 0.0
                for row in rows:
                    for seed in range(config["repeats"] if round_ == 0 and threads == 0 else 1):
                        torch.manual_seed(seed)
                        accuracy, seconds = train(module(f"{tmp}/{row['arch_id']}"), parts, recipe, limit, seed)
                        if seed == 0:
                            total += seconds
                        if round_ == 0 and threads == 0:
                            accuracies[row["arch"]].setdefault("pytorch", []).append(accuracy)
                speeds.setdefault(f"PyTorch, {threads or default} threads", []).append(images * len(rows) / total)
    best = {name: max(values) for name, values in speeds.items()}
    for name, values in speeds.items():
        print(f"{name}: {best[name]:.0f} images/s (rounds: {', '.join(f'{v:.0f}' for v in values)})")
    print(f"ratio to PyTorch's default: {best[f'naslens, {default} side by side'] / best[f'PyTorch, {default} threads']:.2f}")
    if "PyTorch, 1 threads" in best:
        print(f"one thread each: {best['naslens, 1 side by side'] / best['PyTorch, 1 threads']:.2f}")
    differences = []
    for arch, found in accuracies.items():
        differences.append(np.mean(found["naslens"]) - np.mean(found["pytorch"]))
        print(arch, json.dumps({k: [round(v, 2) for v in values] for k, values in found.items()}))
    error = np.std(differences, ddof=1) / math.sqrt(len(differences))
    print(f"test accuracy, naslens less PyTorch: {np.mean(differences):+.2f} points, standard error {error:.2f}")


main()
