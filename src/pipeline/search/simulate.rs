//! Searches whose trainings are looked up in a published table.

use std::collections::HashMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::constraint::{SecondsSource, seconds};
use super::drive::drive;
use super::members::{Members, PoolConfig, Population, by_id, pool};
use super::{Budget, Trace};
use crate::benchmark::Table;
use crate::candidates::{self, Candidates, CandidatesConfig, ColumnRef};
use crate::hardware::LatencyLimit;
use crate::pipeline::RunError;
use crate::strategy::{Pool, Proposal, StrategyEntry, Trial};
use crate::trial::{Backend, Job};

/// A column with accuracies after a short training.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShortColumn {
    /// The column.
    pub column: String,
    /// The epochs of the training.
    pub epochs: u32,
}

impl std::str::FromStr for ShortColumn {
    type Err = String;

    /// Reads `COLUMN=EPOCHS`.
    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("`{text}` is not COLUMN=EPOCHS, for example valid_acc_12ep_pct=12");
        let (column, epochs) = text.rsplit_once('=').ok_or_else(refuse)?;
        let epochs = epochs.trim().parse().ok().filter(|&e| e > 0).ok_or_else(refuse)?;
        let column = column.trim();
        if column.is_empty() { Err(refuse()) } else { Ok(ShortColumn { column: column.into(), epochs }) }
    }
}

/// What is searched, and which columns play which part.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulationConfig {
    /// Folder of a screen, whose scores strategies may use. Without one the networks are those of the table.
    pub run: Option<PathBuf>,
    /// The published table.
    pub table: PathBuf,
    /// Its search space; a run names its own.
    pub space: Option<String>,
    /// Column of the table with the accuracy after a full training that strategies are told; fractions are read as
    /// percent.
    pub target: String,
    /// Columns with the accuracies of shorter trainings.
    pub short: Vec<ShortColumn>,
    /// Epochs of a full training.
    pub epochs: u32,
    /// Column with the accuracy that is reported; the target if absent.
    pub reported: Option<String>,
    /// Column with the seconds of a full training; a training of `e` of `E` epochs takes `e / E` of them.
    pub cost: Option<ColumnRef>,
    /// Who may be trained.
    pub pool: PoolConfig,
}

/// Where the numbers of a simulated search come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableSource {
    /// File name of the table.
    pub table: String,
    /// Column that strategies are told.
    pub target: String,
    /// Column that is reported.
    pub reported: String,
    /// The best reported accuracy of all networks that may be trained, percent.
    pub best_pct: f64,
    /// Where the seconds come from; costs are counted in trainings alone without it.
    pub seconds: Option<SecondsSource>,
}

/// A pool whose trainings are known.
pub struct Simulation {
    /// What strategies choose from.
    pub pool: Pool,
    /// By member: its full training.
    jobs: Vec<Job>,
    /// The member of each id.
    members: HashMap<String, usize>,
    /// By number of epochs (as in the pool) and member: the accuracy that strategies are told, percent.
    pub accuracy_pct: Vec<Vec<f64>>,
    /// By member: the accuracy that is reported, percent.
    pub reported_pct: Vec<f64>,
    /// By member: seconds of a full training, if known.
    pub seconds: Option<Vec<f64>>,
    /// The limit on latency that the members meet by prediction.
    pub limit: Option<LatencyLimit>,
}

impl Simulation {
    /// The best reported accuracy in the pool.
    pub fn best_pct(&self) -> f64 {
        self.reported_pct.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// A search by a fresh strategy. Depends on the strategy, its seed and the budget alone.
    pub fn search(&self, entry: &StrategyEntry, seed: u64, budget: &Budget) -> Result<Trace, RunError> {
        let mut strategy = (entry.open)(seed);
        let mut lookup = Lookup { simulation: self, begun: Vec::new() };
        drive(strategy.as_mut(), &self.pool, &self.jobs, budget, 1, &mut lookup)
    }
}

/// Looks up in the table what trainings came to.
struct Lookup<'a> {
    simulation: &'a Simulation,
    begun: Vec<Job>,
}

impl Backend for Lookup<'_> {
    type Finished = Trial;
    type Error = RunError;

    fn start(&mut self, job: Job) -> Result<(), RunError> {
        self.begun.push(job);
        Ok(())
    }

    fn poll(&mut self) -> Result<Vec<(Job, Trial)>, RunError> {
        let Simulation { pool, members, accuracy_pct, reported_pct, seconds, .. } = self.simulation;
        let full = pool.epochs[pool.epochs.len() - 1];
        let trial = |job: Job| {
            let (member, epochs) = (members[&job.arch_id], job.epochs);
            let level = pool.epochs.iter().position(|&e| e == epochs).ok_or_else(|| {
                RunError::Refused(format!(
                    "a training of {epochs} epochs was asked for, which the pool does not offer; report this as a bug"
                ))
            })?;
            let trial = Trial {
                reported_pct: Some(reported_pct[member]),
                seconds: seconds.as_ref().map(|s| s[member] * f64::from(epochs) / f64::from(full)),
                ..Trial::new(Proposal { member, epochs }, Some(accuracy_pct[level][member]))
            };
            Ok((job, trial))
        };
        std::mem::take(&mut self.begun).into_iter().map(trial).collect()
    }

    fn busy(&self) -> usize {
        self.begun.len()
    }
}

/// Reads the tables and puts the pool together.
pub fn simulation(config: &SimulationConfig) -> Result<(Simulation, Population, TableSource), RunError> {
    let levels = levels(config)?;
    let reported = config.reported.clone().unwrap_or_else(|| config.target.clone());
    let candidates = load(config, &levels, &reported)?;
    let limits = config.pool.open_limits(&candidates)?;
    let task = candidates.task();
    let truth = |column: &str| candidates.truth(column).unwrap_or_default().to_vec();
    let accuracy: Vec<Vec<Option<f64>>> = levels.iter().map(|(_, column)| truth(column)).collect();
    let reported_pct = truth(&reported);
    let complete = |m: &usize| accuracy.iter().chain([&reported_pct]).all(|values| values[*m].is_some());
    let known: Vec<usize> = (0..candidates.len()).filter(complete).collect();
    if known.is_empty() {
        return Err(RunError::Refused(format!(
            "none of the {} networks has a value in every column that is asked for in `{}`; choose other columns",
            candidates.len(),
            config.table.display()
        )));
    }
    let measured = config.cost.as_ref().map(|column| candidates.column(column)).transpose()?;
    let macs = candidates.score("macs").unwrap_or_default().to_vec();
    let epochs = levels.iter().map(|level| level.0).collect();
    let Members { pool, candidates: members, jobs, population } =
        pool(candidates, known, &config.pool, &limits, &task, epochs)?;
    let (seconds, source) = match config.cost.as_ref().zip(measured) {
        Some((column, measured)) => {
            let (seconds, source) = seconds(column, &measured, &macs, &members)?;
            (Some(seconds), Some(source))
        }
        None => (None, None),
    };
    let at = |values: &[Option<f64>]| members.iter().filter_map(|&m| values[m]).collect::<Vec<f64>>();
    let accuracy_pct = accuracy.iter().map(|values| at(values)).collect();
    let (reported_pct, members) = (at(&reported_pct), by_id(&jobs));
    let simulation = Simulation { pool, jobs, members, accuracy_pct, reported_pct, seconds, limit: limits.latency };
    let source = TableSource {
        table: config.table.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        target: config.target.clone(),
        reported,
        best_pct: simulation.best_pct(),
        seconds: source,
    };
    Ok((simulation, population, source))
}

/// Epochs and the column of their accuracy, ascending.
fn levels(config: &SimulationConfig) -> Result<Vec<(u32, String)>, RunError> {
    let mut levels: Vec<(u32, String)> = config.short.iter().map(|s| (s.epochs, s.column.clone())).collect();
    levels.sort();
    levels.push((config.epochs, config.target.clone()));
    match levels.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
        Some(pair) => Err(RunError::Refused(format!(
            "a short training has {} epochs and the next longer one {}; give every length once, all below --epochs",
            pair[0].0, pair[1].0
        ))),
        None => Ok(levels),
    }
}

/// The candidates with every column of the main table that is named.
fn load(config: &SimulationConfig, levels: &[(u32, String)], reported: &str) -> Result<Candidates, RunError> {
    let mut targets = vec![config.target.clone()];
    let main = Table::open_truths(&config.table)?;
    let parts = levels.iter().map(|(_, column)| column.clone()).chain([reported.to_string()]);
    let named = config.pool.constraints.iter().map(|c| &c.cost).chain(&config.cost).filter(|c| c.table.is_none());
    // What the table does not have may be a score; if it is not, it is refused by name later.
    for column in parts.chain(named.map(|c| c.column.clone()).filter(|column| main.has(column))) {
        if !targets.contains(&column) {
            targets.push(column);
        }
    }
    let table = Some(config.table.clone());
    Ok(candidates::load(&CandidatesConfig { run: config.run.clone(), table, targets, space: config.space.clone() })?)
}
