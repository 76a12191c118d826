//! Ranks, and the correlation of two lists by value (Pearson) or by rank (Spearman).

use super::Clusters;

/// Average ranks, counted from 1 for the lowest value: equal values share the mean of the positions they take up.
///
/// `rank(v) = #{u < v} + (#{u = v} + 1) / 2`. `-inf` and `+inf` are ordinary lowest and highest values. NaN has no
/// rank; replace it first (see [`missing_last`]), or it sorts beyond the infinities.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let coded = Coded::new(values);
    let mut totals = vec![0; coded.distinct];
    coded.codes.iter().for_each(|&code| totals[code as usize] += 1);
    let centred = doubled_centred_ranks(totals);
    let shift = values.len() as f64 + 1.0;
    coded.codes.iter().map(|&code| (centred[code as usize] + shift) / 2.0).collect()
}

/// The rule for scores that are missing (a proxy that was dead, unsupported, not finite, ...): `None` becomes `-inf`,
/// so it ranks below every number, tied with the other missing ones.
///
/// Leaving such architectures out instead would flatter a proxy that fails on exactly the networks it cannot rank.
pub fn missing_last(scores: &[Option<f64>]) -> Vec<f64> {
    scores.iter().map(|score| score.unwrap_or(f64::NEG_INFINITY)).collect()
}

/// Pearson's correlation `Σ(x-x̄)(y-ȳ) / sqrt(Σ(x-x̄)² Σ(y-ȳ)²)`, in `[-1, 1]`.
///
/// `None` if the lists differ in length or hold fewer than two pairs, if a value is not finite, or if a side is
/// constant.
pub fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    let n = x.len();
    let constant = |v: &[f64]| v.iter().all(|u| *u == v[0]);
    if n < 2 || y.len() != n || x.iter().chain(y).any(|v| !v.is_finite()) || constant(x) || constant(y) {
        return None;
    }
    let mean = |v: &[f64]| v.iter().sum::<f64>() / n as f64;
    let (x_mean, y_mean) = (mean(x), mean(y));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        let (dx, dy) = (x - x_mean, y - y_mean);
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
    }
    bounded(xy / (xx.sqrt() * yy.sqrt()))
}

/// Spearman's rho: Pearson's correlation of the average [`ranks`], in `[-1, 1]` (Spearman, Am. J. Psychol. 15, 1904).
///
/// `None` if the lists differ in length or hold fewer than two pairs, if a value is NaN, or if a side is constant.
/// Infinities are ordinary extreme values.
pub fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    let pairs = RankedPairs::new(x, y, &Clusters::singletons(x.len()))?;
    pairs.spearman(&pairs.all())
}

/// How often each of `0..n` occurs in `sample`: the weights of a resample for [`RankedPairs`]. Numbers from `n` on are
/// ignored.
pub fn multiplicities(n: usize, sample: &[usize]) -> Vec<u32> {
    let mut counts = vec![0; n];
    for &i in sample {
        if let Some(count) = counts.get_mut(i) {
            *count += 1;
        }
    }
    counts
}

/// Pairs `(x, y)` sorted once, so that the rank correlation of any resample costs no further sorting.
///
/// A resample draws whole [`Clusters`] of pairs: `weights[c]` says how many times the pairs of cluster `c` occur in it (see
/// [`multiplicities`]). All sums run over the sorted pairs, so the order in which the pairs were given changes no bit.
#[derive(Clone, Debug)]
pub struct RankedPairs {
    /// By ascending `x`, then `y`, then cluster.
    pub(super) pairs: Vec<CodedPair>,
    /// How many different `x` there are.
    distinct_x: usize,
    /// How many different `y` there are.
    pub(super) distinct_y: usize,
    clusters: usize,
}

/// A pair by the codes of its values, and the cluster it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CodedPair {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) cluster: u32,
}

impl RankedPairs {
    /// Sorts the pairs. `None` if the lists and the clusters differ in length, if there are fewer than two pairs, or if a
    /// value is NaN.
    pub fn new(x: &[f64], y: &[f64], clusters: &Clusters) -> Option<Self> {
        let of_item = clusters.of_items();
        let lengths_differ = y.len() != x.len() || of_item.len() != x.len();
        if x.len() < 2 || lengths_differ || x.iter().chain(y).any(|v| v.is_nan()) {
            return None;
        }
        let (x, y) = (Coded::new(x), Coded::new(y));
        let codes = x.codes.iter().zip(&y.codes).zip(of_item);
        let mut pairs: Vec<CodedPair> = codes.map(|((&x, &y), &cluster)| CodedPair { x, y, cluster }).collect();
        pairs.sort_unstable();
        Some(RankedPairs { pairs, distinct_x: x.distinct, distinct_y: y.distinct, clusters: clusters.count() })
    }

    /// The weights of all pairs as they are: each cluster once.
    pub fn all(&self) -> Vec<u32> {
        vec![1; self.clusters]
    }

    /// Spearman's rho of the resample with these weights, as [`spearman`] of the pairs written out. Time O(n).
    pub fn spearman(&self, weights: &[u32]) -> Option<f64> {
        let [x_ranks, y_ranks] = self.totals(weights).map(doubled_centred_ranks);
        let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
        for pair in &self.pairs {
            let weight = f64::from(weights[pair.cluster as usize]);
            let (dx, dy) = (x_ranks[pair.x as usize], y_ranks[pair.y as usize]);
            xx += weight * dx * dx;
            yy += weight * dy * dy;
            xy += weight * dx * dy;
        }
        // The ranks are whole numbers here, so a constant side gives exactly zero.
        if xx == 0.0 || yy == 0.0 { None } else { bounded(xy / (xx * yy).sqrt()) }
    }

    /// How much weight each code of `x`, and each of `y`, carries.
    pub(super) fn totals(&self, weights: &[u32]) -> [Vec<u64>; 2] {
        let (mut x, mut y) = (vec![0; self.distinct_x], vec![0; self.distinct_y]);
        for pair in &self.pairs {
            let weight = u64::from(weights[pair.cluster as usize]);
            x[pair.x as usize] += weight;
            y[pair.y as usize] += weight;
        }
        [x, y]
    }
}

/// Values replaced by dense codes `0, 1, 2, ...`: equal values share a code, and a larger value has a larger one.
struct Coded {
    codes: Vec<u32>,
    /// How many different codes there are.
    distinct: usize,
}

impl Coded {
    fn new(values: &[f64]) -> Self {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_unstable_by(|&i, &j| values[i].total_cmp(&values[j]));
        let mut codes = vec![0; values.len()];
        let mut code = 0;
        for (position, &i) in order.iter().enumerate() {
            // Compared as numbers, not by total order: -0.0 and 0.0 are tied.
            if position > 0 && values[i] != values[order[position - 1]] {
                code += 1;
            }
            codes[i] = code;
        }
        Coded { codes, distinct: if values.is_empty() { 0 } else { code as usize + 1 } }
    }
}

/// For each code `2 rank - (n + 1)`, from the weight that each carries and `n` the sum of these. Doubled and centred,
/// average ranks are whole numbers with mean zero, so their sums are exact.
fn doubled_centred_ranks(totals: Vec<u64>) -> Vec<f64> {
    let n = totals.iter().sum::<u64>() as f64;
    let mut below = 0;
    let rank_of = |total: u64| {
        let rank = (2 * below + total) as f64 - n;
        below += total;
        rank
    };
    totals.into_iter().map(rank_of).collect()
}

/// A correlation with rounding beyond ±1 cut off; `None` for NaN.
fn bounded(correlation: f64) -> Option<f64> {
    (!correlation.is_nan()).then(|| correlation.clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    const X: [f64; 8] = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0];
    const Y: [f64; 8] = [2.0, 7.0, 1.0, 8.0, 2.0, 8.0, 1.0, 8.0];

    // import numpy as np; from scipy import stats
    // x, y = [3,1,4,1,5,9,2,6], [2,7,1,8,2,8,1,8]; z = [-np.inf,-np.inf,4,1,5,9,2,6]
    // stats.rankdata(x); stats.pearsonr(x, y)[0]; stats.spearmanr(x, y)[0]; stats.spearmanr(z, y)[0]
    #[test]
    fn matches_scipy() {
        assert_eq!(ranks(&X), [4.0, 1.5, 5.0, 1.5, 6.0, 8.0, 3.0, 7.0]);
        assert_relative_eq!(pearson(&X, &Y).unwrap(), 0.2096553190730121, max_relative = 1e-12);
        assert_relative_eq!(spearman(&X, &Y).unwrap(), 0.19885368120992467, max_relative = 1e-12);
        let missing = [None, None, Some(4.0), Some(1.0), Some(5.0), Some(9.0), Some(2.0), Some(6.0)];
        assert_relative_eq!(spearman(&missing_last(&missing), &Y).unwrap(), 0.2796379892014565, max_relative = 1e-12);
    }

    #[test]
    fn undefined_correlations_are_none() {
        let inf = f64::NEG_INFINITY;
        for correlation in [pearson, spearman, super::super::kendall_tau] {
            assert_eq!(correlation(&[], &[]), None);
            assert_eq!(correlation(&[1.0], &[1.0]), None);
            assert_eq!(correlation(&[1.0, 2.0], &[1.0, 2.0, 3.0]), None);
            assert_eq!(correlation(&[1.0, f64::NAN], &[1.0, 2.0]), None);
            assert_eq!(correlation(&[0.1, 0.1, 0.1], &[1.0, 2.0, 3.0]), None);
            assert_eq!(correlation(&[1.0, 2.0, 3.0], &[0.0, -0.0, 0.0]), None);
        }
        assert_eq!(pearson(&[1.0, inf], &[1.0, 2.0]), None);
        assert_eq!(spearman(&[inf, inf, inf], &[1.0, 2.0, 3.0]), None);
        assert_eq!(spearman(&[inf, 0.0, f64::INFINITY], &[1.0, 2.0, 3.0]), Some(1.0));
    }

    proptest! {
        #[test]
        fn ranks_sum_to_the_triangle_and_keep_order(values in prop::collection::vec(-5i8..5, 0..40)) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let (n, ranks) = (values.len() as f64, ranks(&values));
            prop_assert_eq!(ranks.iter().sum::<f64>(), n * (n + 1.0) / 2.0);
            for (v, r) in values.iter().zip(&ranks) {
                for (u, s) in values.iter().zip(&ranks) {
                    prop_assert_eq!(v.partial_cmp(u), r.partial_cmp(s));
                }
            }
        }

        #[test]
        fn spearman_is_pearson_of_ranks(pairs in prop::collection::vec((-5i8..5, -5i8..5), 2..40)) {
            let (x, y): (Vec<f64>, Vec<f64>) = pairs.into_iter().map(|(x, y)| (f64::from(x), f64::from(y))).unzip();
            match (spearman(&x, &y), pearson(&ranks(&x), &ranks(&y))) {
                (Some(a), Some(b)) => prop_assert!((a - b).abs() < 1e-12),
                (a, b) => prop_assert_eq!(a, b),
            }
        }

        #[test]
        fn weights_stand_for_repeated_pairs(
            pairs in prop::collection::vec((-5i8..5, -5i8..5), 2..20),
            sample in prop::collection::vec(0usize..20, 2..40),
        ) {
            let (x, y): (Vec<f64>, Vec<f64>) = pairs.into_iter().map(|(x, y)| (f64::from(x), f64::from(y))).unzip();
            let sample: Vec<usize> = sample.into_iter().map(|i| i % x.len()).collect();
            let written_out = |v: &[f64]| sample.iter().map(|&i| v[i]).collect::<Vec<_>>();
            let singletons = Clusters::singletons(x.len());
            let (pairs, weights) = (RankedPairs::new(&x, &y, &singletons).unwrap(), multiplicities(x.len(), &sample));
            prop_assert_eq!(pairs.spearman(&weights), spearman(&written_out(&x), &written_out(&y)));
            prop_assert_eq!(pairs.kendall(&weights), super::super::kendall_tau(&written_out(&x), &written_out(&y)));
        }

        #[test]
        fn a_drawn_cluster_comes_with_all_its_pairs_in_any_order(
            rows in prop::collection::vec((-5i8..5, -5i8..5, 0u8..6), 2..20),
            sample in prop::collection::vec(0usize..6, 2..10),
            seed in 0u64..100,
        ) {
            let column = |rows: &[(i8, i8, u8)], of: fn(&(i8, i8, u8)) -> i8| {
                rows.iter().map(|row| f64::from(of(row))).collect::<Vec<_>>()
            };
            let judged = |rows: &[(i8, i8, u8)]| {
                let clusters = Clusters::by_key(&rows.iter().map(|row| row.2).collect::<Vec<_>>());
                let pairs = RankedPairs::new(&column(rows, |r| r.0), &column(rows, |r| r.1), &clusters).unwrap();
                let weights = multiplicities(clusters.count(), &sample);
                (pairs.spearman(&weights), pairs.kendall(&weights))
            };
            let mut networks: Vec<u8> = rows.iter().map(|row| row.2).collect();
            networks.sort_unstable();
            networks.dedup();
            let drawn = sample.iter().filter_map(|&c| networks.get(c));
            let written_out: Vec<_> = drawn.flat_map(|id| rows.iter().filter(move |row| row.2 == *id)).copied().collect();
            let (x, y) = (column(&written_out, |r| r.0), column(&written_out, |r| r.1));
            prop_assert_eq!(judged(&rows), (spearman(&x, &y), super::super::kendall_tau(&x, &y)));
            let mut shuffled = rows.clone();
            crate::seed::Stream::new(seed).shuffle(&mut shuffled);
            prop_assert_eq!(judged(&rows), judged(&shuffled));
        }
    }
}
