//! `naslens search`.

use std::path::PathBuf;

use naslens::candidates::ColumnRef;
use naslens::data::DataSpec;
use naslens::files::inside;
use naslens::pipeline::search::{
    Budget, Constraint, LiveConfig, PoolConfig, ShortColumn, SimulationConfig, Source, search_live, search_table,
};
use naslens::pipeline::{RunConfig, RunOptions};
use naslens::strategy::STRATEGIES;

use super::limits::LimitArgs;
use super::progress::during;

/// Columns of a published table, shared by `search` and `compare`.
#[derive(clap::Args)]
pub struct TableArgs {
    /// Column with the accuracy that strategies are told; a name that ends in _frac says that it is a fraction
    #[arg(long, value_name = "COLUMN", requires = "table")]
    target: Option<String>,
    /// Column with the accuracy that is reported, such as that on test images [default: the target]
    #[arg(long = "final", value_name = "COLUMN", requires = "table")]
    reported: Option<String>,
    /// Column with accuracies after fewer epochs; repeatable
    #[arg(long = "short", value_name = "COLUMN=EPOCHS", requires = "table")]
    short: Vec<ShortColumn>,
    /// Epochs of a full training in the table
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    epochs: u32,
    /// Column with the seconds of a full training, in this table or another; missing values are estimated by linear regression
    #[arg(long, value_name = "[TABLE:]COLUMN", requires = "table")]
    cost: Option<ColumnRef>,
    /// Search space of the table; a run names its own
    #[arg(long)]
    space: Option<String>,
}

/// Who may be trained, shared by `search` and `compare`.
#[derive(clap::Args)]
pub struct PoolArgs {
    /// Upper limit on a cost: params, macs, a score of the run, or a column of this table or another; the value
    /// may end in k, M or G; repeatable
    #[arg(long = "max", value_name = "[TABLE:]NAME=VALUE")]
    constraints: Vec<Constraint>,
    /// Encodings that surrogates see beside the scores, separated by commas [default: graf]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    encodings: Vec<String>,
    /// A longer training goes on from the shorter one, so that only the epochs added are paid
    #[arg(long)]
    pub continued: bool,
}

impl TableArgs {
    /// What is looked up where.
    pub fn simulation(self, run: Option<PathBuf>, table: PathBuf, pool: PoolArgs) -> anyhow::Result<SimulationConfig> {
        let Some(target) = self.target else { anyhow::bail!("--table needs --target, the column with the accuracy") };
        Ok(SimulationConfig {
            run,
            table,
            space: self.space,
            target,
            short: self.short,
            epochs: self.epochs,
            reported: self.reported,
            cost: self.cost,
            pool: PoolConfig { constraints: pool.constraints, encodings: pool.encodings, ..PoolConfig::default() },
        })
    }
}

/// Search for the best network with a strategy, in a published table or by training for real.
///
/// With --table, accuracies are looked up. Without, networks of the screen in RUN are trained, each result is kept, and the
/// same command goes on after an interruption. Networks that break a constraint are not in the pool, so no strategy can
/// choose one.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  naslens search --strategy bayesian --space nas-bench-201 --table benchmarks-data/fashion-cells.parquet \\
    --target valid_acc_pct --final test_acc_pct --epochs 4 --queries 30
  naslens search runs/first --strategy regularised_evolution --max params=1.0M --queries 20   # trains for real")]
pub struct Args {
    /// Folder of a screen; without one, the networks of the table are searched
    #[arg(value_name = "RUN", required_unless_present = "table")]
    run: Option<PathBuf>,
    /// Parquet table with accuracies
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
    #[command(flatten)]
    columns: TableArgs,
    #[command(flatten)]
    pool: PoolArgs,
    #[command(flatten)]
    limit: LimitArgs,
    /// Strategy; see `naslens list strategies`
    #[arg(long, value_name = "NAME")]
    strategy: String,
    /// Trainings, in units of a full one [default: 150 with --table, else 20 unless --budget-seconds is given]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    queries: Option<u32>,
    /// No training is begun after so many seconds of training
    #[arg(long, value_name = "SECONDS")]
    budget_seconds: Option<f64>,
    /// Seed of the strategy
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Images to train on; see `naslens list data` [default: those of the screen]
    #[arg(long, conflicts_with = "table")]
    data: Option<DataSpec>,
    /// Configuration (TOML) as of `naslens run`, whose [train] says how networks are trained
    #[arg(long, value_name = "CONFIG.toml", conflicts_with = "table")]
    config: Option<PathBuf>,
    /// Epochs of shorter trainings that strategies may ask for, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "N", conflicts_with = "table")]
    short_epochs: Vec<u32>,
    /// Networks trained side by side; the search depends on it
    #[arg(long, default_value_t = 1, value_name = "N", conflicts_with = "table", value_parser = clap::value_parser!(u16).range(1..=1024))]
    batch: u16,
    /// auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    device: String,
    /// Folder for the results [default: RUN/search/STRATEGY-SEED, or runs/search/STRATEGY-SEED]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Discard an earlier search in the folder
    #[arg(long)]
    overwrite: bool,
    /// Say what the columns of the tables mean
    #[arg(long)]
    explain: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let entry = STRATEGIES.find(&args.strategy)?;
    let base = args.run.clone().unwrap_or_else(|| PathBuf::from("runs"));
    let out = match args.out {
        Some(out) => out,
        None => inside(&base, format!("search/{}-{}", entry.name, args.seed))?,
    };
    let queries = args.queries.or(match (&args.table, args.budget_seconds) {
        (Some(_), _) => Some(150),
        (None, None) => Some(20),
        (None, Some(_)) => None,
    });
    let budget = Budget {
        trainings: queries.map_or(f64::INFINITY, f64::from),
        seconds: args.budget_seconds,
        continued: args.pool.continued,
    };
    let limits = args.limit.of(args.run.as_deref(), args.columns.space.as_deref(), &args.device)?;
    let report = match (args.table, args.run) {
        (Some(table), run) => {
            let mut config = args.columns.simulation(run, table, args.pool)?;
            config.pool.limits = limits;
            search_table(&config, entry, args.seed, &budget, &out, &super::STOP)?
        }
        (None, run) => {
            let config = LiveConfig {
                run: run.unwrap_or_default(),
                recipe: args.config.map(|path| RunConfig::read(&path)).transpose()?.map(|config| config.train),
                data: args.data,
                short: args.short_epochs,
                pool: PoolConfig { constraints: args.pool.constraints, limits, encodings: args.pool.encodings },
                batch: args.batch.into(),
            };
            let watch = super::progress::watch();
            let options = RunOptions::new(&args.device, Some(args.batch.into()), args.overwrite, &super::STOP)?;
            let options = RunOptions { on_read: watch.on_progress, on_note: watch.on_note, ..options };
            during("trainings", |on| search_live(&config, entry, args.seed, &budget, &out, &options, on))?
        }
    };
    if let Source::Training(training) = &report.source {
        super::tell_skipped(&training.skipped);
    }
    super::present(&report, |report| report.document(), args.json, args.explain)
}
