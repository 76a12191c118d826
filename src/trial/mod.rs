//! Trainings by name, and where they are done: a [`Backend`] begins them and is asked for what has finished.

mod backend;
mod local;

pub use backend::{Backend, Job, run_all};
pub use local::{Local, TrainError, TrainStage};
