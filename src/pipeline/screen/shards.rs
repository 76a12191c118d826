//! All scores that a folder knows, in small files while a screen goes on, so that little is lost when it is killed, and
//! in one file per process when it is done. Several processes may read and write at the same time: each writes into a folder of
//! its own.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::done::host_of;
use super::shard::Shard;
use crate::benchmark::columns::{number, text, write};
use crate::benchmark::{Table, TableError};
use crate::files::FileError;
use crate::folder::{is_shard, set_aside};
use crate::pipeline::RunError;
use crate::proxy::{self, Score, Status};

/// A score with the seconds of the passes that it read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::pipeline) struct Scored {
    pub score: Score,
    pub seconds: f64,
}

impl Scored {
    /// What a network that could not be run has.
    fn failed() -> Self {
        Scored { score: Score::status(Status::Failed), seconds: 0.0 }
    }
}

/// (key of the network, proxy): see [`scorer::Job`](super::scorer::Job).
pub(in crate::pipeline) type ScoreKey = (String, &'static str);

/// What is to be done about a file of scores that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Torn {
    /// It is renamed, and its networks are run again.
    SetAside,
    /// It is an error.
    Refused,
}

/// What files of scores say.
#[derive(Default)]
pub(super) struct Known {
    pub scores: HashMap<ScoreKey, Scored>,
    /// What could not be run, and is tried again by whoever has it to run.
    pub failed: HashSet<ScoreKey>,
    /// The files, in the order in which they were read.
    files: Vec<PathBuf>,
}

impl Known {
    /// All scores in the folder of shards and in those of single shards within it; none if there is no folder. Of equal scores
    /// the first counts: files of the folder itself come first, then those of the shards in their order.
    pub fn read(dir: &Path, torn: Torn) -> Result<Self, RunError> {
        let mut known = Known::default();
        known.take(|| Ok(all_files(dir)?), torn)?;
        Ok(known)
    }

    /// Reads the files that `list` finds. A file may go while they are read: whoever wrote it has put its scores into another,
    /// which a new list shows.
    fn take(&mut self, list: impl Fn() -> Result<Vec<PathBuf>, RunError>, torn: Torn) -> Result<(), RunError> {
        let mut seen: HashSet<PathBuf> = HashSet::new();
        loop {
            let mut gone = false;
            for path in list()?.into_iter().filter(|path| seen.insert(path.clone())).collect::<Vec<_>>() {
                match rows(&path) {
                    Ok(rows) => self.add(path, rows)?,
                    Err(TableError::Missing { .. }) => gone = true,
                    Err(error) if torn == Torn::SetAside => set_aside(&path, &error.to_string()),
                    Err(error) => return Err(error.into()),
                }
            }
            if !gone {
                return Ok(());
            }
        }
    }

    fn add(&mut self, path: PathBuf, rows: Vec<(ScoreKey, Scored)>) -> Result<(), RunError> {
        for (key, scored) in rows {
            if scored.score.get_status() == Status::Failed {
                if !self.scores.contains_key(&key) {
                    self.failed.insert(key);
                }
                continue;
            }
            match self.scores.get(&key) {
                Some(earlier) if !agree(earlier.score, scored.score) => {
                    return Err(disagreement(&key, (earlier.score, &self.files), (scored.score, &path)));
                }
                Some(_) => {}
                None => {
                    self.failed.remove(&key);
                    self.scores.insert(key, scored);
                }
            }
        }
        self.files.push(path);
        Ok(())
    }

    /// Whether there is an answer, if only that the network could not be run.
    pub fn answers(&self, key: &ScoreKey) -> bool {
        self.scores.contains_key(key) || self.failed.contains(key)
    }

    /// Adds what was scored just now.
    pub fn extend(&mut self, scored: Vec<(ScoreKey, Scored)>) {
        for (key, scored) in scored {
            if scored.score.get_status() == Status::Failed {
                self.failed.insert(key);
            } else {
                self.failed.remove(&key);
                self.scores.insert(key, scored);
            }
        }
    }
}

/// The most by which values of one score on different machines may differ, relative to the larger.
const TOLERANCE: f64 = 1e-4;

fn agree(a: Score, b: Score) -> bool {
    match (a.value(), b.value()) {
        (Some(a), Some(b)) => (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()),
        _ => a.get_status() == b.get_status(),
    }
}

/// That a network has two scores by one proxy.
fn disagreement(
    (key, proxy): &ScoreKey,
    (earlier, read): (Score, &[PathBuf]),
    (later, path): (Score, &Path),
) -> RunError {
    let says = |path: &Path, score: Score| {
        let value = score.value().map_or_else(|| score.get_status().to_string(), |value| value.to_string());
        let host = host_of(path).map(|host| format!(" (from {host})")).unwrap_or_default();
        format!("{value} in {}{host}", path.display())
    };
    let has = |path: &&PathBuf| {
        rows(path).is_ok_and(|rows| {
            rows.iter().any(|((k, p), s)| k == key && p == proxy && s.score.get_status() != Status::Failed)
        })
    };
    let first = read.iter().find(has).map_or(path, PathBuf::as_path);
    RunError::Mismatch(format!(
        "{key} has two scores by {proxy} that are not equal: {} and {}; find out which machine is wrong, remove its file, and \
         run the command again",
        says(first, earlier),
        says(path, later)
    ))
}

/// The files of scores that one process writes.
pub(super) struct Shards {
    dir: PathBuf,
    next: usize,
}

impl Shards {
    /// Goes on after the files that are there.
    pub fn open(dir: PathBuf) -> Result<Self, FileError> {
        let next = files(&dir)?.iter().filter_map(|path| numbered(path)).max().map_or(0, |n| n + 1);
        Ok(Shards { dir, next })
    }

    /// Adds a file with these scores.
    pub fn append(&mut self, scores: &[(ScoreKey, Scored)]) -> Result<(), FileError> {
        let path = self.dir.join(format!("{:06}.parquet", self.next));
        let columns = vec![
            ("key", text(scores.iter().map(|((key, _), _)| key))),
            ("proxy", text(scores.iter().map(|((_, proxy), _)| proxy))),
            ("value", number(scores.iter().map(|(_, s)| s.score.value()))),
            ("status", text(scores.iter().map(|(_, s)| s.score.get_status().name()))),
            ("seconds", number(scores.iter().map(|(_, s)| s.seconds))),
        ];
        write(&path, columns)?;
        self.next += 1;
        Ok(())
    }

    /// Puts all scores of this folder, but not of those within it, into one file and removes the others. A process killed in
    /// between leaves scores twice, which does no harm.
    pub fn compact(&mut self) -> Result<(), RunError> {
        let mut known = Known::default();
        known.take(|| Ok(files(&self.dir)?), Torn::SetAside)?;
        let failed = known.failed.into_iter().map(|key| (key, Scored::failed()));
        let mut all: Vec<(ScoreKey, Scored)> = known.scores.into_iter().chain(failed).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        self.append(&all)?;
        known.files.into_iter().for_each(|path| drop(fs::remove_file(path)));
        Ok(())
    }
}

/// The folders of single shards in the folder of shards, in their order.
pub(super) fn folders(dir: &Path) -> Result<Vec<(Shard, PathBuf)>, FileError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_name().to_str().and_then(Shard::of_folder) {
            Some(_) if is_link(&path) => return Err(FileError::Link { path }),
            Some(shard) if path.is_dir() => found.push((shard, path)),
            _ => {}
        }
    }
    found.sort();
    Ok(found)
}

/// The files of scores in a folder, in the order in which they were written, then those that came from elsewhere; none if there
/// is no folder. Other files are left alone.
pub(super) fn files(dir: &Path) -> Result<Vec<PathBuf>, FileError> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_shard));
    let mut paths: Vec<PathBuf> = named.map(|entry| entry.path()).collect();
    if let Some(link) = paths.iter().find(|path| is_link(path)) {
        return Err(FileError::Link { path: link.clone() });
    }
    paths.sort_by_cached_key(|path| (numbered(path).unwrap_or(usize::MAX), path.clone()));
    Ok(paths)
}

/// Those of a folder of shards, and of the folders of single shards within it.
fn all_files(dir: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut paths = files(dir)?;
    for (_, folder) in folders(dir)? {
        paths.extend(files(&folder)?);
    }
    Ok(paths)
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink())
}

/// The number of a file of scores; None for other files.
fn numbered(path: &Path) -> Option<usize> {
    path.file_name()?.to_str()?.strip_suffix(".parquet")?.parse().ok()
}

/// The scores in a file, but for proxies that no longer exist.
pub(super) fn rows(path: &Path) -> Result<Vec<(ScoreKey, Scored)>, TableError> {
    let table = Table::open(path)?;
    let (keys, names) = (table.string_column("key")?, table.string_column("proxy")?);
    let (values, statuses) = (table.f64_column("value")?, table.string_column("status")?);
    let seconds = table.f64_column("seconds")?;
    let row = |i: usize| {
        let (key, name, status) = (keys[i].clone()?, names[i].as_ref()?, statuses[i].as_ref()?);
        let proxy = proxy::find(name).ok()?;
        let score = match (values[i], status.parse().unwrap_or(Status::Failed)) {
            (Some(value), Status::Ok) => Score::new(value),
            (_, status) => Score::status(status),
        };
        Some(((key, proxy.name), Scored { score, seconds: seconds[i].unwrap_or(0.0) }))
    };
    Ok((0..keys.len()).filter_map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(key: &str, value: f64) -> (ScoreKey, Scored) {
        ((key.into(), "synflow"), Scored { score: Score::new(value), seconds: 1.0 })
    }

    fn failed(key: &str) -> (ScoreKey, Scored) {
        ((key.into(), "synflow"), Scored::failed())
    }

    /// A folder of shards with these files, by their paths.
    fn folder(files: &[(&str, &[(ScoreKey, Scored)])]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, scores) in files {
            let folder = dir.path().join(name);
            fs::create_dir_all(&folder).unwrap();
            Shards::open(folder).unwrap().append(scores).unwrap();
        }
        dir
    }

    fn value(known: &Known, key: &str) -> Option<f64> {
        known.scores.get(&(key.to_string(), "synflow"))?.score.value()
    }

    #[test]
    fn scores_of_all_shards_are_read_and_the_first_of_equal_ones_counts() {
        let first = [scored("a", 1.0), failed("b"), failed("c")];
        let dir = folder(&[
            ("00of10", &[scored("a", 1.00002), scored("b", 2.0)]),
            ("01of2", &first),
            ("mine", &[scored("d", 4.0)]),
        ]);
        let known = Known::read(dir.path(), Torn::Refused).unwrap();
        assert_eq!(["a", "b", "c", "d"].map(|key| value(&known, key)), [Some(1.0), Some(2.0), None, None]);
        assert_eq!(known.failed.len(), 1);
        assert!(known.answers(&failed("c").0) && !known.answers(&failed("d").0));
    }

    #[test]
    fn scores_that_disagree_name_network_proxy_and_files() {
        let dead = ((String::from("a"), "synflow"), Scored { score: Score::status(Status::Dead), seconds: 0.0 });
        for other in [scored("a", 1.001), dead, scored("a", -1.0)] {
            let dir = folder(&[("", &[scored("a", 1.0)]), ("", &[scored("x", 1.0)]), ("00of2", &[other])]);
            let host = serde_json::json!({ "naslens": "1", "host": "node7" });
            fs::write(dir.path().join("00of2/done.json"), host.to_string()).unwrap();
            let error = Known::read(dir.path(), Torn::SetAside).map(|_| ()).unwrap_err();
            assert!(matches!(error, RunError::Mismatch(_)));
            let text = error.to_string();
            for part in
                ["a has two scores by synflow", "1 in ", "000000.parquet and ", "00of2/000000.parquet (from node7)"]
            {
                assert!(text.contains(part), "{part}: {text}");
            }
        }
    }

    #[test]
    fn a_compacted_folder_says_the_same_in_one_file() {
        let dir = folder(&[
            ("", &[scored("b", 2.0), failed("a"), failed("c")]),
            ("", &[scored("a", 1.0)]),
            ("00of2", &[scored("d", 4.0)]),
        ]);
        Shards::open(dir.path().into()).unwrap().compact().unwrap();
        assert_eq!(files(dir.path()).unwrap(), [dir.path().join("000002.parquet")]);
        let known = Known::read(dir.path(), Torn::Refused).unwrap();
        assert_eq!(["a", "b", "c", "d"].map(|key| value(&known, key)), [Some(1.0), Some(2.0), None, Some(4.0)]);
        assert!(known.failed.contains(&failed("c").0));
        assert_eq!(rows(&dir.path().join("000002.parquet")).unwrap().len(), 3);
    }

    #[test]
    fn links_are_refused() {
        let dir = folder(&[("elsewhere", &[scored("a", 1.0)])]);
        let refused = |name: &str, target: &str| {
            let link = dir.path().join(name);
            std::os::unix::fs::symlink(dir.path().join(target), &link).unwrap();
            let error = Known::read(dir.path(), Torn::SetAside).map(|_| ()).unwrap_err();
            assert!(matches!(error, RunError::File(FileError::Link { .. })), "{error}");
            fs::remove_file(link).unwrap();
        };
        refused("01of2", "elsewhere");
        refused("000007.parquet", "elsewhere/000000.parquet");
    }
}
