//! `gaussian` and `pink`: noise, generated from the seed.

use super::noise::{self, BETA};
use super::spec::options;
use super::{DataError, DataSource, DataSpec, Noise, Source, SourceInfo, Spectrum, Watch};

pub(super) const GAUSSIAN: SourceInfo = SourceInfo {
    name: noise::GAUSSIAN,
    usage: "gaussian[:classes=N]",
    title: "White noise",
    what: "every value drawn from N(0, 1); random labels in N classes (default 10); any shape, no end",
    origin: "generated from the seed",
    licence: "none needed",
    parse: parse_gaussian,
};

fn parse_gaussian(text: &str) -> Result<DataSpec, DataError> {
    let mut classes = Noise::DEFAULT_CLASSES;
    for (_, value) in options(noise::GAUSSIAN, text, &["classes"])? {
        classes = Noise::read_classes(noise::GAUSSIAN, value)?;
    }
    Noise::new(Spectrum::White, classes).map(DataSpec::new)
}

pub(super) const PINK: SourceInfo = SourceInfo {
    name: noise::PINK,
    usage: "pink[:beta=B,classes=N]",
    title: "Pink noise",
    what: "noise whose amplitude falls as 1/frequency^B (default 1.5; natural images have about 1); random labels in N \
           classes (default 10); any shape, no end",
    origin: "generated from the seed; 1/f spectra of natural images: Field 1987, J. Opt. Soc. Am. A 4(12), 2379-2394",
    licence: "none needed",
    parse: parse_pink,
};

fn parse_pink(text: &str) -> Result<DataSpec, DataError> {
    let (mut beta, mut classes) = (BETA, Noise::DEFAULT_CLASSES);
    for (key, value) in options(noise::PINK, text, &["beta", "classes"])? {
        if key == "beta" {
            beta = value.parse().map_err(|_| Noise::bad_beta(value))?;
        } else {
            classes = Noise::read_classes(noise::PINK, value)?;
        }
    }
    Noise::new(Spectrum::Pink { beta }, classes).map(DataSpec::new)
}

impl Source for Noise {
    fn open(&self, _: &Watch<'_>) -> Result<DataSource, DataError> {
        Ok(DataSource::Noise(*self))
    }
}
