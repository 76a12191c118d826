//! What picking by score is worth: the best few, how many of them are truly good, and what was missed.

use std::cmp::Ordering;

/// The positions of the `k` highest scores, best first; all of them if `k` exceeds their number.
///
/// Equal scores keep the order of their positions. NaN counts as a missing score: it ranks with `-inf`, last.
pub fn top_indices(scores: &[f64], k: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&i, &j| best_first(scores[i], scores[j]));
    order.truncate(k);
    order
}

/// The positions of the top `fraction` by truth, in ascending order: the `ceil(fraction n)` highest values and every
/// value tied with the last of them, so that membership does not depend on the order of the rows.
///
/// Empty for an empty list or a fraction that is not above zero; a fraction above one means all.
pub fn top_fraction_indices(truth: &[f64], fraction: f64) -> Vec<usize> {
    let Some(&last) = top_indices(truth, count_of(truth.len(), fraction)).last() else {
        return Vec::new();
    };
    (0..truth.len()).filter(|&i| best_first(truth[i], truth[last]) != Ordering::Greater).collect()
}

/// The share, in `[0, 1]`, of the top `ceil(fraction n)` by score that are in the top `fraction` by truth.
///
/// The first set is [`top_indices`], so ties in the score are broken by position; the second is
/// [`top_fraction_indices`], so truths tied at the boundary all count as top. `None` if the lists differ in length or
/// the fraction selects nothing.
pub fn precision_at(scores: &[f64], truth: &[f64], fraction: f64) -> Option<f64> {
    let picked = top_indices(scores, count_of(scores.len(), fraction));
    if picked.is_empty() || truth.len() != scores.len() {
        return None;
    }
    let top = top_fraction_indices(truth, fraction);
    let hits = picked.iter().filter(|i| top.binary_search(i).is_ok()).count();
    Some(hits as f64 / picked.len() as f64)
}

/// What choosing by score loses: the best truth of all minus the best truth among the `k` highest scores, in the unit
/// of the truth. Zero or more; zero means that the `k` picks hold a best architecture.
///
/// The picks are [`top_indices`]. `None` if the lists differ in length, nothing is picked, or a truth is NaN.
pub fn regret_at(scores: &[f64], truth: &[f64], k: usize) -> Option<f64> {
    let picked = top_indices(scores, k);
    if picked.is_empty() || truth.len() != scores.len() || truth.iter().any(|t| t.is_nan()) {
        return None;
    }
    let best = truth.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let found = picked.iter().map(|&i| truth[i]).fold(f64::NEG_INFINITY, f64::max);
    // Equal infinities differ by nothing.
    Some(if best == found { 0.0 } else { best - found })
}

/// `ceil(fraction n)` within `0..=n`. The small allowance keeps rounding in the product from adding one.
pub(crate) fn count_of(n: usize, fraction: f64) -> usize {
    ((fraction * n as f64 - 1e-9).ceil().max(0.0) as usize).min(n)
}

fn best_first(a: f64, b: f64) -> Ordering {
    let known = |v: f64| if v.is_nan() { f64::NEG_INFINITY } else { v };
    known(b).partial_cmp(&known(a)).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INF: f64 = f64::NEG_INFINITY;

    #[test]
    fn top_is_best_first_with_ties_by_position() {
        assert_eq!(top_indices(&[1.0, 3.0, INF, 3.0, 2.0, f64::NAN], 4), [1, 3, 4, 0]);
        assert_eq!(top_indices(&[1.0, f64::NAN, INF], 9), [0, 1, 2]);
        assert_eq!(top_indices(&[-0.0, 0.0], 2), [0, 1]);
        assert!(top_indices(&[], 3).is_empty());
    }

    #[test]
    fn truths_tied_at_the_boundary_all_count() {
        assert_eq!(top_fraction_indices(&[1.0, 5.0, 4.0, 4.0, 0.0], 0.4), [1, 2, 3]);
        assert_eq!(top_fraction_indices(&[1.0, 2.0], 0.01), [1]);
        assert_eq!(top_fraction_indices(&[1.0, 2.0], 7.0), [0, 1]);
        assert!(top_fraction_indices(&[1.0], 0.0).is_empty() && top_fraction_indices(&[1.0], f64::NAN).is_empty());
        // 0.1 * n rounds up in binary for some n; the count must not.
        assert!((1..2_000).all(|tens| count_of(10 * tens, 0.1) == tens));
        assert_eq!(count_of(15_625, 0.1), 1_563);
    }

    #[test]
    fn precision_and_regret_by_hand() {
        let truth = [90.0, 94.0, 93.0, 93.0, 10.0];
        // Picks 1 and 4; the top 40% by truth are 1, 2 and 3.
        let scores = [0.0, 2.0, 0.5, 0.1, 3.0];
        assert_eq!(precision_at(&scores, &truth, 0.4), Some(0.5));
        assert_eq!(regret_at(&scores, &truth, 1), Some(84.0));
        assert_eq!(regret_at(&scores, &truth, 2), Some(0.0));
        assert_eq!(precision_at(&scores, &truth[..3], 0.4), None);
        assert_eq!(regret_at(&scores, &truth, 0), None);
        assert_eq!(regret_at(&[1.0, 2.0], &[1.0, f64::NAN], 1), None);
    }

    proptest! {
        #[test]
        fn the_truth_itself_is_a_perfect_score(
            truth in prop::collection::vec(-9i8..9, 1..50),
            fraction in 0.01..1.0f64,
        ) {
            let truth: Vec<f64> = truth.into_iter().map(f64::from).collect();
            prop_assert_eq!(precision_at(&truth, &truth, fraction), Some(1.0));
            prop_assert_eq!(regret_at(&truth, &truth, 1), Some(0.0));
        }

        #[test]
        fn regret_falls_with_more_picks(pairs in prop::collection::vec((-9i8..9, -9i8..9), 1..50)) {
            let (scores, truth): (Vec<f64>, Vec<f64>) =
                pairs.into_iter().map(|(s, t)| (f64::from(s), f64::from(t))).unzip();
            let regrets: Vec<f64> = (1..=scores.len()).map(|k| regret_at(&scores, &truth, k).unwrap()).collect();
            prop_assert!(regrets.windows(2).all(|pair| pair[0] >= pair[1]) && regrets[regrets.len() - 1] == 0.0);
        }
    }
}
