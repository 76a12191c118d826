//! Trainings by name, and where they are done: a [`Backend`] begins them and is asked for what has finished.
//!
//! ```
//! use naslens::trial::{Backend, Job, run_all};
//!
//! /// Knows all accuracies beforehand.
//! struct Known(Vec<Job>);
//!
//! impl Backend for Known {
//!     type Finished = f64;
//!     type Error = std::convert::Infallible;
//!     fn start(&mut self, job: Job) -> Result<(), Self::Error> { Ok(self.0.push(job)) }
//!     fn poll(&mut self) -> Result<Vec<(Job, f64)>, Self::Error> { Ok(self.0.drain(..).map(|job| (job, 90.0)).collect()) }
//!     fn busy(&self) -> usize { self.0.len() }
//! }
//!
//! let job = |arch: &str| Job { arch: arch.into(), arch_id: arch.into(), epochs: 4, repeat: 0, keep_weights: false };
//! assert_eq!(run_all(&mut Known(Vec::new()), &[job("a"), job("b")], &mut |_, _| {}), Ok(vec![90.0, 90.0]));
//! ```

mod backend;
mod local;

pub use backend::{Backend, Job, run_all};
pub use local::{Local, TrainError, TrainStage};
