//! Gradients with respect to the weights for one image at a time.

use tch::{Kind, Tensor};

use super::apply::{as_map, padded, pair};
use super::loss::Loss;
use super::weights::{Weights, gradient_or_zeros};
use super::{DeviceBatch, EngineError, Norm, forward};
use crate::network::{Network, Op};

/// Images that go through the network at once; bounds the memory.
const CHUNK: i64 = 16;

/// Per layer, the sum over images of the signs of the gradient of the image's cross-entropy, each image in a batch of its
/// own. Such a batch is normalised by the statistics of the image, so many images can go through the network together;
/// the gradient for one image is then the product of what enters the layer and what comes back to it.
pub(super) fn gradient_signs(
    network: &Network,
    weights: &Weights,
    batch: &DeviceBatch,
) -> Result<Vec<Tensor>, EngineError> {
    let fixed = weights.require_grad(false)?;
    let layers: Vec<Op> = network.layers().map(|(id, _)| network.nodes()[id].op).collect();
    let mut sums: Vec<Option<Tensor>> = layers.iter().map(|_| None).collect();
    let n = batch.len() as i64;
    for start in (0..n).step_by(CHUNK as usize) {
        let length = CHUNK.min(n - start);
        let images = batch.images().f_narrow(0, start, length)?.f_detach()?.set_requires_grad(true);
        let mut ends: Vec<(Tensor, Tensor)> = Vec::with_capacity(layers.len());
        let logits = forward(network, &fixed, &images, &mut Norm::Image, &mut |id, input, output| {
            if fixed.get(id).is_some() {
                ends.push((input.f_detach()?, output.shallow_clone()));
            }
            Ok(())
        })?;
        let labels = batch.labels().f_narrow(0, start, length)?;
        let loss = Loss::new(network.target(), &labels, 0.0).sum(&logits)?;
        let outputs: Vec<&Tensor> = ends.iter().map(|(_, output)| output).collect();
        let gradients = Tensor::f_run_backward(&[&loss], &outputs, false, false)?;
        for (((op, (input, output)), d), sum) in layers.iter().zip(&ends).zip(&gradients).zip(&mut sums) {
            let signs = weight_gradients(op, input, &gradient_or_zeros(d, output)?)?.f_sign()?.f_sum_dim_intlist(
                0,
                false,
                Kind::Float,
            )?;
            *sum = Some(match sum.take() {
                Some(earlier) => earlier.f_add(&signs)?,
                None => signs,
            });
        }
    }
    Ok(sums.into_iter().flatten().collect())
}

/// Images x weights of the layer: the gradient for every image, from the layer's input and the gradient of its output.
fn weight_gradients(op: &Op, x: &Tensor, d: &Tensor) -> Result<Tensor, tch::TchError> {
    let n = x.size()[0];
    match *op {
        Op::Conv2d(c) => {
            let (x, padding) = padded(&as_map(x)?, c.padding)?;
            let patches = x.f_im2col(pair(c.kernel), pair(c.dilation), padding, pair(c.stride))?;
            let pixels = patches.size()[2];
            let groups = n * c.groups as i64;
            let patches = patches.f_reshape([groups, -1, pixels])?;
            let d = d.f_reshape([groups, -1, pixels])?;
            d.f_bmm(&patches.f_transpose(1, 2)?)?.f_reshape([n, -1])
        }
        Op::Linear { .. } => {
            let (x, d) = (x.f_reshape([n, 1, -1])?, d.f_reshape([n, -1, 1])?);
            d.f_mul(&x)?.f_reshape([n, -1])
        }
        _ => Err(tch::TchError::Torch(format!("{op} has no weights"))),
    }
}
