//! The registry of data sources, and the text that names one.

use super::{
    DataError, Dataset, ImageFolder, Noise, Skipped, cifar, digits, fashion, folder, gaussian, idx, npz, pink,
};
use crate::network::Shape;
use crate::text::did_you_mean;
use std::{fmt, path::PathBuf, str::FromStr};

/// Every data source, in the order in which they are shown.
pub const SOURCES: &[SourceInfo] = &[
    digits::INFO,
    fashion::INFO,
    gaussian::INFO,
    pink::INFO,
    folder::INFO,
    idx::INFO,
    npz::INFO,
    cifar::CIFAR10,
    cifar::CIFAR100,
];

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
/// `gaussian:classes=100`, `pink:beta=1.0`, `cifar10:FOLDER`, `folder:PATH,skip-corrupt`. Options are separated by commas and
/// follow the path, if there is one.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum DataSpec {
    /// The embedded handwritten digits.
    Digits,
    /// The embedded reduced Fashion-MNIST.
    Fashion,
    /// `gaussian` or `pink`.
    Noise(Noise),
    /// CIFAR-10 in a folder.
    Cifar10 {
        /// Where the six binary files are.
        folder: PathBuf,
    },
    /// CIFAR-100 in a folder.
    Cifar100 {
        /// Where the two binary files are.
        folder: PathBuf,
        /// Whether the labels are the 20 groups instead of the 100 classes.
        coarse: bool,
    },
    /// Image files in a directory per class.
    ImageFolder(ImageFolder),
    /// Four files of MNIST's format.
    Idx {
        /// Where they are.
        folder: PathBuf,
    },
    /// Arrays in MedMNIST's layout.
    Npz {
        /// The file.
        file: PathBuf,
    },
}

impl FromStr for DataSpec {
    type Err = DataError;

    /// Reads `NAME` or `NAME:OPTIONS`. A name outside of [`SOURCES`] is [`DataError::UnknownSource`]; options may be
    /// [`DataError::UnknownOption`], [`DataError::BadOption`] or [`DataError::NoPath`]. No file is touched.
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
            DataSpec::Fashion => f.write_str(fashion::INFO.name),
            DataSpec::Noise(noise) => noise.fmt(f),
            DataSpec::Cifar10 { folder } => write!(f, "{}:{}", cifar::CIFAR10.name, folder.display()),
            DataSpec::Cifar100 { folder, coarse } => {
                write!(f, "{}:{}{}", cifar::CIFAR100.name, folder.display(), if *coarse { ",coarse" } else { "" })
            }
            DataSpec::ImageFolder(folder) => folder.fmt(f),
            DataSpec::Idx { folder } => write!(f, "{}:{}", idx::INFO.name, folder.display()),
            DataSpec::Npz { file } => write!(f, "{}:{}", npz::INFO.name, file.display()),
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

/// Opens a source, reading its files if it has any; a [`DataError`] that names the file if one is missing, damaged or not in
/// the format it should have.
pub fn open(spec: &DataSpec) -> Result<DataSource, DataError> {
    Ok(match spec {
        DataSpec::Digits => DataSource::Images(digits::DIGITS.load()?),
        DataSpec::Fashion => DataSource::Images(fashion::FASHION.load()?),
        DataSpec::Noise(noise) => DataSource::Noise(*noise),
        DataSpec::Cifar10 { folder } => DataSource::Images(cifar::read_10(folder)?),
        DataSpec::Cifar100 { folder, coarse } => DataSource::Images(cifar::read_100(folder, *coarse)?),
        DataSpec::ImageFolder(folder) => DataSource::Images(folder.read()?),
        DataSpec::Idx { folder } => DataSource::Images(idx::read(folder)?),
        DataSpec::Npz { file } => DataSource::Images(npz::read(file)?),
    })
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

/// That an option without a value has none; [`DataError::BadOption`] otherwise.
pub(super) fn flag(info: &SourceInfo, option: &'static str, value: &str) -> Result<(), DataError> {
    if value.is_empty() {
        return Ok(());
    }
    let expected = "the option without a value";
    Err(DataError::BadOption { data: info.name, option, value: value.to_owned(), expected })
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
            "cifar100:/data",
            "cifar100:/data,coarse",
            "idx:/usr/share/datasets/fashion-mnist",
            "npz:pathmnist.npz",
            "folder:/data/a,b",
            "folder:/data,size=64x48",
            "folder:/data,size=64x48,skip-corrupt",
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
        for name in ["cifar10", "cifar100", "folder", "idx", "npz"] {
            let usage = SOURCES.iter().find(|info| info.name == name).unwrap().usage;
            assert!(message(name).contains(usage) && message(&format!("{name}:")).contains(usage), "{name}");
        }
        let misspelt = message("folder:/data,skip-corrupted");
        assert!(misspelt.contains("did you mean `skip-corrupt`?"), "{misspelt}");
        for text in ["folder:/d,size=64", "folder:/d,size=0x4", "folder:/d,skip-corrupt=no", "cifar100:/d,coarse=1"] {
            assert!(matches!(text.parse::<DataSpec>(), Err(DataError::BadOption { .. })), "{text}");
        }
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
