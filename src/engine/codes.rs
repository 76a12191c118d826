//! Which ReLUs fire for which sample, compared between samples.

use tch::{Device, Kind, Tensor};

use super::kernels;
use super::tensors::{self, Parts};

/// Agreement of the ReLU codes of `n` samples, summed over layers: `K[i][j]` is the number of ReLU inputs whose bit
/// `z > 0` is the same in samples `i` and `j`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeKernel {
    n: usize,
    neurons: u64,
    /// Number of differing bits of samples `i` and `j < i` at `i * n + j`; zeros elsewhere.
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
        self.neurons - self.differing[i.max(j) * self.n + i.min(j)]
    }

    /// The kernel of one layer, from `samples` rows of `neurons` signs, 64 to a word; words are padded with zeros.
    pub(super) fn of_bits(bits: &[u64], samples: usize, neurons: usize) -> Self {
        let mut kernel = CodeKernel::new(samples);
        kernel.neurons = neurons as u64;
        kernels::hamming(bits, samples, neurons.div_ceil(64), &mut kernel.differing);
        kernel
    }

    /// Adds the layers of another kernel of the same samples.
    pub(super) fn merge(&mut self, other: &CodeKernel) {
        self.neurons += other.neurons;
        self.differing.iter_mut().zip(&other.differing).for_each(|(d, o)| *d += o);
    }

    /// Adds the layer whose ReLU input is `z`, a tensor with samples in its first dimension.
    pub fn add(&mut self, z: &Tensor) -> Result<(), tch::TchError> {
        let z = z.f_detach()?;
        if tensors::is_host(&z) {
            let z = tensors::dense(z)?;
            let combined = tensors::combine(&[(&z, None)], Parts { sum: false, relu: false, bits: true })?;
            let bits = combined.bits.unwrap_or_default();
            self.merge(&CodeKernel::of_bits(&bits, self.n, z.numel() / self.n.max(1)));
            return Ok(());
        }
        let per_sample = z.numel() / self.n.max(1);
        let bits = z.f_gt(0.0)?.f_reshape([self.n as i64, -1])?.f_to_kind(Kind::Float)?;
        let both = bits.f_matmul(&bits.f_tr()?)?.f_to_kind(Kind::Double)?;
        let ones = both.f_diagonal(0, 0, 1)?;
        let differing = ones.f_unsqueeze(0)?.f_add(&ones.f_unsqueeze(1)?)?.f_sub(&both.f_mul_scalar(2.0)?)?;
        let host: Vec<f64> = Vec::try_from(differing.f_flatten(0, -1)?.f_to(Device::Cpu)?)?;
        for i in 1..self.n {
            for j in 0..i {
                self.differing[i * self.n + j] += host[i * self.n + j].round() as u64;
            }
        }
        self.neurons += per_sample as u64;
        Ok(())
    }
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
