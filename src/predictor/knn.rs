//! Nearest neighbours: the labels of the trained networks that look most alike.

use linfa_nn::distance::L2Dist;
use linfa_nn::{CommonNearestNeighbour, NearestNeighbour, NearestNeighbourIndex};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use rayon::prelude::*;

use super::fitted::ByRow;
use super::ridge::Standardiser;
use super::selection::{HeldOut, mean_squared_error};
use super::{FittedPredictor, Prediction, Predictor, PredictorEntry, PredictorError, check, require};

pub(super) static ENTRY: PredictorEntry = PredictorEntry {
    name: "knn",
    title: "Nearest neighbours",
    what: "weighs the labels of the most similar trained networks by distance; leave-one-out sets how many",
    paper: "Cover & Hart, Nearest neighbor pattern classification, IEEE Trans. Inf. Theory 13, 1967; Dudani, IEEE Trans. SMC 6, 1976",
    open: &|_, _| Box::new(Knn::default()),
};

const MIN_LABELS: usize = 4;

/// Nearest-neighbour regression, weighted by distance.
///
/// Columns are standardised; `d_j` is the Euclidean distance to neighbour `j` of `k`, and
///
/// ```text
/// mean = Σ_j w_j y_j / Σ_j w_j        V = Σ_j w_j (y_j - mean)² / Σ_j w_j        w_j = 1 / d_j
/// ```
///
/// If a neighbour is at distance 0, those that are have weight 1 and the others 0. `k` is the one of `neighbours` (those
/// below the number of labels) with the smallest sum of squared leave-one-out errors, the first of equals. With
/// `e_i` and `V_i` the leave-one-out error and spread of training row `i`,
///
/// ```text
/// std² = V + max(0, average of e_i² - V_i)
/// ```
///
/// which is on average the squared leave-one-out error and larger where neighbours disagree. Which of several neighbours
/// at equal distance come in is the index's choice, the same each time.
///
/// Needs 4 labels. Time of a prediction `O(n (p + log n))`. NaN where a feature is not finite.
#[derive(Clone, Debug)]
pub struct Knn {
    /// Numbers of neighbours tried. Not empty, each at least 1, the smallest below the number of labels.
    pub neighbours: Vec<usize>,
}

impl Default for Knn {
    /// From 1 to 34 along the Fibonacci numbers, most first, so that of equals the smoothest wins.
    fn default() -> Self {
        Knn { neighbours: vec![34, 21, 13, 8, 5, 3, 2, 1] }
    }
}

impl Predictor for Knn {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, x: ArrayView2<f64>, y: ArrayView1<f64>) -> Result<Box<dyn FittedPredictor>, PredictorError> {
        let least = self.neighbours.iter().min().copied().unwrap_or(0);
        require(ENTRY.name, "neighbours", format!("{:?}", self.neighbours), least > 0, "one or more numbers above 0")?;
        check(ENTRY.name, &x, &y, MIN_LABELS.max(least.saturating_add(1)))?;
        let standardiser = Standardiser::new(x);
        let z = standardiser.apply(x);
        // Relative to one of them, equal labels are exactly zero and stay so.
        let origin = y[0];
        let y = y.mapv(|v| v - origin);
        let candidates: Vec<usize> = self.neighbours.iter().copied().filter(|k| *k < y.len()).collect();
        let most = candidates.iter().max().copied().unwrap_or(1);

        let built = index(&z)?;
        let left_out: Vec<Vec<(f64, f64)>> = (0..y.len())
            .into_par_iter()
            .map(|i| {
                let mut near = nearest(built.as_ref(), z.row(i), most + 1, &y);
                // Among many copies of a row it may not be the one found.
                near.retain(|(row, _, _)| *row != i);
                near.truncate(most);
                candidates.iter().map(|k| average(&near[..*k])).collect()
            })
            .collect();
        drop(built);
        let of = |pick: fn(&(f64, f64)) -> f64| {
            Array2::from_shape_fn((y.len(), candidates.len()), |(i, c)| pick(&left_out[i][c]))
        };
        let means = HeldOut(of(|moments| moments.0));
        let best = means.best(&y);
        let chosen = means.of_best(&y);
        let spread = of(|moments| moments.1);
        let noise = (mean_squared_error(&y, &chosen) - spread.column(best).sum() / y.len() as f64).max(0.0);
        let prediction = move |mean: f64, v: f64| Prediction { mean: origin + mean, std: (v + noise).sqrt() };
        let held_out = Some(chosen.iter().zip(spread.column(best)).map(|(mean, v)| prediction(*mean, *v)).collect());
        let k = candidates[best];
        let predict = move |row: ArrayView1<f64>| {
            let new = standardiser.row(row);
            match index(&z) {
                Ok(index) if new.iter().all(|v| v.is_finite()) => {
                    let (mean, variance) = average(&nearest(index.as_ref(), new.view(), k, &y));
                    prediction(mean, variance)
                }
                _ => Prediction { mean: f64::NAN, std: f64::NAN },
            }
        };
        Ok(Box::new(ByRow { width: x.ncols(), held_out, predict }))
    }
}

type Index<'a> = Box<dyn 'a + Send + Sync + NearestNeighbourIndex<f64>>;

/// A linear scan: trees give nothing back with tens of columns, and recurse deeply on the equal rows of small encodings.
fn index(z: &Array2<f64>) -> Result<Index<'_>, PredictorError> {
    let built = CommonNearestNeighbour::LinearSearch.from_batch(z, L2Dist);
    built.map_err(|e| PredictorError::Numerical { predictor: ENTRY.name, reason: e.to_string() })
}

/// The `k` nearest rows by increasing distance: row, distance, label. None if they cannot be ordered.
fn nearest(
    index: &dyn NearestNeighbourIndex<f64>,
    z: ArrayView1<f64>,
    k: usize,
    y: &Array1<f64>,
) -> Vec<(usize, f64, f64)> {
    let distance = |point: ArrayView1<f64>| z.iter().zip(point).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    let found = index.k_nearest(z, k).unwrap_or_default();
    found.into_iter().map(|(point, row)| (row, distance(point), y[row])).collect()
}

/// `mean` and `V` of [`Knn`].
fn average(near: &[(usize, f64, f64)]) -> (f64, f64) {
    let touching = near.iter().any(|(_, d, _)| *d == 0.0);
    let weight = |d: f64| if touching { f64::from(d == 0.0) } else { 1.0 / d };
    let total: f64 = near.iter().map(|(_, d, _)| weight(*d)).sum();
    let mean = near.iter().map(|(_, d, y)| weight(*d) * y).sum::<f64>() / total;
    (mean, near.iter().map(|(_, d, y)| weight(*d) * (y - mean).powi(2)).sum::<f64>() / total)
}

#[cfg(test)]
mod tests {
    use super::super::ridge::tests::made_up;
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::{array, s};

    // z = StandardScaler().fit(x[:n]).transform(x)
    // m = KNeighborsRegressor(k, weights="distance").fit(z[:n], y[:n]); m.predict(z[n:])
    // cross_val_predict(m, z[:n], y[:n], cv=LeaveOneOut())[3]
    #[test]
    fn matches_scikit_learn() {
        let golden = [
            (1, [87.1264314996591, 91.37271173173151], 91.37271173173151),
            (4, [89.26840085727511, 91.09218037382396], 90.88960638203817),
            (9, [89.4228124005266, 90.62780230808492], 90.09637869337276),
        ];
        for (k, new, left_out) in golden {
            let (x, y) = made_up(22, 3);
            let fitted = Knn { neighbours: vec![k] }.fit(x.slice(s![..20, ..]), y.slice(s![..20])).unwrap();
            for (found, mean) in fitted.predict(x.slice(s![20.., ..])).into_iter().zip(new) {
                assert_relative_eq!(found.mean, mean, max_relative = 1e-9);
            }
            assert_relative_eq!(fitted.held_out().unwrap()[3].mean, left_out, max_relative = 1e-9);
        }
    }

    #[test]
    fn averages_by_hand() {
        let (mean, variance) = average(&[(0, 1.0, 2.0), (1, 2.0, 5.0)]);
        assert_relative_eq!(mean, 3.0, max_relative = 1e-12);
        assert_relative_eq!(variance, (1.0 + 0.5 * 4.0) / 1.5, max_relative = 1e-12);
        assert_eq!(average(&[(0, 0.0, 2.0), (1, 0.0, 4.0), (2, 1.0, 50.0)]), (3.0, 1.0));
    }

    #[test]
    fn std_is_the_leave_one_out_error_and_copies_are_harmless() {
        let (x, y) = made_up(40, 2);
        let held_out = Knn::default().fit(x.view(), y.view()).unwrap().held_out().unwrap();
        let squared: f64 = held_out.iter().zip(&y).map(|(p, y)| (p.mean - y).powi(2)).sum();
        let expected: f64 = held_out.iter().map(|p| p.std.powi(2)).sum();
        assert!(expected >= squared * (1.0 - 1e-9) && expected < 3.0 * squared, "{expected} against {squared}");

        let fitted = Knn::default().fit(Array2::zeros((60, 2)).view(), Array1::from_shape_fn(60, |i| i as f64).view());
        assert!(fitted.unwrap().predict(array![[1.0, 2.0]].view())[0].mean.is_finite());
        let fitted = Knn::default().fit(x.view(), y.view()).unwrap();
        assert!(fitted.predict(array![[f64::NAN, 1.0]].view())[0].mean.is_nan());
    }

    #[test]
    fn parameters_are_checked() {
        let (x, y) = made_up(8, 2);
        let refused = |neighbours: Vec<usize>| Knn { neighbours }.fit(x.view(), y.view()).err().unwrap();
        assert!(matches!(refused(vec![]), PredictorError::Parameter { parameter: "neighbours", .. }));
        assert!(matches!(refused(vec![3, 0]), PredictorError::Parameter { .. }));
        assert!(matches!(refused(vec![8]), PredictorError::TooFewLabels { least: 9, .. }));
    }
}
