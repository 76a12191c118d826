//! Results read back: what a kind of results is known by, what is read of it, and with which errors. Each study has its kind
//! next to it; [`KINDS`](super::pages::KINDS) lists them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::findings::ProxyRow;
use crate::candidates::NetworkName;
use crate::engine::Machine;
use crate::files::{FileError, write_atomically};
use crate::pipeline::RunError;
use crate::registry::entry;
use crate::report::document::{Document, Front, FrontPoint, Line};
use crate::report::html;
use crate::seed::Stream;
use crate::stats::pareto_front;

pub(in crate::pipeline) mod read;

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
    /// The network.
    #[serde(flatten)]
    pub network: NetworkName,
    /// What it is first by.
    pub by: String,
    /// The value of that.
    pub value: Option<f64>,
    /// Its accuracy where it is known, percent.
    pub accuracy_pct: Option<f64>,
}

impl Best {
    /// A network that is first `by` something.
    pub(in crate::pipeline) fn new(
        network: &NetworkName,
        by: &str,
        value: Option<f64>,
        accuracy_pct: Option<f64>,
    ) -> Self {
        Best { network: network.clone(), by: by.into(), value, accuracy_pct }
    }
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
    /// What it is.
    pub title: &'static str,
    /// The command that writes it.
    pub command: &'static str,
    /// The files that it is known by.
    pub files: &'static str,
    /// Whether there is such a thing at a path.
    pub recognise: fn(&Path) -> bool,
    /// Reads it.
    pub read: fn(&Path, &PageOptions) -> Result<Contents, RunError>,
}

entry!(KindEntry, "kind of results", command, files);

/// Points drawn at most.
const MOST: usize = 1500;

/// A front of networks (name, cost, worth), of which at most 1,500 are drawn: the whole Pareto front and a random sample of the others.
pub(in crate::pipeline) fn front(networks: Vec<(NetworkName, f64, f64)>, seed: u64) -> Front {
    let usable: Vec<(NetworkName, f64, f64)> =
        networks.into_iter().filter(|(_, x, y)| x.is_finite() && y.is_finite()).collect();
    let objectives: Vec<[f64; 2]> = usable.iter().map(|(_, x, y)| [-x, *y]).collect();
    let best = pareto_front(&objectives.iter().map(|o| o.as_slice()).collect::<Vec<_>>());
    let mut on_front = vec![false; usable.len()];
    best.iter().for_each(|&i| on_front[i] = true);
    let mut others: Vec<usize> = (0..usable.len()).filter(|&i| !on_front[i]).collect();
    let room = MOST.saturating_sub(best.len());
    let left_out = others.len().saturating_sub(room);
    if left_out > 0 {
        Stream::named(seed, "front").shuffle(&mut others);
        others.truncate(room);
        others.sort_unstable();
    }
    let point = |&i: &usize| {
        let (arch, x, y) = &usable[i];
        FrontPoint { arch: arch.clone(), x: *x, y: *y, front: on_front[i] }
    };
    Front {
        decimals: 2,
        points: best.iter().chain(&others).map(point).collect(),
        left_out: left_out as u64,
        ..Front::default()
    }
}

/// The file.
pub(in crate::pipeline) const REPORT_FILE: &str = "report.json";

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::pipeline) struct Saved {
    /// What the page says.
    pub document: Document,
    /// How well proxies rank, to compare runs by.
    pub proxies: Vec<ProxyRow>,
    /// The best networks, best first.
    pub best: Vec<Best>,
}

/// Writes the page into the folder, `report.html`, and what it says, `report.json`. Returns where the page is.
pub(in crate::pipeline) fn save(saved: &Saved, dir: &Path) -> Result<PathBuf, FileError> {
    write_summary(&dir.join(REPORT_FILE), saved)?;
    let page = dir.join("report.html");
    write_page(&saved.document, &page)?;
    Ok(page)
}

/// Writes a page and says how long it is, in bytes.
pub(in crate::pipeline) fn write_page(document: &Document, path: &Path) -> Result<u64, FileError> {
    let text = html::render(document);
    write_atomically(path, |file| std::io::Write::write_all(file, text.as_bytes()))?;
    Ok(text.len() as u64)
}

/// The best so far of one search.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::pipeline) struct SearchCurve {
    /// Name of the strategy.
    pub strategy: String,
    /// Its seed.
    pub seed: u64,
    /// What was searched and with which budget: only searches that are equal in it are drawn together.
    pub setting: String,
    /// Where accuracies come from, in words.
    pub source: String,
    /// The trainings, in order.
    pub steps: Vec<SearchStep>,
    /// What random search does with the same table, if that is known.
    pub random: Option<Line>,
}

/// A training.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::pipeline) struct SearchStep {
    /// Trainings of full length so far.
    pub trainings: f64,
    /// Seconds of training so far.
    pub seconds: Option<f64>,
    /// Reported accuracy of this training, percent.
    pub reported_pct: Option<f64>,
    /// Reported accuracy of the best full training so far, percent.
    pub best_pct: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_front_keeps_what_is_not_beaten_and_draws_a_part_of_the_rest() {
        let named = |name: &str| NetworkName::from(name.to_owned());
        let mut networks: Vec<(NetworkName, f64, f64)> =
            (0..3000).map(|i| (named(&format!("n{i}")), 10.0 + f64::from(i), 50.0)).collect();
        networks.push((named("best"), 5.0, 90.0));
        networks.push((named("cheap"), 1.0, 20.0));
        networks.push((named("broken"), f64::NAN, 99.0));
        let front = front(networks, 0);
        let best: Vec<&str> = front.points.iter().filter(|p| p.front).map(|p| p.arch.short.as_str()).collect();
        assert_eq!(best, ["best", "cheap"]);
        assert_eq!((front.points.len(), front.left_out), (1500, 1502));
    }
}

#[derive(Serialize)]
struct Stamped<'a, T> {
    naslens: &'static str,
    machine: Machine,
    #[serde(flatten)]
    summary: &'a T,
}

/// Writes a summary as JSON with the fields `naslens`, the version, and `machine` before its own.
pub(in crate::pipeline) fn write_summary(path: &Path, summary: &impl Serialize) -> Result<(), FileError> {
    let stamped = Stamped { naslens: env!("CARGO_PKG_VERSION"), machine: Machine::here(), summary };
    write_atomically(path, |file| serde_json::to_writer_pretty(file, &stamped))
}
