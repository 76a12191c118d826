//! Merges the folders of shards that ran without a shared file system.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::done::{Done, word};
use super::shards::{Known, Torn, files, folders, rows};
use super::{Outcome, RunOptions, ScreenConfig, Selection, finish, read_arch_list};
use crate::files::write_atomically;
use crate::folder::{self, Folder, SHARDS};
use crate::pipeline::RunError;

/// What a merge did.
#[derive(Debug)]
pub struct Merged {
    /// Files of scores that were copied.
    pub copied: usize,
    /// Files of scores that were there already.
    pub known: usize,
    /// The table, or why it could not be written yet.
    pub finished: Result<Outcome, RunError>,
    /// The command that computes what is missing and writes the table; None if no shard says what it was run for.
    pub command: Option<String>,
}

/// Copies the scores of the folders `sources` into `out`, and writes the table if nothing is missing ([`finish`]). All folders
/// must belong to the same settings, versions, kind of device and images; so must `out`, if it has scores. Nothing in `sources`
/// is changed.
pub fn merge(sources: &[PathBuf], out: &Path, options: &RunOptions<'_>) -> Result<Merged, RunError> {
    let real = |path: &Path| fs::canonicalize(path).ok();
    if let Some(source) = sources.iter().find(|source| real(source).is_some() && real(source) == real(out)) {
        return Err(RunError::Refused(format!(
            "{} is both merged and merged into; leave it out before --out, what it holds stays",
            source.display()
        )));
    }
    let found = sources.iter().map(|source| found_in(source)).collect::<Result<Vec<_>, _>>()?;
    let bytes = |path: &PathBuf| fs::metadata(path).map_or(0, |file| file.len());
    let needed: u64 = found.iter().flatten().flat_map(|(_, _, files)| files).map(bytes).sum();
    let folder = Folder::open_for::<ScreenConfig>(out, &folder::SCREEN, sources, 1_000_000 + needed)?;
    let (mut copied, mut known) = (0, 0);
    for (name, from, files) in found.iter().flatten() {
        let to = folder.subfolder(name)?;
        for file in files {
            match copy(file, &to)? {
                Some(true) => copied += 1,
                Some(false) => known += 1,
                None => {}
            }
        }
        let further = |done: &Done| Done::read(&to).is_none_or(|there| done.further_than(&there));
        if let Some(done) = Done::read(from).filter(further) {
            done.write(&to)?;
        }
    }
    let shards = folder.subfolder(SHARDS)?;
    Known::read(&shards, Torn::SetAside)?;
    drop(folder);
    let done = Done::all(&shards)?.into_iter().map(|(_, done)| done).collect::<Vec<_>>();
    let full = |done: &Done| format!("{} --out {}", done.command(), word(&out.display().to_string()));
    let command = done.first().map(full);
    let finished = settings(&done, full).and_then(|(config, selection)| finish(&config, &selection, out, options));
    Ok(Merged { copied, known, finished, command })
}

/// The folders of scores in the folder of a screen: each with its name there, its path and its files.
fn found_in(source: &Path) -> Result<Vec<(String, PathBuf, Vec<PathBuf>)>, RunError> {
    let shards = crate::files::inside(source, SHARDS)?;
    let mut found = vec![(SHARDS.to_string(), shards.clone(), files(&shards)?)];
    for (shard, path) in folders(&shards)? {
        let files = files(&path)?;
        found.push((format!("{SHARDS}/{}", shard.folder()), path, files));
    }
    Ok(found)
}

/// Copies a file under a name that its content decides; false if it is there, None if it is torn.
fn copy(file: &Path, to: &Path) -> Result<Option<bool>, RunError> {
    if let Err(error) = rows(file) {
        log::warn!("{error}; it is left out, and what it held is computed again");
        return Ok(None);
    }
    let unreadable = |e| RunError::Refused(format!("cannot read {}: {e}; check its permissions", file.display()));
    let content = fs::read(file).map_err(unreadable)?;
    let path = to.join(format!("merged-{:032x}.parquet", xxhash_rust::xxh3::xxh3_128(&content)));
    if rows(&path).is_ok() {
        return Ok(Some(false));
    }
    write_atomically(&path, |out| out.write_all(&content))?;
    Ok(Some(true))
}

/// What the shards were run for, which must be the same for all.
fn settings(done: &[Done], full: impl Fn(&Done) -> String) -> Result<(ScreenConfig, Selection), RunError> {
    let Some(first) = done.first() else {
        return Err(RunError::Waits(
            "no shard says what it was run for, since none of these is done; run the command of the shards with this --out"
                .into(),
        ));
    };
    let config = ScreenConfig::deserialize(&first.config)
        .map_err(|e| RunError::Mismatch(format!("the note of shard {} is not understood: {e}", first.shard)))?;
    if let Some(other) = done.iter().find(|done| !done.is_for(&first.selection, &config)) {
        return Err(RunError::Mismatch(format!(
            "shards {} and {} ran for other networks or scores: run the command whose table you want, `{}` or `{}`",
            first.shard,
            other.shard,
            full(first),
            full(other)
        )));
    }
    let selection = match (first.selection.sample, &first.selection.archs) {
        (Some(n), _) => Selection::Sample(n),
        (None, Some(file)) => read_arch_list(&config, file)?,
        (None, None) => Selection::All,
    };
    Ok((config, selection))
}
