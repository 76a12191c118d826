//! Bounds of the options that say how often something is repeated: what a machine can hold, and what a statistic needs.

use std::ops::RangeInclusive;

use super::RunError;

/// Bootstrap resamples: an interval needs two.
pub const RESAMPLES: RangeInclusive<u64> = 2..=100_000;
/// Random draws, of labels or of networks to learn from.
pub const DRAWS: RangeInclusive<u64> = 1..=10_000;
/// Searches per strategy.
pub const SEEDS: RangeInclusive<u64> = 1..=10_000;
/// Trainings of one network.
pub const TRAININGS: RangeInclusive<u64> = 1..=1_000;

/// Checks that the option `name` is within its bounds.
pub fn check_count(name: &str, value: u64, bounds: RangeInclusive<u64>) -> Result<(), RunError> {
    if bounds.contains(&value) {
        return Ok(());
    }
    let (least, most) = bounds.into_inner();
    Err(RunError::Refused(format!("{name} is {value}; give a number from {least} to {most}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_named() {
        assert!(check_count("resamples", 2, RESAMPLES).is_ok());
        assert!(check_count("resamples", 100_000, RESAMPLES).is_ok());
        for value in [0, 1, 100_001, u64::MAX] {
            let error = check_count("resamples", value, RESAMPLES).unwrap_err().to_string();
            assert_eq!(error, format!("resamples is {value}; give a number from 2 to 100000"));
        }
    }
}
