//! Uncertainty by resampling: percentile bootstrap intervals.
//!
//! Repeat `r` draws from its own named stream, so the numbers depend on the seed alone, not on the number of threads.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::quantile;
use crate::seed::Stream;

/// A closed interval, in the unit of the statistic it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// What percentages can be.
    pub const PERCENT: Interval = Interval { low: 0.0, high: 100.0 };

    /// This interval as far as it lies within the bounds, of which `None` are none; an end beyond them becomes theirs.
    pub fn within(self, bounds: Option<Interval>) -> Self {
        bounds.map_or(self, |b| Interval { low: b.hold(self.low), high: b.hold(self.high) })
    }

    /// The value of the interval that is nearest to this one.
    pub fn hold(&self, value: f64) -> f64 {
        value.max(self.low).min(self.high)
    }
}

/// `statistic` of `repeats` bootstrap resamples, in order: each gets `n` positions drawn from `0..n` with replacement.
///
/// Repeat `r` draws from `Stream::named(seed, "bootstrap.{r}")`. Statistics of the same `n` and `seed` therefore see
/// the same resamples. Empty if `n` is zero.
pub fn resampled<T: Send>(n: usize, repeats: usize, seed: u64, statistic: impl Fn(&[usize]) -> T + Sync) -> Vec<T> {
    let repeats = if n == 0 { 0 } else { repeats };
    (0..repeats).into_par_iter().map(|r| statistic(&draw(&mut bootstrap_stream(seed, r), n))).collect()
}

/// The percentile bootstrap interval of a statistic at confidence `level` (Efron, Ann. Stat. 7, 1979): the
/// `(1 - level) / 2` and `(1 + level) / 2` quantiles of its values over [`resampled`] positions of `0..n`.
///
/// Resamples for which the statistic is undefined are left out; `None` if they are more than half of `repeats`, if
/// there are none at all, or if `level` is outside `[0, 1]`.
pub fn bootstrap_interval(
    n: usize,
    repeats: usize,
    level: f64,
    seed: u64,
    statistic: impl Fn(&[usize]) -> Option<f64> + Sync,
) -> Option<Interval> {
    percentile_interval(&resampled(n, repeats, seed, statistic), level)
}

/// The central `level` of resampled values: their `(1 - level) / 2` and `(1 + level) / 2` quantiles, interpolated
/// linearly between order statistics (NumPy's default).
///
/// `None` if more than half of the values are undefined (`None` or not finite), if there are none, or if `level` is
/// outside `[0, 1]`.
pub fn percentile_interval(values: &[Option<f64>], level: f64) -> Option<Interval> {
    let mut defined: Vec<f64> = values.iter().flatten().copied().filter(|v| v.is_finite()).collect();
    if defined.is_empty() || 2 * defined.len() < values.len() || !(0.0..=1.0).contains(&level) {
        return None;
    }
    defined.sort_unstable_by(f64::total_cmp);
    let at = |q: f64| quantile(&defined, q);
    Some(Interval { low: at((1.0 - level) / 2.0)?, high: at((1.0 + level) / 2.0)? })
}

fn bootstrap_stream(seed: u64, repeat: usize) -> Stream {
    Stream::named(seed, &format!("bootstrap.{repeat}"))
}

fn draw(stream: &mut Stream, n: usize) -> Vec<usize> {
    (0..n).map(|_| stream.below(n as u64) as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn quantiles_match_numpy() {
        // np.quantile([3, 1, 4, 1, 5, 9, 2, 6], [.1, .9])
        let values = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0].map(Some);
        let interval = percentile_interval(&values, 0.8).unwrap();
        assert_relative_eq!(interval.low, 1.0, max_relative = 1e-12);
        assert_relative_eq!(interval.high, 6.9, max_relative = 1e-12);
        assert_eq!(percentile_interval(&[None, None, Some(1.0)], 0.8), None);
        assert_eq!(percentile_interval(&[], 0.8), None);
        assert_eq!(percentile_interval(&values, 1.5), None);
    }

    #[test]
    fn interval_has_the_width_theory_gives() {
        let mut stream = Stream::new(1);
        let values: Vec<f64> = (0..400).map(|_| stream.normal()).collect();
        let average = |sample: &[usize]| Some(sample.iter().map(|&i| values[i]).sum::<f64>() / sample.len() as f64);
        let interval = bootstrap_interval(values.len(), 2_000, 0.95, 7, average).unwrap();
        let centre = values.iter().sum::<f64>() / 400.0;
        let deviation = (values.iter().map(|v| (v - centre).powi(2)).sum::<f64>() / 400.0).sqrt();
        assert_relative_eq!(interval.high - interval.low, 2.0 * 1.96 * deviation / 20.0, max_relative = 0.08);
        assert!(interval.low < centre && centre < interval.high);
        assert_eq!(bootstrap_interval(0, 10, 0.95, 7, average), None);
        assert_eq!(bootstrap_interval(10, 0, 0.95, 7, average), None);
    }

    #[test]
    fn threads_do_not_change_a_number() {
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| resampled(50, 40, 3, <[usize]>::to_vec))
        };
        assert_eq!(on(1), on(3));
    }
}
