//! Bayesian linear regression whose two precisions maximise the evidence.

use ndarray::{Array1, ArrayView1, ArrayView2};
use ndarray_linalg::{Eigh, UPLO};

use super::fitted::ByRow;
use super::on_normal_scores::OnNormalScores;
use super::ridge::{LabelScale, Standardiser};
use super::{FittedPredictor, Predictor, PredictorEntry, PredictorError, check, require};

pub(super) static ENTRY: PredictorEntry = PredictorEntry {
    name: "bayesian-linear",
    title: "Bayesian linear regression",
    what: "a line with normal weights; the evidence sets how far they may stray and how noisy the labels are",
    paper: "MacKay, Bayesian interpolation, Neural Computation 4, 1992; Bishop, Pattern Recognition and Machine Learning, 2006",
    open: &|_, _| Box::new(OnNormalScores(BayesianLinear::default())),
};

const MIN_LABELS: usize = 3;
/// Shape and rate of the Gamma hyperpriors, small enough not to matter; they keep a perfect fit finite.
const HYPERPRIOR: f64 = 1e-6;

/// Bayesian linear regression by evidence maximisation.
///
/// Columns are standardised to `z`, labels to `t` (mean 0, variance 1, or all 0 if they are equal). The model is
///
/// ```text
/// t_i = b + w·z_i + ε_i      w ~ N(0, I / λ)   ε_i ~ N(0, 1 / β)   b flat
/// ```
///
/// with Gamma(10⁻⁶, 10⁻⁶) hyperpriors of `λ` and `β`. From `λ = β = 1` the updates of MacKay (1992; Bishop 2006, section
/// 3.5.2) are repeated until no weight moves by more than `tolerance`:
///
/// ```text
/// w = (Zᵀ Z + (λ/β) I)⁻¹ Zᵀ t        γ = Σ_k g_k / (g_k + λ/β)        g_k: eigenvalues of Zᵀ Z
/// λ = (γ + 2·10⁻⁶) / (|w|² + 2·10⁻⁶)  β = (n - γ + 2·10⁻⁶) / (|t - Z w|² + 2·10⁻⁶)
/// ```
///
/// (`γ` is the number of weights that the labels determine.) A prediction is the predictive distribution, in the unit of
/// the labels:
///
/// ```text
/// mean = w·z        std² = (1/β) (1 + 1/n + zᵀ (Zᵀ Z + (λ/β) I)⁻¹ z)
/// ```
///
/// noise, uncertainty of `b` and uncertainty of `w`. Needs 3 labels; works for more features than labels, where the
/// evidence may find the labels noiseless and `std` is then too small. Time `O(n p² + p³)`.
#[derive(Clone, Copy, Debug)]
pub struct BayesianLinear {
    /// Largest change of a weight, in standard deviations of the labels, that counts as none. Positive.
    pub tolerance: f64,
    /// Most updates. At least 1.
    pub max_updates: usize,
}

impl Default for BayesianLinear {
    /// Tolerance 10⁻⁶, 1,000 updates.
    fn default() -> Self {
        BayesianLinear { tolerance: 1e-6, max_updates: 1000 }
    }
}

impl BayesianLinear {
    fn guard(&self) -> Result<(), PredictorError> {
        require(ENTRY.name, "tolerance", self.tolerance, self.tolerance > 0.0, "positive")?;
        require(ENTRY.name, "max_updates", self.max_updates, self.max_updates > 0, "at least 1")
    }
}

impl Predictor for BayesianLinear {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, x: ArrayView2<f64>, y: ArrayView1<f64>) -> Result<Box<dyn FittedPredictor>, PredictorError> {
        self.guard()?;
        check(ENTRY.name, &x, &y, MIN_LABELS)?;
        let standardiser = Standardiser::new(x);
        let z = standardiser.apply(x);
        let (labels, t) = LabelScale::of(&y.to_owned());
        let gram = z.t().dot(&z);
        let failed = |reason: String| PredictorError::Numerical { predictor: ENTRY.name, reason };
        let (eigenvalues, vectors) = gram.eigh(UPLO::Lower).map_err(|e| failed(e.to_string()))?;
        // In the basis of the eigenvectors all weights are apart. Those without data may come out just below zero.
        let eigenvalues = eigenvalues.mapv(|e| e.max(0.0));
        let axes = vectors.reversed_axes();
        let cross: Array1<f64> = axes.dot(&z.t().dot(&t));

        let n = t.len() as f64;
        let (mut lambda, mut beta) = (1.0, 1.0);
        let mut weights = Array1::zeros(cross.len());
        for _ in 0..self.max_updates {
            let ratio = lambda / beta;
            let updated = &cross / &eigenvalues.mapv(|e| e + ratio);
            let moved = (&updated - &weights).fold(0.0_f64, |most, change| most.max(change.abs()));
            weights = updated;
            let residuals = &t - &z.dot(&axes.t().dot(&weights));
            let determined: f64 = eigenvalues.iter().map(|e| e / (e + ratio)).sum();
            lambda = (determined + 2.0 * HYPERPRIOR) / (weights.dot(&weights) + 2.0 * HYPERPRIOR);
            beta = (n - determined + 2.0 * HYPERPRIOR) / (residuals.dot(&residuals) + 2.0 * HYPERPRIOR);
            if moved <= self.tolerance {
                break;
            }
        }
        let shrunk = eigenvalues.mapv(|e| e + lambda / beta);
        // `w` and the eigenvalues of `Zᵀ Z + (λ/β) I`, in the basis of the eigenvectors of `Zᵀ Z`.
        let weights = cross / &shrunk;
        let predict = move |row: ArrayView1<f64>| {
            let along = axes.dot(&standardiser.row(row));
            let spread = along.iter().zip(&shrunk).map(|(a, s)| a * a / s).sum::<f64>();
            labels.prediction(along.dot(&weights), (1.0 + 1.0 / n + spread) / beta)
        };
        Ok(Box::new(ByRow { width: x.ncols(), held_out: None, predict }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::ridge::tests::made_up;
    use super::*;
    use crate::seed::Stream;
    use approx::assert_relative_eq;
    use ndarray::{Array2, s};

    // scaler = StandardScaler().fit(x[:n]); t = (y[:n] - y[:n].mean()) / y[:n].std()
    // m = BayesianRidge(tol=1e-13, max_iter=100000).fit(scaler.transform(x[:n]), t)  # its alpha_ is β
    // mean, std = m.predict(scaler.transform(x[n:]), return_std=True)
    // y[:n].mean() + y[:n].std() * mean, y[:n].std() * np.sqrt(std**2 + 1 / (n * m.alpha_))
    #[test]
    fn matches_scikit_learn() {
        let golden = [
            (14, 4, [(91.59752876375171, 0.509741761837693), (89.47155123555481, 0.4790838140769572)]),
            (10, 16, [(89.05600377341376, 1.927302621769115), (90.54407016873272, 0.286351851509462)]),
        ];
        for (n, p, expected) in golden {
            let (x, y) = made_up(n + 2, p);
            let predictor = BayesianLinear { tolerance: 1e-13, max_updates: 100_000 };
            let fitted = predictor.fit(x.slice(s![..n, ..]), y.slice(s![..n])).unwrap();
            for (found, (mean, std)) in fitted.predict(x.slice(s![n.., ..])).into_iter().zip(expected) {
                assert_relative_eq!(found.mean, mean, max_relative = 1e-7);
                assert_relative_eq!(found.std, std, max_relative = 1e-7);
            }
        }
    }

    #[test]
    fn knows_its_error() {
        for (n, p) in [(15, 4), (60, 10)] {
            let (mut squared, mut expected) = (0.0, 0.0);
            for repeat in 0..40 {
                let stream = &mut Stream::new(repeat);
                let x = Array2::from_shape_simple_fn((n + 50, p), || stream.normal());
                let y: Array1<f64> = x.rows().into_iter().map(|r| 70.0 + r[0] - r[1] + stream.normal()).collect();
                let fitted = BayesianLinear::default().fit(x.slice(s![..n, ..]), y.slice(s![..n])).unwrap();
                for (prediction, label) in fitted.predict(x.slice(s![n.., ..])).iter().zip(y.slice(s![n..])) {
                    squared += (label - prediction.mean).powi(2);
                    expected += prediction.std.powi(2);
                }
            }
            let calibration = (expected / squared).sqrt();
            assert!((0.85..1.15).contains(&calibration), "n {n}, p {p}: std is {calibration} times the error");
        }
    }

    #[test]
    fn parameters_are_checked() {
        let (x, y) = made_up(8, 2);
        let refused = |p: BayesianLinear| p.fit(x.view(), y.view()).err().unwrap().to_string();
        assert!(refused(BayesianLinear { tolerance: 0.0, ..Default::default() }).contains("tolerance is 0"));
        assert!(refused(BayesianLinear { max_updates: 0, ..Default::default() }).contains("at least 1"));
    }
}
