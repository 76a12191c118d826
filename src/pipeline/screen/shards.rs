//! All scores that a folder knows, in small files while a screen goes on, so that little is lost when it is killed, and
//! in one file when it is done.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::benchmark::columns::{number, text, write};
use crate::benchmark::{Table, TableError};
use crate::files::FileError;
use crate::folder::{is_shard, set_aside};
use crate::proxy::{self, Score, Status};

/// A score with the seconds of the passes that it read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::pipeline) struct Scored {
    pub score: Score,
    pub seconds: f64,
}

/// (key of the network, proxy): see [`scorer::Job`](super::scorer::Job).
pub(in crate::pipeline) type ScoreKey = (String, &'static str);

/// The folder of shards of one run.
pub(super) struct Shards {
    dir: PathBuf,
    next: usize,
}

impl Shards {
    /// Reads what is in the folder. Networks that could not be run are left out, so that they are tried again; so are
    /// proxies that no longer exist. Shards that cannot be read are set aside: their networks are run again.
    pub fn open(dir: PathBuf) -> (Self, HashMap<ScoreKey, Scored>) {
        let paths = shards(&dir);
        let next = paths.last().and_then(|path| numbered(path)).map_or(0, |n| n + 1);
        let mut scores = HashMap::new();
        for path in paths {
            if let Err(error) = read(&path, &mut scores) {
                set_aside(&path, &error.to_string());
            }
        }
        (Shards { dir, next }, scores)
    }

    /// Adds a shard with these scores.
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

    /// Puts all scores into one shard and removes the others. A process killed in between leaves scores twice, which
    /// does no harm.
    pub fn compact(&mut self, scores: &HashMap<ScoreKey, Scored>) -> Result<(), FileError> {
        let mut all: Vec<(ScoreKey, Scored)> = scores.iter().map(|(key, scored)| (key.clone(), *scored)).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        let old = shards(&self.dir);
        self.append(&all)?;
        old.into_iter().for_each(|path| drop(fs::remove_file(path)));
        Ok(())
    }
}

/// The shards in a folder, in the order in which they were written; none if there is no folder. Other files are left alone.
fn shards(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| numbered(path).is_some()).collect();
    paths.sort_by_key(|path| numbered(path));
    paths
}

/// The number of a shard; None for other files.
fn numbered(path: &Path) -> Option<usize> {
    let name = path.file_name()?.to_str().filter(|name| is_shard(name))?;
    name.strip_suffix(".parquet")?.parse().ok()
}

/// All scores in a folder of shards, as [`Shards::open`] reads them; none if there is no folder.
pub(super) fn read_all(dir: &Path) -> Result<HashMap<ScoreKey, Scored>, TableError> {
    let mut scores = HashMap::new();
    shards(dir).iter().try_for_each(|path| read(path, &mut scores))?;
    Ok(scores)
}

fn read(path: &Path, scores: &mut HashMap<ScoreKey, Scored>) -> Result<(), TableError> {
    let table = Table::open(path)?;
    let (keys, names) = (table.string_column("key")?, table.string_column("proxy")?);
    let (values, statuses) = (table.f64_column("value")?, table.string_column("status")?);
    let seconds = table.f64_column("seconds")?;
    for i in 0..keys.len() {
        let (Some(key), Some(name), Some(status)) = (&keys[i], &names[i], &statuses[i]) else { continue };
        let Ok(proxy) = proxy::find(name) else { continue };
        let score = match (values[i], status.parse().unwrap_or(Status::Failed)) {
            (Some(v), Status::Ok) => Score::new(v),
            (_, Status::Failed) => continue,
            (_, status) => Score::status(status),
        };
        scores.insert((key.clone(), proxy.name), Scored { score, seconds: seconds[i].unwrap_or(0.0) });
    }
    Ok(())
}
