//! The images that networks are scored and trained on.
//!
//! A [`DataSpec`] (`digits`, `pink:beta=1.0`, `cifar10:FOLDER`, …) is opened with [`open`]. [`draw_batch`] then gives a
//! [`Batch`] of any [`Shape`](crate::network::Shape), ready for a network, and [`split`] the three parts that training needs. Every
//! image takes the same road: integer pixels, scaled to `[0, 1]`, channels matched, resized ([`adapt`]) and
//! standardised with the data set's own statistics ([`ChannelStats`]). Noise is standard from the start. Where the authors of a
//! data set parted it ([`Part`]), batches come from the training part and [`split`] keeps the parts.
//!
//! A new source is one file with an `INFO`, a line in [`SOURCES`] and, if it takes new options, a case of [`DataSpec`].

mod adapt;
mod assembly;
mod batch;
mod cifar;
mod dataset;
mod digits;
mod embedded;
mod error;
mod fashion;
mod folder;
mod gaussian;
mod idx;
mod noise;
mod npz;
mod pink;
mod source;
mod split;

pub use adapt::adapt;
pub use batch::{Batch, draw_batch};
pub use dataset::{ChannelStats, Dataset, Part, Skipped};
pub use error::{DataError, listed_files};
pub use folder::ImageFolder;
pub use noise::{Noise, Spectrum};
pub use source::{DataSource, DataSpec, SOURCES, SourceInfo, open};
pub use split::{Splits, split};
