//! Rank correlation of two lists with what others explain taken out of both.

use std::cmp::Ordering;

use super::kendall::kendall_tau;
use super::rank::{pearson, ranks};

/// A residual below this part of what it was left from is rounding.
const NOTHING: f64 = 1e-10;

/// Partial Spearman correlation of `x` and `y` given the controls: the ranks of `x` and `y` are each regressed on the ranks
/// of all controls (linear least squares with an intercept), and the residuals are correlated ([`pearson`]); in `[-1, 1]`.
/// Without controls it is [`super::spearman`]. It says how far a score ranks beyond what, say, the size of a
/// network already tells.
///
/// Ranks are averages ([`ranks`]), so infinities are ordinary extreme values. The order of the items changes no bit. Controls that are constant or whose ranks
/// follow from the others add nothing.
///
/// `None` if the lists differ in length or hold fewer than two items, if a value is NaN, or if nothing is left of `x` or
/// `y`, as when `x` ranks like a control.
///
/// Kim, "ppcor: An R package for a fast calculation to semi-partial correlation coefficients", Commun. Stat. Appl. Methods
/// 22 (2015).
pub fn partial_spearman(x: &[f64], y: &[f64], controls: &[&[f64]]) -> Option<f64> {
    let n = x.len();
    let all = || [x, y].into_iter().chain(controls.iter().copied());
    if n < 2 || all().any(|v| v.len() != n || v.iter().any(|u| u.is_nan())) {
        return None;
    }
    let centred = |v: &[f64]| ranks(v).into_iter().map(|rank| rank - (n as f64 + 1.0) / 2.0).collect::<Vec<f64>>();
    let columns: Vec<Vec<f64>> = all().map(centred).collect();
    // Items in the order of their ranks, so that sums do not depend on the order in which they came.
    let mut order: Vec<usize> = (0..n).collect();
    let by_ranks = |i: &usize, j: &usize| {
        let compared = columns.iter().map(|column| column[*i].total_cmp(&column[*j]));
        compared.fold(Ordering::Equal, Ordering::then)
    };
    order.sort_unstable_by(by_ranks);
    let mut sorted = columns.iter().map(|column| order.iter().map(|&i| column[i]).collect::<Vec<f64>>());
    let (x, y) = (sorted.next()?, sorted.next()?);
    // Gram-Schmidt: orthogonal directions that span the controls.
    let mut directions: Vec<Vec<f64>> = Vec::new();
    for control in sorted {
        directions.extend(residual(control, &directions));
    }
    pearson(&residual(x, &directions)?, &residual(y, &directions)?)
}

/// Partial Kendall correlation given one control `z`: `(τ_xy - τ_xz τ_yz) / sqrt((1 - τ_xz²) (1 - τ_yz²))` with tau-b, in
/// `[-1, 1]` (Kendall, "Partial rank correlation", Biometrika 32, 1942).
///
/// `None` where a tau is not defined, or if `x` or `y` ranks exactly like the control or its reverse.
pub fn partial_kendall(x: &[f64], y: &[f64], z: &[f64]) -> Option<f64> {
    let (xy, xz, yz) = (kendall_tau(x, y)?, kendall_tau(x, z)?, kendall_tau(y, z)?);
    let left = (1.0 - xz * xz) * (1.0 - yz * yz);
    (left > 0.0).then(|| ((xy - xz * yz) / left.sqrt()).clamp(-1.0, 1.0))
}

/// `values` without their projections on the directions, which are orthogonal; None if nothing is left.
fn residual(mut values: Vec<f64>, directions: &[Vec<f64>]) -> Option<Vec<f64>> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let before = dot(&values, &values);
    // Twice, since the first pass leaves what rounding made of it.
    for direction in directions.iter().chain(directions) {
        let slope = dot(&values, direction) / dot(direction, direction);
        values.iter_mut().zip(direction).for_each(|(v, d)| *v -= slope * d);
    }
    (dot(&values, &values) > NOTHING * NOTHING * before).then_some(values)
}

#[cfg(test)]
mod tests {
    use super::super::{missing_last, spearman};
    use super::*;
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    fn of(f: impl Fn(u32) -> u32) -> Vec<f64> {
        (1..=200).map(|i| f64::from(f(i))).collect()
    }

    // import numpy as np; from scipy.stats import rankdata, kendalltau
    // i = np.arange(1, 201); x, y, z, w = i*7919%101, (i*37%53+i*29%31)//2, i*31%17, i*13%61
    // xi = np.where(i % 10 == 0, -np.inf, x)
    // def p(x, y, *c):
    //     C = np.column_stack([np.ones(200), *map(rankdata, c)])
    //     r = lambda v: rankdata(v) - C @ np.linalg.lstsq(C, rankdata(v), rcond=None)[0]
    //     return np.corrcoef(r(x), r(y))[0, 1]
    // p(x, y, z), p(x, y, z, w), p(xi, y, w)
    // def q(a):    # the formula of pingouin.partial_corr
    //     V = np.linalg.pinv(np.cov(np.array([*map(rankdata, a)]))); return -V[0, 1] / np.sqrt(V[0, 0] * V[1, 1])
    // q([x, y, z, w])    # the same as p(x, y, z, w)
    // a, b, c = [kendalltau(*v)[0] for v in ((x, y), (x, z), (y, z))]; (a - b*c) / np.sqrt((1 - b*b) * (1 - c*c))
    #[test]
    fn matches_numpy() {
        let (x, y) = (of(|i| i * 7919 % 101), of(|i| (i * 37 % 53 + i * 29 % 31) / 2));
        let (z, w) = (of(|i| i * 31 % 17), of(|i| i * 13 % 61));
        let failing: Vec<Option<f64>> = (1..).zip(&x).map(|(i, &x)| (i % 10 != 0).then_some(x)).collect();
        for (value, golden) in [
            (partial_spearman(&x, &y, &[&z]), -0.015536257140002188),
            (partial_spearman(&x, &y, &[&z, &w]), -0.015734085765902676),
            (partial_spearman(&missing_last(&failing), &y, &[&w]), -0.16492800483878856),
            (partial_kendall(&x, &y, &z), -0.014999221853154051),
        ] {
            assert_relative_eq!(value.unwrap(), golden, max_relative = 1e-9);
        }
    }

    #[test]
    fn what_the_controls_explain_is_gone() {
        let (x, y, z) = (of(|i| i * 7919 % 101), of(|i| i * 37 % 53), of(|i| i * 31 % 17));
        let cubed: Vec<f64> = x.iter().map(|v| -v.powi(3)).collect();
        assert_eq!(partial_spearman(&x, &y, &[&z, &cubed]), None, "the control is x in reverse");
        assert_eq!((partial_kendall(&x, &y, &cubed), partial_kendall(&y, &x, &vec![1.0; 200])), (None, None));
        let once = partial_spearman(&x, &y, &[&z]);
        assert_eq!(partial_spearman(&x, &y, &[&z, &vec![3.0; 200], &z]), once, "controls that add nothing");
        assert_eq!(partial_spearman(&x, &y, &[&z[1..]]), None);
        assert_eq!(partial_spearman(&[1.0, f64::NAN], &[1.0, 2.0], &[]), None);
        assert_eq!(partial_spearman(&[], &[], &[]), None);
    }

    proptest! {
        #[test]
        fn nothing_controlled_is_spearman(pairs in prop::collection::vec((-5i8..5, -5i8..5), 2..40)) {
            let (x, y): (Vec<f64>, Vec<f64>) = pairs.into_iter().map(|(x, y)| (f64::from(x), f64::from(y))).unzip();
            match (partial_spearman(&x, &y, &[]), spearman(&x, &y)) {
                (Some(a), Some(b)) => prop_assert!((a - b).abs() < 1e-12),
                (a, b) => prop_assert_eq!(a, b),
            }
        }

        #[test]
        fn the_order_of_items_changes_no_bit(
            rows in prop::collection::vec((-9i8..9, -9i8..9, -9i8..9), 3..40),
            seed in 0u64..100,
        ) {
            let judged = |rows: &[(i8, i8, i8)]| {
                let column = |f: fn(&(i8, i8, i8)) -> i8| rows.iter().map(|r| f64::from(f(r))).collect::<Vec<_>>();
                partial_spearman(&column(|r| r.0), &column(|r| r.1), &[&column(|r| r.2)])
            };
            let mut shuffled = rows.clone();
            crate::seed::Stream::new(seed).shuffle(&mut shuffled);
            prop_assert_eq!(judged(&rows), judged(&shuffled));
        }

        #[test]
        fn one_control_follows_the_formula(rows in prop::collection::vec((-9i8..9, -9i8..9, -9i8..9), 5..40)) {
            let column = |f: fn(&(i8, i8, i8)) -> i8| rows.iter().map(|r| f64::from(f(r))).collect::<Vec<_>>();
            let (x, y, z) = (column(|r| r.0), column(|r| r.1), column(|r| r.2));
            let rhos = (spearman(&x, &y), spearman(&x, &z), spearman(&y, &z));
            if let (Some(xy), Some(xz), Some(yz)) = rhos && xz.abs().max(yz.abs()) < 0.999 {
                let expected = (xy - xz * yz) / ((1.0 - xz * xz) * (1.0 - yz * yz)).sqrt();
                prop_assert!((partial_spearman(&x, &y, &[&z]).unwrap() - expected).abs() < 1e-9);
            }
        }
    }
}
