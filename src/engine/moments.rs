//! Batch normalisation on a CPU: statistics per channel, and the gradients through them.

use tch::Tensor;

use super::kernels;
use super::norm::{BN_EPS, BN_MOMENTUM, NormTensors};
use super::tensors::{Affine, empty_like, values, values_mut};

/// Mean and reciprocal standard deviation per channel, and what normalisation multiplies with and adds.
#[derive(Debug)]
pub(super) struct Moments {
    mean: Vec<f64>,
    variance: Vec<f64>,
    inverse_std: Vec<f64>,
    /// Learned scale; 1 in an untrained network.
    learned: Option<Vec<f64>>,
    /// What normalisation multiplies with and adds.
    pub affine: Affine,
}

/// The gradients of one normalisation: with respect to its input, and per channel to its scale and shift.
#[derive(Debug)]
pub(super) struct MomentGradients {
    pub input: Tensor,
    pub scale: Vec<f32>,
    pub shift: Vec<f32>,
}

impl Moments {
    /// Of a batch of images, with scale 1 and shift 0.
    pub fn of(x: &Tensor) -> Moments {
        let (mean, variance) = statistics(x);
        Self::new(mean, variance, None)
    }

    /// Of a batch of images, with the scale and shift of `norm`.
    pub fn trained(x: &Tensor, norm: &NormTensors) -> Moments {
        let (mean, variance) = statistics(x);
        Self::new(mean, variance, Some((values(&norm.scale), values(&norm.shift))))
    }

    /// The running statistics of `norm`, with its scale and shift.
    pub fn running(norm: &NormTensors) -> Moments {
        let wide = |x: &Tensor| values(x).iter().map(|&v| f64::from(v)).collect();
        Self::new(wide(&norm.mean), wide(&norm.variance), Some((values(&norm.scale), values(&norm.shift))))
    }

    fn new(mean: Vec<f64>, variance: Vec<f64>, affine: Option<(&[f32], &[f32])>) -> Moments {
        let inverse_std: Vec<f64> = variance.iter().map(|v| 1.0 / (v + BN_EPS).sqrt()).collect();
        let learned = affine.map(|(scale, _)| scale.iter().map(|&s| f64::from(s)).collect::<Vec<f64>>());
        let factor = |k: usize| inverse_std[k] * learned.as_ref().map_or(1.0, |l| l[k]);
        let offset = |k: usize| affine.map_or(0.0, |(_, shift)| f64::from(shift[k]));
        Moments {
            affine: Affine {
                scale: (0..mean.len()).map(|k| factor(k) as f32).collect(),
                shift: (0..mean.len()).map(|k| (offset(k) - mean[k] * factor(k)) as f32).collect(),
            },
            learned,
            mean,
            variance,
            inverse_std,
        }
    }

    /// Moves the running statistics of `norm` a tenth of the way to these, which are of `count` values per channel; the
    /// variance as its unbiased estimate, as PyTorch does.
    pub fn update_running(&self, norm: &NormTensors, count: usize) -> Result<(), tch::TchError> {
        let unbiased = count as f64 / count.saturating_sub(1).max(1) as f64;
        let blend = |old: &Tensor, new: Vec<f64>| {
            let blended: Vec<f32> = values(old)
                .iter()
                .zip(new)
                .map(|(&o, n)| ((1.0 - BN_MOMENTUM) * f64::from(o) + BN_MOMENTUM * n) as f32)
                .collect();
            old.shallow_clone().f_copy_(&Tensor::f_from_slice(&blended)?).map(|_| ())
        };
        blend(&norm.mean, self.mean.clone())?;
        blend(&norm.variance, self.variance.iter().map(|v| v * unbiased).collect())
    }

    /// The gradients, given the gradient `g` of the output and the input `y`; `g` counts only where `mask` is positive, if
    /// there is one.
    pub fn backward(&self, g: &Tensor, y: &Tensor, mask: Option<&Tensor>) -> Result<MomentGradients, tch::TchError> {
        let c = self.mean.len();
        let (mut sums, mut dots) = (vec![0.0; c], vec![0.0; c]);
        match mask {
            Some(mask) => kernels::masked_products(values(g), values(y), values(mask), c, &mut sums, &mut dots),
            None => kernels::products(values(g), values(y), c, &mut sums, &mut dots),
        }
        let n = (y.numel() / c.max(1)).max(1) as f64;
        // dy = s l (g - mean(g) - x mean(g x)), x = (y - m) s, l the learned scale: linear in g and y.
        let (mut a, mut b, mut d) = (vec![0f32; c], vec![0f32; c], vec![0f32; c]);
        let mut scale = vec![0f32; c];
        for k in 0..c {
            let (m, s) = (self.mean[k], self.inverse_std[k]);
            let f = s * self.learned.as_ref().map_or(1.0, |l| l[k]);
            let product = s * (dots[k] - m * sums[k]);
            let along = product / n;
            scale[k] = product as f32;
            a[k] = f as f32;
            b[k] = (-s * f * along) as f32;
            d[k] = (s * f * along * m - f * sums[k] / n) as f32;
        }
        let mut input = empty_like(y)?;
        let out = values_mut(&mut input);
        kernels::blend(out, values(g), values(y), mask.map(values), c, &a, &b, &d);
        Ok(MomentGradients { input, scale, shift: sums.iter().map(|&s| s as f32).collect() })
    }
}

/// Mean and variance per channel.
fn statistics(x: &Tensor) -> (Vec<f64>, Vec<f64>) {
    let c = x.size()[1] as usize;
    let (mut sums, mut squares) = (vec![0.0; c], vec![0.0; c]);
    kernels::moments(values(x), c, &mut sums, &mut squares);
    let n = (x.numel() / c.max(1)).max(1) as f64;
    let mean: Vec<f64> = sums.iter().map(|s| s / n).collect();
    // Rounding can leave a variance of zero slightly negative; what is not a number must stay so.
    let variance = squares.iter().zip(&mean).map(|(q, m)| q / n - m * m);
    let variance = variance.map(|v| if v < 0.0 { 0.0 } else { v }).collect();
    (mean, variance)
}
