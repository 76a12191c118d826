//! `naslens run`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ArgGroup;
use naslens::data::DataSpec;
use naslens::network::Shape;
use naslens::pipeline::latency::Subject;
use naslens::pipeline::{RunConfig, Stage, run as run_all};

use super::latency::LimitArgs;
use super::machine::MachineArgs;
use super::progress::Reporter;

/// Screen a space, train a few networks to learn from, predict the rest, confirm the best, report, export the winner.
///
/// The best predicted networks and as many controls are trained with the same recipe, so the report can say whether screening
/// helped. Everything is in OUT: report.html, scores.parquet, predictions.parquet, trainings.parquet, and the best network
/// as PyTorch source, safetensors and ONNX in winner/. For images of your own no configuration is needed:
///
///   naslens run --data folder:IMAGES --max-latency-ms 50 --out runs/mine
#[derive(clap::Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(true).args(["config", "data"]))]
#[command(after_help = "\
Examples:
  naslens run demo.toml --out runs/demo
  naslens run --data folder:IMAGES --max-latency-ms 50 --out runs/mine")]
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
    #[command(flatten)]
    limit: LimitArgs,
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
    let (config, name) = configuration(&args)?;
    let out = args.out.unwrap_or_else(|| PathBuf::from("runs").join(name));
    let options = args.machine.options()?;
    let mut current: Option<(Stage, Reporter)> = None;
    let outcome = run_all(&config, &out, &options, &mut |stage, p| {
        if current.as_ref().is_none_or(|(s, _)| *s != stage) {
            drop(current.take());
            let (title, unit) = match stage {
                Stage::Screen => ("scoring untrained networks", "networks"),
                Stage::Label => ("training random networks to learn from", "trainings"),
                Stage::Confirm => ("training finalists and random controls", "trainings"),
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
        (None, Some(data)) => (RunConfig::for_images(data.clone(), &super::progress::watch())?, "images".into()),
        (None, None) => (RunConfig::default(), "run".into()),
    };
    if let Some(data) = &args.data {
        config = config.with_data(data.clone())?;
    }
    if let Some(image) = args.image {
        (config.screen.image, config.train.image) = (image, image);
    }
    let screen = &mut config.screen;
    screen.max_latency_ms = args.limit.max_latency_ms.or(screen.max_latency_ms);
    screen.latency_model = args.limit.latency_model.clone().or(screen.latency_model.take());
    if screen.max_latency_ms.is_some() && screen.latency_model.is_none() {
        screen.latency_model = Some(super::latency::model_of(&Subject::of(screen)?, &args.machine.device)?);
    }
    Ok((config, name))
}
