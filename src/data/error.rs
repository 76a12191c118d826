//! What can go wrong with data.

use super::{Part, Skipped};
use crate::network::Shape;
use std::ffi::OsStr;
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
    /// A source of files without a place to find them.
    #[error("data source '{data}' needs the {what}; write {usage}")]
    NoPath { data: &'static str, what: &'static str, usage: &'static str },
    /// One of a source's files is not there.
    #[error("{data}: '{}' is missing; {remedy} lie in '{}', or name the folder where they are",
        .folder.join(.file).display(), .folder.display())]
    MissingFile { data: &'static str, folder: PathBuf, file: String, remedy: &'static str },
    /// A file exists but can't be read.
    #[error("can't read '{}': {source}; check that it is a file you may read", .path.display())]
    Read { path: PathBuf, source: std::io::Error },
    /// A file's length is not a whole number of records.
    #[error(
        "'{}' has {bytes} bytes, not a whole number of {record}-byte records: it is truncated or another format; \
         download it again", .path.display()
    )]
    Truncated { path: PathBuf, bytes: u64, record: usize },
    /// A record whose label CIFAR doesn't have.
    #[error(
        "'{}', record {record}: the label is {label}, not 0 to {}: the file is damaged or another format \
         (is it {other}?); download it again", .path.display(), .classes - 1
    )]
    BadRecord { path: PathBuf, record: usize, label: u8, classes: u8, other: &'static str },
    /// A file that is not in the format it should have.
    #[error("'{}' is not a {format} file that can be read: {reason}; {remedy}", .path.display())]
    Format { path: PathBuf, format: &'static str, reason: String, remedy: &'static str },
    /// A file that is shorter or longer than its header says.
    #[error(
        "'{}' holds {found} bytes of data where its header announces {expected}: it is truncated or damaged; download it \
         again", .path.display()
    )]
    WrongSize { path: PathBuf, expected: u64, found: u64 },
    /// Parts of one data set with images of different shapes, or with labels that don't match the images.
    #[error("{name}: the {part} part has {found}, but {expected} are needed; these files don't belong together")]
    Mismatch { name: String, part: Part, found: String, expected: String },
    /// Several labels per image.
    #[error(
        "{name}: {array} has {labels} labels per image; networks are trained to tell one class, so choose a data set with \
         one label per image, or keep one column of the labels"
    )]
    MultiLabel { name: String, array: String, labels: usize },
    /// Names of another number of classes.
    #[error("{name}: {names} class names for {classes} classes; give one for each")]
    ClassNames { name: String, classes: usize, names: usize },
    /// Official parts that don't fit the images.
    #[error(
        "{name}: {parts} official parts for {images} images; give one for each, the training part for at least one"
    )]
    Parts { name: String, images: usize, parts: usize },
    /// A class that can't be learnt.
    #[error("{name}: class '{class}' has {part} images but none for training; add some, or take the class out")]
    UnlearntClass { name: String, class: String, part: Part },
    /// A folder whose directories are no classes.
    #[error("folder '{}': {problem}; {remedy}", shown(.path.as_os_str()))]
    Folder { path: PathBuf, problem: String, remedy: &'static str },
    /// Files in an image folder that can't be used.
    #[error("{} in '{}' can't be used{}; replace or remove them, or leave them out with folder:{},skip-corrupt",
        counted(.files.len(), "file"), .folder.display(), listed_files(.files), .folder.display())]
    BadFiles { folder: PathBuf, files: Vec<Skipped> },
    /// Stopped from outside.
    #[error("interrupted after {done} of {total} images were read; run the same command again")]
    Interrupted { done: usize, total: usize },
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
    #[error(
        "{name} is endless noise with random labels, so there is nothing to learn; use a data set such as digits (see \
         `naslens list data`)"
    )]
    NotADataset { name: String },
    /// Fractions that are not parts of one whole.
    #[error(
        "{train}, {valid} and {test} are not fractions of a data set; give three numbers from 0 to 1 that add up to at \
         most 1, the first above 0"
    )]
    Fractions { train: f64, valid: f64, test: f64 },
    /// A part of a split that got no image.
    #[error("a fraction of {fraction} of {name} leaves no image for the {part} part; raise it in `split`")]
    EmptyPart { part: Part, fraction: f64, name: String },
    /// A part that trainings need, of a split that leaves it empty on purpose.
    #[error(
        "trainings of {name} need images for the {part} part; raise its share in `split` (training, validation, test) and its \
         `limit` above 0"
    )]
    NeededPart { part: Part, name: String },
    /// A limit that leaves nothing to learn from.
    #[error("a limit of 0 training images leaves nothing to learn from; use 1 or more")]
    NoTraining,
}

/// Files named in a message; a hundred thousand of them would bury it.
const LISTED: usize = 10;

fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// After a colon the first files, each with its reason, and how many more there are; nothing if there are none.
pub fn listed_files(files: &[Skipped]) -> String {
    let listed = files.iter().take(LISTED).map(|file| format!("{}: {}", shown(file.path.as_os_str()), file.reason));
    let more = files.len().saturating_sub(LISTED);
    let listed: Vec<String> = listed.chain((more > 0).then(|| format!("and {more} more"))).collect();
    if listed.is_empty() { String::new() } else { format!(": {}", listed.join("; ")) }
}

/// A name of a file or directory that can stand in a line of text: bytes that are not UTF-8 as `\\xE9`, control characters and
/// marks that turn the direction of text escaped as in Rust, a backslash doubled. Different names look different.
pub(super) fn shown(name: &OsStr) -> String {
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            let hidden = character.is_control()
                || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if hidden || character == '\\' { text.extend(character.escape_default()) } else { text.push(character) }
        }
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02X}")));
    }
    text
}
