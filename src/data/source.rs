//! The registry of data sources, and the text that names one.

use super::{DataError, Dataset, Noise, cifar10, digits, gaussian, pink};
use crate::network::Shape;
use crate::text::did_you_mean;
use std::{fmt, path::PathBuf, str::FromStr};

/// Every data source, in the order in which they are shown.
pub const SOURCES: &[SourceInfo] = &[digits::INFO, gaussian::INFO, pink::INFO, cifar10::INFO];

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
    pub(super) parse: fn(&str) -> Result<DataSpec, DataError>,
}

/// A data source and its options, written `NAME` or `NAME:OPTIONS` in text and in configuration files: `digits`,
/// `gaussian:classes=100`, `pink:beta=1.0`, `cifar10:FOLDER`. Options are separated by commas.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum DataSpec {
    /// The embedded handwritten digits.
    Digits,
    /// `gaussian` or `pink`.
    Noise(Noise),
    /// CIFAR-10 in a folder.
    Cifar10 {
        /// Where the six binary files are.
        folder: PathBuf,
    },
}

impl FromStr for DataSpec {
    type Err = DataError;

    /// Reads `NAME` or `NAME:OPTIONS`. A name outside of [`SOURCES`] is [`DataError::UnknownSource`]; options may be
    /// [`DataError::UnknownOption`], [`DataError::BadOption`] or [`DataError::NoFolder`]. No file is touched.
    fn from_str(text: &str) -> Result<Self, DataError> {
        let (name, options) = text.split_once(':').unwrap_or((text, ""));
        let Some(info) = SOURCES.iter().find(|info| info.name == name) else {
            let known: Vec<&str> = SOURCES.iter().map(|info| info.usage).collect();
            let hint = did_you_mean(name, SOURCES.iter().map(|info| info.name));
            return Err(DataError::UnknownSource { name: name.to_owned(), hint, known: known.join(" ") });
        };
        (info.parse)(options)
    }
}

impl fmt::Display for DataSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataSpec::Digits => f.write_str(digits::INFO.name),
            DataSpec::Noise(noise) => noise.fmt(f),
            DataSpec::Cifar10 { folder } => write!(f, "{}:{}", cifar10::INFO.name, folder.display()),
        }
    }
}

impl TryFrom<String> for DataSpec {
    type Error = DataError;

    fn try_from(text: String) -> Result<Self, DataError> {
        text.parse()
    }
}

impl From<DataSpec> for String {
    fn from(spec: DataSpec) -> String {
        spec.to_string()
    }
}

/// An opened source, from which batches are drawn.
#[derive(Clone, Debug)]
#[non_exhaustive]
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

    /// Its labelled images, to [`super::split`] and train on; [`DataError::NotADataset`] for noise.
    pub fn dataset(&self) -> Result<&Dataset, DataError> {
        match self {
            DataSource::Images(dataset) => Ok(dataset),
            DataSource::Noise(noise) => Err(DataError::NotADataset { name: noise.to_string() }),
        }
    }
}

/// Opens a source, reading its files if it has any: [`DataError::MissingFile`], [`DataError::Read`],
/// [`DataError::Truncated`] or [`DataError::BadRecord`] if they are not as they should be.
pub fn open(spec: &DataSpec) -> Result<DataSource, DataError> {
    Ok(match spec {
        DataSpec::Digits => DataSource::Images(digits::load()?),
        DataSpec::Noise(noise) => DataSource::Noise(*noise),
        DataSpec::Cifar10 { folder } => DataSource::Images(cifar10::read(folder)?),
    })
}

/// Splits `a=1,b=2` into pairs whose keys are all `known`; [`DataError::UnknownOption`] for any other.
pub(super) fn options<'a>(
    data: &'static str,
    text: &'a str,
    known: &[&'static str],
) -> Result<Vec<(&'static str, &'a str)>, DataError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_named_by_its_own_text() {
        for text in [
            "digits",
            "gaussian",
            "gaussian:classes=100",
            "pink",
            "pink:beta=1",
            "pink:beta=0.5,classes=2",
            "cifar10:C:/data set",
        ] {
            let spec: DataSpec = text.parse().unwrap();
            assert_eq!(spec.to_string(), text);
            assert_eq!(serde_json::from_str::<DataSpec>(&serde_json::to_string(&spec).unwrap()).unwrap(), spec);
            assert!(SOURCES.iter().any(|info| text.starts_with(info.name) && info.usage.starts_with(info.name)));
        }
        assert_eq!("pink:beta=1.5,classes=10".parse::<DataSpec>().unwrap(), "pink".parse().unwrap());
    }

    #[test]
    fn wrong_text_is_answered_with_the_remedy() {
        let message = |text: &str| text.parse::<DataSpec>().unwrap_err().to_string();
        let unknown = message("digit");
        assert!(unknown.contains("did you mean `digits`?") && unknown.contains("cifar10:FOLDER"), "{unknown}");
        assert!(!message("zzz").contains("did you mean"));
        let option = message("pink:bata=1");
        assert!(option.contains("no option 'bata' (did you mean `beta`?); it takes beta and classes"), "{option}");
        assert!(message("digits:8").contains("no option '8'; it takes none"));
        for text in ["pink:beta=x", "pink:beta=NaN", "pink:beta=-1", "pink:beta=99", "gaussian:classes=1", "pink:beta"]
        {
            assert!(matches!(text.parse::<DataSpec>(), Err(DataError::BadOption { .. })), "{text}");
        }
        assert!(message("cifar10").contains("cifar10:FOLDER") && message("cifar10:").contains("cifar10:FOLDER"));
    }

    #[test]
    fn only_data_sets_can_be_learnt() {
        let open = |text: &str| open(&text.parse().unwrap()).unwrap();
        assert_eq!(open("digits").dataset().unwrap().len(), 1797);
        assert_eq!(open("digits").native_shape(), Some(Shape::new(1, 8, 8)));
        assert_eq!((open("gaussian").classes(), open("pink:classes=7").classes()), (10, 7));
        assert!(
            matches!(open("pink").dataset(), Err(DataError::NotADataset { .. }))
                && open("pink").native_shape().is_none()
        );
    }
}
