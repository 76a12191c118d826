//! Run times in a few numbers.

use serde::{Deserialize, Serialize};

use crate::stats::{Interval, normal_quantile, quantile};

/// Times of equal runs, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Median.
    pub p50_ms: f64,
    /// 95% interval of the median, from order statistics.
    pub p50_interval: Interval,
    /// 95th percentile.
    pub p95_ms: f64,
    /// Fastest run.
    pub min_ms: f64,
}

/// The timing of these runs; None if there are none.
pub fn summarise(times_ms: &[f64]) -> Option<Timing> {
    let mut sorted = times_ms.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    Some(Timing {
        p50_ms: quantile(&sorted, 0.5)?,
        p50_interval: median_interval(&sorted, 0.95)?,
        p95_ms: quantile(&sorted, 0.95)?,
        min_ms: *sorted.first()?,
    })
}

/// The interval between two order statistics of ascending values that holds the median of what they were drawn from with
/// probability of at least `level`, whatever the distribution: ranks `k` and `n + 1 - k` with the largest `k` for which
/// `P(Bin(n, 1/2) < k) <= (1 - level) / 2` (Conover, Practical Nonparametric Statistics, 1999). The whole range where `n` is
/// too small for the level. None without values.
///
/// The values are taken as independent. Runs one after another are not quite: a disturbance meets several.
pub fn median_interval(sorted: &[f64], level: f64) -> Option<Interval> {
    let (low, high) = (*sorted.first()?, *sorted.last()?);
    let k = rank(sorted.len(), (1.0 - level) / 2.0);
    Some(if k == 0 { Interval { low, high } } else { Interval { low: sorted[k - 1], high: sorted[sorted.len() - k] } })
}

/// The largest `k` with `P(Bin(n, 1/2) < k) <= tail`; by the normal approximation where the smallest probabilities are no
/// longer numbers.
fn rank(n: usize, tail: f64) -> usize {
    if n > 1000 {
        let spread = normal_quantile(tail) * (n as f64).sqrt() / 2.0;
        return (n as f64 / 2.0 + spread).max(0.0) as usize;
    }
    let (mut probability, mut below) = (0.5_f64.powi(n as i32), 0.0);
    for k in 0..n {
        below += probability;
        if below > tail {
            return k;
        }
        probability *= (n - k) as f64 / (k + 1) as f64;
    }
    n
}

#[cfg(test)]
mod tests {
    use super::*;

    // from scipy.stats import binom
    // [max(k for k in range(n) if k == 0 or binom.cdf(k - 1, n, .5) <= .025) for n in (5, 6, 10, 30, 100, 500, 2000)]
    #[test]
    fn ranks_match_scipy() {
        for (n, k) in [(5usize, 0usize), (6, 1), (10, 2), (30, 10), (100, 40), (500, 228), (2000, 956)] {
            let sorted: Vec<f64> = (1..=n).map(|i| i as f64).collect();
            let interval = median_interval(&sorted, 0.95).unwrap();
            let k = k.max(1) as f64;
            assert_eq!((interval.low, interval.high), (k, n as f64 + 1.0 - k), "{n}");
        }
        assert_eq!(median_interval(&[], 0.95), None);
    }

    #[test]
    fn percentiles_are_ordered() {
        let timing = summarise(&[3.0, 1.0, 2.0, 10.0]).unwrap();
        assert_eq!((timing.min_ms, timing.p50_ms), (1.0, 2.5));
        assert!(timing.p50_interval.low <= timing.p50_ms && timing.p50_ms <= timing.p50_interval.high);
        assert!(timing.p50_ms <= timing.p95_ms);
        assert!(summarise(&[]).is_none());
    }
}
