"""Official benchmark files in small, and what their reference APIs read from them.

    python tests/golden/imports.py make [LARGE]              writes tests/golden/imports/ and expected.json there, and files that are too
                                                             large to be kept into the folder LARGE
    python tests/golden/imports.py compare FORMAT SOURCE PARQUET
                                                             reads SOURCE with the reference API and PARQUET, which
                                                             `naslens import SOURCE --curves --out PARQUET` wrote, with
                                                             pyarrow, and compares every value
    python tests/golden/imports.py synthetic SAMPLES OUT N   N records of official shape from real ones, to time an import

Needs: pip install nats_bench==1.8 nas-bench-201==2.1 numpy torch pyarrow protobuf. The fixtures have the full shape of official records (datasets,
seeds, lengths of training, evaluation sets, every epoch), made with the classes of the reference APIs; their numbers are invented and coarse, so
that they compress.
"""
import base64
import bz2
import collections
import json
import math
import pickle
import random
import struct
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent / "imports"
TSS = {  # official indices
    0: "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
    11: "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|none~0|nor_conv_3x3~1|avg_pool_3x3~2|",
}
SSS = {0: "8:8:8:8:8", 11: "8:8:8:16:32"}
CLASSES = {"cifar10-valid": 10, "cifar10": 10, "cifar100": 100, "ImageNet16-120": 120}
SETS = {
    "cifar10-valid": ["x-valid", "ori-test"],
    "cifar10": ["ori-test"],
    "cifar100": ["x-valid", "x-test", "ori-test"],
    "ImageNet16-120": ["x-valid", "x-test", "ori-test"],
}


def coarse(rng, low, high):
    """A multiple of 1/8: exact in binary and cheap to compress."""
    return rng.randint(int(low * 8), int(high * 8)) / 8


def arch_results(api, rng, index, arch, epochs, seeds, last_only, times, latency):
    """ArchResults as the authors' programs made them."""
    results = api.ArchResults(index, arch)
    for dataset, dataset_seeds in seeds.items():
        for seed in dataset_seeds:
            curve = lambda low, high: {i: coarse(rng, low, high) for i in range(epochs)}
            config = {"channel": 16, "num_cells": 5, "arch_str": arch, "class_num": CLASSES[dataset]}
            if ":" in arch:
                config = {"name": "infer.shape.tiny", "channels": arch, "arch_str": arch, "class_num": CLASSES[dataset]}
            params = np.float64(round(0.1 + index / 1000 + CLASSES[dataset] / 1e5, 6))
            one = api.ResultsCount(dataset, None, curve(10, 99), curve(0, 4), params, 15.64737, config,
                                   "{:04d}".format(seed), epochs, None)
            one.train_acc5es = None
            for name in SETS[dataset]:
                # Sets that were evaluated after the last epoch only.
                which = [epochs - 1] if name in last_only.get(dataset, ()) else range(epochs)
                one.update_OLD_eval(name, {i: coarse(rng, 10, 95) for i in which}, {i: coarse(rng, 0, 4) for i in which})
            if times:
                one.reset_pseudo_train_times(12.462056795756022)
                for name in SETS[dataset]:
                    one.reset_pseudo_eval_times(name, 1.6605006853739421)
            if latency:
                one.update_latency([np.float64(0.0161632529)])
            results.update(dataset, seed, one)
    results.clear_params()
    return results.state_dict()


def tss(api, rng, index, old=False):
    """Trainings of 12 and 200 epochs; v1.0 of NAS-Bench-201 has no times and fewer short trainings."""
    short = {"cifar10-valid": [111, 777], "cifar10": [111], "cifar100": [111], "ImageNet16-120": [111]}
    if old:
        short = {"cifar10-valid": [777]}
    long = {dataset: [777, 888, 999] for dataset in CLASSES}
    if index == 0:
        long = {dataset: [888] for dataset in CLASSES}
    last = {"cifar10-valid": ["ori-test"], "cifar100": ["x-valid", "x-test"], "ImageNet16-120": ["x-valid", "x-test"]}
    less = arch_results(api, rng, index, TSS[index], 12, short, {}, not old, not old)
    full = arch_results(api, rng, index, TSS[index], 200, long, last, not old, not old)
    return less, full


def sss(api, rng, index):
    return {
        hp: arch_results(api, rng, index, SSS[index], int(hp), {dataset: [777] for dataset in CLASSES}, {}, True, True)
        for hp in ("01", "12", "90")
    }


def save_bz2(value, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with bz2.BZ2File(path, "wb") as out:
        pickle.dump(value, out, protocol=4)


def save_torch(value, path, zipped):
    import torch

    torch.save(value, path, _use_new_zipfile_serialization=zipped)


# ---- TFRecord and the protocol buffer of NAS-Bench-101 ----

def crc32c(data, table=[]):
    if not table:
        for i in range(256):
            crc = i
            for _ in range(8):
                crc = (crc >> 1) ^ 0x82F63B78 if crc & 1 else crc >> 1
            table.append(crc)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def record(data):
    head = struct.pack("<Q", len(data))
    return head + struct.pack("<I", masked(head)) + data + struct.pack("<I", masked(data))


def records(path):
    data = Path(path).read_bytes()
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        yield data[12 : 12 + length]
        data = data[length + 16 :]


def model_metrics():
    """The class of nasbench/lib/model_metrics.proto (proto2), made by protobuf at run time."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    f = descriptor_pb2.FileDescriptorProto(name="model_metrics.proto", package="nasbench", syntax="proto2")
    double, int32, string, message = 1, 5, 9, 11
    metrics, evaluation = f.message_type.add(name="ModelMetrics"), f.message_type.add(name="EvaluationData")
    metrics.field.add(name="evaluation_data", number=1, label=3, type=message, type_name=".nasbench.EvaluationData")
    metrics.field.add(name="trainable_parameters", number=2, label=1, type=int32)
    metrics.field.add(name="total_time", number=3, label=1, type=double)
    names = ["current_epoch", "training_time", "train_accuracy", "validation_accuracy", "test_accuracy"]
    for number, name in enumerate(names, 1):
        evaluation.field.add(name=name, number=number, label=1, type=double)
    evaluation.field.add(name="checkpoint_path", number=6, label=1, type=string)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(f)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("nasbench.ModelMetrics"))


def nb101_modules():
    """Small modules, their adjacency by rows, operations, and the hash computed as in nasbench/lib/graph_util.py."""
    import hashlib

    def graph_hash(matrix, labels):
        n = len(labels)
        out_edges = [sum(row) for row in matrix]
        in_edges = [sum(matrix[i][j] for i in range(n)) for j in range(n)]
        md5 = lambda text: hashlib.md5(text.encode()).hexdigest()
        hashes = [md5(str(v)) for v in zip(out_edges, in_edges, labels)]
        for _ in range(n):
            new = []
            for v in range(n):
                ins = "".join(sorted(hashes[w] for w in range(n) if matrix[w][v]))
                outs = "".join(sorted(hashes[w] for w in range(n) if matrix[v][w]))
                new.append(md5(ins + "|" + outs + "|" + hashes[v]))
            hashes = new
        return md5(str(sorted(hashes)))

    C3, C1, MP = "conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"
    modules = [
        ([[0, 1], [0, 0]], []),
        ([[0, 1, 1], [0, 0, 1], [0, 0, 0]], [C3]),
        ([[0, 1, 1, 0], [0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]], [C1, MP]),
        ([[0, 1, 1, 1, 0, 1, 0], [0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 1, 0, 0],
          [0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 0]], [C1, C3, C3, C3, MP]),
    ]
    code = {C3: 0, C1: 1, MP: 2}
    for matrix, ops in modules:
        labels = [-1] + [code[op] for op in ops] + [-2]
        digits = "".join(str(bit) for row in matrix for bit in row)
        yield graph_hash(matrix, labels), digits, ",".join(["input"] + ops + ["output"])


def make_nb101(rng, path):
    Metrics = model_metrics()
    with open(path, "wb") as out:
        for module, adjacency, operations in nb101_modules():
            for epochs in (4, 12, 36, 108):
                for _ in range(3):
                    metrics = Metrics(trainable_parameters=rng.randint(10**5, 10**7), total_time=rng.random() * 1e4)
                    for epoch in (0.0, epochs / 2, float(epochs)):
                        metrics.evaluation_data.add(
                            current_epoch=epoch, training_time=epoch * 17.3, train_accuracy=rng.random(),
                            validation_accuracy=rng.random(), test_accuracy=rng.random(), checkpoint_path="")
                    row = [module, epochs, adjacency, operations, base64.encodebytes(metrics.SerializeToString()).decode()]
                    out.write(record(json.dumps(row).encode()))


# ---- the others ----

def make_suite_zero(rng, folder):
    proxies = ["epe_nas", "fisher", "flops", "grad_norm", "grasp", "jacov", "l2_norm", "nwot", "params", "plain", "snip", "synflow", "zen"]
    tuples = {"nasbench201": ["(4, 3, 3, 3, 2, 3)", "(0, 1, 2, 4, 1, 3)"], "nasbench101": ["(0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 4, 1)"],
              "nasbench301": ["(((0, 1), (1, 2)), ((0, 4), (1, 5)))"]}
    for space, archs in tuples.items():
        data = {}
        for dataset in ("cifar10", "cifar100") if space == "nasbench201" else ("cifar10",):
            data[dataset] = {}
            for arch in archs:
                entry = {p: {"score": rng.gauss(0, 100), "time": rng.random()} for p in proxies}
                entry["zen"]["score"], entry["grasp"]["score"], entry["snip"]["score"] = -1e8, math.nan, -math.inf
                data[dataset][arch] = {"id": rng.randint(0, 9), **entry, "val_accuracy": rng.random() * 100}
                del data[dataset][arch]["id"]
        (folder / f"zc_{space}.json").write_text(json.dumps(data))
    early = {"nasbench201": {"cifar100": {"(2, 2, 1, 3, 1, 4)": {"flops": 85.241152, "snip": 191.9875, "val_accuracy": 63.41999997558594}}}}
    (folder / "zc_early.json").write_text(json.dumps(early))


DEVICES = ["edgegpu", "raspi4", "edgetpu", "pixel3", "eyeriss", "fpga"]


def make_hw(rng, path, arrays):
    data = {"nasbench201": {}, "fbnet": {"edgegpu_latency": {"ConvNorm_H32_W32_Cin3_Cout16_kernel3_stride1_group1": 0.5}}}
    archs = [TSS[0], "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"]
    for dataset in ("cifar10", "cifar100", "ImageNet16-120"):
        metrics = {"config": [{"name": "infer.tiny", "C": 16, "N": 5, "arch_str": a, "num_classes": CLASSES[dataset]} for a in archs]}
        for device in DEVICES:
            values = [rng.random() * 10 for _ in archs]
            metrics[f"{device}_latency"] = np.array(values) if arrays else values
            if device in ("edgegpu", "eyeriss", "fpga"):
                metrics[f"{device}_energy"] = [np.float64(rng.random()) for _ in archs]
        metrics["eyeriss_arithmetic_intensity"] = [rng.random() for _ in archs]
        data["nasbench201"][dataset] = metrics
    path.write_bytes(pickle.dumps(data, protocol=5 if arrays else 3))


def make_graph(rng, folder):
    folder.mkdir(exist_ok=True)
    light = {h: {"valid_perf": rng.random(), "perf": rng.random(), "latency": rng.random() / 100, "para": np.float64(1.5 + h / 1e6)}
             for h in (0, 10000, 61234)}
    (folder / "cora.bench").write_bytes(pickle.dumps(light, protocol=3))
    full = {h: {"dur": [[rng.random() for _ in range(7)] for _ in range(3)], **light[h]} for h in light}
    (folder / "pubmed2.bench").write_bytes(pickle.dumps(full, protocol=3))


def make_macro(rng, path):
    data = {}
    for arch in ("02012100", "11111221", "00011110"):
        runs = [round(80 + 10 * rng.random(), 2) for _ in range(3)]
        data[arch] = {"test_acc": runs, "mean_acc": float(np.mean(runs)), "std": float(np.std(runs)), "params": rng.randint(10**5, 10**6),
                      "flops": rng.randint(10**7, 10**8)}
    path.write_text(json.dumps(data))


def make(large=None):
    import nas_201_api.api_utils as old
    import nats_bench.api_utils as new

    rng = random.Random(7)
    HERE.mkdir(exist_ok=True)
    simple = {index: dict(zip(("12", "200"), tss(new, rng, index))) for index in TSS}
    size = {index: sss(new, rng, index) for index in SSS}
    for index in TSS:
        save_bz2(simple[index], HERE / "NATS-tss-simple" / f"{index:06d}.pickle.pbz2")
    for index in SSS:
        save_bz2(size[index], HERE / "NATS-sss-simple" / f"{index:06d}.pickle.pbz2")
    meta = lambda archs: [archs.get(i, f"unknown {i}") for i in range(12)]
    whole = lambda archs, infos: {"meta_archs": meta(archs), "arch2infos": infos, "evaluated_indexes": set(infos)}
    save_bz2(whole(TSS, simple), HERE / "NATS-tss.pickle.pbz2")
    save_bz2(whole(SSS, size), HERE / "NATS-sss.pickle.pbz2")
    v1_1 = {i: {"less": simple[i]["12"], "full": simple[i]["200"]} for i in TSS}
    v1_0 = {i: dict(zip(("less", "full"), tss(old, rng, i, old=True))) for i in TSS}
    listed = lambda infos: {**whole(TSS, infos), "evaluated_indexes": sorted(infos)}
    if large:  # torch.save does not compress
        Path(large).mkdir(parents=True, exist_ok=True)
        for name, infos in (("v1_0", v1_0), ("v1_1", v1_1)):
            save_torch(listed(infos), Path(large) / f"NAS-Bench-201-{name}-legacy.pth", False)
            save_torch(listed(infos), Path(large) / f"NAS-Bench-201-{name}-zip.pth", True)
    # Small ones, of one short training, to be committed.
    brief = lambda infos: {0: {"less": infos[0]["less"], "full": infos[0]["less"]}}
    save_torch(listed(brief(v1_0)), HERE / "NAS-Bench-201-v1_0-legacy.pth", False)
    save_torch(listed(brief(v1_1)), HERE / "NAS-Bench-201-v1_1-zip.pth", True)
    make_nb101(rng, HERE / "nasbench.tfrecord")
    make_suite_zero(rng, HERE)
    make_hw(rng, HERE / "HW-NAS-Bench-lists.pickle", False)
    make_hw(rng, HERE / "HW-NAS-Bench-arrays.pickle", True)
    make_macro(rng, HERE / "nas-bench-macro_cifar10.json")
    make_graph(rng, HERE / "graph")
    expected = {}
    for format, source in FIXTURES:
        rows = sorted((row for row in read(format, HERE / source) if at_the_end(row)), key=order)
        rows = [[cells[name] for name in FIELDS] for cells in rows]
        # Another form of the same records is named, not repeated.
        expected[source] = next((other for other, known in expected.items() if known == rows), rows)
    lines = lambda rows: json.dumps(rows) if isinstance(rows, str) else "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]"
    text = ",\n".join(f"{json.dumps(name)}: {lines(rows)}" for name, rows in {"fields": FIELDS, **expected}.items())
    (HERE / "expected.json").write_text("{\n" + text + "\n}\n")


FIXTURES = [
    ("nats-simple", "NATS-tss-simple"), ("nats-simple", "NATS-sss-simple"), ("nats-file", "NATS-tss.pickle.pbz2"),
    ("nats-file", "NATS-sss.pickle.pbz2"), ("nas-bench-201", "NAS-Bench-201-v1_0-legacy.pth"),
    ("nas-bench-201", "NAS-Bench-201-v1_1-zip.pth"), ("nas-bench-101", "nasbench.tfrecord"),
    ("suite-zero", "zc_nasbench201.json"), ("suite-zero", "zc_early.json"), ("hw-nas-bench", "HW-NAS-Bench-lists.pickle"),
    ("hw-nas-bench", "HW-NAS-Bench-arrays.pickle"), ("nas-bench-macro", "nas-bench-macro_cifar10.json"),
    ("nas-bench-graph", "graph/cora.bench"), ("nas-bench-graph", "graph/pubmed2.bench"),
]


# ---- reading with the reference APIs: rows as naslens should have them ----

FIELDS = ["arch", "dataset", "split", "epochs", "epoch", "seed", "accuracy_pct", "loss", "seconds", "params", "macs", "device",
          "latency_ms", "energy_mj", "proxy", "score"]


def row(**cells):
    cells = {name: cells.get(name) for name in FIELDS}
    for name in ("accuracy_pct", "loss", "seconds", "latency_ms", "energy_mj", "score"):
        if cells[name] is not None:
            cells[name] = None if math.isnan(cells[name]) else float(cells[name])
    return cells


def order(cells):
    return [str(cells[name]) for name in FIELDS]


def at_the_end(cells):
    return cells["epoch"] is None or cells["epochs"] is None or cells["epoch"] == cells["epochs"]


def read(format, source):
    yield from {
        "nats-simple": read_nats, "nats-file": read_nats, "nas-bench-201": read_201, "nas-bench-101": read_101,
        "suite-zero": read_suite_zero, "hw-nas-bench": read_hw, "nas-bench-macro": read_macro, "nas-bench-graph": read_graph,
    }[format](Path(source))


def read_results(arch, results, cost):
    """Rows of an ArchResults through its own methods."""
    splits = {"x-valid": "valid", "x-test": "test", "ori-test": "valtest"}
    for dataset in results.get_dataset_names():
        info = cost(dataset)
        params, macs = round(info["params"] * 1e6), round(info["flops"] * 1e6)
        for seed in results.get_dataset_seeds(dataset):
            one = results.query(dataset, seed)
            common = dict(arch=arch, dataset=dataset, epochs=one.get_total_epoch(), seed=seed, params=params, macs=macs)
            if one.get_latency() > 0:
                yield row(device="gpu", latency_ms=one.get_latency() * 1000, **common)
            for i in range(one.get_total_epoch()):
                metrics = results.get_metrics(dataset, "train", iepoch=i, is_random=seed)
                yield row(split="train", epoch=i + 1.0, accuracy_pct=metrics["accuracy"], loss=metrics["loss"],
                          seconds=metrics["all_time"], **common)
                for name in one.get_eval_set():
                    try:
                        metrics = one.get_eval(name, i)
                    except KeyError:  # not evaluated after this epoch
                        continue
                    split = "test" if name == "ori-test" and dataset.startswith("cifar10-") or (name, dataset) == ("ori-test", "cifar10") else splits[name]
                    yield row(split=split, epoch=i + 1.0, accuracy_pct=metrics["accuracy"], loss=metrics["loss"],
                              seconds=metrics["cur_time"], **common)


def read_nats(source):
    from nats_bench.api_size import NATSsize
    from nats_bench.api_topology import NATStopology
    from nats_bench.api_utils import pickle_load

    size = "sss" in str(source)
    if source.is_dir():
        if not (source / "meta.pickle.pbz2").exists():
            # Small fixtures have no list of all architectures: the record is read by the class that the API reads it with.
            from nats_bench.api_utils import ArchResults

            for file in sorted(source.glob("*.pickle.pbz2")):
                for hp, state in pickle_load(str(file)).items():
                    results = ArchResults.create_from_state_dict(state)
                    yield from read_results(results.arch_str, results, results.get_compute_costs)
            return
        api = (NATSsize if size else NATStopology)(str(source), fast_mode=True, verbose=False)
        indices = sorted(int(file.name.split(".")[0]) for file in source.glob("0*.pickle.pbz2"))
    else:
        api = (NATSsize if size else NATStopology)(str(source), verbose=False)
        indices = sorted(api.evaluated_indexes)
    for index in indices:
        for hp in ("01", "12", "90") if size else ("12", "200"):
            results = api.query_meta_info_by_index(index, hp) if not source.is_dir() else prepared(api, index, hp)
            yield from read_results(api.arch(index), results, lambda dataset: api.get_cost_info(index, dataset, hp=hp))


def prepared(api, index, hp):
    api._prepare_info(index)
    return api.query_meta_info_by_index(index, hp)


def read_201(source):
    import torch
    from nas_201_api import NASBench201API

    load = torch.load
    torch.load = lambda *args, **kwargs: load(*args, weights_only=False, **kwargs)  # as in the torch the API was written for
    api = NASBench201API(str(source), verbose=False)
    torch.load = load
    for index in sorted(api.evaluated_indexes):
        for hp in ("12", "200"):
            results = api.query_meta_info_by_index(index, hp)
            yield from read_results(api.arch(index), results, lambda dataset: api.get_cost_info(index, dataset, hp=hp))


def read_101(source):
    Metrics, repeats = model_metrics(), collections.Counter()
    for data in records(source):
        module, epochs, adjacency, operations, raw = json.loads(data.decode())
        metrics = Metrics.FromString(base64.b64decode(raw))
        repeat = repeats[module, epochs]
        repeats[module, epochs] += 1
        for evaluation in metrics.evaluation_data:
            values = {"train": evaluation.train_accuracy, "valid": evaluation.validation_accuracy, "test": evaluation.test_accuracy}
            for split, value in values.items():
                seconds = evaluation.training_time if split == "train" else None
                yield row(arch=module, dataset="cifar10", split=split, epochs=epochs, epoch=evaluation.current_epoch, seed=repeat,
                          accuracy_pct=value * 100.0, seconds=seconds, params=metrics.trainable_parameters)


def naslib_tuple(key):
    """NASLib: edges 0>1, 0>2, 0>3, 1>2, 1>3, 2>3; skip, none, 3x3, 1x1, pooling."""
    names = ["skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3"]
    a, b, c, d, e, f = [names[int(part)] for part in key.strip("()").split(",")]
    return f"|{a}~0|+|{b}~0|{d}~1|+|{c}~0|{e}~1|{f}~2|"


def read_suite_zero(source):
    data = json.loads(source.read_text())
    for dataset, archs in data.get("nasbench201", data).items():
        for key, entry in archs.items():
            common = dict(arch=naslib_tuple(key), dataset=dataset)
            for name, value in entry.items():
                if name == "val_accuracy":
                    yield row(split="valid", accuracy_pct=value, **common)
                else:
                    score, seconds = (value["score"], value["time"]) if isinstance(value, dict) else (value, None)
                    yield row(proxy=name, score=None if score == -1e8 or not math.isfinite(score) else score, seconds=seconds, **common)


def read_hw(source):
    data = pickle.loads(source.read_bytes())["nasbench201"]
    for dataset, metrics in data.items():
        for i, config in enumerate(metrics["config"]):
            for device in DEVICES:
                energy = metrics.get(f"{device}_energy")
                yield row(arch=config["arch_str"], dataset=dataset, device=device, latency_ms=float(metrics[f"{device}_latency"][i]),
                          energy_mj=None if energy is None else float(energy[i]))


def read_macro(source):
    for arch, entry in json.loads(source.read_text()).items():
        for run, accuracy in enumerate(entry["test_acc"]):
            yield row(arch=arch, dataset="cifar10", split="test", seed=run, accuracy_pct=accuracy, params=entry["params"], macs=entry["flops"])


def read_graph(source):
    links = ["0000", "0001", "0011", "0012", "0013", "0111", "0112", "0122", "0123"]
    ops = ["gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip"]
    dataset = source.stem.rstrip("0123456789")
    seed = int(source.stem[len(dataset):]) if source.stem != dataset else None
    for key, entry in pickle.loads(source.read_bytes()).items():
        digits = [int(d) for d in f"{key:05d}"]
        arch = links[digits[0]] + ":" + ",".join(ops[d] for d in digits[1:])
        common = dict(arch=arch, dataset=dataset, seed=seed, params=round(entry["para"] * 1e6))
        yield row(split="valid", accuracy_pct=entry["valid_perf"] * 100.0, **common)
        yield row(split="test", accuracy_pct=entry["perf"] * 100.0, **common)
        yield row(device="gpu", latency_ms=entry["latency"] * 1000, **common)
        for i, values in enumerate(entry.get("dur", [])):
            for j, split in enumerate(("train", "valid", "test")):
                yield row(split=split, epochs=len(entry["dur"]), epoch=i + 1.0, accuracy_pct=values[j] * 100.0, loss=values[j + 3], **common)


def compare(format, source, parquet):
    import pyarrow.parquet as pq

    table = pq.read_table(parquet)
    assert table.schema.metadata[b"naslens.schema"] == b"benchmark/1", table.schema.metadata
    data = table.to_pydict()
    name = "arch_id" if format == "nas-bench-101" else "arch"
    mine = [row(**{**{field: data[field][i] for field in FIELDS}, "arch": data[name][i]}) for i in range(table.num_rows)]
    theirs = list(read(format, source))
    assert len(mine) == len(theirs), f"{len(mine)} rows, the reference has {len(theirs)}"
    values = collections.Counter()
    for a, b in zip(sorted(mine, key=order), sorted(theirs, key=order)):
        assert a == b, f"naslens   {a}\nreference {b}"
        values.update(field for field in FIELDS if a[field] is not None)
    archs = len({r["arch"] for r in mine})
    print(f"{format} {source}: {archs} architectures, {len(mine)} rows, {sum(values.values())} cells are equal: {dict(values)}")


def synthetic(samples, out, n):
    """Records 0 to N - 1 of the topology space: each a real record under another name, its numbers changed a little."""
    import multiprocessing

    meta = pickle.loads(bz2.open(Path(samples) / "meta.pickle.pbz2").read())["meta_archs"]
    Path(out).mkdir(parents=True, exist_ok=True)
    real = [bz2.open(p).read() for p in sorted(Path(samples).glob("0*.pickle.pbz2"))]
    with multiprocessing.Pool(2) as pool:
        jobs = ((real[i % len(real)], i, meta[i], Path(out) / f"{i:06d}.pickle.pbz2") for i in range(int(n)))
        for _ in pool.imap_unordered(one_synthetic, jobs, chunksize=8):
            pass


def one_synthetic(job):
    value, index, arch, path = job
    if path.exists():
        return
    value, rng = pickle.loads(value), random.Random(index)
    for results in value.values():
        results["arch_index"], results["arch_str"] = index, arch
        for one in results["all_results"].values():
            one["arch_config"]["arch_str"] = arch
            # One factor a curve leaves the last digits as random as they are.
            for name in ("train_acc1es", "train_losses", "eval_acc1es", "eval_losses"):
                factor = 1 + 1e-3 * rng.random()
                one[name] = {key: x * factor for key, x in one[name].items()}
    save_bz2(value, path)


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    {"make": make, "compare": compare, "synthetic": synthetic}[command](*arguments)
