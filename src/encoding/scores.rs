//! Proxy scores as features.

use ndarray::{Array1, Array2};

use super::{Columns, EncodingError, normal_quantile};
use crate::stats::{missing_last, ranks};

/// Scores as normal scores: the average rank `r` in `1..=n` among all `n` networks becomes `Φ⁻¹((r - 0.5) / n)`, with
/// `Φ⁻¹` the standard normal quantile ([`normal_quantile`]). No unit; a higher score has a higher value.
///
/// Proxies differ in scale by many orders of magnitude and are heavy-tailed; only their order is trusted. Ranks are
/// taken over everything that was screened, so a network's feature does not depend on which few were trained.
/// A missing score (`None` or NaN) ranks below every number, tied with the other missing ones and with `-∞`
/// ([`missing_last`]). Empty for an empty list.
///
/// The rank transformation is Hazen's; see Beasley, Erickson & Allison, "Rank-based inverse normal transformations are
/// increasingly used, but are they merited?", Behav. Genet. 39 (2009).
pub fn rank_normal(scores: &[Option<f64>]) -> Vec<f64> {
    let known: Vec<Option<f64>> = scores.iter().map(|score| score.filter(|v| !v.is_nan())).collect();
    let n = scores.len() as f64;
    ranks(&missing_last(&known)).into_iter().map(|rank| normal_quantile((rank - 0.5) / n)).collect()
}

/// One column per proxy: [`rank_normal`] of its scores. Errors if the columns differ in length.
pub fn score_columns(proxies: &[(String, Vec<Option<f64>>)]) -> Result<Columns, EncodingError> {
    let rows = proxies.first().map_or(0, |(_, scores)| scores.len());
    if let Some((name, scores)) = proxies.iter().find(|(_, scores)| scores.len() != rows) {
        return Err(EncodingError::Rows { column: name.clone(), found: scores.len(), expected: rows });
    }
    let mut values = Array2::zeros((rows, proxies.len()));
    for (mut column, (_, scores)) in values.columns_mut().into_iter().zip(proxies) {
        column.assign(&Array1::from(rank_normal(scores)));
    }
    Ok(Columns { names: proxies.iter().map(|(name, _)| name.clone()).collect(), values })
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    #[test]
    fn normal_scores_match_scipy() {
        // from scipy.stats import norm, rankdata; s = [3, -np.inf, 10, 3, -np.inf, 1e9]
        // norm.ppf((rankdata(s) - .5) / 6)
        let scores = [Some(3.0), None, Some(10.0), Some(3.0), Some(f64::NAN), Some(1e9)];
        let golden = [0.0, -0.967421566101701, 0.6744897501960817, 0.0, -0.967421566101701, 1.382994127100638];
        for (z, expected) in rank_normal(&scores).into_iter().zip(golden) {
            assert_relative_eq!(z, expected, max_relative = 1e-14, epsilon = 1e-15);
        }
        assert!(rank_normal(&[]).is_empty());
        assert_eq!(rank_normal(&[None]), [0.0]);
    }

    proptest! {
        #[test]
        fn normal_scores_keep_order_and_are_finite(scores in prop::collection::vec(prop::option::of(-5i8..5), 1..40)) {
            let scores: Vec<Option<f64>> = scores.into_iter().map(|s| s.map(f64::from)).collect();
            let z = rank_normal(&scores);
            prop_assert!(z.iter().all(|v| v.is_finite()));
            for i in 0..z.len() {
                for j in 0..z.len() {
                    // None < Some in the order of Option: the rule for missing scores.
                    prop_assert_eq!(scores[i].partial_cmp(&scores[j]), z[i].partial_cmp(&z[j]));
                }
            }
        }
    }
}
