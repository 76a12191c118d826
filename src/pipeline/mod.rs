//! The staged run: screen, evaluate against a table, or the whole way from a space to confirmed networks.

pub mod evaluate;
mod files;
mod report_page;
mod rows;
mod run;
mod scorer;
mod screen;
mod selection;
mod shards;
mod tables;
mod train_stage;

pub use files::{FileError, check_output_folder, write_atomically};
pub use run::{RunConfig, RunError, RunOutcome, Stage, run};
pub use screen::{Outcome, Progress, RunOptions, ScreenConfig, ScreenError, screen};
pub use selection::{ArchListError, Selection, read_arch_list};
pub use train_stage::TrainError;
