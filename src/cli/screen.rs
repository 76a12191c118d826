//! `naslens screen`.

use std::path::PathBuf;

use clap::ArgGroup;
use naslens::data::DataSpec;
use naslens::hardware::LimitSettings;
use naslens::network::Shape;
use naslens::pipeline::latency::Subject;
use naslens::pipeline::{
    CascadeStage, Init, Outcome, Protocol, ScreenConfig, Selection, ShardChoice, ShardOutcome, finish, read_arch_list,
    screen, screen_shard,
};
use naslens::space::SpaceSpec;
use naslens::text::thousands;

use super::limits::LimitArgs;
use super::machine::MachineArgs;
use super::progress::during;
use super::skeleton::SkeletonArgs;

/// Score untrained networks of a space with proxies.
///
/// Every distinct network is scored once; OUT/scores.parquet has one row per architecture asked for.
#[derive(clap::Args)]
#[command(group = ArgGroup::new("selection").required(true).args(["sample", "all", "archs"]))]
#[command(after_help = "\
Examples:
  naslens screen --sample 500 --proxies params,naswot,synflow --out runs/sample
  naslens screen --archs benchmarks-data/fashion-cells.parquet --data fashion --image 1x12x12 \\
    --init-channels 16 --cells 1 --proxies params,layers,synflow,naswot --out runs/cells
  naslens screen --all --cascade params@live:0.5 --proxies naslens --out runs/all
  naslens screen --sample 200 --data folder:IMAGES --image 3x64x64 --out runs/mine
  naslens screen --sample 500 --shard 0/4 --out runs/shared  # one of four; see docs/cluster.md")]
pub struct Args {
    /// Search space, as NAME or NAME:OPTION=VALUE,...; see `naslens list spaces`
    #[arg(long, default_value = "nas-bench-201")]
    space: SpaceSpec,
    /// Score N architectures drawn uniformly without replacement
    #[arg(long, value_name = "N")]
    sample: Option<u64>,
    /// Score the whole space
    #[arg(long)]
    all: bool,
    /// Score the architectures in FILE: one per line (# starts a comment), or the column arch of a Parquet table
    #[arg(long, value_name = "FILE")]
    archs: Option<PathBuf>,
    /// Proxies and ensembles, separated by commas; see `naslens list proxies`
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "params,flops,layers,synflow,naswot,jacov,grad_norm,snip,naslens"
    )]
    proxies: Vec<String>,
    /// Cheap scores first: with synflow:0.2, only the best fifth by synflow is scored with the proxies; with 500 instead of
    /// 0.2 the best 500 networks are. Several stages are separated by commas
    #[arg(long, value_delimiter = ',', value_name = "SCORE:KEEP")]
    cascade: Vec<CascadeStage>,
    /// Images that go in; see `naslens list data`
    #[arg(long, default_value = "digits")]
    data: DataSpec,
    /// Shape that images are adapted to, CHANNELSxHEIGHTxWIDTH in pixels
    #[arg(long, default_value = "3x32x32", value_name = "CxHxW")]
    image: Shape,
    /// Images per batch; the default becomes smaller where there are fewer images
    #[arg(long, default_value_t = 64, value_name = "N")]
    batch_size: usize,
    /// On what networks are run: full, or quick, at most 16 images of at most 32 pixels a side (docs/speed.md)
    #[arg(long, default_value_t)]
    protocol: Protocol,
    /// Draw the same number of images of every class
    #[arg(long)]
    class_balanced: bool,
    #[command(flatten)]
    skeleton: SkeletonArgs,
    #[command(flatten)]
    limit: LimitArgs,
    /// Root of all random numbers
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Weights: bank (networks share layers of equal name and shape) or independent
    #[arg(long, default_value = "bank", value_name = "INIT")]
    init: Init,
    #[command(flatten)]
    machine: MachineArgs,
    /// Score only the networks of shard I of N (from 0 on), beside other processes in the same OUT; the command without --shard
    /// then writes the table. With auto/N a Slurm or PBS array or a Kubernetes Indexed Job says I
    #[arg(long, value_name = "I/N", conflicts_with_all = ["overwrite", "only_finish"])]
    shard: Option<ShardChoice>,
    /// Write the table from what shards have scored; if scores are missing, say so instead of computing them
    #[arg(long, conflicts_with = "overwrite")]
    only_finish: bool,
    /// Folder for the results
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let mut config = ScreenConfig {
        space: args.skeleton.of(args.space)?,
        proxies: args.proxies,
        cascade: args.cascade,
        data: args.data,
        image: args.image,
        batch_size: args.batch_size,
        protocol: args.protocol,
        class_balanced: args.class_balanced,
        seed: args.seed,
        init: args.init,
        limits: LimitSettings::default(),
    };
    config.limits = args.limit.over(&config.limits, || Ok(Some(Subject::of(&config)?)), &args.machine.device)?;
    let selection = match (args.sample, args.archs) {
        (Some(n), _) => Selection::Sample(n),
        (None, Some(file)) => read_arch_list(&config, &file)?,
        (None, None) => Selection::All,
    };
    let options = args.machine.options()?;
    if let Some(choice) = args.shard {
        let shard = choice.resolve(|name| std::env::var(name).ok())?;
        let outcome = during("networks", |on| screen_shard(&config, &selection, &args.out, shard, &options, on))?;
        return tell_shard(&outcome, args.json);
    }
    let outcome = match args.only_finish {
        true => finish(&config, &selection, &args.out, &options)?,
        false => during("networks", |on| screen(&config, &selection, &args.out, &options, on))?,
    };
    tell_outcome(&outcome, args.json)
}

fn tell_failed(failed: &Option<(usize, String)>) {
    if let Some((n, first)) = failed {
        super::tell(&format!("warning: {n} networks could not be run; the first: {first}"));
    }
}

fn rate(computed: usize, seconds: f64) -> String {
    let rate = computed as f64 / seconds.max(1e-9);
    format!("{} runs in {seconds:.1} s ({rate:.1} networks/s)", thousands(computed as u64))
}

fn tell_shard(outcome: &ShardOutcome, json: bool) -> anyhow::Result<()> {
    tell_failed(&outcome.failed);
    super::tell_skipped(&outcome.skipped);
    let ShardOutcome { shard, path, networks, computed, seconds, failed, .. } = outcome;
    if json {
        let failed = failed.as_ref().map_or(0, |(n, _)| *n);
        let summary = serde_json::json!({
            "shard": shard.to_string(), "path": path, "networks": networks, "computed": computed, "failed": failed,
            "seconds": seconds,
        });
        return super::print(&summary.to_string());
    }
    super::print(&format!(
        "shard {shard}: {} networks; {}\nscores: {}; the same command without --shard writes the table",
        thousands(*networks as u64),
        rate(*computed, *seconds),
        path.display()
    ))
}

/// Says what a finished screen found.
pub fn tell_outcome(outcome: &Outcome, json: bool) -> anyhow::Result<()> {
    tell_failed(&outcome.failed);
    super::tell_skipped(&outcome.skipped);
    if json {
        return super::print(
            &serde_json::json!({
                "path": outcome.path,
                "architectures": outcome.table.arch.len(),
                "distinct_networks": outcome.distinct,
                "over_limit": outcome.over_limit,
                "computed": outcome.computed,
                "seconds": outcome.seconds,
            })
            .to_string(),
        );
    }
    if outcome.over_limit > 0 {
        super::print(&format!("{} networks are over the limits and not scored", thousands(outcome.over_limit as u64)))?;
    }
    super::print(&format!(
        "{} architectures, {} distinct networks; {}\nscores: {}",
        thousands(outcome.table.arch.len() as u64),
        thousands(outcome.distinct as u64),
        rate(outcome.computed, outcome.seconds),
        outcome.path.display(),
    ))
}
