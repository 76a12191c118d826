//! Operations, with their output shape and their cost beside each other so that they cannot drift apart.

use std::fmt;
use std::str::FromStr;

/// Shape of one sample's feature map or image: channels x height x width, written `3x32x32` in text and in files. A
/// vector of `c` features is `(c, 1, 1)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Number of channels (or features).
    pub channels: usize,
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
}

impl Shape {
    /// A `channels` x `height` x `width` map.
    pub const fn new(channels: usize, height: usize, width: usize) -> Self {
        Shape { channels, height, width }
    }

    /// Number of values of one sample.
    pub const fn len(&self) -> usize {
        self.channels.saturating_mul(self.height).saturating_mul(self.width)
    }

    /// True if the map holds no value at all.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.channels, self.height, self.width)
    }
}

/// Text that is not a shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an image shape; write CHANNELSxHEIGHTxWIDTH, such as 3x32x32")]
pub struct ShapeError(String);

impl FromStr for Shape {
    type Err = ShapeError;

    fn from_str(text: &str) -> Result<Self, ShapeError> {
        let sides: Option<Vec<usize>> = text.split('x').map(|side| side.parse().ok()).collect();
        match sides.as_deref() {
            Some(&[channels, height, width]) => Ok(Shape { channels, height, width }),
            _ => Err(ShapeError(text.into())),
        }
    }
}

crate::text::serde_as_text!(Shape);

/// A 2-D convolution with a square kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv2d {
    /// Input channels.
    pub in_channels: usize,
    /// Output channels.
    pub out_channels: usize,
    /// Side of the square kernel, in pixels.
    pub kernel: usize,
    /// Stride in both directions.
    pub stride: usize,
    /// Zero padding on every side.
    pub padding: usize,
    /// Number of channel groups; `in_channels` for a depthwise convolution.
    pub groups: usize,
    /// Whether a bias is added.
    pub bias: bool,
}

impl Conv2d {
    /// A dense convolution without bias whose padding keeps the size at stride 1.
    pub const fn same(in_channels: usize, out_channels: usize, kernel: usize, stride: usize) -> Self {
        Conv2d { in_channels, out_channels, kernel, stride, padding: kernel / 2, groups: 1, bias: false }
    }
}

/// The window of a 2-D pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pool {
    /// Side of the square window, in pixels.
    pub kernel: usize,
    /// Stride in both directions.
    pub stride: usize,
    /// Padding on every side. Padded pixels never count.
    pub padding: usize,
    /// Whether a window that the map only partly fills counts too, so that no pixel is left out.
    pub ceil: bool,
}

impl Pool {
    /// Pooling that leaves out what does not fill a window.
    pub const fn new(kernel: usize, stride: usize, padding: usize) -> Self {
        Pool { kernel, stride, padding, ceil: false }
    }

    /// Number of windows along a side of `n` pixels, at least one, or why there is none.
    pub fn positions(&self, n: usize) -> Result<usize, String> {
        let Pool { kernel, stride, padding, ceil } = *self;
        let padded = n + 2 * padding;
        if kernel == 0 || stride == 0 || n == 0 || (padded < kernel && !ceil) {
            return Err(format!(
                "a window of {kernel} with stride {stride} does not fit {n} pixels padded by {padding}"
            ));
        }
        let whole = padded.saturating_sub(kernel) / stride + 1;
        // As in PyTorch, a partly filled window starts before the padding on the far side.
        let partly = ceil && (whole - 1) * stride + kernel < padded && whole * stride < n + padding;
        Ok(whole + usize::from(partly))
    }
}

/// One operation of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Op {
    /// The image that goes in.
    Input,
    /// A map of zeros with the given channels and the spatial size of its input.
    Zero {
        /// Output channels.
        channels: usize,
    },
    /// Convolution.
    Conv2d(Conv2d),
    /// Batch normalisation over (batch, height, width) per channel, with a learned scale and shift.
    BatchNorm,
    /// max(x, 0).
    Relu,
    /// Average pooling; padded pixels do not count in the average.
    AvgPool(Pool),
    /// Maximum pooling.
    MaxPool(Pool),
    /// Sum of all inputs, which have one shape.
    Add,
    /// All inputs one after another along the channels; they have one height and width.
    Concat,
    /// The first channels of the map.
    Narrow {
        /// Output channels.
        channels: usize,
    },
    /// Takes the channels as a (groups x channels / groups) matrix and transposes it.
    ChannelShuffle {
        /// Number of groups; divides the channels.
        groups: usize,
    },
    /// Mean over height and width.
    GlobalAvgPool,
    /// Fully connected layer with a bias.
    Linear {
        /// Output features.
        out_features: usize,
    },
}

/// The weight tensor of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightShape {
    /// Sizes as PyTorch orders them: (out, in / groups, kernel, kernel) or (out, in).
    pub dims: Vec<usize>,
    /// Number of inputs that one output sums over.
    pub fan_in: usize,
    /// Length of the bias, if the layer has one.
    pub bias: Option<usize>,
}

impl WeightShape {
    /// Number of weights, without the bias.
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// True if there is no weight.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Input => f.write_str("an input"),
            Op::Zero { .. } => f.write_str("a map of zeros"),
            Op::Conv2d(c) => write!(f, "a {0}x{0} convolution", c.kernel),
            Op::BatchNorm => f.write_str("a batch normalisation"),
            Op::Relu => f.write_str("a ReLU"),
            Op::AvgPool(p) => write!(f, "a {0}x{0} average pooling", p.kernel),
            Op::MaxPool(p) => write!(f, "a {0}x{0} maximum pooling", p.kernel),
            Op::Add => f.write_str("a sum"),
            Op::Concat => f.write_str("a concatenation"),
            Op::Narrow { channels } => write!(f, "a choice of {channels} channels"),
            Op::ChannelShuffle { .. } => f.write_str("a channel shuffle"),
            Op::GlobalAvgPool => f.write_str("a global average pooling"),
            Op::Linear { .. } => f.write_str("a linear layer"),
        }
    }
}

impl Op {
    /// The output shape for these input shapes, or what is wrong with them.
    pub fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let Some(&x) = inputs.first() else {
            return Err("it has no input".into());
        };
        if inputs.len() > 1 && !matches!(self, Op::Add | Op::Concat) {
            return Err(format!("it takes one input, not {}", inputs.len()));
        }
        let window =
            |pool: Pool, channels: usize| Ok(Shape::new(channels, pool.positions(x.height)?, pool.positions(x.width)?));
        match *self {
            Op::Input => Err("an input node takes no input".into()),
            Op::Zero { channels } => Ok(Shape { channels, ..x }),
            Op::Conv2d(c) => {
                if c.in_channels != x.channels {
                    return Err(format!("it takes {} channels, its input has {}", c.in_channels, x.channels));
                }
                if c.groups == 0 || c.in_channels % c.groups != 0 || c.out_channels % c.groups != 0 {
                    return Err(format!(
                        "{} groups do not divide {} -> {} channels",
                        c.groups, c.in_channels, c.out_channels
                    ));
                }
                window(Pool::new(c.kernel, c.stride, c.padding), c.out_channels)
            }
            Op::BatchNorm | Op::Relu => Ok(x),
            Op::AvgPool(p) | Op::MaxPool(p) => window(p, x.channels),
            Op::Add => match inputs.iter().find(|s| **s != x) {
                Some(other) => Err(format!("it adds maps of different shapes, {x} and {other}")),
                None => Ok(x),
            },
            Op::Concat => match inputs.iter().find(|s| (s.height, s.width) != (x.height, x.width)) {
                Some(other) => Err(format!("it joins maps of different sizes, {x} and {other}")),
                None => Ok(Shape { channels: inputs.iter().map(|s| s.channels).sum(), ..x }),
            },
            Op::Narrow { channels } if channels > x.channels => {
                Err(format!("its input has {} channels only", x.channels))
            }
            Op::Narrow { channels } => Ok(Shape { channels, ..x }),
            Op::ChannelShuffle { groups } if groups == 0 || x.channels % groups != 0 => {
                Err(format!("{groups} groups do not divide {} channels", x.channels))
            }
            Op::ChannelShuffle { .. } => Ok(x),
            Op::GlobalAvgPool => Ok(Shape::new(x.channels, 1, 1)),
            Op::Linear { out_features } => {
                if x.height * x.width != 1 {
                    return Err(format!("a linear layer takes a vector, its input is {x}"));
                }
                Ok(Shape::new(out_features, 1, 1))
            }
        }
    }

    /// Whether the operation is wiring: it passes values on, adds, joins, picks or moves them, or puts zeros in their place.
    /// Proxies that look at the outputs of all other operations pass over it, and its gradient needs no value.
    pub fn is_wiring(&self) -> bool {
        use Op::*;
        matches!(self, Input | Zero { .. } | Add | Concat | Narrow { .. } | ChannelShuffle { .. })
    }

    /// The weight tensor for this input shape; None for operations without weights. The scale and shift of a batch
    /// normalisation are parameters but no weights: proxies do not read them.
    pub fn weight(&self, input: Shape) -> Option<WeightShape> {
        match *self {
            Op::Conv2d(c) => {
                let per_group = c.in_channels / c.groups;
                Some(WeightShape {
                    dims: vec![c.out_channels, per_group, c.kernel, c.kernel],
                    fan_in: per_group * c.kernel * c.kernel,
                    bias: c.bias.then_some(c.out_channels),
                })
            }
            Op::Linear { out_features } => Some(WeightShape {
                dims: vec![out_features, input.len()],
                fan_in: input.len(),
                bias: Some(out_features),
            }),
            _ => None,
        }
    }

    /// Number of trainable parameters: weights, biases, and scale and shift of batch normalisation.
    pub fn params(&self, input: Shape) -> u64 {
        match self {
            Op::BatchNorm => 2 * input.channels as u64,
            _ => self.weight(input).map_or(0, |w| (w.len() + w.bias.unwrap_or(0)) as u64),
        }
    }

    /// Multiply-accumulates of convolutions and linear layers for one sample; everything else counts zero.
    pub fn macs(&self, input: Shape, output: Shape) -> u64 {
        self.weight(input).map_or(0, |w| (w.len() * output.height * output.width) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_read_from_text() {
        assert_eq!("3x32x16".parse(), Ok(Shape::new(3, 32, 16)));
        assert_eq!(serde_json::to_string(&Shape::new(1, 8, 9)).unwrap(), "\"1x8x9\"");
        for wrong in ["", "3x32", "3x32x32x1", "axbxc", "3x-1x4", "3 x 2 x 2"] {
            assert!(wrong.parse::<Shape>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn partly_filled_windows_count_as_in_pytorch() {
        // torch.nn.functional.max_pool2d(torch.zeros(1, 1, n, n), k, s, p, ceil_mode=c).shape[-1]
        for (n, kernel, stride, padding, ceil, side) in [
            (5, 2, 2, 0, false, 2),
            (5, 2, 2, 0, true, 3),
            (1, 2, 2, 0, true, 1),
            (4, 2, 2, 1, true, 3),
            (4, 3, 1, 1, true, 4),
        ] {
            let pool = Op::MaxPool(Pool { kernel, stride, padding, ceil });
            assert_eq!(pool.output_shape(&[Shape::new(2, n, n)]), Ok(Shape::new(2, side, side)), "{pool:?} of {n}");
        }
        assert!(Op::MaxPool(Pool::new(2, 2, 0)).output_shape(&[Shape::new(2, 1, 1)]).is_err());
    }

    #[test]
    fn channels_are_joined_picked_and_shuffled() {
        let (a, b) = (Shape::new(4, 3, 3), Shape::new(2, 3, 3));
        assert_eq!(Op::Concat.output_shape(&[a, b]), Ok(Shape::new(6, 3, 3)));
        assert!(Op::Concat.output_shape(&[a, Shape::new(4, 2, 3)]).is_err());
        assert_eq!(Op::Narrow { channels: 3 }.output_shape(&[a]), Ok(Shape::new(3, 3, 3)));
        assert!(Op::Narrow { channels: 3 }.output_shape(&[b]).is_err());
        assert_eq!(Op::ChannelShuffle { groups: 2 }.output_shape(&[a]), Ok(a));
        assert!(Op::ChannelShuffle { groups: 3 }.output_shape(&[a]).is_err());
    }
}
