//! A blend of predictors, weighted by their held-out errors.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use super::gaussian_process::labels::NormalScores;
use super::{FittedPredictor, Prediction, Predictor, PredictorEntry, PredictorError, check, held_out};
use crate::encoding::Layout;
use crate::seed::derive;

pub(super) static ENTRY: PredictorEntry = PredictorEntry {
    name: "stack",
    title: "Stack of a Gaussian process and trees",
    what: "blends a Gaussian process, a forest and boosted trees by their held-out errors; with few labels the Gaussian process decides",
    paper: "Wolpert, Stacked generalization, Neural Networks 5, 1992; Breiman, Stacked regressions, Mach. Learn. 24, 1996",
    open: &|seed, layout| Box::new(Stack { seed, layout: layout.clone() }),
};

/// Members by name; the first one is trusted until the held-out errors say otherwise.
const MEMBERS: [&str; 3] = ["gaussian-process", "random-forest", "gradient-boosting"];
const MIN_LABELS: usize = 2;
/// With fewer labels the first member is alone: held-out errors of so few say nothing.
const FEW: usize = 10;
/// Folds for members without held-out predictions of their own.
const FOLDS: usize = 5;
/// What leaving the first member costs, in labels: with fewer labels than this the blend hardly moves from it.
const CAUTION: f64 = 20.0;
const STEPS: usize = 500;

/// Stacked regression.
///
/// Labels become normal scores `z`. Each member `m` is fitted on all rows and gives held-out predictions `f_m(i)` of them.
/// The weights are those of the simplex (`w_m ≥ 0`, `Σ w_m = 1`) that minimise
///
/// ```text
/// Σ_i (z_i - Σ_m w_m f_m(i))² + κ s² Σ_{m > 1} w_m²        s² = mean squared held-out error of the first member
/// ```
///
/// with `κ` = 20: the penalty is that of 20 further labels on which another member would do worse, so ten labels leave the
/// blend with the first member, hundreds let the errors decide. The blended prediction has mean `Σ w_m f_m` and variance
/// `Σ w_m s_m²`, put back into the unit of the labels as in [`super::GaussianProcess`].
///
/// With fewer than 10 labels the first member is alone. Needs 2 labels and takes 2,000, as the Gaussian process does.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Seed of the members.
    pub seed: u64,
    /// What the columns are.
    pub layout: Layout,
}

impl Predictor for Stack {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, x: ArrayView2<f64>, y: ArrayView1<f64>) -> Result<Box<dyn FittedPredictor>, PredictorError> {
        check(ENTRY.name, &x, &y, MIN_LABELS)?;
        let (labels, z) = NormalScores::of(&y.to_vec());
        let z = Array1::from(z);
        let (mut members, mut left_out) = (Vec::new(), Vec::new());
        for name in &MEMBERS[..if y.len() < FEW { 1 } else { MEMBERS.len() }] {
            let seed = derive(self.seed, name);
            let predictor = super::open(name, seed, &self.layout)?;
            let fitted = predictor.fit(x, z.view())?;
            left_out.push(held_out(predictor.as_ref(), fitted.as_ref(), x, z.view(), FOLDS, seed)?);
            members.push(fitted);
        }
        let means = Array2::from_shape_fn((z.len(), members.len()), |(i, m)| left_out[m][i].mean);
        let weights = simplex_weights(&means, &z);
        let fitted = Fitted { labels, members, weights, left_out: Vec::new() };
        let left_out = fitted.blend(&left_out);
        Ok(Box::new(Fitted { left_out, ..fitted }))
    }
}

struct Fitted {
    labels: NormalScores,
    members: Vec<Box<dyn FittedPredictor>>,
    weights: Vec<f64>,
    left_out: Vec<Prediction>,
}

impl Fitted {
    /// Blends scores of members (outer index) and returns to labels.
    fn blend(&self, scores: &[Vec<Prediction>]) -> Vec<Prediction> {
        let blend_row = |i: usize| {
            let weighted = |value: &dyn Fn(&Prediction) -> f64| -> f64 {
                self.weights.iter().zip(scores).map(|(w, of_member)| w * value(&of_member[i])).sum()
            };
            let (mean, variance) = (weighted(&|p| p.mean), weighted(&|p| p.std * p.std));
            self.labels.prediction(mean, variance.sqrt())
        };
        (0..scores[0].len()).map(blend_row).collect()
    }
}

impl FittedPredictor for Fitted {
    fn predict(&self, x: ArrayView2<f64>) -> Vec<Prediction> {
        let scores: Vec<_> = self.members.iter().map(|member| member.predict(x)).collect();
        self.blend(&scores)
    }

    fn held_out(&self) -> Option<Vec<Prediction>> {
        Some(self.left_out.clone())
    }
}

/// The weights of [`Stack`], by projected gradient descent from the first member. `means` has a column per member.
fn simplex_weights(means: &Array2<f64>, z: &Array1<f64>) -> Vec<f64> {
    let members = means.ncols();
    let first = (z - &means.column(0)).mapv(|e| e * e).mean().unwrap_or(0.0);
    let mut gram = means.t().dot(means);
    for m in 1..members {
        gram[[m, m]] += CAUTION * first;
    }
    let target = means.t().dot(z);
    let step = 1.0 / gram.diag().sum().max(f64::MIN_POSITIVE);
    let mut weights = Array1::zeros(members);
    weights[0] = 1.0;
    for _ in 0..STEPS {
        let gradient = gram.dot(&weights) - &target;
        weights = project_to_simplex(&(&weights - &(gradient * step)));
    }
    weights.to_vec()
}

/// The nearest point with non-negative coordinates of sum one (Duchi et al., ICML 2008).
fn project_to_simplex(v: &Array1<f64>) -> Array1<f64> {
    let mut sorted = v.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let (mut sum, mut threshold) = (0.0, 0.0);
    for (i, value) in sorted.iter().enumerate() {
        sum += value;
        let candidate = (sum - 1.0) / (i + 1) as f64;
        if value - candidate > 0.0 {
            threshold = candidate;
        }
    }
    v.mapv(|value| (value - threshold).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Stream;
    use approx::assert_relative_eq;
    use ndarray::array;

    #[test]
    fn projections_by_hand() {
        assert_eq!(project_to_simplex(&array![0.3, 0.7]), array![0.3, 0.7]);
        assert_eq!(project_to_simplex(&array![2.0, 0.0]), array![1.0, 0.0]);
        let inside = project_to_simplex(&array![0.5, 0.7, -1.0]);
        assert_relative_eq!(inside[0], 0.4, max_relative = 1e-12);
        assert_relative_eq!(inside[1], 0.6, max_relative = 1e-12);
        assert_eq!(inside[2], 0.0);
    }

    #[test]
    fn weights_follow_the_errors_when_there_are_labels() {
        let weight_of_second = |n: usize, error: [f64; 2]| {
            let mut rng = Stream::new(7);
            let z: Array1<f64> = (0..n).map(|_| rng.normal()).collect();
            let means = Array2::from_shape_fn((n, 2), |(i, m)| z[i] + error[m] * rng.normal());
            let weights = simplex_weights(&means, &z);
            assert_relative_eq!(weights.iter().sum::<f64>(), 1.0, max_relative = 1e-9);
            weights[1]
        };
        assert!(weight_of_second(400, [0.5, 0.5]) > 0.4);
        assert!(weight_of_second(400, [0.8, 0.2]) > 0.85);
        assert!(weight_of_second(400, [0.2, 0.8]) < 0.1);
        assert!(weight_of_second(8, [0.5, 0.5]) < 0.3);
    }
}
