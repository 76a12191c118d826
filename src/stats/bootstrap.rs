//! Uncertainty by resampling: percentile bootstrap intervals and a permutation test for two groups.
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

/// Two groups compared by their means; see [`mean_difference_test`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanDifference {
    /// `mean(a) - mean(b)`, in the unit of the values.
    pub difference: f64,
    /// 95% percentile bootstrap interval of the difference, each group resampled on its own; `None` without repeats.
    pub interval: Option<Interval>,
    /// Two-sided permutation p-value in `(0, 1]`.
    pub p_value: f64,
    /// Whether every split was enumerated (true) or splits were sampled (false).
    pub exact: bool,
}

/// Enumerate all splits up to this number.
const MAX_EXACT_SPLITS: u64 = 20_000;

/// Tests whether groups `a` and `b` differ in their mean: the difference, its bootstrap interval and a permutation
/// p-value.
///
/// The p-value is the share of ways to split all values into groups of these sizes whose difference is at least as
/// large in magnitude as the observed one. With at most 20,000 splits all are enumerated; otherwise `repeats` random
/// ones are drawn (repeat `r` from `Stream::named(seed, "permutation.{r}")`) and `p = (hits + 1) / (repeats + 1)`
/// (Phipson & Smyth, Stat. Appl. Genet. Mol. Biol. 9, 2010). `None` if a group is empty or a value is not finite.
pub fn mean_difference_test(a: &[f64], b: &[f64], repeats: usize, seed: u64) -> Option<MeanDifference> {
    if a.is_empty() || b.is_empty() || a.iter().chain(b).any(|v| !v.is_finite()) {
        return None;
    }
    let difference = mean(a.iter()) - mean(b.iter());
    let resampled_difference = |r| {
        let mut stream = bootstrap_stream(seed, r);
        let mut group_mean = |group: &[f64]| mean(draw(&mut stream, group.len()).iter().map(|&i| &group[i]));
        Some(group_mean(a) - group_mean(b))
    };
    let differences: Vec<_> = (0..repeats).into_par_iter().map(resampled_difference).collect();

    let all: Vec<f64> = a.iter().chain(b).copied().collect();
    let (total, scale) = (all.iter().sum::<f64>(), all.iter().map(|v| v.abs()).fold(0.0, f64::max));
    // The same split summed in another order may differ by rounding; it still counts as equal.
    let threshold = difference.abs() - 1e-12 * scale;
    let reaches = |sum_a: f64| (sum_a / a.len() as f64 - (total - sum_a) / b.len() as f64).abs() >= threshold;
    let splits = number_of_splits(all.len() as u64, a.len() as u64);
    let p_value = match splits {
        Some(splits) => subset_sums(&all, a.len()).filter(|&sum| reaches(sum)).count() as f64 / splits as f64,
        None => {
            let hit = |&r: &usize| {
                let picks =
                    Stream::named(seed, &format!("permutation.{r}")).sample_indices(all.len() as u64, a.len() as u64);
                reaches(picks.into_iter().map(|i| all[i as usize]).sum())
            };
            let hits = (0..repeats).into_par_iter().filter(hit).count();
            (hits + 1) as f64 / (repeats + 1) as f64
        }
    };
    Some(MeanDifference {
        difference,
        interval: percentile_interval(&differences, 0.95),
        p_value,
        exact: splits.is_some(),
    })
}

fn bootstrap_stream(seed: u64, repeat: usize) -> Stream {
    Stream::named(seed, &format!("bootstrap.{repeat}"))
}

fn draw(stream: &mut Stream, n: usize) -> Vec<usize> {
    (0..n).map(|_| stream.below(n as u64) as usize).collect()
}

fn mean<'a>(values: impl ExactSizeIterator<Item = &'a f64>) -> f64 {
    let n = values.len() as f64;
    values.sum::<f64>() / n
}

/// `n choose k`, if it is at most [`MAX_EXACT_SPLITS`].
fn number_of_splits(n: u64, k: u64) -> Option<u64> {
    // The partial products are the binomials (n-k+i choose i): whole, and never falling, so the first large one
    // decides.
    (1..=k.min(n - k)).try_fold(1u64, |splits, i| {
        let next = splits.checked_mul(n - k.min(n - k) + i)? / i;
        (next <= MAX_EXACT_SPLITS).then_some(next)
    })
}

/// The sum of each way to choose `k` of the values, in lexicographic order of the chosen positions.
fn subset_sums(values: &[f64], k: usize) -> impl Iterator<Item = f64> {
    let n = values.len();
    std::iter::successors(Some((0..k).collect::<Vec<usize>>()), move |chosen| {
        // Advance the last position that still has room, and pack the ones after it.
        let i = (0..k).rev().find(|&i| chosen[i] < n - k + i)?;
        let mut next = chosen.clone();
        for (offset, position) in next[i..].iter_mut().enumerate() {
            *position = chosen[i] + 1 + offset;
        }
        Some(next)
    })
    .map(|chosen| chosen.iter().map(|&i| values[i]).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    const A: [f64; 6] = [94.1, 93.8, 94.3, 93.9, 94.0, 93.2];
    const B: [f64; 6] = [92.0, 93.9, 91.5, 93.0, 90.8, 93.2];

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
        let centre = mean(values.iter());
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
            pool.install(|| {
                (resampled(50, 40, 3, <[usize]>::to_vec), mean_difference_test(&A, &[&B[..], &B].concat(), 99, 3))
            })
        };
        assert_eq!(on(1), on(3));
    }

    // import itertools, numpy as np; v = np.array(A + B); k = 6
    // d = [v[list(c)].mean() - np.delete(v, c).mean() for c in itertools.combinations(range(len(v)), k)]
    // np.mean(np.abs(d) >= abs(d[0]) - 1e-9)    # also with k = 3, groups A[:3] and A[3:] + B
    #[test]
    fn exact_p_values_match_enumeration() {
        let test = mean_difference_test(&A, &B, 500, 1).unwrap();
        assert!(test.exact);
        assert_relative_eq!(test.difference, 1.4833333333333485, max_relative = 1e-9);
        assert_relative_eq!(test.p_value, 0.015151515151515152, max_relative = 1e-12);
        let interval = test.interval.unwrap();
        assert!(0.0 < interval.low && interval.low < test.difference && test.difference < interval.high);
        let uneven = mean_difference_test(&A[..3], &[&A[3..], &B[..]].concat(), 0, 1).unwrap();
        assert_relative_eq!(uneven.p_value, 0.09545454545454546, max_relative = 1e-12);
        assert_eq!(uneven.interval, None);
    }

    #[test]
    fn sampled_p_values_are_close_to_exact_and_never_zero() {
        // 20 choose 10 is 184,756: sampled. Far apart, the only hits are the split itself and its mirror image.
        let low: Vec<f64> = (0..10).map(f64::from).collect();
        let high: Vec<f64> = low.iter().map(|v| v + 100.0).collect();
        let apart = mean_difference_test(&high, &low, 999, 5).unwrap();
        assert!(!apart.exact);
        assert_relative_eq!(apart.p_value, 0.001);
        assert_eq!(mean_difference_test(&low, &low, 999, 5).unwrap().p_value, 1.0);
        assert_eq!(mean_difference_test(&[], &low, 9, 5), None);
        assert_eq!(mean_difference_test(&[f64::NAN], &low, 9, 5), None);
    }

    #[test]
    fn splits_are_counted_and_enumerated() {
        assert_eq!(number_of_splits(12, 6), Some(924));
        assert_eq!(number_of_splits(20_000, 19_999), Some(20_000));
        assert_eq!(number_of_splits(20_001, 1), None);
        assert_eq!(number_of_splits(1_000_000, 500_000), None);
        assert_eq!(subset_sums(&[1.0, 10.0, 100.0], 2).collect::<Vec<_>>(), [11.0, 101.0, 110.0]);
        assert_eq!(subset_sums(&[1.0, 2.0], 2).count(), 1);
    }
}
