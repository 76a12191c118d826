"""Random numbers and networks of the golden values; see reference.py."""

import math

import numpy as np
import torch
import torch.nn.functional as F
import xxhash

CLASSES = 10
BN_EPS = 1e-5

# ---------------------------------------------------------------------------------------------------------------------
# Random numbers: SplitMix64 as a counter-based stream, keyed by the XXH3 hash of a tensor's name.
# ---------------------------------------------------------------------------------------------------------------------


def counter_bits(name, seed, count):
    """`count` random 64-bit numbers."""
    key = np.uint64(xxhash.xxh3_64_intdigest(name.encode(), seed=seed))
    with np.errstate(over="ignore"):  # uint64 arithmetic wraps modulo 2^64, as intended
        z = key + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def symmetric_uniform(name, seed, count):
    """`count` float32 values 2u - 1 in [-1, 1). u has 24 bits, so both u and 2u - 1 are exact in float32."""
    z = counter_bits(name, seed, count)
    u = (z >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)
    return np.float32(2) * u - np.float32(1)


def normal(name, seed, shape):
    """Standard normal numbers by Box and Muller from pairs of 53-bit uniforms, cosine first; float32, then float64."""
    count = math.prod(shape)
    z = counter_bits(name, seed, count + count % 2)
    u = (z >> np.uint64(11)).astype(np.float64) * 2.0**-53
    radius, angle = np.sqrt(-2 * np.log(1 - u[::2])), 2 * np.pi * u[1::2]
    values = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)[:count]
    return torch.from_numpy(values.astype(np.float32).astype(np.float64)).reshape(shape)


def signs(name, seed, shape):
    """-1 or 1 by the bits of the stream, lowest first."""
    count = math.prod(shape)
    z = counter_bits(name, seed, -(-count // 64))
    bits = (z[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
    return torch.from_numpy(2.0 * bits.reshape(-1)[:count].astype(np.float64) - 1).reshape(shape)


def below(name, seed, n):
    """Uniform over 0..n by the high half of the product; a draw in the short tail is rejected."""
    for bits in counter_bits(name, seed, 64):
        product = int(bits) * n
        if product % 2**64 >= (2**64 - n) % n:
            return product >> 64
    raise AssertionError("64 rejections")


def parameter(name, seed, shape, fan_in):
    """Uniform in [-b, b) with b = 1/sqrt(fan_in), multiplied in float32 and then promoted to float64."""
    bound = np.float32(1.0 / math.sqrt(fan_in))
    values = symmetric_uniform(name, seed, math.prod(shape)) * bound
    assert values.dtype == np.float32
    return torch.from_numpy(values.astype(np.float64)).reshape(shape)


def images(seed, batch, size):
    """White noise of unit variance: uniform in [-sqrt 3, sqrt 3), in (n, c, h, w) order."""
    values = symmetric_uniform("images", seed, batch * 3 * size * size) * np.float32(math.sqrt(3.0))
    assert values.dtype == np.float32
    return torch.from_numpy(values.astype(np.float64)).reshape(batch, 3, size, size)


# ---------------------------------------------------------------------------------------------------------------------
# Networks
# ---------------------------------------------------------------------------------------------------------------------


def parse_cell(text):
    """'|op~0|+|op~0|op~1|+...' -> [(op, from, to), ...] in the order written; node 0 is the input, 3 the output."""
    edges = []
    for to, node in enumerate(text.split("+"), start=1):
        for item in node.strip("|").split("|"):
            op, source = item.split("~")
            edges.append((op, int(source), to))
    return edges


def live_edges(edges):
    """The edges on a path from node 0 to node 3 ('none' is no edge). Empty when the cell disconnects the network."""
    real = [e for e in edges if e[0] != "none"]
    fed, useful = {0}, {3}
    for _ in range(4):  # longest path has three edges
        fed |= {to for _, source, to in real if source in fed}
        useful |= {source for _, source, to in real if to in useful}
    return {(source, to) for _, source, to in real if source in fed and to in useful}


class Network:
    """One network of either space: parameters by name, and a forward pass that can report what happens on the way.

    Macro skeleton: stem (3x3 conv, BN) -> `n` cells -> reduction -> `n` cells -> reduction -> `n` cells -> BN, ReLU,
    global average pool, linear. `channels` gives the width of every cell and reduction block, in order.
    """

    def __init__(self, cell, channels, seed, image_channels=3):
        assert len(channels) % 3 == 2
        n = len(channels) // 3
        self.cell = cell
        self.edges = parse_cell(cell)
        self.channels = channels
        self.reductions = {n, 2 * n + 1}
        self.seed = seed
        self.layers = {}  # name -> (weight tensor, followed by a BN?)
        self.live = set()  # names of the layers on a path from input to output

        alive = self.alive = live_edges(self.edges)
        width = channels[0]
        self._layer("stem.conv", (width, image_channels, 3, 3), True, bool(alive))
        for i, out in enumerate(channels):
            if i in self.reductions:
                self._layer(f"cells.{i}.conv_a", (out, width, 3, 3), True, bool(alive))
                self._layer(f"cells.{i}.conv_b", (out, out, 3, 3), True, bool(alive))
                self._layer(f"cells.{i}.downsample", (out, width, 1, 1), False, bool(alive))
            else:
                for op, source, to in self.edges:
                    c_in = width if source == 0 else out
                    kernel = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}.get(op)
                    if op == "skip_connect" and c_in != out:
                        kernel = 1  # a skip that changes the width: 1x1 conv and BN, without a ReLU
                    elif op == "avg_pool_3x3":
                        assert c_in == out, "not needed here: a pool that changes the width"
                    if kernel is not None:
                        name = f"cells.{i}.edge.{source}-{to}.conv"
                        self._layer(name, (out, c_in, kernel, kernel), True, (source, to) in alive)
            width = out
        self._layer("classifier", (CLASSES, width), False, bool(alive))
        self.bias = parameter("classifier.bias", seed, (CLASSES,), width)
        self.last_width = width

    def _layer(self, name, shape, bn, live):
        self.layers[name] = (parameter(name, self.seed, shape, math.prod(shape[1:])), bn)
        if live:
            self.live.add(name)

    def weights(self):
        return {name: weight for name, (weight, _) in self.layers.items()}

    def forward(self, x, weights, bias, bn=True, only_live=False, on_relu=None, on_layer=None,
                on_module=None, running=None, on_block=None):
        """Logits. BN uses batch statistics, weight 1 and bias 0; `bn=False` replaces it by the identity.

        on_relu(layer, z): every ReLU input, with the layer the ReLU feeds. on_layer(name, output): every conv / linear.
        on_module(kind, output): every conv, norm, relu, pool and linear. on_block(output): the stem and every cell.
        running: a list that gets the running variance
        of every BN in order (as PyTorch's BatchNorm2d, momentum 0.1), or updates what an earlier call put there.
        only_live=True leaves out the edges that are not live; the output must not change.
        """

        count = 0

        def module(kind, output):
            if on_module:
                on_module(kind, output)
            return output

        def norm(z):
            nonlocal count
            if not bn:
                return z
            if running is None:
                return module("norm", F.batch_norm(z, None, None, training=True, eps=BN_EPS))
            if count == len(running):
                running.append(torch.ones(z.shape[1], dtype=z.dtype))
            mean = torch.zeros(z.shape[1], dtype=z.dtype)
            count += 1
            return module("norm", F.batch_norm(z, mean, running[count - 1], training=True, eps=BN_EPS))

        def relu(z, layer):
            if on_relu:
                on_relu(layer, z)
            return module("relu", F.relu(z))

        def conv(z, name, stride=1):
            w = weights[name]
            z = F.conv2d(z, w, stride=stride, padding=w.shape[-1] // 2)
            if on_layer:
                on_layer(name, z)
            module("conv", z)
            return norm(z) if self.layers[name][1] else z

        def relu_conv(z, name, stride=1):
            return conv(relu(z, name), name, stride)

        def block(output):
            if on_block:
                on_block(output)
            return output

        x = block(conv(x, "stem.conv"))
        for i, out in enumerate(self.channels):
            if i in self.reductions:
                main = relu_conv(relu_conv(x, f"cells.{i}.conv_a", stride=2), f"cells.{i}.conv_b")
                x = block(main + conv(module("pool", F.avg_pool2d(x, 2)), f"cells.{i}.downsample"))
                continue
            zero = torch.zeros(x.shape[0], out, *x.shape[2:], dtype=x.dtype)
            nodes = [x, zero, zero, zero]
            for op, source, to in self.edges:
                name = f"cells.{i}.edge.{source}-{to}.conv"
                if op == "none" or (only_live and (source, to) not in self.alive):
                    continue
                z = nodes[source]
                if op == "avg_pool_3x3":
                    z = module("pool", F.avg_pool2d(z, 3, stride=1, padding=1, count_include_pad=False))
                elif op != "skip_connect":
                    z = relu_conv(z, name)
                elif name in self.layers:
                    z = conv(z, name)
                nodes[to] = nodes[to] + z
            x = block(nodes[3])
        x = module("global pool", relu(norm(x), "classifier").mean((2, 3)))
        x = module("linear", F.linear(x, weights["classifier"], bias))
        if on_layer:
            on_layer("classifier", x)
        return x

    def params(self, only_live):
        """Trainable numbers: weights, the classifier's bias, and two per channel of every BN."""
        if only_live and not self.live:
            return 0
        total = CLASSES + 2 * self.last_width  # classifier bias, last BN
        for name, (weight, bn) in self.layers.items():
            if name in self.live or not only_live:
                total += weight.numel() + (2 * weight.shape[0] if bn else 0)
        return total

    def output_shapes(self, size):
        """The shape of the output of every conv and of the linear layer for one image."""
        shapes = {}

        def on_layer(name, output):
            shapes[name] = output.shape

        with torch.no_grad():
            self.forward(torch.zeros(1, 3, size, size, dtype=torch.float64), self.weights(), self.bias, on_layer=on_layer)
        assert shapes.keys() == self.layers.keys()
        return shapes

    def macs(self, size):
        """Multiply-accumulates of the convs and the linear layer for one image; nothing else is counted."""
        weights = {name: layer[0].numel() for name, layer in self.layers.items()}
        # linear: an empty product, 1
        return sum(weights[name] * math.prod(shape[2:]) for name, shape in self.output_shapes(size).items())

    def activations(self, size):
        """Values that the live convs and the linear layer put out for one image."""
        return sum(math.prod(shape) for name, shape in self.output_shapes(size).items() if name in self.live)
