//! `naslens bench`.

use clap::builder::{PossibleValue, PossibleValuesParser};
use naslens::network::Shape;
use naslens::pipeline::{BenchConfig, RunOptions, SECTIONS, ScreenConfig, bench};
use naslens::space::SpaceSpec;

use super::skeleton::SkeletonArgs;

/// Measure whole screens: time per network and proxy, memory, scaling, and other programs beside them.
///
/// Cases are run in turn, round after round; memory is looked at in the section `count`, programs are compared in `proxies`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  naslens bench --sections proxies --networks 10 --rounds 2 --set synflow --set naswot,grad_norm")]
pub struct Args {
    /// Sections to run, separated by commas [default: all]
    #[arg(long, value_delimiter = ',', value_name = "NAMES", value_parser = names())]
    sections: Vec<String>,
    /// Proxies computed together, separated by commas; repeatable [default: naswot, grad_norm, synflow, and all three]
    #[arg(long = "set", value_name = "PROXIES")]
    sets: Vec<String>,
    /// Distinct networks per case
    #[arg(long, default_value_t = 40, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    networks: u16,
    /// Times that every case is run
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Sample sizes of the section count
    #[arg(long, value_delimiter = ',', default_value = "100,1000", value_name = "N")]
    counts: Vec<u64>,
    /// Also count 10,000 architectures
    #[arg(long)]
    long: bool,
    /// Shell command that scores the same networks, such as "python3 benches/baseline_torch.py"; repeatable
    #[arg(long = "baseline", value_name = "COMMAND")]
    baselines: Vec<String>,
    /// Images per batch
    #[arg(long, default_value_t = 64, value_name = "N")]
    batch_size: usize,
    /// Shape that images are adapted to, CHANNELSxHEIGHTxWIDTH in pixels
    #[arg(long, default_value = "3x32x32", value_name = "CxHxW")]
    image: Shape,
    #[command(flatten)]
    skeleton: SkeletonArgs,
    /// Root of all random numbers
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Networks scored side by side [default: measured once]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    device: String,
    /// Print as JSON, with the figure of every round
    #[arg(long)]
    json: bool,
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(SECTIONS.iter().map(|s| PossibleValue::new(s.name).help(s.title)))
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let split = |set: &String| set.split(',').map(str::to_owned).collect();
    let sets = match args.sets.as_slice() {
        [] => ["naswot", "grad_norm", "synflow", "naswot,grad_norm,synflow"].map(|set| split(&set.into())).into(),
        sets => sets.iter().map(split).collect(),
    };
    let config = BenchConfig {
        screen: ScreenConfig {
            image: args.image,
            batch_size: args.batch_size,
            space: args.skeleton.of(SpaceSpec::default())?,
            seed: args.seed,
            ..ScreenConfig::default()
        },
        sets,
        networks: args.networks.into(),
        rounds: args.rounds.into(),
        sections: match args.sections.as_slice() {
            [] => SECTIONS.iter().map(|s| s.name.into()).collect(),
            names => names.to_vec(),
        },
        counts: args.counts.into_iter().chain(args.long.then_some(10_000)).collect(),
        baselines: args.baselines,
    };
    let options = RunOptions::new(&args.device, args.threads.map(usize::from), true, &super::STOP)?;
    let result = bench(&config, &options, &mut super::tell)?;
    super::present(&result, |result| result.document(), args.json, true)
}
