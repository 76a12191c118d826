//! Models learned from published latencies, and how many of them it takes.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use super::Subject;
use super::curve::{CurvePoint, SIZES, learning, point, splits, subject as written};
use super::fit::{range, write_model};
use crate::benchmark::Table;
use crate::candidates::{CandidatesError, Column, architectures, read_column};
use crate::hardware::{Features, KnownLatency, LatencyModel, ModelSettings, Origin, features};
use crate::pipeline::RunError;
use crate::pipeline::counts::{DRAWS, check_count};
use crate::report::document::{Document, facts};
use crate::space::{Architecture, SpaceError};
use crate::text::thousands;

/// Networks predicted per draw at most.
const MOST_TESTED: usize = 2000;

/// Which published latencies.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedConfig {
    /// The table.
    pub table: PathBuf,
    /// Its columns, in milliseconds.
    pub columns: Vec<String>,
    /// Networks that the model of the first column learns from.
    pub samples: usize,
    /// Random training subsets per sample size.
    pub draws: usize,
    /// Root of the random choices.
    pub seed: u64,
}

/// A column and how well it is learned.
#[derive(Clone, Debug, Serialize)]
pub struct PublishedFit {
    /// Which networks, and which column.
    pub settings: ModelSettings,
    /// Architectures of live networks with a latency above 0.
    pub architectures: usize,
    /// Those whose latency cannot be one: not above 0, or infinite, such as a sentinel for what could not be measured.
    pub impossible: usize,
    /// Fastest and slowest, in milliseconds.
    pub range_ms: [f64; 2],
    /// The quality on other networks by the number of networks learned from.
    pub curve: Vec<CurvePoint>,
    /// The file of the model, if one was asked for.
    pub file: Option<PathBuf>,
}

impl PublishedFit {
    /// What was learned, and how well.
    pub fn document(&self) -> Document {
        let impossible = match self.impossible {
            0 => String::new(),
            n => format!("; left out: {} whose latency is not above 0, or infinite", thousands(n as u64)),
        };
        let file = self.file.as_ref().map(|file| file.display().to_string());
        Document {
            verdict: vec![written(&self.settings, self.range_ms)],
            facts: facts([
                ("Architectures", thousands(self.architectures as u64) + &impossible),
                ("Model", file.unwrap_or_default()),
            ]),
            sections: vec![learning(&self.curve)],
            ..Document::default()
        }
    }
}

/// Learns each column from few of its rows and judges by the others (at most 2,000 of them in every draw). Every row is an
/// architecture as specified, as it was published; rows of dead networks are left out, since no search may choose one. The
/// model of the first column, from `samples` networks of a further draw, is written into `file`.
pub fn fit_published(
    subject: &Subject,
    config: &PublishedConfig,
    file: Option<&Path>,
    on_column: &mut dyn FnMut(usize, usize),
) -> Result<Vec<PublishedFit>, RunError> {
    check_count("draws", config.draws as u64, DRAWS)?;
    let table = Table::open(&config.table)?;
    let (space, task) = subject.open()?;
    let named = architectures(&table, space.as_ref())?;
    let archs = named.ok_or_else(|| CandidatesError::no_architectures(&table))?.rows;
    let count = |arch: Option<Architecture>| -> Result<Option<(String, Features)>, SpaceError> {
        let Some(arch) = arch else { return Ok(None) };
        let network = space.build(&arch, &task)?;
        Ok(network.live().map(|_| (space.format(&arch), features(&network, 1))))
    };
    let counted: Vec<Option<(String, Features)>> = archs.into_par_iter().map(count).collect::<Result<_, _>>()?;
    let name = config.table.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // A dead network, or none, has no text.
    let (texts, networks): (Vec<String>, Vec<Features>) = counted.into_iter().map(Option::unwrap_or_default).unzip();
    let mut fits = Vec::new();
    for (i, column) in config.columns.iter().enumerate() {
        on_column(i, config.columns.len());
        let Column { values, impossible, .. } = read_column(&table, column)?;
        let not_positive =
            (0..values.len()).filter(|&r| !texts[r].is_empty() && values[r].is_some_and(|v| v <= 0.0)).count();
        let impossible = impossible + not_positive;
        let known: Vec<usize> =
            (0..values.len()).filter(|&r| !texts[r].is_empty() && values[r].is_some_and(|v| v > 0.0)).collect();
        let latencies: Vec<f64> = values.into_iter().map(Option::unwrap_or_default).collect();
        if known.len() <= config.samples {
            return Err(RunError::Refused(format!(
                "column `{column}` has {} positive latencies of live networks, {} samples need more than that",
                known.len(),
                config.samples
            )));
        }
        let mut sizes: Vec<usize> = SIZES.into_iter().filter(|n| *n < config.samples).collect();
        sizes.push(config.samples);
        let curve = sizes.into_iter().map(|n| {
            let splits = splits(&known, &[], n, config.draws, MOST_TESTED, config.seed);
            Ok(point(&networks, &latencies, &splits, config.seed)?)
        });
        let curve = curve.collect::<Result<Vec<CurvePoint>, RunError>>()?;
        let settings = subject.settings(Origin::Published { table: name.clone(), column: column.clone() });
        let file = file.filter(|_| i == 0);
        if let Some(file) = file {
            let (chosen, _) = &splits(&known, &[], config.samples, config.draws + 1, 0, config.seed)[config.draws];
            let pair = |&r: &usize| KnownLatency { arch: texts[r].clone(), latency_ms: latencies[r] };
            write_model(&LatencyModel::fit(settings.clone(), chosen.iter().map(pair).collect())?, file)?;
        }
        let range_ms = range(&known.iter().map(|&r| latencies[r]).collect::<Vec<_>>());
        let architectures = known.len();
        fits.push(PublishedFit {
            settings,
            architectures,
            impossible,
            range_ms,
            curve,
            file: file.map(Path::to_path_buf),
        });
    }
    Ok(fits)
}
