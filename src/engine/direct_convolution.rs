//! Direct convolution of one or two small images, for processors with AVX-512.
//!
//! SynFlow convolves a pair of images at a time: a library call then costs as much as its arithmetic, because it looks up a
//! primitive, reorders the weights and allocates. Here weights are packed once and the loop does nothing but multiply.

use std::cell::RefCell;

use tch::Tensor;

use crate::network::{Conv2d, Square};

/// Values of an AVX-512 register.
const LANES: usize = 16;

/// The weights of a convolution in the order of the loop: per block of output channels, per tap, per input channel.
#[derive(Debug)]
pub(super) struct Packed {
    conv: Conv2d,
    window: Square,
    /// Registers of output channels per block, 1 or 2.
    vectors: usize,
    values: Vec<f32>,
}

impl Packed {
    /// Packs the weights (out, in, kernel, kernel) of a dense convolution; None if the loop does not apply.
    pub fn new(conv: Conv2d, weight: &Tensor) -> Result<Option<Packed>, tch::TchError> {
        let Some(window) = conv.square() else { return Ok(None) };
        if conv.groups != 1 || !conv.out_channels.is_multiple_of(LANES) || !has_avx512() {
            return Ok(None);
        }
        let vectors = if conv.out_channels.is_multiple_of(2 * LANES) { 2 } else { 1 };
        let (block, k) = ((vectors * LANES) as i64, window.kernel as i64);
        // (blocks, kernel, kernel, in, block)
        let size = [conv.out_channels as i64 / block, block, conv.in_channels as i64, k, k];
        let ordered = weight.f_contiguous()?.f_reshape(size)?.f_permute([0, 3, 4, 2, 1])?.f_contiguous()?;
        Ok(Some(Packed { conv, window, vectors, values: Vec::try_from(ordered.f_flatten(0, -1)?)? }))
    }

    /// Output channels.
    pub fn out_channels(&self) -> usize {
        self.conv.out_channels
    }

    /// (height, width) of the output for this input.
    pub fn output(&self, (h, w): (usize, usize)) -> (usize, usize) {
        let Square { kernel, stride, padding } = self.window;
        let side = |n: usize| (n + 2 * padding - kernel) / stride + 1;
        (side(h), side(w))
    }

    /// Convolves images of (height, width), channels innermost; `out` has room for all outputs.
    pub fn convolve(&self, x: &[f32], out: &mut [f32], (h, w): (usize, usize)) {
        let (c, padding) = (self.conv.in_channels, self.window.padding);
        let (oh, ow) = self.output((h, w));
        let images = x.chunks_exact(h * w * c).zip(out.chunks_exact_mut(oh * ow * self.conv.out_channels));
        PADDED.with_borrow_mut(|padded| {
            for (x, out) in images {
                let (x, width) =
                    if padding == 0 { (x, w) } else { (pad(x, padded, (h, w, c), padding), w + 2 * padding) };
                self.image(x, width, out, (oh, ow));
            }
        });
    }

    #[cfg(target_arch = "x86_64")]
    fn image(&self, x: &[f32], width: usize, out: &mut [f32], size: (usize, usize)) {
        // SAFETY: `new` returns no value on processors without AVX-512; slices are as long as the sizes say, because
        // `convolve` cut them by those sizes.
        unsafe {
            match self.vectors {
                2 => self.blocks::<8, 2>(x, width, out, size),
                _ => self.blocks::<16, 1>(x, width, out, size),
            }
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn image(&self, _: &[f32], _: usize, _: &mut [f32], _: (usize, usize)) {}

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f")]
    unsafe fn blocks<const P: usize, const V: usize>(
        &self,
        x: &[f32],
        width: usize,
        out: &mut [f32],
        (oh, ow): (usize, usize),
    ) {
        let (k, c, stride) = (self.window.kernel, self.conv.in_channels, self.window.stride);
        let channels = self.conv.out_channels;
        for (b, weights) in self.values.chunks_exact(k * k * c * V * LANES).enumerate() {
            for i in 0..oh {
                let mut j = 0;
                while j < ow {
                    let x = &x[(i * stride * width + j * stride) * c..];
                    let out = &mut out[(i * ow + j) * channels + b * V * LANES..];
                    let tile = Tile { taps: k, channels: c, row: width * c, step: stride * c, out: channels };
                    // SAFETY: the tile lies within row `i` of the output and its window within the padded input.
                    unsafe {
                        // Sixteen sums in flight hide the latency of the multiplication.
                        if j + P <= ow {
                            tile.run::<P, V>(x, weights, out);
                            j += P;
                        } else {
                            tile.run::<1, V>(x, weights, out);
                            j += 1;
                        }
                    }
                }
            }
        }
    }
}

/// A run of output pixels in one row.
#[cfg(target_arch = "x86_64")]
struct Tile {
    /// Side of the kernel.
    taps: usize,
    /// Input channels.
    channels: usize,
    /// Values from one input row to the next.
    row: usize,
    /// Input values from one output pixel to the next.
    step: usize,
    /// Output values from one pixel to the next.
    out: usize,
}

#[cfg(target_arch = "x86_64")]
impl Tile {
    /// `P` pixels times `V` registers of output channels.
    ///
    /// # Safety
    /// The processor has AVX-512; `x`, `weights` and `out` hold what the sizes address.
    #[target_feature(enable = "avx512f")]
    unsafe fn run<const P: usize, const V: usize>(&self, x: &[f32], weights: &[f32], out: &mut [f32]) {
        use std::arch::x86_64::{
            _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
        };
        debug_assert!(x.len() >= (self.taps - 1) * (self.row + self.channels) + (P - 1) * self.step + self.channels);
        debug_assert!(weights.len() == self.taps * self.taps * self.channels * V * LANES);
        debug_assert!(out.len() >= (P - 1) * self.out + V * LANES);
        let mut sums = [[_mm512_setzero_ps(); V]; P];
        // SAFETY: by the contract of the function all addresses lie within the slices.
        unsafe {
            let mut w = weights.as_ptr();
            for ky in 0..self.taps {
                for kx in 0..self.taps {
                    let x = x.as_ptr().add(ky * self.row + kx * self.channels);
                    for c in 0..self.channels {
                        let mut ws = [_mm512_setzero_ps(); V];
                        for (v, register) in ws.iter_mut().enumerate() {
                            *register = _mm512_loadu_ps(w.add(v * LANES));
                        }
                        w = w.add(V * LANES);
                        for (p, sums) in sums.iter_mut().enumerate() {
                            let x = _mm512_set1_ps(*x.add(p * self.step + c));
                            for (sum, &w) in sums.iter_mut().zip(&ws) {
                                *sum = _mm512_fmadd_ps(x, w, *sum);
                            }
                        }
                    }
                }
            }
            for (p, sums) in sums.iter().enumerate() {
                for (v, &sum) in sums.iter().enumerate() {
                    _mm512_storeu_ps(out.as_mut_ptr().add(p * self.out + v * LANES), sum);
                }
            }
        }
    }
}

thread_local! {
    /// An image with its border of zeros, kept for the next call.
    static PADDED: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

fn pad<'a>(x: &[f32], padded: &'a mut Vec<f32>, (h, w, c): (usize, usize, usize), padding: usize) -> &'a [f32] {
    let row = (w + 2 * padding) * c;
    padded.clear();
    padded.resize((h + 2 * padding) * row, 0.0);
    for (i, x) in x.chunks_exact(w * c).enumerate() {
        padded[(i + padding) * row + padding * c..][..w * c].copy_from_slice(x);
    }
    padded
}

fn has_avx512() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx512f");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tensors::{dense, values};
    use crate::seed::Stream;

    fn normal(size: &[i64], stream: &mut Stream) -> Tensor {
        let values: Vec<f32> = (0..size.iter().product()).map(|_| stream.normal() as f32).collect();
        Tensor::from_slice(&values).reshape(size)
    }

    #[test]
    fn equals_libtorch_at_every_size() {
        let mut stream = Stream::new(4);
        for (inputs, outputs, kernel, stride, padding, h, w) in
            [(3, 16, 3, 1, 1, 32, 32), (16, 32, 3, 2, 1, 16, 16), (32, 64, 1, 1, 0, 7, 9), (5, 48, 5, 2, 2, 11, 13)]
        {
            let conv = Conv2d { padding: [padding; 4], ..Conv2d::same(inputs, outputs, kernel, stride) };
            let x = normal(&[2, inputs as i64, h as i64, w as i64], &mut stream);
            let weight = normal(&[outputs as i64, inputs as i64, kernel as i64, kernel as i64], &mut stream);
            let Some(packed) = Packed::new(conv, &weight).unwrap() else {
                return; // no AVX-512 here
            };
            let (stride, padding) = ([stride as i64; 2], [padding as i64; 2]);
            let expected = x.conv2d(&weight, None::<&Tensor>, stride, padding, [1, 1], 1).permute([0, 2, 3, 1]);
            let mut out = vec![0f32; expected.numel()];
            packed.convolve(values(&dense(crate::engine::channels_last(&x).unwrap()).unwrap()), &mut out, (h, w));
            let difference = (Tensor::from_slice(&out) - expected.flatten(0, -1)).abs().max().double_value(&[]);
            assert!(difference < 1e-4, "{conv:?}: {difference}");
        }
    }
}
