//! Files read back, with the version they are of, and scores beside accuracies.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::PageOptions;
use crate::benchmark::{METADATA_KEY, Table};
use crate::candidates::{RunNote, join, space_of_scores};
use crate::folder::read_settings;
use crate::pipeline::RunError;
use crate::pipeline::counts::{RESAMPLES, check_count};
use crate::pipeline::evaluate::{EvaluateOptions, Evaluation, evaluate};

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

/// Above so many networks there are fewer resamples, so that the work stays the same; intervals are narrow there.
const NETWORKS: usize = 16_000;
/// But at least so many.
const LEAST: usize = 100;

/// A screen beside the truth.
pub(in crate::pipeline) struct Judged {
    /// Every proxy, with intervals.
    pub evaluation: Evaluation,
    /// Row of the scores and accuracy, in percent, of the distinct networks that have one.
    pub truth: Vec<(usize, f64)>,
}

/// The table and column that were named, if they were.
pub(in crate::pipeline) fn named(options: &PageOptions) -> Result<Option<(&std::path::Path, &str)>, RunError> {
    match (&options.table, &options.target) {
        (Some(table), Some(target)) => Ok(Some((table, target))),
        (None, None) => Ok(None),
        _ => Err(RunError::Refused(
            "--table and --target go together: the table of trained networks, and its column with their accuracy"
                .into(),
        )),
    }
}

/// The proxies of a screen judged by the table that is named, if one is.
pub(in crate::pipeline) fn judged(
    dir: &std::path::Path,
    scores: &Table,
    options: &PageOptions,
) -> Result<Option<Judged>, RunError> {
    let Some((table, target)) = named(options)? else { return Ok(None) };
    check_count("resamples", options.repeats as u64, RESAMPLES)?;
    let space = space_of_scores(scores, &Table::open_truths(table)?)?;
    let joined = join(scores, table, target, space.as_deref())?;
    let repeats =
        (options.repeats * NETWORKS).div_ceil(joined.rows.len().max(NETWORKS)).max(LEAST.min(options.repeats));
    let evaluation =
        evaluate(dir, table, target, &EvaluateOptions { repeats, seed: options.seed, ..EvaluateOptions::default() })?;
    Ok(Some(Judged { evaluation, truth: joined.rows.into_iter().zip(joined.truth).collect() }))
}

/// Accuracy, in percent, of the rows of a table of networks by the table that is named, if one is.
pub(in crate::pipeline) fn truth_of_rows(
    table: &Table,
    options: &PageOptions,
) -> Result<Option<Vec<Option<f64>>>, RunError> {
    let Some((truths, target)) = named(options)? else { return Ok(None) };
    let space = space_of_scores(table, &Table::open_truths(truths)?)?;
    let joined = join(table, truths, target, space.as_deref())?;
    let mut values = vec![None; table.num_rows()];
    joined.rows.into_iter().zip(joined.truth).for_each(|(row, truth)| values[row] = Some(truth));
    Ok(Some(values))
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
