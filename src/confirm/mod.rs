//! Trains networks for real.

mod recipe;
mod train;

pub use recipe::Recipe;
pub use train::{EpochRecord, Training, TrainingData, TrainingDataError, train};
