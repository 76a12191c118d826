//! Anything that naslens wrote as an HTML page, and several runs side by side.

mod beside;
mod compare;
mod error;
mod find;
mod latency;
mod latency_model;
mod net;
mod predict;
mod random;
mod read;
mod saved;
mod scores;
mod screen;
mod search;
mod table;
mod trace;

use std::path::{Path, PathBuf};

use serde_json::Value;

pub use beside::{Agreement, Beside, Correlation, Setting, beside};
pub use error::PageError;
pub use find::find;
pub(in crate::pipeline) use saved::save;

use crate::files::write_atomically;
use crate::folder::refuse_foreign;
use crate::report::html::{self, model::RunReport};

/// What results are judged by, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct PageOptions {
    /// A table of trained networks.
    pub table: Option<PathBuf>,
    /// Its column with the accuracy, in percent; a name that ends in `_frac` says that it is a fraction.
    pub target: Option<String>,
    /// Resamples behind each interval; fewer where there are more than about 15,000 networks.
    pub repeats: usize,
    /// Root of all random numbers.
    pub seed: u64,
}

impl Default for PageOptions {
    fn default() -> Self {
        PageOptions { table: None, target: None, repeats: 1000, seed: 0 }
    }
}

/// A network that a run puts first.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Best {
    /// As the space writes it.
    pub arch: String,
    /// What it is first by.
    pub by: String,
    /// The value of that.
    pub value: Option<f64>,
    /// Its accuracy where it is known, percent.
    pub accuracy_pct: Option<f64>,
}

/// What was read from one folder or file.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// Everything that the page says.
    pub page: RunReport,
    /// The settings, as they were noted.
    pub settings: Value,
    /// The best networks, best first.
    pub best: Vec<Best>,
    /// Searches that it holds.
    traces: Vec<trace::Trace>,
}

/// A kind of results.
pub struct KindEntry {
    /// Its name.
    pub name: &'static str,
    /// The command that writes it.
    pub command: &'static str,
    /// The files that it is known by.
    pub files: &'static str,
    recognise: fn(&Path) -> bool,
    read: fn(&Path, &PageOptions) -> Result<Contents, PageError>,
}

/// The kinds; the first that recognises a path reads it. A run is also a screen, so it comes before.
pub static KINDS: &[KindEntry] = &[
    saved::RUN,
    saved::CONFIRM,
    table::KIND,
    screen::KIND,
    search::KIND,
    compare::KIND,
    predict::KIND,
    latency::KIND,
    latency_model::KIND,
];

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
pub fn load(path: &Path, options: &PageOptions) -> Result<Loaded, PageError> {
    let kind = find::kind(path)?;
    Ok(Loaded { path: path.into(), kind, contents: (kind.read)(path, options)? })
}

impl Loaded {
    /// Where the page goes if nothing else is said: into the folder, beside the file.
    pub fn default_page(&self) -> PathBuf {
        if self.path.is_dir() { self.path.join("report.html") } else { self.path.with_extension("html") }
    }
}

/// Writes a page and says how long it is, in bytes. Nothing but a page of naslens is replaced.
pub fn write_page(page: &RunReport, path: &Path) -> Result<u64, PageError> {
    if path.extension().is_none_or(|extension| extension != "html") {
        return Err(PageError::NotHtml { path: path.into() });
    }
    refuse_foreign(path)?;
    let text = html::render(page);
    write_atomically(path, |file| std::io::Write::write_all(file, text.as_bytes()))?;
    Ok(text.len() as u64)
}

#[cfg(test)]
mod tests;
