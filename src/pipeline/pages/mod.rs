//! Anything that naslens wrote as an HTML page, and several runs side by side.

mod beside;
mod find;
mod kept;
mod screen;

use std::path::{Path, PathBuf};

pub use beside::{Agreement, Beside, Correlation, Setting, beside};
pub use find::find;

use super::results::{self, Contents, KindEntry};
use super::{compare, latency, make_table, predict, search};
use crate::folder::refuse_foreign;
use crate::pipeline::RunError;
use crate::registry::Registry;
use crate::report::document::Document;

pub use super::results::PageOptions;

/// The kinds; the first that recognises a path reads it. A run is also a screen, so it comes before. A program can register
/// its own.
pub static KINDS: Registry<KindEntry> = Registry::new(&[
    &kept::RUN,
    &kept::CONFIRM,
    &make_table::KIND,
    &screen::KIND,
    &search::KIND,
    &compare::KIND,
    &predict::KIND,
    &latency::KIND,
    &latency::MODEL_KIND,
]);

/// Results that were read.
#[derive(Clone)]
pub struct Loaded {
    /// Where they are.
    pub path: PathBuf,
    /// What they are.
    pub kind: &'static KindEntry,
    /// What they say.
    pub contents: Contents,
}

/// Reads the folder or file at `path`.
pub fn load(path: &Path, options: &PageOptions) -> Result<Loaded, RunError> {
    let kind = find::kind(path)?;
    Ok(Loaded { path: path.into(), kind, contents: (kind.read)(path, options)? })
}

impl Loaded {
    /// Where the page goes if nothing else is said: into the folder, next to the file.
    pub fn default_page(&self) -> PathBuf {
        if self.path.is_dir() { self.path.join("report.html") } else { self.path.with_extension("html") }
    }
}

/// Writes a page and says how long it is, in bytes. Nothing but a page of naslens is replaced.
pub fn write_page(document: &Document, path: &Path) -> Result<u64, RunError> {
    if path.extension().is_none_or(|extension| extension != "html") {
        return Err(RunError::Refused(format!(
            "a page is HTML, and {} does not end in .html; choose another --out",
            path.display()
        )));
    }
    refuse_foreign(path)?;
    Ok(results::write_page(document, path)?)
}

#[cfg(test)]
mod tests;
