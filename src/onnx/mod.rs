//! Reads classifiers from ONNX files, as PyTorch's exporters and most other programs write them.
//!
//! [`read`] gives the [`Network`](crate::network::Network) of a file: a graph of naslens' own operations, whose costs are known and which every proxy can
//! be asked about. Layers have the names of their weights in the file. What only arranges values for the format — reshapes and
//! transposes around a channel shuffle, a batch size that is computed with — is followed, not copied (`view.rs`), and
//! the parts that a function is written in (`x · sigmoid(x)`, the error function of a GELU) are put together again.
//!
//! ```no_run
//! let imported = naslens::onnx::read("model.onnx".as_ref(), None)?;
//! println!("{} parameters", imported.network.params());
//! let parameters = imported.parameters(tch::Device::Cpu)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The file decides nothing but the network: sizes are bounded before memory is asked for, external data is read only from the
//! folder of the file, and an operation that is not known is an error that names it.

mod attributes;
mod build;
mod constant;
mod elementwise;
mod file;
mod fold;
mod layers;
mod maps;
mod operators;
mod parameters;
pub(crate) mod proto;
mod value;
mod view;
mod wiring;

use std::path::{Path, PathBuf};

use crate::network::{NetworkError, Shape};

pub use parameters::Imported;

/// Why a file gives no network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are what the messages name")]
pub enum OnnxError {
    /// The file cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Open { path: PathBuf, source: std::io::Error },
    /// The file is not what its name says, or contradicts itself.
    #[error("`{}` is no ONNX model that can be read: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    /// The model does something that naslens does not know.
    #[error("`{}`: node `{node}` ({operator}): {reason}", path.display())]
    Node { path: PathBuf, node: String, operator: String, reason: String },
    /// The size of the images is not in the file.
    #[error("`{}` takes images of any size: give one, such as --image 3x224x224", path.display())]
    AnyImage { path: PathBuf },
    /// The file takes images of another shape.
    #[error("`{}` takes images of {expected}, not of {given}; leave --image out", path.display())]
    OtherImage { path: PathBuf, expected: String, given: Shape },
}

/// The network of the file. `image` is the shape of the images where the file leaves it open.
pub fn read(path: &Path, image: Option<Shape>) -> Result<Imported, OnnxError> {
    let model = file::read(path)?;
    build::network(path, model, image)
}

/// What is wrong with one node, in words.
type Reason = String;

fn of_network(error: NetworkError) -> Reason {
    match error {
        NetworkError::Shape { op, reason, .. } => format!("{op} does not fit: {reason}"),
        NetworkError::Refused(reason) => reason,
    }
}

#[cfg(test)]
mod tests;
