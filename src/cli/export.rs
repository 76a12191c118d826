//! `naslens export`.

use std::path::PathBuf;
use std::process::ExitCode;

use naslens::network::Shape;
use naslens::pipeline::{ExportConfig, export};
use naslens::space::SpaceSpec;
use naslens::text::thousands;

use super::space::SkeletonArgs;

/// Write a network as PyTorch source, safetensors and ONNX, with an example and a check of all three.
///
/// Without --weights the network is untrained. Dead operations are left out.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  naslens export --arch '|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|' \\
    --out exported
  python exported/check.py")]
pub struct Args {
    /// Search space, as NAME or NAME:OPTION=VALUE,…; see `naslens list spaces`
    #[arg(long, default_value = "nas-bench-201")]
    space: SpaceSpec,
    /// Architecture, as the space writes it; see `naslens list spaces --long`
    #[arg(long)]
    arch: String,
    /// Number of classes
    #[arg(long, default_value_t = 10, value_name = "N")]
    classes: usize,
    /// Shape of the images, CHANNELSxHEIGHTxWIDTH in pixels
    #[arg(long, default_value = "3x32x32", value_name = "CxHxW")]
    image: Shape,
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
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = ExportConfig {
        space: args.skeleton.of(args.space)?,
        arch: args.arch,
        image: args.image,
        classes: args.classes,
        seed: args.seed,
        weights: args.weights,
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
    })?;
    Ok(ExitCode::SUCCESS)
}
