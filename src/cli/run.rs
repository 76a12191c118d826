//! `naslens run`.

use std::path::PathBuf;
use std::process::ExitCode;

use naslens::pipeline::{RunConfig, RunOptions, Stage, run as run_all};

use super::progress::Reporter;

/// Screen a space, train a few networks to learn from, predict the rest, confirm the best, report.
///
/// The best predicted networks and as many random controls are trained with the same recipe, so the report can say
/// whether screening helped. Everything is in OUT: report.html, scores.parquet, predictions.parquet, trainings.parquet.
#[derive(clap::Args)]
pub struct Args {
    /// Configuration (TOML); what it does not mention has its default
    #[arg(value_name = "CONFIG.toml")]
    config: PathBuf,
    /// Folder for the results [default: runs/NAME of the configuration]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Networks scored or trained side by side [default: measured once]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    device: String,
    /// Discard an earlier run in the folder
    #[arg(long)]
    overwrite: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = RunConfig::read(&args.config)?;
    let out = args.out.unwrap_or_else(|| PathBuf::from("runs").join(args.config.file_stem().unwrap_or_default()));
    let options = RunOptions::new(&args.device, args.threads.map(usize::from), args.overwrite, &super::STOP)?;
    let mut current: Option<(Stage, Reporter)> = None;
    let outcome = run_all(&config, &out, &options, &mut |stage, p| {
        if current.as_ref().is_none_or(|(s, _)| *s != stage) {
            if let Some((_, reporter)) = current.take() {
                reporter.finish();
            }
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
    if let Some((_, reporter)) = &current {
        reporter.finish();
    }
    let outcome = outcome?;
    super::tell_skipped(&outcome.skipped);
    if args.json {
        let summary = serde_json::json!({ "report": outcome.report, "verdict": outcome.verdict });
        super::print(&serde_json::to_string_pretty(&summary)?)?;
    } else {
        for sentence in &outcome.verdict {
            super::print(sentence)?;
        }
        super::print(&format!("report: {}", outcome.report.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
