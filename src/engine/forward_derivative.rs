//! SynFlow without a backward pass, and without overflow.

use tch::{Device, Kind, Tensor};

use super::apply::{apply, as_map};
use super::channels_last;
use super::kernels;
use super::plan::{Plan, PlanId};
use super::pooling;
use super::tensors;
use super::weights::{AbsoluteLayer, AbsoluteWeights, LayerTensors, Learned};
use crate::network::{Op, Pool};

/// The pair (R, dR/dt) of the linearised network, as natural logarithms.
///
/// With batch normalisation bypassed, non-negative weights `|W|` and an input of ones, every ReLU is inert and the
/// network is multilinear in its layers. So `sum_l <|W_l|, dR/d|W_l|>` is the derivative of the summed logits `R` at
/// `t = 1` when every weight is multiplied by `t`, and the pair (value, tangent) can be pushed forward: a layer maps
/// `(v, u)` to `(W v + |b|, W v + W u)`, everything else is linear (a maximum picks the tangent of the largest value). A
/// batch of two carries the pair. A pair that grows or shrinks too far is multiplied by a power of two, which is exact, and
/// the exponent kept, so float32 suffices at any depth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dual {
    /// log R, the logarithm of the summed logits.
    pub log_value: f64,
    /// log sum_l sum |W dR/dW|, the logarithm of the SynFlow score.
    pub log_tangent: f64,
}

/// A pair (2, channels, height, width) to be multiplied by `2^exponent`.
struct Scaled {
    pair: Tensor,
    exponent: i32,
}

/// Pairs whose largest tangent leaves `2^-LIMIT..2^LIMIT` are scaled; a layer multiplies by far less than what is left to
/// the ends of float32.
const LIMIT: i32 = 40;

/// Runs the pairs of all networks through the plan. `weights` are absolute values, one entry per network; networks that
/// share a layer's weights share its convolution.
pub(super) fn run(plan: &Plan<'_>, weights: &[AbsoluteWeights], device: Device) -> Result<Vec<Dual>, tch::TchError> {
    let _no_grad = tch::no_grad_guard();
    let mut values: Vec<Option<Scaled>> = plan.nodes.iter().map(|_| None).collect();
    let mut remaining: Vec<usize> = plan.nodes.iter().map(|n| n.consumers.len() + n.outputs).collect();
    for step in &plan.steps {
        let Some(&head) = step.first() else {
            continue;
        };
        let (owner, node) = plan.nodes[head].owner;
        match plan.nodes[head].op {
            op @ (Op::Conv2d(_) | Op::ConvTranspose2d(_) | Op::Linear { .. }) => {
                let layer = weights[owner].get(node).and_then(Option::as_ref);
                let layer = layer.ok_or_else(|| tch::TchError::Torch(format!("{op} has no weights")))?;
                layers(plan, step, &op, layer, &mut values)?;
            }
            op => {
                for &id in step {
                    let inputs = plan.nodes[id].inputs.iter().map(|&i| known(&values, i));
                    let inputs: Vec<&Scaled> = inputs.collect::<Result<_, _>>()?;
                    values[id] = Some(match (op, inputs.as_slice()) {
                        (_, []) => input_pair(plan.nodes[id].shape, device)?,
                        (op, [x]) if is_inert(&op) => Scaled { pair: x.pair.shallow_clone(), exponent: x.exponent },
                        (op, inputs) => together(&op, inputs)?,
                    });
                }
            }
        }
        for i in step.iter().flat_map(|&id| &plan.nodes[id].inputs) {
            remaining[*i] -= 1;
            if remaining[*i] == 0 {
                values[*i] = None;
            }
        }
    }
    let dual = |(network, of): (&&crate::network::Network, &Vec<PlanId>)| {
        let output = known(&values, of[network.output()])?;
        let sums = output.pair.f_flatten(1, -1)?.f_sum_dim_intlist(1, false, Kind::Double)?.f_to(Device::Cpu)?;
        let sums: Vec<f64> = Vec::try_from(sums)?;
        let log_scale = f64::from(output.exponent) * std::f64::consts::LN_2;
        Ok(Dual { log_value: sums[0].ln() + log_scale, log_tangent: sums[1].ln() + log_scale })
    };
    plan.networks.iter().zip(&plan.of).map(dual).collect()
}

fn known(values: &[Option<Scaled>], id: PlanId) -> Result<&Scaled, tch::TchError> {
    values[id].as_ref().ok_or_else(|| tch::TchError::Torch(format!("node {id} has no value")))
}

/// Value one everywhere, tangent zero.
fn input_pair(s: crate::network::Shape, device: Device) -> Result<Scaled, tch::TchError> {
    let size = [1, s.channels as i64, s.height as i64, s.width as i64];
    let options = (Kind::Float, device);
    let pair = Tensor::f_cat(&[Tensor::f_ones(size, options)?, Tensor::f_zeros(size, options)?], 0)?;
    Ok(Scaled { pair: channels_last(&pair)?, exponent: 0 })
}

/// Whether the operation passes pairs on unchanged.
fn is_inert(op: &Op) -> bool {
    match op {
        Op::BatchNorm | Op::Relu | Op::PRelu { .. } => true,
        Op::Activation(a) => a.keeps_positive(),
        _ => false,
    }
}

/// An operation without weights, its inputs brought to one exponent.
fn together(op: &Op, inputs: &[&Scaled]) -> Result<Scaled, tch::TchError> {
    let exponent = inputs.iter().map(|x| x.exponent).max().unwrap_or(0);
    let host = inputs.iter().all(|x| tensors::is_host(&x.pair));
    let factor = |x: &Scaled| 2f32.powi(x.exponent - exponent);
    let pair = match (*op, inputs) {
        (Op::Add, [first, ..]) if host => {
            let mut sum = tensors::empty_like(&first.pair)?;
            for (i, x) in inputs.iter().enumerate() {
                kernels::scale(tensors::values_mut(&mut sum), tensors::values(&x.pair), factor(x), i > 0);
            }
            sum
        }
        (Op::AvgPool(pool), [x]) if host && pool.square().is_some() => tensors::avg_pool(&x.pair, pool)?,
        (Op::MaxPool(pool), [x]) => max_pool(&x.pair, pool)?,
        // Linear in all their inputs together.
        (
            Op::Zero { .. }
            | Op::Add
            | Op::Concat
            | Op::Narrow { .. }
            | Op::Slice(_)
            | Op::ChannelShuffle { .. }
            | Op::Pad(_)
            | Op::Flatten
            | Op::Affine(_)
            | Op::AvgPool(_)
            | Op::AdaptiveAvgPool { .. }
            | Op::GlobalAvgPool
            | Op::Resize(_),
            _,
        ) if op.is_linear_on_positive() => {
            let scaled = inputs.iter().map(|x| match x.exponent == exponent {
                true => Ok(x.pair.shallow_clone()),
                false => x.pair.f_mul_scalar(f64::from(factor(x))),
            });
            let scaled: Vec<Tensor> = scaled.collect::<Result<_, tch::TchError>>()?;
            tensors::dense(as_map(&apply(op, &scaled.iter().collect::<Vec<_>>(), Learned::default())?)?)?
        }
        _ => {
            let pairs = inputs.len();
            return Err(tch::TchError::Torch(format!("{op} is not an operation without weights on {pairs} pairs")));
        }
    };
    Ok(Scaled { pair, exponent })
}

/// The largest value of each window, and the tangent that goes with it.
fn max_pool(map: &Tensor, pool: Pool) -> Result<Tensor, tch::TchError> {
    // A value of zero has a tangent of zero, so zeros of the padding may be taken for pixels.
    let (map, value, at) = pooling::maximum_at(map, pool)?;
    let tangent = map.f_narrow(0, 1, 1)?.f_flatten(2, -1)?.f_gather(2, &at.f_flatten(2, -1)?, false)?;
    channels_last(&Tensor::f_cat(&[&value, &tangent.f_reshape(value.size())?], 0)?)
}

/// One layer for all nodes of a step: `(v, u)` becomes `(W v + b, W v + W u)`; the bias enters the value but is not scaled,
/// so it has no tangent. Convolutions that the direct loop does not take run as one libtorch call, side by side in the
/// batch.
fn layers(
    plan: &Plan<'_>,
    step: &[PlanId],
    op: &Op,
    layer: &AbsoluteLayer,
    values: &mut [Option<Scaled>],
) -> Result<(), tch::TchError> {
    let inputs = step.iter().map(|&id| known(values, plan.nodes[id].inputs[0]));
    let inputs: Vec<&Scaled> = inputs.collect::<Result<_, _>>()?;
    let exponents: Vec<i32> = inputs.iter().map(|x| x.exponent).collect();
    let pairs = match &layer.packed {
        Some(packed) => {
            inputs.iter().map(|x| tensors::direct_convolution(packed, &x.pair)).collect::<Result<Vec<_>, _>>()?
        }
        None => {
            let linear = LayerTensors { weight: layer.tensors.weight.shallow_clone(), bias: None };
            let x = Tensor::f_cat(&inputs.iter().map(|x| &x.pair).collect::<Vec<_>>(), 0)?;
            let learned = Learned { layer: Some(&linear), vectors: None };
            let y = tensors::dense(apply(op, &[&x], learned)?)?;
            (0..step.len() as i64).map(|k| y.f_narrow(0, 2 * k, 2)).collect::<Result<Vec<_>, _>>()?
        }
    };
    let largest = add_values(&pairs)?;
    for (((&id, mut pair), mut exponent), largest) in step.iter().zip(pairs).zip(exponents).zip(largest) {
        if let Some(bias) = &layer.tensors.bias {
            let mut size = vec![1; pair.dim()];
            size[1] = -1;
            let bias = bias.f_mul_scalar(2f64.powi(-exponent))?.f_reshape(&size)?;
            let _ = pair.f_narrow(0, 0, 1)?.f_add_(&bias)?;
        }
        let shift = if largest > 0.0 && largest.is_finite() { largest.log2() as i32 } else { 0 };
        if shift.abs() > LIMIT {
            pair = pair.f_mul_scalar(2f64.powi(-shift))?;
            exponent += shift;
        }
        values[id] = Some(Scaled { pair, exponent });
    }
    Ok(())
}

/// Adds the value of each pair to its tangent, in place; returns the largest tangents.
fn add_values(pairs: &[Tensor]) -> Result<Vec<f32>, tch::TchError> {
    if pairs.iter().all(tensors::is_host) {
        let largest = |pair: &Tensor| {
            let mut pair = pair.shallow_clone();
            let half = pair.numel() / 2;
            let (value, tangent) = tensors::values_mut(&mut pair).split_at_mut(half);
            kernels::add_and_max(tangent, value)
        };
        return Ok(pairs.iter().map(largest).collect());
    }
    let maxima = pairs.iter().map(|pair| {
        let mut tangent = pair.f_narrow(0, 1, 1)?;
        tangent.f_add_(&pair.f_narrow(0, 0, 1)?)?.f_max()
    });
    let maxima: Vec<Tensor> = maxima.collect::<Result<_, tch::TchError>>()?;
    // One transfer for all of them: each would wait for the device.
    Vec::try_from(Tensor::f_stack(&maxima, 0)?.f_to(Device::Cpu)?)
}
