//! How networks are trained.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::{Augmentation, Optimiser};
use crate::engine::Precision;
use crate::network::Shape;

/// Everything that decides a training but the network, the images and the seed.
///
/// The learning rate rises in equal steps during the warm-up and falls along a cosine after it: at step `t` of `T`, with
/// `W` steps of warm-up, it is `learning_rate (t + 1) / W` before step `W` and `learning_rate (1 + cos(pi (t - W) / (T -
/// W))) / 2` from there on (Loshchilov & Hutter, "SGDR", ICLR 2017).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recipe {
    /// Shape that images are adapted to.
    pub image: Shape,
    /// Shares of the data set for training, validation and test; official parts stay whole (see [`crate::data::split`]).
    pub split: [f64; 3],
    /// The most images for training, validation and test; all of them without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<[usize; 3]>,
    /// Passes over the training images.
    pub epochs: usize,
    /// Steps in place of [`epochs`](Self::epochs): the number of images then decides how many passes they are, and more
    /// ([`Recipe::resolved`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<usize>,
    /// Images per step.
    pub batch_size: usize,
    /// What turns gradients into steps.
    pub optimiser: Optimiser,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Momentum of SGD (Nesterov's); AdamW has its own two.
    pub momentum: f64,
    /// Shrinks convolution and linear weights; biases, scales and shifts of normalisations are left alone.
    pub weight_decay: f64,
    /// Epochs over which the learning rate rises.
    pub warmup_epochs: f64,
    /// Share of the target that is spread over all classes (Szegedy et al., "Rethinking the Inception architecture", CVPR 2016).
    pub label_smoothing: f64,
    /// Whether images of rare classes count for more, so that all classes count alike: an image of class `c` as `images /
    /// (classes * images of c)`, of the training images, relative to the others of its batch.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub balance_classes: bool,
    /// Random changes to training images.
    pub augmentation: Augmentation,
    /// Ends a training whose validation accuracy has not risen, and whose training loss has not fallen by a hundredth, for so
    /// many epochs; off if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// Numbers that activations are computed in.
    pub precision: Precision,
}

impl Default for Recipe {
    fn default() -> Self {
        Recipe {
            image: Shape::new(3, 32, 32),
            split: [0.6, 0.2, 0.2],
            limit: None,
            epochs: 12,
            steps: None,
            batch_size: 64,
            optimiser: Optimiser::Sgd,
            learning_rate: 0.1,
            momentum: 0.9,
            weight_decay: 5e-4,
            warmup_epochs: 0.0,
            label_smoothing: 0.0,
            balance_classes: false,
            augmentation: Augmentation::default(),
            patience: None,
            precision: Precision::Float32,
        }
    }
}

/// With [`Recipe::steps`], the fewest images per step (fewer make the statistics of normalisation too rough), and steps per
/// epoch at least, where there are enough images.
const FEWEST: (usize, usize) = (8, 8);
/// With [`Recipe::steps`], the share of the training over which the learning rate rises, and the [`Recipe::patience`] as a
/// share of the epochs.
const SHARES: (f64, f64) = (0.1, 0.5);

impl Recipe {
    /// The recipe for `images` training images. With [`steps`](Self::steps), which must be done at least:
    ///
    /// * `batch_size` is lowered, by halves, until an epoch has 8 steps, or to 8 images;
    /// * `epochs` are as many as the steps take;
    /// * the learning rate rises over a tenth of them, from a peak lower by `sqrt(batch / batch_size)`;
    /// * a training ends where validation accuracy and training loss have not become better for half of the epochs, unless
    ///   [`patience`](Self::patience) says otherwise.
    ///
    /// Without steps it is what it was.
    pub fn resolved(&self, images: usize) -> Recipe {
        let Some(steps) = self.steps else { return self.clone() };
        let mut batch_size = self.batch_size.min(images.max(1));
        while batch_size >= 2 * FEWEST.0 && images < FEWEST.1 * batch_size {
            batch_size /= 2;
        }
        let epochs = steps.div_ceil(steps_per_epoch(images, batch_size).max(1));
        Recipe {
            epochs,
            steps: None,
            batch_size,
            learning_rate: self.learning_rate * (batch_size as f64 / self.batch_size as f64).sqrt(),
            warmup_epochs: SHARES.0 * epochs as f64,
            patience: self.patience.or(Some(((SHARES.1 * epochs as f64).ceil() as usize).max(1))),
            ..self.clone()
        }
    }

    /// The recipe for `images` training images with about as many steps as said: as many epochs as they take.
    pub fn with_steps(&self, steps: usize, images: usize) -> Recipe {
        Recipe { steps: Some(steps), ..self.clone() }.resolved(images)
    }

    /// Steps of an epoch of `images` training images.
    pub fn steps_per_epoch(&self, images: usize) -> usize {
        steps_per_epoch(images, self.batch_size)
    }

    /// What is wrong with the numbers, if anything.
    pub fn problem(&self) -> Option<String> {
        let counts = [
            ("epochs", self.epochs),
            ("steps", self.steps.unwrap_or(1)),
            ("batch_size", self.batch_size),
            ("patience", self.patience.unwrap_or(1)),
        ];
        if let Some((name, _)) = counts.iter().find(|(_, value)| *value == 0) {
            return Some(format!("{name} is 0, it must be at least 1"));
        }
        let Augmentation { crop, cutout, .. } = self.augmentation;
        let side = self.image.height.min(self.image.width);
        let ranges = [
            ("learning_rate", self.learning_rate, f64::MIN_POSITIVE, f64::MAX, "above 0"),
            ("momentum", self.momentum, 0.0, 1.0 - f64::EPSILON, "at least 0 and below 1"),
            ("weight_decay", self.weight_decay, 0.0, f64::MAX, "at least 0"),
            ("warmup_epochs", self.warmup_epochs, 0.0, self.epochs as f64, "between 0 and the epochs"),
            ("label_smoothing", self.label_smoothing, 0.0, 1.0 - f64::EPSILON, "at least 0 and below 1"),
            ("augmentation.crop", crop as f64, 0.0, side as f64, "at most the side of the image, in pixels"),
            ("augmentation.cutout", cutout as f64, 0.0, side as f64, "at most the side of the image, in pixels"),
        ];
        ranges.iter().find_map(|&(name, value, low, high, rule)| {
            (!(low..=high).contains(&value)).then(|| format!("{name} is {value}, it must be {rule}"))
        })
    }

    /// The learning rate of step `step` of `steps`.
    pub fn learning_rate_at(&self, step: usize, steps: usize) -> f64 {
        let warmup = (self.warmup_epochs * steps as f64 / self.epochs as f64).round() as usize;
        if step < warmup {
            return self.learning_rate * (step + 1) as f64 / warmup as f64;
        }
        let progress = (step - warmup) as f64 / steps.saturating_sub(warmup).max(1) as f64;
        self.learning_rate * (1.0 + (PI * progress).cos()) / 2.0
    }
}

/// Steps of an epoch: a last batch of a single image has no batch statistics, and is left out.
fn steps_per_epoch(images: usize, batch_size: usize) -> usize {
    images / batch_size + usize::from(images % batch_size > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_become_epochs_by_the_number_of_images() {
        let recipe = Recipe { steps: Some(400), ..Recipe::default() };
        let of = |images| {
            let r = recipe.resolved(images);
            (r.batch_size, r.epochs, r.epochs * steps_per_epoch(images, r.batch_size))
        };
        assert_eq!(of(4000), (64, 7, 441));
        assert_eq!(of(108), (8, 29, 406));
        assert_eq!(of(10), (10, 400, 400));
        assert!(recipe.resolved(108).problem().is_none() && recipe.resolved(108).patience == Some(15));
        assert_eq!(recipe.resolved(1).epochs, 400);
        assert_eq!(Recipe::default().resolved(108), Recipe::default());
    }

    #[test]
    fn the_learning_rate_rises_and_falls() {
        let recipe = Recipe { epochs: 10, warmup_epochs: 2.0, ..Recipe::default() };
        let rates: Vec<f64> = (0..100).map(|step| recipe.learning_rate_at(step, 100)).collect();
        assert_eq!((rates[0], rates[9], rates[19], rates[20]), (0.005, 0.05, 0.1, 0.1));
        assert!(rates[20..].windows(2).all(|w| w[1] < w[0]) && rates[99] < 1e-4);
        // torch.optim.lr_scheduler.CosineAnnealingLR(SGD(p, 0.1), 80) after 20 steps
        assert!((rates[40] - 0.08535533905932738).abs() < 1e-15);
    }

    #[test]
    fn impossible_numbers_are_named() {
        let wrong = [
            Recipe { epochs: 0, ..Recipe::default() },
            Recipe { learning_rate: f64::NAN, ..Recipe::default() },
            Recipe { warmup_epochs: 13.0, ..Recipe::default() },
            Recipe { label_smoothing: 1.0, ..Recipe::default() },
            Recipe { augmentation: Augmentation { cutout: 33, ..Augmentation::default() }, ..Recipe::default() },
        ];
        let names = ["epochs", "learning_rate", "warmup_epochs", "label_smoothing", "augmentation.cutout"];
        for (recipe, name) in wrong.iter().zip(names) {
            assert!(recipe.problem().unwrap().starts_with(name), "{name}");
        }
        assert_eq!(Recipe::default().problem(), None);
    }

    #[test]
    fn a_short_text_is_a_recipe() {
        let recipe: Recipe = toml::from_str("optimiser = \"adamw\"\n[augmentation]\nflip = true").unwrap();
        assert_eq!(recipe.optimiser, Optimiser::AdamW);
        assert!(recipe.augmentation.flip && recipe.augmentation.crop == 0);
    }
}
