//! Candidates compared by predictions of rows that they were not fitted on.

use ndarray::{Array1, Array2};
use rayon::prelude::*;

use super::PredictorError;
use crate::seed::Stream;

/// Predictions of held-out rows, shape (rows, candidates).
pub(super) struct HeldOut(pub(super) Array2<f64>);

impl HeldOut {
    /// By folds: `fit(rest, held_out)` fits every candidate on the rows `rest` and predicts the rows `held_out`, shape
    /// (held-out rows, candidates). Rows are shuffled by `Stream::named(seed, name)` and dealt to the folds in turn; with
    /// fewer rows than folds each row is a fold of its own. There are at least two rows and folds.
    pub(super) fn by_folds(
        (rows, candidates, folds): (usize, usize, usize),
        (seed, name): (u64, &str),
        fit: impl Fn(&[usize], &[usize]) -> Result<Array2<f64>, PredictorError> + Sync,
    ) -> Result<Self, PredictorError> {
        let mut order: Vec<usize> = (0..rows).collect();
        Stream::named(seed, name).shuffle(&mut order);
        let folds = folds.min(rows);
        let run = |fold: usize| {
            let part = |inside: bool| -> Vec<usize> {
                let at = order.iter().enumerate().filter(|(position, _)| (position % folds == fold) == inside);
                at.map(|(_, row)| *row).collect()
            };
            let (held_out, rest) = (part(true), part(false));
            Ok((fit(&rest, &held_out)?, held_out))
        };
        let by_fold: Vec<Result<_, PredictorError>> = (0..folds).into_par_iter().map(run).collect();
        let mut predictions = Array2::zeros((rows, candidates));
        for result in by_fold {
            let (values, held_out) = result?;
            for (values, row) in values.rows().into_iter().zip(held_out) {
                predictions.row_mut(row).assign(&values);
            }
        }
        Ok(HeldOut(predictions))
    }

    /// The candidate with the smallest sum of squared errors; the first of equals.
    pub(super) fn best(&self, y: &Array1<f64>) -> usize {
        smallest(&self.losses(y))
    }

    /// The prediction of each row by the candidate that is best on the other rows, so that no row's label has a say in
    /// its own prediction.
    pub(super) fn of_best(&self, y: &Array1<f64>) -> Vec<f64> {
        let losses = self.losses(y);
        let predict_row = |(row, label): (usize, &f64)| {
            let own = self.0.row(row).mapv(|f| (label - f).powi(2));
            self.0[[row, smallest(&(&losses - &own))]]
        };
        y.iter().enumerate().map(predict_row).collect()
    }

    fn losses(&self, y: &Array1<f64>) -> Array1<f64> {
        self.0.columns().into_iter().map(|f| (y - &f).mapv(|e| e * e).sum()).collect()
    }
}

fn smallest(losses: &Array1<f64>) -> usize {
    let mut best = 0;
    for (candidate, loss) in losses.iter().enumerate() {
        if *loss < losses[best] {
            best = candidate;
        }
    }
    best
}

/// `Σ (y - f)² / n`.
pub(super) fn mean_squared_error(y: &Array1<f64>, f: &[f64]) -> f64 {
    y.iter().zip(f).map(|(y, f)| (y - f).powi(2)).sum::<f64>() / y.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn choices_by_hand() {
        let held_out = HeldOut(array![[0.0, 3.0], [1.0, 1.0], [2.0, 2.5]]);
        let y = array![3.0, 1.0, 2.0];
        // Losses 9 and 0.25; without the first row, 0 and 0.25.
        assert_eq!(held_out.best(&y), 1);
        assert_eq!(held_out.of_best(&y), [0.0, 1.0, 2.5]);
        assert_eq!(mean_squared_error(&y, &[3.0, 1.0, 4.0]), 4.0 / 3.0);
        assert_eq!(HeldOut(array![[1.0, 1.0], [1.0, 1.0]]).best(&array![1.0, 1.0]), 0);
    }

    #[test]
    fn each_row_is_held_out_once() {
        let fit = |rest: &[usize], held_out: &[usize]| {
            assert!(rest.len() + held_out.len() == 11 && held_out.iter().all(|row| !rest.contains(row)));
            Ok(Array2::from_shape_fn((held_out.len(), 2), |(i, c)| (held_out[i] + 100 * c) as f64))
        };
        for folds in [2, 4, 11, 50] {
            let held_out = HeldOut::by_folds((11, 2, folds), (1, "test"), fit).unwrap();
            assert_eq!(held_out.0, Array2::from_shape_fn((11, 2), |(i, c)| (i + 100 * c) as f64));
        }
    }
}
