//! Surrogates: predict the accuracy of an untrained network from its features, after a few networks have been trained.
//!
//! To add a predictor: one file that implements [`Predictor`] and [`FittedPredictor`], one line in [`PREDICTORS`].
//!
//! ```
//! use naslens::encoding::Layout;
//! use ndarray::Array2;
//!
//! let x = Array2::from_shape_fn((12, 2), |(i, j)| ((i + 1) * (j + 3) % 7) as f64);
//! let y = x.column(0).mapv(|value| 90.0 + value);
//! let fitted = naslens::predictor::open("bagged-ridge", 0, &Layout::default())?.fit(x.view(), y.view())?;
//! let predictions = fitted.predict(x.view());
//! assert!(predictions.iter().all(|p| (90.0..=96.0).contains(&p.mean) && p.std > 0.0));
//! # Ok::<(), naslens::predictor::PredictorError>(())
//! ```

mod bagged_ridge;
mod bayesian_linear;
mod cross_validate;
mod elastic_net;
mod fitted;
pub(crate) mod gaussian_process;
mod gradient_boosting;
mod knn;
mod linfa;
mod mlp_ensemble;
mod on_normal_scores;
mod random_forest;
mod ridge;
mod selection;
mod stack;
mod svr;
mod tree;

use ndarray::{ArrayView1, ArrayView2};

use crate::encoding::{Layout, normal_quantile};
use crate::registry::{Registry, Unknown, entry};
use crate::stats::Interval;

pub use bagged_ridge::BaggedRidge;
pub use bayesian_linear::BayesianLinear;
pub use cross_validate::{conformal_scale, coverage, cross_validate, held_out, scaled_coverage};
pub use elastic_net::ElasticNet;
pub use gaussian_process::GaussianProcess;
pub use gradient_boosting::GradientBoosting;
pub use knn::Knn;
pub use linfa::LinfaRegressor;
pub use mlp_ensemble::MlpEnsemble;
pub use random_forest::{ForestParams, RandomForest, Sampling};
pub use stack::Stack;
pub use svr::Svr;

/// Why a predictor refuses.
#[derive(Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are what the messages name")]
pub enum PredictorError {
    /// No predictor of that name.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// Not enough trained networks.
    #[error("{predictor} needs at least {least} labels to fit, it has {found}; train more networks")]
    TooFewLabels { predictor: &'static str, found: usize, least: usize },
    /// More trained networks than the method can take in reasonable time and memory.
    #[error("{predictor} takes at most {most} labels, it has {found}; choose random-forest or gradient-boosting")]
    TooManyLabels { predictor: &'static str, found: usize, most: usize },
    /// Features and labels do not belong together.
    #[error("{rows} rows of features but {labels} labels; give one label per row")]
    Shape { rows: usize, labels: usize },
    /// Nothing to learn from.
    #[error("no feature columns; add a proxy whose scores differ between networks, or the genes")]
    NoFeatures,
    /// A label that is NaN or infinite. Rows count from 0.
    #[error("label {row} is {value}; leave out networks whose training failed")]
    Label { row: usize, value: f64 },
    /// A feature that is NaN or infinite. Rows and columns count from 0.
    #[error("feature column {column} is {value} in row {row}; use normal scores, which are always finite")]
    Feature { row: usize, column: usize, value: f64 },
    /// Too few folds to hold anything out.
    #[error("cross-validation in {folds} folds holds nothing out; use at least 2")]
    Folds { folds: usize },
    /// A parameter that makes no sense.
    #[error("{predictor}: {parameter} is {value}, it must be {rule}")]
    Parameter { predictor: &'static str, parameter: &'static str, value: String, rule: &'static str },
    /// The normal equations could not be solved.
    #[error("{predictor} could not solve its normal equations ({reason}); look for features of extreme size")]
    Numerical { predictor: &'static str, reason: String },
}

/// What is expected of a network that was not trained, in the unit of the labels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// Expected label; of predictors that work on transformed labels, its median.
    pub mean: f64,
    /// Standard deviation of the label around it. Zero or more.
    pub std: f64,
}

impl Prediction {
    /// The central `level` of a normal distribution: `mean ± Φ⁻¹((1 + level) / 2) · std`. The ends are NaN for a level
    /// outside `[0, 1]`. Trust it only as far as [`coverage`] does; [`Prediction::scaled_interval`] needs no normality.
    pub fn interval(&self, level: f64) -> Interval {
        self.scaled_interval(normal_quantile((1.0 + level) / 2.0))
    }

    /// `mean ± scale · std`, with the scale of [`conformal_scale`]. Just the mean if `std` is zero, whatever the scale.
    pub fn scaled_interval(&self, scale: f64) -> Interval {
        let half = if self.std > 0.0 { scale * self.std } else { 0.0 };
        Interval { low: self.mean - half, high: self.mean + half }
    }

    /// Mean and [`Prediction::scaled_interval`], cut to what labels can be: no accuracy is above 100%. For what is shown, not
    /// for choosing, since means that are cut are equal.
    pub fn within(&self, bounds: Option<Interval>, scale: f64) -> (f64, Interval) {
        (bounds.map_or(self.mean, |b| b.hold(self.mean)), self.scaled_interval(scale).within(bounds))
    }
}

/// A way to learn labels from features.
pub trait Predictor: Send + Sync {
    /// Its name: for those of the registry, that of the entry.
    fn name(&self) -> &'static str;

    /// Learns from features `x`, shape (networks, features), and one finite label per row.
    ///
    /// The result depends on the data and the predictor's seed alone, not on the number of threads. Equal labels are no
    /// error: they predict themselves with `std` zero. Errors for too few labels, mismatched shapes, no features and
    /// values that are not finite.
    fn fit(&self, x: ArrayView2<f64>, y: ArrayView1<f64>) -> Result<Box<dyn FittedPredictor>, PredictorError>;
}

/// A predictor that has learned.
pub trait FittedPredictor: Send + Sync {
    /// One prediction per row of `x`, which has the columns it was fitted on.
    ///
    /// # Panics
    ///
    /// If `x` has another number of columns than the features it was fitted on.
    fn predict(&self, x: ArrayView2<f64>) -> Vec<Prediction>;

    /// Predictions of the rows it was fitted on, each as if that row had not been seen, if the predictor gets them at
    /// no extra cost (leave-one-out formulas, out-of-bag samples).
    fn held_out(&self) -> Option<Vec<Prediction>> {
        None
    }
}

/// One line of the registry.
pub struct PredictorEntry {
    /// Name on the command line and in files.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What it does, in one line.
    pub what: &'static str,
    /// Where it was published.
    pub paper: &'static str,
    /// Creates the predictor with a seed, for features of this layout.
    pub open: &'static (dyn Fn(u64, &Layout) -> Box<dyn Predictor> + Send + Sync),
}

entry!(PredictorEntry, "predictor", what, paper);

/// All predictors.
pub static PREDICTORS: Registry<PredictorEntry> = Registry::new(&[
    &stack::ENTRY,
    &bagged_ridge::ENTRY,
    &gaussian_process::ENTRY,
    &random_forest::ENTRY,
    &gradient_boosting::ENTRY,
    &bayesian_linear::ENTRY,
    &knn::ENTRY,
    &elastic_net::ENTRY,
    &svr::ENTRY,
    &mlp_ensemble::ENTRY,
]);

/// The predictor called `name` for features of this layout, drawing what it draws from `seed`.
pub fn open(name: &str, seed: u64, layout: &Layout) -> Result<Box<dyn Predictor>, PredictorError> {
    Ok((PREDICTORS.find(name)?.open)(seed, layout))
}

/// What every predictor checks before it fits.
fn check(
    predictor: &'static str,
    x: &ArrayView2<f64>,
    y: &ArrayView1<f64>,
    least: usize,
) -> Result<(), PredictorError> {
    if x.nrows() != y.len() {
        return Err(PredictorError::Shape { rows: x.nrows(), labels: y.len() });
    }
    if y.len() < least {
        return Err(PredictorError::TooFewLabels { predictor, found: y.len(), least });
    }
    if x.ncols() == 0 {
        return Err(PredictorError::NoFeatures);
    }
    if let Some((row, &value)) = y.iter().enumerate().find(|(_, v)| !v.is_finite()) {
        return Err(PredictorError::Label { row, value });
    }
    match x.indexed_iter().find(|(_, v)| !v.is_finite()) {
        Some(((row, column), &value)) => Err(PredictorError::Feature { row, column, value }),
        None => Ok(()),
    }
}

/// Refuses a parameter that does not follow its rule.
fn require(
    predictor: &'static str,
    parameter: &'static str,
    value: impl std::fmt::Display,
    holds: bool,
    rule: &'static str,
) -> Result<(), PredictorError> {
    if holds { Ok(()) } else { Err(PredictorError::Parameter { predictor, parameter, value: value.to_string(), rule }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::{Array1, Array2, array};

    #[test]
    fn registry_is_sound() {
        crate::registry::testing::is_sound(&PREDICTORS);
        for entry in &PREDICTORS {
            assert_eq!(open(entry.name, 1, &Layout::default()).unwrap().name(), entry.name);
        }
    }

    #[test]
    fn intervals_are_central_and_normal() {
        let prediction = Prediction { mean: 90.0, std: 2.0 };
        let interval = prediction.interval(0.95);
        assert_relative_eq!(interval.high - 90.0, 2.0 * 1.959963984540054, max_relative = 1e-12);
        assert_relative_eq!(90.0 - interval.low, interval.high - 90.0, max_relative = 1e-12);
        let sure = Prediction { mean: 90.0, std: 0.0 };
        assert_eq!(sure.scaled_interval(f64::INFINITY), Interval { low: 90.0, high: 90.0 });
        assert!(prediction.interval(2.0).low.is_nan());
    }

    #[test]
    fn every_predictor_refuses_bad_data() {
        let good = Array2::from_shape_fn((8, 2), |(i, j)| (i * (j + 2) % 5) as f64);
        let y = Array1::from_iter((0..8).map(f64::from));
        for entry in &PREDICTORS {
            let predictor = (entry.open)(1, &Layout::default());
            let refuses = |x: &Array2<f64>, y: &Array1<f64>| predictor.fit(x.view(), y.view()).err().unwrap();
            assert_eq!(refuses(&good, &array![1.0]), PredictorError::Shape { rows: 8, labels: 1 });
            let few = refuses(&array![[1.0]], &array![1.0]);
            assert!(matches!(few, PredictorError::TooFewLabels { found: 1, .. }), "{few}");
            assert_eq!(refuses(&Array2::zeros((8, 0)), &y), PredictorError::NoFeatures);
            let (mut x, mut labels) = (good.clone(), y.clone());
            labels[3] = f64::NAN;
            assert!(matches!(refuses(&good, &labels), PredictorError::Label { row: 3, .. }));
            x[[2, 1]] = f64::INFINITY;
            assert!(matches!(refuses(&x, &y), PredictorError::Feature { row: 2, column: 1, .. }));
        }
    }

    #[test]
    fn threads_change_no_predictor() {
        let (x, y) = ridge::tests::made_up(20, 4);
        for entry in &PREDICTORS {
            let on = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let predictor = (entry.open)(3, &Layout::default());
                pool.install(|| {
                    let fitted = predictor.fit(x.view(), y.view()).unwrap();
                    (fitted.predict(x.view()), fitted.held_out())
                })
            };
            assert_eq!(on(1), on(3), "{}", entry.name);
        }
    }

    #[test]
    fn every_predictor_repeats_equal_labels() {
        let x = Array2::from_shape_fn((9, 3), |(i, j)| ((i + 1) * (j + 2) % 7) as f64);
        for entry in &PREDICTORS {
            let fitted = (entry.open)(1, &Layout::default()).fit(x.view(), Array1::from_elem(9, 93.1).view()).unwrap();
            assert!(fitted.predict(x.view()).iter().all(|p| *p == Prediction { mean: 93.1, std: 0.0 }));
        }
    }
}
