//! Ridge regression with case weights, solved exactly.
//!
//! For rows `z_i`, labels `y_i` and case weights `c_i` with sum `n` it minimises over `w` and the unpenalised `b`
//!
//! ```text
//! Σ c_i (y_i - b - w·z_i)² + n α |w|²
//! ```
//!
//! (Hoerl & Kennard, Technometrics 12, 1970). `n α` is the `alpha` of scikit-learn's `Ridge`, and `α` is the `penalty`
//! of linfa-elasticnet at `l1_ratio` 0. The latter's coordinate descent is not used: without an L1 term its duality gap
//! is the loss itself, so it never sees that it has converged, and for 35 columns correlated at 0.9, as proxies are,
//! and `α` = 0.01 its default of 1,000 sweeps leaves errors of 1e-2. The Cholesky factorisation of linfa-linalg is
//! exact to rounding and faster.

use linfa_linalg::LinalgError;
use linfa_linalg::cholesky::SolveCInplace;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

/// Maps columns to mean 0 and variance 1 (divisor `n`) over the rows it was made from; columns constant there become 0.
pub(super) struct Standardiser {
    mean: Array1<f64>,
    factor: Array1<f64>,
}

impl Standardiser {
    pub(super) fn new(x: ArrayView2<f64>) -> Self {
        let mean = x.map_axis(Axis(0), |column| column.sum() / x.nrows() as f64);
        let factor_of = |column: ArrayView1<f64>| {
            let deviation = column.std(0.0);
            // Rounding gives a constant column a tiny deviation.
            let constant = deviation <= 1e-12 * column.fold(0.0, |most, v| v.abs().max(most));
            if constant { 0.0 } else { 1.0 / deviation }
        };
        Standardiser { mean, factor: x.map_axis(Axis(0), factor_of) }
    }

    /// `(x - mean) · factor` of each column; `x` has as many as there were.
    pub(super) fn apply(&self, x: ArrayView2<f64>) -> Array2<f64> {
        (&x - &self.mean) * &self.factor
    }

    /// The same of one row.
    pub(super) fn row(&self, x: ArrayView1<f64>) -> Array1<f64> {
        (&x - &self.mean) * &self.factor
    }
}

/// Labels as `(y - mean) / deviation` with divisor `n`; equal labels have deviation 0 and become exactly 0.
pub(super) struct LabelScale {
    pub(super) mean: f64,
    pub(super) deviation: f64,
}

impl LabelScale {
    /// The scale of these labels, of which there is at least one, and the labels on it.
    pub(super) fn of(y: &Array1<f64>) -> (Self, Array1<f64>) {
        // Relative to one of them, equal labels are exactly zero and stay so.
        let relative = y - y[0];
        let mean = relative.sum() / y.len() as f64;
        let deviation = relative.std(0.0);
        let scaled = if deviation > 0.0 { (relative - mean) / deviation } else { Array1::zeros(y.len()) };
        (LabelScale { mean: y[0] + mean, deviation }, scaled)
    }

    /// A prediction on this scale in the unit of the labels.
    pub(super) fn prediction(&self, mean: f64, variance: f64) -> super::Prediction {
        let mean = self.mean + self.deviation * mean;
        super::Prediction { mean, std: self.deviation * variance.max(0.0).sqrt() }
    }
}

/// The weighted sums that a ridge fit depends on, centred.
pub(super) struct Moments {
    total: f64,
    z_mean: Array1<f64>,
    y_mean: f64,
    /// `Σ c_i (z_i - z̄)(z_i - z̄)ᵀ`, shape (p, p).
    gram: Array2<f64>,
    /// `Σ c_i (z_i - z̄)(y_i - ȳ)`, shape (p, 1).
    cross: Array2<f64>,
}

/// A fitted line `b + w·z`.
pub(super) struct Ridge {
    weights: Array1<f64>,
    intercept: f64,
}

impl Moments {
    /// Of rows `z`, labels and case weights, of which at least one is positive.
    pub(super) fn new(z: &Array2<f64>, y: &Array1<f64>, cases: &[f64]) -> Self {
        let (total, p) = (cases.iter().sum::<f64>(), z.ncols());
        let (mut z_mean, mut y_mean) = (Array1::zeros(p), 0.0);
        for ((row, &label), &c) in z.rows().into_iter().zip(y).zip(cases) {
            z_mean.scaled_add(c / total, &row);
            y_mean += c / total * label;
        }
        // Plain loops: the sums come in one order, whatever BLAS the program is linked with.
        let (mut gram, mut cross) = (Array2::zeros((p, p)), Array2::zeros((p, 1)));
        for ((row, &label), &c) in z.rows().into_iter().zip(y).zip(cases).filter(|(_, c)| **c > 0.0) {
            let centred = &row - &z_mean;
            for (j, &v) in centred.iter().enumerate() {
                gram.row_mut(j).scaled_add(c * v, &centred);
                cross[[j, 0]] += c * v * (label - y_mean);
            }
        }
        Moments { total, z_mean, y_mean, gram, cross }
    }

    /// The fit with penalty `alpha > 0`.
    pub(super) fn ridge(&self, alpha: f64) -> Result<Ridge, LinalgError> {
        let weights = self.solve(alpha, self.cross.clone())?.remove_axis(Axis(1));
        let intercept = self.y_mean - dot(self.z_mean.view(), &weights);
        Ok(Ridge { weights, intercept })
    }

    /// `(G + n α I)⁻¹ rhs`, with `G` the Gram matrix.
    fn solve(&self, alpha: f64, rhs: Array2<f64>) -> Result<Array2<f64>, LinalgError> {
        let mut system = self.gram.clone();
        system.diag_mut().mapv_inplace(|v| v + self.total * alpha);
        system.solvec_into(rhs)
    }

    /// Leave-one-out errors `y_i - ŷ₋ᵢ(z_i)` on the rows the moments were made from with unit weights and the penalty
    /// held at `n α`: `(y_i - ŷ_i) / (1 - h_i)` with `h_i = 1/n + (z_i - z̄)ᵀ (G + n α I)⁻¹ (z_i - z̄)` (Allen's PRESS,
    /// Technometrics 16, 1974). Exact, without a single refit.
    pub(super) fn leave_one_out(&self, z: &Array2<f64>, y: &Array1<f64>, alpha: f64) -> Result<Vec<f64>, LinalgError> {
        let ridge = self.ridge(alpha)?;
        let centred = z - &self.z_mean;
        let solved = self.solve(alpha, centred.t().to_owned())?;
        let error = |(i, row): (usize, ArrayView1<f64>)| {
            let leverage = 1.0 / self.total + row.iter().zip(solved.column(i)).map(|(a, b)| a * b).sum::<f64>();
            (y[i] - ridge.at(z.row(i))) / (1.0 - leverage)
        };
        Ok(centred.rows().into_iter().enumerate().map(error).collect())
    }
}

impl Ridge {
    /// The line at `z`.
    pub(super) fn at(&self, z: ArrayView1<f64>) -> f64 {
        self.intercept + dot(z, &self.weights)
    }
}

fn dot(a: ArrayView1<f64>, b: &Array1<f64>) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use approx::assert_relative_eq;

    /// Also the data of the bagged ridge: `x[i, j] = sin(3 + 1.7 i (j + 1)) + 0.8 cos(i)`,
    /// `y[i] = 90 + 2 x[i, 0] - x[i, 1] + 0.5 sin(40 i)`.
    pub(in crate::predictor) fn made_up(n: usize, p: usize) -> (Array2<f64>, Array1<f64>) {
        let at = |(i, j): (usize, usize)| (3.0 + 1.7 * (i * (j + 1)) as f64).sin() + 0.8 * (i as f64).cos();
        let x = Array2::from_shape_fn((n, p), at);
        let y = (0..n).map(|i| 90.0 + 2.0 * x[[i, 0]] - x[[i, 1]] + 0.5 * (40.0 * i as f64).sin()).collect();
        (x, y)
    }

    // z = StandardScaler().fit_transform(x); c = np.arange(n) % 3
    // r = Ridge(alpha=n * a, solver="svd").fit(z, y); r.predict(z[:1]); r.coef_[1]
    // (y - cross_val_predict(Ridge(alpha=n * a, solver="svd"), z, y, cv=LeaveOneOut()))[2]
    // Ridge(alpha=c.sum() * a, solver="svd").fit(z, y, sample_weight=c).predict(z[:1])
    #[test]
    fn matches_scikit_learn() {
        let golden = [
            (14, 4, 0.01, [90.89219188389498, -0.8593632136586375, -0.7271321548126082, 90.69384253662425]),
            (14, 4, 1.0, [90.49545305809188, -0.28314797220430166, -0.2400580059564703, 89.9457205207921]),
            (10, 16, 0.01, [90.93820222663338, -0.4049659177303063, 0.36911867332375436, 89.23274224848151]),
            (10, 16, 1.0, [90.76177191919717, -0.2071718027225037, 0.3251326485898147, 89.08025391076984]),
        ];
        for (n, p, alpha, expected) in golden {
            let (x, y) = made_up(n, p);
            let z = Standardiser::new(x.view()).apply(x.view());
            let moments = Moments::new(&z, &y, &vec![1.0; n]);
            let ridge = moments.ridge(alpha).unwrap();
            let cases: Vec<f64> = (0..n).map(|i| (i % 3) as f64).collect();
            let weighted = Moments::new(&z, &y, &cases).ridge(alpha).unwrap();
            let errors = moments.leave_one_out(&z, &y, alpha).unwrap();
            let found = [ridge.at(z.row(0)), ridge.weights[1], errors[2], weighted.at(z.row(0))];
            for (value, golden) in found.into_iter().zip(expected) {
                assert_relative_eq!(value, golden, max_relative = 1e-9);
            }
        }
    }

    #[test]
    fn alpha_is_the_penalty_of_linfa_elasticnet() {
        use linfa::prelude::*;
        let (x, y) = made_up(14, 4);
        let z = Standardiser::new(x.view()).apply(x.view());
        let ridge = Moments::new(&z, &y, &[1.0; 14]).ridge(1.0).unwrap();
        let by_descent = linfa_elasticnet::ElasticNet::<f64>::params().penalty(1.0).l1_ratio(0.0);
        let by_descent = by_descent.fit(&Dataset::new(z, y)).unwrap();
        for (exact, found) in ridge.weights.iter().zip(by_descent.hyperplane()) {
            assert_relative_eq!(exact, found, max_relative = 1e-9);
        }
        assert_relative_eq!(ridge.intercept, by_descent.intercept(), max_relative = 1e-12);
    }

    #[test]
    fn constant_and_repeated_columns_are_harmless() {
        let (x, y) = made_up(12, 2);
        let wide = Array2::from_shape_fn((12, 4), |(i, j)| if j == 3 { 0.1 } else { x[[i, j.min(1)]] });
        let standardiser = Standardiser::new(wide.view());
        let z = standardiser.apply(wide.view());
        let ridge = Moments::new(&z, &y, &[1.0; 12]).ridge(0.1).unwrap();
        assert_relative_eq!(ridge.weights[1], ridge.weights[2], max_relative = 1e-9);
        // A column without variance in training has no say later.
        assert_eq!(ridge.weights[3], 0.0);
        assert_eq!(standardiser.apply(Array2::from_elem((1, 4), 7.0).view())[[0, 3]], 0.0);
    }
}
