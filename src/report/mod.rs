//! What a run leaves behind: the table of scores in Parquet and the HTML page.

pub mod html;
mod scores;

pub use scores::{LATENCY, METADATA_KEY, SCORES_FILE, ScoreTable, read_scores};
