//! `naslens compare`.

use std::path::PathBuf;

use naslens::pipeline::compare::{CompareConfig, CompareSettings, compare};
use naslens::pipeline::counts::{RESAMPLES, SEEDS};

use super::count;
use super::progress::during;
use super::search::{PoolArgs, TableArgs};

/// Compare search strategies on a published table, over many seeds.
///
/// Per strategy: regret to the best of the pool by trainings and hours, what it takes to come near the best, a paired test
/// against random search, and the seconds of the strategy itself. OUT/curves.parquet has every search.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  naslens compare --space nas-bench-201 --table benchmarks-data/fashion-cells.parquet \\
    --target valid_acc_pct --final test_acc_pct --epochs 4 --strategies bayesian,local_search --seeds 10 --queries 60")]
pub struct Args {
    /// Folder of a screen, whose scores strategies may use; without one, the networks of the table are searched
    #[arg(value_name = "RUN")]
    run: Option<PathBuf>,
    /// Parquet table with accuracies
    #[arg(long, value_name = "FILE")]
    table: PathBuf,
    #[command(flatten)]
    columns: TableArgs,
    #[command(flatten)]
    pool: PoolArgs,
    /// Strategies, separated by commas, or all; random search always takes part
    #[arg(long, value_delimiter = ',', default_value = "all", value_name = "NAMES")]
    strategies: Vec<String>,
    /// Searches per strategy
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = count::<u64>(SEEDS))]
    seeds: u64,
    /// First seed, and the seed of all resampling
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Trainings per search, in units of a full one
    #[arg(long, default_value_t = 150, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    queries: u32,
    /// Regrets in percentage points whose cost is asked for, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "0.5,0.1", value_name = "POINTS")]
    within: Vec<f64>,
    /// Trainings at which regrets are stated and tested, separated by commas [default: a tenth, a third and all]
    #[arg(long, value_delimiter = ',', value_name = "N")]
    at: Vec<u32>,
    /// Bootstrap resamples; tests draw ten times as many sign patterns
    #[arg(long, alias = "repeats", default_value_t = 2000, value_name = "N", value_parser = count::<usize>(RESAMPLES))]
    resamples: usize,
    /// Searches run side by side [default: all cores]; without effect on the searches
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Folder for the results [default: RUN/compare, or runs/compare]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Say what the columns of the tables mean
    #[arg(long)]
    explain: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let out = args.out.unwrap_or_else(|| args.run.clone().unwrap_or_else(|| "runs".into()).join("compare"));
    let config = CompareConfig {
        settings: CompareSettings {
            seeds: args.seeds,
            seed: args.seed,
            queries: args.queries,
            continued: args.pool.continued,
            within: args.within,
            at: args.at,
            repeats: args.resamples,
        },
        simulation: args.columns.simulation(args.run, args.table, args.pool)?,
        strategies: if args.strategies == ["all"] { Vec::new() } else { args.strategies },
    };
    let threads = args.threads.map(usize::from);
    let comparison = during("searches", |on| compare(&config, &out, threads, &super::STOP, on))?;
    super::present(&comparison, |comparison| comparison.document(), args.json, args.explain)?;
    if !args.json {
        super::print(&format!("\nsearches: {}", out.join("curves.parquet").display()))?;
    }
    Ok(())
}
