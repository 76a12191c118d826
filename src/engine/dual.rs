//! SynFlow without a backward pass, and without overflow.

use tch::{Kind, Tensor};

use super::forward::apply;
use super::weights::{LayerTensors, Weights};
use crate::network::{Network, Op, Pool};

/// The pair (R, dR/dt) of the linearised network, as natural logarithms.
///
/// With batch normalisation bypassed, non-negative weights `|W|` and an input of ones, every ReLU is inert and the
/// network is multilinear in its layers. So `sum_l <|W_l|, dR/d|W_l|>` is the derivative of the summed logits `R` at
/// `t = 1` when every weight is multiplied by `t`, and the pair (value, tangent) can be pushed forward: a layer maps
/// `(v, u)` to `(W v + |b|, W v + W u)`, a maximum pooling picks the same pixel of both, everything else is linear. A
/// batch of two carries the pair. The pair is divided by its maximum after each layer and the logarithm of the divisors
/// kept, so float32 suffices at any depth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dual {
    /// log R, the logarithm of the summed logits.
    pub log_value: f64,
    /// log sum_l sum |W dR/dW|, the logarithm of the SynFlow score.
    pub log_tangent: f64,
}

/// A pair divided by `exp(log_scale)`: (2, channels, height, width).
struct Scaled {
    pair: Tensor,
    log_scale: f64,
}

impl Scaled {
    fn normalise(self) -> Result<Scaled, tch::TchError> {
        let max = self.pair.f_max()?.double_value(&[]);
        if max > 0.0 && max.is_finite() {
            Ok(Scaled { pair: self.pair.f_mul_scalar(1.0 / max)?, log_scale: self.log_scale + max.ln() })
        } else {
            Ok(self)
        }
    }
}

/// Runs the pair through the network. `weights` are absolute values.
pub(super) fn run(network: &Network, weights: &Weights) -> Result<Dual, tch::TchError> {
    let nodes = network.nodes();
    let mut values: Vec<Option<Scaled>> = (0..nodes.len()).map(|_| None).collect();
    let mut remaining_uses = vec![0usize; nodes.len()];
    nodes.iter().flat_map(|n| &n.inputs).for_each(|&i| remaining_uses[i] += 1);
    remaining_uses[network.output()] += 1;
    for (id, node) in nodes.iter().enumerate() {
        let value = {
            let inputs: Vec<&Scaled> = node.inputs.iter().filter_map(|&i| values[i].as_ref()).collect();
            match (inputs.as_slice(), node.op) {
                ([], _) => input_pair(network, weights)?,
                (terms, Op::Add) => add(terms)?,
                (parts, Op::Concat) => concat(parts)?,
                ([x, ..], Op::MaxPool(p)) => Scaled { pair: max_pool(p, &x.pair)?, log_scale: x.log_scale },
                ([x, ..], Op::BatchNorm | Op::Relu) => Scaled { pair: x.pair.shallow_clone(), log_scale: x.log_scale },
                ([x, ..], Op::Conv2d(_) | Op::Linear { .. }) => layer(&node.op, x, weights.get(id))?.normalise()?,
                ([x, ..], op) => Scaled { pair: apply(&op, &x.pair, None)?, log_scale: x.log_scale },
            }
        };
        for &i in &node.inputs {
            remaining_uses[i] -= 1;
            if remaining_uses[i] == 0 {
                values[i] = None;
            }
        }
        values[id] = Some(value);
    }
    let Some(output) = values[network.output()].take() else {
        return Ok(Dual { log_value: f64::NEG_INFINITY, log_tangent: f64::NEG_INFINITY });
    };
    let sums: Vec<f64> = Vec::try_from(output.pair.f_flatten(1, -1)?.f_sum_dim_intlist(1, false, Kind::Double)?)?;
    Ok(Dual { log_value: sums[0].ln() + output.log_scale, log_tangent: sums[1].ln() + output.log_scale })
}

/// Value one everywhere, tangent zero.
fn input_pair(network: &Network, weights: &Weights) -> Result<Scaled, tch::TchError> {
    let s = network.input_shape();
    let size = [1, s.channels as i64, s.height as i64, s.width as i64];
    let options =
        weights.layers().next().map_or((Kind::Float, tch::Device::Cpu), |l| (l.weight.kind(), l.weight.device()));
    let pair = Tensor::f_cat(&[Tensor::f_ones(size, options)?, Tensor::f_zeros(size, options)?], 0)?;
    Ok(Scaled { pair: super::channels_last(&pair)?, log_scale: 0.0 })
}

/// The pairs on the largest of their scales.
fn to_one_scale(pairs: &[&Scaled]) -> Result<(Vec<Tensor>, f64), tch::TchError> {
    let log_scale = pairs.iter().map(|t| t.log_scale).fold(f64::NEG_INFINITY, f64::max);
    let scaled = |t: &&Scaled| match t.log_scale == log_scale {
        true => Ok(t.pair.shallow_clone()),
        false => t.pair.f_mul_scalar((t.log_scale - log_scale).exp()),
    };
    Ok((pairs.iter().map(scaled).collect::<Result<_, _>>()?, log_scale))
}

fn add(terms: &[&Scaled]) -> Result<Scaled, tch::TchError> {
    let (pairs, log_scale) = to_one_scale(terms)?;
    let mut sum = pairs[0].shallow_clone();
    for pair in &pairs[1..] {
        sum = sum.f_add(pair)?;
    }
    Ok(Scaled { pair: sum, log_scale })
}

fn concat(parts: &[&Scaled]) -> Result<Scaled, tch::TchError> {
    let (pairs, log_scale) = to_one_scale(parts)?;
    Ok(Scaled { pair: Tensor::f_cat(&pairs, 1)?, log_scale })
}

/// The largest value of each window, and the tangent of the pixel it is at.
fn max_pool(p: Pool, pair: &Tensor) -> Result<Tensor, tch::TchError> {
    let square = |n: usize| [n as i64, n as i64];
    let (value, tangent) = (pair.f_narrow(0, 0, 1)?, pair.f_narrow(0, 1, 1)?);
    let (largest, at) =
        value.f_max_pool2d_with_indices(square(p.kernel), square(p.stride), square(p.padding), square(1), p.ceil)?;
    let tangent = tangent.f_flatten(2, -1)?.f_gather(2, &at.f_flatten(2, -1)?, false)?.f_view_as(&largest)?;
    Tensor::f_cat(&[largest, tangent], 0)
}

/// `(v, u)` becomes `(W v + b, W v + W u)`: the bias enters the value but is not scaled, so it has no tangent.
fn layer(op: &Op, x: &Scaled, layer: Option<&LayerTensors>) -> Result<Scaled, tch::TchError> {
    let linear = layer.map(|l| LayerTensors { weight: l.weight.shallow_clone(), bias: None });
    let y = apply(op, &x.pair, linear.as_ref())?;
    let (value, tangent) = (y.f_narrow(0, 0, 1)?, y.f_narrow(0, 1, 1)?);
    let tangent = tangent.f_add(&value)?;
    let value = match layer.and_then(|l| l.bias.as_ref()) {
        Some(b) => {
            let mut size = vec![1; y.dim()];
            size[1] = -1;
            value.f_add(&b.f_mul_scalar((-x.log_scale).exp())?.f_reshape(&size)?)?
        }
        None => value,
    };
    Ok(Scaled { pair: Tensor::f_cat(&[value, tangent], 0)?, log_scale: x.log_scale })
}
