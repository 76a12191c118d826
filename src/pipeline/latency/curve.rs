//! How well latencies are predicted from how many known ones.

use rayon::prelude::*;
use serde::Serialize;

use crate::hardware::{Features, FittedLatency, HardwareError, LatencyPrediction, ModelSettings, Origin};
use crate::report::document::{self, Cell, Grid, Section};
use crate::seed::Stream;
use crate::stats::{Interval, bootstrap_interval, kendall_tau, quantile, spearman};

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
    let grid = Grid::of(
        "Quality by samples",
        "",
        curve,
        &[
            ("#Samples", &|p| Cell::Count(p.samples as u64)),
            ("#Draws", &|p| Cell::Count(p.draws as u64)),
            ("#Tested", &|p| Cell::Count(p.tested as u64)),
            ("#tau", &|p| cell(&p.tau, 3)),
            ("#Spearman", &|p| cell(&p.spearman, 3)),
            ("#Median error, %", &|p| cell(&p.error_pct, 1)),
            ("#In the 90% interval, %", &|p| cell(&p.covered_pct, 0)),
        ],
    );
    Section::table("learning", "", grid)
}

/// Whose latencies they are, and where they come from.
pub(super) fn subject(settings: &ModelSettings, [fastest, slowest]: [f64; 2]) -> String {
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
fn quality(predicted: &[LatencyPrediction], truth: &[f64]) -> [f64; 5] {
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
