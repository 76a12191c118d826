"""What naslens is compared with: naswot, grad_norm and synflow of NAS-Bench-201 networks in PyTorch eager, written to be fast.

Reads architecture strings, one per line, and times building and scoring each network. What a careful PyTorch user would do
is done: only live operations are built, tensors are channels-last, naswot needs no gradient and one matrix product per ReLU,
proxies that can share a forward share it, and networks are scored side by side by processes of one thread each.
Starting Python, importing torch and scoring one network to warm up are not counted.

    pip install torch numpy
    python3 benches/baseline_torch.py --archs FILE --set naswot --set synflow,naswot,grad_norm --processes 2

Prints JSON lines: one per set of proxies and network (`arch`, `ms`), and after each set a total: `set`, `networks`,
`seconds` (wall clock, all processes at once) and `cpu_seconds` (user and system time of all processes). With --scores also
the scores, to check them; the weights are PyTorch's own random numbers, so other programs agree in distribution only.
"""

import argparse
import copy
import json
import math
import multiprocessing
import queue
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

EDGES = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]
CONV_KERNEL = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}
OPS = {"none", "skip_connect", "avg_pool_3x3", *CONV_KERNEL}
CLASSES = 10
WARM_UP = "|nor_conv_3x3~0|+|nor_conv_1x1~0|avg_pool_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"


def live_edges(arch):
    """{(from, to): operation} of the edges on a path from the cell's input to its output; empty for a dead cell."""
    names = [edge.split("~")[0] for node in arch.split("+") for edge in node.strip("|").split("|")]
    if len(names) != len(EDGES) or not OPS.issuperset(names):
        raise SystemExit(f"`{arch}` is no NAS-Bench-201 architecture")
    edges = {edge: name for edge, name in zip(EDGES, names) if name != "none"}
    fed, wanted = {0}, {3}
    for a, b in EDGES:  # sorted by `to`: a node's inputs come before its outputs
        if (a, b) in edges and a in fed:
            fed.add(b)
    for a, b in reversed(EDGES):
        if (a, b) in edges and b in wanted:
            wanted.add(a)
    return {(a, b): name for (a, b), name in edges.items() if a in fed and b in wanted}


class ReluConvBn(nn.Module):
    def __init__(self, c_in, c_out, kernel, stride=1):
        super().__init__()
        self.relu = nn.ReLU()
        self.conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x):
        return self.bn(self.conv(self.relu(x)))


class Cell(nn.Module):
    def __init__(self, edges, channels):
        super().__init__()
        self.ops = nn.ModuleDict()
        for (a, b), name in edges.items():
            if name in CONV_KERNEL:
                self.ops[f"{a}-{b}"] = ReluConvBn(channels, channels, CONV_KERNEL[name])
            elif name == "avg_pool_3x3":
                self.ops[f"{a}-{b}"] = nn.AvgPool2d(3, 1, 1, count_include_pad=False)
            else:
                self.ops[f"{a}-{b}"] = nn.Identity()
        self.edges = list(edges)

    def forward(self, x):
        nodes = {0: x}
        for a, b in self.edges:
            y = self.ops[f"{a}-{b}"](nodes[a])
            nodes[b] = nodes[b] + y if b in nodes else y
        return nodes[3]


class Reduction(nn.Module):
    def __init__(self, c_in, c_out):
        super().__init__()
        self.main = nn.Sequential(ReluConvBn(c_in, c_out, 3, 2), ReluConvBn(c_out, c_out, 3))
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(c_in, c_out, 1, bias=False))

    def forward(self, x):
        return self.main(x) + self.shortcut(x)


def network(arch, channels, cells):
    edges = live_edges(arch)
    if not edges:
        raise SystemExit(f"`{arch}` does not use its input; leave it out")
    layers = [nn.Conv2d(3, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)]
    for stage in range(3):
        c = channels << stage
        layers += [Reduction(c // 2, c)] if stage else []
        layers += [Cell(edges, c) for _ in range(cells)]
    head = [nn.BatchNorm2d(c), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, CLASSES)]
    return nn.Sequential(*layers, *head).to(memory_format=torch.channels_last)


def gradients(net, output):
    """Weights of convolutions and linear layers with their gradients."""
    weights = [m.weight for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    return zip(weights, torch.autograd.grad(output, weights))


class Agreement:
    """K_ij = number of ReLU inputs whose sign is the same for images i and j. With codes y = +-1, K = (neurons + y y') / 2."""

    def __init__(self, net):
        self.products, self.neurons = 0, 0
        self.hooks = [m.register_forward_hook(self.add) for m in net.modules() if isinstance(m, nn.ReLU)]

    def add(self, _module, inputs, _output):
        with torch.no_grad():
            # In channels-last order, so that flattening copies nothing; the order of the neurons does not matter.
            y = (inputs[0] > 0).permute(0, 2, 3, 1).flatten(1).float().mul_(2).sub_(1)
            self.products = self.products + y @ y.T
            self.neurons += y.shape[1]

    def log_det(self):
        for hook in self.hooks:
            hook.remove()
        return torch.linalg.slogdet((self.neurons + self.products.double()) / 2).logabsdet.item()


def score(net, proxies, images, labels):
    scores = {}
    if {"naswot", "grad_norm"} & set(proxies):
        agreement = Agreement(net) if "naswot" in proxies else None
        with torch.set_grad_enabled("grad_norm" in proxies):
            logits = net(images)
        if "grad_norm" in proxies:
            loss = F.cross_entropy(logits, labels)
            scores["grad_norm"] = sum(g.norm() for _, g in gradients(net, loss)).item()
        if agreement:
            scores["naswot"] = agreement.log_det()
    if "synflow" in proxies:
        scores["synflow"] = synflow(net, images)
    return scores


def synflow(net, images):
    """log sum |w dR/dw| with absolute weights, batch normalisation bypassed, one image of ones, in float64 (it reaches 1e61)."""
    linear = copy.deepcopy(net).double()
    for module in list(linear.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
    with torch.no_grad():
        for parameter in linear.parameters():
            parameter.abs_()
    output = linear(torch.ones_like(images[:1], dtype=torch.float64))
    return math.log(sum((w * g).abs().sum() for w, g in gradients(linear, output.sum())).item())


def work(options, archs, tasks, barrier, results):
    """One process: takes architectures until none is left, set by set."""
    torch.set_num_threads(options.threads)
    generator = torch.Generator().manual_seed(options.seed)
    side = options.image
    images = torch.randn(options.batch_size, 3, side, side, generator=generator)
    images = images.to(options.device, memory_format=torch.channels_last)
    labels = torch.randint(CLASSES, (options.batch_size,), generator=generator).to(options.device)
    torch.manual_seed(options.seed)

    def new(arch):
        return network(arch, options.init_channels, options.cells).to(options.device)

    for number, proxies in enumerate(options.set):
        names = proxies.split(",")
        score(new(WARM_UP), names, images, labels)
        barrier.wait()
        start, cpu = time.monotonic(), time.process_time()
        while True:
            with tasks[number].get_lock():
                i = tasks[number].value
                tasks[number].value += 1
            if i >= len(archs):
                break
            before = time.monotonic()
            scores = score(new(archs[i]), names, images, labels)
            results.put((i, 1e3 * (time.monotonic() - before), scores))
        results.put((None, (start, time.monotonic()), time.process_time() - cpu))
        barrier.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archs", required=True, help="file with one architecture per line")
    parser.add_argument("--set", action="append", help="proxies computed together, separated by commas; repeatable")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--image", type=int, default=32, help="side of the images in pixels")
    parser.add_argument("--init-channels", type=int, default=16)
    parser.add_argument("--cells", type=int, default=5, help="cells per stage")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1, help="intra-op threads of each process")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scores", action="store_true")
    options = parser.parse_args()
    options.set = options.set or ["naswot", "grad_norm", "synflow", "naswot,grad_norm,synflow"]
    unknown = {p for s in options.set for p in s.split(",")} - {"naswot", "grad_norm", "synflow"}
    if unknown:
        raise SystemExit(f"unknown proxies: {', '.join(sorted(unknown))}; known are naswot, grad_norm, synflow")
    with open(options.archs) as file:
        archs = [line.split("#")[0].strip() for line in file if line.split("#")[0].strip()]

    spawn = multiprocessing.get_context("spawn")
    tasks = [spawn.Value("q", 0) for _ in options.set]
    barrier, results = spawn.Barrier(options.processes), spawn.Queue()
    arguments = (options, archs, tasks, barrier, results)
    processes = [spawn.Process(target=work, args=arguments, daemon=True) for _ in range(options.processes)]
    for process in processes:
        process.start()
    for proxies in options.set:
        networks, spans, cpu = {}, [], 0.0
        while len(networks) < len(archs) or len(spans) < options.processes:
            try:
                i, value, extra = results.get(timeout=1)
            except queue.Empty:
                if any(process.exitcode for process in processes):
                    raise SystemExit("a process failed; see above")
                continue
            if i is None:
                spans.append(value)
                cpu += extra
            else:
                networks[i] = (value, extra)
        for i in range(len(archs)):
            line = {"set": proxies, "arch": archs[i], "ms": round(networks[i][0], 3)}
            print(json.dumps(line | ({"scores": networks[i][1]} if options.scores else {})))
        seconds = max(end for _, end in spans) - min(start for start, _ in spans)
        total = {"set": proxies, "networks": len(archs), "seconds": seconds, "cpu_seconds": cpu}
        print(json.dumps(total | {"processes": options.processes, "threads": options.threads}), flush=True)
    for process in processes:
        process.join()


if __name__ == "__main__":
    main()
