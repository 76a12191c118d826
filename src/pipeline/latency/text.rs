//! Latencies as plain text for a terminal.

use super::curve::{CurvePoint, Estimate};
use super::{FitReport, LatencyTable, Measured, PublishedFit};
use crate::hardware::{ModelSettings, Origin};
use crate::text::{aligned, duration, thousands};

impl LatencyTable {
    /// The table, aligned.
    pub fn to_text(&self) -> String {
        let mut lines = vec![format!("latency on {}", self.setting)];
        let header =
            ["", "p50 [ms]", "95% of p50", "p95", "quiet", "runs", "memory [MiB]", "GPU [MiB]", "params", "MACs"];
        let row = |(i, Measured { measurement: m, .. }): (usize, &Measured)| {
            let t = &m.timing;
            [
                (i + 1).to_string(),
                format!("{:.3}", t.p50_ms),
                format!("{:.3}-{:.3}", t.p50_interval.low, t.p50_interval.high),
                format!("{:.3}", t.p95_ms),
                format!("{:.3}", m.quiet_ms),
                m.runs.to_string(),
                mebibytes(m.memory_bytes),
                m.device_memory_bytes.map_or("-".into(), mebibytes),
                thousands(m.params),
                thousands(m.macs),
            ]
        };
        lines.extend(aligned(header, self.networks.iter().enumerate().map(row).collect()));
        lines.extend(self.networks.iter().zip(1..).map(|(n, i)| format!("{i}  {}", n.arch)));
        let disturbed = self.networks.iter().map(|n| n.measurement.disturbed).sum::<f64>() / self.networks.len() as f64;
        lines.push(format!(
            "quiet: lowest median of a round, which models and limits use; memory: parameters and live activations, counted;\n{:.0}% of runs were disturbed and repeated",
            100.0 * disturbed
        ));
        lines.join("\n")
    }
}

impl FitReport {
    /// The fit in a few lines.
    pub fn to_text(&self) -> String {
        let mut lines = head(&self.settings, self.range_ms);
        lines.push(format!(
            "measured in {}; {:.0}% of runs were disturbed and repeated",
            duration(self.seconds),
            100.0 * self.disturbed
        ));
        lines.extend(curve(&self.curve));
        lines.push(format!("model: {}", self.file.display()));
        lines.join("\n")
    }
}

impl PublishedFit {
    /// The fit in a few lines.
    pub fn to_text(&self) -> String {
        let mut lines = head(&self.settings, self.range_ms);
        let impossible = match self.impossible {
            0 => String::new(),
            n => format!("; left out: {} whose latency is not above 0, or infinite", thousands(n as u64)),
        };
        lines.push(format!("{} architectures{impossible}", thousands(self.architectures as u64)));
        lines.extend(curve(&self.curve));
        lines.extend(self.file.iter().map(|file| format!("model: {}", file.display())));
        lines.join("\n")
    }
}

fn head(settings: &ModelSettings, [fastest, slowest]: [f64; 2]) -> Vec<String> {
    let origin = match &settings.origin {
        Origin::Measured { setting, .. } => setting.to_string(),
        Origin::Published { table, column } => format!("{column} of {table}"),
    };
    let ModelSettings { space, image, .. } = settings;
    vec![format!("{space}, {image} images: {fastest:.3} to {slowest:.3} ms on {origin}")]
}

fn curve(points: &[CurvePoint]) -> Vec<String> {
    let header = ["samples", "draws", "tested", "tau", "Spearman", "median error [%]", "in the 90% interval [%]"];
    let row = |p: &CurvePoint| {
        [
            p.samples.to_string(),
            p.draws.to_string(),
            p.tested.to_string(),
            estimate(&p.tau, 3),
            estimate(&p.spearman, 3),
            estimate(&p.error_pct, 1),
            estimate(&p.covered_pct, 0),
        ]
    };
    aligned(header, points.iter().map(row).collect())
}

fn estimate(e: &Estimate, digits: usize) -> String {
    let interval = e.interval.map_or(String::new(), |i| format!(" [{:.digits$}, {:.digits$}]", i.low, i.high));
    format!("{:.digits$}{interval}", e.mean)
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.2}", bytes as f64 / f64::from(1 << 20))
}
