//! On what networks are scored: on what the settings say, or on fewer and smaller images.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ScreenConfig;
use crate::network::Shape;
use crate::text::did_you_mean;

/// On what networks are run to be scored. Counts, limits and latencies are those of the network itself under either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// On what the settings say.
    #[default]
    Full,
    /// On at most 16 images, their sides halved until they have at most 32 pixels. docs/speed.md says what it saves and what it
    /// loses.
    Quick,
}

/// Images per batch under [`Protocol::Quick`], at most.
const QUICK_BATCH: usize = 16;
/// Sides of the images in pixels are halved until they are not larger.
const QUICK_SIDE: usize = 32;

/// What goes into the networks that are run.
pub(super) struct Scale {
    pub image: Shape,
    pub batch_size: usize,
}

impl Protocol {
    /// The names, the default first.
    pub const NAMES: [&'static str; 2] = ["full", "quick"];

    pub(super) fn is_full(&self) -> bool {
        *self == Protocol::Full
    }
}

impl Scale {
    /// What goes into networks of these settings.
    pub fn of(config: &ScreenConfig) -> Scale {
        let Shape { channels, height, width } = config.image;
        match config.protocol {
            Protocol::Full => Scale { image: config.image, batch_size: config.batch_size },
            Protocol::Quick => Scale {
                image: Shape::new(channels, halved(height), halved(width)),
                batch_size: config.batch_size.min(QUICK_BATCH),
            },
        }
    }
}

fn halved(side: usize) -> usize {
    if side > QUICK_SIDE { halved(side / 2) } else { side }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Protocol::NAMES[*self as usize])
    }
}

impl FromStr for Protocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "full" => Ok(Protocol::Full),
            "quick" => Ok(Protocol::Quick),
            _ => Err(format!("`{text}` is not a protocol{}; use full or quick", did_you_mean(text, Protocol::NAMES))),
        }
    }
}
