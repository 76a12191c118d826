//! `naslens plan`.

use std::path::PathBuf;

use clap::ArgGroup;
use naslens::pipeline::plan::{Given, LearningCurve, Measured, measured, plan};

/// Split a budget: how many networks to score, to label, to confirm, and when to stop.
///
/// Costs are those that the run in RUN measured, or given. The plan maximises the expected quality of the best confirmed
/// network under a simple model, which docs/search.md explains.
#[derive(clap::Args)]
#[command(group = ArgGroup::new("budget").required(true).args(["hours", "seconds"]))]
#[command(after_help = "\
Examples:
  naslens plan runs/demo --hours 2
  naslens plan --hours 8 --networks 5000 --score-seconds 0.2 --training-seconds 600 --spread 2")]
pub struct Args {
    /// Folder of a run that measured what scores and trainings take
    #[arg(value_name = "RUN")]
    run: Option<PathBuf>,
    /// Hours to spend
    #[arg(long, value_name = "HOURS")]
    hours: Option<f64>,
    /// Seconds to spend
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<f64>,
    /// Distinct networks that could be scored [default: those of the run]
    #[arg(long, value_name = "N")]
    networks: Option<usize>,
    /// Seconds to score a network, wall-clock [default: as measured]
    #[arg(long, value_name = "SECONDS")]
    score_seconds: Option<f64>,
    /// Seconds of a training [default: as measured]
    #[arg(long, value_name = "SECONDS")]
    training_seconds: Option<f64>,
    /// Trainings side by side [default: as in the run, or 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    parallel: Option<u16>,
    /// curves.json of naslens predict: how well predictions rank, by number of labels [default: an assumption]
    #[arg(long, value_name = "FILE")]
    curves: Option<PathBuf>,
    /// Predictor in that file [default: the best with the most labels]
    #[arg(long, value_name = "NAME", requires = "curves")]
    predictor: Option<String>,
    /// Standard deviation of accuracy among networks, in percentage points [default: that of the labelled networks of the run]
    #[arg(long, value_name = "POINTS")]
    spread: Option<f64>,
    /// Stop when the expected improvement per training drops below this, in percentage points
    #[arg(long, default_value_t = 0.05, value_name = "POINTS")]
    stop_below: f64,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let given = Given {
        budget_seconds: args.seconds.or(args.hours.map(|h| h * 3600.0)).unwrap_or_default(),
        known: Measured {
            networks: args.networks,
            score_seconds: args.score_seconds,
            training_seconds: args.training_seconds,
            side_by_side: args.parallel.map(usize::from),
            spread: args.spread,
        },
        learning: match &args.curves {
            Some(path) => LearningCurve::read(path, args.predictor.as_deref())?,
            None => LearningCurve::default(),
        },
        stop_below: args.stop_below,
    };
    let run = args.run.as_deref().map(measured).transpose()?.unwrap_or_default();
    let plan = plan(given.complete(&run)?, args.run.as_deref())?;
    super::present(&plan, |plan| plan.document(), args.json, true)
}
