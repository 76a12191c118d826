//! What can go wrong with data.

use crate::network::Shape;
use std::path::PathBuf;

/// Why data could not be opened, adapted, drawn or split. Each message says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are what the messages name")]
pub enum DataError {
    /// No source has this name.
    #[error("there is no data source '{name}'{hint}; use one of: {known}")]
    UnknownSource { name: String, hint: String, known: String },

    /// The source has no such option.
    #[error("data source '{data}' has no option '{option}'{hint}; it takes {known}")]
    UnknownOption { data: &'static str, option: String, hint: String, known: String },

    /// An option's value is not one the source can use.
    #[error("data source '{data}': option {option}={value} is not usable; give {expected}")]
    BadOption { data: &'static str, option: &'static str, value: String, expected: &'static str },

    /// `cifar10` without a folder.
    #[error("data source 'cifar10' needs the folder of its binary files; write cifar10:FOLDER")]
    NoFolder,

    /// One of CIFAR-10's six files is not there.
    #[error(
        "cifar10: '{}' is missing; unpack cifar-10-binary.tar.gz (https://www.cs.toronto.edu/~kriz/cifar.html) so that \
         data_batch_1.bin to data_batch_5.bin and test_batch.bin lie in '{}', or name the folder where they are",
        .folder.join(.file).display(), .folder.display()
    )]
    MissingFile { folder: PathBuf, file: String },

    /// A file exists but can't be read.
    #[error("can't read '{}': {source}; check that it is a file you may read", .path.display())]
    Read { path: PathBuf, source: std::io::Error },

    /// A file's length is not a whole number of records.
    #[error(
        "'{}' has {bytes} bytes, not a whole number of {record}-byte records: it is truncated or another format; \
         download it again", .path.display()
    )]
    Truncated { path: PathBuf, bytes: usize, record: usize },

    /// A record whose label CIFAR-10 doesn't have.
    #[error(
        "'{}', record {record}: the label is {label}, not 0 to 9: the file is damaged or another format (CIFAR-100?); \
         download it again", .path.display()
    )]
    BadRecord { path: PathBuf, record: usize, label: u8 },

    /// A label that the classes don't cover.
    #[error(
        "{name}: image {image} has the label {label}, which is not below the number of classes, {classes}; correct one \
         of them"
    )]
    BadLabel { name: String, image: usize, label: usize, classes: usize },

    /// A data set whose parts don't fit together.
    #[error(
        "{name}: {images} images, {labels} labels and white level {white}; give one label per image, at least one image \
         and a white level above 0"
    )]
    BadDataset { name: String, images: usize, labels: usize, white: u8 },

    /// The data inside the program is damaged.
    #[error("the embedded data set '{name}' can't be read ({reason}); the program is damaged, install it again")]
    Embedded { name: &'static str, reason: String },

    /// A shape outside the supported range.
    #[error("the image shape {shape} is out of range; use 1 to 4096 channels and 1 to 4096 pixels a side")]
    BadShape { shape: Shape },

    /// More numbers than are reasonable to hold in memory.
    #[error("{count} images of shape {shape} are more than the {limit} values that fit; use fewer or smaller images")]
    TooLarge { count: usize, shape: Shape, limit: usize },

    /// A change of channels that has no one meaning.
    #[error(
        "images with {from} channels can't become images with {to}; keep {from}, use 1 (their mean), or start from grey \
         images"
    )]
    Channels { from: usize, to: usize },

    /// Pink noise has no frequency but 0 in one pixel.
    #[error("pink noise needs images of at least two pixels, not {shape}; use a larger shape or the source 'gaussian'")]
    OnePixel { shape: Shape },

    /// A batch without images.
    #[error("a batch needs at least one image; use a batch size of 1 or more")]
    EmptyBatch,

    /// A batch that the data set can't fill.
    #[error(
        "a batch of {batch} images can't be drawn from {name}, which has {images}; use a batch size of at most {images}"
    )]
    BatchTooLarge { batch: usize, name: String, images: usize },

    /// Noise, where a data set is needed.
    #[error("{name} is endless noise with random labels, so there is nothing to learn; use digits or cifar10:FOLDER")]
    NotADataset { name: String },

    /// Fractions that are not parts of one whole.
    #[error(
        "{train}, {valid} and {test} are not fractions of a data set; give three numbers from 0 to 1 that add up to at \
         most 1, the first above 0"
    )]
    Fractions { train: f64, valid: f64, test: f64 },

    /// A part of a split that got no image.
    #[error("a fraction of {fraction} of {name} leaves no image for the {part} part; use a larger fraction")]
    EmptyPart { part: &'static str, fraction: f64, name: String },
}
