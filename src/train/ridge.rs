//! Ridge regression on the pixels: what a network has to beat.

use ndarray::Array2;
use tch::{Kind, TchError, Tensor};

use super::TrainingData;
use crate::engine::DeviceBatch;

/// Penalties that are tried, in units of the mean square of a training image.
const PENALTIES: [f64; 8] = [1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0];
/// The most training images that are used: the first of them, which are in random order.
const MOST: i64 = 4096;

/// A linear classifier on the pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Ridge {
    /// The penalty, in units of the mean square of a training image.
    pub penalty: f64,
    /// Accuracy on the validation images, percent, by which the penalty was chosen; of equals, the highest penalty.
    pub valid_accuracy_pct: f64,
    /// Its values for each test image (images x classes); the highest names the class.
    pub test_values: Array2<f32>,
}

/// Ridge regression of one-hot classes `Y` (n x k) on the pixels `X` (n x d), both centred, without augmentation:
///
/// `W = X' (X X' + l I)^-1 Y`, which is also `(X' X + l I)^-1 X' Y`; the smaller system is solved.
///
/// `l` is the penalty times `|X|^2 / n`. At most 4,096 training images are used. Hoerl & Kennard, Technometrics 1970; as a
/// classifier it is scikit-learn's `RidgeClassifier`. None if no penalty gives a system that can be solved.
pub fn ridge_on_pixels(data: &TrainingData) -> Result<Option<Ridge>, TchError> {
    let _no_grad = tch::no_grad_guard();
    let (pixels, classes) = data.pixels()?;
    let n = pixels.size()[0].min(MOST);
    let (pixels, classes) = (pixels.f_narrow(0, 0, n)?, classes.f_narrow(0, 0, n)?);
    let mean = pixels.f_mean_dim(&[0i64][..], true, Kind::Double)?;
    let x = pixels.f_sub(&mean)?;
    let hot = classes.f_one_hot(data.classes() as i64)?.f_to_kind(Kind::Double)?;
    let offset = hot.f_mean_dim(&[0i64][..], true, Kind::Double)?;
    let y = hot.f_sub(&offset)?;
    let transposed = x.f_transpose(0, 1)?;
    let few_images = n <= x.size()[1];
    let gram = if few_images { x.f_matmul(&transposed)? } else { transposed.f_matmul(&x)? };
    let scale = x.f_square()?.f_sum(Kind::Double)?.f_double_value(&[])? / n.max(1) as f64;
    let (valid, test) = (flat(&data.valid)?.f_sub(&mean)?, flat(&data.test)?.f_sub(&mean)?);
    let mut best: Option<(Ridge, Tensor)> = None;
    for penalty in PENALTIES {
        let identity = Tensor::f_eye(gram.size()[0], (Kind::Double, gram.device()))?;
        let system = gram.f_add(&identity.f_mul_scalar(penalty * scale.max(f64::MIN_POSITIVE))?)?;
        // A penalty that rounding swallows leaves a system that has no Cholesky factor.
        let Ok(factor) = system.f_linalg_cholesky(false) else { continue };
        let weights = if few_images {
            transposed.f_matmul(&y.f_cholesky_solve(&factor, false)?)?
        } else {
            transposed.f_matmul(&y)?.f_cholesky_solve(&factor, false)?
        };
        let named = valid.f_matmul(&weights)?.f_add(&offset)?.f_argmax(1, false)?;
        let right = named.f_eq_tensor(data.valid.labels())?.f_sum(Kind::Int64)?.f_int64_value(&[])?;
        let valid_accuracy_pct = 100.0 * right as f64 / data.valid.len() as f64;
        if best.as_ref().is_none_or(|(b, _)| valid_accuracy_pct >= b.valid_accuracy_pct) {
            best = Some((Ridge { penalty, valid_accuracy_pct, test_values: Array2::default((0, 0)) }, weights));
        }
    }
    let Some((ridge, weights)) = best else { return Ok(None) };
    let values = test.f_matmul(&weights)?.f_add(&offset)?.f_to_kind(Kind::Float)?.f_to(tch::Device::Cpu)?;
    let shape = (data.test.len(), data.classes());
    let values = Vec::<f32>::try_from(values.f_flatten(0, -1)?)?;
    let test_values = Array2::from_shape_vec(shape, values).map_err(|e| TchError::Torch(e.to_string()))?;
    Ok(Some(Ridge { test_values, ..ridge }))
}

/// Images (n, channels, height, width) as rows of pixels, channels innermost, float64.
fn flat(batch: &DeviceBatch) -> Result<Tensor, TchError> {
    batch.images().f_permute([0, 2, 3, 1])?.f_flatten(1, -1)?.f_to_kind(Kind::Double)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{DataSpec, open};
    use crate::network::Shape;
    use crate::stats::named_classes;
    use crate::train::Recipe;
    use tch::Device;

    /// More images than pixels and fewer give the same answers: both forms of the system are one regression.
    #[test]
    fn both_forms_are_the_same_regression() {
        let source = open(&DataSpec::default()).unwrap();
        let accuracy = |image, limit| {
            let recipe = Recipe { image, limit: Some(limit), ..Recipe::default() };
            let data = TrainingData::new(source.dataset().unwrap(), &recipe, 0, Device::Cpu).unwrap();
            let ridge = ridge_on_pixels(&data).unwrap().unwrap();
            let named = named_classes(ridge.test_values.view());
            let right = named.iter().zip(data.test_labels().unwrap()).filter(|(a, b)| **a == *b).count();
            (ridge.penalty, 100.0 * right as f64 / named.len() as f64)
        };
        // Grey in three channels is the same image, and the penalty is in units of the images.
        let (small, large) = (Shape::new(1, 8, 8), Shape::new(3, 8, 8));
        assert_eq!(accuracy(small, [150, 150, 300]), accuracy(large, [150, 150, 300]));
        let (_, all) = accuracy(small, [1000, 300, 400]);
        assert!(all > 90.0, "{all}");
    }
}
