//! What most predictors fit: a function of single rows.

use ndarray::{ArrayView1, ArrayView2};
use rayon::prelude::*;

use super::{FittedPredictor, Prediction};

/// A fitted predictor that looks at one row after the other.
pub(super) struct ByRow<F> {
    /// Number of columns fitted on.
    pub width: usize,
    /// Predictions of the rows fitted on, where there are any that have not seen them.
    pub held_out: Option<Vec<Prediction>>,
    /// The prediction of a row.
    pub predict: F,
}

impl<F: Fn(ArrayView1<f64>) -> Prediction + Send + Sync> FittedPredictor for ByRow<F> {
    fn predict(&self, x: ArrayView2<f64>) -> Vec<Prediction> {
        // Broadcasting would let some wrong widths pass in silence.
        assert_eq!(x.ncols(), self.width, "columns to predict from and columns fitted on");
        let x = x.as_standard_layout();
        (0..x.nrows()).into_par_iter().map(|i| (self.predict)(x.row(i))).collect()
    }

    fn held_out(&self) -> Option<Vec<Prediction>> {
        self.held_out.clone()
    }
}
