//! A model learned from measurements on this machine.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use super::Subject;
use super::choose::sampled;
use super::curve::{CurvePoint, SIZES, learning, point, splits, subject as written};
use super::measured::measure_table;
use crate::files::write_atomically;
use crate::hardware::{Features, KnownLatency, LatencyModel, MeasureOptions, ModelSettings, Origin, Setting, features};
use crate::pipeline::RunError;
use crate::report::document::{Document, facts};
use crate::text::duration;

/// Draws of fewer networks than were measured.
const DRAWS: usize = 20;

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
            let draws = if n == samples { 1 } else { DRAWS };
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
        range_ms: range(&latencies),
        curve,
        file: file.into(),
    })
}

impl FitReport {
    /// What was fitted, and how good it is.
    pub fn document(&self) -> Document {
        let disturbed = format!("; {:.0}% of runs were disturbed and repeated", 100.0 * self.disturbed);
        Document {
            verdict: vec![written(&self.settings, self.range_ms)],
            facts: facts([
                ("Measured in", duration(self.seconds) + &disturbed),
                ("Model", self.file.display().to_string()),
            ]),
            sections: vec![learning(&self.curve)],
            ..Document::default()
        }
    }
}

pub(super) fn range(latencies: &[f64]) -> [f64; 2] {
    [latencies.iter().copied().fold(f64::INFINITY, f64::min), latencies.iter().copied().fold(0.0, f64::max)]
}

pub(super) fn write_model(model: &LatencyModel, file: &Path) -> Result<(), RunError> {
    let write = |out: &mut std::io::BufWriter<std::fs::File>| -> std::io::Result<()> {
        std::io::Write::write_all(out, model.to_json()?.as_bytes())
    };
    Ok(write_atomically(file, write)?)
}
