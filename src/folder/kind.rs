//! The kinds of folders, and the names that naslens gives in them.

use std::fs;
use std::path::{Path, PathBuf};

use super::own::{refuse_foreign, set_aside, wrote};
use crate::export::FILES;
use crate::files::{FileError, inside};

/// A kind of folder.
#[derive(Debug)]
pub struct Kind {
    /// What it holds, with an article, as messages say it.
    pub what: &'static str,
    /// The file that notes the settings: JSON or TOML, by its name. None if results are computed afresh each time.
    pub note: Option<&'static str>,
    /// The results in it.
    pub files: &'static [&'static str],
    /// The folders in it.
    pub parts: &'static [Part],
}

/// A folder inside the folder.
#[derive(Debug)]
pub struct Part {
    /// Its name.
    pub name: &'static str,
    /// Whether a file in it, or `FOLDER/FILE` in a folder in it, is naslens'.
    pub names: fn(&str) -> bool,
    /// Whether its files go when results are discarded; the others are replaced when there are new ones.
    pub discarded: bool,
}

/// Folder of scores as they are computed: `NNNNNN.parquet`, those of a shard in a folder `IofN`.
pub const SHARDS: &str = "shards";
/// What a shard says of itself, in its folder.
pub const DONE: &str = "done.json";
/// Folder of finished trainings: `HASH-N.json`, and their checkpoints.
pub const TRAINED: &str = "trained";
/// Folder of the exported winner.
pub const WINNER: &str = "winner";

const TRAININGS: Part = Part { name: TRAINED, names: is_training, discarded: true };
const EXPORT: Part = Part { name: WINNER, names: is_export, discarded: false };

/// Scores of a space.
pub static SCREEN: Kind = Kind {
    what: "a run",
    note: Some("screen.json"),
    files: &["scores.parquet"],
    parts: &[Part { name: SHARDS, names: is_of_shards, discarded: true }],
};
/// The whole way; its folder is that of a screen, too.
pub static RUN: Kind = Kind {
    what: "a run",
    note: Some("run.toml"),
    files: &[
        "predictions.parquet",
        "trainings.parquet",
        "answers.parquet",
        "budget.json",
        "report.json",
        "report.html",
    ],
    parts: &[TRAININGS, EXPORT],
};
/// Finalists and controls.
pub static CONFIRMATION: Kind = Kind {
    what: "a confirmation",
    note: Some("confirm.toml"),
    files: &["trainings.parquet", "answers.parquet", "report.json", "report.html"],
    parts: &[TRAININGS, EXPORT],
};
/// A benchmark table.
pub static TABLE: Kind = Kind {
    what: "a table",
    note: Some("table.toml"),
    files: &["table.parquet", "curves.parquet"],
    parts: &[TRAININGS],
};
/// A search with trainings.
pub static SEARCH: Kind = Kind {
    what: "a search",
    note: Some("search.json"),
    files: &["record.json", "trials.parquet", "summary.json"],
    parts: &[],
};
/// A search in a table.
pub static SIMULATION: Kind =
    Kind { what: "a search", note: None, files: &["trials.parquet", "summary.json"], parts: &[] };
/// Searches side by side.
pub static COMPARISON: Kind =
    Kind { what: "a comparison", note: None, files: &["curves.parquet", "summary.json"], parts: &[] };
/// Learning curves of predictors.
pub static LEARNING: Kind =
    Kind { what: "learning curves", note: None, files: &["curves.parquet", "curves.json"], parts: &[] };
/// Predictions from labels.
pub static LABELS: Kind = Kind { what: "predictions", note: None, files: &["predictions.parquet"], parts: &[] };

impl Kind {
    /// An error if one of the folders in `dir` is a link.
    pub(super) fn refuse_links(&self, dir: &Path) -> Result<(), FileError> {
        self.parts.iter().try_for_each(|part| inside(dir, part.name).map(|_| ()))
    }

    /// Files in `dir` of names that naslens gives, and in its parts those that `of_part` admits.
    fn named(&self, dir: &Path, of_part: impl Fn(&Part) -> bool) -> Result<Vec<PathBuf>, FileError> {
        let mut found: Vec<PathBuf> = self.files.iter().map(|name| dir.join(name)).filter(exists).collect();
        for part in self.parts.iter().filter(|part| of_part(part)) {
            let folder = inside(dir, part.name)?;
            let within = folders(&folder).into_iter().flat_map(|name| {
                let files = names(&folder.join(&name));
                files.into_iter().map(move |file| format!("{name}/{file}")).collect::<Vec<_>>()
            });
            let all = names(&folder).into_iter().chain(within).filter(|name| (part.names)(name));
            found.extend(all.map(|name| folder.join(name)));
        }
        Ok(found)
    }

    /// The results in a folder that has no note of this kind, all of which naslens must have written.
    pub(super) fn orphans(&self, dir: &Path) -> Result<Vec<PathBuf>, FileError> {
        let found = self.named(dir, |_| true)?;
        found.iter().try_for_each(|path| refuse_foreign(path))?;
        Ok(found)
    }

    /// An error if a name that naslens has to write is taken by a file of somebody else, or by a link.
    pub(super) fn refuse_foreign(&self, dir: &Path) -> Result<(), FileError> {
        self.orphans(dir).map(|_| ())
    }

    /// Removes the results of an earlier run, by the names that naslens gives.
    pub(super) fn discard(&self, dir: &Path) -> Result<(), FileError> {
        let remove = |path: PathBuf| fs::remove_file(&path).map_err(|source| FileError::Folder { path, source });
        self.named(dir, |part| part.discarded)?.into_iter().try_for_each(remove)
    }

    /// Renames results that naslens cannot have finished writing: they are torn, or somebody else's.
    pub(super) fn set_aside_foreign(&self, dir: &Path) {
        let results = self.files.iter().map(|name| dir.join(name)).filter(exists);
        results.filter(|path| !wrote(path)).for_each(|path| set_aside(&path, "it cannot be read"));
    }
}

/// The sorted names of the entries of a folder; empty if it does not exist.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// The names of the folders in a folder; links are none.
fn folders(folder: &Path) -> Vec<String> {
    let is_folder = |name: &String| fs::symlink_metadata(folder.join(name)).is_ok_and(|found| found.is_dir());
    names(folder).into_iter().filter(is_folder).collect()
}

#[allow(clippy::ptr_arg, reason = "a filter over paths")]
fn exists(path: &PathBuf) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Whether a file of this name holds scores: `000012.parquet`, or `merged-HASH.parquet`, which comes from another folder.
pub fn is_shard(name: &str) -> bool {
    name.strip_suffix(".parquet").is_some_and(|stem| match stem.strip_prefix("merged-") {
        Some(hash) => hash.len() == 32 && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')),
        None => stem.len() >= 6 && digits(stem),
    })
}

fn is_of_shards(path: &str) -> bool {
    match path.split_once('/') {
        Some((folder, file)) => is_shard_folder(folder) && (is_shard(file) || file == DONE),
        None => is_shard(path),
    }
}

/// Whether a folder of this name is that of a shard: `03of16`.
pub fn is_shard_folder(name: &str) -> bool {
    name.split_once("of").is_some_and(|(index, count)| digits(index) && digits(count))
}

/// An id of 32 hexadecimal digits or `resnet8-WIDTH`, `-`, the number of the repeat, and `.json` or `.safetensors`; of a
/// cross-validation with `foldNofK-` before it.
fn is_training(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".json").or_else(|| name.strip_suffix(".safetensors")) else { return false };
    let fold = |text: &str| text.split_once("of").is_some_and(|(n, k)| digits(n) && digits(k));
    let stem = match stem.strip_prefix("fold").and_then(|rest| rest.split_once('-')) {
        Some((of, stem)) if fold(of) => stem,
        _ => stem,
    };
    let id = |id: &str| {
        let hash = id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
        hash || id.strip_prefix("resnet8-").is_some_and(digits)
    };
    stem.rsplit_once('-').is_some_and(|(name, repeat)| id(name) && digits(repeat))
}

fn is_export(name: &str) -> bool {
    FILES.contains(&name)
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}
