//! Who may be trained: candidates that meet the constraints, with what is known of them, as a pool.

use std::collections::HashMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Constraint;
use super::constraint::feasible;
use crate::candidates::{self, Candidates, ColumnRef, PRIOR, RunNote};
use crate::hardware::{HardwareError, LimitSettings, Limits, Target};
use crate::pipeline::RunError;
use crate::space::{Architecture, Task};
use crate::strategy::Pool;
use crate::trial::Job;

/// Which networks take part in a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Population {
    /// Search space.
    pub space: String,
    /// Distinct networks that a search may train.
    pub networks: usize,
    /// Distinct live networks whose accuracy is not known.
    pub without_truth: usize,
    /// Networks that do not meet the constraints.
    pub infeasible: usize,
    /// The constraints.
    pub constraints: Vec<Constraint>,
    /// Epochs at which a training can be stopped, the full training last.
    pub epochs: Vec<u32>,
    /// Columns of the features that surrogates see.
    pub features: usize,
    /// Prior score, used until a training is finished, if there is one.
    pub prior: Option<String>,
    /// What scoring took, as the run recorded it.
    pub scoring: Option<Scoring>,
}

impl Population {
    /// The constraints in words.
    pub fn constraint_texts(&self) -> Vec<String> {
        self.constraints.iter().map(Constraint::to_string).collect()
    }
}

/// What the scores of a run took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scoring {
    /// Seconds for all of them.
    pub seconds: f64,
    /// Distinct networks scored.
    pub networks: usize,
}

/// Who may be trained, and what strategies see of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PoolConfig {
    /// What networks may cost at most.
    pub constraints: Vec<Constraint>,
    /// What networks may cost at most, by counting and by a latency model.
    pub limits: LimitSettings,
    /// Encodings that surrogates see beside the scores; the default ones if empty.
    pub encodings: Vec<String>,
}

impl PoolConfig {
    /// The limits, opened.
    pub(super) fn open_limits(&self, candidates: &Candidates) -> Result<Limits, HardwareError> {
        Limits::open(&self.limits, &Target { space: candidates.space.as_ref(), image: candidates.image() })
    }
}

/// Those of the candidates `known` that meet the constraints, and as networks for `task` the limits.
///
/// The costs that strategies may trade against accuracy are those that are limited, the parameters if none is.
pub(super) fn pool(
    candidates: Candidates,
    known: Vec<usize>,
    config: &PoolConfig,
    limits: &Limits,
    task: &Task,
    epochs: Vec<u32>,
) -> Result<Members, RunError> {
    let mut constraints = config.constraints.clone();
    let limited = constraints.iter().map(|c| candidates.column(&c.cost));
    let mut limited = limited.collect::<Result<Vec<_>, _>>()?;
    let costs = |arch: &Architecture| Ok(limits.costs(&candidates.space.build(arch, task)?).values);
    let bounds = limits.bounds();
    let costs = if bounds.is_empty() {
        Vec::new()
    } else {
        candidates.archs.par_iter().map(costs).collect::<Result<_, RunError>>()?
    };
    for (i, bound) in bounds.iter().enumerate() {
        let cost = ColumnRef { table: None, column: bound.cost.into() };
        constraints.push(Constraint { cost, limit: bound.max });
        limited.push(costs.iter().map(|values: &Vec<f64>| Some(values[i])).collect());
    }
    let members = feasible(&known, &constraints, &limited)?;
    if let [only] = members[..]
        && known.len() > 1
    {
        let constraints = constraints.iter().map(Constraint::to_string).collect::<Vec<_>>().join(" and ");
        return Err(RunError::Refused(format!(
            "one network of {} meets {constraints}, so there is nothing to search: relax the constraints, or take {}",
            known.len(),
            candidates.texts[only]
        )));
    }
    let at = |values: &[Option<f64>]| members.iter().filter_map(|&m| values[m]).collect::<Vec<f64>>();
    let mut traded: Vec<(String, Vec<f64>)> =
        constraints.iter().zip(&limited).map(|(c, values)| (c.cost.column.clone(), at(values))).collect();
    if traded.is_empty() {
        traded.extend(candidates.score("params").map(|values| ("params".to_string(), at(values))));
    }
    let encodings: Vec<&str> = match config.encodings.as_slice() {
        [] => candidates::default_encodings(),
        names => names.iter().map(String::as_str).collect(),
    };
    let features = candidates.features_of(&members, &encodings, true, Some(PRIOR))?;
    let scoring = |run: &RunNote| Some(Scoring { seconds: run.scoring_seconds?, networks: run.distinct_networks? });
    let population = Population {
        space: candidates.space.entry().name.into(),
        networks: members.len(),
        without_truth: candidates.len() - known.len(),
        infeasible: known.len() - members.len(),
        constraints,
        epochs: epochs.clone(),
        features: features.names.len(),
        prior: features.layout.prior.map(|column| features.names[column].clone()),
        scoring: candidates.run.as_ref().and_then(scoring),
    };
    let archs: Vec<Architecture> = members.iter().map(|&m| candidates.archs[m].clone()).collect();
    let full = epochs[epochs.len() - 1];
    let job = |(arch, &m): (&Architecture, &usize)| Job {
        arch: candidates.space.format(arch),
        arch_id: candidates.ids[m].to_string(),
        epochs: full,
        repeat: 0,
        keep_weights: false,
    };
    let jobs = archs.iter().zip(&members).map(job).collect();
    let texts = members.iter().map(|&m| candidates.texts[m].clone()).collect();
    let mut pool = Pool::new(candidates.space, archs, features, traded, epochs)?;
    pool.texts = texts;
    Ok(Members { pool, candidates: members, jobs, population })
}

/// The networks that a search may train.
pub(super) struct Members {
    /// What strategies choose from.
    pub pool: Pool,
    /// The number of each among the candidates.
    pub candidates: Vec<usize>,
    /// The full training of each.
    pub jobs: Vec<Job>,
    /// What is known of them as a whole.
    pub population: Population,
}

/// The member that each id is.
pub(super) fn by_id(jobs: &[Job]) -> HashMap<String, usize> {
    jobs.iter().enumerate().map(|(member, job)| (job.arch_id.clone(), member)).collect()
}
