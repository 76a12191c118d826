//! A ridge line for latencies, with an interval.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use ndarray_linalg::{Eigh, UPLO};

/// Nominal coverage of the interval.
pub(super) const LEVEL: f64 = 0.9;
/// The fewest networks that a fit makes sense with: fewer leave-one-out errors have no 90% quantile.
pub(super) const LEAST: usize = 9;
/// Penalties tried, 10 to the power of.
const EXPONENTS: std::ops::RangeInclusive<i32> = -12..=4;

/// A line `b + w·z` for latencies `y > 0` whose noise grows with them.
///
/// With `c_i = (τ / y_i)²`, `τ` such that their mean is 1, so that relative errors count, it minimises
///
/// ```text
/// Σ c_i (y_i - b - w·z_i)² + n α |w|²
/// ```
///
/// over `w` and the unpenalised `b`, for the `α = 10^(k/2)`, `k = -12 … 4`, with the least sum of squared leave-one-out errors
/// `c_i (y_i - ŷ₋ᵢ)²` (exact, without refits; Allen, Technometrics 16, 1974). The standard deviation of a latency is modelled as
/// proportional to
///
/// ```text
/// s(z)² = (ŷ(z) / τ)² + 1 / Σ c_i + (z - z̄)ᵀ (Σ c_i (z_i - z̄)(z_i - z̄)ᵀ + n α I)⁻¹ (z - z̄)
/// ```
///
/// (noise, and uncertainty of `b` and `w` given the penalty as a prior), and the 90% interval is `ŷ ± q s`, `q` the
/// `⌈0.9 (n + 1)⌉`-th smallest of `|y_i - ŷ₋ᵢ| / s₋ᵢ(z_i)`: a conformal interval.
#[derive(Clone, Debug)]
pub(super) struct Additive {
    mean: Array1<f64>,
    intercept: f64,
    weights: Array1<f64>,
    /// Directions that the data know, one per column, and the weighted sum of squares along each.
    directions: Array2<f64>,
    squares: Array1<f64>,
    penalty: f64,
    total: f64,
    scale: f64,
    quantile: f64,
}

impl Additive {
    /// Fits rows `z` and as many latencies, at least [`LEAST`], all positive; what LAPACK says where it fails.
    pub fn fit(z: ArrayView2<f64>, y: &[f64]) -> Result<Self, String> {
        let n = y.len() as f64;
        let scale = (n / y.iter().map(|v| v.powi(-2)).sum::<f64>()).sqrt();
        let roots: Array1<f64> = y.iter().map(|v| scale / v).collect();
        let cases = roots.mapv(|r| r * r);
        let total = cases.sum();
        let mean = z.t().dot(&cases) / total;
        let y_mean = cases.iter().zip(y).map(|(c, y)| c * y).sum::<f64>() / total;
        let rows = (&z - &mean) * roots.view().insert_axis(Axis(1));
        let residuals: Array1<f64> = roots.iter().zip(y).map(|(r, y)| r * (y - y_mean)).collect();

        let (directions, squares) = directions(&rows)?;
        let scores = rows.dot(&directions);
        let along: Array1<f64> = scores.t().dot(&residuals) / &squares;
        // Of the fit with each penalty: the penalty, the leave-one-out errors and their leverages.
        let errors = |exponent: i32| {
            let penalty = n * 10f64.powf(f64::from(exponent) / 2.0);
            let kept = squares.mapv(|s| s / (s + penalty));
            let fitted = scores.dot(&(&along * &kept));
            let shares = &kept / &squares;
            let leverage: Array1<f64> = scores.rows().into_iter().map(|row| (&row * &row).dot(&shares)).collect();
            let left = (leverage + &(&cases / total)).mapv(|h| (1.0 - h).max(1e-9));
            (penalty, (&residuals - &fitted) / &left, left)
        };
        let loss = |e: &Array1<f64>| e.dot(e);
        let all = EXPONENTS.map(errors);
        let Some((penalty, errors, left)) = all.min_by(|a, b| loss(&a.1).total_cmp(&loss(&b.1))) else {
            return Err("no penalty was tried".into());
        };
        // The prediction without the network, and the second and third part of its s², follow from error and leverage. The
        // noise is that of the prediction, as it will be for new networks: latencies far above it are not excused by
        // being large.
        let score = |i: usize| {
            let error = errors[i] / roots[i];
            let predicted = (y[i] - error).max(0.0);
            let unsure = (1.0 - left[i]) / left[i] / cases[i];
            error.abs() / ((predicted / scale).powi(2) + unsure).sqrt()
        };
        let mut relative: Vec<f64> = (0..y.len()).map(score).collect();
        relative.sort_unstable_by(f64::total_cmp);
        let rank = ((n + 1.0) * LEVEL).ceil() as usize;
        let quantile = relative[rank.clamp(1, relative.len()) - 1];
        let kept = squares.mapv(|s| s / (s + penalty));
        let weights = directions.dot(&(&along * &kept));
        let fit = Additive { mean, intercept: y_mean, weights, directions, squares, penalty, total, scale, quantile };
        if fit.weights.iter().all(|w| w.is_finite()) { Ok(fit) } else { Err("a weight is not finite".into()) }
    }

    /// The latency at `z`, not below 0, and half the width of its 90% interval.
    pub fn at(&self, z: ArrayView1<f64>) -> (f64, f64) {
        let centred = &z - &self.mean;
        let mean = (self.intercept + centred.dot(&self.weights)).max(0.0);
        let along = self.directions.t().dot(&centred);
        let unknown = (centred.dot(&centred) - along.dot(&along)).max(0.0) / self.penalty;
        let known: f64 = along.iter().zip(&self.squares).map(|(a, s)| a * a / (s + self.penalty)).sum();
        let variance = (mean / self.scale).powi(2) + 1.0 / self.total + known + unknown;
        (mean, self.quantile * variance.sqrt())
    }
}

/// Orthonormal directions (p, r) along which the rows (n, p) differ, and the sum of squares along each.
fn directions(rows: &Array2<f64>) -> Result<(Array2<f64>, Array1<f64>), String> {
    let (n, p) = rows.dim();
    let wide = p > n;
    let gram = if wide { rows.dot(&rows.t()) } else { rows.t().dot(rows) };
    let (values, vectors) = gram.eigh(UPLO::Lower).map_err(|e| e.to_string())?;
    let largest = values.fold(0.0_f64, |most, v| most.max(*v));
    let found: Vec<usize> = (0..values.len()).filter(|&i| values[i] > 1e-12 * largest).collect();
    let (squares, vectors) = (values.select(Axis(0), &found), vectors.select(Axis(1), &found));
    let directions = if wide { rows.t().dot(&vectors) / &squares.mapv(f64::sqrt) } else { vectors };
    Ok((directions, squares))
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn made_up(n: usize, p: usize) -> (Array2<f64>, Vec<f64>) {
        let z = Array2::from_shape_fn((n, p), |(i, j)| (3.0 + 1.7 * (i * (j + 1)) as f64).sin());
        let y = (0..n).map(|i| 5.0 + z[[i, 0]] - 0.5 * z[[i, 1]] + 0.1 * (40.0 * i as f64).sin()).collect();
        (z, y)
    }

    // z, y = made_up(n, p); best = None
    // for k in range(-12, 5):
    //     m = lambda: Ridge(alpha=n * 10 ** (k / 2), solver="svd")
    //     c = 1 / y ** 2; c = c / c.mean()
    //     e = [y[i] - m().fit(np.delete(z, i, 0), np.delete(y, i), sample_weight=np.delete(c, i)).predict(z[i:i + 1])[0]
    //          for i in range(n)]
    //     loss = (c * np.square(e)).sum()
    //     if best is None or loss < best[0]: best = loss, m().fit(z, y, sample_weight=c).predict(z[:1])[0], c ** .5 * np.abs(e)
    // best[1]
    #[test]
    fn matches_scikit_learn() {
        for (n, p, expected) in GOLDEN {
            let (z, y) = made_up(n, p);
            let fit = Additive::fit(z.view(), &y).unwrap();
            assert_relative_eq!(fit.at(z.row(0)).0, expected, max_relative = 1e-8);
        }
    }

    const GOLDEN: [(usize, usize, f64); 2] = [(14, 4, 5.0667353265209805), (10, 16, 5.070558299340029)];

    #[test]
    fn intervals_hold_what_they_promise_and_widen_away_from_the_data() {
        let mut stream = crate::seed::Stream::new(2);
        let (mut held, mut asked) = (0, 0);
        for _ in 0..30 {
            let z = Array2::from_shape_fn((60, 3), |_| stream.normal());
            // Now and then a run takes half as long again.
            let mut noise = || if stream.uniform() < 0.15 { 1.5 } else { 1.0 + 0.05 * stream.normal() };
            let y: Vec<f64> = (0..60).map(|i| (10.0 + z[[i, 0]]) * noise()).collect();
            let fit = Additive::fit(z.slice(ndarray::s![..30, ..]), &y[..30]).unwrap();
            for (row, y) in z.rows().into_iter().zip(&y).skip(30) {
                let (mean, half) = fit.at(row);
                held += usize::from((y - mean).abs() <= half);
                asked += 1;
            }
            assert!(fit.at(ndarray::arr1(&[9.0, 9.0, 9.0]).view()).1 > 1.5 * fit.at(z.row(0)).1);
        }
        let coverage = held as f64 / asked as f64;
        assert!((0.86..0.96).contains(&coverage), "{coverage}");
    }
}
