//! What operations learn and compute, and what proxies may know about them.

use super::{Axis, Op, Shape};

/// The weight tensor of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightShape {
    /// Sizes as PyTorch orders them: (out, in / groups, height, width) of a convolution, (in, out / groups, height, width) of a
    /// transposed one, (out, in) of a linear layer.
    pub dims: Vec<usize>,
    /// Number of inputs that one output sums over; of a transposed convolution, as PyTorch counts, outputs that one input
    /// reaches.
    pub fan_in: usize,
    /// Length of the bias, if the layer has one.
    pub bias: Option<usize>,
}

impl WeightShape {
    /// Number of weights, without the bias.
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// Whether the layer has no weights.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What an operation other than a layer learns per channel, and its initial values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vectors {
    /// Length and first value of the scale (of the slope of a parametric ReLU).
    pub scale: Option<(usize, f32)>,
    /// Length and first value of the shift.
    pub shift: Option<(usize, f32)>,
}

impl Vectors {
    /// Number of learned values.
    pub fn len(&self) -> usize {
        self.scale.map_or(0, |(n, _)| n) + self.shift.map_or(0, |(n, _)| n)
    }

    /// Whether nothing is learned.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Op {
    /// Whether the operation is wiring: it passes values on, adds, joins, picks or moves them, or puts zeros in their place.
    /// Proxies that look at the outputs of all other operations pass over it, and its gradient needs no value.
    pub fn is_wiring(&self) -> bool {
        use Op::*;
        match self {
            Input
            | Zero { .. }
            | Add
            | Concat
            | Narrow { .. }
            | Slice(_)
            | ChannelShuffle { .. }
            | Pad(_)
            | Flatten => true,
            Conv2d(_) | ConvTranspose2d(_) | Linear { .. } => false,
            BatchNorm | LayerNorm(_) | GroupNorm { .. } | LocalResponseNorm(_) | Affine(_) => false,
            Relu | Activation(_) | PRelu { .. } | Mul => false,
            AvgPool(_) | MaxPool(_) | AdaptiveAvgPool { .. } | GlobalAvgPool | Resize(_) => false,
        }
    }

    /// Whether the operation is linear in values that are not negative, its parameters being replaced by their absolute values
    /// and batch normalisation being left out: what the identity of SynFlow rests on
    /// ([`Dual`](crate::engine::Dual)). A maximum is, in the way that its derivative is.
    pub fn is_linear_on_positive(&self) -> bool {
        use Op::*;
        match self {
            Input
            | Zero { .. }
            | Add
            | Concat
            | Narrow { .. }
            | Slice(_)
            | ChannelShuffle { .. }
            | Pad(_)
            | Flatten => true,
            Conv2d(_) | ConvTranspose2d(_) | Linear { .. } | BatchNorm | Relu | PRelu { .. } => true,
            AvgPool(_) | MaxPool(_) | AdaptiveAvgPool { .. } | GlobalAvgPool | Resize(_) => true,
            Activation(a) => a.keeps_positive(),
            Affine(a) => a.scale.get() > 0.0 && a.shift.get() == 0.0 && !a.learned_scale && !a.learned_shift,
            LayerNorm(_) | GroupNorm { .. } | LocalResponseNorm(_) | Mul => false,
        }
    }

    /// The weight tensor for this input shape; None for operations without weights. What normalisations, parametric ReLUs and
    /// scales learn are parameters but no weights ([`Op::vectors`]): proxies do not read them.
    pub fn weight(&self, input: Shape) -> Option<WeightShape> {
        match *self {
            Op::Conv2d(c) => {
                let per_group = c.in_channels / c.groups;
                Some(WeightShape {
                    dims: vec![c.out_channels, per_group, c.kernel[0], c.kernel[1]],
                    fan_in: per_group * c.taps(),
                    bias: c.bias.then_some(c.out_channels),
                })
            }
            Op::ConvTranspose2d(c) => {
                let per_group = c.out_channels / c.groups;
                Some(WeightShape {
                    dims: vec![c.in_channels, per_group, c.kernel[0], c.kernel[1]],
                    fan_in: per_group * c.kernel[0] * c.kernel[1],
                    bias: c.bias.then_some(c.out_channels),
                })
            }
            Op::Linear { out_features, bias } => Some(WeightShape {
                dims: vec![out_features, input.len()],
                fan_in: input.len(),
                bias: bias.then_some(out_features),
            }),
            _ => None,
        }
    }

    /// What the operation learns per channel beside batch normalisation, whose scale and shift come with running statistics.
    pub fn vectors(&self, input: Shape) -> Vectors {
        let of = |learned: bool, value: f32| learned.then_some((input.channels, value));
        match *self {
            Op::LayerNorm(norm) | Op::GroupNorm { norm, .. } => {
                Vectors { scale: of(norm.affine, 1.0), shift: of(norm.affine, 0.0) }
            }
            // PyTorch's first slope.
            Op::PRelu { slopes } => Vectors { scale: Some((slopes, 0.25)), shift: None },
            Op::Affine(a) => {
                Vectors { scale: of(a.learned_scale, a.scale.get()), shift: of(a.learned_shift, a.shift.get()) }
            }
            _ => Vectors { scale: None, shift: None },
        }
    }

    /// Number of trainable parameters: weights, biases, and what normalisations, parametric ReLUs and scales learn.
    pub fn params(&self, input: Shape) -> u64 {
        match self {
            Op::BatchNorm => 2 * input.channels as u64,
            _ => self.weight(input).map_or(self.vectors(input).len(), |w| w.len() + w.bias.unwrap_or(0)) as u64,
        }
    }

    /// Multiply-accumulates of convolutions and linear layers for one sample; everything else counts zero.
    pub fn macs(&self, input: Shape, output: Shape) -> u64 {
        // A weight of a transposed convolution meets every input pixel once, that of a convolution every output pixel.
        let pixels = if matches!(self, Op::ConvTranspose2d(_)) { input } else { output };
        self.weight(input).map_or(0, |w| (w.len() as u64).saturating_mul((pixels.height * pixels.width) as u64))
    }
}

impl Axis {
    /// The dimension of a tensor (images, channels, height, width).
    pub const fn dim(self) -> usize {
        match self {
            Axis::Channels => 1,
            Axis::Height => 2,
            Axis::Width => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Affine, Conv2d, ConvTranspose2d, Normalise, Real};
    use super::*;

    #[test]
    fn parameters_and_multiply_accumulates_as_pytorch_counts_them() {
        let x = Shape::new(4, 5, 6);
        let norm = Normalise { epsilon: Real::new(1e-6), affine: true };
        let transposed = Op::ConvTranspose2d(ConvTranspose2d {
            in_channels: 4,
            out_channels: 6,
            kernel: [3, 2],
            stride: [2; 2],
            padding: [0; 2],
            output_padding: [0; 2],
            dilation: [1; 2],
            groups: 2,
            bias: true,
        });
        let wide = Op::Conv2d(Conv2d { kernel: [1, 7], padding: [0, 3, 0, 3], ..Conv2d::same(4, 6, 1, 1) });
        let plain = Normalise { affine: false, ..norm };
        let layer_scale = Op::Affine(Affine { learned_scale: true, ..Affine::scale(1e-6) });
        // sum(p.numel() for p in module.parameters())
        for (op, params) in [
            (wide, 168),
            (transposed, 4 * 3 * 6 + 6),
            (Op::LayerNorm(norm), 8),
            (Op::GroupNorm { groups: 2, norm: plain }, 0),
            (Op::PRelu { slopes: 1 }, 1),
            (layer_scale, 4),
            (Op::Affine(Affine::scale(2.0)), 0),
        ] {
            assert_eq!(op.params(x), params, "{op}");
        }
        assert_eq!(wide.macs(x, wide.output_shape(&[x]).unwrap()), 168 * 30);
        assert_eq!(transposed.macs(x, transposed.output_shape(&[x]).unwrap()), 72 * 30);
        assert_eq!(Op::Linear { out_features: 3, bias: false }.params(Shape::new(4, 1, 1)), 12);
    }
}
