//! A Gaussian process on normal scores, whose mean follows a label-free prior.

pub(super) mod labels;
mod model;

use ndarray::{Array2, ArrayView1, ArrayView2};

use super::{FittedPredictor, Prediction, Predictor, PredictorEntry, PredictorError, check};
use crate::encoding::Layout;

use labels::NormalScores;
pub(crate) use model::{Hyperparameters, Inputs, Model};

pub(super) static ENTRY: PredictorEntry = PredictorEntry {
    name: "gaussian-process",
    title: "Gaussian process with a label-free prior mean",
    what: "one Matérn kernel per group of features, on labels as normal scores; starts from the prior column and corrects it",
    paper: "Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006; White et al., How powerful are performance \
            predictors in neural architecture search?, NeurIPS 2021",
    open: &|_, layout| Box::new(GaussianProcess { layout: layout.clone() }),
};

/// With fewer labels there is nothing to correct the prior by.
const MIN_LABELS: usize = 2;
/// Time grows with the third power, and cross-validation fits ten times: beyond this one would wait without knowing why.
const MAX_LABELS: usize = 2000;

/// Gaussian process regression of normal scores.
///
/// Labels `y_i` become normal scores `z_i` (their ranks as quantiles of the standard normal), which
///
/// ```text
/// z_i = b + w p_i + Σ_g f_g(x_i) + ε_i      b ~ N(0, 0.2²)   w ~ N(0.8, 0.15²)   ε_i ~ N(0, σ²)
/// f_g ~ GP(0, a_g² M(|x - x'| / ℓ_g))       M(t) = (1 + √5 t + 5 t² / 3) exp(-√5 t)
/// ```
///
/// explain: `p` is the prior column ([`Layout::prior`], itself normal scores), `g` runs over the groups of features (proxy
/// scores, an encoding of the graph, …), whose columns are standardised over all networks and divided by the root of their
/// number, and `M` is the Matérn kernel of smoothness 5/2. Without labels the order of the prior remains; few labels bend
/// it gently, many replace it. Without a prior column `w p` is missing.
///
/// `a_g`, `ℓ_g` and `σ` maximise the marginal likelihood times log-normal priors around 0.5, 1.2 and 0.4, by resilient
/// backpropagation. A prediction is the posterior of `z`, noise included, put back into the unit of the labels: its `mean`
/// is the median, its `std` half the central 68.27%.
///
/// Needs 2 labels and takes 2,000: time `O(n³)` per step, 40 steps, memory `O(n²)` for `n` labels.
#[derive(Clone, Debug)]
pub struct GaussianProcess {
    /// What the columns are.
    pub layout: Layout,
}

impl Predictor for GaussianProcess {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, x: ArrayView2<f64>, y: ArrayView1<f64>) -> Result<Box<dyn FittedPredictor>, PredictorError> {
        check(ENTRY.name, &x, &y, MIN_LABELS)?;
        if y.len() > MAX_LABELS {
            return Err(PredictorError::TooManyLabels { predictor: ENTRY.name, found: y.len(), most: MAX_LABELS });
        }
        let (labels, z) = NormalScores::of(&y.to_vec());
        let inputs = Inputs::new(&self.layout, x, x);
        let model = Model::fit(inputs, &z, None)
            .map_err(|e| PredictorError::Numerical { predictor: ENTRY.name, reason: e.to_string() })?;
        Ok(Box::new(Fitted { layout: self.layout.clone(), reference: x.to_owned(), labels, z, model }))
    }
}

struct Fitted {
    layout: Layout,
    /// The rows fitted on: they give the scale of columns that the layout does not know.
    reference: Array2<f64>,
    labels: NormalScores,
    z: Vec<f64>,
    model: Model,
}

impl FittedPredictor for Fitted {
    fn predict(&self, x: ArrayView2<f64>) -> Vec<Prediction> {
        assert_eq!(x.ncols(), self.reference.ncols(), "columns fitted on");
        let (latent, noise) = self.model.predict(&Inputs::new(&self.layout, self.reference.view(), x));
        latent.into_iter().map(|(mean, std)| self.labels.prediction(mean, (std * std + noise).sqrt())).collect()
    }

    fn held_out(&self) -> Option<Vec<Prediction>> {
        let left_out = self.model.leave_one_out(&self.z);
        Some(left_out.into_iter().map(|(mean, std)| self.labels.prediction(mean, std)).collect())
    }
}

#[cfg(test)]
mod tests;
