//! The Fisher information of a sample of the weights.

use ndarray::Array2;
use tch::{Kind, Tensor};

use super::apply::as_map;
use super::forward::{Norm, forward};
use super::gaussian::Normals;
use super::host::matrix;
use super::weights::{Weights, gradient_or_zeros};
use super::{DeviceBatch, EngineError};
use crate::network::{Network, NodeId, Op, WeightShape};
use crate::seed::Stream;

/// Images that the expectation is taken over: with `classes` logits each they give a matrix of full rank.
const IMAGES: i64 = 16;
/// The most weights that are sampled, as published.
const MAX_WEIGHTS: usize = 128;
/// Share of the uniform distribution in the predicted probabilities: networks without normalisation are sure of one class.
const SMOOTHING: f64 = 0.05;

/// A sampled weight: what it multiplies for every image and output pixel, and where the products are added up.
struct Sampled {
    operand: Tensor,
    output: Tensor,
    channel: i64,
}

/// `mean_n sum_c p_nc s_nc s_nc'` with the scores `s_nc = d log softmax_c(z_n) / dw = J_nc - sum_k q_nk J_nk`, z the logits,
/// J their derivatives with respect to the sampled weights and p = q = softmax(z), mixed with the uniform distribution.
///
/// Weights are Kaiming's normal ones and batch normalisation is the identity, as PyTorch's is in evaluation mode before any
/// training, up to a factor `1 / sqrt(1 + 1e-5)`. So no image sees another, and one backward pass per class serves them all.
/// One weight is sampled from each of the first 128 layers, layer NAME's by the stream `fisher_information/NAME`.
pub(super) fn run(network: &Network, normals: Normals<'_>, batch: &DeviceBatch) -> Result<Array2<f64>, EngineError> {
    let weights: Weights = normals.kaiming_weights(network)?;
    let layers: Vec<(NodeId, WeightShape)> = network.layers().take(MAX_WEIGHTS).collect();
    let n = IMAGES.min(batch.len() as i64);
    let images = batch.images().f_narrow(0, 0, n)?.f_detach()?.set_requires_grad(true);
    let mut sampled = Vec::with_capacity(layers.len());
    let logits = forward(network, &weights, &images, &mut Norm::Bypass, &mut |id, input, output| {
        if let Some((_, shape)) = layers.get(sampled.len()).filter(|(layer, _)| *layer == id) {
            let node = &network.nodes()[id];
            let mut stream = Stream::named(normals.seed, &format!("fisher_information/{}", node.name));
            let index = stream.below(shape.len() as u64) as usize;
            sampled.push(sample(&node.op, shape, index, &input.f_detach()?, output)?);
        }
        Ok(())
    })?;
    let outputs: Vec<&Tensor> = sampled.iter().map(|s| &s.output).collect();
    let classes = logits.size()[1];
    let mut jacobian = Vec::with_capacity(classes as usize);
    for class in 0..classes {
        let total = logits.f_select(1, class)?.f_sum(Kind::Float)?;
        let gradients = Tensor::f_run_backward(&[&total], &outputs, class + 1 < classes, false)?;
        let columns = sampled.iter().zip(&gradients).map(|(s, d)| derivative(s, &gradient_or_zeros(d, &s.output)?));
        jacobian.push(Tensor::f_stack(&columns.collect::<Result<Vec<_>, tch::TchError>>()?, 1)?);
    }
    let jacobian = Tensor::f_stack(&jacobian, 1)?; // images x classes x weights
    let p = logits.f_detach()?.f_softmax(1, Kind::Double)?.f_mul_scalar(1.0 - SMOOTHING)?;
    let p = p.f_add_scalar(SMOOTHING / classes as f64)?.f_unsqueeze(2)?;
    let scores = jacobian.f_sub(&jacobian.f_mul(&p)?.f_sum_dim_intlist(1, true, Kind::Double)?)?;
    let rows = scores.f_mul(&p.f_sqrt()?)?.f_flatten(0, 1)?;
    Ok(matrix(&rows.f_tr()?.f_matmul(&rows)?.f_div_scalar(n)?)?)
}

/// The weight at `index` of the layer's row-major tensor.
fn sample(op: &Op, shape: &WeightShape, index: usize, x: &Tensor, output: &Tensor) -> Result<Sampled, tch::TchError> {
    let output = output.shallow_clone();
    let per_channel = shape.fan_in;
    let (channel, within) = (index / per_channel, index % per_channel);
    let operand = match *op {
        Op::Conv2d(c) => {
            let taps = c.taps();
            let group = channel / (c.out_channels / c.groups);
            let input = group * (c.in_channels / c.groups) + within / taps;
            let (row, column) = (within % taps / c.kernel[1], within % c.kernel[1]);
            let [top, left, bottom, right] = c.padding.map(|n| n as i64);
            let plane = as_map(x)?.f_select(1, input as i64)?.f_constant_pad_nd([left, right, top, bottom])?;
            let size = output.size();
            let strided = |x: &Tensor, dim: i64, tap: usize, count: i64| {
                let side = dim as usize - 1;
                let (from, stride) = ((tap * c.dilation[side]) as i64, c.stride[side] as i64);
                x.f_slice(dim, from, from + (count - 1) * stride + 1, stride)
            };
            strided(&strided(&plane, 1, row, size[2])?, 2, column, size[3])?
        }
        Op::Linear { .. } => x.f_flatten(1, -1)?.f_select(1, within as i64)?,
        _ => return Err(tch::TchError::Torch(format!("{op} has no weights"))),
    };
    Ok(Sampled { operand, output, channel: channel as i64 })
}

/// The derivative for every image, given the gradient of the layer's output.
fn derivative(weight: &Sampled, d: &Tensor) -> Result<Tensor, tch::TchError> {
    let products = weight.operand.f_mul(&d.f_select(1, weight.channel)?)?;
    products.f_reshape([products.size()[0], -1])?.f_sum_dim_intlist(1, false, Kind::Double)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Conv2d, Shape};
    use tch::Device;

    #[test]
    fn derivatives_of_single_weights_are_those_of_autograd() {
        let conv = Conv2d { groups: 2, stride: [2, 1], padding: [1, 2, 1, 2], ..Conv2d::same(4, 6, 3, 1) };
        let conv = Conv2d { dilation: [1, 2], ..conv };
        let op = Op::Conv2d(conv);
        let shape = op.weight(Shape::new(4, 7, 5)).unwrap();
        let x = Tensor::randn([1, 4, 7, 5], (Kind::Double, Device::Cpu));
        let w = Tensor::randn([6, 2, 3, 3], (Kind::Double, Device::Cpu)).set_requires_grad(true);
        let y = x.conv2d(&w, None::<&Tensor>, [2, 1], [1, 2], [1, 2], 2);
        let d = Tensor::randn(y.size(), (Kind::Double, Device::Cpu));
        let expected = Tensor::run_backward(&[(&y * &d).sum(Kind::Double)], &[&w], false, false)[0].flatten(0, -1);
        for i in 0..shape.len() {
            let weight = sample(&op, &shape, i, &x, &y).unwrap();
            let got = derivative(&weight, &d).unwrap().double_value(&[0]);
            assert!((got - expected.double_value(&[i as i64])).abs() < 1e-12, "weight {i}");
        }
    }
}
