//! Every operation by libtorch.

use tch::{TchError, Tensor};

use super::forward::batch_norm;
use super::pooling;
use super::tensors;
use super::weights::{LayerTensors, Learned};
use crate::network::{
    Activation, Affine, ConvTranspose2d, Interpolation, LocalResponseNorm, Normalise, Op, Resize, Slice,
};

/// One operation. What it learns per channel starts from the operation's own values where `learned` has none.
pub(super) fn apply(op: &Op, inputs: &[&Tensor], learned: Learned<'_>) -> Result<Tensor, TchError> {
    let Some(&x) = inputs.first() else {
        return Err(TchError::Torch(format!("{op} has no input")));
    };
    match *op {
        Op::Conv2d(ref c) => {
            let layer = required(op, learned)?;
            let x = as_map(x)?;
            if let Some(y) = tensors::convolution(&x, layer, c)? {
                return Ok(y);
            }
            let (x, padding) = padded(&x, c.padding)?;
            let (stride, dilation) = (pair(c.stride), pair(c.dilation));
            x.f_conv2d(&layer.weight, layer.bias.as_ref(), stride, padding, dilation, c.groups as i64)
        }
        Op::ConvTranspose2d(ref c) => transposed(&as_map(x)?, required(op, learned)?, c),
        Op::Linear { .. } => {
            let layer = required(op, learned)?;
            x.f_flatten(1, -1)?.f_linear(&layer.weight, layer.bias.as_ref())
        }
        Op::BatchNorm => batch_norm(x, None),
        Op::LayerNorm(norm) => layer_norm(&as_map(x)?, norm, learned),
        Op::GroupNorm { groups, norm } => {
            let (scale, shift) = (learned.scale(), learned.shift());
            as_map(x)?.f_group_norm(groups as i64, scale, shift, norm.epsilon.wide(), false)
        }
        Op::LocalResponseNorm(norm) => local_response_norm(&as_map(x)?, norm),
        Op::Relu => x.f_relu(),
        Op::Activation(a) => activation(x, a),
        Op::PRelu { slopes } => match learned.scale() {
            Some(slope) => x.f_prelu(slope),
            None => {
                let start = op.vectors(crate::network::Shape::new(slopes, 1, 1)).scale.map_or(0.0, |(_, first)| first);
                x.f_prelu(&Tensor::f_full([slopes as i64], f64::from(start), (x.kind(), x.device()))?)
            }
        },
        Op::Affine(a) => affine(x, a, learned),
        Op::AvgPool(p) => pooling::average(&as_map(x)?, p),
        Op::MaxPool(p) => pooling::maximum(&as_map(x)?, p),
        Op::AdaptiveAvgPool { height, width } => as_map(x)?.f_adaptive_avg_pool2d(pair([height, width])),
        Op::GlobalAvgPool => as_map(x)?.f_mean_dim([2i64, 3].as_slice(), true, x.kind()),
        Op::Zero { channels } => {
            let size = x.size();
            Tensor::f_zeros([size[0], channels as i64, size[2], size[3]], (x.kind(), x.device()))
        }
        Op::Add => folded(inputs, Tensor::f_add),
        Op::Mul => folded(inputs, Tensor::f_mul),
        Op::Concat => {
            let inputs = alike(inputs)?;
            Tensor::f_cat(&inputs.iter().collect::<Vec<_>>(), 1)
        }
        Op::Narrow { channels } => x.f_narrow(1, 0, channels as i64),
        Op::Slice(Slice { axis, start, length, step }) => {
            let end = start + (length - 1) * step + 1;
            as_map(x)?.f_slice(axis.dim() as i64, start as i64, end as i64, step as i64)
        }
        Op::ChannelShuffle { groups } => as_map(x)?.f_channel_shuffle(groups as i64),
        Op::Pad([top, left, bottom, right]) => {
            as_map(x)?.f_constant_pad_nd([left, right, top, bottom].map(|n| n as i64))
        }
        Op::Resize(Resize { height, width, by }) => {
            let (x, size) = (as_map(x)?, pair([height, width]));
            match by {
                Interpolation::Nearest => x.f_upsample_nearest2d(size, None, None),
                Interpolation::Bilinear => x.f_upsample_bilinear2d(size, false, None, None),
                Interpolation::BilinearCorners => x.f_upsample_bilinear2d(size, true, None, None),
            }
        }
        Op::Flatten => x.f_flatten(1, -1),
        Op::Input => Ok(x.shallow_clone()),
    }
}

/// A pair of sizes as libtorch takes them.
pub(super) fn pair(n: [usize; 2]) -> [i64; 2] {
    n.map(|n| n as i64)
}

/// A batch of vectors as maps of one pixel; maps stay what they are.
pub(super) fn as_map(x: &Tensor) -> Result<Tensor, TchError> {
    if x.dim() == 2 { x.f_unsqueeze(-1)?.f_unsqueeze(-1) } else { Ok(x.shallow_clone()) }
}

/// The padding that libtorch's operations do themselves: none, and a map that was padded before, where it is not the same on
/// opposite sides.
pub(super) fn padded(x: &Tensor, [top, left, bottom, right]: [usize; 4]) -> Result<(Tensor, [i64; 2]), TchError> {
    if top == bottom && left == right {
        return Ok((x.shallow_clone(), pair([top, left])));
    }
    Ok((x.f_constant_pad_nd([left, right, top, bottom].map(|n| n as i64))?, [0, 0]))
}

fn required<'a>(op: &Op, learned: Learned<'a>) -> Result<&'a LayerTensors, TchError> {
    learned.layer.ok_or_else(|| TchError::Torch(format!("{op:?} has no weights")))
}

fn transposed(x: &Tensor, layer: &LayerTensors, c: &ConvTranspose2d) -> Result<Tensor, TchError> {
    let (padding, output_padding) = (pair(c.padding), pair(c.output_padding));
    let (groups, dilation) = (c.groups as i64, pair(c.dilation));
    let (weight, bias) = (&layer.weight, layer.bias.as_ref());
    x.f_conv_transpose2d(weight, bias, pair(c.stride), padding, output_padding, groups, dilation)
}

/// The inputs as maps if any is a map, as they are otherwise.
fn alike(inputs: &[&Tensor]) -> Result<Vec<Tensor>, TchError> {
    let maps = inputs.iter().any(|x| x.dim() > 2);
    inputs.iter().map(|x| if maps { as_map(x) } else { Ok(x.shallow_clone()) }).collect()
}

fn folded(inputs: &[&Tensor], f: impl Fn(&Tensor, &Tensor) -> Result<Tensor, TchError>) -> Result<Tensor, TchError> {
    let mut inputs = alike(inputs)?.into_iter();
    let first = inputs.next().ok_or_else(|| TchError::Torch("nothing is added or multiplied".into()))?;
    inputs.try_fold(first, |sum, other| f(&sum, &other))
}

fn layer_norm(x: &Tensor, norm: Normalise, learned: Learned<'_>) -> Result<Tensor, TchError> {
    let channels = [x.size()[1]];
    let last = x.f_permute([0, 2, 3, 1])?;
    let (scale, shift) = (learned.scale(), learned.shift());
    last.f_layer_norm(channels, scale, shift, norm.epsilon.wide(), false)?.f_permute([0, 3, 1, 2])
}

fn local_response_norm(x: &Tensor, norm: LocalResponseNorm) -> Result<Tensor, TchError> {
    let (channels, size) = (x.size()[1], norm.size as i64);
    // As in PyTorch, an even number of neighbours has one more before than after.
    let squares = x.f_square()?.f_constant_pad_nd([0, 0, 0, 0, size / 2, (size - 1) / 2])?;
    let mut sum = squares.f_narrow(1, 0, channels)?;
    for shift in 1..size {
        sum = sum.f_add(&squares.f_narrow(1, shift, channels)?)?;
    }
    let mean = sum.f_mul_scalar(norm.alpha.wide() / size as f64)?.f_add_scalar(norm.bias.wide())?;
    x.f_div(&mean.f_pow_tensor_scalar(norm.beta.wide())?)
}

fn affine(x: &Tensor, a: Affine, learned: Learned<'_>) -> Result<Tensor, TchError> {
    let mut size = vec![1; x.dim()];
    size[1] = -1;
    let y = match learned.scale() {
        Some(scale) => x.f_mul(&scale.f_reshape(&size)?)?,
        None if a.scale.get() == 1.0 => x.shallow_clone(),
        None => x.f_mul_scalar(a.scale.wide())?,
    };
    match learned.shift() {
        Some(shift) => y.f_add(&shift.f_reshape(&size)?),
        None if a.shift.get() == 0.0 => Ok(y),
        None => y.f_add_scalar(a.shift.wide()),
    }
}

fn activation(x: &Tensor, a: Activation) -> Result<Tensor, TchError> {
    match a {
        Activation::Sigmoid => x.f_sigmoid(),
        Activation::HardSigmoid => x.f_hardsigmoid(),
        Activation::Silu => x.f_silu(),
        Activation::HardSwish => x.f_hardswish(),
        Activation::Gelu => x.f_gelu("none"),
        Activation::GeluTanh => x.f_gelu("tanh"),
        Activation::Tanh => x.f_tanh(),
        Activation::Mish => x.f_mish(),
        Activation::LeakyRelu { slope } => {
            let slope = Tensor::f_full([1], slope.wide(), (x.kind(), x.device()))?;
            x.f_prelu(&slope)
        }
        Activation::Elu { alpha } => {
            let negative = x.f_clamp_max(0.0)?.f_expm1()?.f_mul_scalar(alpha.wide())?;
            x.f_relu()?.f_add(&negative)
        }
        Activation::Clip { min, max } => x.f_clamp(min.wide(), max.wide()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::weights::VectorTensors;
    use crate::network::{Axis, Conv2d, Pool, Real, Shape};
    use tch::{Device, Kind};

    /// `sin(0.7 i + 0.3)` for `i = 0, 1, …`, row-major.
    fn waves(size: &[i64]) -> Tensor {
        let count: i64 = size.iter().product();
        let values = (0..count).map(|i| (0.7 * i as f64 + 0.3).sin()).collect::<Vec<f64>>();
        Tensor::from_slice(&values).reshape(size).to_kind(Kind::Float)
    }

    fn sums(y: &Tensor) -> [f64; 2] {
        let y = y.to_kind(Kind::Double).contiguous().flatten(0, -1);
        let weights = (Tensor::arange(y.numel() as i64, (Kind::Double, Device::Cpu)) + 1.0).sqrt();
        [y.sum(Kind::Double).double_value(&[]), (y * weights).sum(Kind::Double).double_value(&[])]
    }

    /// Each operation against PyTorch: `tests/golden/operations.py` prints the table.
    #[test]
    fn operations_compute_what_pytorch_computes() {
        let x = waves(&[2, 4, 5, 6]);
        let golden = include_str!("golden_operations.txt");
        let mut cases = operations().into_iter();
        for line in golden.lines().filter(|line| !line.starts_with('#')) {
            let numbers: Vec<f64> = line.split_whitespace().skip(1).map(|v| v.parse().unwrap()).collect();
            let (name, op) = cases.next().unwrap();
            assert_eq!(line.split_whitespace().next(), Some(name), "the table and the operations are in one order");
            let weight = op.weight(Shape::new(4, 5, 6)).map(|w| {
                let dims: Vec<i64> = w.dims.iter().map(|&d| d as i64).collect();
                LayerTensors { weight: waves(&dims), bias: w.bias.map(|n| waves(&[n as i64])) }
            });
            let of = |v: Option<(usize, f32)>, add: f64| v.map(|(n, _)| waves(&[n as i64]) + add);
            let vectors = op.vectors(Shape::new(4, 5, 6));
            let vectors = VectorTensors { scale: of(vectors.scale, 1.0), shift: of(vectors.shift, 0.0) };
            let learned = Learned { layer: weight.as_ref(), vectors: Some(&vectors) };
            let gate = x.mean_dim([2i64, 3].as_slice(), true, Kind::Float);
            let inputs = if op == Op::Mul { vec![&gate, &x] } else { vec![&x] };
            let y = apply(&op, &inputs, learned).unwrap();
            let shapes: Vec<Shape> = inputs.iter().map(|t| shape(t)).collect();
            assert_eq!(Ok(shape(&y)), op.output_shape(&shapes), "{name}");
            for (found, expected) in sums(&y).into_iter().zip(&numbers) {
                assert!((found - expected).abs() < 1e-3 * (1.0 + expected.abs()), "{name}: {found}, not {expected}");
            }
        }
        assert!(cases.next().is_none(), "an operation has no golden value");
    }

    fn shape(x: &Tensor) -> Shape {
        let size: Vec<usize> = x.size().iter().map(|&n| n as usize).collect();
        Shape::new(size[1], size.get(2).copied().unwrap_or(1), size.get(3).copied().unwrap_or(1))
    }

    fn operations() -> Vec<(&'static str, Op)> {
        let conv = Conv2d { bias: true, groups: 2, ..Conv2d::same(4, 6, 3, 1) };
        let norm = Normalise { epsilon: Real::new(1e-3), affine: true };
        let pool = Pool::new(3, 2, 1);
        let pads = [1, 0, 2, 1];
        let resize = |by| Op::Resize(Resize { height: 9, width: 4, by });
        let transposed = ConvTranspose2d {
            in_channels: 4,
            out_channels: 6,
            kernel: [3, 2],
            stride: [2, 1],
            padding: [1, 0],
            output_padding: [1, 0],
            dilation: [1, 2],
            groups: 2,
            bias: true,
        };
        let lrn = LocalResponseNorm { size: 3, alpha: Real::new(0.5), beta: Real::new(0.75), bias: Real::ONE };
        let act = Op::Activation;
        let slope = Real::new(0.2);
        let clip = Activation::Clip { min: Real::new(-0.5), max: Real::new(0.25) };
        vec![
            ("conv_dilated", Op::Conv2d(Conv2d { dilation: [2, 1], padding: [2, 1, 2, 1], ..conv })),
            ("conv_one_sided", Op::Conv2d(Conv2d { padding: pads, stride: [2, 1], ..conv })),
            ("conv_flat", Op::Conv2d(Conv2d { kernel: [1, 5], padding: [0, 2, 0, 2], ..conv })),
            ("conv_transposed", Op::ConvTranspose2d(transposed)),
            ("layer_norm", Op::LayerNorm(norm)),
            ("group_norm", Op::GroupNorm { groups: 2, norm }),
            ("instance_norm", Op::GroupNorm { groups: 4, norm: Normalise { affine: false, ..norm } }),
            ("local_response_norm", Op::LocalResponseNorm(lrn)),
            ("sigmoid", act(Activation::Sigmoid)),
            ("hard_sigmoid", act(Activation::HardSigmoid)),
            ("silu", act(Activation::Silu)),
            ("hard_swish", act(Activation::HardSwish)),
            ("gelu", act(Activation::Gelu)),
            ("gelu_tanh", act(Activation::GeluTanh)),
            ("tanh", act(Activation::Tanh)),
            ("mish", act(Activation::Mish)),
            ("leaky_relu", act(Activation::LeakyRelu { slope })),
            ("elu", act(Activation::Elu { alpha: slope })),
            ("clip", act(clip)),
            ("relu6", act(Activation::RELU6)),
            ("prelu", Op::PRelu { slopes: 4 }),
            ("affine", Op::Affine(Affine { learned_scale: true, learned_shift: true, ..Affine::scale(1.0) })),
            ("scale", Op::Affine(Affine::scale(0.3))),
            ("avg_pool", Op::AvgPool(pool)),
            ("avg_pool_padding", Op::AvgPool(Pool { count_padding: true, ceil: true, ..pool })),
            ("avg_pool_one_sided", Op::AvgPool(Pool { padding: pads, count_padding: true, ..pool })),
            ("avg_pool_one_sided_bare", Op::AvgPool(Pool { padding: pads, ..pool })),
            ("max_pool_one_sided", Op::MaxPool(Pool { padding: [1, 0, 1, 1], kernel: [2, 3], ..pool })),
            ("adaptive_avg_pool", Op::AdaptiveAvgPool { height: 3, width: 4 }),
            ("mul", Op::Mul),
            ("slice", Op::Slice(Slice { axis: Axis::Height, start: 1, length: 2, step: 2 })),
            ("pad", Op::Pad(pads)),
            ("nearest", resize(Interpolation::Nearest)),
            ("bilinear", resize(Interpolation::Bilinear)),
            ("bilinear_corners", resize(Interpolation::BilinearCorners)),
            ("flatten", Op::Flatten),
        ]
    }
}
