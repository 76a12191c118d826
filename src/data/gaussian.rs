//! `gaussian`: white noise.

use super::{DataError, DataSpec, Noise, SourceInfo, Spectrum, source::options};
use crate::network::Shape;
use crate::seed::Stream;

pub(super) const INFO: SourceInfo = SourceInfo {
    name: "gaussian",
    usage: "gaussian[:classes=N]",
    title: "White noise",
    what: "every value drawn from N(0, 1); random labels in N classes (default 10); any shape, no end",
    origin: "generated from the seed",
    licence: "none needed",
    parse,
};

fn parse(text: &str) -> Result<DataSpec, DataError> {
    let mut classes = Noise::DEFAULT_CLASSES;
    for (_, value) in options(INFO.name, text, &["classes"])? {
        classes = Noise::read_classes(INFO.name, value)?;
    }
    Noise::new(Spectrum::White, classes).map(DataSpec::Noise)
}

/// Image `i`: one N(0, 1) value after another from the stream `gaussian/i`, in (c, h, w) order.
pub(super) fn image(shape: Shape, seed: u64, i: usize) -> Vec<f64> {
    let mut stream = Stream::named(seed, &format!("gaussian/{i}"));
    (0..shape.len()).map(|_| stream.normal()).collect()
}
