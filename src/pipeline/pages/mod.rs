//! Anything that naslens wrote as an HTML page, and several runs side by side.

use std::path::{Path, PathBuf};

use super::results::{self, Contents, KindEntry};
use super::{compare, latency, make_table, predict, search};
use crate::folder::refuse_foreign;
use crate::pipeline::RunError;
use crate::pipeline::results::read;
use crate::registry::Registry;
use crate::report::document::Document;

mod beside;
mod kept;
mod screen;

pub use beside::{Agreement, Beside, Correlation, Setting, beside};

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
    let kind = kind(path)?;
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

/// Folders inside folders are looked into so deep.
const DEPTH: usize = 8;
/// Files whose folder is meant when they are named themselves.
const INSIDE: [&str; 6] =
    ["scores.parquet", "trials.parquet", "curves.parquet", "summary.json", "curves.json", "report.json"];

/// The kind of results at `path`.
pub(super) fn kind(path: &Path) -> Result<&'static KindEntry, RunError> {
    recognised(path).ok_or_else(|| {
        let shown = path.display();
        if path.join("screen.json").is_file() {
            return read::unfinished(path, "screen");
        }
        if !path.exists() {
            let text = format!("there is nothing at {shown}; name a folder or file that naslens wrote");
            return RunError::Refused(text);
        }
        let kinds = KINDS.iter().map(|kind| format!("{} ({}: {})", kind.name, kind.command, kind.files));
        let known = kinds.collect::<Vec<_>>().join(", ");
        RunError::Refused(format!("{shown} is nothing that naslens wrote, and holds nothing; known are {known}"))
    })
}

fn recognised(path: &Path) -> Option<&'static KindEntry> {
    KINDS.iter().find(|kind| (kind.recognise)(path))
}

/// The results that `path` stands for, in the order of their names: those at `path`, or if there are none, all in the folders
/// inside it (at most 8 deep; links are not followed). A file of a folder stands for the folder. Folders that are results are not looked into.
pub fn find(path: &Path) -> Result<Vec<PathBuf>, RunError> {
    let named = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| INSIDE.contains(&name));
    let path = match path.parent() {
        Some(folder) if path.is_file() && named && recognised(folder).is_some() => folder,
        _ => path,
    };
    let error = match kind(path) {
        Ok(_) => return Ok(vec![path.into()]),
        Err(error) => error,
    };
    let mut found = Vec::new();
    if !path.join("screen.json").is_file() {
        look_into(path, DEPTH, &mut found);
    }
    if found.is_empty() { Err(error) } else { Ok(found) }
}

fn look_into(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut folders: Vec<PathBuf> = folders.map(|entry| entry.path()).collect();
    folders.sort();
    for path in folders {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if recognised(&path).is_some() {
            found.push(path);
        } else if depth > 1 && !hidden {
            look_into(&path, depth - 1, found);
        }
    }
}
