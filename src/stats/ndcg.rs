//! Normalised discounted cumulative gain.

use std::cmp::Ordering;

/// nDCG of the `k` highest scores: `DCG / IDCG` with `DCG = Σ_{p=1}^{k} g_p / log2(p + 1)`, where `g_p` is the gain of the
/// item at position `p` of the list by descending score, and `IDCG` is the `DCG` of the list by descending gain; in
/// `[0, 1]`, and 1 if the `k` best are on top in order. The discount is that of Burges et al. (ICML 2005); what the gains
/// are is the caller's choice, and they are taken as they are, without an exponential. All items if `k` exceeds their
/// number. The same number as `sklearn.metrics.ndcg_score`.
///
/// Items of equal score share the mean of their gains, which is the mean over all orders among them (McSherry & Najork,
/// ECIR 2008). NaN counts as a missing score: it is tied with `-inf`, last. The order of the items changes no bit.
///
/// `None` if the lists differ in length, if nothing is picked, if a gain is negative or not finite, or if all are equal:
/// then no order is better than another (scikit-learn says 1 there).
///
/// Järvelin & Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM Trans. Inf. Syst. 20 (2002).
pub fn ndcg_at(scores: &[f64], gains: &[f64], k: usize) -> Option<f64> {
    if scores.len() != gains.len() || gains.iter().any(|gain| !gain.is_finite() || *gain < 0.0) {
        return None;
    }
    let ideal = cumulative_gain(gains, gains, k);
    let differ = gains.iter().any(|gain| *gain != gains[0]);
    (differ && ideal > 0.0).then(|| cumulative_gain(scores, gains, k) / ideal)
}

fn cumulative_gain(scores: &[f64], gains: &[f64], k: usize) -> f64 {
    let known = |&score: &f64| if score.is_nan() { f64::NEG_INFINITY } else { score };
    let mut items: Vec<(f64, f64)> = scores.iter().map(known).zip(gains.iter().copied()).collect();
    // By number, so that -0.0 and 0.0 are tied; by gain within ties, so that sums do not depend on the order of the items.
    let falling = |a: f64, b: f64| b.partial_cmp(&a).unwrap_or(Ordering::Equal);
    items.sort_unstable_by(|a, b| falling(a.0, b.0).then_with(|| falling(a.1, b.1)));
    let (mut position, mut total) = (0, 0.0);
    for tied in items.chunk_by(|a, b| a.0 == b.0) {
        if position >= k {
            break;
        }
        let mean = tied.iter().map(|(_, gain)| gain).sum::<f64>() / tied.len() as f64;
        let discounts = (position..k.min(position + tied.len())).map(|p| 1.0 / (p as f64 + 2.0).log2());
        total += mean * discounts.sum::<f64>();
        position += tied.len();
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    // import numpy as np; from sklearn.metrics import ndcg_score
    // i = np.arange(1, 201); s, g = i*7919%101, (i*37%53+i*29%31)//2
    // [ndcg_score([g], [s], k=k) for k in (1, 20, 200)]; ndcg_score([g], [np.where(i % 10 == 0, -1e9, s)], k=190)
    #[test]
    fn matches_scikit_learn() {
        let of = |f: &dyn Fn(u32) -> u32| (1..=200).map(|i| f64::from(f(i))).collect::<Vec<_>>();
        let (scores, gains) = (of(&|i| i * 7919 % 101), of(&|i| (i * 37 % 53 + i * 29 % 31) / 2));
        for (k, golden) in [(1, 0.65), (20, 0.5730722643776206), (200, 0.8889670683965685), (999, 0.8889670683965685)] {
            assert_relative_eq!(ndcg_at(&scores, &gains, k).unwrap(), golden, max_relative = 1e-12);
        }
        let failing = |missing: f64| (1..).zip(&scores).map(|(i, &s)| if i % 10 == 0 { missing } else { s }).collect();
        for failing in [f64::NAN, f64::NEG_INFINITY].map(failing) {
            let scores: Vec<f64> = failing;
            assert_relative_eq!(ndcg_at(&scores, &gains, 190).unwrap(), 0.8412670689147362, max_relative = 1e-12);
        }
    }

    #[test]
    fn undefined_gains_are_none() {
        assert_eq!(ndcg_at(&[1.0], &[1.0, 2.0], 1), None);
        assert_eq!(ndcg_at(&[1.0, 2.0], &[1.0, 2.0], 0), None);
        assert_eq!(ndcg_at(&[1.0, 2.0], &[0.0, 0.0], 2), None);
        assert_eq!(ndcg_at(&[1.0, 2.0], &[-1.0, 2.0], 2), None);
        assert_eq!(ndcg_at(&[1.0, 2.0], &[f64::NAN, 2.0], 2), None);
        assert_eq!(ndcg_at(&[], &[], 2), None);
        assert_eq!(ndcg_at(&[1.0, 2.0], &[0.5, 0.5], 2), None);
    }

    proptest! {
        #[test]
        fn is_a_share_and_one_for_the_gains_themselves(
            pairs in prop::collection::vec((-5i8..5, 0u8..9), 1..40),
            k in 1usize..50,
        ) {
            let (scores, gains): (Vec<f64>, Vec<f64>) =
                pairs.into_iter().map(|(s, g)| (f64::from(s), f64::from(g))).unzip();
            if let Some(value) = ndcg_at(&scores, &gains, k) {
                prop_assert!((0.0..=1.0 + 1e-12).contains(&value), "{value}");
                prop_assert_eq!(ndcg_at(&gains, &gains, k), Some(1.0));
                let mut shuffled: Vec<(f64, f64)> = scores.into_iter().zip(gains.iter().map(|g| g / 7.0)).collect();
                let of = |items: &[(f64, f64)]| {
                    let (scores, gains): (Vec<f64>, Vec<f64>) = items.iter().copied().unzip();
                    ndcg_at(&scores, &gains, k)
                };
                let before = of(&shuffled);
                crate::seed::Stream::new(k as u64).shuffle(&mut shuffled);
                prop_assert_eq!(of(&shuffled), before);
            }
        }
    }
}
