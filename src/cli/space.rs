//! `naslens space`.

use naslens::network::Shape;
use naslens::space::{SpaceSpec, Task, check};

/// Check a search space of your own.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  naslens space check examples/own_space.toml
  naslens space check examples/own_space.toml:stem=16 --image 1x28x28 --classes 10 --json

docs/own-space.md says how a space is written.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Check(CheckArgs),
}

/// Say how many architectures a space has, what they cost, and what is wrong with its file.
#[derive(clap::Args)]
struct CheckArgs {
    /// File of the space, or the name of a known one, with options
    #[arg(value_name = "FILE.toml")]
    space: SpaceSpec,
    /// Shape of the images [default: 3x32x32]
    #[arg(long, value_name = "CxHxW")]
    image: Option<Shape>,
    /// Number of classes
    #[arg(long, default_value_t = 10, value_parser = super::count::<usize>(1..=1_000_000))]
    classes: usize,
    /// Networks to build, on top of those that differ from the example in one decision
    #[arg(long, default_value_t = 2000, value_name = "N", value_parser = super::count::<usize>(1..=1_000_000))]
    sample: usize,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let Command::Check(args) = args.command;
    let space = args.space.open()?;
    let image = args.image.unwrap_or(Shape::new(3, 32, 32));
    let found = check(space.as_ref(), &Task::classify(image, args.classes), args.sample)?;
    super::output(args.json, &found, |found| found.to_text())
}
