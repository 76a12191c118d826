//! Means, medians and quantiles of values, some of which may lie beyond what was measured.

/// `Σ v / n`, summed in the order given; `None` without values.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The middle of the values, or the mean of the two in the middle; `None` without values. As [`quantile`], but in any
/// order.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    quantile(&sorted, 0.5)
}

/// The `q` quantile of ascending values, interpolated linearly between order statistics (NumPy's default).
///
/// `+inf` stands for a value that is only known to be large, such as the time of something that did not happen within the
/// budget: a quantile that such a value takes part in is `+inf` too. `None` without values or for `q` outside `[0, 1]`.
pub fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    if sorted.is_empty() || !(0.0..=1.0).contains(&q) {
        return None;
    }
    let position = q * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[position.floor() as usize], sorted[position.ceil() as usize]);
    // Infinity minus infinity is not a number.
    Some(if low == high { low } else { low + (high - low) * position.fract() })
}

/// The least and the greatest value; `(+inf, -inf)` of none.
pub fn range(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    values.into_iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate_and_know_what_is_beyond() {
        // np.quantile([1, 2, 4, 8], [0, .25, .5, 1])
        let values = [1.0, 2.0, 4.0, 8.0];
        assert_eq!([0.0, 0.25, 0.5, 1.0].map(|q| quantile(&values, q).unwrap()), [1.0, 1.75, 3.0, 8.0]);
        let censored = [3.0, 5.0, f64::INFINITY, f64::INFINITY];
        assert_eq!(
            [0.0, 0.3, 0.5, 1.0].map(|q| quantile(&censored, q).unwrap().is_finite()),
            [true, true, false, false]
        );
        assert_eq!((quantile(&[], 0.5), quantile(&values, 1.5)), (None, None));
        assert_eq!(
            (median(&[8.0, 1.0, 4.0, 2.0]), median(&[8.0, 1.0, 4.0]), median(&[])),
            (Some(3.0), Some(4.0), None)
        );
        assert_eq!((mean(&[1.0, 2.0, 6.0]), mean(&[])), (Some(3.0), None));
    }
}
