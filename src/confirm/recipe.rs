//! How networks are trained.

use serde::{Deserialize, Serialize};

use crate::network::Shape;

/// SGD with Nesterov momentum and a cosine schedule: the learning rate of step `t` of `T` is
/// `learning_rate (1 + cos(pi t / T)) / 2`.
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
    /// Images per step.
    pub batch_size: usize,
    /// Initial learning rate.
    pub learning_rate: f64,
    /// Nesterov momentum.
    pub momentum: f64,
    /// L2 penalty on convolution and linear weights; batch normalisation and biases have none.
    pub weight_decay: f64,
}

impl Default for Recipe {
    fn default() -> Self {
        Recipe {
            image: Shape::new(3, 32, 32),
            split: [0.6, 0.2, 0.2],
            limit: None,
            epochs: 12,
            batch_size: 64,
            learning_rate: 0.1,
            momentum: 0.9,
            weight_decay: 5e-4,
        }
    }
}

impl Recipe {
    /// What is wrong with the numbers, if anything.
    pub fn problem(&self) -> Option<String> {
        let positive = |name: &str, value: f64| {
            (!(value.is_finite() && value > 0.0)).then(|| format!("{name} is {value}, it must be above 0"))
        };
        let counts = [("epochs", self.epochs), ("batch_size", self.batch_size)];
        counts
            .iter()
            .find_map(|(name, value)| positive(name, *value as f64))
            .or_else(|| positive("learning_rate", self.learning_rate))
            .or_else(|| {
                (!(0.0..1.0).contains(&self.momentum))
                    .then(|| format!("momentum is {}, it must be at least 0 and below 1", self.momentum))
            })
            .or_else(|| {
                (!(self.weight_decay.is_finite() && self.weight_decay >= 0.0))
                    .then(|| format!("weight_decay is {}, it must be at least 0", self.weight_decay))
            })
    }
}
