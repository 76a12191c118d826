//! Why a study was not finished.

use crate::benchmark::TableError;
use crate::candidates::CandidatesError;
use crate::data::DataError;
use crate::encoding::EncodingError;
use crate::engine::EngineError;
use crate::export::{ExportError, WeightsError};
use crate::files::FileError;
use crate::folder::FolderError;
use crate::hardware::HardwareError;
use crate::onnx::OnnxError;
use crate::predictor::PredictorError;
use crate::registry::Unknown;
use crate::space::SpaceError;
use crate::strategy::StrategyError;
use crate::train::TrainingDataError;
use crate::trial::TrainError;

/// Why a study was not finished: it cannot be done as it was asked for, or something below it failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// What was asked for makes no sense or is not there: what it is, and what to do about it.
    #[error("{0}")]
    Refused(String),
    /// A value of a configuration that makes no sense.
    #[error("{0}; correct the configuration")]
    Value(String),
    /// It waits for what other processes compute: what that is, and how to go on.
    #[error("{0}")]
    Waits(String),
    /// Parts that do not belong together: which they are, and what to do about it.
    #[error("{0}")]
    Mismatch(String),
    /// It was stopped from outside: how far it had come, and what is kept.
    #[error("{0}")]
    Interrupted(String),
    /// The space refuses.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// A proxy or an ensemble is unknown.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// The images cannot be had.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The device cannot be used, or libtorch refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A model that is no network of naslens.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// A latency model or a measurement.
    #[error(transparent)]
    Hardware(#[from] HardwareError),
    /// Results cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The folder is not one of such results.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A table, or a column of it, cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The networks of a run or a table.
    #[error(transparent)]
    Candidates(#[from] CandidatesError),
    /// The features.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// The surrogate.
    #[error(transparent)]
    Predictor(#[from] PredictorError),
    /// The strategy.
    #[error(transparent)]
    Strategy(#[from] StrategyError),
    /// The images for training.
    #[error(transparent)]
    TrainingData(#[from] TrainingDataError),
    /// The trainings.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// Weights of an earlier export.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The export.
    #[error(transparent)]
    Export(#[from] ExportError),
}

/// Whether the same command may do better another time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It will, when another process is done.
    Later,
    /// It will not: settings, versions or data do not belong together.
    Never,
    /// That depends on the reason.
    Perhaps,
}

impl RunError {
    /// Whether the same command may do better another time.
    pub fn retry(&self) -> Retry {
        use FolderError::{Damaged, Differ, File, Newer, Other, Unknown};
        match self {
            RunError::Waits(_)
            | RunError::File(FileError::Locked { .. })
            | RunError::Folder(File(FileError::Locked { .. })) => Retry::Later,
            RunError::Mismatch(_)
            | RunError::Folder(Other { .. } | Differ { .. } | Unknown { .. } | Damaged { .. } | Newer { .. }) => {
                Retry::Never
            }
            _ => Retry::Perhaps,
        }
    }

    /// True if it was stopped from outside and can go on.
    pub fn interrupted(&self) -> bool {
        matches!(
            self,
            RunError::Interrupted(_)
                | RunError::Data(DataError::Interrupted { .. })
                | RunError::Train(TrainError::Interrupted { .. })
        )
    }
}

impl From<tch::TchError> for RunError {
    fn from(error: tch::TchError) -> Self {
        RunError::Engine(error.into())
    }
}
