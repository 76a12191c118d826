//! The forward pass of any network.

use tch::Tensor;

use super::norm::{BN_EPS, BN_MOMENTUM};
use super::tensors;
use super::weights::{LayerTensors, Weights};
use crate::network::{Network, NodeId, Op};

/// What batch normalisation does.
pub enum Norm<'a> {
    /// Normalises with the statistics of the batch (train mode), scale 1 and shift 0.
    Batch,
    /// Normalises every image with its own statistics, as train mode does in a batch of one; scale 1 and shift 0.
    Image,
    /// Is the identity.
    Bypass,
    /// Computes what the caller says, given the node and its input.
    With(&'a mut dyn FnMut(NodeId, &Tensor) -> Result<Tensor, tch::TchError>),
}

/// What sees the id, the input and the output of every operation of one input.
pub type Observer<'a> = dyn FnMut(NodeId, &Tensor, &Tensor) -> Result<(), tch::TchError> + 'a;

/// The logits of `network` on the images `x` (n, channels, height, width). `observe` sees every operation of one input
/// (so no sums and no concatenations), in topological order. Every value is freed after its last use.
pub fn forward(
    network: &Network,
    weights: &Weights,
    x: &Tensor,
    norm: &mut Norm<'_>,
    observe: &mut Observer<'_>,
) -> Result<Tensor, tch::TchError> {
    Ok(values(network, weights, x, norm, observe, &[network.output()])?.swap_remove(0))
}

/// The values of the nodes `wanted` in the same forward pass.
pub(super) fn values(
    network: &Network,
    weights: &Weights,
    x: &Tensor,
    norm: &mut Norm<'_>,
    observe: &mut Observer<'_>,
    wanted: &[NodeId],
) -> Result<Vec<Tensor>, tch::TchError> {
    let nodes = network.nodes();
    let mut remaining_uses = vec![0usize; nodes.len()];
    nodes.iter().flat_map(|n| &n.inputs).chain(wanted).for_each(|&i| remaining_uses[i] += 1);
    let mut values: Vec<Option<Tensor>> = (0..nodes.len()).map(|_| None).collect();
    for (id, node) in nodes.iter().enumerate() {
        let value = {
            let inputs: Vec<&Tensor> = node.inputs.iter().filter_map(|&i| values[i].as_ref()).collect();
            match (inputs.as_slice(), &node.op) {
                ([], _) => x.shallow_clone(),
                (inputs, Op::Add | Op::Concat) => apply(&node.op, inputs, None)?,
                ([input, ..], op) => {
                    let output = match (op, &mut *norm) {
                        (Op::BatchNorm, Norm::Bypass) => input.shallow_clone(),
                        (Op::BatchNorm, Norm::Image) => normalise_each(input)?,
                        (Op::BatchNorm, Norm::With(f)) => f(id, input)?,
                        _ => apply(op, &inputs, weights.get(id))?,
                    };
                    observe(id, input, &output)?;
                    output
                }
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
    // What is wanted has a use that the loop above did not count down.
    let value = |&id: &NodeId| values.get(id).and_then(Option::as_ref).map(Tensor::shallow_clone);
    let missing = || tch::TchError::Torch("a node that is asked for is not in the network".into());
    wanted.iter().map(|id| value(id).ok_or_else(missing)).collect()
}

/// One operation by libtorch.
pub(super) fn apply(op: &Op, inputs: &[&Tensor], layer: Option<&LayerTensors>) -> Result<Tensor, tch::TchError> {
    let Some(&x) = inputs.first() else {
        return Err(tch::TchError::Torch(format!("{op} has no input")));
    };
    let square = |n: usize| [n as i64, n as i64];
    match *op {
        Op::Conv2d(ref c) => {
            let layer = required(op, layer)?;
            if let Some(y) = tensors::convolution(x, layer, c)? {
                return Ok(y);
            }
            x.f_conv2d(
                &layer.weight,
                layer.bias.as_ref(),
                square(c.stride),
                square(c.padding),
                square(1),
                c.groups as i64,
            )
        }
        Op::Linear { .. } => {
            let layer = required(op, layer)?;
            x.f_flatten(1, -1)?.f_linear(&layer.weight, layer.bias.as_ref())
        }
        Op::BatchNorm => batch_norm(x, None),
        Op::Relu => x.f_relu(),
        Op::AvgPool(p) => {
            x.f_avg_pool2d(square(p.kernel), square(p.stride), square(p.padding), p.ceil, false, None::<i64>)
        }
        Op::MaxPool(p) => x.f_max_pool2d(square(p.kernel), square(p.stride), square(p.padding), square(1), p.ceil),
        Op::GlobalAvgPool => x.f_mean_dim([2i64, 3].as_slice(), true, x.kind()),
        Op::Zero { channels } => {
            let size = x.size();
            Tensor::f_zeros([size[0], channels as i64, size[2], size[3]], (x.kind(), x.device()))
        }
        Op::Add => {
            let mut sum = x.shallow_clone();
            for other in &inputs[1..] {
                sum = sum.f_add(other)?;
            }
            Ok(sum)
        }
        Op::Concat => Tensor::f_cat(inputs, 1),
        Op::Narrow { channels } => x.f_narrow(1, 0, channels as i64),
        Op::ChannelShuffle { groups } => x.f_channel_shuffle(groups as i64),
        Op::Input => Ok(x.shallow_clone()),
    }
}

/// Train-mode batch normalisation; updates the running mean and variance with PyTorch's default momentum, if given.
pub(super) fn batch_norm(x: &Tensor, running: Option<&(Tensor, Tensor)>) -> Result<Tensor, tch::TchError> {
    let (mean, variance) = (running.map(|r| &r.0), running.map(|r| &r.1));
    x.f_batch_norm(None::<&Tensor>, None::<&Tensor>, mean, variance, true, BN_MOMENTUM, BN_EPS, false)
}

fn normalise_each(x: &Tensor) -> Result<Tensor, tch::TchError> {
    let pixels = [2i64, 3];
    let centred = x.f_sub(&x.f_mean_dim(pixels.as_slice(), true, x.kind())?)?;
    let variance = centred.f_square()?.f_mean_dim(pixels.as_slice(), true, x.kind())?;
    centred.f_mul(&variance.f_add_scalar(BN_EPS)?.f_rsqrt()?)
}

fn required<'a>(op: &Op, layer: Option<&'a LayerTensors>) -> Result<&'a LayerTensors, tch::TchError> {
    layer.ok_or_else(|| tch::TchError::Torch(format!("{op:?} has no weights")))
}
