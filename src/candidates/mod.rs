//! Distinct networks with what is known of them: scores of a run, truth of a published table, or both.
//!
//! Everything that joins networks with a table does it here: by what an architecture means, never by where its row stands.
//!
//! ```
//! use naslens::candidates::{CandidatesConfig, load};
//!
//! let candidates = load(&CandidatesConfig {
//!     table: Some("benchmarks-data/fashion-cells.parquet".into()),
//!     targets: vec!["test_acc_pct".into()],
//!     space: Some("nas-bench-201".into()),
//!     ..CandidatesConfig::default()
//! })?;
//! assert_eq!(candidates.truth("test_acc_pct").map(<[_]>::len), Some(candidates.len()));
//! # Ok::<(), naslens::candidates::CandidatesError>(())
//! ```

mod column;
mod error;
mod features;
mod listed;
mod names;
mod network_name;
mod role;
mod run_note;
mod score_table;
mod scores;
mod truth;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

pub use column::{Column, is_accuracy, percent_bounds, read as read_column};
pub use column::{ColumnRef, NoColumnNamed};
pub use error::CandidatesError;
pub use features::{PRIOR, SCORES_GROUP, default_encodings};
pub use names::{Architectures, architectures};
pub use network_name::NetworkName;
pub use role::Role;
pub use run_note::{Gate, RunNote};
pub use score_table::{SCORES_FILE, ScoreTable, read_scores};
pub use scores::{BASELINES, LATENCY, OK, ScoreColumn, score, score_names, scores_and_baselines};
pub use truth::{Join, Joined, join, strings_and_networks};

use crate::benchmark::{Table, TableError};
use crate::network::Shape;
use crate::proxy::Status;
use crate::space::{self, ArchId, Architecture, SearchSpace, SpaceSpec, Task};
use listed::Listed;
use names::Names;
use truth::Truths;

/// What networks are built for where no run says it: CIFAR-10.
const TASK: Task = Task::classify(Shape::new(3, 32, 32), 10);

/// Where candidates come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CandidatesConfig {
    /// Folder of a screen. Without one, the networks are those of the table.
    pub run: Option<PathBuf>,
    /// Parquet table with the truth, if there is any.
    pub table: Option<PathBuf>,
    /// Columns of the table to read.
    pub targets: Vec<String>,
    /// Name of the search space; a run names its own.
    pub space: Option<String>,
}

/// A column: one value per candidate, None where it is missing.
pub type Values = (String, Vec<Option<f64>>);

/// Distinct live networks with what is known of them. All lists have one entry per network: in the order in which the run
/// first names them, or, without a run, in the order of the space, whatever the order of the table.
pub struct Candidates {
    /// The space, with the options of the run.
    pub space: Box<dyn SearchSpace>,
    /// The representatives, one per [`ArchId`].
    pub archs: Vec<Architecture>,
    /// Their ids.
    pub ids: Vec<ArchId>,
    /// How each is written in the run or the table: as its representative if that is listed, else by its first string.
    pub texts: Vec<String>,
    /// `params` and `macs` as specified, `latency_ms` if the run has a latency model, then the columns of the run's scores,
    /// None where the status is not ok; without a run `params`, `macs` and `layers`, computed for 3x32x32 images and ten
    /// classes.
    pub scores: Vec<Values>,
    /// The columns of the table that were asked for: accuracies in percent.
    pub truth: Vec<Values>,
    /// How networks and table came together, if a table was read for a target.
    pub join: Option<Join>,
    /// Networks left out since no path leads from their input to their output.
    pub n_dead: usize,
    /// Networks left out since they are over a limit of the run.
    pub n_over_limit: usize,
    /// The run's description of itself.
    pub run: Option<RunNote>,
}

/// Reads the candidates.
///
/// With a run they are its distinct live networks; a network's scores are those of the row of its representative (the
/// string that is run for all of its class) if the run lists it, otherwise of the first row of the class. Without a run
/// they are the distinct live networks of the table that have a value in the first target, whose architectures are read
/// from text (`arch_str`, `arch`), from the official index (`arch_index`), or for NAS-Bench-101 from `num_vertices`,
/// `adjacency_bits` and `interior_ops`. Where no known space is named, or `table` is, networks are known by name only (the
/// first column of text in which most values differ), and their scores are the other columns of numbers that hold no accuracies.
///
/// The truth of a network is the mean of the table's rows of its representative that have a value; if there are none, the
/// mean of all rows of the network. A table without architectures is joined with a run by `arch_id`, or on the first 64 bits
/// of the id by `module_hash_hi64`.
pub fn load(config: &CandidatesConfig) -> Result<Candidates, CandidatesError> {
    match (&config.run, &config.table) {
        (Some(dir), truths) => from_run(config, dir, truths.as_deref()),
        (None, Some(truths)) => from_table(config, truths),
        (None, None) => {
            Err(CandidatesError::Refused("no networks are given; name the folder of a screen, or --table FILE".into()))
        }
    }
}

/// The table of scores in the folder of a run, or a table from elsewhere.
pub fn open_scores(dir: &Path) -> Result<Table, CandidatesError> {
    if dir.is_file() {
        return Ok(Table::open(dir)?);
    }
    Table::open(&dir.join(SCORES_FILE)).map_err(|error| match error {
        TableError::Missing { .. } => CandidatesError::Refused(format!(
            "`{}` holds no scores.parquet; name the output folder of a finished scoring run",
            dir.display()
        )),
        other => other.into(),
    })
}

/// The space that the rows of a table of scores are of, by the description of its run, else by the column `space` of the
/// scores or of a table of truths; None if nothing names a known one.
pub fn space_of_scores(scores: &Table, truths: &Table) -> Result<Option<Box<dyn SearchSpace>>, CandidatesError> {
    if let Some(run) = RunNote::of(scores).filter(|run| run.config["space"].is_string()) {
        // A space that a later version knows is joined as it is written.
        return Ok(run.space().ok().flatten().and_then(|spec| spec.open().ok()));
    }
    match names::space_of(scores)? {
        None => Ok(names::space_of(truths)?),
        found => Ok(found),
    }
}

fn no_space(origin: String) -> CandidatesError {
    CandidatesError::Refused(format!(
        "{origin} does not say which search space it belongs to; name it with --space (known: {}; table: by name only)",
        space::SPACES.names().join(", ")
    ))
}

/// The distinct architectures of a table of the space, in the order of the space, whatever the order of the table.
pub fn listed(table: &Path, space: &dyn SearchSpace) -> Result<Vec<Architecture>, CandidatesError> {
    let table = Table::open_truths(table)?;
    let mut archs: Vec<Architecture> = names::named(&table, space)?.rows.into_iter().flatten().collect();
    archs.sort_by_cached_key(|arch| (space.index_of(arch), arch.clone()));
    archs.dedup();
    Ok(archs)
}

/// The space of a run with its options, from its description.
fn space_of(
    config: &CandidatesConfig,
    dir: &Path,
    run: Option<&RunNote>,
) -> Result<Box<dyn SearchSpace>, CandidatesError> {
    let asked = config.space.as_deref().map(str::parse::<SpaceSpec>).transpose()?;
    let found = run.map(RunNote::space).transpose()?.flatten();
    let Some(spec) = found.as_ref().or(asked.as_ref()) else {
        return Err(no_space(format!("the run in {}", dir.display())));
    };
    let found = spec.entry()?.name;
    match &asked {
        Some(asked) if asked.entry()?.name != found => {
            let dir = dir.display();
            Err(CandidatesError::Refused(format!(
                "the run in {dir} is of the space {found}, not {asked}; leave out --space"
            )))
        }
        _ => Ok(spec.open()?),
    }
}

/// A network, and the row that speaks for it.
struct Chosen {
    id: ArchId,
    row: usize,
    /// Whether that row is its representative's.
    own: bool,
    representative: Architecture,
    text: String,
}

/// The distinct networks of these rows, in the order in which they are first named.
fn distinct(space: &dyn SearchSpace, rows: impl IntoIterator<Item = (usize, Architecture)>) -> Vec<Chosen> {
    let rows: Vec<(usize, Architecture)> = rows.into_iter().collect();
    let named = |(row, arch): (usize, Architecture)| {
        let representative = space.representative(&arch);
        let (own, text) = (representative == arch, space.format(&arch));
        Chosen { id: space.arch_id(&arch), row, own, representative, text }
    };
    let all: Vec<Chosen> = rows.into_par_iter().map(named).collect();
    let mut positions: HashMap<ArchId, usize> = HashMap::new();
    let mut chosen: Vec<Chosen> = Vec::new();
    for one in all {
        let position = *positions.entry(one.id).or_insert(chosen.len());
        match chosen.get_mut(position) {
            None => chosen.push(one),
            Some(earlier) if one.own && !earlier.own => *earlier = one,
            Some(_) => {}
        }
    }
    chosen
}

/// Keeps the networks with a path from input to output: their parameters, multiply-accumulates and live layers.
fn keep_live(space: &dyn SearchSpace, chosen: &mut Vec<Chosen>, task: &Task) -> Result<Vec<[f64; 3]>, CandidatesError> {
    let count = |one: &Chosen| {
        let network = space.build(&one.representative, task)?;
        let counts = |layers: usize| [network.params() as f64, network.macs() as f64, layers as f64];
        Ok(network.live().map(|live| counts(live.layers().count())))
    };
    let counted = chosen.par_iter().map(count).collect::<Result<Vec<_>, CandidatesError>>()?;
    let mut live = counted.iter().map(Option::is_some);
    chosen.retain(|_| live.next().unwrap_or(false));
    Ok(counted.into_iter().flatten().collect())
}

fn from_run(config: &CandidatesConfig, dir: &Path, truths: Option<&Path>) -> Result<Candidates, CandidatesError> {
    let table = open_scores(dir)?;
    let run = RunNote::of(&table);
    let space = space_of(config, dir, run.as_ref())?;
    let named = names::named(&table, space.as_ref())?;
    let rows = named.rows.into_iter().enumerate().filter_map(|(row, arch)| Some((row, arch?)));
    let mut chosen = distinct(space.as_ref(), rows);
    let networks = chosen.len();
    let columns: Vec<ScoreColumn> =
        score_names(&table).iter().map(|name| score(&table, name)).collect::<Result<_, _>>()?;
    let refused = |row: usize, status: Status| columns.iter().any(|column| column.statuses[row] == status.name());
    let n_over_limit = chosen.iter().filter(|c| refused(c.row, Status::OverLimit)).count();
    chosen.retain(|c| !refused(c.row, Status::OverLimit) && !refused(c.row, Status::Dead));
    let mut scores: Vec<Values> = Vec::new();
    if !table.has("params") || !table.has("macs") {
        // Scores from elsewhere do not say what is dead, nor what a network costs.
        let task = Task { input: image_of(run.as_ref()), ..TASK };
        let counted = keep_live(space.as_ref(), &mut chosen, &task)?;
        let of = |i: usize| counted.iter().map(|counts| Some(counts[i])).collect();
        scores = vec![("params".into(), of(0)), ("macs".into(), of(1))];
    }
    if chosen.is_empty() {
        let origin = format!("the run in {}", dir.display());
        return Err(if n_over_limit > 0 {
            CandidatesError::Refused(format!(
                "all {n_over_limit} live networks of {origin} are over its limits; screen again with higher ones"
            ))
        } else {
            CandidatesError::all_dead(&origin, networks)
        });
    }
    let at: Vec<usize> = chosen.iter().map(|c| c.row).collect();
    let known = scores.len();
    for name in ["params", "macs", LATENCY].into_iter().filter(|name| known == 0 || *name == LATENCY) {
        if table.has(name) {
            let values = table.f64_column(name)?;
            scores.push((name.into(), at.iter().map(|&row| values[row]).collect()));
        }
    }
    let proxies = columns.iter().filter(|column| column.name != "params");
    scores.extend(proxies.map(|column| (column.name.clone(), column.at(&at))));
    let (archs, ids, texts) = split(chosen);
    let n_dead = networks - archs.len() - n_over_limit;
    let (truth, join) = (Vec::new(), None);
    let mut candidates = Candidates { n_dead, n_over_limit, space, archs, ids, texts, scores, truth, join, run };
    if let Some(table) = truths {
        let (truth, join) = candidates.join(table, &config.targets)?;
        (candidates.truth, candidates.join) = (truth, Some(join));
    }
    Ok(candidates)
}

fn split(chosen: Vec<Chosen>) -> (Vec<Architecture>, Vec<ArchId>, Vec<String>) {
    let (mut archs, mut ids, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    for one in chosen {
        archs.push(one.representative);
        ids.push(one.id);
        texts.push(one.text);
    }
    (archs, ids, texts)
}

fn from_table(config: &CandidatesConfig, path: &Path) -> Result<Candidates, CandidatesError> {
    let table = Table::open_truths(path)?;
    let origin = format!("`{}`", path.display());
    let space: Box<dyn SearchSpace> = match &config.space {
        Some(name) if name == listed::ENTRY.name => Box::new(Listed::of(&table)?),
        Some(name) => space::open(name)?,
        None => match names::space_of(&table)? {
            Some(space) => space,
            None if names::is_of_no_space(&table)? => Box::new(Listed::of(&table)?),
            None => return Err(no_space(origin)),
        },
    };
    let named = names::named(&table, space.as_ref())?;
    let truths = Names::of(&named, space.as_ref());
    let target = config.targets.first().map(|target| column::read(&table, target)).transpose()?;
    let counts_in = |row: &usize| target.as_ref().is_none_or(|target| target.values[*row].is_some());
    let mut rows: Vec<(usize, Architecture)> =
        named.rows.into_iter().enumerate().filter_map(|(row, arch)| Some((row, arch?))).collect();
    let listed = rows.len();
    rows.retain(|(row, _)| counts_in(row));
    if let Some(target) = target.filter(|_| rows.is_empty() && listed > 0) {
        return Err(CandidatesError::no_truth(&table, &target.name, listed, target.impossible));
    }
    rows.sort_by_cached_key(|(_, arch)| (space.index_of(arch), arch.clone()));
    let mut chosen = distinct(space.as_ref(), rows);
    let networks = chosen.len();
    let mut scores = Vec::new();
    if space.describes() {
        let counted = keep_live(space.as_ref(), &mut chosen, &TASK)?;
        let score =
            |(i, name): (usize, &str)| (name.to_string(), counted.iter().map(|counts| Some(counts[i])).collect());
        scores.extend(["params", "macs", "layers"].into_iter().enumerate().map(score));
    }
    if chosen.is_empty() {
        return Err(CandidatesError::all_dead(&origin, networks));
    }
    let (archs, ids, texts) = split(chosen);
    let truths = Truths::new(table, truths);
    if !space.describes() {
        // An accuracy that is not asked for would give away the one that is.
        let used = |name: &String| !config.targets.contains(name) && !is_accuracy(name);
        let counts = ["params", "macs", LATENCY].map(String::from).into_iter().filter(|name| truths.table.has(name));
        let names = counts.chain(score_names(&truths.table)).filter(used);
        for name in names {
            let values = truths.values(&name, &archs, &ids)?;
            scores.push((name, values));
        }
    }
    let (truth, join) = truths.of_networks(space.as_ref(), &archs, &ids, &config.targets)?;
    let (n_dead, join) = (networks - archs.len(), Some(join));
    Ok(Candidates { n_dead, n_over_limit: 0, space, archs, ids, texts, scores, truth, join, run: None })
}

/// The images that networks are built for: those of the run, 3x32x32 without one.
fn image_of(run: Option<&RunNote>) -> Shape {
    run.and_then(|run| run.setting("image")).unwrap_or(TASK.input)
}

impl Candidates {
    /// What each network is called.
    pub fn names(&self) -> Vec<NetworkName> {
        self.texts.iter().zip(&self.ids).map(|(text, id)| NetworkName::new(text, id)).collect()
    }

    /// What networks are built for: the images and classes of the run. Without one it is CIFAR-10.
    pub fn task(&self) -> Task {
        Task::classify(self.image(), self.run.as_ref().and_then(|run| run.classes).unwrap_or(TASK.target.outputs()))
    }

    /// The images that networks are built for: those of the run, 3x32x32 without one.
    pub fn image(&self) -> Shape {
        image_of(self.run.as_ref())
    }

    /// Columns of a further table for these networks, and how they were joined with the first of them.
    pub fn join(&self, table: &Path, targets: &[String]) -> Result<(Vec<Values>, Join), CandidatesError> {
        Truths::open(table, self.space.as_ref())?.of_networks(self.space.as_ref(), &self.archs, &self.ids, targets)
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
}

#[cfg(test)]
mod tests;
