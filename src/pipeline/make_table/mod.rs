//! A benchmark table of one's own: networks of a space trained for real, several times each.
//!
//! Networks are the distinct live ones among the architectures of the space in a random order that `seed` fixes, so a
//! table grows by asking for more of them: the first ones stay, and what is trained is not trained again.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::screen::thread_pool;
use super::{Progress, RunError, RunOptions};
use crate::benchmark::Table;
use crate::benchmark::columns::{Values, integer, number, text, write_with};
use crate::data::{DataSpec, Skipped};
use crate::engine::parse_device;
use crate::files::FileError;
use crate::folder::{self, Folder, Made, Settings, TRAINED, to_toml};
use crate::hardware::{HardwareError, MeasureOptions, Setting, measure};
use crate::network::Network;
use crate::pipeline::counts::{TRAININGS, check_count};
use crate::pipeline::results::read;
use crate::seed::{Stream, derive};
use crate::space::{ArchId, Architecture, SearchSpace, SpaceError, SpaceSpec, Task, in_settings};
use crate::stats::mean;
use crate::train::{Recipe, Training, TrainingData};
use crate::trial::{Job, TrainError, TrainStage};

mod page;

pub(in crate::pipeline) use page::KIND;

/// Runs that a median latency is of.
const RUNS: usize = 30;
/// Keys of the configuration and of what latencies were measured on, in the metadata of the files.
const CONFIG_KEY: &str = "naslens.table";
const LATENCY_KEY: &str = "naslens.latency";
/// Spaces up to this size are gone through in a random order; from larger ones architectures are drawn.
const SHUFFLED: u128 = 1 << 20;
/// Draws without a new network after which a larger space counts as exhausted.
const PATIENCE: usize = 100_000;

/// What is trained, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableConfig {
    /// Search space with its options; see `naslens list spaces`.
    #[serde(flatten, serialize_with = "in_settings::serialize", deserialize_with = "in_settings::required")]
    pub space: SpaceSpec,
    /// Images; see `naslens list data`.
    pub data: DataSpec,
    /// Fixes which networks, which images, and all trainings.
    #[serde(default)]
    pub seed: u64,
    /// Trainings per network, from different initialisations.
    #[serde(default = "three")]
    pub repeats: u64,
    /// How networks are trained.
    #[serde(default)]
    pub train: Recipe,
}

impl Settings for TableConfig {}

fn three() -> u64 {
    3
}

impl TableConfig {
    /// Reads a TOML file.
    pub fn read(path: &Path) -> Result<Self, RunError> {
        let config: TableConfig = read::config(path)?;
        check_count("repeats", config.repeats, TRAININGS).map_err(|error| RunError::Value(error.to_string()))?;
        match config.train.problem() {
            Some(problem) => Err(RunError::Value(format!("train: {problem}"))),
            None => Ok(config),
        }
    }
}

/// The images that a table of this kind was trained on, by its metadata.
pub(super) fn data_of(table: &Table) -> Option<DataSpec> {
    Some(toml::from_str::<TableConfig>(&table.metadata(CONFIG_KEY)?).ok()?.data)
}

/// What a table has become.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TableOutcome {
    /// One row per network.
    pub table: PathBuf,
    /// One row per network, training and epoch.
    pub curves: PathBuf,
    /// Networks in the table.
    pub networks: usize,
    /// Trainings in the table.
    pub trainings: usize,
    /// Trainings whose loss stopped being finite.
    pub diverged: usize,
    /// Processor seconds of all trainings.
    pub cpu_seconds: f64,
    /// Image files that were left out because they could not be decoded.
    pub skipped: Vec<Skipped>,
}

/// Trains the first `networks` networks and writes `table.parquet` and `curves.parquet` into `out`. The same command after
/// an interruption, or with more networks, goes on from what is there. With `latency`, each network is also measured on this
/// machine (one thread, batch 1), one after another when the trainings are done.
pub fn make_table(
    config: &TableConfig,
    networks: usize,
    latency: bool,
    out: &Path,
    options: &RunOptions<'_>,
    on_progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<TableOutcome, RunError> {
    let space = config.space.open()?;
    let source = config.data.open(&options.watch())?;
    let dataset = source.dataset()?;
    let device = parse_device(options.device)?;
    let data = TrainingData::new(dataset, &config.train, derive(config.seed, "split"), device)?;
    data.census().warnings().iter().for_each(|warning| (options.on_note)(warning));
    let task = Task::classify(config.train.image, data.classes());
    let members = members(space.as_ref(), &task, config.seed, networks)?;

    let recipe = config.train.resolved(data.sizes()[0]);
    let made = Made::here(device, dataset.fingerprint());
    let folder = Folder::open(out, &folder::TABLE, config, &made, options.overwrite, 10_000_000)?;
    let stage = TrainStage {
        space: space.as_ref(),
        recipe: &recipe,
        data: &data,
        seed: config.seed,
        dir: folder.subfolder(TRAINED)?,
        short: Vec::new(),
    };
    let pool = thread_pool(options.threads)?;
    let job = |m: &Member, repeat| stage.job(space.format(&m.arch), m.id.to_string(), repeat, false);
    let jobs: Vec<Job> = members.iter().flat_map(|m| (0..config.repeats).map(move |r| job(m, r))).collect();
    let start = std::time::Instant::now();
    let trainings = stage.run(&jobs, &pool, options.stop, &mut |done, total, resumed| {
        on_progress(Progress { done, total, resumed, seconds: start.elapsed().as_secs_f64() });
    })?;

    let diverged = trainings.iter().filter(|t| t.diverged()).count();
    if diverged == trainings.len() && diverged > 0 {
        let (trainings, learning_rate) = (diverged, config.train.learning_rate);
        return Err(TrainError::AllDiverged { trainings, learning_rate }.into());
    }
    let setting = Setting::here(options.device, 1, 1, true).map_err(HardwareError::from)?;
    let latencies = if latency {
        let all: Vec<&Network> = members.iter().map(|m| &m.network).collect();
        let measure_options = MeasureOptions { runs: RUNS, stop: options.stop };
        let measured = measure(&all, &setting, measure_options, &mut |_, _| {})?;
        measured.into_iter().map(|m| Some(m.timing.p50_ms)).collect()
    } else {
        vec![None; members.len()]
    };
    let rows: Vec<Row> = members
        .into_iter()
        .zip(latencies)
        .zip(trainings.chunks(config.repeats as usize))
        .map(|((m, latency_ms), trainings)| Row {
            arch: space.format(&m.arch),
            arch_id: m.id.to_string(),
            params: m.network.params(),
            macs: m.network.macs(),
            latency_ms,
            trainings: trainings.to_vec(),
        })
        .collect();
    let (table, curves) = (out.join("table.parquet"), out.join("curves.parquet"));
    let metadata = [(CONFIG_KEY, to_toml(config)?), (LATENCY_KEY, setting.to_string())];
    let metadata = &metadata[..if latency { 2 } else { 1 }];
    write_table(&table, &rows, config.repeats as usize, recipe.epochs, metadata)?;
    write_curves(&curves, &rows, &metadata[..1])?;
    Ok(TableOutcome {
        table,
        curves,
        networks: rows.len(),
        trainings: trainings.len(),
        diverged,
        cpu_seconds: trainings.iter().map(|t| t.cpu_seconds).sum(),
        skipped: source.skipped().to_vec(),
    })
}

/// A network of the table.
struct Member {
    arch: Architecture,
    id: ArchId,
    network: Network,
}

/// The first `count` distinct live networks.
fn members(space: &dyn SearchSpace, task: &Task, seed: u64, count: usize) -> Result<Vec<Member>, SpaceError> {
    let mut stream = Stream::named(seed, "networks");
    let mut order = match space.size() {
        size if size <= SHUFFLED => {
            let mut indices: Vec<u64> = (0..size as u64).collect();
            stream.shuffle(&mut indices);
            Some(indices.into_iter())
        }
        _ => None,
    };
    let (mut seen, mut members, mut idle) = (HashSet::new(), Vec::new(), 0);
    while members.len() < count && idle < PATIENCE {
        let drawn = match &mut order {
            Some(indices) => match indices.next() {
                Some(index) => space.at(index),
                None => break,
            },
            None => Some(space.sample(&mut stream)),
        };
        let Some(drawn) = drawn else { continue };
        let id = space.arch_id(&drawn);
        idle += 1;
        if seen.insert(id) {
            let arch = space.representative(&drawn);
            if let Some(network) = space.build(&arch, task)?.live() {
                members.push(Member { arch, id, network });
                idle = 0;
            }
        }
    }
    Ok(members)
}

/// A network and its trainings.
pub(super) struct Row {
    pub arch: String,
    pub arch_id: String,
    pub params: u64,
    pub macs: u64,
    /// Median of this machine in milliseconds, if it was measured.
    pub latency_ms: Option<f64>,
    pub trainings: Vec<Training>,
}

impl Row {
    /// The mean over trainings; None if one of them diverged.
    fn mean(&self, value: impl Fn(&Training) -> Option<f64>) -> Option<f64> {
        let values = self.trainings.iter().map(|t| value(t).filter(|_| !t.diverged())).collect::<Option<Vec<_>>>()?;
        mean(&values)
    }
}

/// One row per network: `arch`, `arch_id`, `params`, `macs`, `test_acc_pct` and `valid_acc_pct` (means over trainings of
/// the last epoch's), the same for each training (`..._seed0_pct`, …), `valid_acc_epN_pct` (mean after epoch N) and
/// `train_cpu_s` (mean processor seconds), and `latency_ms` where it was measured. What diverged has no accuracy.
pub(super) fn write_table(
    path: &Path,
    rows: &[Row],
    repeats: usize,
    epochs: usize,
    metadata: &[(&str, String)],
) -> Result<(), FileError> {
    let valid = |t: &Training, epoch: usize| t.curve.get(epoch).map(|e| e.valid_accuracy_pct);
    let last = |t: &Training| t.last().map(|e| e.valid_accuracy_pct);
    let mut columns: Vec<(String, Values)> = vec![
        ("arch".into(), text(rows.iter().map(|r| &r.arch))),
        ("arch_id".into(), text(rows.iter().map(|r| &r.arch_id))),
        ("params".into(), integer(rows.iter().map(|r| r.params as i64))),
        ("macs".into(), integer(rows.iter().map(|r| r.macs as i64))),
        ("test_acc_pct".into(), number(rows.iter().map(|r| r.mean(|t| Some(t.test_accuracy_pct))))),
        ("valid_acc_pct".into(), number(rows.iter().map(|r| r.mean(last)))),
    ];
    for k in 0..repeats {
        let one = |r: &Row, value: &dyn Fn(&Training) -> Option<f64>| {
            value(&r.trainings[k]).filter(|_| !r.trainings[k].diverged())
        };
        let test = rows.iter().map(|r| one(r, &|t| Some(t.test_accuracy_pct)));
        columns.push((format!("test_acc_seed{k}_pct"), number(test)));
        columns.push((format!("valid_acc_seed{k}_pct"), number(rows.iter().map(|r| one(r, &last)))));
    }
    for epoch in 0..epochs {
        let mean = rows.iter().map(|r| r.mean(|t| valid(t, epoch)));
        columns.push((format!("valid_acc_ep{}_pct", epoch + 1), number(mean)));
    }
    columns.push(("train_cpu_s".into(), number(rows.iter().map(|r| r.mean(|t| Some(t.cpu_seconds))))));
    if rows.iter().any(|r| r.latency_ms.is_some()) {
        columns.push(("latency_ms".into(), number(rows.iter().map(|r| r.latency_ms))));
    }
    write_with(path, columns, metadata)
}

/// One row per network, training and epoch: `arch`, `arch_id`, `seed` (the repeat, from 0), `epoch`, `train_loss`,
/// `valid_acc_pct`.
pub(super) fn write_curves(path: &Path, rows: &[Row], metadata: &[(&str, String)]) -> Result<(), FileError> {
    let all: Vec<_> = rows
        .iter()
        .flat_map(|r| (0..).zip(&r.trainings).flat_map(move |(seed, t)| t.curve.iter().map(move |e| (r, seed, e))))
        .collect();
    let columns = vec![
        ("arch", text(all.iter().map(|(r, ..)| &r.arch))),
        ("arch_id", text(all.iter().map(|(r, ..)| &r.arch_id))),
        ("seed", integer(all.iter().map(|(_, seed, _)| *seed))),
        ("epoch", integer(all.iter().map(|(.., e)| e.epoch as i64))),
        ("train_loss", number(all.iter().map(|(.., e)| e.train_loss))),
        ("valid_acc_pct", number(all.iter().map(|(.., e)| e.valid_accuracy_pct))),
    ];
    write_with(path, columns, metadata)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Shape;
    use crate::space;

    #[test]
    fn a_larger_table_begins_with_the_smaller_one() {
        let task = Task::classify(Shape::new(1, 12, 12), 10);
        for name in ["nas-bench-201", "nas-bench-101"] {
            let space = space::open(&format!("{name}:channels=4,cells=1")).unwrap();
            let ids =
                |n| -> Vec<ArchId> { members(space.as_ref(), &task, 3, n).unwrap().iter().map(|m| m.id).collect() };
            let (few, many) = (ids(20), ids(50));
            assert_eq!(few, many[..20]);
            assert_eq!(many.iter().collect::<HashSet<_>>().len(), 50);
        }
    }

    #[test]
    fn a_space_has_so_many_networks_and_no_more() {
        let space = space::open("nas-bench-201:channels=2,cells=1").unwrap();
        let task = Task::classify(Shape::new(1, 4, 4), 2);
        assert_eq!(members(space.as_ref(), &task, 0, usize::MAX).unwrap().len(), 5043);
    }
}
