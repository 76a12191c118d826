//! The forward pass of any network.

use tch::Tensor;

use super::apply::{apply, as_map};
use super::norm::{BN_EPS, BN_MOMENTUM};
use super::weights::{Learned, Weights};
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
/// (so no sums, products and concatenations), in topological order. Every value is freed after its last use.
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
                (inputs, op) if op.takes_many() => apply(op, inputs, Learned::default())?,
                ([input, ..], op) => {
                    let output = match (op, &mut *norm) {
                        (Op::BatchNorm, Norm::Bypass) => input.shallow_clone(),
                        (Op::BatchNorm, Norm::Image) => normalise_each(input)?,
                        (Op::BatchNorm, Norm::With(f)) => f(id, input)?,
                        _ => apply(op, &inputs, weights.learned(id))?,
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

/// Train-mode batch normalisation; updates the running mean and variance with PyTorch's default momentum, if given.
pub(super) fn batch_norm(x: &Tensor, running: Option<&(Tensor, Tensor)>) -> Result<Tensor, tch::TchError> {
    let (mean, variance) = (running.map(|r| &r.0), running.map(|r| &r.1));
    x.f_batch_norm(None::<&Tensor>, None::<&Tensor>, mean, variance, true, BN_MOMENTUM, BN_EPS, false)
}

fn normalise_each(x: &Tensor) -> Result<Tensor, tch::TchError> {
    let x = as_map(x)?;
    let pixels = [2i64, 3];
    let centred = x.f_sub(&x.f_mean_dim(pixels.as_slice(), true, x.kind())?)?;
    let variance = centred.f_square()?.f_mean_dim(pixels.as_slice(), true, x.kind())?;
    centred.f_mul(&variance.f_add_scalar(BN_EPS)?.f_rsqrt()?)
}
