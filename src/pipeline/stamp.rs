//! Summaries with the version of the program that wrote them.

use std::path::Path;

use serde::Serialize;

use crate::engine::Machine;
use crate::files::{FileError, write_atomically};

#[derive(Serialize)]
struct Stamped<'a, T> {
    naslens: &'static str,
    machine: Machine,
    #[serde(flatten)]
    summary: &'a T,
}

/// Writes a summary as JSON with the fields `naslens`, the version, and `machine` before its own.
pub(super) fn write_summary(path: &Path, summary: &impl Serialize) -> Result<(), FileError> {
    let stamped = Stamped { naslens: env!("CARGO_PKG_VERSION"), machine: Machine::here(), summary };
    write_atomically(path, |file| serde_json::to_writer_pretty(file, &stamped))
}
