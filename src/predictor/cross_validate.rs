//! Honest errors of a predictor: out-of-fold predictions, and intervals whose width is set by them.

use ndarray::{ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

use super::{FittedPredictor, Prediction, Predictor, PredictorError};
use crate::seed::Stream;
use crate::stats::Interval;

/// Out-of-fold predictions in row order: each row is predicted by a fit that did not see it.
///
/// Rows are shuffled by `Stream::named(seed, "cross-validate")` and dealt to the folds in turn, so fold sizes differ by
/// at most one; with fewer rows than folds each row is a fold of its own (leave-one-out). The result does not depend on
/// the number of threads. Errors for fewer than two folds, and whatever the predictor refuses: a fold's fit lacks up to
/// `⌈n / folds⌉` of the labels.
pub fn cross_validate(
    predictor: &dyn Predictor,
    x: ArrayView2<f64>,
    y: ArrayView1<f64>,
    folds: usize,
    seed: u64,
) -> Result<Vec<Prediction>, PredictorError> {
    let n = y.len();
    if x.nrows() != n {
        return Err(PredictorError::Shape { rows: x.nrows(), labels: n });
    }
    if folds < 2 {
        return Err(PredictorError::Folds { folds });
    }
    let folds = folds.min(n);
    let mut order: Vec<usize> = (0..n).collect();
    Stream::named(seed, "cross-validate").shuffle(&mut order);

    let predict_fold = |fold: usize| {
        let (held_out, rest): (Vec<_>, Vec<_>) = (0..n).partition(|position| position % folds == fold);
        let rows = |positions: Vec<usize>| positions.into_iter().map(|position| order[position]).collect::<Vec<_>>();
        let (held_out, rest) = (rows(held_out), rows(rest));
        let fitted = predictor.fit(x.select(Axis(0), &rest).view(), y.select(Axis(0), &rest).view())?;
        let predictions = fitted.predict(x.select(Axis(0), &held_out).view());
        Ok::<_, PredictorError>(held_out.into_iter().zip(predictions).collect::<Vec<_>>())
    };
    let by_fold: Vec<Result<Vec<_>, _>> = (0..folds).into_par_iter().map(predict_fold).collect();
    // Collected first, so that the error reported is that of the first fold on any number of threads.
    let mut by_row: Vec<(usize, Prediction)> = by_fold.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
    by_row.sort_unstable_by_key(|(row, _)| *row);
    Ok(by_row.into_iter().map(|(_, prediction)| prediction).collect())
}

/// Predictions of the rows that `fitted` learned from, each by a fit that did not see it: its own
/// ([`FittedPredictor::held_out`]) if it has them, otherwise by [`cross_validate`].
pub fn held_out(
    predictor: &dyn Predictor,
    fitted: &dyn FittedPredictor,
    x: ArrayView2<f64>,
    y: ArrayView1<f64>,
    folds: usize,
    seed: u64,
) -> Result<Vec<Prediction>, PredictorError> {
    match fitted.held_out() {
        Some(predictions) => Ok(predictions),
        None => cross_validate(predictor, x, y, folds, seed),
    }
}

/// How many labels are inside [`Prediction::interval`] at this `level`, ends included, and how many there are:
/// `(inside, n)`. A NaN label is outside. If the lists differ in length, the rest of the longer one does not count.
pub fn coverage(predictions: &[Prediction], y: &[f64], level: f64) -> (usize, usize) {
    count_inside(predictions, y, |p| p.interval(level))
}

/// As [`coverage`], for [`Prediction::scaled_interval`] with this `scale`. On the labels that set the scale it is at
/// least the level by construction and says nothing; use others.
pub fn scaled_coverage(predictions: &[Prediction], y: &[f64], scale: f64) -> (usize, usize) {
    count_inside(predictions, y, |p| p.scaled_interval(scale))
}

fn count_inside(predictions: &[Prediction], y: &[f64], interval: impl Fn(&Prediction) -> Interval) -> (usize, usize) {
    let inside = |(p, label): &(&Prediction, &f64)| {
        let interval = interval(p);
        interval.low <= **label && **label <= interval.high
    };
    (predictions.iter().zip(y).filter(inside).count(), predictions.len().min(y.len()))
}

/// The factor `q` for which `mean ± q · std` holds the label of a new network with probability `level`, whatever the
/// distribution: a quantile of the residuals `s_i = |y_i - mean_i| / std_i` of out-of-fold predictions.
///
/// ```text
/// q = the k-th smallest of s_1 … s_n        k = ⌈(n + 1) level⌉
/// ```
///
/// If the predictions come from a fit that saw none of these labels nor the new one and the networks are exchangeable,
/// coverage is at least `level` for `k <= n` (split conformal prediction: Vovk, Gammerman & Shafer 2005; Lei et al., J.
/// Am. Stat. Assoc. 113, 2018, with the locally weighted residuals of their section 5.2). With out-of-fold residuals
/// and a final fit on all labels, as here, this is not a theorem (for the related CV+ the proven bound is about
/// `2 level - 1`: Barber et al., Ann. Stat. 49, 2021), but coverage is close to the level in practice, since final fits
/// are rarely worse than those of the folds. Networks chosen because they look good are not exchangeable with networks
/// drawn at random.
///
/// With `n < level / (1 - level)` labels (9 for 90%, 19 for 95%) `k` exceeds `n` and no finite factor has the
/// guarantee: the largest residual is taken, and coverage is only about `n / (n + 1)`. A residual is 0 for an exact
/// prediction, whatever its `std`, and infinite for a wrong one with `std` zero or for a NaN. Infinite without any
/// labels; the smallest residual for a level of 0 or less. If the lists differ in length, the rest of the longer one
/// does not count.
pub fn conformal_scale(predictions: &[Prediction], y: &[f64], level: f64) -> f64 {
    let residual = |(p, label): (&Prediction, &f64)| {
        let ratio = if *label == p.mean { 0.0 } else { (label - p.mean).abs() / p.std };
        if ratio.is_nan() { f64::INFINITY } else { ratio }
    };
    let mut residuals: Vec<f64> = predictions.iter().zip(y).map(residual).collect();
    residuals.sort_unstable_by(f64::total_cmp);
    // The small allowance keeps rounding in the product from adding one.
    let k = ((residuals.len() + 1) as f64 * level - 1e-9).ceil().max(1.0) as usize;
    residuals.get(k.min(residuals.len()).saturating_sub(1)).copied().unwrap_or(f64::INFINITY)
}

#[cfg(test)]
mod tests {
    use super::super::BaggedRidge;
    use super::*;
    use crate::stats::spearman;
    use ndarray::{Array1, Array2, s};

    /// Features are row numbers. Predicts the row, with the number of rows it was fitted on as `std`; refuses rows it
    /// saw.
    struct Memory;
    struct Seen(Vec<f64>);

    impl Predictor for Memory {
        fn name(&self) -> &'static str {
            "memory"
        }

        fn fit(&self, x: ArrayView2<f64>, _: ArrayView1<f64>) -> Result<Box<dyn FittedPredictor>, PredictorError> {
            Ok(Box::new(Seen(x.column(0).to_vec())))
        }
    }

    impl FittedPredictor for Seen {
        fn predict(&self, x: ArrayView2<f64>) -> Vec<Prediction> {
            assert!(x.column(0).iter().all(|row| !self.0.contains(row)), "a row was predicted by a fit that saw it");
            x.column(0).iter().map(|row| Prediction { mean: *row, std: self.0.len() as f64 }).collect()
        }
    }

    #[test]
    fn folds_are_disjoint_equal_and_in_row_order() {
        let x = Array2::from_shape_fn((11, 1), |(i, _)| i as f64);
        let y = Array1::zeros(11);
        for (folds, sizes) in [(2, 5..=6), (4, 8..=9), (11, 10..=10), (50, 10..=10)] {
            let predictions = cross_validate(&Memory, x.view(), y.view(), folds, 3).unwrap();
            assert_eq!(predictions.len(), 11);
            for (row, prediction) in predictions.iter().enumerate() {
                assert_eq!(prediction.mean, row as f64);
                assert!(sizes.contains(&(prediction.std as usize)), "{folds} folds: {}", prediction.std);
            }
        }
        assert_eq!(cross_validate(&Memory, x.view(), y.view(), 1, 3), Err(PredictorError::Folds { folds: 1 }));
        let shape = cross_validate(&Memory, x.view(), Array1::zeros(3).view(), 2, 3);
        assert_eq!(shape, Err(PredictorError::Shape { rows: 11, labels: 3 }));
        assert_eq!(cross_validate(&Memory, x.slice(s![..0, ..]), y.slice(s![..0]), 5, 3), Ok(vec![]));
        let few = cross_validate(&BaggedRidge::new(1), x.slice(s![..4, ..]), y.slice(s![..4]), 10, 3);
        assert!(matches!(few, Err(PredictorError::TooFewLabels { found: 3, .. })));
    }

    #[test]
    fn scales_and_coverage_by_hand() {
        // Residuals 1, 2, …, 9 standard deviations.
        let predictions = [Prediction { mean: 10.0, std: 0.5 }; 9];
        let y: Vec<f64> =
            (1..10).map(|i| if i % 2 == 0 { 10.0 + 0.5 * f64::from(i) } else { 10.0 - 0.5 * f64::from(i) }).collect();
        // k = ⌈10 level⌉; beyond 9 the largest is taken.
        let scales = [-1.0, 0.1, 0.45, 0.8, 0.9, 0.95, 1.0].map(|level| conformal_scale(&predictions, &y, level));
        assert_eq!(scales, [1.0, 1.0, 5.0, 8.0, 9.0, 9.0, 9.0]);
        assert_eq!(scaled_coverage(&predictions, &y, 5.0), (5, 9));
        // Two standard deviations are 95.4%.
        assert_eq!(coverage(&predictions, &y, 0.954), (1, 9));
        assert_eq!(coverage(&predictions, &y, 0.955), (2, 9));
        assert_eq!(coverage(&predictions[..3], &y, 1.0), (3, 3));
        assert_eq!(coverage(&predictions, &[f64::NAN], 1.0), (0, 1));

        let sure = [Prediction { mean: 1.0, std: 0.0 }; 3];
        assert_eq!(conformal_scale(&sure, &[1.0, 1.0, 1.0], 0.5), 0.0);
        assert_eq!(conformal_scale(&sure, &[1.0, 2.0, f64::NAN], 0.5), f64::INFINITY);
        assert_eq!(conformal_scale(&[], &[], 0.9), f64::INFINITY);
    }

    /// Six features, three of which make up the label, with noise of the same size as the first one's part.
    fn made_up(n: usize, stream: &mut Stream) -> (Array2<f64>, Array1<f64>) {
        let x = Array2::from_shape_simple_fn((n, 6), || stream.normal());
        let y = x.rows().into_iter().map(|r| 90.0 + r[0] + 0.8 * r[1] - 0.6 * r[2] + stream.normal()).collect();
        (x, y)
    }

    #[test]
    fn conformal_intervals_cover_new_labels_and_the_blend_beats_each_feature() {
        const N: usize = 30;
        const REPEATS: u64 = 40;
        let (mut inside, mut total) = (0, 0);
        let (mut of_predictor, mut of_best_feature) = (0.0, 0.0);
        for repeat in 0..REPEATS {
            let (x, y) = made_up(N + 200, &mut Stream::new(repeat));
            let (x_train, y_train) = (x.slice(s![..N, ..]), y.slice(s![..N]));
            let (x_new, y_new) = (x.slice(s![N.., ..]), y.slice(s![N..]).to_vec());
            let predictor = BaggedRidge::new(repeat);
            let held_out = cross_validate(&predictor, x_train, y_train, 10, repeat).unwrap();
            let scale = conformal_scale(&held_out, &y_train.to_vec(), 0.9);
            let predictions = predictor.fit(x_train, y_train).unwrap().predict(x_new);
            let covered = scaled_coverage(&predictions, &y_new, scale);
            inside += covered.0;
            total += covered.1;

            let means: Vec<f64> = predictions.iter().map(|p| p.mean).collect();
            of_predictor += spearman(&means, &y_new).unwrap() / REPEATS as f64;
            let by_feature = x_new.columns().into_iter().map(|c| spearman(&c.to_vec(), &y_new).unwrap().abs());
            of_best_feature += by_feature.fold(0.0, f64::max) / REPEATS as f64;
        }
        let share = inside as f64 / total as f64;
        assert!((0.82..=0.97).contains(&share), "90% intervals hold {share} of new labels");
        // The best feature is picked with the true labels in hand, and still loses clearly.
        assert!(of_predictor > of_best_feature + 0.1, "{of_predictor} against {of_best_feature}");
    }
}
