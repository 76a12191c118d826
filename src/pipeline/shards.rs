//! Scores of an unfinished screen, on disk in small files so that little is lost when it is killed.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;

use super::files::{FileError, write_atomically};
use crate::benchmark::{Table, TableError};
use crate::proxy::{Score, Status};

/// A score with the seconds of the passes that it read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scored {
    pub score: Score,
    pub seconds: f64,
}

/// (key of the network, proxy): see [`scorer::Job`](super::scorer::Job).
pub(super) type ScoreKey = (String, &'static str);

/// The folder of shards of one run.
pub(super) struct Shards {
    dir: PathBuf,
    next: usize,
}

impl Shards {
    /// Opens the folder, making it if needed, and reads what is there for the given proxies.
    pub fn open(
        dir: PathBuf,
        proxies: &[&'static str],
    ) -> Result<(Self, HashMap<ScoreKey, Scored>), super::ScreenError> {
        fs::create_dir_all(&dir).map_err(|source| FileError::Folder { path: dir.clone(), source })?;
        let mut names: Vec<PathBuf> = fs::read_dir(&dir)
            .map_err(|source| FileError::Folder { path: dir.clone(), source })?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        names.sort();
        let mut next = 0;
        let mut scores = HashMap::new();
        for path in names {
            let number = path.file_stem().and_then(|s| s.to_str()).and_then(|s| s.parse::<usize>().ok());
            let (Some(number), Some("parquet")) = (number, path.extension().and_then(|e| e.to_str())) else {
                // A temporary file of a process that was killed while writing.
                let _ = fs::remove_file(&path);
                continue;
            };
            next = next.max(number + 1);
            read(&path, proxies, &mut scores)?;
        }
        Ok((Shards { dir, next }, scores))
    }

    /// Adds a shard with these scores.
    pub fn append(&mut self, scores: &[(ScoreKey, Scored)]) -> Result<(), FileError> {
        let path = self.dir.join(format!("{:06}.parquet", self.next));
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("key", Arc::new(StringArray::from_iter_values(scores.iter().map(|((k, _), _)| k)))),
            ("proxy", Arc::new(StringArray::from_iter_values(scores.iter().map(|((_, p), _)| p)))),
            ("value", Arc::new(Float64Array::from_iter(scores.iter().map(|(_, s)| s.score.value())))),
            (
                "status",
                Arc::new(StringArray::from_iter_values(scores.iter().map(|(_, s)| s.score.get_status().name()))),
            ),
            ("seconds", Arc::new(Float64Array::from_iter_values(scores.iter().map(|(_, s)| s.seconds)))),
        ];
        let fields = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true));
        debug_assert_eq!(columns[2].1.data_type(), &DataType::Float64);
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        write_atomically(&path, |out| {
            let batch = RecordBatch::try_new(schema.clone(), columns.iter().map(|(_, a)| a.clone()).collect())?;
            let mut writer = ArrowWriter::try_new(out, schema, None)?;
            writer.write(&batch)?;
            writer.close().map(|_| ())
        })?;
        self.next += 1;
        Ok(())
    }

    /// Removes the folder, once its scores are in the final table.
    pub fn remove(self) {
        // What stays behind is read and removed by the next run.
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn read(path: &Path, proxies: &[&'static str], scores: &mut HashMap<ScoreKey, Scored>) -> Result<(), TableError> {
    let table = Table::open(path)?;
    let (keys, names) = (table.string_column("key")?, table.string_column("proxy")?);
    let (values, statuses) = (table.f64_column("value")?, table.string_column("status")?);
    let seconds = table.f64_column("seconds")?;
    for i in 0..keys.len() {
        let (Some(key), Some(name), Some(status)) = (&keys[i], &names[i], &statuses[i]) else {
            continue;
        };
        let Some(&proxy) = proxies.iter().find(|p| *p == name) else {
            continue;
        };
        let score = match (values[i], status.parse().unwrap_or(Status::Failed)) {
            (Some(v), Status::Ok) => Score::new(v),
            (_, status) => Score::status(status),
        };
        scores.insert((key.clone(), proxy), Scored { score, seconds: seconds[i].unwrap_or(0.0) });
    }
    Ok(())
}
