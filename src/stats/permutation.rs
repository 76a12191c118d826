//! Two groups compared by their means: a permutation test, and the interval that belongs to it.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Interval, mean};
use crate::seed::Stream;

/// Two groups compared by their means; see [`mean_difference_test`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanDifference {
    /// `mean(a) - mean(b)`, in the unit of the values.
    pub difference: f64,
    /// 95% interval of the difference: every shift of group `a` that the test does not reject; `None` if the groups are too
    /// small to reject any. Without zero exactly if the p-value is at most 0.05.
    pub interval: Option<Interval>,
    /// Two-sided permutation p-value in `(0, 1]`.
    pub p_value: f64,
    /// Whether every split was enumerated (true) or splits were sampled (false).
    pub exact: bool,
}

/// Enumerate all splits up to this number.
const MAX_EXACT_SPLITS: u64 = 20_000;

/// Tests whether groups `a` and `b` differ in their mean: the difference, a permutation p-value, and the interval that
/// belongs to it.
///
/// The p-value is the share of ways to split all values into groups of these sizes whose difference is at least as
/// large in magnitude as the observed one. With at most 20,000 splits all are enumerated; otherwise `repeats` random
/// ones are drawn (repeat `r` from `Stream::named(seed, "permutation.{r}")`) and `p = (hits + 1) / (repeats + 1)`
/// (Phipson & Smyth, Stat. Appl. Genet. Mol. Biol. 9, 2010). `None` if a group is empty or a value is not finite.
///
/// The interval holds the `d` for which `a - d` against `b` has a p-value above 0.05 (Pitman, J. R. Stat. Soc. Suppl. 4,
/// 1937). With `D` the difference, `T` that of a split and `c` what a shift of `a` by one takes from `T`, the split is as
/// extreme at `d` if `|T - c d| >= |D - d|`: from one to the other of `(D - T)/(1 - c)` and `(D + T)/(1 + c)`, with `D`
/// between them. So the ends of the interval are order statistics of those of the splits.
pub fn mean_difference_test(a: &[f64], b: &[f64], repeats: usize, seed: u64) -> Option<MeanDifference> {
    if a.is_empty() || b.is_empty() || a.iter().chain(b).any(|v| !v.is_finite()) {
        return None;
    }
    let difference = mean(a)? - mean(b)?;
    let all: Vec<f64> = a.iter().chain(b).copied().collect();
    let (total, scale) = (all.iter().sum::<f64>(), all.iter().map(|v| v.abs()).fold(0.0, f64::max));
    let (in_a, in_b) = (a.len() as f64, b.len() as f64);
    let splits = number_of_splits(all.len() as u64, a.len() as u64);
    let split = |chosen: &[usize]| {
        let sum: f64 = chosen.iter().map(|&i| all[i]).sum();
        let kept = chosen.iter().filter(|&&i| i < a.len()).count() as f64;
        Split { difference: sum / in_a - (total - sum) / in_b, slope: kept / in_a - (in_a - kept) / in_b }
    };
    let splits_tried: Vec<Split> = match splits {
        Some(_) => subsets(all.len(), a.len()).map(|chosen| split(&chosen)).collect(),
        None => {
            let sampled = |r| {
                let mut stream = Stream::named(seed, &format!("permutation.{r}"));
                let chosen = stream.sample_indices(all.len() as u64, a.len() as u64);
                split(&chosen.into_iter().map(|i| i as usize).collect::<Vec<_>>())
            };
            let observed = Split { difference, slope: 1.0 };
            (0..repeats).into_par_iter().map(sampled).chain([observed]).collect()
        }
    };
    // The same split summed in another order may differ by rounding; it still counts as equal.
    let threshold = difference.abs() - 1e-12 * scale;
    let hits = splits_tried.iter().filter(|split| split.difference.abs() >= threshold).count();
    Some(MeanDifference {
        difference,
        interval: shift_interval(&splits_tried, difference),
        p_value: hits as f64 / splits_tried.len() as f64,
        exact: splits.is_some(),
    })
}

/// A way to split all values into two groups.
#[derive(Clone, Copy)]
struct Split {
    /// Mean of the first group less that of the second.
    difference: f64,
    /// By how much that falls if the values of the observed first group fall by one.
    slope: f64,
}

impl Split {
    /// The shifts of the observed first group at which this split is as extreme as the observed one.
    fn shifts(&self, observed: f64) -> (f64, f64) {
        // The observed split and its mirror image are as extreme whatever the shift.
        if self.slope.abs() > 1.0 - 1e-12 {
            return (f64::NEG_INFINITY, f64::INFINITY);
        }
        let one = (observed - self.difference) / (1.0 - self.slope);
        let other = (observed + self.difference) / (1.0 + self.slope);
        (one.min(other), one.max(other))
    }
}

/// The shifts at which more than 5% of the splits are as extreme as the observed one.
fn shift_interval(splits: &[Split], observed: f64) -> Option<Interval> {
    let (mut low, mut high): (Vec<f64>, Vec<f64>) = splits.iter().map(|split| split.shifts(observed)).unzip();
    low.sort_unstable_by(f64::total_cmp);
    high.sort_unstable_by(|x, y| y.total_cmp(x));
    let rejected = splits.len() / 20;
    let interval = Interval { low: *low.get(rejected)?, high: *high.get(rejected)? };
    (interval.low.is_finite() && interval.high.is_finite()).then_some(interval)
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

/// Each way to choose `k` of `n` positions, in lexicographic order.
fn subsets(n: usize, k: usize) -> impl Iterator<Item = Vec<usize>> {
    std::iter::successors(Some((0..k).collect::<Vec<usize>>()), move |chosen| {
        // Advance the last position that still has room, and pack the ones after it.
        let i = (0..k).rev().find(|&i| chosen[i] < n - k + i)?;
        let mut next = chosen.clone();
        for (offset, position) in next[i..].iter_mut().enumerate() {
            *position = chosen[i] + 1 + offset;
        }
        Some(next)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    const A: [f64; 6] = [94.1, 93.8, 94.3, 93.9, 94.0, 93.2];
    const B: [f64; 6] = [92.0, 93.9, 91.5, 93.0, 90.8, 93.2];

    // import itertools, numpy as np; v = np.array(A + B); k = 6
    // d = [v[list(c)].mean() - np.delete(v, c).mean() for c in itertools.combinations(range(len(v)), k)]
    // np.mean(np.abs(d) >= abs(d[0]) - 1e-9)    # also with k = 3, groups A[:3] and A[3:] + B
    // The ends of the intervals by bisection: the d at which this number for A - d and B falls to 0.05.
    #[test]
    fn exact_p_values_match_enumeration() {
        let test = mean_difference_test(&A, &B, 500, 1).unwrap();
        assert!(test.exact);
        assert_relative_eq!(test.difference, 1.4833333333333485, max_relative = 1e-9);
        assert_relative_eq!(test.p_value, 0.015151515151515152, max_relative = 1e-12);
        let interval = test.interval.unwrap();
        assert_relative_eq!(interval.low, 0.35, max_relative = 1e-9);
        assert_relative_eq!(interval.high, 2.65, max_relative = 1e-9);
        let uneven = mean_difference_test(&A[..3], &[&A[3..], &B[..]].concat(), 0, 1).unwrap();
        assert_relative_eq!(uneven.p_value, 0.09545454545454546, max_relative = 1e-12);
        let interval = uneven.interval.unwrap();
        assert_relative_eq!(interval.low, -0.22, max_relative = 1e-9);
        assert_relative_eq!(interval.high, 2.9, max_relative = 1e-9);
        // Of three values each there are 20 splits, so that no p-value is below 0.1.
        assert_eq!(mean_difference_test(&A[..3], &B[..3], 0, 1).unwrap().interval, None);
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
    fn the_interval_is_without_zero_exactly_if_the_p_value_is_small() {
        let mut stream = Stream::new(3);
        let mut small = 0;
        for n in (4..12).cycle().take(200) {
            let mut group = |shift: f64| (0..n).map(|_| stream.normal() + shift).collect::<Vec<_>>();
            let (a, b) = (group(1.0), group(0.0));
            let test = mean_difference_test(&a, &b, 400, n as u64).unwrap();
            let interval = test.interval.unwrap();
            assert!(interval.low <= test.difference && test.difference <= interval.high);
            assert_eq!(test.p_value <= 0.05, interval.low > 0.0 || interval.high < 0.0, "{test:?}");
            small += usize::from(test.p_value <= 0.05);
        }
        assert!(40 < small && small < 160, "{small}");
    }

    #[test]
    fn threads_do_not_change_a_number() {
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| mean_difference_test(&A, &[&B[..], &B].concat(), 99, 3))
        };
        assert_eq!(on(1), on(3));
    }

    #[test]
    fn splits_are_counted_and_enumerated() {
        assert_eq!(number_of_splits(12, 6), Some(924));
        assert_eq!(number_of_splits(20_000, 19_999), Some(20_000));
        assert_eq!(number_of_splits(20_001, 1), None);
        assert_eq!(number_of_splits(1_000_000, 500_000), None);
        assert_eq!(subsets(3, 2).collect::<Vec<_>>(), [[0, 1], [0, 2], [1, 2]]);
        assert_eq!(subsets(2, 2).count(), 1);
    }
}
