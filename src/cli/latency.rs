//! `naslens latency`.

use std::path::PathBuf;

use clap::ArgGroup;
use naslens::hardware::{MeasureOptions, Setting};
use naslens::network::Shape;
use naslens::pipeline::counts::DRAWS;
use naslens::pipeline::latency::{
    PublishedConfig, Subject, default_model_file, fit_measured, fit_published, listed, measure_table, sampled,
    subject_of_run, top_of_run,
};
use naslens::space::SpaceSpec;

use super::count;
use super::progress::counting;
use super::skeleton::SkeletonArgs;

/// Measure how long networks take, or fit a model that predicts it.
///
/// Networks are measured one after another as this program runs them: live part, eval mode, normalisations folded. With --fit,
/// random networks are measured (or looked up, with --table) and a model is written that --max-latency-ms of `screen` and
/// `search` uses. Close other programs first.
#[derive(clap::Args)]
#[command(group = ArgGroup::new("networks").args(["arch", "run", "sample", "fit"]).required(true))]
#[command(after_help = "\
Examples:
  naslens latency --sample 5
  naslens latency --fit --samples 50 --out model.json
  naslens screen --sample 500 --max-latency-ms 2 --latency-model model.json --out runs/fast")]
pub struct Args {
    /// Search space; see `naslens list spaces` [default: nas-bench-201, or that of the run]
    #[arg(long, conflicts_with = "run")]
    space: Option<SpaceSpec>,
    #[command(flatten)]
    skeleton: SkeletonArgs,
    /// Shape of an image, CHANNELSxHEIGHTxWIDTH in pixels
    #[arg(long, default_value = "3x32x32", value_name = "CxHxW", conflicts_with = "run")]
    image: Shape,
    /// Classes
    #[arg(long, default_value_t = 10, value_name = "N")]
    classes: usize,
    /// Measure this architecture; repeatable
    #[arg(long, value_name = "ARCH")]
    arch: Vec<String>,
    /// Measure the best networks of the screen in this folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["init_channels", "cells"])]
    run: Option<PathBuf>,
    /// How many of them
    #[arg(long, default_value_t = 10, value_name = "N", requires = "run")]
    top: usize,
    /// The score that says which are best
    #[arg(long, default_value = "naslens", value_name = "SCORE", requires = "run")]
    by: String,
    /// Measure N random networks
    #[arg(long, value_name = "N")]
    sample: Option<usize>,
    /// Fit a model
    #[arg(long)]
    fit: bool,
    /// Networks that the model learns from
    #[arg(long, default_value_t = 100, value_name = "N", requires = "fit")]
    samples: usize,
    /// Fresh networks that it is judged by
    #[arg(long, default_value_t = 30, value_name = "N", conflicts_with = "table")]
    fresh: usize,
    /// Learn from this table of published latencies instead of measuring
    #[arg(long, value_name = "FILE", requires = "fit", requires = "column")]
    table: Option<PathBuf>,
    /// Its column, in milliseconds; repeatable, and the model is that of the first
    #[arg(long, value_name = "COLUMN", requires = "table")]
    column: Vec<String>,
    /// Random training subsets per sample size
    #[arg(long, default_value_t = 10, value_name = "N", requires = "table", value_parser = count::<usize>(DRAWS))]
    draws: usize,
    /// Root of all random numbers
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    device: String,
    /// Threads of libtorch
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: u16,
    /// Images per batch
    #[arg(long, alias = "batch", default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65536))]
    batch_size: u32,
    /// Runs of every network that count
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(3..))]
    runs: u32,
    /// Leave batch normalisations as operations of their own
    #[arg(long)]
    no_fold: bool,
    /// File for the measurements (Parquet), or for the model (JSON) [default with --fit: latency-model.json; with --table: none]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let subject = match &args.run {
        Some(run) => subject_of_run(run)?,
        None => Subject {
            space: args.skeleton.of(args.space.unwrap_or_default())?,
            image: args.image,
            classes: args.classes,
        },
    };
    if let Some(table) = args.table {
        let config =
            PublishedConfig { table, columns: args.column, samples: args.samples, draws: args.draws, seed: args.seed };
        let fits = counting("columns", |on| fit_published(&subject, &config, args.out.as_deref(), on))?;
        if args.json {
            return super::print(&serde_json::to_string_pretty(&fits)?);
        }
        return fits.iter().try_for_each(|fit| super::show(&fit.document(), true));
    }
    let setting = Setting::here(&args.device, args.threads.into(), args.batch_size as usize, !args.no_fold)?;
    let options = MeasureOptions { runs: args.runs as usize, stop: &super::STOP };
    let (document, json, warning) = if args.fit {
        let file = args.out.unwrap_or_else(default_model_file);
        let report = counting("visits", |on| {
            fit_measured(&subject, &setting, options, args.samples, args.fresh, args.seed, &file, on)
        })?;
        (report.document(), serde_json::to_string_pretty(&report)?, report.warning)
    } else {
        let chosen = match (args.sample, &args.run) {
            (Some(n), _) => sampled(&subject, n, args.seed)?,
            (None, Some(run)) => top_of_run(&subject, run, &args.by, args.top)?,
            (None, None) => listed(&subject, &args.arch)?,
        };
        let table = counting("visits", |on| measure_table(&chosen, &setting, options, on))?;
        if let Some(out) = &args.out {
            table.write(out)?;
        }
        (table.document(), serde_json::to_string_pretty(&table)?, table.warning)
    };
    if let Some(warning) = warning {
        super::tell(&format!("warning: {warning}"));
    }
    if args.json { super::print(&json) } else { super::show(&document, true) }
}
