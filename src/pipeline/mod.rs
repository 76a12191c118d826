//! The staged run: screen, evaluate against a table, or the whole way from a space to confirmed networks.

mod bench;
mod cascade;
pub mod compare;
pub mod confirm;
pub mod counts;
mod error;
pub mod evaluate;
mod export;
mod findings;
pub mod latency;
mod make_table;
pub mod pages;
pub mod plan;
pub mod predict;
mod predict_images;
pub mod results;
mod run;
mod score;
mod screen;
pub mod search;
mod stability;

pub use crate::files::{FileError, check_output_folder, write_atomically};
pub use bench::{Bench, BenchConfig, Line, SECTIONS, SectionEntry, bench};
pub use cascade::{CascadeEvaluation, CascadeRow, evaluate_cascades};
pub use error::{Retry, RunError};
pub use export::{ExportConfig, export};
pub use make_table::{TableConfig, TableOutcome, make_table};
pub use predict_images::{ImagePrediction, ImagePredictions, PredictImagesConfig, predict_images};
pub use run::{Budget, RunConfig, RunOutcome, Stage, TruthTable, run};
pub use score::{ModelScores, ModelTable, ModelWeights, NamedScore, ScoreConfig, score_models};
pub use screen::{
    CascadeStage, Init, Keep, Merged, Outcome, Progress, Protocol, RunOptions, ScreenConfig, Selection, Shard,
    ShardChoice, ShardOutcome, finish, merge, read_arch_list, screen, screen_shard,
};
pub use stability::{ProxyStability, Stability, StabilityOptions, stability};
