//! What every block of a network does to noise: its output's spread over the channels, and how it hands gradients back.

use ndarray::Array2;
use tch::{Device, Kind, Tensor};

use super::forward::values;
use super::gaussian;
use super::host::matrix;
use super::weights::gradient_or_zeros;
use super::{EngineError, Norm};
use crate::network::Network;
use crate::seed::Stream;

/// Statistics of the blocks of a network (see [`Network::blocks`]) in one train-mode forward of standard normal images
/// with Kaiming's normal weights.
#[derive(Clone, Debug)]
pub struct BlockWise {
    /// Per block, the covariance between the channels of its output over images and pixels: channels x channels.
    pub covariances: Vec<Array2<f64>>,
    /// For every block but the first, `g_in' g_out / (images * pixels)`: channels of the block before x channels.
    ///
    /// `g_out` is a random sign for every value of the block's output, `g_in` what comes back at the output of the block
    /// before, both as rows of channels, one per image and pixel of the output. Where the block lowers the resolution by a
    /// factor f, the f x f pixels of `g_in` that belong to one pixel of `g_out` count as f^2 channels each.
    pub responses: Vec<Array2<f64>>,
}

/// One forward, and one backward pass through each block. The signs for block i are the bits, lowest first, of the stream
/// `block_wise/signs/i`: one for plus.
pub(super) fn run(network: &Network, seed: u64, images: usize, device: Device) -> Result<BlockWise, EngineError> {
    let weights = gaussian::kaiming_weights(network, seed, device)?;
    let x = gaussian::images(network, seed, images, device)?.set_requires_grad(true);
    let outputs = values(network, &weights, &x, &mut Norm::Batch, &mut |_, _, _| Ok(()), network.blocks())?;
    let covariances = outputs.iter().map(covariance).collect::<Result<_, tch::TchError>>()?;
    let mut responses = Vec::new();
    for (i, pair) in outputs.windows(2).enumerate() {
        let [input, output] = pair else { continue };
        let signs = signs(seed, &format!("block_wise/signs/{}", i + 1), output)?;
        let total = output.f_mul(&signs)?.f_sum(Kind::Float)?;
        let back = Tensor::f_run_backward(&[&total], &[input], i + 2 < outputs.len(), false)?;
        responses.push(response(&gradient_or_zeros(&back[0], input)?, &signs)?);
    }
    Ok(BlockWise { covariances, responses })
}

/// Random signs of the shape of `like`.
fn signs(seed: u64, name: &str, like: &Tensor) -> Result<Tensor, tch::TchError> {
    let mut stream = Stream::named(seed, name);
    let mut values = Vec::with_capacity(like.numel());
    while values.len() < like.numel() {
        let bits = stream.next_u64();
        let count = (like.numel() - values.len()).min(64);
        values.extend((0..count).map(|b| if bits >> b & 1 == 1 { 1f32 } else { -1.0 }));
    }
    Tensor::f_from_slice(&values)?.f_reshape(like.size())?.f_to(like.device())
}

/// One row of channels per image and pixel, float64.
fn rows_of_channels(x: &Tensor) -> Result<Tensor, tch::TchError> {
    let channels = x.size()[1];
    x.f_detach()?.f_movedim_int(1, -1)?.f_reshape([-1, channels])?.f_to_kind(Kind::Double)
}

fn covariance(output: &Tensor) -> Result<Array2<f64>, tch::TchError> {
    let rows = rows_of_channels(output)?;
    let rows = rows.f_sub(&rows.f_mean_dim([0i64].as_slice(), true, Kind::Double)?)?;
    matrix(&rows.f_tr()?.f_matmul(&rows)?.f_div_scalar(rows.size()[0])?)
}

fn response(g_in: &Tensor, g_out: &Tensor) -> Result<Array2<f64>, tch::TchError> {
    let (a, b) = (rows_of_channels(&fold(g_in, g_out)?)?, rows_of_channels(g_out)?);
    matrix(&a.f_tr()?.f_matmul(&b)?.f_div_scalar(b.size()[0])?)
}

/// Moves squares of pixels into the channels, so that `x` gets the resolution of `like`. What the squares leave uncovered
/// at the right and lower edge is filled up with zeros.
fn fold(x: &Tensor, like: &Tensor) -> Result<Tensor, tch::TchError> {
    let (from, to) = (x.size(), like.size());
    if from[2..] == to[2..] {
        return Ok(x.shallow_clone());
    }
    let (h, w) = (to[2], to[3]);
    let factor = (from[2] + h - 1).div_euclid(h).max((from[3] + w - 1).div_euclid(w));
    x.f_constant_pad_nd([0, factor * w - from[3], 0, factor * h - from[2]])?.f_pixel_unshuffle(factor)
}
