//! Support vector regression with a Gaussian kernel.

use linfa_svm::Svm;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use super::fitted::ByRow;
use super::on_normal_scores::OnNormalScores;
use super::ridge::{LabelScale, Standardiser};
use super::selection::{HeldOut, mean_squared_error};
use super::{FittedPredictor, Prediction, Predictor, PredictorEntry, PredictorError, check, require};

pub(super) static ENTRY: PredictorEntry = PredictorEntry {
    name: "svr",
    title: "Support vector regression",
    what: "a smooth function that ignores small errors and is not pulled by large ones; cross-validation sets its parameters",
    paper: "Drucker et al., Support vector regression machines, NeurIPS 1996; Smola & Schölkopf, Stat. Comput. 14, 2004",
    open: &|seed, _| Box::new(OnNormalScores(Svr::new(seed))),
};

const MIN_LABELS: usize = 4;

/// ε-insensitive support vector regression with a Gaussian (RBF) kernel.
///
/// Columns are standardised to `z`, labels to `t` (mean 0, variance 1, or all 0 if they are equal). Over functions
/// `f(z) = b + Σ_i a_i exp(-γ |z - z_i|² / p)`, with `p` columns, it minimises
///
/// ```text
/// |f|² / 2 + C Σ_i max(0, |t_i - f(z_i)| - ε)
/// ```
///
/// (`|f|` is the norm of the kernel's space), by sequential minimal optimisation. `C` and `γ` are the pair from `costs` and
/// `gammas` with the smallest sum of squared out-of-fold errors, the first of equals; each fold's fit standardises its
/// own rows. `std` is the root mean square of the out-of-fold residuals, the same for all networks; `mean` and `std` are
/// in the unit of the labels.
///
/// Needs 4 labels. Time between `O(n²)` and `O(n³)` per fit, memory `O(n²)`; for thousands of labels take another.
#[derive(Clone, Debug)]
pub struct Svr {
    /// Values of `C`, the cost of errors. Not empty, positive and finite.
    pub costs: Vec<f64>,
    /// Values of `γ`. Not empty, positive and finite.
    pub gammas: Vec<f64>,
    /// `ε`: smaller errors, in standard deviations of the labels, cost nothing. Positive and finite.
    pub epsilon: f64,
    /// Violation of the optimality conditions at which a fit has converged. Positive and finite.
    pub tolerance: f64,
    /// Number of folds. At least 2; with fewer labels, leave-one-out.
    pub folds: usize,
    /// Seed of the folds.
    pub seed: u64,
}

impl Svr {
    /// `C` of 0.3, 1, 3, 10, `γ` of 0.03, 0.1, 0.3, 1, the smoothest first; `ε` = 0.1, 5 folds.
    pub fn new(seed: u64) -> Self {
        let (costs, gammas) = (vec![0.3, 1.0, 3.0, 10.0], vec![0.03, 0.1, 0.3, 1.0]);
        Svr { costs, gammas, epsilon: 0.1, tolerance: 1e-3, folds: 5, seed }
    }

    fn guard(&self) -> Result<(), PredictorError> {
        let positive = |v: &f64| *v > 0.0 && v.is_finite();
        for (parameter, values) in [("costs", &self.costs), ("gammas", &self.gammas)] {
            let holds = !values.is_empty() && values.iter().all(positive);
            require(ENTRY.name, parameter, format!("{values:?}"), holds, "one or more positive finite numbers")?;
        }
        require(ENTRY.name, "epsilon", self.epsilon, positive(&self.epsilon), "positive and finite")?;
        require(ENTRY.name, "tolerance", self.tolerance, positive(&self.tolerance), "positive and finite")?;
        require(ENTRY.name, "folds", self.folds, self.folds > 1, "at least 2")
    }

    /// Fits the pair `(C, γ)` on raw rows and labels.
    fn machine(
        &self,
        x: ArrayView2<f64>,
        y: &Array1<f64>,
        (cost, gamma): (f64, f64),
    ) -> Result<Machine, PredictorError> {
        // Here alone: the trait has a `fit` of its own.
        use linfa::prelude::*;
        let standardiser = Standardiser::new(x);
        let (labels, t) = LabelScale::of(y);
        let width = x.ncols() as f64 / gamma;
        let parameters =
            Svm::<f64, f64>::params().c_svr(cost, Some(self.epsilon)).gaussian_kernel(width).eps(self.tolerance);
        let svm = parameters
            .fit(&Dataset::new(standardiser.apply(x), t))
            .map_err(|e| PredictorError::Numerical { predictor: ENTRY.name, reason: e.to_string() })?;
        Ok(Machine { standardiser, labels, svm })
    }
}

impl Predictor for Svr {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, x: ArrayView2<f64>, y: ArrayView1<f64>) -> Result<Box<dyn FittedPredictor>, PredictorError> {
        self.guard()?;
        check(ENTRY.name, &x, &y, MIN_LABELS)?;
        let y = y.to_owned();
        let pairs: Vec<(f64, f64)> =
            self.gammas.iter().flat_map(|gamma| self.costs.iter().map(|cost| (*cost, *gamma))).collect();
        let sizes = (y.len(), pairs.len(), self.folds);
        let held_out = HeldOut::by_folds(sizes, (self.seed, ENTRY.name), |rest, held_out| {
            let [seen, unseen] = [rest, held_out].map(|rows| x.select(Axis(0), rows));
            let labels = y.select(Axis(0), rest);
            let mut predictions = Array2::zeros((held_out.len(), pairs.len()));
            for (pair, mut column) in pairs.iter().zip(predictions.columns_mut()) {
                let machine = self.machine(seen.view(), &labels, *pair)?;
                column.iter_mut().zip(unseen.rows()).for_each(|(value, row)| *value = machine.at(row));
            }
            Ok(predictions)
        })?;
        let machine = self.machine(x, &y, pairs[held_out.best(&y)])?;
        let left_out = held_out.of_best(&y);
        let std = mean_squared_error(&y, &left_out).sqrt();
        let prediction = move |mean: f64| Prediction { mean, std };
        let held_out = Some(left_out.into_iter().map(prediction).collect());
        let predict = move |row: ArrayView1<f64>| prediction(machine.at(row));
        Ok(Box::new(ByRow { width: x.ncols(), held_out, predict }))
    }
}

struct Machine {
    standardiser: Standardiser,
    labels: LabelScale,
    svm: Svm<f64, f64>,
}

impl Machine {
    /// `f` at a row, in the unit of the labels.
    fn at(&self, row: ArrayView1<f64>) -> f64 {
        let value = self.svm.weighted_sum(&self.standardiser.row(row)) - self.svm.rho;
        self.labels.prediction(value, 0.0).mean
    }
}

#[cfg(test)]
mod tests {
    use super::super::ridge::tests::made_up;
    use super::*;
    use crate::seed::Stream;
    use approx::assert_relative_eq;
    use ndarray::s;

    // svr = SVR(gamma=g / p, C=c, epsilon=.1, tol=1e-10)
    // m = TransformedTargetRegressor(make_pipeline(StandardScaler(), svr), transformer=StandardScaler())
    // m.fit(x[:n], y[:n]).predict(x[n:]); f = cross_val_predict(m, x[:n], y[:n], cv=LeaveOneOut())
    // np.sqrt(np.mean((y[:n] - f)**2))
    #[test]
    fn matches_scikit_learn() {
        let golden = [
            (1.0, 0.3, [88.66401599291278, 91.4673834452236], 0.8785835062278964),
            (10.0, 1.0, [88.35516622071542, 91.55283517415803], 1.0040162089354738),
        ];
        for (cost, gamma, [first, second], std) in golden {
            let (x, y) = made_up(22, 3);
            let predictor = Svr { costs: vec![cost], gammas: vec![gamma], tolerance: 1e-10, folds: 20, ..Svr::new(1) };
            let fitted = predictor.fit(x.slice(s![..20, ..]), y.slice(s![..20])).unwrap();
            let found = fitted.predict(x.slice(s![20.., ..]));
            assert_relative_eq!(found[0].mean, first, max_relative = 1e-8);
            assert_relative_eq!(found[1].mean, second, max_relative = 1e-8);
            assert_relative_eq!(found[0].std, std, max_relative = 1e-6);
        }
    }

    #[test]
    fn learns_a_curve_and_knows_its_error() {
        let stream = &mut Stream::new(4);
        let x = Array2::from_shape_simple_fn((300, 3), || stream.normal());
        let y: Array1<f64> =
            x.rows().into_iter().map(|r| 90.0 + (2.0 * r[0]).sin() + r[1] * r[1] + 0.3 * stream.normal()).collect();
        let fitted = Svr::new(1).fit(x.slice(s![..100, ..]), y.slice(s![..100])).unwrap();
        let new = fitted.predict(x.slice(s![100.., ..]));
        let squared: f64 = new.iter().zip(y.slice(s![100..])).map(|(p, y)| (p.mean - y).powi(2)).sum();
        let (error, deviation) = ((squared / 200.0).sqrt(), y.std(0.0));
        assert!(error < 0.6 * deviation, "{error} of {deviation}");
        assert!((0.7..1.4).contains(&(new[0].std / error)), "std {} for an error of {error}", new[0].std);
    }

    #[test]
    fn parameters_are_checked() {
        let (x, y) = made_up(8, 2);
        let bad = [
            ("costs", Svr { costs: vec![], ..Svr::new(1) }),
            ("gammas", Svr { gammas: vec![1.0, f64::INFINITY], ..Svr::new(1) }),
            ("epsilon", Svr { epsilon: 0.0, ..Svr::new(1) }),
            ("tolerance", Svr { tolerance: f64::NAN, ..Svr::new(1) }),
            ("folds", Svr { folds: 1, ..Svr::new(1) }),
        ];
        for (name, predictor) in bad {
            let error = predictor.fit(x.view(), y.view()).err().unwrap();
            assert!(matches!(error, PredictorError::Parameter { parameter, .. } if parameter == name), "{error}");
        }
    }
}
