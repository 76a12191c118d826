//! The registry of data sources.

use super::{DataError, DataSource, DataSpec, SourceInfo, Watch, cifar, digits, fashion, folder, generated, idx, npz};
use crate::registry::{Registry, Unknown};
use std::path::Path;
use std::str::FromStr;

/// Every data source, in the order in which they are shown.
pub static SOURCES: Registry<SourceInfo> = Registry::new(&[
    &digits::INFO,
    &fashion::INFO,
    &generated::GAUSSIAN,
    &generated::PINK,
    &folder::INFO,
    &idx::INFO,
    &npz::INFO,
    &cifar::CIFAR10,
    &cifar::CIFAR100,
]);

impl FromStr for DataSpec {
    type Err = DataError;

    /// Reads `NAME` or `NAME:OPTIONS`. A name outside of [`SOURCES`] is [`DataError::UnknownSource`]; options may be
    /// [`DataError::UnknownOption`], [`DataError::BadOption`] or [`DataError::NoPath`]. No file is opened.
    fn from_str(text: &str) -> Result<Self, DataError> {
        let (name, options) = text.split_once(':').unwrap_or((text, ""));
        let unknown = |error: Unknown| {
            let known = SOURCES.iter().map(|info| info.usage).collect::<Vec<_>>().join(" ");
            // A path without the word before it.
            let place = [(Path::new(text).is_dir(), folder::INFO.name), (text.ends_with(".npz"), npz::INFO.name)];
            let hint = match place.iter().find(|(is, _)| *is) {
                Some((_, source)) => format!(" (did you mean `{source}:{text}`?)"),
                None => error.hint,
            };
            DataError::UnknownSource { name: error.name, hint, known }
        };
        (SOURCES.find(name).map_err(unknown)?.parse)(options)
    }
}

impl Default for DataSpec {
    fn default() -> Self {
        DataSpec::new(digits::DIGITS)
    }
}

/// [`DataSpec::open`] with nobody watching.
pub fn open(spec: &DataSpec) -> Result<DataSource, DataError> {
    spec.open(&Watch::nobody())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Shape;

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
            "folder:/data,group=(p[0-9]+)_",
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
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().display().to_string();
        assert!(message(&place).contains(&format!("did you mean `folder:{place}`?")));
        assert!(message("sets/path.npz").contains("did you mean `npz:sets/path.npz`?"));
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
        for text in [
            "folder:/d,size=64",
            "folder:/d,size=0x4",
            "folder:/d,skip-corrupt=no",
            "folder:/d,group=p[",
            "folder:/d,group=p",
            "cifar100:/d,coarse=1",
        ] {
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

    #[test]
    fn a_source_need_not_be_in_the_registry() {
        #[derive(Debug)]
        struct White;
        impl std::fmt::Display for White {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("white")
            }
        }
        impl crate::data::Source for White {
            fn open(&self, _: &Watch<'_>) -> Result<DataSource, DataError> {
                let pixels = ndarray::Array4::from_elem((2, 1, 3, 4), 255);
                crate::data::Dataset::new("white", pixels, 255, vec![0, 1], 2).map(DataSource::Images)
            }
        }
        let spec = DataSpec::new(White);
        assert_eq!(spec.native_shape(&Watch::nobody()).unwrap(), Some(Shape::new(1, 3, 4)));
        assert_eq!((spec.to_string(), spec), ("white".to_owned(), DataSpec::new(White)));
    }
}
