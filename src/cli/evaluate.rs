//! `naslens evaluate`.

use std::path::PathBuf;

use naslens::pipeline::counts::RESAMPLES;
use naslens::pipeline::evaluate::{EvaluateOptions, evaluate};

use super::count;

/// Compare the scores of a run with known accuracies.
///
/// Joins RUN/scores.parquet with a table by what their architectures mean. Per proxy: rank correlations
/// with bootstrap intervals, overall and among the truly best tenth, precision of its own best tenth, and what the best
/// of its ten favourites lacks to the best of all.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  naslens evaluate runs/first --table benchmarks-data/fashion-cells.parquet --target test_acc_pct
  naslens evaluate runs/first --table TABLE.parquet --target COLUMN --json > evaluation.json
  naslens evaluate TABLE.parquet --target COLUMN    # its other columns of numbers, whatever the networks are")]
pub struct Args {
    /// Folder of a screen, or a Parquet table with scores
    #[arg(value_name = "RUN")]
    dir: PathBuf,
    /// Parquet table with the truth [default: RUN, where it is a table]
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
    /// Column of the table to compare with; higher is better
    #[arg(long, value_name = "COLUMN")]
    target: String,
    /// Bootstrap resamples behind each interval
    #[arg(long, alias = "repeats", default_value_t = 1000, value_name = "N", value_parser = count::<usize>(RESAMPLES))]
    resamples: usize,
    /// Seed of the resamples
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Say what the columns of the tables mean
    #[arg(long)]
    explain: bool,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let options = EvaluateOptions { repeats: args.resamples, seed: args.seed, ..EvaluateOptions::default() };
    let table = match args.table {
        Some(table) => table,
        None if args.dir.is_file() => args.dir.clone(),
        None => anyhow::bail!("there is nothing to compare with; add --table FILE with the truth"),
    };
    let evaluation = evaluate(&args.dir, &table, &args.target, &options)?;
    super::present(&evaluation, |evaluation| evaluation.document(), args.json, args.explain)
}
