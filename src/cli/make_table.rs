//! `naslens make-table`.

use std::path::PathBuf;

use naslens::pipeline::{TableConfig, make_table};

use super::machine::MachineArgs;
use super::progress::during;

/// Train networks and write a benchmark table.
///
/// The first N distinct networks of a random order are trained several times each. Run again with a larger N to grow the
/// table, or after an interruption to go on. OUT gets table.parquet (a row per network, for --table of the other
/// commands) and curves.parquet (a row per training and epoch).
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  naslens make-table benchmarks-data/fashion-cells.toml --networks 20 --out runs/table")]
pub struct Args {
    /// Configuration (TOML): space, data, seed, repeats, and [train] as for `naslens run`
    #[arg(value_name = "CONFIG.toml")]
    config: PathBuf,
    /// Distinct networks in the table
    #[arg(long, value_name = "N")]
    networks: usize,
    /// Measure the latency of every network too, one after another (one thread, batch 1)
    #[arg(long)]
    latency: bool,
    /// Folder for the results [default: runs/NAME of the configuration]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    machine: MachineArgs,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let config = TableConfig::read(&args.config)?;
    let out = args.out.unwrap_or_else(|| PathBuf::from("runs").join(args.config.file_stem().unwrap_or_default()));
    let options = args.machine.options()?;
    let outcome = during("trainings", |on| make_table(&config, args.networks, args.latency, &out, &options, on))?;
    super::tell_skipped(&outcome.skipped);
    super::output(args.json, &outcome, |o| {
        format!(
            "{} networks, {} trainings ({} diverged), {:.0} processor seconds\ntable: {}\ncurves: {}",
            o.networks,
            o.trainings,
            o.diverged,
            o.cpu_seconds,
            o.table.display(),
            o.curves.display()
        )
    })
}
