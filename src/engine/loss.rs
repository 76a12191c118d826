//! The loss that the target of a network asks for, and its gradient. Nothing else names a loss.

use tch::{Kind, Reduction, Tensor};

use crate::network::Target;

/// The loss of a batch of logits (images x outputs).
#[derive(Clone, Copy, Debug)]
pub(super) struct Loss<'a> {
    target: Target,
    labels: &'a Tensor,
    smoothing: f64,
    /// Of each class, float32.
    weights: Option<&'a Tensor>,
}

impl<'a> Loss<'a> {
    /// Cross-entropy for classes. The label of each image is an int64 class; `smoothing` softens it: the expected probability
    /// is `1 - smoothing` for the label plus `smoothing / classes` for every class.
    pub fn new(target: Target, labels: &'a Tensor, smoothing: f64) -> Self {
        Loss { target, labels, smoothing, weights: None }
    }

    /// The same with a weight for each class: an image counts as its label's weight says, and the mean is a weighted one.
    pub fn weighted(self, weights: Option<&'a Tensor>) -> Self {
        Loss { weights, ..self }
    }

    /// The mean over the images.
    pub fn mean(&self, logits: &Tensor) -> Result<Tensor, tch::TchError> {
        match self.shares()? {
            None => self.reduced(logits, Reduction::Mean),
            Some(shares) => self.reduced(logits, Reduction::None)?.f_dot(&shares),
        }
    }

    /// What each image contributes to the mean, if not all the same.
    fn shares(&self) -> Result<Option<Tensor>, tch::TchError> {
        let Some(weights) = self.weights else { return Ok(None) };
        let of_images = weights.f_index_select(0, self.labels)?;
        Ok(Some(of_images.f_div(&of_images.f_sum(Kind::Float)?)?))
    }

    /// The sum over the images.
    pub fn sum(&self, logits: &Tensor) -> Result<Tensor, tch::TchError> {
        self.reduced(logits, Reduction::Sum)
    }

    fn reduced(&self, logits: &Tensor, reduction: Reduction) -> Result<Tensor, tch::TchError> {
        match self.target {
            Target::Classes(_) => {
                logits.f_cross_entropy_loss(self.labels, None::<&Tensor>, reduction, -100, self.smoothing)
            }
        }
    }

    /// The gradient of the mean with respect to the logits; for cross-entropy `(softmax - expected)` times the image's
    /// share of the mean, `1 / images` without weights.
    pub fn gradient(&self, logits: &Tensor) -> Result<Tensor, tch::TchError> {
        match self.target {
            Target::Classes(classes) => {
                let images = logits.size()[0].max(1);
                let p = logits.f_softmax(1, Kind::Float)?;
                let options = (Kind::Float, p.device());
                let hot = Tensor::f_full([self.labels.size()[0], 1], self.smoothing - 1.0, options)?;
                let p = p.f_scatter_add(1, &self.labels.f_unsqueeze(1)?, &hot)?;
                let p = if self.smoothing == 0.0 { p } else { p.f_sub_scalar(self.smoothing / classes as f64)? };
                match self.shares()? {
                    None => p.f_mul_scalar(1.0 / images as f64),
                    Some(shares) => p.f_mul(&shares.f_unsqueeze(1)?),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `gradient` is written out for the tape; autograd gives the same.
    #[test]
    fn the_gradient_is_that_of_the_mean() {
        let logits = Tensor::from_slice(&[0.3f32, -1.0, 2.0, 0.0, 0.5, -0.2]).reshape([2, 3]).set_requires_grad(true);
        let labels = Tensor::from_slice(&[2i64, 0]);
        let weights = Tensor::from_slice(&[0.5f32, 9.0, 2.0]);
        for (smoothing, weights) in [(0.0, None), (0.1, None), (0.0, Some(&weights)), (0.1, Some(&weights))] {
            let loss = Loss::new(Target::Classes(3), &labels, smoothing).weighted(weights);
            let expected = Tensor::run_backward(&[loss.mean(&logits).unwrap()], &[&logits], false, false);
            let gap = (loss.gradient(&logits.detach()).unwrap() - &expected[0]).abs().max().double_value(&[]);
            assert!(gap < 1e-7, "{gap}");
            if weights.is_none() {
                let (mean, sum) = (loss.mean(&logits).unwrap(), loss.sum(&logits).unwrap());
                assert!((sum.double_value(&[]) - 2.0 * mean.double_value(&[])).abs() < 1e-6);
            }
        }
    }

    /// Without smoothing it is PyTorch's weighted mean.
    #[test]
    fn weights_are_those_of_pytorch() {
        let logits = Tensor::from_slice(&[0.3f32, -1.0, 2.0, 0.0, 0.5, -0.2]).reshape([2, 3]);
        let (labels, weights) = (Tensor::from_slice(&[2i64, 0]), Tensor::from_slice(&[0.5f32, 9.0, 2.0]));
        let expected = logits.cross_entropy_loss(&labels, Some(&weights), Reduction::Mean, -100, 0.0);
        let found = Loss::new(Target::Classes(3), &labels, 0.0).weighted(Some(&weights)).mean(&logits).unwrap();
        assert!((found.double_value(&[]) - expected.double_value(&[])).abs() < 1e-6);
    }
}
