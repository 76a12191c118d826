//! Results read back: what a kind of results is known by, what is read of it, and with which errors. Each study has its kind
//! next to it; [`KINDS`](super::pages::KINDS) lists them.

mod front;
pub(in crate::pipeline) mod read;
mod saved;
pub(in crate::pipeline) mod scores;
mod search_curve;

use std::path::{Path, PathBuf};

use serde_json::Value;

pub(in crate::pipeline) use front::front;
pub(in crate::pipeline) use saved::{REPORT_FILE, Saved, save, write_page};
pub(in crate::pipeline) use search_curve::{SearchCurve, SearchStep};

use super::findings::ProxyRow;
use crate::pipeline::RunError;
use crate::report::document::Document;

/// What results are judged by, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct PageOptions {
    /// A table of trained networks.
    pub table: Option<PathBuf>,
    /// Its column with the accuracy, in percent; a name that ends in `_frac` says that it is a fraction.
    pub target: Option<String>,
    /// Resamples behind each interval; fewer where there are more than about 15,000 networks.
    pub repeats: usize,
    /// Root of all random numbers.
    pub seed: u64,
}

impl Default for PageOptions {
    fn default() -> Self {
        PageOptions { table: None, target: None, repeats: 1000, seed: 0 }
    }
}

/// A network that a run puts first.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Best {
    /// As the space writes it.
    pub arch: String,
    /// What it is first by.
    pub by: String,
    /// The value of that.
    pub value: Option<f64>,
    /// Its accuracy where it is known, percent.
    pub accuracy_pct: Option<f64>,
}

/// What was read from one folder or file.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// Everything that its page says.
    pub document: Document,
    /// The settings, as they were noted.
    pub settings: Value,
    /// The best networks, best first.
    pub best: Vec<Best>,
    /// How well its proxies rank.
    pub proxies: Vec<ProxyRow>,
    /// Searches that it holds.
    pub(in crate::pipeline) searches: Vec<SearchCurve>,
}

/// A kind of results.
pub struct KindEntry {
    /// Its name.
    pub name: &'static str,
    /// The command that writes it.
    pub command: &'static str,
    /// The files that it is known by.
    pub files: &'static str,
    pub(in crate::pipeline) recognise: fn(&Path) -> bool,
    pub(in crate::pipeline) read: fn(&Path, &PageOptions) -> Result<Contents, RunError>,
}
