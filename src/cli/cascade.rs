//! `naslens cascade`.

use std::path::PathBuf;

use naslens::pipeline::{CascadeStage, Keep, evaluate_cascades};

/// Parts that are tried if only the score of the cheap stage is named.
const PARTS: [f64; 6] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5];

/// Estimate from a finished screen what a cascade would find and how much time it saves.
///
/// Replays cascades on the scores in DIR, which must cover every network: the share of the 10 and 100 best networks by the
/// goal that each would have found, and the seconds it would have saved. Nothing is scored again.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("cascades").required(true).multiple(true).args(["by", "cascade"]))]
#[command(after_help = "\
Examples:
  naslens cascade runs/first --goal naslens --by params@live,synflow
  naslens cascade runs/first --goal naslens --cascade synflow:0.5,naswot:0.1")]
pub struct Args {
    /// Folder of a screen without --cascade
    dir: PathBuf,
    /// Score that the best networks are wanted by
    #[arg(long, value_name = "SCORE")]
    goal: String,
    /// Cheap scores, separated by commas: of each, 1%, 2%, 5%, 10%, 20% and 50% are kept
    #[arg(long, value_delimiter = ',', value_name = "SCORE")]
    by: Vec<String>,
    /// A cascade as in `naslens screen`, for example synflow:0.5,naswot:0.1; may be repeated
    #[arg(long, value_name = "SCORE:KEEP,...")]
    cascade: Vec<String>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let stage = |score: &String, part: f64| vec![CascadeStage { score: score.clone(), keep: Keep::Fraction(part) }];
    let mut cascades: Vec<Vec<CascadeStage>> = args.by.iter().flat_map(|s| PARTS.map(|part| stage(s, part))).collect();
    for text in &args.cascade {
        let stages: Result<Vec<CascadeStage>, String> = text.split(',').map(str::parse).collect();
        cascades.push(stages.map_err(anyhow::Error::msg)?);
    }
    let evaluation = evaluate_cascades(&args.dir, &args.goal, &cascades)?;
    super::present(&evaluation, |evaluation| evaluation.document(), args.json, true)
}
