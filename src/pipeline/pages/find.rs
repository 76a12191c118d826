//! What a path holds.

use std::path::{Path, PathBuf};

use super::KINDS;
use crate::pipeline::RunError;
use crate::pipeline::results::{KindEntry, read};

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
