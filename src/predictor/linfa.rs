//! Both ways to linfa: surrogates fit linfa's datasets, and any regressor of linfa is a surrogate.
//!
//! Every predictor here implements [`linfa::traits::Fit`], and what it fits implements [`linfa::traits::Predict`]:
//!
//! ```
//! use linfa::Dataset;
//! use linfa::traits::{Fit, Predict};
//! use naslens::predictor::BaggedRidge;
//! use ndarray::{Array1, Array2};
//!
//! let features = Array2::from_shape_fn((12, 2), |(i, j)| ((i + 1) * (j + 3) % 7) as f64);
//! let accuracies: Array1<f64> = features.rows().into_iter().map(|row| 90.0 + row[0] - 0.5 * row[1]).collect();
//! let surrogate = BaggedRidge::new(0).fit(&Dataset::new(features.clone(), accuracies))?;
//! let means: Array1<f64> = surrogate.predict(&features);
//! assert_eq!(means.len(), 12);
//! # Ok::<(), naslens::predictor::PredictorError>(())
//! ```

use std::error::Error;
use std::marker::PhantomData;

use linfa::DatasetBase;
use linfa::dataset::AsSingleTargets;
use linfa::traits::{Fit, PredictInplace};
use ndarray::{Array1, Array2, ArrayBase, ArrayView1, ArrayView2, Axis, Data, Ix2};

use super::selection::{HeldOut, mean_squared_error};
use super::{
    BaggedRidge, BayesianLinear, ElasticNet, FittedPredictor, GaussianProcess, GradientBoosting, Knn, MlpEnsemble,
    Prediction, Predictor, PredictorError, RandomForest, Stack, Svr, check,
};

/// Implements linfa's `Fit` for predictors. Not for all of them in one blanket: the trait is linfa's.
macro_rules! fits_datasets {
    ($($predictor:ty),* $(,)?) => {$(
        impl<D: Data<Elem = f64>, T: AsSingleTargets<Elem = f64>> Fit<ArrayBase<D, Ix2>, T, PredictorError> for $predictor {
            type Object = Box<dyn FittedPredictor>;

            fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<Self::Object, PredictorError> {
                Predictor::fit(self, dataset.records().view(), dataset.as_single_targets())
            }
        }
    )*};
}

fits_datasets!(
    dyn Predictor,
    BaggedRidge,
    BayesianLinear,
    ElasticNet,
    GaussianProcess,
    GradientBoosting,
    Knn,
    MlpEnsemble,
    RandomForest,
    Stack,
    Svr,
);

impl<D: Data<Elem = f64>> PredictInplace<ArrayBase<D, Ix2>, Array1<f64>> for Box<dyn FittedPredictor> {
    /// The means. [`FittedPredictor::predict`] gives standard deviations too.
    fn predict_inplace<'a>(&'a self, x: &'a ArrayBase<D, Ix2>, y: &mut Array1<f64>) {
        let predictions = FittedPredictor::predict(self.as_ref(), x.view());
        y.iter_mut().zip(predictions).for_each(|(mean, prediction)| *mean = prediction.mean);
    }

    fn default_target(&self, x: &ArrayBase<D, Ix2>) -> Array1<f64> {
        Array1::zeros(x.nrows())
    }
}

impl From<linfa::Error> for PredictorError {
    fn from(error: linfa::Error) -> Self {
        PredictorError::Numerical { predictor: "linfa", reason: error.to_string() }
    }
}

/// Labels that a regressor of linfa is fitted on at least, so that every fold leaves it some.
const MIN_LABELS: usize = 4;

/// A regressor of linfa, given by its parameters, as a surrogate.
///
/// linfa's regressors predict a value without saying how unsure they are. Here `std` is the root mean square of the
/// out-of-fold residuals `y_i - f_{-k(i)}(x_i)`, the same for all networks, where `f_{-k}` is fitted without fold `k`;
/// [`super::conformal_scale`] turns it into intervals. Equal labels predict themselves with `std` zero.
///
/// Parameters come as linfa has them, checked or not; what their check or their fit refuses becomes
/// [`PredictorError::Numerical`].
pub struct LinfaRegressor<P, E> {
    name: &'static str,
    params: P,
    folds: usize,
    seed: u64,
    error: PhantomData<fn() -> E>,
}

impl<P, E> LinfaRegressor<P, E> {
    /// The regressor with these parameters, called `name`; ten folds drawn from `seed`.
    pub fn new(name: &'static str, params: P, seed: u64) -> Self {
        LinfaRegressor { name, params, folds: 10, seed, error: PhantomData }
    }
}

impl<P, E> LinfaRegressor<P, E>
where
    P: Fit<Array2<f64>, Array1<f64>, E>,
    E: Error + From<linfa::Error>,
{
    fn line(&self, x: Array2<f64>, y: Array1<f64>) -> Result<P::Object, PredictorError> {
        let refuse = |error: E| PredictorError::Numerical { predictor: self.name, reason: error.to_string() };
        self.params.fit(&DatasetBase::new(x, y)).map_err(refuse)
    }
}

impl<P, E> Predictor for LinfaRegressor<P, E>
where
    P: Fit<Array2<f64>, Array1<f64>, E> + Send + Sync,
    P::Object: PredictInplace<Array2<f64>, Array1<f64>> + Send + Sync + 'static,
    E: Error + From<linfa::Error>,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn fit(&self, x: ArrayView2<f64>, y: ArrayView1<f64>) -> Result<Box<dyn FittedPredictor>, PredictorError> {
        check(self.name, &x, &y, MIN_LABELS)?;
        let y = y.to_owned();
        if y.iter().all(|label| *label == y[0]) {
            let left_out = Array1::from_elem(y.len(), y[0]);
            return Ok(Box::new(Fitted { model: None::<P::Object>, constant: y[0], std: 0.0, left_out }));
        }
        let held_out = HeldOut::by_folds((y.len(), 1, self.folds), (self.seed, self.name), |rest, held_out| {
            let model = self.line(x.select(Axis(0), rest), y.select(Axis(0), rest))?;
            Ok(means(&model, x.select(Axis(0), held_out)).insert_axis(Axis(1)))
        })?;
        let left_out = Array1::from(held_out.of_best(&y));
        let std = mean_squared_error(&y, left_out.as_slice().unwrap_or_default()).sqrt();
        let model = Some(self.line(x.to_owned(), y)?);
        Ok(Box::new(Fitted { model, constant: 0.0, std, left_out }))
    }
}

fn means(model: &impl PredictInplace<Array2<f64>, Array1<f64>>, x: Array2<f64>) -> Array1<f64> {
    let mut means = model.default_target(&x);
    model.predict_inplace(&x, &mut means);
    means
}

struct Fitted<M> {
    /// None where all labels were equal.
    model: Option<M>,
    constant: f64,
    std: f64,
    left_out: Array1<f64>,
}

impl<M> Fitted<M> {
    fn with_std(&self, means: &Array1<f64>) -> Vec<Prediction> {
        means.iter().map(|&mean| Prediction { mean, std: self.std }).collect()
    }
}

impl<M: PredictInplace<Array2<f64>, Array1<f64>> + Send + Sync> FittedPredictor for Fitted<M> {
    fn predict(&self, x: ArrayView2<f64>) -> Vec<Prediction> {
        let constant = || Array1::from_elem(x.nrows(), self.constant);
        self.with_std(&self.model.as_ref().map_or_else(constant, |model| means(model, x.to_owned())))
    }

    fn held_out(&self) -> Option<Vec<Prediction>> {
        Some(self.with_std(&self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::super::ridge::tests::made_up;
    use super::*;
    use approx::assert_relative_eq;
    use linfa::traits::Predict;
    use ndarray::s;

    fn elastic_net() -> LinfaRegressor<linfa_elasticnet::ElasticNetParams<f64>, linfa_elasticnet::ElasticNetError> {
        let params =
            linfa_elasticnet::ElasticNet::params().penalty(1e-3).l1_ratio(0.5).tolerance(1e-12).max_iterations(100_000);
        LinfaRegressor::new("net", params, 1)
    }

    #[test]
    fn a_regressor_of_linfa_predicts_as_linfa_and_knows_its_error() {
        let (x, y) = made_up(40, 3);
        let (seen, labels) = (x.slice(s![..30, ..]), y.slice(s![..30]));
        let fitted = Predictor::fit(&elastic_net(), seen, labels).unwrap();
        let plain = elastic_net().params.fit(&DatasetBase::new(seen.to_owned(), labels.to_owned())).unwrap();
        let expected: Array1<f64> = plain.predict(&x.slice(s![30.., ..]).to_owned());
        let found = FittedPredictor::predict(fitted.as_ref(), x.slice(s![30.., ..]));
        found
            .iter()
            .zip(&expected)
            .for_each(|(found, mean)| assert_relative_eq!(found.mean, mean, max_relative = 1e-12));
        let residuals = fitted.held_out().unwrap().iter().zip(labels).map(|(p, y)| (p.mean - y).powi(2)).sum::<f64>();
        assert_relative_eq!(found[0].std, (residuals / 30.0).sqrt(), max_relative = 1e-12);
    }

    #[test]
    fn what_linfa_refuses_is_an_error_and_equal_labels_are_not() {
        let (x, y) = made_up(12, 2);
        let wrong = LinfaRegressor::new("net", linfa_elasticnet::ElasticNet::params().penalty(-1.0), 1);
        let error = Predictor::fit(&wrong, x.view(), y.view()).err().unwrap().to_string();
        assert!(error.contains("net") && error.contains("penalty"), "{error}");
        let equal = Predictor::fit(&elastic_net(), x.view(), Array1::from_elem(12, 93.1).view()).unwrap();
        let all = FittedPredictor::predict(equal.as_ref(), x.view());
        assert!(all.iter().all(|p| *p == Prediction { mean: 93.1, std: 0.0 }));
    }

    #[test]
    fn surrogates_fit_datasets_of_linfa() {
        let (x, y) = made_up(20, 3);
        let dataset = DatasetBase::new(x.view(), y.view());
        for entry in &super::super::PREDICTORS {
            let predictor = (entry.open)(1, &Default::default());
            let by_linfa: Array1<f64> = Fit::fit(predictor.as_ref(), &dataset).unwrap().predict(&x);
            let own = Predictor::fit(predictor.as_ref(), x.view(), y.view()).unwrap();
            let own: Array1<f64> = FittedPredictor::predict(own.as_ref(), x.view()).iter().map(|p| p.mean).collect();
            assert_eq!(by_linfa, own, "{}", entry.name);
        }
    }
}
