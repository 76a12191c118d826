//! Files read back, with the version they are of.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::PageError;
use crate::benchmark::Table;
use crate::report::METADATA_KEY;

/// Major and minor version, as far as a text says them.
fn version(text: &str) -> Option<(u64, u64)> {
    let mut numbers = text.split('.').map(|part| part.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// Refuses what a newer version wrote: `found` is what the file says of itself, if anything.
pub(in crate::pipeline) fn refuse_newer(path: &Path, found: Option<&str>) -> Result<(), PageError> {
    let newer = found.and_then(version).zip(version(env!("CARGO_PKG_VERSION"))).is_some_and(|(f, own)| f > own);
    match found {
        Some(found) if newer => Err(PageError::Newer { path: path.into(), found: found.into() }),
        _ => Ok(()),
    }
}

/// A result as `naslens` wrote it, of this version or an earlier one.
pub(in crate::pipeline) fn json<T: DeserializeOwned>(path: &Path) -> Result<T, PageError> {
    let damaged = |reason: String| PageError::Damaged { path: path.into(), reason };
    let text = std::fs::read(path).map_err(|e| damaged(e.to_string()))?;
    let value: Value = serde_json::from_slice(&text).map_err(|e| damaged(e.to_string()))?;
    refuse_newer(path, value["naslens"].as_str())?;
    T::deserialize(value).map_err(|e| damaged(e.to_string()))
}

/// A Parquet file and what it says of itself; null if nothing.
pub(in crate::pipeline) fn table(path: &Path) -> Result<(Table, Value), PageError> {
    let table = Table::open(path)?;
    let metadata =
        table.metadata(METADATA_KEY).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Value::Null);
    refuse_newer(path, metadata["naslens"].as_str())?;
    Ok((table, metadata))
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
