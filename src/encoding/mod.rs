//! Features that a predictor learns from: proxy scores as normal scores, and genes as one-hot columns.

mod normal;

use ndarray::Array2;

use crate::space::Architecture;
use crate::stats::{missing_last, ranks};

pub use normal::normal_quantile;

/// Why features cannot be put together.
#[derive(Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodingError {
    /// A column with another number of rows than the first one.
    #[error("feature `{column}` has {found} rows, the others have {expected}; give one value per screened network")]
    Rows {
        /// The column.
        column: String,
        /// Its number of rows.
        found: usize,
        /// The number of rows of the first column.
        expected: usize,
    },
    /// Two columns of one name.
    #[error("feature `{column}` is there twice; name each feature once")]
    Duplicate {
        /// The name.
        column: String,
    },
}

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

/// Genes as indicator columns: row `i` has a one at column `choices[0] + … + choices[g - 1] + gene g` for each gene `g`
/// of architecture `i`, zeros elsewhere. Shape `(archs.len(), Σ choices)`; [`one_hot_names`] names the columns.
///
/// A gene that is missing or not one of its alternatives has zeros in all of its columns.
pub fn one_hot(choices: &[u8], archs: &[Architecture]) -> Array2<f64> {
    let width = choices.iter().map(|&c| usize::from(c)).sum();
    let mut values = Array2::zeros((archs.len(), width));
    for (mut row, arch) in values.rows_mut().into_iter().zip(archs) {
        let mut offset = 0;
        for (&choice, &gene) in choices.iter().zip(&arch.0) {
            if gene < choice {
                row[offset + usize::from(gene)] = 1.0;
            }
            offset += usize::from(choice);
        }
    }
    values
}

/// Names of the columns of [`one_hot`]: `gene 0 = 0`, `gene 0 = 1`, …
pub fn one_hot_names(choices: &[u8]) -> Vec<String> {
    let of_gene = |(gene, &c): (usize, &u8)| (0..c).map(move |value| format!("gene {gene} = {value}"));
    choices.iter().enumerate().flat_map(of_gene).collect()
}

/// Named features of all screened networks. No two columns share a name and none is constant.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureMatrix {
    /// Names of the columns.
    pub names: Vec<String>,
    /// Shape (networks, features).
    pub values: Array2<f64>,
    /// Names of the columns left out because all networks have the same value: they cannot tell networks apart.
    pub dropped: Vec<String>,
}

impl FeatureMatrix {
    /// One feature per proxy, [`rank_normal`] of its scores, in the order given; then, with `genes` (the alternatives
    /// of each gene and the architectures in row order), the columns of [`one_hot`].
    ///
    /// Errors if the columns differ in their number of rows or share a name.
    pub fn new(
        proxies: &[(String, Vec<Option<f64>>)],
        genes: Option<(&[u8], &[Architecture])>,
    ) -> Result<Self, EncodingError> {
        let mut columns: Vec<(String, Vec<f64>)> =
            proxies.iter().map(|(name, scores)| (name.clone(), rank_normal(scores))).collect();
        if let Some((choices, archs)) = genes {
            let indicators = one_hot(choices, archs);
            columns
                .extend(one_hot_names(choices).into_iter().zip(indicators.columns().into_iter().map(|c| c.to_vec())));
        }

        let rows = columns.first().map_or(0, |(_, values)| values.len());
        for (i, (name, values)) in columns.iter().enumerate() {
            if values.len() != rows {
                return Err(EncodingError::Rows { column: name.clone(), found: values.len(), expected: rows });
            }
            if columns[..i].iter().any(|(other, _)| other == name) {
                return Err(EncodingError::Duplicate { column: name.clone() });
            }
        }

        let (kept, constant): (Vec<_>, Vec<_>) =
            columns.into_iter().partition(|(_, values)| values.iter().any(|v| *v != values[0]));
        let values = Array2::from_shape_fn((rows, kept.len()), |(row, column)| kept[column].1[row]);
        let names_of = |columns: Vec<(String, Vec<f64>)>| columns.into_iter().map(|(name, _)| name).collect();
        Ok(FeatureMatrix { names: names_of(kept), values, dropped: names_of(constant) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::array;
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

    #[test]
    fn genes_become_indicators() {
        let archs = [Architecture(vec![1, 0]), Architecture(vec![0, 2]), Architecture(vec![9])];
        let expected = array![[0.0, 1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0, 0.0]];
        assert_eq!(one_hot(&[2, 3], &archs), expected);
        assert_eq!(one_hot_names(&[2, 1]), ["gene 0 = 0", "gene 0 = 1", "gene 1 = 0"]);
        assert_eq!(one_hot(&[], &archs).dim(), (3, 0));
    }

    #[test]
    fn constant_columns_are_dropped_by_name() {
        let archs = [Architecture(vec![1, 0]), Architecture(vec![1, 1])];
        let proxies = [
            ("synflow".to_string(), vec![Some(5.0), Some(1e30)]),
            ("flat".to_string(), vec![Some(2.0), Some(2.0)]),
            ("dead".to_string(), vec![None, None]),
        ];
        let features = FeatureMatrix::new(&proxies, Some((&[2, 2], &archs))).unwrap();
        assert_eq!(features.names, ["synflow", "gene 1 = 0", "gene 1 = 1"]);
        assert_eq!(features.dropped, ["flat", "dead", "gene 0 = 0", "gene 0 = 1"]);
        assert_eq!(features.values.column(1).to_vec(), [1.0, 0.0]);
        assert_eq!(features.values[[0, 0]], -features.values[[1, 0]]);
        assert_eq!(FeatureMatrix::new(&[], None).unwrap().values.dim(), (0, 0));
    }

    #[test]
    fn unequal_and_repeated_columns_are_refused() {
        let column = |name: &str, n: usize| (name.to_string(), (0..n).map(|i| Some(i as f64)).collect());
        let rows = FeatureMatrix::new(&[column("a", 3), column("b", 2)], None).unwrap_err();
        assert_eq!(rows.to_string(), "feature `b` has 2 rows, the others have 3; give one value per screened network");
        let twice = FeatureMatrix::new(&[column("a", 3), column("a", 3)], None).unwrap_err();
        assert!(twice.to_string().contains("`a` is there twice"));
        assert!(FeatureMatrix::new(&[column("a", 3)], Some((&[2], &[Architecture(vec![0])]))).is_err());
    }
}
