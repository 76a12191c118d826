//! Who may be trained: candidates that meet the constraints, with what is known of them, as a pool.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use super::constraint::feasible;
use super::{ColumnRef, Constraint, SearchError};
use crate::candidates::{self, Candidates, CandidatesError, PRIOR};
use crate::hardware::Limit;
use crate::space::Architecture;
use crate::strategy::Pool;

/// Which networks take part in a search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Population {
    /// Search space.
    pub space: &'static str,
    /// Distinct networks that a search may train.
    pub networks: usize,
    /// Distinct live networks whose accuracy is not known.
    pub without_truth: usize,
    /// Networks that do not meet the constraints.
    pub infeasible: usize,
    /// The constraints.
    pub constraints: Vec<String>,
    /// Epochs at which a training can be stopped, the full training last.
    pub epochs: Vec<u32>,
    /// Columns of the features that surrogates see.
    pub features: usize,
    /// The score that is believed before any training, if there is one.
    pub prior: Option<String>,
    /// What scoring took, as the run recorded it.
    pub scoring: Option<Scoring>,
}

/// What the scores of a run took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Scoring {
    /// Seconds for all of them.
    pub seconds: f64,
    /// Distinct networks scored.
    pub networks: usize,
}

/// What networks may cost at most.
#[derive(Clone, Copy)]
pub(super) struct Limits<'a> {
    pub constraints: &'a [Constraint],
    pub latency: Option<&'a Limit>,
}

/// The cost that a limit on latency is put on: the upper end of the 90% interval of the prediction, in milliseconds.
const LATENCY_HIGH: &str = "latency_high_ms";

/// [`LATENCY_HIGH`] of every candidate.
fn latency_high(candidates: &Candidates, limit: &Limit) -> Result<Vec<Option<f64>>, SearchError> {
    let (space, task) = limit.model.settings().open()?;
    let high = |arch: &Architecture| Ok(Some(limit.predict(&space.build(arch, &task)?).high_ms));
    candidates.archs.par_iter().map(high).collect()
}

/// The pool of those of the candidates `known` that meet the constraints, and their numbers among the candidates.
///
/// The costs that strategies may trade against accuracy are those that are limited, the parameters if none is.
pub(super) fn pool(
    candidates: Candidates,
    known: Vec<usize>,
    limits: Limits<'_>,
    costs: &Costs,
    encodings: &[String],
    epochs: Vec<u32>,
) -> Result<(Pool, Vec<usize>, Population), SearchError> {
    let mut constraints = limits.constraints.to_vec();
    let limited = constraints.iter().map(|c| costs.column(&candidates, &c.cost));
    let mut limited = limited.collect::<Result<Vec<_>, SearchError>>()?;
    if let Some(limit) = limits.latency {
        let cost = ColumnRef { table: None, column: LATENCY_HIGH.into() };
        constraints.push(Constraint { cost, limit: limit.max_ms });
        limited.push(latency_high(&candidates, limit)?);
    }
    let members = feasible(&known, &constraints, &limited)?;
    let at = |values: &[Option<f64>]| members.iter().filter_map(|&m| values[m]).collect::<Vec<f64>>();
    let mut traded: Vec<(String, Vec<f64>)> =
        constraints.iter().zip(&limited).map(|(c, values)| (c.cost.column.clone(), at(values))).collect();
    if traded.is_empty() {
        traded.extend(candidates.score("params").map(|values| ("params".to_string(), at(values))));
    }
    let encodings: Vec<&str> = match encodings {
        [] => candidates::default_encodings(),
        names => names.iter().map(String::as_str).collect(),
    };
    let features = candidates.features_of(&members, &encodings, true, Some(PRIOR))?;
    let number = |run: &serde_json::Value| {
        Some(Scoring {
            seconds: run["scoring_seconds"].as_f64()?,
            networks: run["distinct_networks"].as_u64()? as usize,
        })
    };
    let population = Population {
        space: candidates.space.entry().name,
        networks: members.len(),
        without_truth: candidates.len() - known.len(),
        infeasible: known.len() - members.len(),
        constraints: constraints.iter().map(Constraint::to_string).collect(),
        epochs: epochs.clone(),
        features: features.names.len(),
        prior: features.layout.prior.map(|column| features.names[column].clone()),
        scoring: candidates.run.as_ref().and_then(number),
    };
    let archs = members.iter().map(|&m| candidates.archs[m].clone()).collect();
    Ok((Pool::new(candidates.space, archs, features, traded, epochs), members, population))
}

/// Costs of the candidates that tables beside the main one know.
pub(super) struct Costs(HashMap<(PathBuf, String), Vec<Option<f64>>>);

impl Costs {
    /// Reads the columns of other tables.
    pub fn read<'a>(
        references: impl Iterator<Item = &'a ColumnRef>,
        candidates: &Candidates,
    ) -> Result<Self, SearchError> {
        let mut wanted: BTreeMap<&Path, Vec<String>> = BTreeMap::new();
        for reference in references {
            if let Some(table) = &reference.table {
                wanted.entry(table).or_default().push(reference.column.clone());
            }
        }
        let mut columns = HashMap::new();
        for (table, targets) in wanted {
            let (joined, _) = candidates.join(table, &targets).map_err(CandidatesError::from)?;
            columns.extend(joined.into_iter().map(|(column, values)| ((table.to_path_buf(), column), values)));
        }
        Ok(Costs(columns))
    }

    /// A cost of all candidates: the column of another table if one is named, else a score of that name, else a column of
    /// the main table that was read.
    pub fn column(&self, candidates: &Candidates, reference: &ColumnRef) -> Result<Vec<Option<f64>>, SearchError> {
        let name = &reference.column;
        if let Some(table) = &reference.table {
            return Ok(self.0.get(&(table.clone(), name.clone())).cloned().unwrap_or_default());
        }
        if let Some(values) = candidates.score(name).or_else(|| candidates.truth(name)) {
            return Ok(values.to_vec());
        }
        let scores = candidates.scores.iter().map(|(score, _)| score.as_str());
        let hint = crate::text::did_you_mean(name, scores.clone());
        Err(SearchError::NoCost { name: name.clone(), hint, scores: scores.collect::<Vec<_>>().join(", ") })
    }
}
