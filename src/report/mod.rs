//! What a run leaves behind: the table of scores in Parquet, and what a study has to say as a document, which is rendered as
//! an HTML page or as text for a terminal.

pub mod document;
mod format;
pub mod html;
mod scores;
pub mod terminal;
mod text;

pub(crate) use format::duration;
pub(crate) use text::operation;

pub use scores::{LATENCY, METADATA_KEY, SCORES_FILE, ScoreTable, read_scores};
