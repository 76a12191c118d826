//! Trains networks for real.

mod checkpoint;
mod optimiser;
mod recipe;
mod ridge;
mod training;
mod training_data;

pub use checkpoint::{Checkpoint, trained_parameters};
pub use optimiser::Optimiser;
pub use recipe::Recipe;
pub use ridge::{Ridge, ridge_on_pixels};
pub use training::{EpochRecord, Training, TrainingError, test_probabilities, train};
pub use training_data::{Augmentation, TrainingData, TrainingDataError};
