//! Why a run, a confirmation or a table was not finished.

use std::path::PathBuf;

use super::ScreenError;
use super::confirm::WinnerError;
use super::predict::PredictError;
use crate::benchmark::TableError;
use crate::candidates::{CandidatesError, JoinError};
use crate::encoding::EncodingError;
use crate::files::FileError;
use crate::folder::FolderError;
use crate::hardware::HardwareError;
use crate::predictor::PredictorError;
use crate::train::TrainingDataError;
use crate::trial::TrainError;

/// Why a run did not finish.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The configuration cannot be read.
    #[error("cannot read the configuration {}: {reason}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A value that makes no sense.
    #[error("{0}; correct the configuration")]
    Value(String),
    /// The folder is not one of such results.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The screen.
    #[error(transparent)]
    Screen(#[from] ScreenError),
    /// The images for training.
    #[error(transparent)]
    TrainingData(#[from] TrainingDataError),
    /// The trainings.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The networks of a run.
    #[error(transparent)]
    Candidates(#[from] CandidatesError),
    /// The networks of a table.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The predictions.
    #[error(transparent)]
    Predict(#[from] PredictError),
    /// The table of trained networks.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The latency model.
    #[error(transparent)]
    Hardware(#[from] HardwareError),
    /// The choice of the winner, and its export.
    #[error(transparent)]
    Winner(#[from] WinnerError),
    /// The features.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// The surrogate.
    #[error(transparent)]
    Predictor(#[from] PredictorError),
    /// Results cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
}

impl RunError {
    /// True if the run was stopped from outside and can go on.
    pub fn interrupted(&self) -> bool {
        match self {
            RunError::Screen(error) => error.interrupted(),
            other => matches!(other, RunError::Train(TrainError::Interrupted { .. })),
        }
    }
}
