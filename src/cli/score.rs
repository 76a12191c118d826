//! `naslens score`.

use std::path::PathBuf;

use clap::ValueEnum;
use naslens::data::DataSpec;
use naslens::network::Shape;
use naslens::pipeline::{ModelWeights, ScoreConfig, score_models};

/// Score models from ONNX files, a row per model.
///
/// A file becomes a network of naslens' own operations; its weights are drawn as for any untrained network unless --weights file
/// is given. A score that is not defined for a network, such as one of ReLUs where there are none, says so.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  naslens score model.onnx
  naslens score models/*.onnx --proxies params,naswot,synflow --data folder:IMAGES --out scores.parquet
  naslens score model.onnx --image 3x224x224 --weights file --json")]
pub struct Args {
    /// ONNX files
    #[arg(required = true, value_name = "MODEL.onnx")]
    models: Vec<PathBuf>,
    /// Proxies, separated by commas; see `naslens list proxies`
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "synflow,naswot,jacov,grad_norm,snip,meco"
    )]
    proxies: Vec<String>,
    /// Images that go in; see `naslens list data` [default: digits, or white noise for a model of fewer classes]
    #[arg(long)]
    data: Option<DataSpec>,
    /// Shape of the images, CHANNELSxHEIGHTxWIDTH in pixels, where the file leaves it open
    #[arg(long, value_name = "CxHxW")]
    image: Option<Shape>,
    /// Images per batch
    #[arg(long, default_value_t = 16, value_name = "N")]
    batch_size: usize,
    /// Weights of the models
    #[arg(long, value_enum, default_value_t = WeightSource::Drawn)]
    weights: WeightSource,
    /// Root of all random numbers
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    device: String,
    /// Write the rows to a Parquet file; one that naslens did not write is not replaced
    #[arg(long, value_name = "FILE.parquet")]
    out: Option<PathBuf>,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum WeightSource {
    /// Drawn, as for an untrained network
    Drawn,
    /// Those of the file
    File,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let weights = match args.weights {
        WeightSource::Drawn => ModelWeights::Drawn,
        WeightSource::File => ModelWeights::File,
    };
    let config = ScoreConfig {
        proxies: args.proxies,
        data: args.data,
        image: args.image,
        batch_size: args.batch_size,
        seed: args.seed,
        weights,
        device: args.device,
        out: args.out,
    };
    let table = score_models(&args.models, &config)?;
    super::present(&table, |table| table.document(), args.json, true)
}
