//! `naslens stability`.

use std::path::PathBuf;

use naslens::pipeline::{StabilityOptions, stability};

/// Tell from several screens of the same networks how far scores depend on the seed.
///
/// The screens differ in --seed, --batch-size or --data and cover the same networks (--all, or --archs with one FILE). Per
/// proxy: the reliability of one run, how far the best of one run are those of another, and how many runs one would have to
/// average for more. Nothing is scored again.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  naslens stability runs/seed0 runs/seed1 runs/seed2")]
pub struct Args {
    /// Folders of screens, two or more
    #[arg(required = true, value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// Fraction of networks counted as the top
    #[arg(long, default_value_t = 0.1, value_name = "PART", value_parser = part)]
    top: f64,
    /// Wanted reliability of the average
    #[arg(long, default_value_t = 0.95, value_name = "ICC", value_parser = part)]
    reliability: f64,
    /// Wanted overlap of the top by one average with that by another
    #[arg(long, default_value_t = 0.9, value_name = "PART", value_parser = part)]
    overlap: f64,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

fn part(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(part) if part > 0.0 && part < 1.0 => Ok(part),
        _ => Err("it must be a number between 0 and 1".into()),
    }
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let options = StabilityOptions { top: args.top, reliability: args.reliability, overlap: args.overlap };
    let stability = stability(&args.dirs, &options)?;
    super::present(&stability, |stability| stability.document(), args.json, true)
}
