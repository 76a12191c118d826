//! Features that a predictor learns from: proxy scores as normal scores, and encodings of architectures.
//!
//! To add an encoding: one file with an [`EncodingEntry`], one line in [`ENCODINGS`].
//!
//! ```
//! use naslens::encoding::{ENCODINGS, FeatureMatrix};
//!
//! let space = naslens::space::open("nas-bench-201")?;
//! let archs: Vec<_> = (0..5).filter_map(|index| space.at(index)).collect();
//! let genes = (ENCODINGS.find("one_hot")?.encode)(space.as_ref(), &archs);
//! let features = FeatureMatrix::new(vec![("one_hot".into(), genes)], None)?;
//! assert_eq!((features.values.nrows(), features.names.len() + features.dropped.len()), (5, 30));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod categorical;
mod graf;
mod one_hot;
mod path;
mod scores;
mod vocabulary;
mod weisfeiler_lehman;

#[cfg(test)]
mod contract;

use std::ops::Range;

use ndarray::{Array2, s};

use crate::registry::{Registry, Unknown, entry};
use crate::space::{Architecture, SearchSpace};

pub use crate::stats::normal_quantile;
pub use one_hot::{one_hot, one_hot_names};
pub use scores::{rank_normal, score_columns};

/// Why features cannot be put together.
#[derive(Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are what the messages name")]
pub enum EncodingError {
    /// No encoding of that name.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// A column with another number of rows than the first one.
    #[error("feature `{column}` has {found} rows, the others have {expected}; give one value per screened network")]
    Rows { column: String, found: usize, expected: usize },
    /// Two columns of one name.
    #[error("feature `{column}` is there twice; name each feature once")]
    Duplicate { column: String },
}

/// Named features of one origin.
#[derive(Clone, Debug, PartialEq)]
pub struct Columns {
    /// Names of the columns.
    pub names: Vec<String>,
    /// Shape (networks, features); finite.
    pub values: Array2<f64>,
}

/// Computes the columns of architectures of a space.
pub type Encode = dyn Fn(&dyn SearchSpace, &[Architecture]) -> Columns + Send + Sync;

/// One line of the registry.
pub struct EncodingEntry {
    /// Name on the command line and in files.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What the columns are, in one line.
    pub what: &'static str,
    /// Where it was published.
    pub paper: &'static str,
    /// The columns of architectures of a space, in row order. The genes must be valid. Architectures with one
    /// [`crate::space::ArchId`] have equal rows only if they are given by their representative.
    pub encode: &'static Encode,
}

entry!(EncodingEntry, "encoding", what, paper);

/// All encodings of architectures.
pub static ENCODINGS: Registry<EncodingEntry> =
    Registry::new(&[&one_hot::ENTRY, &categorical::ENTRY, &path::ENTRY, &graf::ENTRY, &weisfeiler_lehman::ENTRY]);

/// Columns that belong together, such as those of one encoding.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Name of the encoding, or `scores`.
    pub name: String,
    /// Where its columns are.
    pub columns: Range<usize>,
}

/// What the columns of a [`FeatureMatrix`] are, for predictors that treat them differently.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// The groups, one after the other.
    pub groups: Vec<Group>,
    /// The column whose order is believed before any label is seen, such as a label-free ensemble.
    pub prior: Option<usize>,
    /// Mean and standard deviation of each column over all networks; empty if they are not known.
    pub scale: Vec<(f64, f64)>,
}

/// Named features of all screened networks. No two columns share a name and none is constant.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureMatrix {
    /// Names of the columns.
    pub names: Vec<String>,
    /// Shape (networks, features).
    pub values: Array2<f64>,
    /// What the columns are.
    pub layout: Layout,
    /// Names of the columns left out because all networks have the same value: they cannot tell networks apart.
    pub dropped: Vec<String>,
}

impl FeatureMatrix {
    /// The columns of all groups side by side, without constant ones. `prior` names the column believed before any label
    /// is seen; a name that is not there (or is constant) counts as none.
    ///
    /// Errors if the groups differ in their number of rows or columns share a name.
    pub fn new(groups: Vec<(String, Columns)>, prior: Option<&str>) -> Result<Self, EncodingError> {
        let rows = groups.first().map_or(0, |(_, columns)| columns.values.nrows());
        let (mut names, mut dropped, mut kept): (Vec<String>, _, _) = (Vec::new(), Vec::new(), Vec::new());
        let mut layout = Layout::default();
        for (g, (group, columns)) in groups.iter().enumerate() {
            let start = names.len();
            for (c, (name, values)) in columns.names.iter().zip(columns.values.columns()).enumerate() {
                if values.len() != rows {
                    return Err(EncodingError::Rows { column: name.clone(), found: values.len(), expected: rows });
                }
                if names.contains(name) || dropped.contains(name) {
                    return Err(EncodingError::Duplicate { column: name.clone() });
                }
                if values.iter().any(|v| *v != values[0]) {
                    names.push(name.clone());
                    kept.push((g, c));
                } else {
                    dropped.push(name.clone());
                }
            }
            layout.groups.push(Group { name: group.clone(), columns: start..names.len() });
        }
        let mut values = Array2::zeros((rows, kept.len()));
        for (to, (g, c)) in kept.into_iter().enumerate() {
            values.slice_mut(s![.., to]).assign(&groups[g].1.values.column(c));
        }
        layout.scale = values.columns().into_iter().map(|c| (c.sum() / rows as f64, c.std(0.0))).collect();
        layout.prior = prior.and_then(|prior| names.iter().position(|name| name == prior));
        Ok(FeatureMatrix { names, values, layout, dropped })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registry_is_sound() {
        crate::registry::testing::is_sound(&ENCODINGS);
    }

    fn groups(archs: &[Architecture]) -> Vec<(String, Columns)> {
        let proxies = [
            ("synflow".to_string(), vec![Some(5.0), Some(1e30)]),
            ("flat".to_string(), vec![Some(2.0), Some(2.0)]),
            ("dead".to_string(), vec![None, None]),
        ];
        let genes = Columns { names: one_hot_names(&[2, 2]), values: one_hot(&[2, 2], archs) };
        vec![("scores".into(), score_columns(&proxies).unwrap()), ("one_hot".into(), genes)]
    }

    #[test]
    fn constant_columns_are_dropped_by_name() {
        let archs = [Architecture::new(vec![1, 0]), Architecture::new(vec![1, 1])];
        let features = FeatureMatrix::new(groups(&archs), Some("synflow")).unwrap();
        assert_eq!(features.names, ["synflow", "gene 1 = 0", "gene 1 = 1"]);
        assert_eq!(features.dropped, ["flat", "dead", "gene 0 = 0", "gene 0 = 1"]);
        assert_eq!(features.values.column(1).to_vec(), [1.0, 0.0]);
        assert_eq!(features.values[[0, 0]], -features.values[[1, 0]]);
        assert_eq!(features.layout.prior, Some(0));
        let columns: Vec<_> = features.layout.groups.iter().map(|g| g.columns.clone()).collect();
        assert_eq!(columns, [0..1, 1..3]);
        assert_eq!(FeatureMatrix::new(groups(&archs), Some("flat")).unwrap().layout.prior, None);
        assert_eq!(FeatureMatrix::new(vec![], None).unwrap().values.dim(), (0, 0));
    }

    #[test]
    fn unequal_and_repeated_columns_are_refused() {
        let column = |name: &str, n: usize| (name.to_string(), (0..n).map(|i| Some(i as f64)).collect::<Vec<_>>());
        let rows = score_columns(&[column("a", 3), column("b", 2)]).unwrap_err();
        assert_eq!(rows.to_string(), "feature `b` has 2 rows, the others have 3; give one value per screened network");
        let group = |name: &str, n| ("scores".to_string(), score_columns(&[column(name, n)]).unwrap());
        let twice = FeatureMatrix::new(vec![group("a", 3), group("a", 3)], None).unwrap_err();
        assert!(twice.to_string().contains("`a` is there twice"));
        assert!(FeatureMatrix::new(vec![group("a", 3), group("b", 2)], None).is_err());
    }
}
