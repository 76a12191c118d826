//! Models learned from measurements on this machine or from published latencies, and how many of them it takes.

use std::path::{Path, PathBuf};
use std::time::Instant;

use rayon::prelude::*;
use serde::Serialize;

use super::Subject;
use super::choose::sampled;
use super::measured::measure_table;
use crate::benchmark::Table;
use crate::candidates::{CandidatesError, Column, architectures, read_column};
use crate::files::write_atomically;
use crate::hardware::{
    Features, FittedLatency, HardwareError, KnownLatency, LatencyModel, LatencyPrediction, MeasureOptions,
    ModelSettings, Origin, Setting, features,
};
use crate::pipeline::RunError;
use crate::pipeline::counts::{DRAWS, check_count};
use crate::report::document::{self, Cell, Document, Rows, Section, facts};
use crate::seed::Stream;
use crate::space::{Architecture, SpaceError};
use crate::stats::{Interval, bootstrap_interval, kendall_tau, quantile, range, spearman};
use crate::text::{duration, thousands};

/// Draws of fewer networks than were measured.
const SUBSETS: usize = 20;

/// What a fit took and how good it is.
#[derive(Clone, Debug, Serialize)]
pub struct FitReport {
    /// Which networks, and where their latencies come from.
    pub settings: ModelSettings,
    /// Seconds of measuring.
    pub seconds: f64,
    /// Processes that wanted to run over the minute before.
    pub load_average: Option<f64>,
    /// What is to be said about that, if anything.
    pub warning: Option<String>,
    /// Share of runs that the system disturbed.
    pub disturbed: f64,
    /// Fastest and slowest network, in milliseconds.
    pub range_ms: [f64; 2],
    /// The quality on fresh networks by the number of networks learned from.
    pub curve: Vec<CurvePoint>,
    /// The file of the model.
    pub file: PathBuf,
}

/// Measures `samples` networks of the subject, drawn with `seed`, and `fresh` more; fits the first and judges the fit by the
/// others; writes the model into `file`.
///
/// The model is fitted to the median of the quietest round ([`Measurement::quiet_ms`](crate::hardware::Measurement::quiet_ms)). Smaller numbers of samples are random choices among those measured, all judged by the same
/// fresh networks.
#[allow(clippy::too_many_arguments, reason = "what is measured, how, and where it goes")]
pub fn fit_measured(
    subject: &Subject,
    setting: &Setting,
    options: MeasureOptions<'_>,
    samples: usize,
    fresh: usize,
    seed: u64,
    file: &Path,
    on_progress: &mut dyn FnMut(usize, usize),
) -> Result<FitReport, RunError> {
    let chosen = sampled(subject, samples + fresh, seed)?;
    let start = Instant::now();
    let table = measure_table(&chosen, setting, options, on_progress)?;
    let seconds = start.elapsed().as_secs_f64();
    let latencies: Vec<f64> = table.networks.iter().map(|n| n.measurement.quiet_ms).collect();
    let counted: Vec<Features> = chosen.iter().map(|c| features(&c.network, setting.batch)).collect();
    let (known, tested): (Vec<usize>, Vec<usize>) = ((0..samples).collect(), (samples..samples + fresh).collect());
    let mut curve = Vec::new();
    if fresh > 1 {
        for n in SIZES.into_iter().filter(|n| *n < samples).chain([samples]) {
            let draws = if n == samples { 1 } else { SUBSETS };
            curve.push(point(&counted, &latencies, &splits(&known, &tested, n, draws, fresh, seed), seed)?);
        }
    }
    let origin = Origin::Measured { setting: setting.clone(), runs: options.runs };
    let pair = |(c, ms): (&super::Chosen, &f64)| KnownLatency { arch: c.arch.clone(), latency_ms: *ms };
    let networks = chosen.iter().zip(&latencies).take(samples).map(pair).collect();
    let model = LatencyModel::fit(subject.settings(origin), networks)?;
    write_model(&model, file)?;
    let all = table.networks.iter().map(|n| n.measurement.disturbed);
    Ok(FitReport {
        settings: model.settings().clone(),
        seconds,
        load_average: table.load_average,
        warning: table.warning,
        disturbed: all.sum::<f64>() / latencies.len().max(1) as f64,
        range_ms: range(latencies.iter().copied()).into(),
        curve,
        file: file.into(),
    })
}

impl FitReport {
    /// What was fitted, and how good it is.
    pub fn document(&self) -> Document {
        let disturbed = format!("; {:.0}% of runs were disturbed and repeated", 100.0 * self.disturbed);
        Document {
            verdict: vec![subject_in_words(&self.settings, self.range_ms)],
            facts: facts([
                ("Measured in", duration(self.seconds) + &disturbed),
                ("Model", self.file.display().to_string()),
            ]),
            sections: vec![learning(&self.curve)],
            ..Document::default()
        }
    }
}

pub(super) fn write_model(model: &LatencyModel, file: &Path) -> Result<(), RunError> {
    let write = |out: &mut std::io::BufWriter<std::fs::File>| -> std::io::Result<()> {
        std::io::Write::write_all(out, model.to_json()?.as_bytes())
    };
    Ok(write_atomically(file, write)?)
}

/// Numbers of known networks that are tried.
pub(super) const SIZES: [usize; 7] = [10, 20, 30, 50, 100, 200, 500];
const RESAMPLES: usize = 1000;

/// A mean over draws with its 95% bootstrap interval over draws; None where there was one draw.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Mean.
    pub mean: f64,
    /// Interval.
    pub interval: Option<Interval>,
}

/// The quality of predictions for networks that were not learned from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CurvePoint {
    /// Networks learned from.
    pub samples: usize,
    /// Networks predicted, in each draw.
    pub tested: usize,
    /// Draws of the networks learned from.
    pub draws: usize,
    /// Kendall's tau-b.
    pub tau: Estimate,
    /// Spearman's rank correlation.
    pub spearman: Estimate,
    /// Median of `|predicted - known| / known`, percent.
    pub error_pct: Estimate,
    /// Share of the known latencies within the 90% interval, percent.
    pub covered_pct: Estimate,
    /// Share of the known latencies above the upper end of the interval, percent.
    pub above_pct: Estimate,
}

/// The quality by the number of networks learned from.
pub(super) fn learning(curve: &[CurvePoint]) -> Section {
    let cell = |e: &Estimate, decimals| Cell::Estimate(Some(document::Estimate::of(e.mean, e.interval)), decimals);
    let grid = Rows::of("Quality by samples", "", curve)
        .column("#Samples", |p| Cell::Count(p.samples as u64))
        .column("#Draws", |p| Cell::Count(p.draws as u64))
        .column("#Tested", |p| Cell::Count(p.tested as u64))
        .column("#tau", |p| cell(&p.tau, 3))
        .column("#Spearman", |p| cell(&p.spearman, 3))
        .column("#Median error, %", |p| cell(&p.error_pct, 1))
        .column("#In the 90% interval, %", |p| cell(&p.covered_pct, 0));
    Section::table("learning", "", grid)
}

/// Whose latencies they are, and where they come from.
fn subject_in_words(settings: &ModelSettings, [fastest, slowest]: [f64; 2]) -> String {
    let origin = match &settings.origin {
        Origin::Measured { setting, .. } => setting.to_string(),
        Origin::Published { table, column } => format!("{column} of {table}"),
    };
    let ModelSettings { space, image, .. } = settings;
    format!("{space}, {image} images: {fastest:.3} to {slowest:.3} ms on {origin}")
}

/// The part of one draw: networks learned from, and networks predicted.
pub(super) type Split = (Vec<usize>, Vec<usize>);

/// The quality with these splits, which have equal sizes.
pub(super) fn point(
    networks: &[Features],
    latencies_ms: &[f64],
    splits: &[Split],
    seed: u64,
) -> Result<CurvePoint, HardwareError> {
    let draw = |(learned, tested): &Split| {
        let known: Vec<&Features> = learned.iter().map(|&i| &networks[i]).collect();
        let fitted = FittedLatency::new(&known, &learned.iter().map(|&i| latencies_ms[i]).collect::<Vec<_>>())?;
        let predicted: Vec<LatencyPrediction> = tested.iter().map(|&i| fitted.predict(&networks[i])).collect();
        Ok(quality(&predicted, &tested.iter().map(|&i| latencies_ms[i]).collect::<Vec<_>>()))
    };
    let qualities = splits.par_iter().map(draw).collect::<Result<Vec<[f64; 5]>, HardwareError>>()?;
    let estimate = |which: usize| {
        let values: Vec<f64> = qualities.iter().map(|q| q[which]).collect();
        let mean =
            |positions: &[usize]| Some(positions.iter().map(|&i| values[i]).sum::<f64>() / positions.len() as f64);
        let interval =
            (values.len() > 1).then(|| bootstrap_interval(values.len(), RESAMPLES, 0.95, seed, mean)).flatten();
        Estimate { mean: values.iter().sum::<f64>() / values.len().max(1) as f64, interval }
    };
    Ok(CurvePoint {
        samples: splits.first().map_or(0, |s| s.0.len()),
        tested: splits.first().map_or(0, |s| s.1.len()),
        draws: splits.len(),
        tau: estimate(0),
        spearman: estimate(1),
        error_pct: estimate(2),
        covered_pct: estimate(3),
        above_pct: estimate(4),
    })
}

/// Tau, Spearman, median error, coverage, share above the interval. A constant side has no order, which counts as 0.
pub(super) fn quality(predicted: &[LatencyPrediction], truth: &[f64]) -> [f64; 5] {
    let means: Vec<f64> = predicted.iter().map(|p| p.ms).collect();
    let mut errors: Vec<f64> = means.iter().zip(truth).map(|(p, y)| 100.0 * (p - y).abs() / y).collect();
    errors.sort_unstable_by(f64::total_cmp);
    let share = |of: &dyn Fn(&LatencyPrediction, f64) -> bool| {
        100.0 * predicted.iter().zip(truth).filter(|(p, y)| of(p, **y)).count() as f64 / truth.len().max(1) as f64
    };
    [
        kendall_tau(&means, truth).unwrap_or(0.0),
        spearman(&means, truth).unwrap_or(0.0),
        quantile(&errors, 0.5).unwrap_or(f64::NAN),
        share(&|p, y| p.low_ms <= y && y <= p.high_ms),
        share(&|p, y| y > p.high_ms),
    ]
}

/// `draws` random choices of `n` of the networks `known`, each to be tested on `tested`, or on the rest of `known`, at most
/// `most` of them, where `tested` is empty. The choices of fewer networks are not part of those of more.
pub(super) fn splits(known: &[usize], tested: &[usize], n: usize, draws: usize, most: usize, seed: u64) -> Vec<Split> {
    let draw = |draw: usize| {
        let mut order = known.to_vec();
        Stream::named(seed, &format!("latency.{n}.{draw}")).shuffle(&mut order);
        let rest = order.split_off(n.min(order.len()));
        (order, if tested.is_empty() { rest.into_iter().take(most).collect() } else { tested.to_vec() })
    };
    (0..draws).map(draw).collect()
}

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
            verdict: vec![subject_in_words(&self.settings, self.range_ms)],
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
        let range_ms = range(known.iter().map(|&r| latencies[r])).into();
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
