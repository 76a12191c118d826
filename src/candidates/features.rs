//! What surrogates see of candidates.

use ndarray::Axis;

use super::{Candidates, CandidatesError};
use crate::encoding::{ENCODINGS, EncodingError, FeatureMatrix, score_columns};
use crate::space::Architecture;

/// Prior score, used until labels are available, where a run has it.
pub const PRIOR: &str = "naslens";
/// The group of features that are scores.
pub const SCORES_GROUP: &str = "scores";
/// Encodings used if none is named: the first of them that there is.
const DEFAULT_ENCODINGS: [&str; 2] = ["graf", "one_hot"];

impl Candidates {
    /// Features of all candidates; see [`Candidates::features_of`].
    pub fn features(
        &self,
        encodings: &[&str],
        scores: bool,
        prior: Option<&str>,
    ) -> Result<FeatureMatrix, CandidatesError> {
        self.features_of(&(0..self.len()).collect::<Vec<_>>(), encodings, scores, prior)
    }

    /// Features of the candidates `rows`, in this order: if asked for, the group `scores`, normal scores of every score
    /// among *all* candidates ([`score_columns`]; `flops` is `macs` again and left out), then one group per encoding.
    /// `prior` names the score that is believed before any label is seen, such as [`PRIOR`]; one that is not there counts
    /// as none.
    pub fn features_of(
        &self,
        rows: &[usize],
        encodings: &[&str],
        scores: bool,
        prior: Option<&str>,
    ) -> Result<FeatureMatrix, CandidatesError> {
        if self.scores.is_empty() && !self.space.describes() {
            return Err(CandidatesError::Refused(
                "the table has no column of numbers to learn from besides accuracies; add some, such as params or macs"
                    .into(),
            ));
        }
        let mut groups = Vec::new();
        if scores {
            let names = self.scores.iter().filter(|(name, _)| name != "flops");
            let mut columns = score_columns(&names.cloned().collect::<Vec<_>>())?;
            columns.values = columns.values.select(Axis(0), rows);
            groups.push((SCORES_GROUP.to_string(), columns));
        }
        let archs: Vec<Architecture> = rows.iter().map(|&row| self.archs[row].clone()).collect();
        for name in encodings {
            let encoding = ENCODINGS.find(name).map_err(EncodingError::from)?;
            if !self.space.describes() {
                continue;
            }
            groups.push((encoding.name.to_string(), (encoding.encode)(self.space.as_ref(), &archs)));
        }
        Ok(FeatureMatrix::new(groups, prior)?)
    }
}

/// The encodings used if none is named.
pub fn default_encodings() -> Vec<&'static str> {
    let known = |name: &&str| ENCODINGS.find(name).is_ok();
    DEFAULT_ENCODINGS.into_iter().find(known).into_iter().collect()
}
