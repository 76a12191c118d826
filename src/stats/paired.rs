//! Paired comparisons: a sign-flip test of differences, and Holm's correction for several tests.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::bootstrap::{Interval, bootstrap_interval};
use crate::seed::Stream;

/// Pairs compared by the mean of their differences; see [`paired_difference_test`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairedDifference {
    /// Mean of the differences, in their unit.
    pub difference: f64,
    /// 95% percentile bootstrap interval of it, pairs resampled; `None` without repeats.
    pub interval: Option<Interval>,
    /// Two-sided p-value in `(0, 1]`.
    pub p_value: f64,
    /// Whether every pattern of signs was enumerated (true) or patterns were sampled (false).
    pub exact: bool,
}

/// Enumerate all sign patterns of up to this many pairs: 16,384 patterns.
const MAX_EXACT_PAIRS: usize = 14;

/// Tests whether paired differences are centred at zero (Fisher's randomisation test, The Design of Experiments, 1935).
///
/// If a pair could as well have come the other way round, every difference could have the other sign: the p-value is the
/// share of sign patterns whose mean is at least as large in magnitude as the observed one. Up to 14 pairs all patterns
/// are enumerated; otherwise `repeats` random ones are drawn (repeat `r` from `Stream::named(seed, "sign_flip.{r}")`) and
/// `p = (hits + 1) / (repeats + 1)` (Phipson & Smyth, Stat. Appl. Genet. Mol. Biol. 9, 2010). `None` without differences or
/// if one is not finite.
pub fn paired_difference_test(differences: &[f64], repeats: usize, seed: u64) -> Option<PairedDifference> {
    let n = differences.len();
    if n == 0 || differences.iter().any(|d| !d.is_finite()) {
        return None;
    }
    let sum: f64 = differences.iter().sum();
    // The same pattern summed in another order may differ by rounding; it still counts as equal.
    let scale: f64 = differences.iter().map(|d| d.abs()).sum();
    let reaches = |flipped: f64| flipped.abs() >= sum.abs() - 1e-12 * scale;
    let exact = n <= MAX_EXACT_PAIRS;
    let p_value = if exact {
        let signed = |pattern: u32| -> f64 {
            differences.iter().enumerate().map(|(i, d)| if pattern >> i & 1 == 1 { -d } else { *d }).sum()
        };
        let patterns = 1u32 << n;
        (0..patterns).filter(|&pattern| reaches(signed(pattern))).count() as f64 / f64::from(patterns)
    } else {
        let hit = |r: &usize| {
            let mut stream = Stream::named(seed, &format!("sign_flip.{r}"));
            reaches(differences.iter().map(|d| if stream.below(2) == 1 { -d } else { *d }).sum())
        };
        let hits = (0..repeats).into_par_iter().filter(hit).count();
        (hits + 1) as f64 / (repeats + 1) as f64
    };
    let mean = |sample: &[usize]| Some(sample.iter().map(|&i| differences[i]).sum::<f64>() / n as f64);
    Some(PairedDifference {
        difference: sum / n as f64,
        interval: bootstrap_interval(n, repeats, 0.95, seed, mean),
        p_value,
        exact,
    })
}

/// Holm's adjusted p-values, in the order given: with the `m` p-values sorted upwards, the `i`-th (from 1) becomes
/// `max over j <= i of min(1, (m - j + 1) p_j)`. Rejecting where it is at most `a` keeps the chance of any false rejection
/// below `a`, however the tests depend on each other (Holm, Scand. J. Stat. 6, 1979).
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut largest: f64 = 0.0;
    for (i, &test) in order.iter().enumerate() {
        largest = largest.max(((p_values.len() - i) as f64 * p_values[test]).min(1.0));
        adjusted[test] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    const D: [f64; 10] = [0.3, -0.1, 0.5, 0.2, 0.7, -0.2, 0.4, 0.05, 0.6, -0.3];

    // from scipy.stats import permutation_test; import numpy as np
    // permutation_test((D,), np.mean, permutation_type='samples', n_resamples=np.inf).pvalue  # 0.091796875
    #[test]
    fn exact_p_values_match_scipy() {
        let test = paired_difference_test(&D, 500, 1).unwrap();
        assert!(test.exact);
        assert_relative_eq!(test.difference, 0.215, max_relative = 1e-12);
        assert_relative_eq!(test.p_value, 0.091796875, max_relative = 1e-12);
        let interval = test.interval.unwrap();
        assert!(interval.low < test.difference && test.difference < interval.high);
        assert_eq!(paired_difference_test(&[], 9, 1), None);
        assert_eq!(paired_difference_test(&[f64::INFINITY], 9, 1), None);
    }

    #[test]
    fn sampled_p_values_are_close_to_exact_and_never_zero() {
        // Twice the same ten differences: 2^20 patterns, sampled here. Over all of them:
        // for x in D + D: s = np.concatenate([s + x, s - x])    # from s = [0]
        // np.mean(abs(s) >= abs(sum(D + D)) - 1e-9)             # 0.01232719
        let twice = [D, D].concat();
        let test = paired_difference_test(&twice, 4_000, 3).unwrap();
        assert!(!test.exact && (test.p_value - 0.01232719).abs() < 0.004, "{}", test.p_value);
        let apart = paired_difference_test(&[1.0; 40], 999, 3).unwrap();
        assert_relative_eq!(apart.p_value, 0.001);
        assert_eq!(paired_difference_test(&[0.0; 40], 999, 3).unwrap().p_value, 1.0);
    }

    // statsmodels.stats.multitest.multipletests([.01, .04, .03, .005], method='holm')[1]  # .03, .06, .06, .02
    #[test]
    fn holm_matches_statsmodels() {
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (found, expected) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert_relative_eq!(*found, expected, max_relative = 1e-12);
        }
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }
}
