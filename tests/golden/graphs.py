"""Networks of NAS-Bench-101 and FBNet for the golden values, from their published descriptions; see reference.py."""

import math

import torch
import torch.nn.functional as F
from networks import BN_EPS, CLASSES, parameter


class Graph:
    """A network as a list of steps on numbered values; value 0 is the image. Every layer is live.

    The methods below add steps and return the number of the new value; `forward` has the hooks of `networks.Network`.
    """

    def __init__(self, seed):
        self.seed = seed
        self.layers = {}  # name -> (weight tensor, followed by a BN?)
        self.steps = []  # (kind, inputs, argument)
        self.widths = [3]
        self.blocks = []

    def _step(self, kind, inputs, argument, width):
        self.steps.append((kind, inputs, argument))
        self.widths.append(width)
        return len(self.steps)

    def conv_bn(self, x, name, out, kernel, stride=1, groups=1):
        shape = (out, self.widths[x] // groups, kernel, kernel)
        self.layers[name] = (parameter(name, self.seed, shape, math.prod(shape[1:])), True)
        return self._step("conv", [x], (name, stride, groups), out)

    def relu(self, x):
        return self._step("relu", [x], None, self.widths[x])

    def max_pool(self, x, kernel, stride):
        return self._step("pool", [x], (kernel, stride), self.widths[x])

    def add(self, inputs):
        return inputs[0] if len(inputs) == 1 else self._step("add", inputs, None, self.widths[inputs[0]])

    def concat(self, inputs):
        return inputs[0] if len(inputs) == 1 else self._step("concat", inputs, None, sum(self.widths[i] for i in inputs))

    def narrow(self, x, width):
        return x if self.widths[x] == width else self._step("narrow", [x], width, width)

    def shuffle(self, x, groups):
        return self._step("shuffle", [x], groups, self.widths[x])

    def block(self, x):
        self.blocks.append(x)
        return x

    def finish(self, x):
        self.features, width = x, self.widths[x]
        self.layers["classifier"] = (parameter("classifier", self.seed, (CLASSES, width), width), False)
        self.bias = parameter("classifier.bias", self.seed, (CLASSES,), width)
        self.live = set(self.layers)
        return self

    def weights(self):
        return {name: weight for name, (weight, _) in self.layers.items()}

    def forward(self, x, weights, bias, bn=True, only_live=False, on_relu=None, on_layer=None,
                on_module=None, running=None, on_block=None):  # fmt: skip
        """As `networks.Network.forward`; what enters the global pooling is reported as a module `features` too."""
        norms = 0

        def module(kind, output):
            if on_module:
                on_module(kind, output)
            return output

        def norm(z):
            nonlocal norms
            if not bn:
                return z
            if running is None:
                return module("norm", F.batch_norm(z, None, None, training=True, eps=BN_EPS))
            if norms == len(running):
                running.append(torch.ones(z.shape[1], dtype=z.dtype))
            norms += 1
            mean = torch.zeros(z.shape[1], dtype=z.dtype)
            return module("norm", F.batch_norm(z, mean, running[norms - 1], training=True, eps=BN_EPS))

        def step(kind, inputs, argument):
            z = inputs[0]
            if kind == "conv":
                name, stride, groups = argument
                w = weights[name]
                z = F.conv2d(z, w, stride=stride, padding=w.shape[-1] // 2, groups=groups)
                if on_layer:
                    on_layer(name, z)
                return norm(module("conv", z))
            if kind == "relu":
                if on_relu:
                    on_relu("classifier", z)
                return module("relu", F.relu(z))
            if kind == "pool":
                kernel, stride = argument
                padding = 1 if stride == 1 else 0
                return module("pool", F.max_pool2d(z, kernel, stride, padding, ceil_mode=True))
            if kind == "add":
                return sum(inputs)
            if kind == "concat":
                return torch.cat(inputs, 1)
            if kind == "narrow":
                return z[:, :argument]
            assert kind == "shuffle"
            n, c, h, w = z.shape
            return z.reshape(n, argument, c // argument, h, w).transpose(1, 2).reshape(n, c, h, w)

        values = [x]
        for kind, inputs, argument in self.steps:
            values.append(step(kind, [values[i] for i in inputs], argument))
        if on_block:
            for i in self.blocks:
                on_block(values[i])
        x = module("global pool", module("features", values[self.features]).mean((2, 3)))
        x = module("linear", F.linear(x, weights["classifier"], bias))
        if on_layer:
            on_layer("classifier", x)
        return x

    def params(self, only_live):
        """Trainable numbers: weights, the classifier's bias, and two per channel of every BN."""
        return CLASSES + sum(w.numel() + (2 * w.shape[0] if bn else 0) for w, bn in self.layers.values())

    def output_shapes(self, size):
        """The shape of the output of every conv and of the linear layer for one image."""
        shapes = {}

        def on_layer(name, output):
            shapes[name] = output.shape

        with torch.no_grad():
            image = torch.zeros(1, 3, size, size, dtype=torch.float64)
            self.forward(image, self.weights(), self.bias, on_layer=on_layer)
        assert shapes.keys() == self.layers.keys()
        return shapes

    def macs(self, size):
        """Multiply-accumulates of the convs and the linear layer for one image; nothing else is counted."""
        shapes = self.output_shapes(size)
        return sum(self.layers[name][0].numel() * math.prod(shape[2:]) for name, shape in shapes.items())

    def activations(self, size):
        """Values that the convs and the linear layer put out for one image; all are live."""
        return sum(math.prod(shape) for shape in self.output_shapes(size).values())


def nas_bench_101(text, channels, modules, seed):
    """'op:inputs/.../output:inputs' without dead vertices."""
    vertices = [vertex.split(":") for vertex in text.split("/")]
    sources = [[]] + [[int(digit) for digit in inputs] for _, inputs in vertices]
    ops = [None] + [op for op, _ in vertices]
    last = len(vertices)

    def widths(out):
        feeding = [v for v in sources[last] if v]
        found = {v: out // len(feeding) + (k < out % len(feeding)) for k, v in enumerate(feeding)}
        for v in range(last - 1, 0, -1):
            if v not in found:
                found[v] = max(found[t] for t in range(v + 1, last) if v in sources[t])
        return found

    net = Graph(seed)

    def conv(x, name, out, kernel):
        return net.relu(net.conv_bn(x, name, out, kernel))

    x = net.block(conv(0, "stem.conv", channels, 3))
    for i in range(3 * modules):
        if i and i % modules == 0:
            channels *= 2
            x = net.max_pool(x, 2, 2)
        width, values = widths(channels), {0: x}
        for v in range(1, last):
            terms = [net.narrow(values[s], width[v]) for s in sources[v] if s]
            if 0 in sources[v]:
                terms.append(conv(x, f"cells.{i}.vertex.{v}.projection", width[v], 1))
            z = net.add(terms)
            if ops[v] == "maxpool3x3":
                values[v] = net.max_pool(z, 3, 1)
            else:
                values[v] = conv(z, f"cells.{i}.vertex.{v}.conv", width[v], {"conv3x3": 3, "conv1x1": 1}[ops[v]])
        terms = [net.concat([values[s] for s in sources[last] if s])]
        if 0 in sources[last]:
            terms.append(conv(x, f"cells.{i}.output.projection", channels, 1))
        x = net.block(net.add(terms))
    return net.finish(x)


FBNET_BLOCKS = [(3, 1, 1), (3, 1, 2), (3, 3, 1), (3, 6, 1), (5, 1, 1), (5, 1, 2), (5, 3, 1), (5, 6, 1), None]


def fbnet(text, seed):
    """22 block numbers joined by '_', with the strides and the head for small images."""
    net = Graph(seed)

    def conv(x, *args, **options):
        return net.relu(net.conv_bn(x, *args, **options))

    shapes = []
    for channels, layers, stride in [(16, 1, 1), (24, 4, 1), (32, 4, 2), (64, 4, 2), (112, 4, 1), (184, 4, 2), (352, 1, 1)]:
        shapes += [(channels, stride)] + [(channels, 1)] * (layers - 1)
    x = net.block(conv(0, "stem.conv", 16, 3))
    for i, (number, (out, stride)) in enumerate(zip(text.split("_"), shapes, strict=True)):
        block, width = FBNET_BLOCKS[int(number)], net.widths[x]
        same_shape = width == out and stride == 1
        if block is None:
            z = x if same_shape else conv(x, f"cells.{i}.skip", out, 1, stride=stride)
        else:
            kernel, expansion, groups = block
            z = conv(x, f"cells.{i}.expand", expansion * width, 1, groups=groups)
            z = net.shuffle(z, groups) if groups > 1 else z
            z = conv(z, f"cells.{i}.depthwise", expansion * width, kernel, stride=stride, groups=expansion * width)
            z = net.conv_bn(z, f"cells.{i}.project", out, 1, groups=groups)
            z = net.add([z, x]) if same_shape else z
        x = net.block(z)
    return net.finish(conv(x, "head.conv", 1504, 1))
