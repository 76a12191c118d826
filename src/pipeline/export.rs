//! Export of a named architecture, with drawn weights or with those of a file.

use std::path::{Path, PathBuf};

use tch::{Device, Tensor};

use crate::data::ChannelStats;
use crate::engine::Parameters;
use crate::export::{Exported, Model, check_size, load_safetensors, write};
use crate::network::Shape;
use crate::seed::Stream;
use crate::space::{self, SpaceSpec, Task};

/// What to export.
#[derive(Clone, Debug)]
pub struct ExportConfig {
    /// Search space with its options.
    pub space: SpaceSpec,
    /// Architecture in the text form of the space.
    pub arch: String,
    /// Shape of the images.
    pub image: Shape,
    /// Number of classes.
    pub classes: usize,
    /// Root of the drawn weights and of the example images.
    pub seed: u64,
    /// A `model.safetensors` of an earlier export; None draws weights.
    pub weights: Option<PathBuf>,
}

/// Why an architecture cannot be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchExportError {
    /// The space refuses.
    #[error(transparent)]
    Space(#[from] space::SpaceError),
    /// No path leads from the images to the logits.
    #[error("`{arch}` is a dead network: no path leads from its input to its output; choose another architecture")]
    Dead {
        /// The architecture.
        arch: String,
    },
    /// A network without classes, or images of no size or a huge one.
    #[error(
        "{classes} classes and {image} images: there must be a class, and channels, height and width within 1..={MAX_SIDE}"
    )]
    Task {
        /// Number of classes.
        classes: usize,
        /// Shape of the images.
        image: Shape,
    },
    /// The weights cannot be read.
    #[error(transparent)]
    Weights(#[from] crate::export::WeightsError),
    /// The folder cannot be written, or the network cannot be exported.
    #[error(transparent)]
    Export(#[from] crate::export::ExportError),
    /// libtorch refused, for instance because memory ran out.
    #[error("libtorch: {}", crate::engine::torch_message(.0))]
    Torch(#[from] tch::TchError),
}

/// The most channels, and the most pixels a side, as for the images of data sets.
const MAX_SIDE: usize = 4096;
/// Images in the example.
const EXAMPLES: usize = 4;

/// Exports the live part of the architecture's network. Its weights are those of the file, or drawn as for a screen with one
/// bank for all networks, with normalisations that do nothing yet. As nothing is known of the images, they are only scaled to
/// 0..1, classes are called by their numbers, and the example images are normal numbers.
pub fn export(config: &ExportConfig, dir: &Path) -> Result<Exported, ArchExportError> {
    let (image, classes) = (config.image, config.classes);
    let space = config.space.open()?;
    let arch = space.parse(&config.arch)?;
    let sides = [image.channels, image.height, image.width];
    if classes == 0 || !sides.iter().all(|side| (1..=MAX_SIDE).contains(side)) {
        return Err(ArchExportError::Task { classes, image });
    }
    let text = space.format(&arch);
    let network = space.build(&arch, &Task::classify(image, classes))?.live();
    let network = network.ok_or_else(|| ArchExportError::Dead { arch: text.clone() })?;
    check_size(&network)?;
    let parameters = match &config.weights {
        Some(path) => load_safetensors(path, &network, Device::Cpu)?,
        None => Parameters::init(&network, config.seed, Device::Cpu)?,
    };
    let mut stream = Stream::named(config.seed, "export.examples");
    let values: Vec<f32> = (0..EXAMPLES * image.len()).map(|_| stream.normal() as f32).collect();
    let sizes = [EXAMPLES, image.channels, image.height, image.width].map(|side| side as i64);
    let examples = Tensor::f_from_slice(&values)?.f_reshape(sizes)?;
    let model = Model {
        network: &network,
        parameters: &parameters,
        classes: &(0..classes).map(|class| class.to_string()).collect::<Vec<_>>(),
        statistics: &ChannelStats { mean: vec![0.0; image.channels], std: vec![1.0; image.channels] },
        examples: &examples,
        space: space.entry().name,
        arch: &text,
        arch_id: space.arch_id(&arch),
        accuracy: None,
    };
    Ok(write(dir, &model)?)
}
