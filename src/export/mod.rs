//! Hands a network to other programs: a folder with PyTorch source, weights, ONNX, and a check of all three.
//!
//! | file | what |
//! |---|---|
//! | `model.py` | a plain `torch.nn.Module` with `load()`; Python 3.9, torch 1.13 or later |
//! | `model.safetensors` | its state dict, float32 |
//! | `model.onnx` | the network in evaluation mode, opset 17 |
//! | `model-uint8.onnx` | the same from 8-bit pixels to probabilities |
//! | `preprocess.py` | what training did to an image; numpy and pillow |
//! | `example.safetensors` | standardised images and their logits as the engine computes them |
//! | `check.py` | compares all with the example, by ONNX Runtime, PyTorch or both |
//! | `quantise.py` | makes an int8 model with images for calibration, and compares both |
//! | `README.md` | a model card, laid out as on Hugging Face |
//!
//! The same model gives the same bytes. [`load_safetensors`] reads the weights back.
//!
//! ```no_run
//! use naslens::{data, engine::{DeviceBatch, Parameters}, export::{Model, write}, space::{self, Task}};
//!
//! let (space, image) = (space::open("nas-bench-201")?, "3x32x32".parse()?);
//! let arch = space.parse(space.entry().example)?;
//! let network = space.build(&arch, &Task::classify(image, 10))?.live().expect("the input reaches the output");
//! let digits = data::split(data::open(&"digits".parse()?)?.dataset()?, image, [0.6, 0.2, 0.2], None, 0)?;
//! let examples = DeviceBatch::new(&digits.test.images, &digits.test.labels, tch::Device::Cpu)?;
//! write("exported".as_ref(), &Model {
//!     network: &network,
//!     parameters: &Parameters::init(&network, 0, tch::Device::Cpu)?,
//!     classes: &[0; 10].map(|_| "a digit".to_string()),
//!     statistics: &digits.statistics,
//!     examples: examples.images(),
//!     space: "nas-bench-201",
//!     arch: &space.format(&arch),
//!     arch_id: space.arch_id(&arch),
//!     accuracy: None,
//!     evaluation: Vec::new(),
//! }, false)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod card;
mod folder;
mod forward;
mod names;
mod onnx;
mod onnx_operations;
mod onnx_uint8;
mod python;
mod python_helpers;
mod safetensors;
mod state;

use std::fmt::Display;
use std::path::{Path, PathBuf};

use tch::Tensor;

use crate::data::ChannelStats;
use crate::engine::Parameters;
use crate::files::FileError;
use crate::network::{Network, NodeId, Op};
use crate::space::{ArchId, short_name};
use crate::text::thousands;

pub use folder::FILES;
pub use onnx::check_size;
pub use safetensors::{Facts, WeightsError, facts, load_safetensors};

/// A network and everything that is told about it.
#[derive(Debug)]
pub struct Model<'a> {
    /// The live part, as it was trained.
    pub network: &'a Network,
    /// Its parameters.
    pub parameters: &'a Parameters,
    /// Names of the classes, in the order of the logits.
    pub classes: &'a [String],
    /// What standardised the images.
    pub statistics: &'a ChannelStats,
    /// Standardised images (n, channels, height, width) for the example, on the device of the parameters.
    pub examples: &'a Tensor,
    /// The search space, as the text of a [`SpaceSpec`](crate::space::SpaceSpec).
    pub space: &'a str,
    /// The architecture in the text form of the space.
    pub arch: &'a str,
    /// Its identity.
    pub arch_id: ArchId,
    /// How good it is; None for an untrained network.
    pub accuracy: Option<Accuracy>,
    /// What else was found out about it, as rows of what and value.
    pub evaluation: Vec<(String, String)>,
}

/// A measured accuracy.
#[derive(Clone, Debug, PartialEq)]
pub struct Accuracy {
    /// Percent of the images.
    pub pct: f64,
    /// Which images, such as `360 test images of digits`.
    pub images: String,
}

/// What was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Exported {
    /// The folder.
    pub dir: PathBuf,
    /// Names of the files.
    pub files: Vec<&'static str>,
    /// Trainable parameters of the network.
    pub params: u64,
    /// Megabytes (10^6 bytes) of its float32 parameters and buffers.
    pub model_mb: f64,
    /// Multiply-accumulates for one image.
    pub macs: u64,
}

/// Why a network cannot be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are what the messages name")]
pub enum ExportError {
    /// There is not one name per class.
    #[error("{names} class names for a network of {classes} classes; give one name per class")]
    ClassNames { names: usize, classes: usize },
    /// There is not one finite mean and standard deviation per channel.
    #[error("the means {mean:?} and standard deviations {std:?} do not standardise images of {channels} channels")]
    Statistics { channels: usize, mean: Vec<f64>, std: Vec<f64> },
    /// The example images do not fit the network.
    #[error("the example images are {found:?}, the network takes [n, {}, {}, {}] with n >= 1", input.channels, input.height, input.width)]
    Examples { found: Vec<i64>, input: crate::network::Shape },
    /// The parameters are not those of the network.
    #[error(
        "the parameters do not belong to the network: `{tensor}` is {}, it must be {expected:?}",
        found.as_ref().map_or("missing".to_owned(), |dims| format!("{dims:?}"))
    )]
    Parameters { tensor: String, expected: Vec<usize>, found: Option<Vec<usize>> },
    /// The network overflows on the example images.
    #[error("the logits of the example images are not finite: the training diverged, or the weights are damaged")]
    NotFinite,
    /// The tensors do not fit one protobuf message, which ONNX is.
    #[error(
        "the network has {} MB of weights, an ONNX file holds {} MB at most; choose fewer channels or cells",
        bytes.div_ceil(1_000_000), limit / 1_000_000
    )]
    TooLarge { bytes: u64, limit: u64 },
    /// The tensors cannot be written as safetensors.
    #[error("safetensors: {0}")]
    Safetensors(String),
    /// The folder holds another export.
    #[error("`{}` holds another export, which would be lost; choose another --out, or replace it with --overwrite", path.display())]
    Earlier { path: PathBuf },
    /// The folder or a file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// libtorch refused, for instance because memory ran out.
    #[error("libtorch: {}", crate::engine::torch_message(.0))]
    Torch(#[from] tch::TchError),
}

/// Writes the folder, which is made if needed: all files or none. It must be empty or hold an earlier export, which
/// is replaced only with `overwrite` if it differs; files of other names beside it stay. Nothing is written unless the model is sound: one name per class,
/// statistics for every channel, parameters of the network's shapes, finite logits, and at most about 2 GB of weights.
pub fn write(dir: &Path, model: &Model<'_>, overwrite: bool) -> Result<Exported, ExportError> {
    model.check()?;
    folder::check(dir)?;
    let (network, parameters) = (model.network, model.parameters);
    let logits = tch::no_grad(|| parameters.logits(network, model.examples))?;
    if logits.f_isfinite()?.f_all()?.f_int64_value(&[])? == 0 {
        return Err(ExportError::NotFinite);
    }
    let named = |name: &str, t: &Tensor| {
        let dims = t.size().iter().map(|&d| d as usize).collect();
        Ok::<_, tch::TchError>(safetensors::NamedData { name: name.into(), dims, data: state::float_bytes(t)? })
    };
    let example = [named("images", model.examples)?, named("logits", &logits)?];
    let properties = model.properties();
    let contents = [
        safetensors::encode_state(network, parameters, &properties)?,
        onnx::encode(network, parameters, &properties)?,
        onnx_uint8::encode(model, &properties)?,
        python::source(model).into_bytes(),
        python::preprocess(model).into_bytes(),
        safetensors::encode(&example, &[])?,
        include_bytes!("templates/check.py").to_vec(),
        include_bytes!("templates/quantise.py").to_vec(),
        card::readme(model).into_bytes(),
    ];
    let files: Vec<_> = FILES.into_iter().zip(contents).collect();
    folder::write(dir, &files, overwrite)?;
    Ok(Exported {
        dir: dir.into(),
        files: FILES.to_vec(),
        params: network.params(),
        model_mb: network.state_bytes() as f64 / 1e6,
        macs: network.macs(),
    })
}

impl Model<'_> {
    fn check(&self) -> Result<(), ExportError> {
        let (input, classes) = (self.network.input_shape(), self.network.classes());
        check_size(self.network)?;
        if self.classes.len() != classes {
            return Err(ExportError::ClassNames { names: self.classes.len(), classes });
        }
        let ChannelStats { mean, std, .. } = self.statistics;
        let numbers = mean.iter().all(|m| m.is_finite()) && std.iter().all(|s| s.is_finite() && *s >= 0.0);
        if mean.len() != input.channels || std.len() != input.channels || !numbers {
            return Err(ExportError::Statistics { channels: input.channels, mean: mean.clone(), std: std.clone() });
        }
        let found = self.examples.size();
        let wanted = [input.channels, input.height, input.width].map(|side| side as i64);
        if found.len() != 4 || found[0] < 1 || found[1..] != wanted {
            return Err(ExportError::Examples { found, input });
        }
        Ok(())
    }

    /// What the channels are divided by: a channel that never varied only loses its mean.
    fn standard_deviations(&self) -> Vec<f64> {
        self.statistics.std.iter().map(|&s| if s > 0.0 { s } else { 1.0 }).collect()
    }

    fn title(&self) -> String {
        format!("A network of the search space {}, written by naslens", self.space)
    }

    /// What a reader wants to know first.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let accuracy = |a: &Accuracy| format!("{:.2}% of {}", a.pct, a.images);
        vec![
            ("Network", short_name(&self.arch_id.to_string())),
            ("Architecture", self.arch.to_owned()),
            ("Identity", self.arch_id.to_string()),
            ("Images", format!("{} (channels x height x width)", self.network.input_shape())),
            ("Classes", self.network.classes().to_string()),
            ("Parameters", thousands(self.network.params())),
            ("MACs", format!("{} for one image", thousands(self.network.macs()))),
            ("Accuracy", self.accuracy.as_ref().map_or("not measured".into(), accuracy)),
        ]
    }

    /// Metadata of the files.
    fn properties(&self) -> Vec<(&'static str, String)> {
        let json = |values: &[f64]| serde_json::Value::from(values.to_vec()).to_string();
        let mut all = vec![
            ("naslens", env!("CARGO_PKG_VERSION").to_owned()),
            ("space", self.space.to_owned()),
            ("arch", self.arch.to_owned()),
            ("arch_id", self.arch_id.to_string()),
            ("image", self.network.input_shape().to_string()),
            ("classes", serde_json::Value::from(self.classes.to_vec()).to_string()),
            ("mean", json(&self.statistics.mean)),
            ("std", json(&self.standard_deviations())),
            ("read", self.statistics.size.map(|side| side.to_string()).join("x")),
            ("params", self.network.params().to_string()),
            ("macs", self.network.macs().to_string()),
        ];
        if let Some(accuracy) = &self.accuracy {
            all.push(("accuracy_pct", accuracy.pct.to_string()));
            all.push(("accuracy_images", accuracy.images.clone()));
        }
        if let Some(white) = self.statistics.deep_white {
            all.push(("deep_white", white.to_string()));
        }
        if !self.evaluation.is_empty() {
            all.push(("evaluation", serde_json::json!(self.evaluation).to_string()));
        }
        all
    }
}

fn one_line(text: &impl Display) -> String {
    text.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether an input of a node is a vector where the operation takes a map, so that it has to be made one first.
fn is_vector_for_map(network: &Network, id: NodeId, input: NodeId) -> bool {
    let takes_vectors = matches!(network.nodes()[id].op, Op::Linear { .. } | Op::Flatten);
    is_vector(network, input) && !is_vector(network, id) && !takes_vectors
}

/// Whether a node's value is (n, features) in libtorch, as after a linear layer, and not (n, channels, height, width).
fn is_vector(network: &Network, id: NodeId) -> bool {
    let node = &network.nodes()[id];
    match node.op {
        Op::Linear { .. } | Op::Flatten => true,
        Op::BatchNorm | Op::Relu | Op::Activation(_) | Op::PRelu { .. } | Op::Affine(_) | Op::Narrow { .. } => {
            is_vector(network, node.inputs[0])
        }
        Op::Add | Op::Mul | Op::Concat => node.inputs.iter().all(|&i| is_vector(network, i)),
        Op::Input | Op::Zero { .. } | Op::Conv2d(_) | Op::ConvTranspose2d(_) | Op::AvgPool(_) | Op::MaxPool(_) => false,
        Op::LayerNorm(_) | Op::GroupNorm { .. } | Op::LocalResponseNorm(_) | Op::AdaptiveAvgPool { .. } => false,
        Op::ChannelShuffle { .. } | Op::GlobalAvgPool | Op::Slice(_) | Op::Pad(_) | Op::Resize(_) => false,
    }
}

#[cfg(test)]
mod tests;
