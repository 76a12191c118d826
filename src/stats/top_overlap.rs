//! How many repeats it takes until the top of the list is the same again.

use std::f64::consts::{FRAC_PI_2, PI};

use super::normal::normal_quantile;
use super::reliability::{repeats_needed, spearman_brown};
use super::selection::Top;

/// The share, in `[0, 1]`, of the `k` best by the mean of `r` runs that are among the `k` best by the mean of `r` other
/// runs, for `r = 1, 2, …, runs.len() / 2`. `runs[j][i]` is the score of item `i` in run `j`; larger is better.
///
/// Each is the average over the `runs.len()` ways to take two stretches of `r` runs that follow each other, the runs in a
/// circle, so every run counts equally. Equal means stand in a random order, and the overlap is the mean over these orders
/// ([`super::expected_overlap`]); means are only as good as the scale of the scores, so heavy-tailed ones should be ranked
/// before.
///
/// Empty for fewer than two runs, for runs that differ in length, without items, and if `k` is zero.
pub fn top_overlap_by_repeats(runs: &[Vec<f64>], k: usize) -> Vec<f64> {
    let n = runs.first().map_or(0, Vec::len);
    let k = k.min(n);
    if k == 0 || runs.iter().any(|run| run.len() != n) {
        return Vec::new();
    }
    let top = |first: usize, repeats: usize| {
        let mut sums = vec![0.0; n];
        for run in (first..first + repeats).map(|j| &runs[j % runs.len()]) {
            sums.iter_mut().zip(run).for_each(|(sum, score)| *sum += score);
        }
        Top::of(&sums, k)
    };
    let overlap = |repeats: usize| {
        let tops: Vec<Top> = (0..runs.len()).map(|first| top(first, repeats)).collect();
        let pairs = (0..runs.len()).map(|first| (&tops[first], &tops[(first + repeats) % runs.len()]));
        pairs.map(|(a, b)| a.common(b, |p, q| p * q)).sum::<f64>() / (k * runs.len()) as f64
    };
    (1..=runs.len() / 2).map(overlap).collect()
}

/// The number of repeats after which the top of the list overlaps by `wanted`, told from the overlaps of means of 1, 2, … runs
/// ([`top_overlap_by_repeats`]); `share` is the part of the list that is its top, and all are in `(0, 1]`.
///
/// An overlap is not a correlation, so it is read as one first: of the two normal variables whose tops of that share overlap
/// as much ([`normal_top_overlap`]), 0 if it is not above chance. That correlation is the reliability of the mean;
/// [`spearman_brown`] leads from it to a single run. The average of these over all overlaps is taken, and
/// [`repeats_needed`] leads from there to the reliability that `wanted` stands for. Exact for normal scores with normal noise
/// of equal strength, an extrapolation otherwise.
///
/// `None` if no number is enough (no overlap is above chance, or `wanted` is 1 and an overlap less) or without overlaps.
pub fn repeats_for_top_overlap(overlaps: &[f64], share: f64, wanted: f64) -> Option<u64> {
    let correlation = |overlap: f64| correlation_of_top_overlap(overlap, share).unwrap_or(0.0);
    let of_one = (1..).zip(overlaps).map(|(r, &overlap)| spearman_brown(correlation(overlap), 1.0 / f64::from(r)));
    // Without overlaps this is not a number, which no number of repeats is enough for.
    repeats_needed(of_one.sum::<f64>() / overlaps.len() as f64, correlation(wanted))
}

/// The chance that an item in the top `share` of one standard normal variable is in the top `share` of another that
/// correlates with it by `correlation` in `[0, 1]`: `P(X > t, Y > t) / q` with `q` the share and `t = Φ⁻¹(1 - q)`. From `q`
/// (chance) to 1.
///
/// Since `dP/dρ` is the bivariate density at `(t, t)` (Plackett, Biometrika 41, 1954), with `ρ = sin θ`
/// `P = q² + ∫_0^{asin ρ} exp(-t² / (1 + sin θ)) dθ / 2π`, by Simpson's rule on 128 intervals.
pub fn normal_top_overlap(correlation: f64, share: f64) -> f64 {
    const INTERVALS: u32 = 128;
    let t = normal_quantile(1.0 - share);
    let density = |angle: f64| (-t * t / (1.0 + angle.sin())).exp() / (2.0 * PI);
    let step = correlation.clamp(0.0, 1.0).asin() / f64::from(INTERVALS);
    let inner = (1..INTERVALS).map(|i| f64::from(2 + 2 * (i % 2)) * density(f64::from(i) * step)).sum::<f64>();
    let integral = step / 3.0 * (density(0.0) + inner + density(f64::from(INTERVALS) * step));
    (share * share + integral) / share
}

/// The inverse of [`normal_top_overlap`]; None for an overlap that is not above chance.
pub fn correlation_of_top_overlap(overlap: f64, share: f64) -> Option<f64> {
    // NaN is not above chance either.
    if !(overlap > share && share > 0.0) {
        return None;
    }
    if overlap >= 1.0 {
        return Some(1.0);
    }
    // In angles, since near a correlation of 1 the overlap falls with the root of what is lacking.
    let (mut low, mut high) = (0.0f64, FRAC_PI_2);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if normal_top_overlap(middle.sin(), share) < overlap { low = middle } else { high = middle }
    }
    Some(((low + high) / 2.0).sin())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Stream;
    use approx::assert_relative_eq;

    #[test]
    fn overlaps_by_hand() {
        let runs = [[4.0, 3.0, 2.0, 1.0], [4.0, 1.0, 3.0, 2.0], [1.0, 4.0, 2.0, 3.0], [3.0, 4.0, 2.0, 1.0]];
        let runs = runs.map(|run| run.to_vec());
        // Tops {0 1}, {0 2}, {1 3}, {0 1}: 1/2, 0, 1/2 and, from the last to the first, 1. Of two runs each the sums are
        // [8 4 5 3] and [4 8 4 4], with 1 and one of three for certain, 0 and 2 against it: (1/3 + 1/3) / 2; [5 5 5 5] and
        // [7 7 4 2], any two of four: 1/2; then the same pairs in reverse.
        let found = top_overlap_by_repeats(&runs, 2);
        assert_eq!(found[0], 0.5);
        assert_relative_eq!(found[1], (1.0 / 3.0 + 0.5) / 2.0, max_relative = 1e-12);
        assert_eq!(top_overlap_by_repeats(&runs[..3], 9), [1.0]);
        assert!(top_overlap_by_repeats(&runs[..1], 2).is_empty() && top_overlap_by_repeats(&runs, 0).is_empty());
        assert!(
            top_overlap_by_repeats(&[vec![1.0], vec![]], 1).is_empty() && top_overlap_by_repeats(&[], 1).is_empty()
        );
    }

    // t = scipy.stats.norm.ppf(1 - q)
    // scipy.stats.multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf([-t, -t]) / q
    #[test]
    fn overlap_of_normal_variables_matches_scipy() {
        for (correlation, share, golden) in [
            (0.0, 0.1, 0.1),
            (0.3, 0.1, 0.2161648035578756),
            (0.8, 0.1, 0.5624273674472791),
            (0.99, 0.1, 0.9010389308419664),
            (0.3, 0.5, 0.5969866840206783),
            (1.0, 0.1, 1.0),
        ] {
            assert_relative_eq!(normal_top_overlap(correlation, share), golden, max_relative = 1e-8);
            let back = correlation_of_top_overlap(normal_top_overlap(correlation, share), share);
            assert_relative_eq!(back.unwrap_or(0.0), correlation, epsilon = 1e-6);
        }
        assert_eq!([correlation_of_top_overlap(0.1, 0.1), correlation_of_top_overlap(f64::NAN, 0.1)], [None; 2]);
    }

    #[test]
    fn extrapolation_agrees_with_simulation() {
        // Noise as strong as the signal. The prediction from single runs, checked with as many runs as it names.
        let (n, stream) = (20_000, &mut Stream::new(3));
        let signal: Vec<f64> = (0..n).map(|_| stream.normal()).collect();
        let runs: Vec<Vec<f64>> = (0..40).map(|_| signal.iter().map(|s| s + stream.normal()).collect()).collect();
        let overlaps = top_overlap_by_repeats(&runs, n / 10);
        assert_relative_eq!(overlaps[0], normal_top_overlap(0.5, 0.1), max_relative = 0.03);
        let needed = repeats_for_top_overlap(&overlaps[..1], 0.1, 0.75).unwrap() as usize;
        assert!((0.74..0.77).contains(&overlaps[needed - 1]), "{needed} {}", overlaps[needed - 1]);
        let from_means = repeats_for_top_overlap(&overlaps, 0.1, 0.75).unwrap() as usize;
        assert!(needed.abs_diff(from_means) <= 1, "{needed} {from_means}");
        assert_eq!(repeats_for_top_overlap(&[0.09], 0.1, 0.9), None);
        assert_eq!(repeats_for_top_overlap(&[0.5], 0.1, 1.0), None);
        assert_eq!(repeats_for_top_overlap(&[], 0.1, 0.9), None);
        assert_eq!(repeats_for_top_overlap(&[1.0, 1.0], 0.1, 0.9), Some(1));
        assert_eq!(repeats_for_top_overlap(&[0.5], 0.1, 0.05), Some(1));
    }
}
