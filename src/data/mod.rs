//! The images that networks are scored and trained on.
//!
//! A [`DataSpec`] (`digits`, `pink:beta=1.0`, `cifar10:FOLDER`, …) is opened with [`open`]. [`draw_batch`] then gives a
//! [`Batch`] of any [`Shape`](crate::network::Shape), ready for a network, and [`split`] the three parts that training needs. Every
//! image takes the same road: integer pixels, scaled to `[0, 1]`, channels matched, resized ([`adapt`]) and
//! standardised with the data set's own statistics ([`ChannelStats`]). Noise is standard from the start. Where the authors of a
//! data set parted it ([`Part`]), batches come from the training part and [`split`] keeps the parts.
//!
//! A new source is one file with an `INFO` and a type that is a [`Source`], and a line in [`SOURCES`]. A program that uses
//! the library makes one of its own with [`DataSpec::new`].
//!
//! ```
//! use naslens::data;
//!
//! let digits = data::open(&"digits".parse()?)?;
//! let batch = data::draw_batch(&digits, "1x16x16".parse()?, 20, 0, true)?;
//! assert_eq!((batch.images.dim(), batch.classes), ((20, 1, 16, 16), 10));
//! assert_eq!(batch.labels.iter().filter(|label| **label == 7).count(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod adapt;
mod assembly;
mod batch;
mod census;
mod cifar;
mod dataset;
mod digits;
mod embedded;
mod error;
mod fashion;
mod folder;
mod generated;
mod idx;
mod noise;
mod npz;
mod pink;
mod regular;
mod resample;
mod source;
mod spec;
mod split;

pub use adapt::adapt;
pub use batch::{Batch, DEFAULT_BATCH, draw_batch};
pub use census::{Census, balanced_accuracy};
pub use dataset::{ChannelStats, Dataset, Part, Skipped};
pub use error::{DataError, listed_files};
pub use folder::{ImageFolder, image_files, read_image};
pub use noise::{Noise, Spectrum};
pub(crate) use resample::resize_weights;
pub use source::{SOURCES, open};
pub use spec::{DataSource, DataSpec, Source, SourceInfo, Watch};
pub use split::{Splits, split};
