//! A filter that gives noise the spectrum of a natural image.

use super::DataError;
use crate::network::Shape;
use crate::seed::Stream;
use ndarray::Array2;
use rustfft::{Fft, FftPlanner, num_complex::Complex};
use std::sync::Arc;

/// Turns white noise into pink noise of one shape.
pub(super) struct Filter {
    shape: Shape,
    gain: Array2<f64>,
    forward: Plans,
    inverse: Plans,
}

/// One-dimensional transforms of a row and of a column.
struct Plans {
    row: Arc<dyn Fft<f64>>,
    column: Arc<dyn Fft<f64>>,
}

impl Filter {
    /// The filter `f^-beta`, 0 at `f = 0`, with `f` the radial frequency in cycles per pixel.
    /// [`DataError::OnePixel`] for an image that has no other frequency.
    pub(super) fn new(shape: Shape, beta: f64) -> Result<Self, DataError> {
        let (height, width) = (shape.height, shape.width);
        if height * width < 2 {
            return Err(DataError::OnePixel { shape });
        }
        // The transform's second half holds the negative frequencies, mirrored.
        let cycles = |k: usize, side: usize| k.min(side - k) as f64 / side as f64;
        let gain = Array2::from_shape_fn((height, width), |(y, x)| match cycles(y, height).hypot(cycles(x, width)) {
            0.0 => 0.0,
            f => f.powf(-beta),
        });
        let mut planner = FftPlanner::new();
        let forward = Plans { row: planner.plan_fft_forward(width), column: planner.plan_fft_forward(height) };
        let inverse = Plans { row: planner.plan_fft_inverse(width), column: planner.plan_fft_inverse(height) };
        Ok(Filter { shape, gain, forward, inverse })
    }

    /// Image `i`: white noise from the stream `pink/i` in (c, h, w) order; each channel is transformed, filtered and
    /// transformed back; then all values of the image together are brought to mean 0 and variance 1.
    pub(super) fn image(&self, seed: u64, i: usize) -> Vec<f64> {
        let mut stream = Stream::named(seed, &format!("pink/{i}"));
        let (height, width) = (self.shape.height, self.shape.width);
        let mut image = Vec::with_capacity(self.shape.len());
        for _ in 0..self.shape.channels {
            let white = Array2::from_shape_simple_fn((height, width), || Complex::new(stream.normal(), 0.0));
            let spectrum = transform(white, &self.forward) * self.gain.mapv(Complex::from);
            // Neither direction is normalised; the standardisation below takes the factor out.
            image.extend(transform(spectrum, &self.inverse).iter().map(|z| z.re));
        }
        let count = image.len() as f64;
        let mean = image.iter().sum::<f64>() / count;
        let std = (image.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count).sqrt();
        image.iter_mut().for_each(|v| *v = (*v - mean) / std);
        image
    }
}

/// The unnormalised two-dimensional transform: every row, then every column.
fn transform(plane: Array2<Complex<f64>>, plans: &Plans) -> Array2<Complex<f64>> {
    let along_rows = |plane: Array2<Complex<f64>>, plan: &Arc<dyn Fft<f64>>| {
        let mut plane = plane.as_standard_layout().into_owned();
        if let Some(rows) = plane.as_slice_mut() {
            plan.process(rows);
        }
        plane.reversed_axes()
    };
    along_rows(along_rows(plane, &plans.row), &plans.column)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn equals_numpy() {
        // w = normals of the stream pink/3 under seed 7, shaped (2, 4, 6)
        // f = np.hypot(np.fft.fftfreq(4)[:, None], np.fft.fftfreq(6)[None])
        // g = np.zeros_like(f); g[f > 0] = f[f > 0] ** -1.5
        // x = np.fft.ifft2(np.fft.fft2(w) * g).real; x = (x - x.mean()) / x.std(); x[0, 0], x[1, 3]
        let image = Filter::new(Shape::new(2, 4, 6), 1.5).unwrap().image(7, 3);
        let first = [-0.31654752, 1.42544691, 1.20839965, -0.85398381, -1.26000392, -0.86418011];
        assert_abs_diff_eq!(image[..6], first, epsilon = 1e-8);
        let last = [1.7682261, 0.87297699, 0.27606429, 0.31450613, -0.6666196, 0.90770738];
        assert_abs_diff_eq!(image[42..], last, epsilon = 1e-8);
    }

    #[test]
    fn amplitude_falls_as_a_power_of_frequency() {
        // The energy of a transform's ring of radius r is (ring size) · r^(-2 beta), on average over images.
        let (side, beta) = (32, 1.0);
        let filter = Filter::new(Shape::new(1, side, side), beta).unwrap();
        let energy = |k: usize| -> f64 {
            (0..200)
                .map(|i| {
                    let plane = Array2::from_shape_vec((side, side), filter.image(1, i)).unwrap();
                    transform(plane.mapv(Complex::from), &filter.forward)[(0, k)].norm_sqr()
                })
                .sum()
        };
        let slope = (energy(8) / energy(2)).ln() / 4f64.ln();
        assert_abs_diff_eq!(slope, -2.0 * beta, epsilon = 0.25);
    }

    #[test]
    fn one_pixel_is_refused_and_one_row_is_not() {
        assert!(matches!(Filter::new(Shape::new(3, 1, 1), 1.5), Err(DataError::OnePixel { .. })));
        assert!(Filter::new(Shape::new(1, 1, 2), 8.0).unwrap().image(0, 0).iter().all(|v| v.is_finite()));
    }
}
