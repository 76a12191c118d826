//! How networks are trained: options of commands that train.

use naslens::train::Recipe;

/// Options that change the recipe of a configuration.
#[derive(clap::Args)]
pub(super) struct TrainArgs {
    /// Steps of every training; with few images that is many epochs
    #[arg(long, value_name = "N", conflicts_with = "epochs")]
    steps: Option<usize>,
    /// Passes of every training over its images
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    /// Images per step
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// Highest learning rate
    #[arg(long, value_name = "RATE")]
    learning_rate: Option<f64>,
    /// Mirror every other training image, left to right: if mirrored images are of the same class
    #[arg(long)]
    flip: bool,
}

impl TrainArgs {
    /// Whether the length of trainings was given.
    pub fn sets_length(&self) -> bool {
        self.steps.is_some() || self.epochs.is_some()
    }

    /// Writes what was given into the recipe.
    pub fn apply(&self, recipe: &mut Recipe) {
        if let Some(epochs) = self.epochs {
            // A warm-up is at most the training.
            (recipe.epochs, recipe.steps) = (epochs, None);
            recipe.warmup_epochs = recipe.warmup_epochs.min(epochs as f64);
        }
        recipe.steps = self.steps.or(recipe.steps);
        recipe.batch_size = self.batch_size.unwrap_or(recipe.batch_size);
        recipe.learning_rate = self.learning_rate.unwrap_or(recipe.learning_rate);
        recipe.augmentation.flip |= self.flip;
    }
}
