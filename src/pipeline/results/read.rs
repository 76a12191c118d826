//! Files read back, with the version they are of.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::benchmark::{METADATA_KEY, Table};
use crate::candidates::RunNote;
use crate::folder::read_settings;
use crate::pipeline::RunError;

/// Major and minor version, as far as a text says them.
fn version(text: &str) -> Option<(u64, u64)> {
    let mut numbers = text.split('.').map(|part| part.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// Refuses what a newer version wrote: `found` is what the file says of itself, if anything.
pub(in crate::pipeline) fn refuse_newer(path: &Path, found: Option<&str>) -> Result<(), RunError> {
    let newer = found.and_then(version).zip(version(env!("CARGO_PKG_VERSION"))).is_some_and(|(f, own)| f > own);
    match found {
        Some(found) if newer => Err(RunError::Refused(format!(
            "{} was written by naslens {found}, this is {}; update naslens to read it",
            path.display(),
            env!("CARGO_PKG_VERSION")
        ))),
        _ => Ok(()),
    }
}

/// What says that the results in a folder are not complete.
pub(in crate::pipeline) fn unfinished(path: &Path, what: &str) -> RunError {
    let path = path.display();
    RunError::Refused(format!("{path} holds an unfinished {what}; the same `naslens {what}` command resumes"))
}

/// A configuration in TOML, as a user wrote it.
pub(in crate::pipeline) fn config<T: DeserializeOwned>(path: &Path) -> Result<T, RunError> {
    let refuse =
        |reason: String| RunError::Refused(format!("cannot read the configuration {}: {reason}", path.display()));
    read_settings(&std::fs::read_to_string(path).map_err(|e| refuse(e.to_string()))?).map_err(refuse)
}

/// A result as `naslens` wrote it, of this version or an earlier one.
pub(in crate::pipeline) fn json<T: DeserializeOwned>(path: &Path) -> Result<T, RunError> {
    let damaged = |reason: String| {
        RunError::Refused(format!(
            "{} is damaged or of another program ({reason}); run the command that wrote it again",
            path.display()
        ))
    };
    let text = std::fs::read(path).map_err(|e| damaged(e.to_string()))?;
    let value: Value = serde_json::from_slice(&text).map_err(|e| damaged(e.to_string()))?;
    refuse_newer(path, value["naslens"].as_str())?;
    T::deserialize(value).map_err(|e| damaged(e.to_string()))
}

/// A Parquet file; [`METADATA_KEY`] in its metadata says the version.
pub(in crate::pipeline) fn table(path: &Path) -> Result<(Table, String), RunError> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct About {
        naslens: String,
    }
    let table = Table::open(path)?;
    let about: Option<About> = table.metadata(METADATA_KEY).and_then(|text| serde_json::from_str(&text).ok());
    let version = about.unwrap_or_default().naslens;
    refuse_newer(path, Some(&version))?;
    Ok((table, version))
}

/// The scores of a run, and what it says of itself.
pub(in crate::pipeline) fn scores(path: &Path) -> Result<(Table, RunNote), RunError> {
    let (table, _) = table(path)?;
    let run = RunNote::of(&table).unwrap_or_default();
    Ok((table, run))
}

/// Text of a JSON value, without quotes; empty for null.
pub(in crate::pipeline) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_newer_versions_are_refused() {
        let refused = |found: &str| refuse_newer(Path::new("x"), Some(found)).is_err();
        assert_eq!(["0.0.9", env!("CARGO_PKG_VERSION"), "odd"].map(refused), [false; 3]);
        assert_eq!(["99.0.0", "0.99.1"].map(refused), [true; 2]);
        assert!(refuse_newer(Path::new("x"), None).is_ok());
    }
}
