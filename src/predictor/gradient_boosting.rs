//! Gradient boosting: many shallow trees, each a small step towards what the ones before it left over.

use ndarray::{ArrayView1, ArrayView2};
use rayon::prelude::*;

use super::fitted::ByRow;
use super::gaussian_process::labels::NormalScores;
use super::tree::{Growth, Table, Tree};
use super::{FittedPredictor, Predictor, PredictorEntry, PredictorError, check};
use crate::seed::Stream;

pub(super) static ENTRY: PredictorEntry = PredictorEntry {
    name: "gradient-boosting",
    title: "Gradient boosting of shallow trees",
    what: "small steps of shallow trees on labels as normal scores; mean of 10 such series, each without a fifth of the labels",
    paper: "Friedman, Greedy function approximation: a gradient boosting machine, Ann. Stat. 29, 2001; Friedman, Stochastic \
            gradient boosting, Comput. Stat. Data Anal. 38, 2002",
    open: &|seed, _| Box::new(GradientBoosting { seed }),
};

/// With fewer labels, held-out errors say nothing.
const MIN_LABELS: usize = 4;
const FOLDS: usize = 5;
const REPEATS: usize = 2;
const ROUNDS: usize = 150;
/// Length of a step `η`.
const RATE: f64 = 0.05;
/// Part of the rows that a tree grows on.
const ROWS: f64 = 0.6;
/// Part of the columns tried per split.
const FEATURES: f64 = 1.0 / 3.0;
const DEPTH: usize = 3;
const MIN_LEAF: usize = 2;

/// Stochastic gradient boosting with squared error, averaged over the folds of a cross-validation.
///
/// Labels become normal scores `z`, as in [`super::GaussianProcess`]. A series of trees is
///
/// ```text
/// F_0 = mean z        F_t(x) = F_{t-1}(x) + η h_t(x)        η = 0.05, t = 1 … 150
/// ```
///
/// with `h_t` a tree of depth 3 on the residuals `z_i - F_{t-1}(x_i)` of 60% of its rows, drawn without replacement; a third
/// of the columns is tried per split, and each leaf holds 2 rows at least. Ten series are grown: in each of 2 repeats the
/// rows are dealt to 5 folds, and each series lacks one of them. The held-out prediction of row `i` is the mean of the
/// series that lack it, with error `e_i`; a new row has
///
/// ```text
/// mean(x) = Σ_m F_m(x) / M        std²(x) = Σ_m (F_m(x) - mean(x))² / (M - 1) + σ²
/// σ² = max(0, Σ_i (e_i² - V_i) / n)       V_i the sample variance of the series that lack row i
/// ```
///
/// put back into the unit of the labels. `V_i` is taken off so that `std²` is on average the squared held-out error, as in
/// [`super::BaggedRidge`].
///
/// Needs 4 labels. Time `O(p n log n)` per tree.
#[derive(Clone, Copy, Debug)]
pub struct GradientBoosting {
    /// Seed of folds and trees.
    pub seed: u64,
}

impl Predictor for GradientBoosting {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, x: ArrayView2<f64>, y: ArrayView1<f64>) -> Result<Box<dyn FittedPredictor>, PredictorError> {
        check(ENTRY.name, &x, &y, MIN_LABELS)?;
        let n = y.len();
        let (labels, z) = NormalScores::of(&y.to_vec());
        let table = Table::new(x, true);
        let folds = FOLDS.min(n);
        let grow = |m: usize| {
            let (repeat, fold) = (m / folds, m % folds);
            let mut order: Vec<u32> = (0..n as u32).collect();
            Stream::named(self.seed, &format!("{}.folds.{repeat}", ENTRY.name)).shuffle(&mut order);
            let (out, kept): (Vec<_>, Vec<_>) = (0..n).partition(|position| position % folds == fold);
            let rows = |positions: Vec<usize>| positions.into_iter().map(|p| order[p]).collect::<Vec<_>>();
            let mut stream = Stream::named(self.seed, &format!("{}.{m}", ENTRY.name));
            let series = Series::grow(&table, x, &z, rows(kept), &mut stream);
            let left_out: Vec<(usize, f64)> =
                rows(out).into_iter().map(|i| (i as usize, series.at(x.row(i as usize)))).collect();
            (series, left_out)
        };
        let (series, left_out): (Vec<Series>, Vec<_>) = (0..REPEATS * folds).into_par_iter().map(grow).unzip();
        let (mut sum, mut squares) = (vec![0.0; n], vec![0.0; n]);
        for (i, score) in left_out.into_iter().flatten() {
            sum[i] += score;
            squares[i] += score * score;
        }
        let repeats = REPEATS as f64;
        let means: Vec<f64> = sum.iter().map(|sum| sum / repeats).collect();
        let between = |i: usize| ((squares[i] - sum[i] * means[i]) / (repeats - 1.0)).max(0.0);
        let excess = (0..n).map(|i| (z[i] - means[i]).powi(2) - between(i)).sum::<f64>() / n as f64;
        let noise = excess.max(0.0);
        let prediction = move |mean: f64, variance: f64| labels.prediction(mean, (variance + noise).sqrt());
        let held_out = Some((0..n).map(|i| prediction(means[i], between(i))).collect());
        let predict = move |row: ArrayView1<f64>| {
            let scores: Vec<f64> = series.iter().map(|series| series.at(row)).collect();
            let n = scores.len() as f64;
            let mean = scores.iter().sum::<f64>() / n;
            prediction(mean, scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / (n - 1.0))
        };
        Ok(Box::new(ByRow { width: x.ncols(), held_out, predict }))
    }
}

/// `F` of [`GradientBoosting`].
struct Series {
    start: f64,
    trees: Vec<Tree>,
}

impl Series {
    fn grow(table: &Table, x: ArrayView2<f64>, z: &[f64], mut rows: Vec<u32>, stream: &mut Stream) -> Series {
        let start = rows.iter().map(|row| z[*row as usize]).sum::<f64>() / rows.len() as f64;
        let growth = Growth {
            min_leaf: MIN_LEAF,
            features: ((FEATURES * x.ncols() as f64) as usize).max(1),
            depth: DEPTH,
            random_thresholds: false,
        };
        let drawn = ((ROWS * rows.len() as f64) as usize).max(2);
        let mut residuals: Vec<f64> = z.iter().map(|z| z - start).collect();
        let next_tree = |_| {
            stream.shuffle(&mut rows);
            let tree = Tree::grow(table, &residuals, rows[..drawn].to_vec(), &growth, stream);
            for row in &rows {
                residuals[*row as usize] -= RATE * tree.leaf(x.row(*row as usize)).mean;
            }
            tree
        };
        Series { start, trees: (0..ROUNDS).map(next_tree).collect() }
    }

    fn at(&self, row: ArrayView1<f64>) -> f64 {
        self.start + RATE * self.trees.iter().map(|tree| tree.leaf(row).mean).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Prediction;
    use super::super::random_forest::tests::friedman;
    use super::super::ridge::tests::made_up;
    use super::super::{conformal_scale, coverage};
    use super::*;
    use crate::stats::kendall_tau;
    use ndarray::s;

    // The data of the forest's comparison, labels exp(y / 4), k = 0 .. 19; z = norm.ppf((rankdata(label) - .5) / 200)
    // GradientBoostingRegressor(n_estimators=150, learning_rate=.05, max_depth=3, subsample=.6, max_features=1/3,
    //     min_samples_leaf=2) on the 200 z: mean of kendalltau(prediction, label) on the others
    const THEIRS: f64 = 0.7536;

    #[test]
    fn orders_skewed_labels_at_least_as_well_as_one_series_of_scikit_learn() {
        let (mut tau, mut inside, mut held_out_tau, mut scale) = (0.0, 0.0, 0.0, 0.0);
        for seed in 0..4 {
            let (x, y) = friedman(1200, seed);
            let y = y.mapv(|v| (v / 4.0).exp()).to_vec();
            let (train, test) = y.split_at(200);
            let boosting = GradientBoosting { seed }.fit(x.slice(s![..200, ..]), ArrayView1::from(train)).unwrap();
            let predictions = boosting.predict(x.slice(s![200.., ..]));
            let means = |of: &[Prediction]| of.iter().map(|p| p.mean).collect::<Vec<_>>();
            tau += kendall_tau(&means(&predictions), test).unwrap() / 4.0;
            let held_out = boosting.held_out().unwrap();
            held_out_tau += kendall_tau(&means(&held_out), train).unwrap() / 4.0;
            inside += coverage(&predictions, test, 0.6827).0 as f64 / 4000.0;
            scale += conformal_scale(&held_out, train, 0.9) / 4.0;
        }
        println!("tau {tau}, held out {held_out_tau}, inside {inside}, scale {scale}");
        assert!(tau > THEIRS - 0.01, "{tau}");
        assert!((held_out_tau - tau).abs() < 0.04, "held out {held_out_tau}, test {tau}");
        assert!((0.6..0.8).contains(&inside), "coverage {inside}");
    }

    #[test]
    fn threads_do_not_change_a_number() {
        let (x, y) = made_up(20, 6);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let boosting = GradientBoosting { seed: 9 }.fit(x.view(), y.view()).unwrap();
                (boosting.predict(x.view()), boosting.held_out())
            })
        };
        assert_eq!(on(1), on(3));
        assert_ne!(on(1).0, GradientBoosting { seed: 8 }.fit(x.view(), y.view()).unwrap().predict(x.view()));
    }

    #[test]
    #[should_panic(expected = "columns fitted on")]
    fn other_columns_than_fitted_on_are_a_mistake() {
        let (x, y) = made_up(12, 3);
        GradientBoosting { seed: 1 }.fit(x.view(), y.view()).unwrap().predict(x.slice(s![.., ..1]));
    }
}
