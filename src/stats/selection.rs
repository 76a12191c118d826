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

/// The share, in `[0, 1]`, of the top `ceil(fraction n)` by score that are in the top `ceil(fraction n)` by truth. Equal
/// values, of scores and of truths, stand in uniformly random orders, and the share is the exact mean over them
/// ([`expected_overlap`]); no order of rows tells the truth to a score with ties.
///
/// `None` if the lists differ in length or the fraction selects nothing.
pub fn precision_at(scores: &[f64], truth: &[f64], fraction: f64) -> Option<f64> {
    expected_overlap(scores, truth, count_of(scores.len(), fraction))
}

/// The expected share, in `[0, 1]`, of the `k` highest of `a` that are among the `k` highest of `b`, where equal values stand
/// in uniformly random orders, one independent of the other; all items if `k` exceeds their number. NaN counts as
/// missing: it is tied with `-inf`, last.
///
/// An item is among the `k` highest with probability `p`: 1 above the `k`-th value; where it ties with it, the `k - above`
/// places that are left over the number of the tied; 0 below. By linearity of the expectation the overlap is `Σ p_a p_b / k`.
/// Items are counted by these three states, so the sum does not depend on their order.
///
/// `None` if the lists differ in length or `k` is zero.
pub fn expected_overlap(a: &[f64], b: &[f64], k: usize) -> Option<f64> {
    let k = k.min(a.len());
    (a.len() == b.len() && k > 0).then(|| Top::of(a, k).common(&Top::of(b, k), |p, q| p * q) / k as f64)
}

/// The `k` highest of a list in which equal values stand in a uniformly random order.
pub(crate) struct Top {
    places: Vec<Place>,
    /// Probability that an item tied with the `k`-th is one of them.
    tied: f64,
}

/// Where an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Above,
    Tied,
    Below,
}

impl Top {
    /// Of these values, of which there are at least `k > 0`. NaN is tied with `-inf`.
    pub fn of(values: &[f64], k: usize) -> Self {
        Top::of_present(&values.iter().map(|&value| Some(known(value))).collect::<Vec<_>>(), k)
    }

    /// Of the values that are there, at least `k > 0` of them and none NaN; what is `None` is not among the highest.
    pub fn of_present(values: &[Option<f64>], k: usize) -> Self {
        let mut present: Vec<f64> = values.iter().flatten().copied().collect();
        let (_, &mut last, _) = present.select_nth_unstable_by(k - 1, |a, b| best_first(*a, *b));
        let place = |value: &Option<f64>| match value.map(|value| best_first(value, last)) {
            Some(Ordering::Less) => Place::Above,
            Some(Ordering::Equal) => Place::Tied,
            Some(Ordering::Greater) | None => Place::Below,
        };
        let places: Vec<Place> = values.iter().map(place).collect();
        let count = |place| places.iter().filter(|p| **p == place).count();
        let tied = (k - count(Place::Above)) as f64 / count(Place::Tied) as f64;
        Top { places, tied }
    }

    /// The expected number of items among the highest of both lists, `Σ joint(p, q)` over the items with `p` and `q` the
    /// probabilities of being there.
    pub fn common(&self, other: &Top, joint: impl Fn(f64, f64) -> f64) -> f64 {
        let pairs = || self.places.iter().zip(&other.places);
        let of = |one: Place, another: Place, p: f64, q: f64| {
            pairs().filter(|pair| pair == &(&one, &another)).count() as f64 * joint(p, q)
        };
        of(Place::Above, Place::Above, 1.0, 1.0)
            + of(Place::Above, Place::Tied, 1.0, other.tied)
            + of(Place::Tied, Place::Above, self.tied, 1.0)
            + of(Place::Tied, Place::Tied, self.tied, other.tied)
    }
}

/// What choosing by score loses: the best truth of all minus the best truth among the `k` highest scores, in the unit
/// of the truth. Zero or more; zero means that the `k` picks hold a best architecture for certain. Equal scores stand in a
/// uniformly random order, and the regret is the exact mean over these orders.
///
/// Of the `t` items tied with the `k`-th score `r` are picked at random. With their truths `t_1 ≥ t_2 ≥ …`, the best of those
/// picked is the `j`-th with probability `P_j = C(t - j, r - 1) / C(t, r)`, so `P_1 = r / t` and
/// `P_{j+1} = P_j (t - j - r + 1) / (t - j)`; the mean is `Σ P_j (best - max(t_j, best of those above))`.
///
/// `None` if the lists differ in length, nothing is picked, or a truth is not finite.
pub fn regret_at(scores: &[f64], truth: &[f64], k: usize) -> Option<f64> {
    let k = k.min(scores.len());
    if k == 0 || truth.len() != scores.len() || truth.iter().any(|t| !t.is_finite()) {
        return None;
    }
    let top = Top::of(scores, k);
    let truths_at = |place: Place| -> Vec<f64> {
        top.places.iter().zip(truth).filter(|(p, _)| **p == place).map(|(_, truth)| *truth).collect()
    };
    let best = truth.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (above, mut tied) = (truths_at(Place::Above), truths_at(Place::Tied));
    let certain = above.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    tied.sort_unstable_by(|a, b| b.total_cmp(a));
    let (mut left, free) = (tied.len() as f64, (k - above.len()) as f64);
    let (mut regret, mut chance) = (0.0, free / left);
    for truth in tied {
        regret += chance * (best - truth.max(certain));
        left -= 1.0;
        // The places that are left are as many as the items: one of the earlier is picked for certain.
        if left < free {
            break;
        }
        chance *= (left - free + 1.0) / left;
    }
    Some(regret)
}

/// `ceil(fraction n)` within `0..=n`. The small allowance keeps rounding in the product from adding one.
pub(crate) fn count_of(n: usize, fraction: f64) -> usize {
    ((fraction * n as f64 - 1e-9).ceil().max(0.0) as usize).min(n)
}

fn best_first(a: f64, b: f64) -> Ordering {
    known(b).partial_cmp(&known(a)).unwrap_or(Ordering::Equal)
}

/// NaN counts as missing, which ranks last.
fn known(value: f64) -> f64 {
    if value.is_nan() { f64::NEG_INFINITY } else { value }
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

    #[test]
    fn ties_at_the_boundary_are_shared_out() {
        // One of the two best scores is certain, the other one of three: 1 and 2 are the truly best.
        let (scores, truth) = ([9.0, 5.0, 5.0, 5.0, 0.0], [1.0, 4.0, 3.0, 0.0, 2.0]);
        assert_eq!(precision_at(&scores, &truth, 0.4), Some(2.0 / 3.0 / 2.0));
        // Two of three truths tie for the second place as well.
        let overlap = expected_overlap(&scores, &[1.0, 4.0, 2.0, 2.0, 2.0], 2).unwrap();
        assert!((overlap - (1.0 + 2.0 / 3.0) / 3.0 / 2.0).abs() < 1e-12);
        // Picks 0 and one of 1, 2, 3, whose truths lack 0, 1 and 3 of the best 4 (the first is worth 1).
        assert!((regret_at(&scores, &truth, 2).unwrap() - 4.0 / 3.0).abs() < 1e-12);
        assert_eq!(regret_at(&[1.0; 3], &[1.0, 2.0, 4.0], 3), Some(0.0));
        assert_eq!((expected_overlap(&scores, &truth, 0), expected_overlap(&scores, &truth[1..], 2)), (None, None));
        assert_eq!(regret_at(&scores, &[1.0, f64::INFINITY, 0.0, 0.0, 0.0], 1), None);
    }

    /// Every order of `0..n`.
    fn orders(n: usize) -> Vec<Vec<usize>> {
        let Some(last) = n.checked_sub(1) else { return vec![Vec::new()] };
        let insert = |order: Vec<usize>| {
            (0..n).map(move |at| {
                let mut longer = order.clone();
                longer.insert(at, last);
                longer
            })
        };
        orders(last).into_iter().flat_map(insert).collect()
    }

    /// The `k` best by value for each way to order equal values.
    fn tops(values: &[f64], k: usize) -> Vec<Vec<usize>> {
        let best = |order: Vec<usize>| {
            let listed: Vec<f64> = order.iter().map(|&i| values[i]).collect();
            top_indices(&listed, k).into_iter().map(|position| order[position]).collect()
        };
        orders(values.len()).into_iter().map(best).collect()
    }

    fn mean(values: impl Iterator<Item = f64>) -> f64 {
        let all: Vec<f64> = values.collect();
        all.iter().sum::<f64>() / all.len() as f64
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn expectations_are_those_of_all_orders(
            rows in prop::collection::vec((0u8..3, 0u8..4), 1..=5),
            k in 1usize..=5,
        ) {
            let (scores, truth): (Vec<f64>, Vec<f64>) =
                rows.into_iter().map(|(s, t)| (f64::from(s), f64::from(t))).unzip();
            let k = k.min(scores.len());
            let (by_score, by_truth) = (tops(&scores, k), tops(&truth, k));
            let overlap = |a: &Vec<usize>, b: &Vec<usize>| a.iter().filter(|i| b.contains(i)).count() as f64 / k as f64;
            let expected = mean(by_score.iter().flat_map(|a| by_truth.iter().map(move |b| overlap(a, b))));
            prop_assert!((expected_overlap(&scores, &truth, k).unwrap() - expected).abs() < 1e-12);
            let best = truth.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let expected = mean(by_score.iter().map(|picks| best - picks.iter().map(|&i| truth[i]).fold(0.0, f64::max)));
            prop_assert!((regret_at(&scores, &truth, k).unwrap() - expected).abs() < 1e-12);
        }
    }

    proptest! {
        #[test]
        fn the_order_of_rows_changes_no_bit(
            rows in prop::collection::vec((-5i8..5, -99i8..99), 1..60),
            k in 1usize..60,
            seed in 0u64..1000,
        ) {
            let all = |rows: &[(i8, i8)]| {
                let (scores, truth): (Vec<f64>, Vec<f64>) =
                    rows.iter().map(|&(s, t)| (f64::from(s), f64::from(t) / 7.0)).unzip();
                let overlap = expected_overlap(&scores, &truth, k);
                (overlap, regret_at(&scores, &truth, k), precision_at(&scores, &truth, 0.1))
            };
            let mut shuffled = rows.clone();
            crate::seed::Stream::new(seed).shuffle(&mut shuffled);
            prop_assert_eq!(all(&rows), all(&shuffled));
        }

        #[test]
        fn the_truth_itself_is_a_perfect_score(
            truth in prop::collection::hash_set(-99i8..99, 1..50),
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
            prop_assert!(regrets.windows(2).all(|pair| pair[0] >= pair[1] - 1e-12) && regrets[regrets.len() - 1] == 0.0);
        }
    }
}
