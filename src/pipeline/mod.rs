//! The staged run: screen, evaluate against a table, or the whole way from a space to confirmed networks.

pub mod evaluate;
mod files;
mod arch_list;
mod report_page;
mod run;
mod screen;
mod scorer;
mod shards;
mod tables;
mod train_stage;

pub use arch_list::{ArchListError, read_arch_list};
pub use files::{FileError, check_output_folder, write_atomically};
pub use run::{RunConfig, RunError, RunOutcome, Stage, run};
pub use train_stage::TrainError;
pub use screen::{Outcome, Progress, RunOptions, ScreenConfig, ScreenError, Selection, screen};
