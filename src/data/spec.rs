//! What a data source is: an entry of the registry, the text that names one, and what opening it gives.

use super::{DataError, Dataset, Noise, Skipped};
use crate::network::Shape;
use crate::registry::entry;
use crate::text::did_you_mean;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What there is to know about a data source before it is opened.
#[derive(Clone, Copy, Debug)]
pub struct SourceInfo {
    /// The word that selects it.
    pub name: &'static str,
    /// How to write it with its options.
    pub usage: &'static str,
    /// Its title, for people.
    pub title: &'static str,
    /// What its images are.
    pub what: &'static str,
    /// Where it comes from: an address or a citation.
    pub origin: &'static str,
    /// Its licence.
    pub licence: &'static str,
    /// Reads what follows the name and its colon.
    pub parse: fn(&str) -> Result<DataSpec, DataError>,
}

entry!(SourceInfo, "data source", usage, what, origin, licence);

/// A place that images come from, with its options. Its `Display` is the text that selects it; two sources with the same text
/// are the same.
pub trait Source: fmt::Debug + fmt::Display + Send + Sync {
    /// Reads its files, if it has any. A [`DataError`] that names the file if one is missing, damaged or not in the format it
    /// should have, and [`DataError::Interrupted`] if `watch` says to stop.
    fn open(&self, watch: &Watch<'_>) -> Result<DataSource, DataError>;

    /// The shape of its images as they were recorded; none for noise. Cheaper than [`Source::open`] where files say it in
    /// their headers.
    fn native_shape(&self, watch: &Watch<'_>) -> Result<Option<Shape>, DataError> {
        Ok(self.open(watch)?.native_shape())
    }
}

/// A data source and its options, written `NAME` or `NAME:OPTIONS` in text and in configuration files: `digits`,
/// `gaussian:classes=100`, `pink:beta=1.0`, `cifar10:FOLDER`, `folder:PATH,skip-corrupt`. Options are separated by commas and
/// follow the path, if there is one. The default is `digits`.
#[derive(Clone, Debug)]
pub struct DataSpec(Arc<dyn Source>);

impl DataSpec {
    /// A source that need not be in the registry. Its text can be read back only if it is.
    pub fn new(source: impl Source + 'static) -> Self {
        DataSpec(Arc::new(source))
    }

    /// [`Source::open`].
    pub fn open(&self, watch: &Watch<'_>) -> Result<DataSource, DataError> {
        self.0.open(watch)
    }

    /// [`Source::native_shape`].
    pub fn native_shape(&self, watch: &Watch<'_>) -> Result<Option<Shape>, DataError> {
        self.0.native_shape(watch)
    }
}

crate::text::serde_as_text!(DataSpec);

impl PartialEq for DataSpec {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl fmt::Display for DataSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whoever waits while files are read.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Set from outside to end the reading early.
    pub stop: &'a AtomicBool,
    /// Called with the number of images read and of all images.
    pub on_progress: &'a (dyn Fn(usize, usize) + Sync),
    /// Called with what is unusual about the images, a sentence each.
    pub on_note: &'a (dyn Fn(&str) + Sync),
}

impl Watch<'static> {
    /// Nobody who wants to know, and nothing that stops it.
    pub fn nobody() -> Self {
        static NEVER: AtomicBool = AtomicBool::new(false);
        Watch { stop: &NEVER, on_progress: &|_, _| {}, on_note: &|_| {} }
    }
}

impl Watch<'_> {
    /// Whether the reading is to end.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("stop", self.stop).finish_non_exhaustive()
    }
}

/// An opened source, from which batches are drawn.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "a program has one or two of them")]
pub enum DataSource {
    /// A finite set of labelled images.
    Images(Dataset),
    /// Endless noise of any shape.
    Noise(Noise),
}

impl DataSource {
    /// The number of classes of its labels.
    pub fn classes(&self) -> usize {
        match self {
            DataSource::Images(dataset) => dataset.classes(),
            DataSource::Noise(noise) => noise.classes(),
        }
    }

    /// The shape of its images as they were recorded; none for noise, which has every shape.
    pub fn native_shape(&self) -> Option<Shape> {
        match self {
            DataSource::Images(dataset) => Some(dataset.shape()),
            DataSource::Noise(_) => None,
        }
    }

    /// The files that were left out because they could not be decoded; only where that was asked for.
    pub fn skipped(&self) -> &[Skipped] {
        match self {
            DataSource::Images(dataset) => dataset.skipped(),
            DataSource::Noise(_) => &[],
        }
    }

    /// Its labelled images, to [`super::split`] and train on; [`DataError::NotADataset`] for noise.
    pub fn dataset(&self) -> Result<&Dataset, DataError> {
        match self {
            DataSource::Images(dataset) => Ok(dataset),
            DataSource::Noise(noise) => Err(DataError::NotADataset { name: noise.to_string() }),
        }
    }
}

/// Names of options with their values.
type Options<'a> = Vec<(&'static str, &'a str)>;

/// Splits `a=1,b=2` into pairs whose keys are all `known`; [`DataError::UnknownOption`] for any other.
pub(super) fn options<'a>(data: &'static str, text: &'a str, known: &[&'static str]) -> Result<Options<'a>, DataError> {
    let pair = |part: &'a str| {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        known.iter().find(|&&name| name == key.trim()).map(|&name| (name, value.trim())).ok_or_else(|| {
            let hint = did_you_mean(key, known.iter().copied());
            let known = if known.is_empty() { "none".to_owned() } else { known.join(" and ") };
            DataError::UnknownOption { data, option: key.to_owned(), hint, known }
        })
    };
    text.split(',').filter(|part| !part.trim().is_empty()).map(pair).collect()
}

/// Splits `PATH,a,b=2` into the path and its options. Options are looked for from the end, so a path may have commas: what
/// neither is an option nor looks like one belongs to it. [`DataError::NoPath`] without a path,
/// [`DataError::UnknownOption`] for a word that is nearly one of `known`.
pub(super) fn path_and_options<'a>(
    info: &SourceInfo,
    what: &'static str,
    text: &'a str,
    known: &[&'static str],
) -> Result<(PathBuf, Options<'a>), DataError> {
    let (mut path, mut options) = (text, Vec::new());
    while let Some((head, tail)) = path.rsplit_once(',') {
        let (key, value) = tail.split_once('=').unwrap_or((tail, ""));
        if let Some(&name) = known.iter().find(|&&name| name == key.trim()) {
            options.push((name, value.trim()));
        } else {
            let hint = did_you_mean(key.trim(), known.iter().copied());
            if hint.is_empty() {
                break;
            }
            let (option, known) = (key.trim().to_owned(), known.join(" and "));
            return Err(DataError::UnknownOption { data: info.name, option, hint, known });
        }
        path = head;
    }
    if path.trim().is_empty() {
        return Err(DataError::NoPath { data: info.name, what, usage: info.usage });
    }
    options.reverse();
    Ok((path.into(), options))
}

/// A data set in a file or folder.
#[derive(Debug)]
pub(super) struct AtPath {
    pub info: &'static SourceInfo,
    pub path: PathBuf,
    /// What follows the path in its text.
    pub option: &'static str,
    pub read: fn(&Path) -> Result<Dataset, DataError>,
}

impl AtPath {
    /// The source of a text without options.
    pub fn parse(
        info: &'static SourceInfo,
        what: &'static str,
        text: &str,
        read: fn(&Path) -> Result<Dataset, DataError>,
    ) -> Result<DataSpec, DataError> {
        let (path, _) = path_and_options(info, what, text, &[])?;
        Ok(DataSpec::new(AtPath { info, path, option: "", read }))
    }
}

impl fmt::Display for AtPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}{}", self.info.name, self.path.display(), self.option)
    }
}

impl Source for AtPath {
    fn open(&self, _: &Watch<'_>) -> Result<DataSource, DataError> {
        (self.read)(&self.path).map(DataSource::Images)
    }
}

/// That an option without a value has none; [`DataError::BadOption`] otherwise.
pub(super) fn flag(info: &SourceInfo, option: &'static str, value: &str) -> Result<(), DataError> {
    if value.is_empty() {
        return Ok(());
    }
    let expected = "the option without a value";
    Err(DataError::BadOption { data: info.name, option, value: value.to_owned(), expected })
}
