//! `naslens init`.

use naslens::data::DataSpec;
use naslens::network::Shape;
use naslens::pipeline::RunConfig;

/// Print the configuration of `naslens run` for images, every setting with a comment.
///
/// Write it to a file, change what you like, and run it.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  naslens init --data folder:IMAGES > mine.toml
  naslens run mine.toml --out runs/mine")]
pub struct Args {
    /// Images to score and train with; see `naslens list data`
    #[arg(long)]
    data: DataSpec,
    /// Shape that images are adapted to, CHANNELSxHEIGHTxWIDTH in pixels [default: their own, up to 32 pixels a side]
    #[arg(long, value_name = "CxHxW")]
    image: Option<Shape>,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let config = RunConfig::for_images(args.data, args.image, &super::progress::watch())?;
    super::print(config.commented()?.trim_end())
}
