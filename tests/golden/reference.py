"""Golden values for naslens: zero-cost proxies computed by PyTorch autograd in float64.

Writes proxies.json beside this file. Nothing is shared with the Rust program but the definitions: networks are built
from the published descriptions (networks.py, graphs.py), weights and images come from a small counter-based
generator that both sides implement (networks.py), and every score is taken from autograd on the network *as specified*
(dead ops and all) unless its definition says that only live layers count.

    pip install torch==2.11.0 numpy xxhash
    python tests/golden/reference.py
"""

import json
import math
import os

import numpy as np
import torch
import torch.nn.functional as F
from graphs import fbnet, nas_bench_101
from networks import CLASSES, Network, below, images, normal, signs

JACOV_K = 1e-5
EPE_K = 1e-5
MANY_IMAGES = 16
SIZE_CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"

# ---------------------------------------------------------------------------------------------------------------------
# Proxies
# ---------------------------------------------------------------------------------------------------------------------


def ok(value):
    value = float(value) if not isinstance(value, int) else value
    return {"value": value, "status": "ok"} if math.isfinite(value) else {"value": None, "status": "non_finite"}


def grads(output, weights):
    """name -> gradient; a weight that does not reach the output has gradient zero."""
    found = torch.autograd.grad(output, list(weights.values()), allow_unused=True)
    return {k: torch.zeros_like(w) if g is None else g for (k, w), g in zip(weights.items(), found)}


def loss_proxies(net, x, labels):
    """Scores from the gradient g of the mean cross-entropy. Returns them with the logits and the loss."""
    weights = {k: w.clone().requires_grad_() for k, w in net.weights().items()}
    logits = net.forward(x, weights, net.bias)
    loss = F.cross_entropy(logits, labels)
    g = grads(loss, weights)
    with torch.no_grad():
        product = {k: weights[k] * g[k] for k in weights}
        scores = {
            "grad_norm": ok(sum(v.norm() for v in g.values())),
            "grad_norm@global": ok(math.sqrt(sum(v.square().sum().item() for v in g.values()))),
            "snip": ok(sum(v.abs().sum() for v in product.values())),
            "plain": ok(sum(v.sum() for v in product.values())),
        }
    return scores, logits.detach(), loss.item()


def synflow_proxies(net, size):
    """Absolute weights and bias, no BN, one image of ones, R = sum of logits. synflow is given as a natural logarithm."""
    weights = {k: w.abs().requires_grad_() for k, w in net.weights().items()}
    ones = torch.ones(1, 3, size, size, dtype=torch.float64)
    g = grads(net.forward(ones, weights, net.bias.abs(), bn=False).sum(), weights)
    with torch.no_grad():
        synflow = sum((weights[k] * g[k]).abs().sum() for k in weights)
        logsynflow = sum((weights[k].abs() * torch.log(g[k].abs() + 1)).sum() for k in weights)
        values = {"synflow": ok(torch.log(synflow)), "logsynflow": ok(logsynflow)}
    g = grads(net.forward(ones, weights, net.bias.abs()).sum(), weights)
    values["synflow@bn"] = ok(torch.log(sum((weights[k].detach() * g[k]).abs().sum() for k in weights)))
    return values


def grasp_proxy(net, x, labels):
    """-w' H g, by differentiating <g, constant g>."""
    weights = {k: w.clone().requires_grad_() for k, w in net.weights().items() if k in net.live}
    loss = F.cross_entropy(net.forward(x, net.weights() | weights, net.bias, only_live=True), labels)
    g = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
    product = torch.autograd.grad(sum((v * v.detach()).sum() for v in g), list(weights.values()))
    with torch.no_grad():
        return {"grasp": ok(-sum((w * h).sum() for w, h in zip(weights.values(), product)))}


def fisher_proxy(net, x, labels):
    """Channels of conv / linear outputs, broadcast to the weights of their filters."""
    outputs = {}

    def on_layer(name, output):
        output.retain_grad()
        outputs[name] = output

    weights = {k: w.clone().requires_grad_() for k, w in net.weights().items()}
    F.cross_entropy(net.forward(x, weights, net.bias, only_live=True, on_layer=on_layer), labels).backward()
    score = 0
    for name, a in outputs.items():
        per_image = (a.detach() * a.grad).flatten(2).sum(2) if a.dim() > 2 else a.detach() * a.grad
        per_channel = 0.5 * per_image.square().mean(0)
        score += sum(f * w.numel() for f, w in zip(per_channel, weights[name].detach()))
    assert outputs.keys() == net.live
    return {"fisher": ok(score)}


def log_det_agreement(codes):
    """log det of K_ij = number of ReLU inputs on which samples i and j have the same sign bit."""
    b = torch.cat(codes, dim=1).to(torch.float64)
    k = b @ b.T + (1 - b) @ (1 - b).T  # integers, exact in float64
    eigenvalues = torch.linalg.eigvalsh(k)  # K is a Gram matrix: positive semi-definite
    if eigenvalues[0] <= eigenvalues[-1] * len(k) * torch.finfo(torch.float64).eps:
        return {"value": None, "status": "singular"}
    return ok(torch.linalg.slogdet(k).logabsdet)


def naswot_proxies(net, x):
    """`naswot` counts the ReLUs in front of live layers (one per conv edge, and the last one); `@reference` counts all."""
    live, every = [], []

    def on_relu(layer, z):
        code = (z > 0).flatten(1)
        every.append(code)
        if layer in net.live:
            live.append(code)

    with torch.no_grad():
        net.forward(x, net.weights(), net.bias, on_relu=on_relu)
    return {"naswot": log_det_agreement(live), "naswot@reference": log_det_agreement(every)}


def jacov_proxy(net, x):
    """Correlations between the samples' input gradients of the summed logits, and their eigenvalues."""
    x = x.clone().requires_grad_()
    (jacobian,) = torch.autograd.grad(net.forward(x, net.weights(), net.bias).sum(), x)
    v = np.linalg.eigvalsh(np.corrcoef(jacobian.flatten(1).numpy()))
    return {"jacov": ok(-np.sum(np.log(v + JACOV_K) + 1.0 / (v + JACOV_K)))}


def epe_nas_proxy(net, x, labels):
    """Correlations of the same gradients within classes; there are never more than 100 classes here."""
    x = x.clone().requires_grad_()
    (jacobian,) = torch.autograd.grad(net.forward(x, net.weights(), net.bias).sum(), x)
    rows = jacobian.flatten(1).numpy()
    classes = [np.atleast_2d(np.corrcoef(rows[labels.numpy() == c])) for c in labels.unique().tolist()]
    return {"epe_nas": ok(sum(abs(np.sum(np.log(np.abs(c) + EPE_K))) for c in classes))}


def zico_proxy(net, x, labels):
    """Two batches: the halves of one."""
    half = len(x) // 2
    weights = {k: w.clone().requires_grad_() for k, w in net.weights().items() if k in net.live}
    batches = []
    for part in (slice(0, half), slice(half, None)):
        loss = F.cross_entropy(net.forward(x[part], net.weights() | weights, net.bias, only_live=True), labels[part])
        batches.append(torch.autograd.grad(loss, list(weights.values())))
    score = 0
    for pair in zip(*batches):
        g = torch.stack(pair).flatten(1).numpy()
        std = np.std(g, axis=0)
        total = np.sum((np.mean(np.abs(g), axis=0))[std != 0] / std[std != 0])
        score += math.log(total) if total > 0 else 0
    return {"zico": ok(score)}


def gradsign_proxy(net, x, labels):
    """One image at a time."""
    weights = {k: w.clone().requires_grad_() for k, w in net.weights().items() if k in net.live}
    signs = 0
    for i in range(len(x)):
        logits = net.forward(x[i : i + 1], net.weights() | weights, net.bias, only_live=True)
        g = torch.autograd.grad(F.cross_entropy(logits, labels[i : i + 1]), list(weights.values()))
        signs = signs + torch.cat([v.flatten() for v in g]).sign()
    return {"gradsign": ok(signs.abs().sum())}


def meco_proxy(net, x):
    """The first image of a train-mode forward."""
    smallest = []

    def on_module(kind, output):
        if kind == "features":  # the output of another module again
            return
        channels = output[0].reshape(output.shape[1], -1).numpy()
        with np.errstate(divide="ignore", invalid="ignore"):
            correlation = np.nan_to_num(np.corrcoef(channels)) if channels.shape[1] > 1 else np.zeros((1, 1))
        smallest.append(np.linalg.eigvalsh(correlation)[0])

    with torch.no_grad():
        net.forward(x, net.weights(), net.bias, only_live=True, on_module=on_module)
    return {"meco": ok(sum(smallest))}


def normal_weights(net):
    return {k: normal(f"gaussian/{k}", net.seed, tuple(w.shape)) for k, w in net.weights().items()}


def zen_proxy(net, size, batch):
    """Standard normal weights and inputs; nothing of the batch but its size."""
    weights, bias, running, features = normal_weights(net), torch.zeros_like(net.bias), [], []
    x, step = (normal(f"gaussian/{name}", net.seed, (batch, 3, size, size)) for name in ("images", "step"))

    def on_module(kind, output):
        if kind in ("relu", "features"):
            last.append(output)

    with torch.no_grad():
        for z in (x, x + 0.01 * step):
            last = []
            net.forward(z, weights, bias, only_live=True, on_module=on_module, running=running)
            features.append(last[-1])  # what feeds the global pooling, by default the last ReLU
        difference = (features[0] - features[1]).abs().sum((1, 2, 3)).mean()
        return {"zen": ok(difference.log() + sum(v.mean().sqrt().log() for v in running))}


def swap_proxy(net, x):
    """Distinct columns of the images x neurons matrix of live ReLUs."""
    bits = []

    def on_relu(layer, z):
        bits.append((z > 0).flatten(1))

    with torch.no_grad():
        net.forward(x, normal_weights(net), torch.zeros_like(net.bias), only_live=True, on_relu=on_relu)
    distinct = len(np.unique(torch.cat(bits, dim=1).numpy(), axis=1).T)
    return {"swap": ok(distinct) if distinct < 2 ** len(x) else {"value": None, "status": "saturated"}}


def kaiming_weights(net):
    return {k: normal(f"gaussian/{k}", net.seed, tuple(w.shape)) * math.sqrt(2 / math.prod(w.shape[1:]))
            for k, w in net.weights().items()}  # fmt: skip


def entropy(values):
    p = values[values > 0] / values.clamp(min=0).sum()
    return -(p * p.log()).sum()


def az_proxies(net, size, batch):
    """Entropies of the blocks' outputs, and the spectral norms of random signs pushed back through each block."""
    blocks = []
    x = normal("gaussian/images", net.seed, (batch, 3, size, size)).requires_grad_()
    net.forward(x, kaiming_weights(net), torch.zeros_like(net.bias), only_live=True, on_block=blocks.append)
    spectra = [torch.linalg.eigvalsh(torch.cov(b.detach().transpose(0, 1).flatten(1), correction=0)) for b in blocks]
    h = torch.stack([entropy(s) for s in spectra])
    terms, identity = [], False
    for i in range(1, len(blocks)):
        identity = identity or blocks[i] is blocks[i - 1]
        g_out = signs(f"block_wise/signs/{i}", net.seed, tuple(blocks[i].shape))
        (g_in,) = torch.autograd.grad(blocks[i], blocks[i - 1], g_out, retain_graph=True)
        if g_in.shape[2:] != g_out.shape[2:]:
            g_in = F.pixel_unshuffle(g_in, g_in.shape[2] // g_out.shape[2])
        m = torch.einsum("nihw,njhw->ij", g_in, g_out) / (g_out.numel() // g_out.shape[1])
        s = torch.linalg.svdvals(m).max()
        terms.append(2 - s - 1 / (s + 1e-6))
    return {
        "az_expressivity": ok(h.sum()),
        "az_progressivity": ok(h.diff().min()),
        "az_trainability": {"value": None, "status": "saturated"} if identity else ok(sum(terms) / len(terms)),
    }


def vkdnw_proxies(net, x):
    """Jacobian of the logits with respect to one weight per layer, by autograd one image and class at a time."""
    weights = kaiming_weights(net)
    live = {k: w.requires_grad_() for k, w in weights.items() if k in net.live}
    fisher = 0
    for i in range(len(x)):
        z = net.forward(x[i : i + 1], weights, torch.zeros_like(net.bias), bn=False, only_live=True)[0]
        rows = []
        for logit in z:
            g = torch.autograd.grad(logit, list(live.values()), retain_graph=True)
            rows.append(torch.stack([v.flatten()[below(f"fisher_information/{k}", net.seed, v.numel())]
                                     for k, v in zip(live, g)]))  # fmt: skip
        j = torch.stack(rows)
        p = 0.95 * z.detach().softmax(0) + 0.05 / len(z)
        fisher = fisher + j.T @ (torch.diag(p) - torch.outer(p, p)) @ j / len(x)
    deciles = np.quantile(np.linalg.eigvalsh(fisher.numpy()).clip(min=0), np.arange(1, 10) / 10)
    h = entropy(torch.from_numpy(deciles))
    return {"vkdnw": ok(len(live) + h), "vkdnw@entropy": ok(h)}


def ntk_proxy(net, x):
    """Condition number of the Gram matrix of the images' gradients, in the negative logarithm."""
    weights = {k: w.clone().requires_grad_() for k, w in net.weights().items() if k in net.live}
    logits = net.forward(x, net.weights() | weights, net.bias, only_live=True)
    rows = [torch.autograd.grad(y.sum(), list(weights.values()), retain_graph=True) for y in logits]
    g = torch.stack([torch.cat([v.flatten() for v in row]) for row in rows])
    eigenvalues = torch.linalg.eigvalsh(g @ g.T).detach()
    return {"ntk_cond": ok(-torch.log(eigenvalues[-1] / eigenvalues[0]))}


def linear_regions_proxy(cell, channels, seed):
    """Distinct codes of a thin network over three batches of tiny images; 4x4 is the least that two reductions fit."""
    thin = Network(cell, [-(-c // min(channels)) for c in channels], seed, image_channels=1)
    weights, seen = kaiming_weights(thin), set()
    for x in normal("gaussian/images", seed, (3000, 1, 4, 4)).split(1000):
        codes = []
        with torch.no_grad():
            thin.forward(x, weights, torch.zeros_like(thin.bias), only_live=True,
                         on_relu=lambda _, z: codes.append((z > 0).flatten(1)))  # fmt: skip
        seen.update(row.tobytes() for row in torch.cat(codes, dim=1).numpy())
    return {"linear_regions": ok(len(seen)) if len(seen) < 3000 else {"value": None, "status": "saturated"}}


RUN_PROXIES = [
    "l2_norm", "synflow", "logsynflow", "naswot", "naswot@reference",
    "grad_norm", "grad_norm@global", "snip", "plain", "jacov",
    "synflow@bn", "grasp", "fisher", "epe_nas", "zico", "gradsign", "meco", "zen", "swap", "ntk_cond", "linear_regions",
    "az_expressivity", "az_progressivity", "az_trainability", "vkdnw", "vkdnw@entropy",
]  # fmt: skip


def evaluate(net, size, batch):
    """values, first logits, loss. A network whose input does not reach its output is never run: its scores are dead."""
    values = {
        "params": ok(net.params(only_live=False)),
        "params_live": ok(net.params(only_live=True)),
        "macs": ok(net.macs(size)),
        "layers": ok(len(net.live)),
        "activations": ok(net.activations(size)),
    }
    if not net.live:
        values.update({name: {"value": None, "status": "dead"} for name in ["activations"] + RUN_PROXIES})
        return values, None, None

    x = images(net.seed, batch, size)
    labels = torch.arange(batch) % CLASSES
    values["l2_norm"] = ok(sum(w.norm() for k, w in net.weights().items() if k in net.live))
    values.update(synflow_proxies(net, size))
    values.update(naswot_proxies(net, x))
    scores, logits, loss = loss_proxies(net, x, labels)
    values.update(scores)
    values.update(jacov_proxy(net, x))
    values.update(grasp_proxy(net, x, labels))
    values.update(fisher_proxy(net, x, labels))
    values.update(zico_proxy(net, x, labels))
    values.update(gradsign_proxy(net, x, labels))
    values.update(meco_proxy(net, x))
    values.update(zen_proxy(net, size, batch))
    values.update(ntk_proxy(net, x))
    thinned = isinstance(net, Network)  # only networks of cells of six edges are built thin here
    if thinned:
        values.update(linear_regions_proxy(net.cell, net.channels, net.seed))
    values.update(az_proxies(net, size, batch))
    values.update(vkdnw_proxies(net, x))
    # 16 images of three classes: with one image per class there would be nothing to correlate, and few patterns.
    many = images(net.seed, MANY_IMAGES, size)
    values.update(epe_nas_proxy(net, many, torch.arange(MANY_IMAGES) % 3))
    values.update(swap_proxy(net, many))
    expected = set(["params", "params_live", "macs", "layers", "activations"] + RUN_PROXIES)
    assert set(values) == (expected if thinned else expected - {"linear_regions"})

    with torch.no_grad():  # removing what is not live must leave the function unchanged
        pruned = net.forward(x, net.weights(), net.bias, only_live=True)
    assert torch.allclose(pruned, logits, rtol=1e-12, atol=1e-12)
    return values, logits[:2].tolist(), loss


# ---------------------------------------------------------------------------------------------------------------------
# Cases: (space, arch, C, N, image size, batch). For nats-size, C is the first width, and N is always 1. fbnet has a fixed
# skeleton; its C and N mean nothing.
# ---------------------------------------------------------------------------------------------------------------------

CASES = [
    ("nas-bench-201", SIZE_CELL, 16, 5, 32, 8),
    ("nas-bench-201", "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|", 16, 5, 32, 8),
    # every edge a skip: no conv in any cell, yet a network (stem, reductions, classifier)
    ("nas-bench-201", "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|", 8, 1, 16, 16),
    # mostly pools
    ("nas-bench-201", "|avg_pool_3x3~0|+|avg_pool_3x3~0|avg_pool_3x3~1|+|avg_pool_3x3~0|nor_conv_1x1~1|avg_pool_3x3~2|", 8, 1, 16, 16),
    # dead end: the conv into node 1 has no way out
    ("nas-bench-201", "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|", 8, 1, 16, 16),
    # zero-fed: nothing enters node 1, so the convs out of it are not live
    ("nas-bench-201", "|none~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|avg_pool_3x3~0|nor_conv_3x3~1|skip_connect~2|", 8, 1, 16, 16),
    # disconnected, by a dead end and a zero-fed conv
    ("nas-bench-201", "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|nor_conv_3x3~2|", 8, 1, 16, 16),
    ("nas-bench-201", SIZE_CELL, 8, 1, 16, 16),
    # a chain: no shortcut anywhere in a cell
    ("nas-bench-201", "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|none~0|none~1|nor_conv_3x3~2|", 8, 1, 16, 16),
    # one of everything
    ("nas-bench-201", "|nor_conv_1x1~0|+|skip_connect~0|nor_conv_3x3~1|+|none~0|avg_pool_3x3~1|nor_conv_1x1~2|", 8, 1, 16, 16),
    ("nats-size", "8:16:24:32:40", 8, 1, 16, 8),
    ("nats-size", "64:64:8:8:16", 64, 1, 16, 8),
    # channels that cannot be shared evenly, a truncation, maximum pooling, projections of the input into vertices and output
    ("nas-bench-101", "conv3x3:0/conv1x1:01/maxpool3x3:2/conv3x3:3/output:0134", 8, 1, 16, 8),
    # every block, with and without a change of shape
    ("fbnet", "1_0_8_5_8_2_8_3_8_4_8_8_6_8_8_7_8_8_8_8_8_8", 0, 0, 16, 8),
]  # fmt: skip


def build(space, arch, c, n, seed):
    if space == "nats-size":
        channels = [int(v) for v in arch.split(":")]
        assert len(channels) == 5 and channels[0] == c and n == 1
        return Network(SIZE_CELL, channels, seed)
    if space == "nas-bench-101":
        return nas_bench_101(arch, c, n, seed)
    if space == "fbnet":
        return fbnet(arch, seed)
    channels = [c] * n + [2 * c] + [2 * c] * n + [4 * c] + [4 * c] * n
    return Network(arch, channels, seed)


def main():
    torch.set_num_threads(1)
    results = []
    for number, (space, arch, c, n, size, batch) in enumerate(CASES):
        seed = 1 + number
        values, logits, loss = evaluate(build(space, arch, c, n, seed), size, batch)
        results.append({
            "space": space, "arch": arch, "init_channels": c, "cells": n, "image_size": size, "batch": batch,
            "classes": CLASSES, "seed": seed, "values": values, "logits": logits, "loss": loss,
        })  # fmt: skip
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "proxies.json")
    with open(path, "w", encoding="utf-8") as out:
        out.write("[\n" + ",\n".join(json.dumps(r) for r in results) + "\n]\n")


if __name__ == "__main__":
    main()
