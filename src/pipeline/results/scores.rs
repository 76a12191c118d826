//! Scores and accuracies of the networks of a screen, for figures.

use super::PageOptions;
use crate::benchmark::Table;
use crate::candidates::{join, space_of_scores};
use crate::pipeline::RunError;
use crate::pipeline::counts::{RESAMPLES, check_count};
use crate::pipeline::evaluate::{EvaluateOptions, Evaluation, evaluate};

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
