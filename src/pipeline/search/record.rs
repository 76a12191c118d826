//! The record of a search: its settings and every finished training, in one file that is always whole.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::SearchError;
use crate::files::write_atomically;

/// A finished training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Recorded {
    pub member: usize,
    pub epochs: u32,
    pub accuracy_pct: Option<f64>,
    pub reported_pct: Option<f64>,
    pub seconds: f64,
}

#[derive(Serialize, Deserialize)]
struct Content {
    settings: Value,
    trials: Vec<Recorded>,
}

/// The file, and what is in it.
pub(super) struct Record {
    path: PathBuf,
    settings: Value,
    pub trials: Vec<Recorded>,
}

impl Record {
    /// Opens the record of a search with these settings in the folder `dir`; refuses one with other settings, unless it is
    /// to be overwritten. A record that cannot be read counts as none: its trainings are kept elsewhere.
    pub fn open(dir: &Path, settings: Value, overwrite: bool) -> Result<Self, SearchError> {
        let path = dir.join("search.json");
        let found = std::fs::read_to_string(&path).ok().filter(|_| !overwrite);
        let trials = match found.and_then(|text| serde_json::from_str::<Content>(&text).ok()) {
            Some(content) if content.settings == settings => content.trials,
            Some(content) => return Err(other(dir, &content.settings, &settings)),
            None => Vec::new(),
        };
        Ok(Record { path, settings, trials })
    }

    /// Adds finished trainings.
    pub fn add(&mut self, trials: impl IntoIterator<Item = Recorded>) -> Result<(), SearchError> {
        self.trials.extend(trials);
        let content = Content { settings: self.settings.clone(), trials: self.trials.clone() };
        Ok(write_atomically(&self.path, |file| serde_json::to_writer(file, &content))?)
    }
}

fn other(dir: &Path, old: &Value, new: &Value) -> SearchError {
    let keys = |value: &Value| value.as_object().into_iter().flatten().map(|(k, _)| k.clone()).collect::<Vec<_>>();
    let field = keys(new).into_iter().chain(keys(old)).find(|key| old.get(key) != new.get(key)).unwrap_or_default();
    let show = |value: &Value| value.get(&field).map_or("none".into(), |v| v.to_string().trim_matches('"').to_string());
    SearchError::OtherSearch { dir: dir.into(), old: show(old), new: show(new), field }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_record_belongs_to_its_settings() {
        let dir = tempfile::tempdir().unwrap();
        let settings = json!({ "strategy": "random", "seed": 1 });
        let trial = Recorded { member: 3, epochs: 12, accuracy_pct: None, reported_pct: Some(0.1 + 0.2), seconds: 1.5 };
        Record::open(dir.path(), settings.clone(), false).unwrap().add([trial.clone()]).unwrap();
        let mut again = Record::open(dir.path(), settings, false).unwrap();
        again.add([trial.clone()]).unwrap();
        assert_eq!(again.trials, [trial.clone(), trial]);
        let changed = json!({ "strategy": "random", "seed": 2 });
        let error = Record::open(dir.path(), changed.clone(), false).err().unwrap().to_string();
        assert!(error.contains("another seed (1 there, 2 now)") && error.contains("--overwrite"), "{error}");
        assert!(Record::open(dir.path(), changed, true).unwrap().trials.is_empty());
    }
}
