//! `naslens predict-images`.

use std::path::PathBuf;

use naslens::pipeline::{PredictImagesConfig, predict_images};

use super::skeleton::SkeletonArgs;

/// Rows of the table that is printed.
const SHOWN: usize = 20;

/// Name the classes of image files by an exported network.
///
/// Images are read as those were that the network was trained on. Files that can't be decoded are named and left out; the exit
/// code is 1 only if none can be decoded.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  naslens predict-images runs/mine/winner new-images/ --out predicted.csv
  naslens predict-images runs/mine/winner one.png two.jpg --json")]
pub struct Args {
    /// Folder of an export, such as `winner` of a run, or its model.safetensors
    export: PathBuf,
    /// Image files, and folders that are searched for them
    #[arg(required = true)]
    images: Vec<PathBuf>,
    /// File for all predictions, .parquet or .csv: file, class, probability, and p_CLASS for each class
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    skeleton: SkeletonArgs,
    /// Print all predictions as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let options = args.skeleton.given();
    let config = PredictImagesConfig { export: args.export, options, images: args.images, out: args.out };
    let found = predict_images(&config)?;
    super::tell_skipped(&found.skipped);
    if args.json {
        return super::print(&serde_json::to_string(&found)?);
    }
    let shown = &found.images[..found.images.len().min(SHOWN)];
    let width = |text: &dyn Fn(usize) -> String| (0..shown.len()).map(|i| text(i).chars().count()).max().unwrap_or(0);
    let file = |i: usize| shown[i].file.display().to_string();
    let (files, classes) = (width(&file), width(&|i| shown[i].class.clone()));
    let line = |i: usize| format!("{:files$}  {:classes$}  {:.3}", file(i), shown[i].class, shown[i].probability);
    let mut lines: Vec<String> = (0..shown.len()).map(line).collect();
    if shown.len() < found.images.len() {
        lines.push(format!("and {} more", found.images.len() - shown.len()));
    }
    lines.extend(config.out.map(|out| format!("predictions: {}", out.display())));
    super::print(&lines.join("\n"))
}
