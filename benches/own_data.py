#!/usr/bin/env python3
"""What people would do instead of a search, judged on the images that a run of naslens was judged on.

    python benches/own_data.py make x-rays|fashion|digits|noise FOLDER
    naslens run --data folder:FOLDER --out RUN
    python benches/own_data.py judge FOLDER RUN --seconds 600

`make` writes a folder of images: `x-rays`, 3 classes of 60 chest-like pictures of 220 to 325 pixels that this program draws, half PNG and
half JPEG, without parts; `fashion`, 500 pictures a class of the embedded reduced Fashion-MNIST with parts of 200, 50 and 250 a class;
`digits`, the 1,797 embedded digits without parts; `noise`, 380 and 20 pictures of noise. `judge` trains a ResNet-18 and a MobileNetV2
with stems for small images (SGD with Nesterov momentum, cosine, warm-up, weight decay, shifts by an eighth; as many steps as fit into the
seconds, 4,000 at most), logistic regression and a random forest (the better by cross-validation on the training images). Where RUN
cross-validated its winner they are cross-validated in as many folds within the same seconds. It prints accuracy (Wilson's 95% interval),
the difference from the winner on the same images (McNemar's exact test), milliseconds per image in ONNX Runtime on one thread, and size.
Needs torch, torchvision, onnxruntime, scikit-learn, scipy, Pillow and pyarrow.
"""
import argparse
import pathlib
import time

import numpy as np

HERE = pathlib.Path(__file__).parent.parent / "benchmarks-data"


def draw_chest(rng, kind):
    """A grey picture of two lungs and ribs; nodules are small bright discs, diffuse is a fine haze; brightness and place vary."""
    from PIL import Image, ImageDraw, ImageFilter
    w, h = (int(v) for v in rng.integers(220, 326, 2))
    picture = Image.new("L", (w, h), int(rng.integers(120, 180)))
    pen = ImageDraw.Draw(picture)
    dx, dy = rng.normal(0, 0.04, 2)
    for side in (0.3, 0.7):
        cx, cy, rx, ry = (side + dx) * w, (0.5 + dy) * h, 0.16 * w, 0.33 * h
        pen.ellipse((cx - rx, cy - ry, cx + rx, cy + ry), fill=int(rng.integers(40, 80)))
    for rib in range(7):
        y = (0.22 + 0.09 * rib + dy) * h
        pen.arc((0.1 * w, y - 0.05 * h, 0.9 * w, y + 0.12 * h), 200, 340, fill=int(rng.integers(100, 140)), width=3)
    pixels = np.asarray(picture.filter(ImageFilter.GaussianBlur(2)), dtype=np.float64)
    yy, xx = np.mgrid[:h, :w]
    if kind == "nodules":
        for _ in range(int(rng.integers(2, 6))):
            side = rng.choice([0.3, 0.7])
            cx, cy, r = (side + dx + rng.uniform(-0.09, 0.09)) * w, (0.5 + dy + rng.uniform(-0.2, 0.2)) * h, rng.uniform(4, 9)
            pixels += rng.uniform(50, 90) * np.exp(-(((xx - cx) ** 2 + (yy - cy) ** 2) / (2 * r * r)))
    if kind == "diffuse":
        haze = np.asarray(Image.fromarray(rng.integers(0, 256, (h // 6, w // 6), dtype=np.uint8)).resize((w, h), Image.BICUBIC))
        lungs = sum(((xx / w - side - dx) / 0.16) ** 2 + ((yy / h - 0.5 - dy) / 0.33) ** 2 < 1 for side in (0.3, 0.7))
        pixels += rng.uniform(0.1, 0.3) * (haze - 100.0) * lungs
    pixels = (pixels + rng.normal(0, 8, (h, w))) * rng.uniform(0.8, 1.2)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def make(name, folder):
    import pyarrow.parquet as pq
    from PIL import Image
    rng = np.random.default_rng(0)

    def save(picture, place, suffix="png"):
        path = folder / f"{place}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)

    if name == "x-rays":
        for kind in ("normal", "nodules", "diffuse"):
            for i in range(60):
                save(draw_chest(rng, kind), f"{kind}/{i:03}", "png" if i % 2 else "jpeg")
    elif name == "noise":
        for kind, count in (("healthy", 380), ("ill", 20)):
            for i in range(count):
                save(Image.fromarray(rng.integers(0, 256, (48, 48), dtype=np.uint8)), f"{kind}/{i:03}")
    else:
        table = pq.read_table(HERE / f"{name}.parquet").to_pydict()
        side = {"fashion": 12, "digits": 8}[name]
        seen = {}
        for i, (label, pixels) in enumerate(zip(table["label"], table["pixels"])):
            part = table["part"][i] if "part" in table else None
            seen[part, label] = seen.get((part, label), 0) + 1
            if part and seen[part, label] > {"train": 200, "valid": 50, "test": 250}[part]:
                continue
            values = np.frombuffer(pixels, np.uint8).reshape(side, side).astype(int) * (16 if name == "digits" else 1)
            place = f"{ {'train': 'train', 'valid': 'val', 'test': 'test'}[part]}/" if part else ""
            save(Image.fromarray(np.minimum(values, 255).astype(np.uint8)), f"{place}{label}/{i:05}")


def read(folder, image):
    """Images (n, c, h, w) in 0 to 1, labels, parts and names, resized as Pillow does with antialiasing."""
    from PIL import Image
    c, h, w = image
    paths = sorted(p for p in folder.rglob("*") if p.suffix in (".png", ".jpeg"))
    place = [p.relative_to(folder).parts for p in paths]
    parts = np.array([p[0] if len(p) == 3 else "" for p in place])
    classes = sorted({p[-2] for p in place})
    grid = [np.asarray(Image.open(p).convert("L" if c == 1 else "RGB").resize((w, h), Image.BILINEAR)) for p in paths]
    x = np.stack(grid).astype(np.float32).reshape(len(paths), h, w, -1).transpose(0, 3, 1, 2) / 255
    return x, np.array([classes.index(p[-2]) for p in place]), parts, ["/".join(p) for p in place]


def network(name, channels, classes):
    import torch
    import torchvision
    if name == "ResNet-18":
        model = torchvision.models.resnet18(num_classes=classes)
        model.conv1 = torch.nn.Conv2d(channels, 64, 3, 1, 1, bias=False)
        model.maxpool = torch.nn.Identity()
    else:
        model = torchvision.models.mobilenet_v2(num_classes=classes)
        model.features[0][0] = torch.nn.Conv2d(channels, 32, 3, 1, 1, bias=False)
    return model


def train(model, x, y, seconds):
    import torch
    import torch.nn.functional as F
    batch = min(64, max(8, len(x) // 8))
    weights = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    rate = 0.1 * batch / 64
    optimiser = torch.optim.SGD([{"params": weights, "weight_decay": 5e-4}, {"params": others, "weight_decay": 0}], lr=rate,
                                momentum=0.9, nesterov=True)
    model.train()
    start, step, order = time.monotonic(), 0, torch.empty(0, dtype=torch.long)
    shift = x.shape[-1] // 8
    while True:
        # How far through the cosine: by steps or by time, whichever ends first.
        done = max(step / 4000, (time.monotonic() - start) / seconds)
        if done >= 1:
            return step
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 100) * 0.5 * (1 + np.cos(np.pi * done))
        if len(order) < batch:
            order = torch.randperm(len(x))
        at, order = order[:batch], order[batch:]
        padded = F.pad(x[at], (shift,) * 4)
        moved = torch.stack([p[:, i:i + x.shape[-2], j:j + x.shape[-1]]
                             for p, i, j in zip(padded, *torch.randint(0, 2 * shift + 1, (2, batch)).tolist())])
        optimiser.zero_grad()
        F.cross_entropy(model(moved), y[at]).backward()
        optimiser.step()
        step += 1


def latency(path):
    """Median milliseconds for one image."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options)
    entry = session.get_inputs()[0]
    image = np.zeros([d if isinstance(d, int) else 1 for d in entry.shape], np.float32)
    times = []
    for _ in range(200):
        start = time.perf_counter()
        session.run(None, {entry.name: image})
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))


def judge(folder, run, seconds):
    import json
    import pyarrow.parquet as pq
    import torch
    from scipy.stats import binomtest
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    answers = pq.read_table(next(run.rglob("answers.parquet"))).to_pydict()
    onnx = next(run.rglob("winner/model.onnx"))
    import onnxruntime
    image = tuple(onnxruntime.InferenceSession(str(onnx)).get_inputs()[0].shape[1:])
    x, y, parts, names = read(folder, image)
    right = {str(name).replace(str(folder) + "/", ""): bool(r) for name, r in zip(answers["image"], answers["right"])}
    judged = np.array([name in right for name in names])
    assert judged.sum() == len(right), f"{judged.sum()} of the {len(right)} judged images were found"
    winner = np.array([right.get(name, False) for name in names])
    if judged.all():
        folds = [(a, b) for a, b in StratifiedKFold(5, shuffle=True, random_state=0).split(x, y)]
    else:
        folds = [(np.where(~judged)[0], np.where(judged)[0])]

    def classical(make, grid):
        def fit(train_at, test_at):
            flat = x.reshape(len(x), -1)
            search = GridSearchCV(make(), grid, cv=3, n_jobs=1).fit(flat[train_at], y[train_at])
            return search.best_score_, search.predict(flat[test_at])
        return fit

    def linear_or_forest(train_at, test_at):
        fits = [classical(lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
                          {"logisticregression__C": [0.001, 0.01, 0.1, 1]})(train_at, test_at),
                classical(lambda: RandomForestClassifier(300, random_state=0), {"max_features": ["sqrt", 0.2]})(train_at, test_at)]
        return max(fits, key=lambda fit: fit[0])[1], "", None

    def deep(name):
        def fit(train_at, test_at):
            torch.manual_seed(0)
            model = network(name, image[0], y.max() + 1)
            mean = x[train_at].mean((0, 2, 3), keepdims=True)
            spread = x[train_at].std((0, 2, 3), keepdims=True) + 1e-6
            scaled = torch.tensor((x - mean[0]) / spread[0])
            steps = train(model, scaled[train_at], torch.tensor(y)[train_at], seconds / len(folds))
            model.eval()
            with torch.no_grad():
                return torch.cat([model(b) for b in scaled[test_at].split(256)]).argmax(1).numpy(), f"{steps} steps", model
        return fit

    n = int(judged.sum())

    def row(name, correct, ms, mb, seconds, note=""):
        share = correct.mean()
        low, high = binomtest(int(correct.sum()), n).proportion_ci(method="wilson")
        mine, other = winner[judged] & ~correct, correct & ~winner[judged]
        p = binomtest(int(mine.sum()), int(mine.sum() + other.sum())).pvalue if (mine | other).any() else 1.0
        print(json.dumps({"model": name, "accuracy": round(100 * share, 2), "low": round(100 * low, 1), "high": round(100 * high, 1),
                          "minus winner": round(100 * (share - winner[judged].mean()), 2), "p": round(p, 3), "ms": ms, "MB": mb,
                          "seconds": seconds, "note": note}), flush=True)

    row("naslens", winner[judged], round(latency(str(onnx)), 3), round(onnx.stat().st_size / 1e6, 2), None)
    largest = np.bincount(y[~judged] if (~judged).any() else y).argmax()
    row("most frequent class", (y == largest)[judged], None, None, 0)
    for name, fit in [("logistic regression or random forest", linear_or_forest), ("ResNet-18", deep("ResNet-18")),
                      ("MobileNetV2", deep("MobileNetV2"))]:
        start, correct, note, model = time.monotonic(), np.zeros(len(y), bool), "", None
        for train_at, test_at in folds:
            predicted, note, model = fit(train_at, test_at)
            correct[test_at] = predicted == y[test_at]
        took = round(time.monotonic() - start)
        ms = mb = None
        if model is not None:
            path = "/tmp/rival.onnx"
            torch.onnx.export(model, torch.zeros(1, *image), path, dynamo=False)
            ms, mb = round(latency(path), 3), round(pathlib.Path(path).stat().st_size / 1e6, 2)
        row(name, correct[judged], ms, mb, took, note)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("make")
    command.add_argument("name", choices=["x-rays", "fashion", "digits", "noise"])
    command.add_argument("folder", type=pathlib.Path)
    command = commands.add_parser("judge")
    command.add_argument("folder", type=pathlib.Path)
    command.add_argument("run", type=pathlib.Path)
    command.add_argument("--seconds", type=float, required=True, help="for each rival, all folds together")
    args = parser.parse_args()
    make(args.name, args.folder) if args.command == "make" else judge(args.folder, args.run, args.seconds)
