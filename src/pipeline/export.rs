//! Export of a named architecture, with drawn weights or with those of a file.

use std::path::{Path, PathBuf};

use tch::{Device, Tensor};

use super::RunError;
use crate::data::ChannelStats;
use crate::engine::Parameters;
use crate::export::{Accuracy, Exported, Facts, Model, check_size, facts, load_safetensors, write};
use crate::network::{Network, Shape};
use crate::seed::Stream;
use crate::space::{Architecture, SearchSpace, SpaceSpec, Task};

/// What to export. What is None is taken from the file of weights, where there is one that says it.
#[derive(Clone, Debug, Default)]
pub struct ExportConfig {
    /// Search space; else nas-bench-201.
    pub space: Option<SpaceSpec>,
    /// Options of the space that are set beyond those of `space` or of the weights.
    pub options: Vec<(&'static str, usize)>,
    /// Architecture in the text form of the space.
    pub arch: Option<String>,
    /// Shape of the images; else 3x32x32.
    pub image: Option<Shape>,
    /// Number of classes; else 10.
    pub classes: Option<usize>,
    /// Root of the drawn weights and of the example images.
    pub seed: u64,
    /// A `model.safetensors` of an earlier export; None draws weights.
    pub weights: Option<PathBuf>,
    /// Whether another export may be replaced.
    pub overwrite: bool,
}

/// The most channels, and the most pixels a side, as for the images of data sets.
const MAX_SIDE: usize = 4096;
/// Images in the example.
const EXAMPLES: usize = 4;
/// Images that an untrained network's normalisations are measured on.
const MEASURED: usize = 32;

/// Exports the live part of the architecture's network. Its weights are those of the file, or drawn as for a screen with one
/// bank for all networks; the statistics of its normalisations are then those of random images, without which the logits of a
/// deep network hardly depend on the image. What the file of weights says of classes and images holds; where nothing is known,
/// images are only scaled to 0..1 and classes are called by their numbers. The example images are normal numbers.
pub fn export(config: &ExportConfig, dir: &Path) -> Result<Exported, RunError> {
    let Subject { space, arch, network, classes, statistics, known } = Subject::of(config)?;
    let image = network.input_shape();
    let parameters = match &config.weights {
        Some(path) => load_safetensors(path, &network, Device::Cpu)?,
        None => Parameters::init(&network, config.seed, Device::Cpu)?,
    };
    let examples = images(EXAMPLES, image, Stream::named(config.seed, "export.examples"))?;
    if config.weights.is_none() {
        parameters
            .measure_statistics(&network, &images(MEASURED, image, Stream::named(config.seed, "export.measured"))?)?;
    }
    let accuracy = known.get("accuracy_pct").zip(known.get("accuracy_images"));
    let accuracy = accuracy.and_then(|(pct, images)| Some(Accuracy { pct: pct.parse().ok()?, images: images.clone() }));
    let model = Model {
        network: &network,
        parameters: &parameters,
        classes: &classes,
        statistics: &statistics,
        examples: &examples,
        space: &space.text(),
        arch: &space.format(&arch),
        arch_id: space.arch_id(&arch),
        accuracy,
        evaluation: known.get("evaluation").and_then(|rows| serde_json::from_str(rows).ok()).unwrap_or_default(),
    };
    Ok(write(dir, &model, config.overwrite)?)
}

/// A network, and what is known of it, by the configuration or by the file of weights.
pub(super) struct Subject {
    pub space: Box<dyn SearchSpace>,
    pub arch: Architecture,
    /// Its live part.
    pub network: Network,
    pub classes: Vec<String>,
    pub statistics: ChannelStats,
    pub known: Facts,
}

impl Subject {
    pub fn of(config: &ExportConfig) -> Result<Subject, RunError> {
        let known = match &config.weights {
            Some(path) => facts(path)?.unwrap_or_default(),
            None => Facts::new(),
        };
        let image = config.image.or_else(|| known.get("image")?.parse().ok()).unwrap_or(Shape::new(3, 32, 32));
        let names: Option<Vec<String>> = known.get("classes").and_then(|names| serde_json::from_str(names).ok());
        let classes = config.classes.or(names.as_ref().map(Vec::len)).unwrap_or(10);
        let names = names.filter(|names| names.len() == classes);
        let space = match (&config.space, known.get("space")) {
            (Some(space), _) => space.clone(),
            (None, Some(text)) => text.parse()?,
            (None, None) => SpaceSpec::default(),
        };
        let space =
            config.options.iter().try_fold(space, |space, (option, value)| space.with(option, value))?.open()?;
        let arch = space.parse(config.arch.as_ref().or(known.get("arch")).ok_or_else(no_arch)?)?;
        let sides = [image.channels, image.height, image.width];
        if classes == 0 || !sides.iter().all(|side| (1..=MAX_SIDE).contains(side)) {
            return Err(RunError::Refused(format!(
                "{classes} classes and {image} images: there must be a class, and channels, height and width within 1..={MAX_SIDE}"
            )));
        }
        let network = space.build(&arch, &Task::classify(image, classes))?.live();
        let network = network.ok_or_else(|| {
            let text = space.format(&arch);
            RunError::Refused(format!(
                "`{text}` is a dead network: no path leads from its input to its output; choose another architecture"
            ))
        })?;
        check_size(&network)?;
        let numbers = |name: &str| {
            let numbers: Option<Vec<f64>> = known.get(name).and_then(|numbers| serde_json::from_str(numbers).ok());
            numbers.filter(|numbers| numbers.len() == image.channels)
        };
        let size = known.get("read").and_then(|size| size.split_once('x'));
        let size = size.and_then(|(height, width)| Some([height.parse().ok()?, width.parse().ok()?]));
        let statistics = ChannelStats {
            mean: numbers("mean").unwrap_or_else(|| vec![0.0; image.channels]),
            std: numbers("std").unwrap_or_else(|| vec![1.0; image.channels]),
            size: size.unwrap_or([image.height, image.width]),
            deep_white: known.get("deep_white").and_then(|white| white.parse().ok()),
        };
        let classes = names.unwrap_or_else(|| (0..classes).map(|class| class.to_string()).collect());
        Ok(Subject { space, arch, network, classes, statistics, known })
    }
}

fn no_arch() -> RunError {
    RunError::Refused(
        "name the architecture with --arch, or take it from the weights of an export with --weights model.safetensors"
            .into(),
    )
}

/// Random images: normal numbers, in each channel of each about a mean of its own, so that they differ on the whole as well.
fn images(n: usize, image: Shape, mut stream: Stream) -> Result<Tensor, tch::TchError> {
    let mut values = Vec::with_capacity(n * image.len());
    for _ in 0..n * image.channels {
        let mean = stream.normal();
        values.extend((0..image.height * image.width).map(|_| (mean + stream.normal()) as f32));
    }
    let sizes = [n, image.channels, image.height, image.width].map(|side| side as i64);
    Tensor::f_from_slice(&values)?.f_reshape(sizes)
}
