//! Distinct networks with what is known of them: scores of a run, truth of a published table, or both.

pub(in crate::pipeline) mod table;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ndarray::Axis;
use rayon::prelude::*;
use serde_json::Value;

use super::evaluate::EvaluateError;
use crate::benchmark::{Table, TableError};
use crate::encoding::{self, ENCODINGS, EncodingError, FeatureMatrix, score_columns};
use crate::network::Shape;
use crate::proxy::Status;
use crate::report::{LATENCY, SCORES_FILE, ScoreTable, read_scores};
use crate::space::{self, ArchId, Architecture, SearchSpace, Skeleton, SpaceError, Task};
use table::TruthRows;

/// The score that is believed before any label is seen, where a run has it.
pub const PRIOR: &str = "naslens";
/// The group of features that are scores.
pub const SCORES_GROUP: &str = "scores";
/// Encodings used if none is named: the first of them that there is.
const DEFAULT_ENCODINGS: [&str; 2] = ["graf", "one_hot"];
/// What networks are built for where no run says it: CIFAR-10.
const TASK: Task = Task::classify(Shape::new(3, 32, 32), 10);

/// Why there are no candidates.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CandidatesError {
    /// Run and table do not fit together.
    #[error(transparent)]
    Join(#[from] EvaluateError),
    /// A table or a column cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The space refuses.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// Features cannot be put together.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// Neither a run nor a table.
    #[error(
        "neither a run nor a table is named, so there are no networks; name the folder of a screen, or --table FILE"
    )]
    Nothing,
    /// The space is not known.
    #[error("{origin} does not say which search space it belongs to; name it with --space (known: {known})")]
    NoSpace {
        /// The run or table.
        origin: String,
        /// All spaces.
        known: String,
    },
    /// The run is of another space than asked for.
    #[error("the run in {} is of the space {found}, not {asked}; leave out --space", dir.display())]
    OtherSpace {
        /// The folder of the run.
        dir: PathBuf,
        /// The space of the run.
        found: String,
        /// The space asked for.
        asked: String,
    },
    /// A row is no architecture of the space.
    #[error("row {row} of `{}`: {source}", table.display())]
    Row {
        /// The table.
        table: PathBuf,
        /// The row, from 0.
        row: usize,
        /// What is wrong with it.
        source: SpaceError,
    },
    /// A row is no architecture of the space by number or graph.
    #[error("row {row} of `{}`: {reason}; correct or remove the row, or name another --space", table.display())]
    NoArchitecture {
        /// The table.
        table: PathBuf,
        /// The row, from 0.
        row: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A table without a run names modules by their hash only.
    #[error(
        "`{}` names architectures by `{column}` only, from which none can be built; name the folder of a screen too, or a \
         table with the graphs",
        table.display()
    )]
    HashOnly {
        /// The table.
        table: PathBuf,
        /// The column.
        column: &'static str,
    },
    /// All networks are too slow.
    #[error(
        "all {networks} live networks of {origin} are over its limit on latency; screen again with a higher \
         --max-latency-ms"
    )]
    AllOverLimit {
        /// The run.
        origin: String,
        /// How many there are.
        networks: usize,
    },
    /// All networks are dead.
    #[error("none of the {networks} networks of {origin} has a path from input to output; take more networks")]
    AllDead {
        /// The run or table.
        origin: String,
        /// How many there are.
        networks: usize,
    },
}

/// Where candidates come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CandidatesConfig {
    /// Folder of a screen. Without one, the networks are those of the table.
    pub run: Option<PathBuf>,
    /// Parquet table with the truth, if there is any.
    pub table: Option<PathBuf>,
    /// Columns of the table to read. Rows without a value in the first of them do not count.
    pub targets: Vec<String>,
    /// Name of the search space; a run names its own.
    pub space: Option<String>,
}

/// A column: one value per candidate, None where it is missing.
pub type Values = (String, Vec<Option<f64>>);

/// Distinct live networks with what is known of them. All lists have one entry per network, in the order in which run or
/// table first name them.
pub struct Candidates {
    /// The space, with the skeleton of the run.
    pub space: Box<dyn SearchSpace>,
    /// The representatives, one per [`ArchId`].
    pub archs: Vec<Architecture>,
    /// Their ids.
    pub ids: Vec<ArchId>,
    /// `params` and `macs` as specified, `latency_ms` if the run has a latency model, then the columns of the run's scores, None where the status is not ok; without a
    /// run `params`, `macs` and `layers`, computed for 3x32x32 images and ten classes.
    pub scores: Vec<Values>,
    /// The columns of the table that were asked for.
    pub truth: Vec<Values>,
    /// The column of the table by which its rows were recognised. Official indices are numbers like others: they cannot tell
    /// that a table belongs to another space.
    pub key: Option<&'static str>,
    /// Networks left out since no path leads from their input to their output.
    pub n_dead: usize,
    /// Networks left out since the run predicts that they take longer than its limit on latency allows.
    pub n_over_limit: usize,
    /// The run's description of itself.
    pub run: Option<Value>,
}

/// Reads the candidates.
///
/// With a run they are its distinct live networks; a network's scores are those of the row of its representative (the
/// string that is run for all of its class) if the run lists it, otherwise of the first row of the class. Without a run
/// they are the distinct live networks of the table, whose architectures are read from text (`arch_str`, `arch`), from
/// the official index (`arch_index`), or for NAS-Bench-101 from `num_vertices`, `adjacency_bits` and `interior_ops`.
///
/// The truth of a network is the table's row of its representative if there is one, otherwise the first row of the class:
/// never a mean over rows, whose noise would be another. A table with `module_hash_hi64` is joined with a run on the first
/// 64 bits of the id.
pub fn load(config: &CandidatesConfig) -> Result<Candidates, CandidatesError> {
    let truths = config.table.as_deref().map(Table::open_truths).transpose()?;
    match (&config.run, truths) {
        (Some(dir), truths) => from_run(config, dir, truths.as_ref()),
        (None, Some(truths)) => from_table(config, &truths),
        (None, None) => Err(CandidatesError::Nothing),
    }
}

fn no_space(origin: String) -> CandidatesError {
    let known = space::SPACES.iter().map(|e| e.name).collect::<Vec<_>>().join(", ");
    CandidatesError::NoSpace { origin, known }
}

/// The space of a run with its skeleton, from its description.
fn space_of(
    config: &CandidatesConfig,
    dir: &Path,
    run: Option<&Value>,
) -> Result<Box<dyn SearchSpace>, CandidatesError> {
    let settings = run.map(|run| &run["config"]);
    let number = |key: &str| settings.and_then(|s| s[key].as_u64()).map(|v| v as usize);
    let skeleton = Skeleton { init_channels: number("init_channels"), cells: number("cells") };
    let found = settings.and_then(|s| s["space"].as_str());
    let name = found.or(config.space.as_deref()).ok_or_else(|| no_space(format!("the run in {}", dir.display())))?;
    let space = space::open(name, &skeleton)?;
    match &config.space {
        Some(asked) if space::open(asked, &Skeleton::default())?.entry().name != space.entry().name => {
            let (dir, found) = (dir.into(), space.entry().name.into());
            Err(CandidatesError::OtherSpace { dir, found, asked: asked.clone() })
        }
        _ => Ok(space),
    }
}

fn from_run(config: &CandidatesConfig, dir: &Path, truths: Option<&Table>) -> Result<Candidates, CandidatesError> {
    let table = read_scores(&dir.join(SCORES_FILE)).map_err(|error| match error {
        TableError::Missing { .. } => EvaluateError::NoScores { dir: dir.into() }.into(),
        other => CandidatesError::from(other),
    })?;
    let run: Option<Value> = serde_json::from_str(&table.metadata).ok();
    let space = space_of(config, dir, run.as_ref())?;
    let parse = |row: usize| {
        let arch = space.parse(&table.arch[row]);
        let arch = arch.map_err(|source| CandidatesError::Row { table: dir.join(SCORES_FILE), row, source })?;
        let representative = space.representative(&arch);
        Ok((space.arch_id(&arch), representative == arch, representative))
    };
    let parsed: Result<Vec<_>, CandidatesError> = (0..table.arch.len()).into_par_iter().map(parse).collect();

    // Of each network: its row, and whether that is the row of the representative.
    let mut positions: HashMap<ArchId, usize> = HashMap::new();
    let mut chosen: Vec<(ArchId, usize, bool, Architecture)> = Vec::new();
    for (row, (id, own, representative)) in parsed?.into_iter().enumerate() {
        let position = *positions.entry(id).or_insert(chosen.len());
        match chosen.get_mut(position) {
            None => chosen.push((id, row, own, representative)),
            Some(earlier) if own && !earlier.2 => (earlier.1, earlier.2) = (row, true),
            Some(_) => {}
        }
    }
    let networks = chosen.len();
    let over = |row: usize| table.proxies.iter().any(|(_, scores)| scores[row].get_status() == Status::OverLimit);
    let n_over_limit = chosen.iter().filter(|c| over(c.1)).count();
    chosen.retain(|&(_, row, ..)| table.eligible(row));
    if chosen.is_empty() {
        let origin = format!("the run in {}", dir.display());
        return Err(if n_over_limit > 0 {
            CandidatesError::AllOverLimit { origin, networks: n_over_limit }
        } else {
            CandidatesError::AllDead { origin, networks }
        });
    }
    let scores = columns_of(&table, &chosen.iter().map(|c| c.1).collect::<Vec<_>>());
    let (ids, archs): (Vec<_>, Vec<_>) = chosen.into_iter().map(|(id, _, _, arch)| (id, arch)).unzip();
    let (mut key, mut truth) = (None, Vec::new());
    if let Some(truths) = truths {
        let rows = TruthRows::of_run(truths, space.as_ref(), &config.targets)?;
        key = Some(rows.key);
        truth = rows.join(truths, space.as_ref(), &archs, &ids, &config.targets)?;
    }
    let n_dead = networks - archs.len() - n_over_limit;
    Ok(Candidates { n_dead, n_over_limit, space, archs, ids, scores, truth, key, run })
}

/// The columns of the scores at these rows.
fn columns_of(table: &ScoreTable, rows: &[usize]) -> Vec<Values> {
    let proxies = table.proxies.iter().map(|(name, _)| name.as_str()).filter(|name| *name != "params");
    let names = ["params", "macs", LATENCY].into_iter().chain(proxies);
    let column = |name: &str| {
        let values = table.values(name)?;
        Some((name.to_string(), rows.iter().map(|&row| values[row]).collect()))
    };
    names.filter_map(column).collect()
}

fn from_table(config: &CandidatesConfig, truths: &Table) -> Result<Candidates, CandidatesError> {
    let origin = format!("`{}`", truths.path().display());
    let name = config.space.as_deref().ok_or_else(|| no_space(origin.clone()))?;
    let space = space::open(name, &Skeleton::default())?;
    let rows = TruthRows::of_space(truths, space.as_ref(), &config.targets)?;
    let count = |(id, representative): (ArchId, Architecture)| {
        let network = space.build(&representative, &TASK)?;
        let counts = |layers: usize| [network.params() as f64, network.macs() as f64, layers as f64].map(Some);
        Ok(network.live().map(|live| (id, representative, counts(live.layers().count()))))
    };
    let networks = rows.networks(space.as_ref());
    let n = networks.len();
    let counted: Result<Vec<_>, CandidatesError> = networks.into_par_iter().map(count).collect();
    let live: Vec<_> = counted?.into_iter().flatten().collect();
    if live.is_empty() {
        return Err(CandidatesError::AllDead { origin, networks: n });
    }
    let score = |(i, name): (usize, &str)| (name.to_string(), live.iter().map(|(_, _, counts)| counts[i]).collect());
    let scores = ["params", "macs", "layers"].into_iter().enumerate().map(score).collect();
    let (ids, archs): (Vec<_>, Vec<_>) = live.into_iter().map(|(id, arch, _)| (id, arch)).unzip();
    let truth = rows.join(truths, space.as_ref(), &archs, &ids, &config.targets)?;
    let key = Some(rows.key);
    Ok(Candidates { n_dead: n - archs.len(), n_over_limit: 0, space, archs, ids, scores, truth, key, run: None })
}

impl Candidates {
    /// The images that networks are built for: those of the run, 3x32x32 without one.
    pub fn image(&self) -> Shape {
        let of_run = self.run.as_ref().and_then(|run| serde_json::from_value(run["config"]["image"].clone()).ok());
        of_run.unwrap_or(TASK.input)
    }

    /// Number of networks.
    pub fn len(&self) -> usize {
        self.archs.len()
    }

    /// True without networks; [`load`] never returns that.
    pub fn is_empty(&self) -> bool {
        self.archs.is_empty()
    }

    /// The scores called `name`.
    pub fn score(&self, name: &str) -> Option<&[Option<f64>]> {
        self.scores.iter().find(|(n, _)| n == name).map(|(_, values)| values.as_slice())
    }

    /// The column of the table called `name`.
    pub fn truth(&self, name: &str) -> Option<&[Option<f64>]> {
        self.truth.iter().find(|(n, _)| n == name).map(|(_, values)| values.as_slice())
    }

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
        let mut groups = Vec::new();
        if scores {
            let names = self.scores.iter().filter(|(name, _)| name != "flops");
            let mut columns = score_columns(&names.cloned().collect::<Vec<_>>())?;
            columns.values = columns.values.select(Axis(0), rows);
            groups.push((SCORES_GROUP.to_string(), columns));
        }
        let archs: Vec<Architecture> = rows.iter().map(|&row| self.archs[row].clone()).collect();
        for name in encodings {
            let encoding = encoding::find(name)?;
            groups.push((encoding.name.to_string(), (encoding.encode)(self.space.as_ref(), &archs)));
        }
        Ok(FeatureMatrix::new(groups, prior)?)
    }
}

/// The encodings used if none is named.
pub fn default_encodings() -> Vec<&'static str> {
    let known = |name: &&str| ENCODINGS.iter().any(|e| e.name == *name);
    DEFAULT_ENCODINGS.into_iter().find(known).into_iter().collect()
}

#[cfg(test)]
mod tests;
