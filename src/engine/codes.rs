//! Which ReLUs fire for which sample, compared between samples.

use tch::{Device, Kind, Tensor};

/// Agreement of the ReLU codes of `n` samples, summed over layers: `K[i][j]` is the number of ReLU inputs whose bit
/// `z > 0` is the same in samples `i` and `j`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeKernel {
    n: usize,
    neurons: u64,
    /// Number of differing bits, row-major n x n.
    differing: Vec<u64>,
}

impl CodeKernel {
    /// The kernel before any layer.
    pub fn new(n: usize) -> Self {
        CodeKernel { n, neurons: 0, differing: vec![0; n * n] }
    }

    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.n
    }

    /// Number of ReLU inputs per sample.
    pub fn neurons(&self) -> u64 {
        self.neurons
    }

    /// `K[i][j]`.
    pub fn agreeing(&self, i: usize, j: usize) -> u64 {
        self.neurons - self.differing[i * self.n + j]
    }

    /// Adds the layer whose ReLU input is `z`, a float32 tensor with samples in its first dimension.
    pub fn add(&mut self, z: &Tensor) -> Result<(), tch::TchError> {
        let z = z.detach();
        let per_sample = z.numel() / self.n;
        if z.device() == Device::Cpu && z.kind() == Kind::Float {
            // The kernel sums over neurons, so their order does not matter: any dense layout with samples outermost will
            // do, and channels-last activations are read in place.
            let dense = z.stride()[0] == per_sample as i64 && (z.is_contiguous() || is_channels_last(&z));
            let z = if dense { z } else { z.f_contiguous()? };
            // SAFETY: z is a live, dense float32 CPU tensor of n * per_sample values.
            let values =
                unsafe { std::slice::from_raw_parts(z.data_ptr().cast::<f32>().cast_const(), self.n * per_sample) };
            self.add_bits(&Bits::pack(values, self.n, per_sample));
        } else {
            let bits = z.f_gt(0.0)?.f_reshape([self.n as i64, -1])?.f_to_kind(Kind::Float)?;
            let both = bits.f_matmul(&bits.f_tr()?)?.f_to_kind(Kind::Double)?;
            let ones = both.f_diagonal(0, 0, 1)?;
            let differing = ones.f_unsqueeze(0)?.f_add(&ones.f_unsqueeze(1)?)?.f_sub(&both.f_mul_scalar(2.0)?)?;
            let host: Vec<f64> = Vec::try_from(differing.f_flatten(0, -1)?.f_to(Device::Cpu)?)?;
            self.differing.iter_mut().zip(host).for_each(|(d, h)| *d += h.round() as u64);
        }
        self.neurons += per_sample as u64;
        Ok(())
    }

    fn add_bits(&mut self, bits: &Bits) {
        for i in 1..self.n {
            for j in 0..i {
                let d = hamming(bits.row(i), bits.row(j));
                self.differing[i * self.n + j] += d;
                self.differing[j * self.n + i] += d;
            }
        }
    }
}

fn is_channels_last(z: &Tensor) -> bool {
    z.dim() == 4 && z.permute([0, 2, 3, 1]).is_contiguous()
}

/// Signs of n rows of values, 64 to a word; the last word of a row is padded with zeros.
struct Bits {
    words: Vec<u64>,
    per_row: usize,
}

impl Bits {
    fn pack(values: &[f32], rows: usize, per_row: usize) -> Self {
        let words_per_row = per_row.div_ceil(64);
        let mut words = vec![0u64; rows * words_per_row];
        for (row, out) in values.chunks_exact(per_row.max(1)).zip(words.chunks_exact_mut(words_per_row.max(1))) {
            pack_row(row, out);
        }
        Bits { words, per_row: words_per_row }
    }

    fn row(&self, i: usize) -> &[u64] {
        &self.words[i * self.per_row..(i + 1) * self.per_row]
    }
}

fn pack_row(row: &[f32], out: &mut [u64]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx") {
        // SAFETY: the processor has AVX.
        return unsafe { pack_row_avx(row, out) };
    }
    pack_row_portable(row, out);
}

fn pack_row_portable(row: &[f32], out: &mut [u64]) {
    for (chunk, word) in row.chunks(64).zip(out) {
        *word = chunk.iter().enumerate().fold(0, |w, (b, &v)| w | u64::from(v > 0.0) << b);
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx")]
fn pack_row_avx(row: &[f32], out: &mut [u64]) {
    use std::arch::x86_64::{_CMP_GT_OQ, _mm256_cmp_ps, _mm256_loadu_ps, _mm256_movemask_ps, _mm256_setzero_ps};
    let zero = _mm256_setzero_ps();
    let whole = row.len() / 64;
    for (chunk, word) in row.chunks_exact(64).zip(out.iter_mut()) {
        *word = chunk.chunks_exact(8).enumerate().fold(0, |w, (i, eight)| {
            // SAFETY: eight has exactly eight floats; the load needs no alignment.
            let mask =
                _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(unsafe { _mm256_loadu_ps(eight.as_ptr()) }, zero));
            w | u64::from(mask as u8) << (8 * i)
        });
    }
    pack_row_portable(&row[64 * whole..], &mut out[whole..]);
}

fn hamming(a: &[u64], b: &[u64]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("popcnt") {
        // SAFETY: the processor has POPCNT.
        return unsafe { hamming_popcnt(a, b) };
    }
    hamming_portable(a, b)
}

#[inline]
fn hamming_portable(a: &[u64], b: &[u64]) -> u64 {
    a.iter().zip(b).map(|(x, y)| u64::from((x ^ y).count_ones())).sum()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "popcnt")]
fn hamming_popcnt(a: &[u64], b: &[u64]) -> u64 {
    hamming_portable(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::channels_last;
    use crate::seed::Stream;

    fn kernel_by_definition(z: &Tensor, n: usize) -> Vec<f64> {
        let b = z.gt(0.0).reshape([n as i64, -1]).to_kind(Kind::Double);
        let c = Tensor::from(1.0) - &b;
        Vec::try_from((b.matmul(&b.tr()) + c.matmul(&c.tr())).flatten(0, -1)).unwrap()
    }

    #[test]
    fn counts_equal_the_definition_in_every_layout() {
        let mut stream = Stream::new(1);
        for shape in [[5, 3, 7, 5], [4, 16, 8, 8], [2, 1, 1, 1], [3, 1, 1, 64]] {
            let n = shape[0] as usize;
            let values: Vec<f32> = (0..shape.iter().product()).map(|_| stream.normal() as f32).collect();
            let z = Tensor::from_slice(&values).reshape(shape);
            let _ = z.get(0).get(0).get(0).get(0).fill_(0.0); // zero does not fire
            let expected = kernel_by_definition(&z, n);
            for z in [z.copy(), channels_last(&z).unwrap(), z.transpose(2, 3), z.to_kind(Kind::Double)] {
                let mut k = CodeKernel::new(n);
                k.add(&z).unwrap();
                let got: Vec<f64> = (0..n * n).map(|i| k.agreeing(i / n, i % n) as f64).collect();
                assert_eq!(got, expected);
            }
        }
    }
}
