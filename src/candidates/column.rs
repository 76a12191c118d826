//! A column of truths: one unit for accuracies, and no value that cannot be.

use crate::benchmark::{Table, TableError};
use crate::stats::Interval;

/// Words of a column's name that say that it holds accuracies.
const ACCURACY: [&str; 4] = ["acc", "accuracy", "top1", "acc1"];
/// Last words that say that it does not after all: counts, spreads and times.
const OTHER: [&str; 5] = ["runs", "std", "loss", "s", "ms"];

/// A column of a table, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Accuracies in percent, anything else in its own unit; None where there is no value that counts.
    pub values: Vec<Option<f64>>,
    /// Cells that hold what cannot be, such as a sentinel for a failed training: infinite, or an accuracy outside 0 to
    /// 100%. They count as missing.
    pub impossible: usize,
}

/// Whether a column holds accuracies, by its name: a word of it is `acc`, `accuracy` or `top1`, or it ends in `_pct` or
/// `_frac`.
pub fn is_accuracy(name: &str) -> bool {
    let lower = name.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphanumeric());
    let last = words.clone().next_back().unwrap_or_default();
    ["pct", "frac"].contains(&last) || words.any(|word| ACCURACY.contains(&word)) && !OTHER.contains(&last)
}

/// What the values of a column can be once they are read: 0 to 100 for accuracies, anything for `None`.
pub fn percent_bounds(name: &str) -> Option<Interval> {
    is_accuracy(name).then_some(Interval::PERCENT)
}

/// Reads a column. Accuracies are in percent afterwards: those of a column that ends in `_frac`, and those that nowhere
/// exceed 1 in a column that does not end in `_pct`, are fractions and are multiplied by 100.
pub fn read(table: &Table, name: &str) -> Result<Column, TableError> {
    let values = table.f64_column(name)?;
    let accuracy = is_accuracy(name);
    let possible = |value: &f64| value.is_finite() && (!accuracy || *value >= 0.0);
    let highest = values.iter().flatten().copied().filter(possible).fold(f64::NEG_INFINITY, f64::max);
    let fraction = accuracy && (name.ends_with("_frac") || !name.ends_with("_pct") && highest <= 1.0);
    let scale = if fraction { 100.0 } else { 1.0 };
    let counts = |value: &f64| value.is_finite() && (!accuracy || (0.0..=100.0).contains(value));
    let read: Vec<Option<f64>> = values.iter().map(|value| value.map(|v| v * scale).filter(counts)).collect();
    let impossible = values.iter().flatten().count() - read.iter().flatten().count();
    Ok(Column { name: name.into(), values: read, impossible })
}
