//! `naslens make-table`.

use std::path::PathBuf;
use std::process::ExitCode;

use naslens::pipeline::{TableConfig, make_table};

use super::machine::MachineArgs;
use super::progress::Reporter;

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

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = TableConfig::read(&args.config)?;
    let out = args.out.unwrap_or_else(|| PathBuf::from("runs").join(args.config.file_stem().unwrap_or_default()));
    let options = args.machine.options()?;
    let mut reporter = Reporter::new("trainings");
    let outcome = make_table(&config, args.networks, args.latency, &out, &options, &mut |p| {
        reporter.update(p.done, p.total, p.resumed, p.seconds);
    });
    reporter.finish();
    let outcome = outcome?;
    super::tell_skipped(&outcome.skipped);
    if args.json {
        super::print(&serde_json::to_string_pretty(&outcome)?)?;
    } else {
        super::print(&format!(
            "{} networks, {} trainings ({} diverged), {:.0} processor seconds\ntable: {}\ncurves: {}",
            outcome.networks,
            outcome.trainings,
            outcome.diverged,
            outcome.cpu_seconds,
            outcome.table.display(),
            outcome.curves.display()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
