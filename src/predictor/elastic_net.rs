//! The elastic net: a line that leaves useless features out.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, ShapeBuilder};

use super::fitted::ByRow;
use super::on_normal_scores::OnNormalScores;
use super::ridge::Standardiser;
use super::selection::{HeldOut, mean_squared_error};
use super::{FittedPredictor, Prediction, Predictor, PredictorEntry, PredictorError, check, require};

pub(super) static ENTRY: PredictorEntry = PredictorEntry {
    name: "elastic-net",
    title: "Elastic net",
    what: "a line with an absolute and a squared penalty, which drops features that do not help; cross-validation sets both",
    paper: "Zou & Hastie, Regularization and variable selection via the elastic net, J. R. Stat. Soc. B 67, 2005",
    open: &|seed, _| Box::new(OnNormalScores(ElasticNet::new(seed))),
};

const MIN_LABELS: usize = 4;
/// Smallest penalty as a part of the largest.
const RANGE: f64 = 1e-3;
const MAX_SWEEPS: u32 = 10_000;

/// Elastic net regression by coordinate descent.
///
/// Columns are standardised to `z`; over `w` and the unpenalised `b` it minimises
///
/// ```text
/// Σ_i (y_i - b - w·z_i)² / 2n + α (ρ |w|₁ + (1 - ρ) |w|² / 2)
/// ```
///
/// with `ρ` the `l1_ratio`. `α` is one of `penalties` values in a geometric row from the smallest that makes all weights
/// zero, `max_j |z_j·(y - ȳ)| / (n ρ)`, down to a thousandth of it: the one with the smallest sum of squared out-of-fold
/// errors, the largest of equals. Each fold's fit standardises its own rows. `std` is the root mean square of the
/// out-of-fold residuals, the same for all networks.
///
/// Without the absolute penalty (`ρ` = 0) coordinate descent cannot tell that it has converged; for that there is
/// [`super::BaggedRidge`]. Needs 4 labels. Time `O(folds · penalties · sweeps · n p)`.
#[derive(Clone, Copy, Debug)]
pub struct ElasticNet {
    /// `ρ`, the part of the penalty that is absolute. Above 0, at most 1.
    pub l1_ratio: f64,
    /// Number of penalties tried. At least 2.
    pub penalties: usize,
    /// Number of folds. At least 2; with fewer labels, leave-one-out.
    pub folds: usize,
    /// Duality gap, as a part of `Σ (y - ȳ)²`, at which a fit has converged. Positive.
    pub tolerance: f64,
    /// Seed of the folds.
    pub seed: u64,
}

impl ElasticNet {
    /// Half of each penalty, 16 penalties, 10 folds.
    pub fn new(seed: u64) -> Self {
        ElasticNet { l1_ratio: 0.5, penalties: 16, folds: 10, tolerance: 1e-5, seed }
    }

    fn guard(&self) -> Result<(), PredictorError> {
        let l1_ratio = self.l1_ratio > 0.0 && self.l1_ratio <= 1.0;
        require(ENTRY.name, "l1_ratio", self.l1_ratio, l1_ratio, "above 0 and at most 1")?;
        require(ENTRY.name, "penalties", self.penalties, self.penalties > 1, "at least 2")?;
        require(ENTRY.name, "folds", self.folds, self.folds > 1, "at least 2")?;
        let tolerance = self.tolerance > 0.0 && self.tolerance.is_finite();
        require(ENTRY.name, "tolerance", self.tolerance, tolerance, "positive and finite")
    }

    /// Candidates for `α`, largest first.
    fn path(&self, z: &Array2<f64>, y: &Array1<f64>) -> Vec<f64> {
        let n = y.len() as f64;
        let mean = y.sum() / n;
        let pull = |column: ArrayView1<f64>| column.iter().zip(y).map(|(z, y)| z * (y - mean)).sum::<f64>().abs();
        let largest = z.columns().into_iter().map(pull).fold(0.0, f64::max) / (n * self.l1_ratio);
        let step = |i: usize| RANGE.powf(i as f64 / (self.penalties - 1) as f64);
        (0..self.penalties).map(|i| largest * step(i)).collect()
    }

    fn line(&self, z: &Array2<f64>, y: &Array1<f64>, penalty: f64) -> Result<Line, PredictorError> {
        let mean = y.sum() / y.len() as f64;
        if penalty == 0.0 || y.iter().all(|v| *v == y[0]) {
            // Nothing to explain; the descent, which stops at a part of nothing, would run to its last sweep.
            return Ok(Line { weights: Array1::zeros(z.ncols()), intercept: mean });
        }
        // Here alone: the trait has a `fit` of its own.
        use linfa::prelude::*;
        // The descent walks columns: seven times faster if they lie together.
        let mut columns = Array2::zeros(z.raw_dim().f());
        columns.assign(z);
        let parameters = linfa_elasticnet::ElasticNet::params()
            .penalty(penalty)
            .l1_ratio(self.l1_ratio)
            .tolerance(self.tolerance)
            .max_iterations(MAX_SWEEPS);
        let fitted = parameters
            .fit(&DatasetBase::new(columns.view(), y.view()))
            .map_err(|e| PredictorError::Numerical { predictor: ENTRY.name, reason: e.to_string() })?;
        Ok(Line { weights: fitted.hyperplane().clone(), intercept: fitted.intercept() })
    }
}

impl Predictor for ElasticNet {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, x: ArrayView2<f64>, y: ArrayView1<f64>) -> Result<Box<dyn FittedPredictor>, PredictorError> {
        self.guard()?;
        check(ENTRY.name, &x, &y, MIN_LABELS)?;
        let standardiser = Standardiser::new(x);
        let z = standardiser.apply(x);
        // Relative to one of them, equal labels are exactly zero and stay so.
        let origin = y[0];
        let y = y.mapv(|v| v - origin);
        let path = self.path(&z, &y);
        let sizes = (y.len(), path.len(), self.folds);
        let held_out = HeldOut::by_folds(sizes, (self.seed, ENTRY.name), |rest, held_out| {
            let scale = Standardiser::new(x.select(Axis(0), rest).view());
            let [seen, unseen] = [rest, held_out].map(|rows| scale.apply(x.select(Axis(0), rows).view()));
            let labels = y.select(Axis(0), rest);
            let mut predictions = Array2::zeros((held_out.len(), path.len()));
            for (penalty, mut column) in path.iter().zip(predictions.columns_mut()) {
                let line = self.line(&seen, &labels, *penalty)?;
                column.iter_mut().zip(unseen.rows()).for_each(|(value, row)| *value = line.at(row));
            }
            Ok(predictions)
        })?;
        let line = self.line(&z, &y, path[held_out.best(&y)])?;
        let left_out = held_out.of_best(&y);
        let std = mean_squared_error(&y, &left_out).sqrt();
        let prediction = move |mean: f64| Prediction { mean: origin + mean, std };
        let held_out = Some(left_out.into_iter().map(prediction).collect());
        let predict = move |row: ArrayView1<f64>| prediction(line.at(standardiser.row(row).view()));
        Ok(Box::new(ByRow { width: x.ncols(), held_out, predict }))
    }
}

struct Line {
    weights: Array1<f64>,
    intercept: f64,
}

impl Line {
    fn at(&self, z: ArrayView1<f64>) -> f64 {
        self.intercept + z.iter().zip(&self.weights).map(|(z, w)| z * w).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::super::ridge::tests::made_up;
    use super::*;
    use crate::seed::Stream;
    use approx::assert_relative_eq;
    use ndarray::s;

    // z = StandardScaler().fit_transform(x[:n]); yc = y[:n] - y[:n].mean()
    // path = np.abs(z.T @ yc).max() / (n * .5) * 1e-3 ** (np.arange(16) / 15)
    // pipe = make_pipeline(StandardScaler(), SkElasticNet(l1_ratio=.5, tol=1e-12, max_iter=10**6))
    // g = GridSearchCV(pipe, {"elasticnet__alpha": path}, cv=LeaveOneOut(), scoring="neg_mean_squared_error")
    // g.fit(x[:n], y[:n]); g.predict(x[n:])
    // std, where each row's penalty is the best one for the other rows:
    // f = [cross_val_predict(pipe.set_params(elasticnet__alpha=a), x[:n], y[:n], cv=LeaveOneOut()) for a in path]
    // e = (np.array(f) - y[:n])**2; c = (e.sum(1)[:, None] - e).argmin(0); np.sqrt(e[c, range(n)].mean())
    #[test]
    fn matches_scikit_learn_with_leave_one_out() {
        let golden = [
            (14, 4, [91.59626548879558, 89.48151228849028], 0.5857884889817663),
            (10, 16, [89.78972221175886, 90.1786953928295], 2.289634735207184),
        ];
        for (n, p, [first, second], std) in golden {
            let (x, y) = made_up(n + 2, p);
            let predictor = ElasticNet { folds: n, tolerance: 1e-12, ..ElasticNet::new(1) };
            let fitted = predictor.fit(x.slice(s![..n, ..]), y.slice(s![..n])).unwrap();
            let found = fitted.predict(x.slice(s![n.., ..]));
            assert_relative_eq!(found[0].mean, first, max_relative = 1e-7);
            assert_relative_eq!(found[1].mean, second, max_relative = 1e-7);
            assert_relative_eq!(found[0].std, std, max_relative = 1e-5);
        }
    }

    #[test]
    fn drops_noise_columns_and_knows_its_error() {
        let stream = &mut Stream::new(4);
        let x = Array2::from_shape_simple_fn((260, 30), || stream.normal());
        let y: Array1<f64> = x.rows().into_iter().map(|r| 90.0 + 2.0 * r[0] - r[1] + stream.normal()).collect();
        let fitted = ElasticNet::new(1).fit(x.slice(s![..60, ..]), y.slice(s![..60])).unwrap();
        let new = fitted.predict(x.slice(s![60.., ..]));
        let squared: f64 = new.iter().zip(y.slice(s![60..])).map(|(p, y)| (p.mean - y).powi(2)).sum();
        let error = (squared / 200.0).sqrt();
        assert!(error < 1.35, "{error}");
        assert!((0.75..1.35).contains(&(new[0].std / error)), "std {} for an error of {error}", new[0].std);
    }

    #[test]
    fn parameters_are_checked() {
        let (x, y) = made_up(8, 2);
        let good = ElasticNet::new(1);
        let bad = [
            ("l1_ratio", ElasticNet { l1_ratio: 0.0, ..good }),
            ("penalties", ElasticNet { penalties: 1, ..good }),
            ("folds", ElasticNet { folds: 1, ..good }),
            ("tolerance", ElasticNet { tolerance: f64::NAN, ..good }),
        ];
        for (name, predictor) in bad {
            let error = predictor.fit(x.view(), y.view()).err().unwrap();
            assert!(matches!(error, PredictorError::Parameter { parameter, .. } if parameter == name), "{error}");
        }
    }
}
