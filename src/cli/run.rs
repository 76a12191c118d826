//! `naslens run`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Instant;

use clap::ArgGroup;
use naslens::data::DataSpec;
use naslens::network::Shape;
use naslens::pipeline::latency::Subject;
use naslens::pipeline::{Budget, RunConfig, RunOptions, Stage, run as run_all};
use naslens::space::SpaceSpec;

use super::count;
use super::limits::LimitArgs;
use super::machine::MachineArgs;
use super::progress::Reporter;
use super::train::TrainArgs;

/// Screen a space, train a few networks to learn from, predict the rest, confirm the best, report, export the winner.
///
/// The best predicted networks and as many controls are trained with the same recipe, so the report can say whether screening
/// helped. Everything is in OUT: report.html, scores.parquet, predictions.parquet, trainings.parquet, and the best network
/// as PyTorch source, safetensors and ONNX in winner/. For images of your own no configuration is needed; `naslens init` writes
/// one with comments.
#[derive(clap::Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(true).args(["config", "data"]))]
#[command(after_help = "\
Examples:
  naslens run demo.toml --out runs/demo
  naslens run --data folder:IMAGES --max-latency-ms 50 --out runs/mine
  naslens run --data folder:IMAGES --budget 20m --image 1x64x64
  naslens init --data folder:IMAGES > mine.toml; naslens run mine.toml")]
pub struct Args {
    /// Configuration (TOML); what it does not mention has its default
    #[arg(value_name = "CONFIG.toml")]
    config: Option<PathBuf>,
    /// Images to score and train with; see `naslens list data`
    #[arg(long)]
    data: Option<DataSpec>,
    /// Shape that images are adapted to, CHANNELSxHEIGHTxWIDTH in pixels [default: their own, up to 32 pixels a side]
    #[arg(long, value_name = "CxHxW")]
    image: Option<Shape>,
    /// Search space with its options, such as nas-bench-201:channels=16,cells=1; see `naslens list spaces`
    #[arg(long, value_name = "SPACE")]
    space: Option<SpaceSpec>,
    /// Networks to score, drawn uniformly [for images of one's own: 500, or as many as fit into 15 minutes]
    #[arg(long, value_name = "N")]
    sample: Option<u64>,
    /// Networks to train for the surrogate to learn from
    #[arg(long, value_name = "N")]
    labels: Option<usize>,
    /// Finalists to train, and as many controls
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// Root of all random numbers
    #[arg(long)]
    seed: Option<u64>,
    /// Time for everything, such as 20m or 2h: decides how much is scored, and how many networks are trained for how long
    #[arg(long, value_name = "TIME", conflicts_with_all = ["sample", "labels", "top", "steps", "epochs"])]
    budget: Option<Budget>,
    /// Judge the winner by a cross-validation of so many parts, 0 for none [default: 5 with fewer than 200 test images]
    #[arg(long, value_name = "K", value_parser = count::<u64>(0..=100))]
    folds: Option<u64>,
    #[command(flatten)]
    train: TrainArgs,
    #[command(flatten)]
    limit: LimitArgs,
    /// Folder for the results [default: runs/NAME of the configuration or of the images]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    machine: MachineArgs,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let started = Instant::now();
    let (config, name) = configuration(&args)?;
    let out = args.out.unwrap_or_else(|| PathBuf::from("runs").join(name));
    let options = RunOptions { started, ..args.machine.options()? };
    let mut current: Option<(Stage, Reporter)> = None;
    let outcome = run_all(&config, &out, &options, &mut |stage, p| {
        if current.as_ref().is_none_or(|(s, _)| *s != stage) {
            drop(current.take());
            let (title, unit) = match stage {
                Stage::Screen => ("scoring untrained networks", "networks"),
                Stage::Label => ("training random networks to learn from", "trainings"),
                Stage::Confirm => ("training finalists and random controls", "trainings"),
                Stage::Judge => ("judging the winner next to what needs no search", "winner"),
            };
            super::tell(title);
            current = Some((stage, Reporter::new(unit)));
        }
        if let Some((_, reporter)) = &mut current {
            reporter.update(p.done, p.total, p.resumed, p.seconds);
        }
    });
    drop(current);
    let outcome = outcome?;
    super::tell_skipped(&outcome.skipped);
    let summary = serde_json::json!({ "report": outcome.report, "verdict": outcome.verdict, "winner": outcome.winner,
            "diverged": outcome.diverged });
    super::output(args.json, &summary, |_| super::verdict(&outcome.verdict, &outcome.report))
}

/// The configuration of the file, or that for images of one's own, with what the command line says; and its name.
fn configuration(args: &Args) -> anyhow::Result<(RunConfig, OsString)> {
    let (mut config, name) = match (&args.config, &args.data) {
        (Some(path), _) => (RunConfig::read(path)?, path.file_stem().unwrap_or_default().to_owned()),
        (None, Some(data)) => {
            (RunConfig::for_images(data.clone(), args.image, &super::progress::watch())?, folder_name(data))
        }
        (None, None) => (RunConfig::default(), "run".into()),
    };
    if let Some(data) = &args.data {
        config = config.with_data(data.clone())?;
    }
    if let Some(image) = args.image {
        (config.screen.image, config.train.image) = (image, image);
    }
    let train = &args.train;
    if args.sample.is_some() || args.labels.is_some() || args.top.is_some() || train.sets_length() {
        // What is asked for is done, however long it takes.
        config.at_most = None;
    }
    config.sample = args.sample.unwrap_or(config.sample);
    config.labels = args.labels.unwrap_or(config.labels);
    config.top = args.top.unwrap_or(config.top);
    config.budget = args.budget.or(config.budget);
    config.folds = args.folds.map(|folds| folds as usize).or(config.folds);
    args.train.apply(&mut config.train);
    let screen = &mut config.screen;
    screen.space = args.space.clone().unwrap_or(screen.space.clone());
    screen.seed = args.seed.unwrap_or(screen.seed);
    screen.limits = args.limit.over(&screen.limits, || Ok(Some(Subject::of(screen)?)), &args.machine.device)?;
    Ok((config, name))
}

/// The last part of the data's path, or what they are called.
fn folder_name(data: &DataSpec) -> OsString {
    let text = data.to_string();
    let path = text.split_once(':').map_or(text.as_str(), |(_, path)| path.split(',').next().unwrap_or_default());
    PathBuf::from(path).file_stem().map_or("images".into(), OsString::from)
}
