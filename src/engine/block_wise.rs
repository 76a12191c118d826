//! What every block of a network does to noise: its output's spread over the channels, and how it hands gradients back.

use ndarray::Array2;
use tch::{Device, Kind, Tensor};

use super::gaussian::Normals;
use super::host::matrix;
use super::plan::Plan;
use super::tape::{Keep, Tape};
use super::{EngineError, kernels, tensors};
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
pub(super) fn run(network: &Network, normals: Normals<'_>, images: usize) -> Result<BlockWise, EngineError> {
    let weights = [normals.kaiming_weights(network)?];
    let x = normals.images(network, images)?;
    let plan = Plan::of_blocks(network, normals.seed);
    let tape = Tape::forward(&plan, &weights, &x, Keep { tape: true, ..Keep::default() }, None)?;
    let ends: Vec<_> = network.blocks().iter().map(|&block| plan.of[0][block]).collect();
    let covariances = ends.iter().map(|&end| covariance(tape.plain(end)?)).collect::<Result<_, tch::TchError>>()?;
    let mut responses = Vec::new();
    for (i, pair) in ends.windows(2).enumerate() {
        let [before, end] = *pair else { continue };
        let (input, output) = (tape.plain(before)?, tape.plain(end)?);
        let signs = signs(normals.seed, &format!("block_wise/signs/{}", i + 1), output)?;
        let back = tape.pull_back(0, (end, before), &signs)?;
        responses.push(response(&back.map_or_else(|| input.f_zeros_like(), Ok)?, &signs)?);
    }
    Ok(BlockWise { covariances, responses })
}

/// Random signs of the shape of `like`, in the order images, channels, pixels.
fn signs(seed: u64, name: &str, like: &Tensor) -> Result<Tensor, tch::TchError> {
    let mut stream = Stream::named(seed, name);
    let words: Vec<u64> = (0..like.numel() / 64 + 2).map(|_| stream.next_u64()).collect();
    let (images, channels) = (like.size()[0].max(1) as usize, like.size()[1] as usize);
    let each = like.numel() / images;
    let mut signs = tensors::empty_like(&like.f_to(Device::Cpu)?)?;
    for (image, out) in tensors::values_mut(&mut signs).chunks_exact_mut(each.max(1)).enumerate() {
        kernels::signs(out, &words, image * each, channels);
    }
    signs.f_to(like.device())
}

/// The covariance between channels, over images and pixels.
fn covariance(output: &Tensor) -> Result<Array2<f64>, tch::TchError> {
    if !tensors::is_host(output) {
        let rows = rows_of_channels(output)?;
        let rows = rows.f_sub(&rows.f_mean_dim([0i64].as_slice(), true, Kind::Double)?)?;
        return matrix(&rows.f_tr()?.f_matmul(&rows)?.f_div_scalar(rows.size()[0])?);
    }
    let (c, x) = (output.size()[1] as usize, tensors::values(output));
    let Some(first) = x.get(..c) else { return Ok(Array2::zeros((c, c))) };
    // Seen from the first pixel, so that what is the same everywhere has a covariance of exactly zero.
    let (mut sums, mut products) = (vec![0.0; c], vec![0.0; c * c]);
    kernels::shifted_products(x, c, first, &mut sums, &mut products);
    let n = (x.len() / c.max(1)).max(1) as f64;
    let entry = |(i, j): (usize, usize)| products[i.min(j) * c + i.max(j)] / n - sums[i] / n * (sums[j] / n);
    Ok(Array2::from_shape_fn((c, c), entry))
}

fn response(g_in: &Tensor, g_out: &Tensor) -> Result<Array2<f64>, tch::TchError> {
    let g_in = fold(g_in, g_out)?;
    if !tensors::is_host(g_out) {
        let (a, b) = (rows_of_channels(&g_in)?, rows_of_channels(g_out)?);
        return matrix(&a.f_tr()?.f_matmul(&b)?.f_div_scalar(b.size()[0])?);
    }
    let g_in = tensors::dense(g_in)?;
    let (m, n) = (g_in.size()[1] as usize, g_out.size()[1] as usize);
    let mut products = vec![0.0; m * n];
    let (a, b) = (tensors::values(&g_in), tensors::values(g_out));
    kernels::cross_products(a, b, m, n, &mut products);
    let rows = (b.len() / n.max(1)).max(1) as f64;
    Ok(Array2::from_shape_fn((m, n), |(i, j)| products[i * n + j] / rows))
}

/// One row of channels per image and pixel, float64.
fn rows_of_channels(x: &Tensor) -> Result<Tensor, tch::TchError> {
    let channels = x.size()[1];
    x.f_movedim_int(1, -1)?.f_reshape([-1, channels])?.f_to_kind(Kind::Double)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The loops of a CPU and the tensor operations of other devices give the same matrices, whatever the channels and the factor.
    #[test]
    fn loops_and_tensor_operations_agree() {
        for (channels, out, side) in [(3, 5, 6), (16, 16, 8), (20, 33, 7), (40, 24, 4)] {
            let map = |c: i64, side: i64| {
                let x = Tensor::randn([3, c, side, side], (Kind::Float, Device::Cpu));
                tensors::dense(x + 2.0).unwrap()
            };
            let (x, g) = (map(channels, side), map(out, (side + 1) / 2));
            let wide = |x: &Tensor| x.to_kind(Kind::Double);
            let close = |a: Array2<f64>, b: Array2<f64>| {
                assert_eq!(a.dim(), b.dim());
                let difference = (&a - &b).iter().fold(0f64, |m, d| m.max(d.abs()));
                assert!(difference < 1e-5, "{difference}");
            };
            close(covariance(&x).unwrap(), covariance(&wide(&x)).unwrap());
            close(response(&x, &g).unwrap(), response(&wide(&x), &wide(&g)).unwrap());
            let flat = Tensor::full([3, channels, side, side], 0.1, (Kind::Float, Device::Cpu));
            assert!(covariance(&tensors::dense(flat).unwrap()).unwrap().iter().all(|&v| v == 0.0), "constant channels");
        }
    }

    #[test]
    fn signs_are_the_bits_of_their_stream() {
        for size in [[2, 3, 5, 7], [1, 16, 8, 8], [2, 20, 1, 1]] {
            let like = Tensor::zeros(size, (Kind::Float, Device::Cpu));
            let signs = signs(4, "some", &like).unwrap();
            assert_eq!(signs.size(), size);
            let values = Vec::<f32>::try_from(signs.contiguous().flatten(0, -1)).unwrap();
            let mut stream = Stream::named(4, "some");
            for word in values.chunks(64) {
                let bits = stream.next_u64();
                word.iter().enumerate().for_each(|(b, &v)| assert_eq!(v, if bits >> b & 1 == 1 { 1.0 } else { -1.0 }));
            }
        }
    }
}
