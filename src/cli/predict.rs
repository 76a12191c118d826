//! `naslens predict`.

use std::path::PathBuf;

use naslens::candidates::{CandidatesConfig, default_encodings};
use naslens::pipeline::RunConfig;
use naslens::pipeline::counts::DRAWS;
use naslens::pipeline::predict::{LabelsConfig, PredictConfig, curves, predict_from_labels, write_curves};

use super::count;
use super::progress::during;

/// Predict accuracies from few labels, and tell how well that works.
///
/// With --table, which knows the truth of all networks: learning curves. Labels are drawn at random, each predictor learns from
/// them, and its predictions of all other networks are judged beside scores that need no label. With --labels-from, which
/// knows a few: predictions with intervals for every network of the run, in predictions.parquet.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  naslens predict --space nas-bench-201 --table benchmarks-data/fashion-cells.parquet \\
    --target test_acc_pct --labels 25,50,100 --repeats 5   # how many labels are enough
  naslens predict runs/first --labels-from FEW.parquet --target test_acc_pct")]
pub struct Args {
    /// Folder of a screen; without it the networks are those of the table
    #[arg(required_unless_present = "table")]
    run: Option<PathBuf>,
    /// Parquet table with the truth
    #[arg(long, value_name = "FILE", required_unless_present = "labels_from", requires = "target")]
    table: Option<PathBuf>,
    /// Parquet file with a few trained networks (arch and accuracy) to predict all others of RUN from
    #[arg(long, value_name = "FILE", conflicts_with = "table", requires = "run")]
    labels_from: Option<PathBuf>,
    /// Column to predict; higher is better [default with --labels-from: accuracy]
    #[arg(long, value_name = "COLUMN")]
    target: Option<String>,
    /// Search space, where no run says it
    #[arg(long)]
    space: Option<String>,
    /// Predictors, separated by commas, or all; see `naslens list predictors` [default: stack]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    predictors: Vec<String>,
    /// Numbers of labels, separated by commas [default: 10,25,50,100,200,400, as far as half of the networks stay unseen]
    #[arg(long, value_delimiter = ',', value_name = "N", conflicts_with = "labels_from")]
    labels: Vec<usize>,
    /// Random draws of labels for each number
    #[arg(long, default_value_t = 20, value_name = "N", conflicts_with = "labels_from", value_parser = count::<usize>(DRAWS))]
    repeats: usize,
    /// Encodings beside the scores, separated by commas, or none [default: graf, or one_hot]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    encodings: Vec<String>,
    /// Root of all random numbers
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Confidence level of intervals; also the central range of repeats shown
    #[arg(long, default_value_t = 0.9)]
    level: f64,
    /// Folder for all points (Parquet) and the report (JSON) [default with --labels-from: RUN]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Say what the columns of the tables mean
    #[arg(long)]
    explain: bool,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let encodings = match args.encodings.as_slice() {
        [] => default_encodings().into_iter().map(String::from).collect(),
        [none] if none == "none" => Vec::new(),
        named => named.to_vec(),
    };
    match (&args.labels_from, &args.run) {
        (Some(file), Some(run)) => from_labels(&args, file.clone(), run.clone(), encodings),
        _ => learning_curves(args, encodings),
    }
}

fn from_labels(args: &Args, labels: PathBuf, run: PathBuf, encodings: Vec<String>) -> anyhow::Result<()> {
    let predictor = match args.predictors.as_slice() {
        [] => RunConfig::default().predictor,
        [one] => one.clone(),
        more => anyhow::bail!("{} predictors are named, but predictions are those of one; name one", more.len()),
    };
    let out = args.out.clone().unwrap_or_else(|| run.clone());
    let config = LabelsConfig {
        run,
        labels,
        target: args.target.clone().unwrap_or_else(|| "accuracy".into()),
        space: args.space.clone(),
        predictor,
        encodings,
        seed: args.seed,
        level: args.level,
    };
    let found = predict_from_labels(&config, &out)?;
    super::present(&found, |found| found.document(), args.json, args.explain)
}

fn learning_curves(args: Args, encodings: Vec<String>) -> anyhow::Result<()> {
    let config = PredictConfig {
        candidates: CandidatesConfig { run: args.run, table: args.table, targets: Vec::new(), space: args.space },
        target: args.target.unwrap_or_default(),
        predictors: args.predictors,
        labels: args.labels,
        repeats: args.repeats,
        encodings,
        seed: args.seed,
        level: args.level,
    };
    let found = during("fits", |on| curves(&config, &super::STOP, on))?;
    if let Some(out) = &args.out {
        write_curves(&found, out)?;
    }
    super::present(&found, |found| found.document(), args.json, args.explain)
}
