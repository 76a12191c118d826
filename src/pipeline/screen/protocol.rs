//! How large networks are when they are scored: as they are, or smaller and on fewer images.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ScreenConfig;
use crate::network::Shape;
use crate::space::{CELLS, SpaceError, SpaceSpec};
use crate::text::did_you_mean;

/// At what size networks are run to be scored. Counts, limits and latencies are those of the network itself under either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// As the settings say.
    #[default]
    Full,
    /// At most [`QUICK_BATCH`] images of at most [`QUICK_SIDE`] pixels a side, and, where the space has these options, at most
    /// [`QUICK_CELLS`] cells per stage. docs/speed.md says what it saves and what it loses.
    Quick,
}

/// Images per batch under [`Protocol::Quick`], at most.
const QUICK_BATCH: usize = 16;
/// Sides of the images in pixels are halved until they are not larger.
const QUICK_SIDE: usize = 16;
/// Cells per stage, at most.
const QUICK_CELLS: usize = 1;

/// What networks are run as.
pub(super) struct Scale {
    pub space: SpaceSpec,
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
    /// What the networks of these settings are run as.
    pub fn of(config: &ScreenConfig) -> Result<Scale, SpaceError> {
        let full = Scale { space: config.space.clone(), image: config.image, batch_size: config.batch_size };
        if config.protocol == Protocol::Full {
            return Ok(full);
        }
        let smaller = |side: usize| std::iter::successors(Some(side), |side| Some(side / 2)).find(|&s| s <= QUICK_SIDE);
        let side = |side| smaller(side).unwrap_or(side);
        let Shape { channels, height, width } = config.image;
        let mut space = full.space;
        let takes = space.entry()?.options;
        if takes.iter().any(|option| option.name == CELLS.name) {
            let cells = space.option(CELLS.name)?.unwrap_or(QUICK_CELLS);
            space = space.with(CELLS.name, cells.min(QUICK_CELLS))?;
        }
        Ok(Scale {
            space,
            image: Shape::new(channels, side(height), side(width)),
            batch_size: config.batch_size.min(QUICK_BATCH),
        })
    }
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
