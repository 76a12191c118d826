//! Scores and accuracies of the networks of a screen, for figures.

use std::collections::HashMap;

use super::{PageError, PageOptions, read};
use crate::benchmark::Table;
use crate::pipeline::evaluate::join;
use crate::pipeline::evaluate::{EvaluateOptions, Evaluation, evaluate};

/// Above so many networks there are fewer resamples, so that the work stays the same; intervals are narrow there.
const NETWORKS: usize = 16_000;
/// But at least so many.
const LEAST: usize = 100;

/// A screen beside the truth.
pub(super) struct Judged {
    /// Every proxy, with intervals.
    pub evaluation: Evaluation,
    /// Row of the scores and accuracy, in percent, of the distinct networks that have one.
    pub truth: Vec<(usize, f64)>,
}

/// The table and column that were named, if they were.
pub(super) fn named(options: &PageOptions) -> Result<Option<(&std::path::Path, &str)>, PageError> {
    match (&options.table, &options.target) {
        (Some(table), Some(target)) => Ok(Some((table, target))),
        (None, None) => Ok(None),
        _ => Err(PageError::TableAndTarget),
    }
}

/// The proxies of a screen judged by the table that is named, if one is.
pub(super) fn judged(
    dir: &std::path::Path,
    scores: &Table,
    options: &PageOptions,
) -> Result<Option<Judged>, PageError> {
    let Some((table, target)) = named(options)? else { return Ok(None) };
    let truths = Table::open_truths(table)?;
    let joined = join::join(scores, &truths, target)?;
    let repeats =
        (options.repeats * NETWORKS).div_ceil(joined.rows.len().max(NETWORKS)).max(LEAST.min(options.repeats));
    let evaluation =
        evaluate(dir, table, target, &EvaluateOptions { repeats, seed: options.seed, ..EvaluateOptions::default() })?;
    let scale = read::percent(target);
    let truth = joined.rows.into_iter().zip(joined.truth).map(|(row, truth)| (row, truth * scale)).collect();
    Ok(Some(Judged { evaluation, truth }))
}

/// Accuracy, in percent, by the id of a network and by its text, of the table that is named, if one is.
pub(super) fn truth_by_network(options: &PageOptions) -> Result<Option<HashMap<String, f64>>, PageError> {
    let Some((table, target)) = named(options)? else { return Ok(None) };
    let truths = Table::open_truths(table)?;
    let scale = read::percent(target);
    let values = truths.f64_column(target)?;
    let mut by_key = HashMap::new();
    for column in ["arch_id", "arch", "arch_str"].into_iter().filter(|column| truths.has(column)) {
        let keys = truths.string_column(column)?;
        by_key.extend(keys.into_iter().zip(&values).filter_map(|(key, value)| Some((key?, (*value)? * scale))));
    }
    Ok(Some(by_key))
}

/// A column of scores where the status is fine; counts have no status.
pub(super) fn column(scores: &Table, proxy: &str) -> Result<Vec<Option<f64>>, PageError> {
    let source = if proxy == "flops" && !scores.has("flops") { "macs" } else { proxy };
    let values = scores.f64_column(source)?;
    let status = format!("{proxy}_status");
    if !scores.has(&status) {
        return Ok(values);
    }
    let statuses = scores.string_column(&status)?;
    let fine = |(value, status): (Option<f64>, Option<String>)| value.filter(|_| status.as_deref() == Some("ok"));
    Ok(values.into_iter().zip(statuses).map(fine).collect())
}

/// The proxies of a screen, in the order of its columns.
pub(super) fn proxies(scores: &Table) -> Vec<String> {
    let names = scores.column_names();
    names.iter().filter_map(|column| column.strip_suffix("_status")).map(str::to_owned).collect()
}
