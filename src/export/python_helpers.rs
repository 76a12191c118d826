//! Python functions and classes for what PyTorch does not have.

pub(super) const CHANNEL_SHUFFLE: &str = "
def channel_shuffle(x, groups):
    \"\"\"Takes the channels as a matrix of groups x (channels / groups) and transposes it.\"\"\"
    n, channels, height, width = x.shape
    return x.reshape(n, groups, channels // groups, height, width).transpose(1, 2).reshape(x.shape)

";

pub(super) const ZEROS: &str = "
def zeros(x, channels):
    \"\"\"A map of zeros of the size of x.\"\"\"
    return x.new_zeros(x.shape[0], channels, x.shape[2], x.shape[3])

";

pub(super) const PADDED: &str = "
class Padded(nn.Conv2d):
    \"\"\"A convolution of a map that is padded by other numbers of pixels on opposite sides.\"\"\"

    def __init__(self, sides, *arguments, **named):
        super().__init__(*arguments, **named)
        self.sides = sides

    def forward(self, x):
        return super().forward(F.pad(x, self.sides))

";

pub(super) const LAYER_NORM: &str = "
class LayerNorm(nn.LayerNorm):
    \"\"\"Normalises every pixel over its channels.\"\"\"

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

";

pub(super) const PLAIN_LAYER_NORM: &str = "
def layer_norm(x, epsilon):
    \"\"\"Normalises every pixel over its channels.\"\"\"
    return F.layer_norm(x.permute(0, 2, 3, 1), x.shape[1:2], eps=epsilon).permute(0, 3, 1, 2)

";

pub(super) const SCALE: &str = "
class Scale(nn.Module):
    \"\"\"Multiplies with a number and adds one, for each channel; None stands for what is learned.\"\"\"

    def __init__(self, channels, weight, bias):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels)) if weight is None else weight
        self.bias = nn.Parameter(torch.zeros(channels)) if bias is None else bias

    def forward(self, x):
        def of(v):
            return v.reshape(-1, *[1] * (x.dim() - 2)) if isinstance(v, nn.Parameter) else v

        return x * of(self.weight) + of(self.bias)

";

pub(super) const WINDOWS: &str = "
def windows(x, kernel, stride, sides, ceil, value, beyond):
    \"\"\"x padded by value and, as far as the windows of a pooling reach further, by another one.\"\"\"
    reach = []
    for n, k, s, a, b in zip(x.shape[2:], kernel, stride, (sides[2], sides[0]), (sides[3], sides[1])):
        positions = max(n + a + b - k, 0) // s + 1
        if ceil and (positions - 1) * s + k < n + a + b and positions * s < n + a:
            positions += 1
        reach.append(max((positions - 1) * s + k - (n + a + b), 0))
    return F.pad(F.pad(x, sides, value=value), (0, reach[1], 0, reach[0]), value=beyond)

";

pub(super) const AVG_POOL: &str = "
def avg_pool(x, kernel, stride, sides, ceil, count_padding):
    \"\"\"Average pooling with any padding.\"\"\"
    counted = windows(torch.ones_like(x), kernel, stride, sides, ceil, float(count_padding), 0.0)
    x = windows(x, kernel, stride, sides, ceil, 0.0, 0.0)
    return F.avg_pool2d(x, kernel, stride) / F.avg_pool2d(counted, kernel, stride)

";

pub(super) const MAX_POOL: &str = "
def max_pool(x, kernel, stride, sides, ceil):
    \"\"\"Maximum pooling with any padding.\"\"\"
    lowest = float(\"-inf\")
    return F.max_pool2d(windows(x, kernel, stride, sides, ceil, lowest, lowest), kernel, stride)

";
