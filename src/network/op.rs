//! Operations and the shapes that they make.

use std::fmt;

use super::window::sides;
use super::{Activation, Conv2d, ConvTranspose2d, Pool, Real, Shape};

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
    /// Transposed convolution.
    ConvTranspose2d(ConvTranspose2d),
    /// Batch normalisation over (batch, height, width) per channel, with a learned scale and shift.
    BatchNorm,
    /// Normalisation of every pixel over its channels; of a vector over its features.
    LayerNorm(Normalise),
    /// Normalisation of every image over the pixels and channels of each of `groups` groups of channels. With one channel per
    /// group it is instance normalisation.
    GroupNorm {
        /// Number of groups; divides the channels.
        groups: usize,
        /// What is added to the variance, and what is learned.
        norm: Normalise,
    },
    /// `x / (bias + alpha / size · sum of the squares of size neighbouring channels)^beta`.
    LocalResponseNorm(LocalResponseNorm),
    /// max(x, 0).
    Relu,
    /// Any other function of single values.
    Activation(Activation),
    /// `x` where it is positive, `slope · x` elsewhere, with learned slopes: one, or one per channel.
    PRelu {
        /// Number of slopes.
        slopes: usize,
    },
    /// `scale · x + shift`, the same for all pixels of a channel.
    Affine(Affine),
    /// Average pooling.
    AvgPool(Pool),
    /// Maximum pooling.
    MaxPool(Pool),
    /// Averages over a grid of the given size whose windows cover the map as evenly as whole pixels allow.
    AdaptiveAvgPool {
        /// Output height.
        height: usize,
        /// Output width.
        width: usize,
    },
    /// Sum of all inputs, which have one shape.
    Add,
    /// Product of all inputs. Sides of one are stretched to those of the others.
    Mul,
    /// All inputs one after another along the channels; they have one height and width.
    Concat,
    /// The first channels of the map.
    Narrow {
        /// Output channels.
        channels: usize,
    },
    /// Every `step`-th channel, row or column.
    Slice(Slice),
    /// Takes the channels as a (groups x channels / groups) matrix and transposes it.
    ChannelShuffle {
        /// Number of groups; divides the channels.
        groups: usize,
    },
    /// Zeros above, left, below and on the right of the map.
    Pad([usize; 4]),
    /// The map in another size.
    Resize(Resize),
    /// Mean over height and width.
    GlobalAvgPool,
    /// The map as a vector: channels, rows and columns in this order.
    Flatten,
    /// Fully connected layer.
    Linear {
        /// Output features.
        out_features: usize,
        /// Whether a bias is added.
        bias: bool,
    },
}

/// What a normalisation without running statistics adds to the variance, and whether a scale and a shift per channel are
/// learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Normalise {
    /// Added to the variance.
    pub epsilon: Real,
    /// Whether a scale and a shift per channel follow.
    pub affine: bool,
}

/// Local response normalisation, as in AlexNet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LocalResponseNorm {
    /// Number of neighbouring channels.
    pub size: usize,
    /// Factor of the mean square.
    pub alpha: Real,
    /// Exponent.
    pub beta: Real,
    /// Added to the mean square.
    pub bias: Real,
}

/// A scale and a shift. What is learned has one value per channel and starts from the given one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Affine {
    /// The scale.
    pub scale: Real,
    /// The shift.
    pub shift: Real,
    /// Whether the scale is learned.
    pub learned_scale: bool,
    /// Whether the shift is learned.
    pub learned_shift: bool,
}

impl Affine {
    /// A constant scale.
    pub const fn scale(scale: f32) -> Self {
        Affine { scale: Real::new(scale), shift: Real::ZERO, learned_scale: false, learned_shift: false }
    }

    /// A constant shift.
    pub const fn shift(shift: f32) -> Self {
        Affine { shift: Real::new(shift), ..Affine::scale(1.0) }
    }
}

/// What a [`Slice`] cuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Axis {
    /// Channels.
    Channels,
    /// Rows.
    Height,
    /// Columns.
    Width,
}

/// Positions `start, start + step, …` of one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slice {
    /// The axis.
    pub axis: Axis,
    /// The first position.
    pub start: usize,
    /// Number of positions.
    pub length: usize,
    /// Distance of neighbouring positions.
    pub step: usize,
}

impl Slice {
    fn output_shape(&self, x: Shape) -> Result<Shape, String> {
        let Slice { axis, start, length, step } = *self;
        let mut shape = x;
        let side = match axis {
            Axis::Channels => &mut shape.channels,
            Axis::Height => &mut shape.height,
            Axis::Width => &mut shape.width,
        };
        let last = length.checked_sub(1).and_then(|l| l.checked_mul(step.max(1))).and_then(|l| l.checked_add(start));
        if step == 0 || last.is_none_or(|last| last >= *side) {
            return Err(format!("{length} positions from {start} in steps of {step} are not within {side}"));
        }
        *side = length;
        Ok(shape)
    }
}

/// How values between pixels are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interpolation {
    /// The value of the pixel that covers the place.
    Nearest,
    /// Linear in both directions, pixels being squares.
    Bilinear,
    /// Linear in both directions, pixels being points and the corner pixels staying where they are.
    BilinearCorners,
}

/// A map in another size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Resize {
    /// Output height.
    pub height: usize,
    /// Output width.
    pub width: usize,
    /// How values between pixels are found.
    pub by: Interpolation,
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Input => f.write_str("an input"),
            Op::Zero { .. } => f.write_str("a map of zeros"),
            Op::Conv2d(c) => write!(f, "a {} convolution", sides(c.kernel)),
            Op::ConvTranspose2d(c) => write!(f, "a {} transposed convolution", sides(c.kernel)),
            Op::BatchNorm => f.write_str("a batch normalisation"),
            Op::LayerNorm(_) => f.write_str("a layer normalisation"),
            Op::GroupNorm { .. } => f.write_str("a group normalisation"),
            Op::LocalResponseNorm(_) => f.write_str("a local response normalisation"),
            Op::Relu => f.write_str("a ReLU"),
            Op::Activation(a) => a.fmt(f),
            Op::PRelu { .. } => f.write_str("a parametric ReLU"),
            Op::Affine(_) => f.write_str("a scale and shift"),
            Op::AvgPool(p) => write!(f, "a {} average pooling", sides(p.kernel)),
            Op::MaxPool(p) => write!(f, "a {} maximum pooling", sides(p.kernel)),
            Op::AdaptiveAvgPool { height, width } => write!(f, "an average pooling to {height}x{width}"),
            Op::Add => f.write_str("a sum"),
            Op::Mul => f.write_str("a product"),
            Op::Concat => f.write_str("a concatenation"),
            Op::Narrow { channels } => write!(f, "a choice of {channels} channels"),
            Op::Slice(_) => f.write_str("a slice"),
            Op::ChannelShuffle { .. } => f.write_str("a channel shuffle"),
            Op::Pad(_) => f.write_str("a padding"),
            Op::Resize(r) => write!(f, "a resize to {}x{}", r.height, r.width),
            Op::GlobalAvgPool => f.write_str("a global average pooling"),
            Op::Flatten => f.write_str("a flatten"),
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
        if inputs.len() > 1 && !self.takes_many() {
            return Err(format!("it takes one input, not {}", inputs.len()));
        }
        let pooled = |pool: Pool| pool.output(x.height, x.width).map(|(height, width)| Shape { height, width, ..x });
        let divides = |groups: usize| match groups == 0 || !x.channels.is_multiple_of(groups) {
            true => Err(format!("{groups} groups do not divide {} channels", x.channels)),
            false => Ok(x),
        };
        let sized = |height: usize, width: usize| match height * width * x.height * x.width {
            0 => Err(format!("{x} cannot become a map of {height}x{width} pixels")),
            _ => Ok(Shape { height, width, ..x }),
        };
        match *self {
            Op::Input => Err("an input node takes no input".into()),
            Op::Zero { channels } => Ok(Shape { channels, ..x }),
            Op::Conv2d(c) => c.output_shape(x),
            Op::ConvTranspose2d(c) => c.output_shape(x),
            Op::BatchNorm | Op::LayerNorm(_) | Op::Relu | Op::Activation(_) | Op::Affine(_) => Ok(x),
            Op::GroupNorm { groups, .. } | Op::ChannelShuffle { groups } => divides(groups),
            Op::LocalResponseNorm(LocalResponseNorm { size: 0, .. }) => Err("it looks at no channel".into()),
            Op::LocalResponseNorm(_) => Ok(x),
            Op::PRelu { slopes } if slopes != 1 && slopes != x.channels => {
                Err(format!("it has {slopes} slopes for {} channels", x.channels))
            }
            Op::PRelu { .. } => Ok(x),
            Op::AvgPool(p) | Op::MaxPool(p) => pooled(p),
            Op::AdaptiveAvgPool { height, width } | Op::Resize(Resize { height, width, .. }) => sized(height, width),
            Op::Add => match inputs.iter().find(|s| **s != x) {
                Some(other) => Err(format!("it adds maps of different shapes, {x} and {other}")),
                None => Ok(x),
            },
            Op::Mul => inputs[1..].iter().try_fold(x, |x, &other| stretched(x, other)),
            Op::Concat => match inputs.iter().find(|s| (s.height, s.width) != (x.height, x.width)) {
                Some(other) => Err(format!("it joins maps of different sizes, {x} and {other}")),
                None => Ok(Shape { channels: inputs.iter().map(|s| s.channels).sum(), ..x }),
            },
            Op::Narrow { channels } if channels > x.channels => {
                Err(format!("its input has {} channels only", x.channels))
            }
            Op::Narrow { channels } => Ok(Shape { channels, ..x }),
            Op::Slice(slice) => slice.output_shape(x),
            Op::Pad([top, left, bottom, right]) => {
                let side = |n: usize, a: usize, b: usize| n.checked_add(a)?.checked_add(b);
                let sides = side(x.height, top, bottom).zip(side(x.width, left, right));
                let (height, width) = sides.ok_or("its padding is too large")?;
                Ok(Shape { height, width, ..x })
            }
            Op::GlobalAvgPool => Ok(Shape::new(x.channels, 1, 1)),
            Op::Flatten => Ok(Shape::new(x.len(), 1, 1)),
            Op::Linear { out_features, .. } => {
                if x.height * x.width != 1 {
                    return Err(format!("a linear layer takes a vector, its input is {x}"));
                }
                Ok(Shape::new(out_features, 1, 1))
            }
        }
    }

    /// Whether the operation takes any number of inputs; all others take one.
    pub fn takes_many(&self) -> bool {
        matches!(self, Op::Add | Op::Mul | Op::Concat)
    }
}

/// The shape of a product: equal sides, or one of them one.
fn stretched(a: Shape, b: Shape) -> Result<Shape, String> {
    let side = |a: usize, b: usize| match (a, b) {
        (1, n) | (n, 1) => Some(n),
        (a, b) => (a == b).then_some(a),
    };
    let sides = (side(a.channels, b.channels), side(a.height, b.height), side(a.width, b.width));
    match sides {
        (Some(channels), Some(height), Some(width)) => Ok(Shape { channels, height, width }),
        _ => Err(format!("it multiplies maps of shapes that do not fit, {a} and {b}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn sides_are_stretched_sliced_padded_and_flattened() {
        let (map, gate) = (Shape::new(4, 5, 6), Shape::new(4, 1, 1));
        assert_eq!(Op::Mul.output_shape(&[gate, map]), Ok(map));
        assert_eq!(Op::Mul.output_shape(&[Shape::new(1, 5, 1), gate]), Ok(Shape::new(4, 5, 1)));
        assert!(Op::Mul.output_shape(&[map, Shape::new(2, 5, 6)]).is_err());
        let slice = |start, length, step| Op::Slice(Slice { axis: Axis::Width, start, length, step });
        assert_eq!(slice(1, 3, 2).output_shape(&[map]), Ok(Shape::new(4, 5, 3)));
        for (start, length, step) in [(2, 3, 2), (0, 0, 1), (0, 1, 0), (usize::MAX, 2, 2)] {
            assert!(slice(start, length, step).output_shape(&[map]).is_err(), "{start} {length} {step}");
        }
        assert_eq!(Op::Pad([1, 2, 3, 4]).output_shape(&[map]), Ok(Shape::new(4, 9, 12)));
        assert!(Op::Pad([usize::MAX, 0, 1, 0]).output_shape(&[map]).is_err());
        assert_eq!(Op::Flatten.output_shape(&[map]), Ok(Shape::new(120, 1, 1)));
        assert!(Op::AdaptiveAvgPool { height: 0, width: 1 }.output_shape(&[map]).is_err());
        assert!(Op::PRelu { slopes: 3 }.output_shape(&[map]).is_err());
        assert!(Op::Relu.output_shape(&[map, map]).is_err());
    }
}
