//! Whether one score ranks better than another: the difference of two rank correlations over the same items.

use serde::Serialize;

use super::bootstrap::{Interval, percentile_interval, resampled};
use super::{Clusters, RankedPairs, multiplicities};

/// Two scores compared by how they rank; see [`spearman_difference_test`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CorrelationDifference {
    /// Spearman correlation of the first score less that of the second.
    pub difference: f64,
    /// 95% percentile bootstrap interval of it; `None` without repeats.
    pub interval: Option<Interval>,
    /// Two-sided p-value in `(0, 1]`.
    pub p_value: f64,
}

/// Tests whether score `a` and score `b` of the same items differ in their Spearman correlation with `truth`, by a paired
/// bootstrap: clusters of items are resampled (as by [`resampled`]), both correlations computed on the same resample, and
/// their difference taken.
///
/// `p = min(1, 2 (min(#{d ≤ 0}, #{d ≥ 0}) + 1) / (repeats + 1))` over the resampled differences `d`: twice the level at
/// which the one-sided percentile interval excludes zero (Efron & Tibshirani, An Introduction to the Bootstrap, 1993,
/// chapter 15), and never zero. Resamples in which a correlation is undefined count for neither side but for `repeats`.
/// `None` if a correlation of all items is undefined.
pub fn spearman_difference_test(
    a: &[f64],
    b: &[f64],
    truth: &[f64],
    clusters: &Clusters,
    (repeats, seed): (usize, u64),
) -> Option<CorrelationDifference> {
    let (a, b) = (RankedPairs::new(a, truth, clusters)?, RankedPairs::new(b, truth, clusters)?);
    let difference = |weights: &[u32]| Some(a.spearman(weights)? - b.spearman(weights)?);
    let n = clusters.count();
    let observed = difference(&a.all())?;
    let drawn = resampled(n, repeats, seed, |sample| difference(&multiplicities(n, sample)));
    let (below, above) = drawn
        .iter()
        .flatten()
        .fold((0, 0), |(below, above), &d| (below + usize::from(d <= 0.0), above + usize::from(d >= 0.0)));
    let undefined = drawn.iter().filter(|d| d.is_none()).count();
    let tail = below.min(above) + undefined + 1;
    Some(CorrelationDifference {
        difference: observed,
        interval: percentile_interval(&drawn, 0.95),
        p_value: (2.0 * tail as f64 / (repeats + 1) as f64).min(1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Stream;
    use crate::stats::spearman;

    /// A truth and two scores: the truth with a little and with much noise.
    fn scores(n: usize, much: f64) -> [Vec<f64>; 3] {
        let mut stream = Stream::named(3, "scores");
        let mut noise = |size: f64| (0..n).map(|_| size * (stream.uniform() - 0.5)).collect::<Vec<_>>();
        let truth = noise(1.0);
        let add = |noise: Vec<f64>| truth.iter().zip(noise).map(|(t, e)| t + e).collect();
        let (a, b) = (add(noise(0.5)), add(noise(much)));
        [truth, a, b]
    }

    #[test]
    fn a_better_score_is_told_from_a_worse_one() {
        let [truth, a, b] = scores(120, 4.0);
        let each = Clusters::singletons(120);
        let test = spearman_difference_test(&a, &b, &truth, &each, (499, 1)).unwrap();
        assert_eq!(test.difference, spearman(&a, &truth).unwrap() - spearman(&b, &truth).unwrap());
        assert!(test.p_value < 0.02 && test.interval.unwrap().low > 0.0, "{test:?}");
        let back = spearman_difference_test(&b, &a, &truth, &each, (499, 1)).unwrap();
        assert_eq!((back.difference, back.p_value), (-test.difference, test.p_value));
    }

    #[test]
    fn equal_scores_are_not_told_apart() {
        let [truth, a, _] = scores(40, 1.0);
        let each = Clusters::singletons(40);
        let test = spearman_difference_test(&a, &a, &truth, &each, (199, 1)).unwrap();
        assert_eq!((test.difference, test.p_value), (0.0, 1.0));
        assert_eq!(spearman_difference_test(&a, &[1.0; 40], &truth, &each, (199, 1)), None);
    }

    #[test]
    fn copies_of_networks_decide_nothing() {
        // Each network written as nine strings: what they say is what the networks say, at the same confidence.
        let [truth, a, b] = scores(30, 1.5);
        let copied = |v: &[f64]| (0..270).map(|i| v[i % 30]).collect::<Vec<_>>();
        let networks: Vec<usize> = (0..270).map(|i| i % 30).collect();
        let once = spearman_difference_test(&a, &b, &truth, &Clusters::singletons(30), (199, 1)).unwrap();
        let of_copies = |clusters: &Clusters| {
            spearman_difference_test(&copied(&a), &copied(&b), &copied(&truth), clusters, (199, 1)).unwrap()
        };
        let clustered = of_copies(&Clusters::by_key(&networks));
        assert_eq!(clustered.p_value, once.p_value);
        let width = |test: CorrelationDifference| test.interval.map_or(0.0, |i| i.high - i.low);
        assert!((width(clustered) - width(once)).abs() < 1e-9, "{clustered:?} {once:?}");
        assert!(width(of_copies(&Clusters::singletons(270))) < 0.5 * width(once));
    }
}
