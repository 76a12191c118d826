//! Trains networks for real.

mod checkpoint;
mod optimiser;
mod recipe;
mod training;
mod training_data;

pub use checkpoint::{Checkpoint, trained_parameters};
pub use optimiser::Optimiser;
pub use recipe::Recipe;
pub use training::{EpochRecord, Training, TrainingError, train};
pub use training_data::{Augmentation, TrainingData, TrainingDataError};
