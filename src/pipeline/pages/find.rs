//! What a path holds.

use std::path::{Path, PathBuf};

use super::KINDS;
use crate::pipeline::results::{KindEntry, PageError};

/// Folders inside folders are looked into so deep.
const DEPTH: usize = 8;
/// Files whose folder is meant when they are named themselves.
const INSIDE: [&str; 6] =
    ["scores.parquet", "trials.parquet", "curves.parquet", "summary.json", "curves.json", "report.json"];

/// The kind of results at `path`.
pub(super) fn kind(path: &Path) -> Result<&'static KindEntry, PageError> {
    if !path.exists() {
        return Err(PageError::Missing { path: path.into() });
    }
    match KINDS.iter().find(|kind| (kind.recognise)(path)) {
        Some(kind) => Ok(kind),
        None if path.join("screen.json").is_file() => Err(PageError::Unfinished { path: path.into(), what: "screen" }),
        None => Err(PageError::Unknown { path: path.into(), known: known() }),
    }
}

/// The kinds of results, with their commands and files.
fn known() -> String {
    let kinds = KINDS.iter().map(|kind| format!("{} ({}: {})", kind.name, kind.command, kind.files));
    kinds.collect::<Vec<_>>().join(", ")
}

/// The results that `path` stands for, in the order of their names: those at `path`, or if there are none, all in the folders
/// inside it (at most 8 deep; links are not followed). A file of a folder stands for the folder. Folders that are results are not looked into.
pub fn find(path: &Path) -> Result<Vec<PathBuf>, PageError> {
    let named = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| INSIDE.contains(&name));
    let path = match path.parent() {
        Some(folder) if path.is_file() && named && kind(folder).is_ok() => folder,
        _ => path,
    };
    let error = match kind(path) {
        Ok(_) => return Ok(vec![path.into()]),
        Err(error) => error,
    };
    let mut found = Vec::new();
    if matches!(error, PageError::Unknown { .. }) {
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
        if KINDS.iter().any(|kind| (kind.recognise)(&path)) {
            found.push(path);
        } else if depth > 1 && !hidden {
            look_into(&path, depth - 1, found);
        }
    }
}
