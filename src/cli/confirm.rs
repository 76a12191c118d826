//! `naslens confirm`.

use std::path::PathBuf;

use naslens::data::DataSpec;
use naslens::files::inside;
use naslens::pipeline::RunConfig;
use naslens::pipeline::confirm::{ConfirmConfig, Controls, confirm};
use naslens::pipeline::counts::TRAININGS;

use super::count;
use super::limits::LimitArgs;
use super::machine::MachineArgs;
use super::progress::during;
use super::train::TrainArgs;

/// Train the best networks of a screen and as many controls, say whether screening helped, export the winner.
///
/// OUT gets report.html, trainings.parquet and winner/ with PyTorch source, safetensors and ONNX. The same command after an
/// interruption goes on, to the same numbers.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  naslens confirm runs/first --by naslens --top 8 --repeats 3 --controls matched
  naslens confirm runs/first --config demo.toml --max-latency-ms 5")]
pub struct Args {
    /// Folder of a screen
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Score that chooses finalists, highest first, or a column of a table, such as RUN/predictions.parquet:mean
    #[arg(long, default_value = "naslens", value_name = "[TABLE:]SCORE")]
    by: String,
    /// Finalists, and as many controls
    #[arg(long, default_value_t = 8, value_name = "N")]
    top: usize,
    /// Trainings of each, from different initialisations
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = count::<u64>(TRAININGS))]
    repeats: u64,
    /// Controls: random, or matched (as many multiply-accumulates as the finalists)
    #[arg(long, default_value = "random", value_name = "WHICH", value_parser = controls)]
    controls: Controls,
    /// Images to train on; see `naslens list data` [default: those of the screen]
    #[arg(long)]
    data: Option<DataSpec>,
    /// Configuration (TOML) as of `naslens run`, whose [train] says how networks are trained
    #[arg(long, value_name = "CONFIG.toml")]
    config: Option<PathBuf>,
    /// Judge the winner by a cross-validation of so many parts, 0 for none [default: 5 with fewer than 200 test images]
    #[arg(long, value_name = "K", value_parser = count::<u64>(0..=100))]
    folds: Option<u64>,
    #[command(flatten)]
    train: TrainArgs,
    #[command(flatten)]
    limit: LimitArgs,
    /// Root of split, controls and trainings
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder for the results [default: RUN/confirm]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    machine: MachineArgs,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

fn controls(text: &str) -> Result<Controls, String> {
    match text {
        "random" => Ok(Controls::Random),
        "matched" => Ok(Controls::Matched),
        _ => Err("choose random or matched".into()),
    }
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let out = match args.out {
        Some(out) => out,
        None => inside(&args.run, "confirm")?,
    };
    let limits = args.limit.of(Some(&args.run), None, &args.machine.device)?;
    let mut config = ConfirmConfig {
        by: args.by,
        top: args.top,
        repeats: args.repeats,
        controls: args.controls,
        data: args.data,
        seed: args.seed,
        limits,
        ..ConfirmConfig::new(&args.run)
    };
    if let Some(path) = &args.config {
        config.train = RunConfig::read(path)?.train;
    }
    args.train.apply(&mut config.train);
    config.folds = args.folds.map(|folds| folds as usize).or(config.folds);
    let options = args.machine.options()?;
    let report = during("trainings", |on| confirm(&config, &out, &options, on))?;
    super::tell_skipped(&report.skipped);
    super::output(args.json, &report, |r| super::verdict(&r.verdict, &r.report))
}
