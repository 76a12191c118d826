//! Scores of models from files: a row per model.

mod document;

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;
use serde_json::json;

use crate::benchmark::{METADATA_KEY, columns};
use crate::data::{self, DataError, DataSpec};
use crate::engine::{
    DeviceBatch, Engine, Pass, activation_bytes, batch_bytes, check_memory, parse_device, weight_bytes,
};
use crate::files::FileError;
use crate::folder::refuse_foreign;
use crate::network::{Network, Op, Shape};
use crate::onnx::{self, Imported};
use crate::pipeline::RunError;
use crate::proxy::{self, Proxy, Score, Status};

/// Which weights models are scored with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelWeights {
    /// Drawn by naslens, as for any untrained network.
    #[default]
    Drawn,
    /// Those of the file.
    File,
}

/// How models are scored.
#[derive(Clone, Debug)]
pub struct ScoreConfig {
    /// Names of proxies.
    pub proxies: Vec<String>,
    /// Images that go in; by default the digits, and for a model that tells fewer classes apart white noise of as many.
    pub data: Option<DataSpec>,
    /// Shape of the images, where a file leaves it open.
    pub image: Option<Shape>,
    /// Images per batch.
    pub batch_size: usize,
    /// Root of all random numbers.
    pub seed: u64,
    /// Which weights the models have.
    pub weights: ModelWeights,
    /// auto, cpu, cuda or cuda:N.
    pub device: String,
    /// Parquet file for the rows.
    pub out: Option<PathBuf>,
}

/// The scores of one model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelScores {
    /// The file.
    pub file: PathBuf,
    /// What goes in.
    pub image: Shape,
    /// Width of the output.
    pub classes: usize,
    /// What the images were.
    pub data: String,
    /// Their classes.
    pub data_classes: usize,
    /// Trainable parameters.
    pub params: u64,
    /// Multiply-accumulates for one image.
    pub macs: u64,
    /// Values that convolutions and linear layers put out for one image.
    pub activations: u64,
    /// Convolutions and linear layers.
    pub layers: usize,
    /// One score per proxy.
    pub scores: Vec<NamedScore>,
    /// Seconds that reading and scoring took.
    pub seconds: f64,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// A score and whose it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NamedScore {
    /// The proxy.
    pub proxy: &'static str,
    /// The number, if there is one.
    pub value: Option<f64>,
    /// Whether there is, and if not, why.
    pub status: Status,
    /// Why the score is not defined for this network, if it is not whatever the images.
    pub reason: Option<String>,
}

/// Models and their scores.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelTable {
    /// Which weights they have.
    pub weights: ModelWeights,
    /// Images per batch.
    pub images: usize,
    /// Root of all random numbers.
    pub seed: u64,
    /// A row per model, in the order in which they were named.
    pub models: Vec<ModelScores>,
}

/// Scores the models in these files and writes their rows, if a file is named for that. The first model that cannot be read or
/// run ends it, and so does a file in the way that naslens did not write.
pub fn score_models(files: &[PathBuf], config: &ScoreConfig) -> Result<ModelTable, RunError> {
    if files.is_empty() {
        return Err(RunError::Refused("no model is named; give one or more ONNX files".into()));
    }
    let proxies: Vec<&'static Proxy> = config.proxies.iter().map(|name| proxy::find(name)).collect::<Result<_, _>>()?;
    config.out.iter().try_for_each(|out| refuse_foreign(out))?;
    let device = parse_device(&config.device)?;
    let engine = Engine::new(device);
    let (weights, seed) = (config.weights, config.seed);
    let mut table = ModelTable { weights, images: 0, seed, models: Vec::with_capacity(files.len()) };
    for file in files {
        let start = Instant::now();
        let imported = onnx::read(file, config.image)?;
        let image = imported.network.input_shape();
        let passes = passes(&proxies);
        let classes = imported.network.classes();
        let images = images_for(config, classes)?;
        let batch = data::draw_batch(&data::open(&images)?, image, config.batch_size, config.seed, false)?;
        if batch.classes > classes {
            return Err(RunError::Refused(format!(
                "`{}` tells {classes} classes apart, {images} has {}: choose other --data, or a model with more outputs",
                file.display(),
                batch.classes
            )));
        }
        let needed = weight_bytes(&imported.network)
            .saturating_add(batch_bytes(batch.len(), image))
            .saturating_add(activation_bytes(&imported.network, batch.len(), &passes));
        check_memory("scoring the model", needed, "--batch-size or --image")?;
        table.images = batch.len();
        let data_classes = batch.classes;
        let batch = DeviceBatch::new(&batch.images, &batch.labels, device)?;
        let scores = score(file, imported, &proxies, &engine, &batch, config, start)?;
        table.models.push(ModelScores { data: images.to_string(), data_classes, ..scores });
    }
    config.out.iter().try_for_each(|out| table.write_parquet(out))?;
    Ok(table)
}

/// The images for a model that tells so many classes apart.
fn images_for(config: &ScoreConfig, classes: usize) -> Result<DataSpec, DataError> {
    match &config.data {
        Some(data) => Ok(data.clone()),
        None if classes < DIGITS => format!("gaussian:classes={classes}").parse(),
        None => Ok(DataSpec::default()),
    }
}

/// Classes of the digits.
const DIGITS: usize = 10;

fn passes(proxies: &[&Proxy]) -> Vec<Pass> {
    let mut passes: Vec<Pass> = proxies.iter().flat_map(|p| p.passes.iter().copied()).collect();
    passes.sort_unstable();
    passes.dedup();
    passes
}

fn score(
    file: &Path,
    imported: Imported,
    proxies: &[&'static Proxy],
    engine: &Engine,
    batch: &DeviceBatch,
    config: &ScoreConfig,
    start: Instant,
) -> Result<ModelScores, RunError> {
    let network = &imported.network;
    let live: Option<Network>;
    let scaled: (Network, crate::engine::Weights);
    let wanted = passes(proxies);
    let (scored, run) = match config.weights {
        ModelWeights::Drawn => {
            live = network.live();
            let Some(live) = &live else {
                return Err(RunError::Refused(format!("`{}`: the image does not reach the output", file.display())));
            };
            (live, engine.run(live, config.seed, batch, &wanted)?)
        }
        ModelWeights::File => {
            scaled = imported.parameters(engine.device())?.with_separate_scales(network)?;
            (network, engine.run_weights(&scaled.0, &scaled.1, config.seed, batch, &wanted)?)
        }
    };
    let of = |&proxy: &&'static Proxy| {
        // Counts are those of the network in the file.
        let score = match proxy.passes.is_empty() {
            true => proxy.evaluate(&crate::engine::Passes::none(scored)),
            false => proxy.evaluate(&run),
        };
        named(proxy, score, scored)
    };
    let scores = proxies.iter().map(of).collect();
    let layers = || network.layers();
    let mut notes = imported.notes.clone();
    if !network.nodes().iter().any(|n| n.op == Op::BatchNorm) && config.weights == ModelWeights::Drawn {
        notes.push("it has no batch normalisation: drawn weights are not rescaled from layer to layer".into());
    }
    Ok(ModelScores {
        file: file.into(),
        image: network.input_shape(),
        classes: network.classes(),
        data: String::new(),
        data_classes: 0,
        params: network.params(),
        macs: network.macs(),
        activations: layers().map(|(id, _)| network.nodes()[id].shape.len() as u64).sum(),
        layers: layers().count(),
        scores,
        seconds: start.elapsed().as_secs_f64(),
        notes,
    })
}

fn named(proxy: &'static Proxy, score: Score, network: &Network) -> NamedScore {
    let status = score.get_status();
    let reason = (status == Status::Unsupported).then(|| proxy.lacks(network)).flatten();
    NamedScore { proxy: proxy.name, value: score.value(), status, reason }
}

impl ModelTable {
    /// Writes a row per model: `file`, the data, the counts, and per proxy its value and its status; the settings are metadata.
    fn write_parquet(&self, out: &Path) -> Result<(), FileError> {
        let models = || self.models.iter();
        let count = |of: fn(&ModelScores) -> u64| columns::number(models().map(move |m| of(m) as f64));
        let mut all = vec![
            ("file".to_owned(), columns::text(models().map(|m| m.file.to_string_lossy()))),
            ("image".to_owned(), columns::text(models().map(|m| m.image.to_string()))),
            ("classes".to_owned(), count(|m| m.classes as u64)),
            ("data".to_owned(), columns::text(models().map(|m| &m.data))),
            ("params".to_owned(), count(|m| m.params)),
            ("macs".to_owned(), count(|m| m.macs)),
            ("activations".to_owned(), count(|m| m.activations)),
            ("layers".to_owned(), count(|m| m.layers as u64)),
            ("seconds".to_owned(), columns::number(models().map(|m| m.seconds))),
        ];
        let proxies = self.models.first().map(|m| m.scores.as_slice()).unwrap_or_default();
        for (k, score) in proxies.iter().enumerate() {
            let known = all.iter().any(|(name, _)| name == score.proxy);
            if !known {
                all.push((score.proxy.to_owned(), columns::number(models().map(|m| m.scores[k].value))));
                let status = columns::text(models().map(|m| m.scores[k].status.name()));
                all.push((format!("{}_status", score.proxy), status));
            }
        }
        let (naslens, libtorch) = (env!("CARGO_PKG_VERSION"), crate::LIBTORCH_VERSION);
        let settings = json!({ "naslens": naslens, "libtorch": libtorch, "weights": self.weights, "images": self.images, "seed": self.seed });
        columns::write_with(out, all, &[(METADATA_KEY, settings.to_string())])
    }
}
