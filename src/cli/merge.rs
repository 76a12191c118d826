//! `naslens merge`.

use std::path::PathBuf;
use std::thread::available_parallelism;

use naslens::pipeline::{RunOptions, merge};

/// Put together the scores of shards that ran without a common file system.
///
/// Copies the scores in the folders DIR, which must be of equal settings, versions and images, into OUT, and writes
/// OUT/scores.parquet if nothing is missing. Otherwise it says what is, and the command to go on with. The folders are not
/// changed.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  naslens screen --sample 500 --shard 0/2 --out here     # on one machine
  naslens screen --sample 500 --shard 1/2 --out there    # on another
  naslens merge here there --out runs/both")]
pub struct Args {
    /// Folders of `naslens screen`, copied from where they were written
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// Folder for the results
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let threads = available_parallelism().map_or(1, usize::from);
    let options = RunOptions::new("cpu", Some(threads), false, &super::STOP)?;
    let watch = super::progress::watch();
    let options = RunOptions { on_read: watch.on_progress, on_note: watch.on_note, ..options };
    let merged = merge(&args.folders, &args.out, &options)?;
    super::tell(&format!("files of scores copied: {}, there already: {}", merged.copied, merged.known));
    match merged.finished {
        Ok(outcome) => super::screen::tell_outcome(&outcome, args.json),
        Err(error) => {
            if let Some(command) = merged.command {
                super::tell(&format!("to go on:\n  {command}"));
            }
            Err(error.into())
        }
    }
}
