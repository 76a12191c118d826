//! The Gaussian process itself: kernel, hyperparameters, posterior.

use ndarray::{Array1, Array2, ArrayView2, Axis, Zip, s};
use ndarray_linalg::error::LinalgError;
use ndarray_linalg::{DeterminantC, FactorizeC, InverseC, SolveC, UPLO};

use crate::encoding::Layout;
use crate::predictor::ridge::Standardiser;

/// Prior of the mean: intercept 0 and slope of the prior column, with their standard deviations.
const INTERCEPT_STD: f64 = 0.2;
const SLOPE: (f64, f64) = (0.8, 0.15);
/// Priors of the logarithms of amplitude, length scale and noise: (typical value, standard deviation of the logarithm).
/// Labels have variance one and inputs a mean squared distance of two.
const AMPLITUDE: (f64, f64) = (0.5, 0.7);
const LENGTH: (f64, f64) = (1.2, 0.5);
const NOISE: (f64, f64) = (0.4, 0.7);
/// Keeps the kernel matrix positive definite.
const JITTER: f64 = 1e-6;
/// Steps of the search for hyperparameters.
const STEPS: usize = 40;
const STEPS_WARM: usize = 8;

/// Rows of features as the kernel reads them: each group scaled so that two rows are on average √2 apart.
#[derive(Clone)]
pub(crate) struct Inputs {
    groups: Vec<Array2<f64>>,
    /// Ones, and the prior column if there is one; shape (rows, 1 or 2).
    basis: Array2<f64>,
}

impl Inputs {
    /// Columns are standardised over all networks ([`Layout::scale`]) or, where the layout does not know them, over the
    /// rows of `reference`. Without groups all columns form one.
    pub fn new(layout: &Layout, reference: ArrayView2<f64>, x: ArrayView2<f64>) -> Self {
        let standardised = match layout.scale.len() == x.ncols() {
            true => {
                (&x - &layout.scale.iter().map(|s| s.0).collect::<Array1<f64>>())
                    / &layout.scale.iter().map(|s| s.1).collect::<Array1<f64>>()
            }
            false => Standardiser::new(reference).apply(x),
        };
        let mut ranges: Vec<_> = layout.groups.iter().map(|g| g.columns.clone()).filter(|c| !c.is_empty()).collect();
        if ranges.last().is_none_or(|last| last.end != x.ncols()) {
            ranges = std::iter::once(0..x.ncols()).collect();
        }
        let groups = ranges
            .into_iter()
            .map(|c| standardised.slice(s![.., c.clone()]).mapv(|v| v / (c.len() as f64).sqrt()))
            .collect();
        let mut basis = Array2::ones((x.nrows(), 1 + usize::from(layout.prior.is_some())));
        if let Some(prior) = layout.prior {
            basis.column_mut(1).assign(&x.column(prior));
        }
        Inputs { groups, basis }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.basis.nrows()
    }

    /// These rows, in this order.
    pub fn select(&self, rows: &[usize]) -> Inputs {
        let groups = self.groups.iter().map(|x| x.select(Axis(0), rows)).collect();
        Inputs { groups, basis: self.basis.select(Axis(0), rows) }
    }

    /// Rows in pieces of at most `size`.
    fn pieces(&self, size: usize) -> impl Iterator<Item = Inputs> + '_ {
        (0..self.len()).step_by(size).map(move |start| {
            let end = (start + size).min(self.len());
            let piece = |x: &Array2<f64>| x.slice(s![start..end, ..]).to_owned();
            Inputs { groups: self.groups.iter().map(piece).collect(), basis: piece(&self.basis) }
        })
    }

    /// Prior mean of the labels of each row.
    fn mean(&self) -> Array1<f64> {
        match self.basis.ncols() {
            1 => Array1::zeros(self.len()),
            _ => self.basis.column(1).mapv(|v| SLOPE.0 * v),
        }
    }

    /// Covariance of the uncertain mean between rows.
    fn linear(&self, other: &Inputs) -> Array2<f64> {
        let variances = [INTERCEPT_STD.powi(2), SLOPE.1.powi(2)];
        let weights: Array1<f64> = variances[..self.basis.ncols()].iter().copied().collect();
        (&self.basis * &weights).dot(&other.basis.t())
    }
}

/// `|a_i - b_j|²`, shape (rows of a, rows of b).
fn squared_distances(a: &Array2<f64>, b: &Array2<f64>) -> Array2<f64> {
    let norms = |x: &Array2<f64>| x.map_axis(Axis(1), |row| row.dot(&row));
    let mut distances = a.dot(&b.t());
    let (na, nb) = (norms(a), norms(b));
    for (mut row, na) in distances.rows_mut().into_iter().zip(&na) {
        Zip::from(&mut row).and(&nb).for_each(|d, nb| *d = (na + nb - 2.0 * *d).max(0.0));
    }
    distances
}

/// Logarithms of amplitude and length scale of each group, then of the noise.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hyperparameters(pub(super) Vec<f64>);

impl Hyperparameters {
    pub(super) fn typical(groups: usize) -> Self {
        let mut values: Vec<f64> = (0..groups).flat_map(|_| [AMPLITUDE.0.ln(), LENGTH.0.ln()]).collect();
        values.push(NOISE.0.ln());
        Hyperparameters(values)
    }

    fn group(&self, g: usize) -> (f64, f64) {
        (self.0[2 * g].exp(), self.0[2 * g + 1].exp())
    }

    fn groups(&self) -> usize {
        self.0.len() / 2
    }

    fn noise_variance(&self) -> f64 {
        (2.0 * self.0[self.0.len() - 1]).exp() + JITTER
    }

    /// Prior of parameter `i`: mean and standard deviation.
    fn prior(&self, i: usize) -> (f64, f64) {
        let (typical, std) = match i {
            i if i + 1 == self.0.len() => NOISE,
            i if i % 2 == 0 => AMPLITUDE,
            _ => LENGTH,
        };
        (typical.ln(), std)
    }
}

/// A fitted process: what is known of the normal scores of unseen rows.
pub(crate) struct Model {
    pub hyperparameters: Hyperparameters,
    inputs: Inputs,
    /// `K⁻¹ (z - m)`.
    weights: Array1<f64>,
    /// `K⁻¹`, shape (n, n).
    inverse: Array2<f64>,
}

/// Rows predicted at a time, which bounds memory.
const PIECE: usize = 4096;

impl Model {
    /// Fits scores `z` at `inputs`, searching for hyperparameters from `start` (few steps) or from typical ones.
    pub fn fit(inputs: Inputs, z: &[f64], start: Option<&Hyperparameters>) -> Result<Self, LinalgError> {
        let (typical, steps) = match start {
            Some(start) if start.groups() == inputs.groups.len() => (start.clone(), STEPS_WARM),
            _ => (Hyperparameters::typical(inputs.groups.len()), STEPS),
        };
        let problem = Problem::new(&inputs, z);
        let hyperparameters = problem.maximise(typical, steps)?;
        Self::solve(problem, inputs, hyperparameters)
    }

    /// Fits with given hyperparameters.
    pub fn fit_with(inputs: Inputs, z: &[f64], hyperparameters: Hyperparameters) -> Result<Self, LinalgError> {
        Self::solve(Problem::new(&inputs, z), inputs, hyperparameters)
    }

    fn solve(problem: Problem, inputs: Inputs, hyperparameters: Hyperparameters) -> Result<Self, LinalgError> {
        let (weights, inverse) = problem.solve(&hyperparameters)?;
        Ok(Model { hyperparameters, inputs, weights, inverse })
    }

    /// Mean and standard deviation of the noise-free score of each row, and the variance of the noise.
    pub fn predict(&self, x: &Inputs) -> (Vec<(f64, f64)>, f64) {
        let h = &self.hyperparameters;
        let amplitudes: f64 = (0..h.groups()).map(|g| h.group(g).0.powi(2)).sum();
        let mut latent = Vec::with_capacity(x.len());
        for piece in x.pieces(PIECE) {
            let cross = self.covariance(&piece);
            let explained = cross.dot(&self.inverse);
            let means = piece.mean() + cross.dot(&self.weights);
            let variances = [INTERCEPT_STD.powi(2), SLOPE.1.powi(2)];
            for (i, mean) in means.into_iter().enumerate() {
                let basis = piece.basis.row(i);
                let own: f64 = basis.iter().zip(variances).map(|(b, v)| b * b * v).sum();
                let variance = amplitudes + own - cross.row(i).dot(&explained.row(i));
                latent.push((mean, variance.max(1e-12).sqrt()));
            }
        }
        (latent, h.noise_variance())
    }

    /// Mean and standard deviation, noise included, of each training score given all others, at these hyperparameters:
    /// `z_i - α_i / K⁻¹_ii` and `1 / √K⁻¹_ii` (Rasmussen & Williams, section 5.4.2).
    pub fn leave_one_out(&self, z: &[f64]) -> Vec<(f64, f64)> {
        let precision = self.inverse.diag();
        z.iter().zip(&self.weights).zip(precision).map(|((z, alpha), p)| (z - alpha / p, p.sqrt().recip())).collect()
    }

    /// Posterior covariance of the noise-free scores of these rows.
    pub fn posterior_covariance(&self, x: &Inputs) -> Array2<f64> {
        let cross = self.covariance(x);
        let mut prior = x.linear(x);
        add_kernel(&mut prior, &x.groups, &x.groups, &self.hyperparameters);
        prior - cross.dot(&self.inverse).dot(&cross.t())
    }

    /// Prior covariance between rows and training rows.
    fn covariance(&self, x: &Inputs) -> Array2<f64> {
        let mut cross = x.linear(&self.inputs);
        add_kernel(&mut cross, &x.groups, &self.inputs.groups, &self.hyperparameters);
        cross
    }
}

fn add_kernel(sum: &mut Array2<f64>, a: &[Array2<f64>], b: &[Array2<f64>], h: &Hyperparameters) {
    for (g, (a, b)) in a.iter().zip(b).enumerate() {
        let (amplitude, length) = h.group(g);
        let (variance, factor) = (amplitude * amplitude, 5f64.sqrt() / length);
        Zip::from(&mut *sum).and(&squared_distances(a, b)).for_each(|k, d2| {
            let q = factor * d2.sqrt();
            *k += variance * (1.0 + q + q * q / 3.0) * (-q).exp();
        });
    }
}

/// What the posterior of hyperparameters depends on.
pub(super) struct Problem {
    residual: Array1<f64>,
    linear: Array2<f64>,
    distances: Vec<Array2<f64>>,
}

impl Problem {
    pub fn new(inputs: &Inputs, z: &[f64]) -> Self {
        Problem {
            residual: Array1::from(z.to_vec()) - inputs.mean(),
            linear: inputs.linear(inputs),
            distances: inputs.groups.iter().map(|x| squared_distances(x, x)).collect(),
        }
    }

    /// The kernel matrix with noise, and its derivatives by the logarithms of amplitude and length of each group.
    fn kernel(&self, h: &Hyperparameters) -> (Array2<f64>, Vec<Array2<f64>>) {
        let mut sum = self.linear.clone();
        let mut derivatives = Vec::with_capacity(2 * self.distances.len());
        for (g, distances) in self.distances.iter().enumerate() {
            let (amplitude, length) = h.group(g);
            let (variance, factor) = (amplitude * amplitude, 5f64.sqrt() / length);
            let (mut kernel, mut by_length) = (Array2::zeros(sum.dim()), Array2::zeros(sum.dim()));
            Zip::from(&mut kernel).and(&mut by_length).and(distances).for_each(|k, l, d2| {
                let q = factor * d2.sqrt();
                let e = variance * (-q).exp();
                *k = e * (1.0 + q + q * q / 3.0);
                *l = e * q * q * (1.0 + q) / 3.0;
            });
            sum += &kernel;
            kernel *= 2.0;
            derivatives.extend([kernel, by_length]);
        }
        sum.diag_mut().mapv_inplace(|v| v + h.noise_variance());
        (sum, derivatives)
    }

    fn solve(&self, h: &Hyperparameters) -> Result<(Array1<f64>, Array2<f64>), LinalgError> {
        let (kernel, _) = self.kernel(h);
        let factor = kernel.factorizec(UPLO::Lower)?;
        Ok((factor.solvec(&self.residual)?, factor.invc()?))
    }

    /// Log posterior of the hyperparameters up to a constant, and its gradient:
    /// `-½ rᵀK⁻¹r - ½ ln|K| + ln p(θ)`, with derivative `½ (αᵀ ∂K α - tr(K⁻¹ ∂K))` of the first two terms, `α = K⁻¹r`.
    pub fn log_posterior(&self, h: &Hyperparameters) -> Result<(f64, Vec<f64>), LinalgError> {
        let (kernel, mut derivatives) = self.kernel(h);
        let factor = kernel.factorizec(UPLO::Lower)?;
        let alpha = factor.solvec(&self.residual)?;
        let mut value = -0.5 * self.residual.dot(&alpha) - 0.5 * factor.ln_detc();
        let inverse = factor.invc()?;
        let noise = Array2::from_diag(&Array1::from_elem(alpha.len(), 2.0 * (h.noise_variance() - JITTER)));
        derivatives.push(noise);
        let mut gradient = Vec::with_capacity(derivatives.len());
        for (i, derivative) in derivatives.iter().enumerate() {
            let fit = alpha.dot(&derivative.dot(&alpha));
            let trace: f64 = Zip::from(&inverse).and(derivative).fold(0.0, |sum, a, b| sum + a * b);
            let (mean, std) = h.prior(i);
            let z = (h.0[i] - mean) / std;
            value -= 0.5 * z * z;
            gradient.push(0.5 * (fit - trace) - z / std);
        }
        Ok((value, gradient))
    }

    /// The best hyperparameters that `steps` steps of resilient backpropagation see (iRprop-; Blum & Riedmiller,
    /// "Optimization of Gaussian process hyperparameters using Rprop", ESANN 2013).
    pub fn maximise(&self, start: Hyperparameters, steps: usize) -> Result<Hyperparameters, LinalgError> {
        let mut h = start;
        let mut sizes = vec![0.1; h.0.len()];
        let mut before = vec![0.0; h.0.len()];
        let mut best: Option<(f64, Hyperparameters)> = None;
        for _ in 0..steps {
            let (value, gradient) = self.log_posterior(&h)?;
            if best.as_ref().is_none_or(|(most, _)| value > *most) {
                best = Some((value, h.clone()));
            }
            for (i, slope) in gradient.into_iter().enumerate() {
                let turned = slope * before[i];
                let factor: f64 = if turned > 0.0 {
                    1.2
                } else if turned < 0.0 {
                    0.5
                } else {
                    1.0
                };
                sizes[i] = (sizes[i] * factor).clamp(1e-4, 0.5);
                before[i] = if turned < 0.0 { 0.0 } else { slope };
                h.0[i] += sizes[i] * if before[i] == 0.0 { 0.0 } else { before[i].signum() };
            }
            if sizes.iter().all(|s| *s < 2e-3) {
                break;
            }
        }
        Ok(best.map_or(h, |(_, h)| h))
    }
}
