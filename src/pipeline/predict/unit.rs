//! Shares and units in words.

use crate::candidates::is_accuracy;

/// A share as in `90%`.
pub(super) fn percent(share: f64) -> String {
    format!("{}%", (1e4 * share).round() / 100.0)
}

/// Decimals that show three digits of values that differ by about `std`.
pub(super) fn decimals(std: f64) -> usize {
    (2.0 - std.log10().floor()).clamp(0.0, 12.0) as usize
}

/// The unit that a column is read in, by its name.
pub(super) fn unit(column: &str) -> &'static str {
    if is_accuracy(column) {
        return "percentage points";
    }
    const UNITS: [(&str, &str); 4] =
        [("_ms", "milliseconds"), ("_s", "seconds"), ("_mJ", "millijoules"), ("_M", "millions")];
    UNITS.iter().find(|(end, _)| column.ends_with(end)).map_or("its own unit", |(_, unit)| unit)
}
