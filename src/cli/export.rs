//! `naslens export`.

use std::path::PathBuf;

use naslens::network::Shape;
use naslens::pipeline::{ExportConfig, export};
use naslens::space::SpaceSpec;
use naslens::text::thousands;

use super::skeleton::SkeletonArgs;

/// Write a network as PyTorch source, safetensors and ONNX, with an example and a check of all three.
///
/// Without --weights the network is untrained. With the weights of an export, space, architecture, images and classes are those
/// that stand in them; channels and cells other than the published ones have to be given. Dead operations are left out. The
/// folder may hold other files, but none with the name of a file of the export, unless an earlier export wrote it.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  naslens export --arch '|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|' \\
    --out exported
  python exported/check.py")]
pub struct Args {
    /// Search space, as NAME or NAME:OPTION=VALUE,...; see `naslens list spaces` [default: that of the weights, or nas-bench-201]
    #[arg(long)]
    space: Option<SpaceSpec>,
    /// Architecture, as the space writes it; see `naslens list spaces --long` [default: that of the weights]
    #[arg(long)]
    arch: Option<String>,
    /// Number of classes [default: that of the weights, or 10]
    #[arg(long, value_name = "N")]
    classes: Option<usize>,
    /// Shape of the images, CHANNELSxHEIGHTxWIDTH in pixels [default: that of the weights, or 3x32x32]
    #[arg(long, value_name = "CxHxW")]
    image: Option<Shape>,
    #[command(flatten)]
    skeleton: SkeletonArgs,
    /// Root of the drawn weights and of the example images
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Weights to take: model.safetensors of an export of the same network
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Folder for the files
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Replace another export in the folder
    #[arg(long)]
    overwrite: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let config = ExportConfig {
        space: args.space,
        options: args.skeleton.given(),
        arch: args.arch,
        image: args.image,
        classes: args.classes,
        seed: args.seed,
        weights: args.weights,
        overwrite: args.overwrite,
    };
    let exported = export(&config, &args.out)?;
    let (dir, files) = (exported.dir.display(), exported.files);
    super::print(&if args.json {
        let summary = serde_json::json!({
            "path": exported.dir, "files": files, "params": exported.params, "macs": exported.macs,
        });
        summary.to_string()
    } else {
        let (params, macs) = (thousands(exported.params), thousands(exported.macs));
        format!("{params} parameters, {macs} MACs\n{dir}: {}\ncheck: python {dir}/check.py", files.join(", "))
    })
}
