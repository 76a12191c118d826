//! What a run and a confirmation keep for their page, in `report.json`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Best;
use crate::files::{FileError, write_atomically};
use crate::pipeline::findings::ProxyRow;
use crate::pipeline::stamp::write_summary;
use crate::report::document::Document;
use crate::report::html;

/// The file.
pub(in crate::pipeline) const REPORT_FILE: &str = "report.json";

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::pipeline) struct Saved {
    /// What the page says.
    pub document: Document,
    /// How well proxies rank, to compare runs by.
    pub proxies: Vec<ProxyRow>,
    /// The best networks, best first.
    pub best: Vec<Best>,
}

/// Writes the page into the folder, `report.html`, and what it says, `report.json`. Returns where the page is.
pub(in crate::pipeline) fn save(saved: &Saved, dir: &Path) -> Result<PathBuf, FileError> {
    write_summary(&dir.join(REPORT_FILE), saved)?;
    let page = dir.join("report.html");
    write_page(&saved.document, &page)?;
    Ok(page)
}

/// Writes a page and says how long it is, in bytes.
pub(in crate::pipeline) fn write_page(document: &Document, path: &Path) -> Result<u64, FileError> {
    let text = html::render(document);
    write_atomically(path, |file| std::io::Write::write_all(file, text.as_bytes()))?;
    Ok(text.len() as u64)
}
