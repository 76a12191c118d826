//! What a number of observations can tell.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::normal_quantile;

/// The smallest |correlation| of `n` independent pairs that a two-sided test at this level tells from zero:
/// `t / sqrt(n - 2 + t²)` with `t` the `1 - level / 2` quantile of Student's distribution with `n - 2` degrees of freedom.
/// Exact for Pearson's correlation of normal variables, a good approximation for Spearman's from about ten pairs on (Kendall
/// and Stuart, The Advanced Theory of Statistics 2, 1979, section 31.19).
///
/// `None` for fewer than three pairs and for a level outside `(0, 1)`.
pub fn least_correlation(n: usize, level: f64) -> Option<f64> {
    if n < 3 || !(level > 0.0 && level < 1.0) {
        return None;
    }
    let freedom = (n - 2) as f64;
    let t = StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(1.0 - level / 2.0);
    Some(t / (freedom + t * t).sqrt())
}

/// The pairs from which on a two-sided test at 5% finds, four times in five, that one score correlates better with the truth
/// than another: `n = 3 + 2 (1 - a) ((z(.975) + z(.8)) / d)²`, with `d` the difference of the correlations after Fisher's
/// transformation, which is a little more than their difference, and `a` the correlation of both estimates (Steiger, Tests for
/// comparing elements of a correlation matrix, Psychological Bulletin 1980).
pub fn pairs_needed(difference: f64, agreement: f64) -> usize {
    let z = normal_quantile(0.975) + normal_quantile(0.8);
    3 + (2.0 * (1.0 - agreement) * (z / difference).powi(2)).ceil() as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn smaller_differences_need_more_pairs() {
        // 3 + ((norm.ppf(.975) + norm.ppf(.8)) / .25) ** 2 = 128.58
        assert_eq!([pairs_needed(0.25, 0.5), pairs_needed(0.125, 0.5), pairs_needed(0.25, 0.75)], [129, 506, 66]);
    }

    // from scipy.stats import t; f = n - 2; q = t.ppf(.975, f); q / np.sqrt(f + q * q)
    #[test]
    fn matches_scipy() {
        for (n, golden) in
            [(3, 0.996917333733128), (10, 0.6318968647198338), (161, 0.15474082637369818), (6466, 0.02437528417169162)]
        {
            assert_relative_eq!(least_correlation(n, 0.05).unwrap(), golden, max_relative = 1e-9);
        }
        assert_eq!([least_correlation(2, 0.05), least_correlation(9, 0.0), least_correlation(9, f64::NAN)], [None; 3]);
    }
}
