//! Bagged ridge regression: a penalised line, refitted on bootstrap samples for its uncertainty.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use rayon::prelude::*;

use super::fitted::ByRow;
use super::ridge::{Moments, Ridge, Standardiser};
use super::{FittedPredictor, Prediction, Predictor, PredictorEntry, PredictorError, check};
use crate::seed::Stream;

pub(super) static ENTRY: PredictorEntry = PredictorEntry {
    name: "bagged-ridge",
    title: "Bagged ridge regression",
    what: "mean of 64 ridge regressions on bootstrap samples; their spread and out-of-bag error give the uncertainty",
    paper: "Hoerl & Kennard, Technometrics 12, 1970; Breiman, Bagging predictors, Mach. Learn. 24, 1996",
    open: &|seed, _| Box::new(BaggedRidge::new(seed)),
};

/// The penalties `α` tried, in half decades; the columns have variance one.
const PENALTIES: [f64; 9] = [
    0.01,
    0.031_622_776_601_683_79,
    0.1,
    0.316_227_766_016_837_94,
    1.0,
    3.162_277_660_168_379_5,
    10.0,
    31.622_776_601_683_793,
    100.0,
];

/// With fewer labels, leave-one-out errors say nothing about a penalty.
const MIN_LABELS: usize = 4;

/// Ridge regression averaged over bootstrap samples ("bagging").
///
/// 1. Columns are standardised to mean 0 and variance 1 over the `n` training rows.
/// 2. The penalty `α` is the one of 0.01, 0.0316, 0.1, …, 100 with the smallest sum of squared leave-one-out errors on
///    all rows; the largest if several are equal. The loss is `Σ (y - b - w·z)² + n α |w|²`.
/// 3. Bag `r` of `B` draws `n` rows with replacement from `Stream::named(seed, "bagged-ridge.{r}")` and fits
///    `f_r(z) = b_r + w_r·z` with that penalty.
/// 4. The prediction is normal with
///
/// ```text
/// mean(z) = Σ_r f_r(z) / B
/// std²(z) = V(z) + σ²            V(z) = Σ_r (f_r(z) - mean(z))² / (B - 1)
/// σ²      = max(0, average over training rows i of e_i² - V_i)
/// ```
///
/// `V` is what the choice of training networks leaves open; it grows away from them. `σ²` is what the features cannot
/// explain: `e_i` is the label of row `i` minus the average of the bags that did not draw it (out-of-bag error), and
/// `V_i` the variance between those bags. As `e_i²` holds both the noise and the error of the fit, `V_i` is taken off,
/// so that `std²` is on average about the squared out-of-bag error and nothing is counted twice.
///
/// Works for more features than labels; needs 4 labels. Time `O(B (n p² + p³))`.
#[derive(Clone, Copy, Debug)]
pub struct BaggedRidge {
    /// Number of bootstrap samples `B`; less than 2 counts as 2, as one has no spread.
    pub bags: usize,
    /// Seed of the bootstrap samples.
    pub seed: u64,
}

impl BaggedRidge {
    /// With 64 bags.
    pub fn new(seed: u64) -> Self {
        BaggedRidge { bags: 64, seed }
    }
}

impl Predictor for BaggedRidge {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, x: ArrayView2<f64>, y: ArrayView1<f64>) -> Result<Box<dyn FittedPredictor>, PredictorError> {
        check(ENTRY.name, &x, &y, MIN_LABELS)?;
        let n = y.len();
        let standardiser = Standardiser::new(x);
        let z = standardiser.apply(x);
        // Relative to one of them, equal labels are exactly zero and stay so.
        let origin = y[0];
        let y = y.mapv(|v| v - origin);

        let alpha = best_penalty(&z, &y)?;
        let fit_bag = |r: usize| {
            let mut stream = Stream::named(self.seed, &format!("{}.{r}", ENTRY.name));
            let mut cases = vec![0.0; n];
            (0..n).for_each(|_| cases[stream.below(n as u64) as usize] += 1.0);
            let ridge = Moments::new(&z, &y, &cases).ridge(alpha).map_err(numerical)?;
            Ok((cases, ridge))
        };
        let bags: Vec<Result<_, PredictorError>> = (0..self.bags.max(2)).into_par_iter().map(fit_bag).collect();
        let bags: Vec<(Vec<f64>, Ridge)> = bags.into_iter().collect::<Result<_, _>>()?;

        let noise = noise_variance(&z, &y, &bags);
        let predict = move |row: ArrayView1<f64>| {
            let z = standardiser.row(row);
            let (mean, variance) = moments_of(&bags.iter().map(|(_, ridge)| ridge.at(z.view())).collect::<Vec<_>>());
            Prediction { mean: origin + mean, std: (variance + noise).sqrt() }
        };
        Ok(Box::new(ByRow { width: x.ncols(), held_out: None, predict }))
    }
}

fn numerical(error: linfa_linalg::LinalgError) -> PredictorError {
    PredictorError::Numerical { predictor: ENTRY.name, reason: error.to_string() }
}

/// Step 2 of [`BaggedRidge`].
fn best_penalty(z: &Array2<f64>, y: &Array1<f64>) -> Result<f64, PredictorError> {
    let moments = Moments::new(z, y, &vec![1.0; y.len()]);
    let mut best = (f64::INFINITY, PENALTIES[PENALTIES.len() - 1]);
    for alpha in PENALTIES.into_iter().rev() {
        let errors = moments.leave_one_out(z, y, alpha).map_err(numerical)?;
        let loss = errors.iter().map(|e| e * e).sum();
        if loss < best.0 {
            best = (loss, alpha);
        }
    }
    Ok(best.1)
}

/// `σ²` of [`BaggedRidge`]. Rows left out of fewer than two bags do not count; without any other row it is 0.
fn noise_variance(z: &Array2<f64>, y: &Array1<f64>, bags: &[(Vec<f64>, Ridge)]) -> f64 {
    let excess = |i: usize| {
        let without = bags.iter().filter(|(cases, _)| cases[i] == 0.0);
        let fits: Vec<f64> = without.map(|(_, ridge)| ridge.at(z.row(i))).collect();
        let (mean, variance) = moments_of(&fits);
        (fits.len() > 1).then(|| (y[i] - mean).powi(2) - variance)
    };
    let excesses: Vec<f64> = (0..y.len()).filter_map(excess).collect();
    // A maximum with NaN, the mean of no rows, is the other number.
    moments_of(&excesses).0.max(0.0)
}

/// Mean and sample variance; NaN where undefined.
fn moments_of(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0))
}

#[cfg(test)]
mod tests {
    use super::super::ridge::tests::made_up;
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::s;

    // n rows of `made_up` to train, two more to predict; z = StandardScaler().fit(x).transform(x)
    // loo = lambda a: ((y - cross_val_predict(Ridge(n * a, solver="svd"), z, y, cv=LeaveOneOut())) ** 2).sum()
    // a = min(np.logspace(-2, 2, 9), key=loo)
    // draws[r] = [(u * n) >> 64 for the first n numbers u of SplitMix64 with the key
    //             xxhash.xxh3_64_intdigest(f"bagged-ridge.{r}", seed=5)], r = 0 .. 63
    // fits = [Ridge(n * a, solver="svd").fit(z[i], y[i]) for i in draws]; f = np.array([m.predict(z) for m in fits])
    // out = np.array([np.bincount(i, minlength=n) == 0 for i in draws])
    // s2 = max(0, np.mean([(y[i] - f[out[:, i], i].mean()) ** 2 - f[out[:, i], i].var(ddof=1) for i in range(n)]))
    // g = np.array([m.predict(z_new) for m in fits]); g.mean(0), np.sqrt(g.var(0, ddof=1) + s2)
    #[test]
    fn matches_scikit_learn() {
        let golden = [
            (14, 4, [(91.47318441789669, 0.6192254086955125), (89.41573674901272, 0.5793678311886638)]),
            (10, 16, [(89.13337474271066, 1.7070736283560806), (90.5337982505045, 1.7516824060719973)]),
        ];
        for (n, p, expected) in golden {
            let (x, y) = made_up(n + 2, p);
            let fitted = BaggedRidge::new(5).fit(x.slice(s![..n, ..]), y.slice(s![..n])).unwrap();
            for (found, (mean, std)) in fitted.predict(x.slice(s![n.., ..])).into_iter().zip(expected) {
                assert_relative_eq!(found.mean, mean, max_relative = 1e-9);
                assert_relative_eq!(found.std, std, max_relative = 1e-9);
            }
        }
    }

    #[test]
    fn threads_do_not_change_a_number() {
        let (x, y) = made_up(20, 6);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| BaggedRidge::new(9).fit(x.view(), y.view()).unwrap().predict(x.view()))
        };
        assert_eq!(on(1), on(3));
        let other_seed = BaggedRidge::new(8).fit(x.view(), y.view()).unwrap().predict(x.view());
        assert_ne!(on(1), other_seed);
    }

    #[test]
    #[should_panic(expected = "columns fitted on")]
    fn other_columns_than_fitted_on_are_a_mistake() {
        let (x, y) = made_up(12, 3);
        BaggedRidge::new(1).fit(x.view(), y.view()).unwrap().predict(x.slice(s![.., ..1]));
    }

    /// Features that share a common factor, as proxies do, and a label that depends on two of them; noise 0.5.
    fn proxies_like(n: usize, p: usize, stream: &mut Stream) -> (Array2<f64>, Array1<f64>) {
        let mut x = Array2::zeros((n, p));
        for mut row in x.rows_mut() {
            let common = stream.normal();
            row.mapv_inplace(|_: f64| common + stream.normal());
        }
        let y = x.rows().into_iter().map(|row| row[0] - row[1] + 0.5 * stream.normal()).collect();
        (x, y)
    }

    #[test]
    fn learns_and_knows_its_error_with_few_labels() {
        // From few labels per feature to more features than labels.
        for (n, p, least_r2) in [(12, 5, 0.65), (50, 5, 0.8), (50, 35, 0.6), (24, 35, 0.15)] {
            let (mut squared, mut expected, mut variance) = (0.0, 0.0, 0.0);
            for repeat in 0..20 {
                let stream = &mut Stream::new(repeat);
                let (x, y) = proxies_like(n + 100, p, stream);
                let fitted = BaggedRidge::new(repeat).fit(x.slice(s![..n, ..]), y.slice(s![..n])).unwrap();
                for (prediction, label) in fitted.predict(x.slice(s![n.., ..])).iter().zip(y.slice(s![n..])) {
                    squared += (label - prediction.mean).powi(2);
                    expected += prediction.std.powi(2);
                    variance += label * label;
                }
            }
            let (r2, calibration) = (1.0 - squared / variance, (expected / squared).sqrt());
            assert!(r2 > least_r2, "n {n}, p {p}: R² {r2}");
            assert!((0.7..1.4).contains(&calibration), "n {n}, p {p}: std is {calibration} times the error");
        }
    }
}
