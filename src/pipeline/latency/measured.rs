//! A table of measured networks.

use std::path::Path;

use serde::Serialize;

use super::busy;
use super::choose::Chosen;
use crate::benchmark::columns::{integer, number, text, write};
use crate::engine::load_average;
use crate::hardware::{MeasureOptions, Measurement, Setting, measure};
use crate::network::Network;
use crate::pipeline::RunError;

/// Measured networks, in the order in which they were asked for.
#[derive(Clone, Debug, Serialize)]
pub struct LatencyTable {
    /// Where and how.
    pub setting: Setting,
    /// Processes that wanted to run over the minute before.
    pub load_average: Option<f64>,
    /// What is to be said about that, if anything.
    pub warning: Option<String>,
    /// The networks.
    pub networks: Vec<Measured>,
}

/// A measured network.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// As the space writes it.
    pub arch: String,
    /// Its id.
    pub arch_id: String,
    /// What its live part costs.
    #[serde(flatten)]
    pub measurement: Measurement,
}

/// Measures the live parts of these networks.
pub fn measure_table(
    chosen: &[Chosen],
    setting: &Setting,
    options: MeasureOptions<'_>,
    on_progress: &mut dyn FnMut(usize, usize),
) -> Result<LatencyTable, RunError> {
    let (load_average, warning) = (load_average(), busy());
    let live: Vec<Network> = chosen.iter().map(|c| c.network.live().unwrap_or_else(|| c.network.clone())).collect();
    let measurements = measure(&live.iter().collect::<Vec<_>>(), setting, options, on_progress)?;
    let row = |(c, measurement): (&Chosen, Measurement)| Measured {
        arch: c.arch.clone(),
        arch_id: c.arch_id.clone(),
        measurement,
    };
    let networks = chosen.iter().zip(measurements).map(row).collect();
    Ok(LatencyTable { setting: setting.clone(), load_average, warning, networks })
}

impl LatencyTable {
    /// Writes one row per network: `arch`, `arch_id`, `p50_ms` with `p50_low_ms` and `p50_high_ms`, `p95_ms`, `quiet_ms`,
    /// `min_ms`, `runs`, `disturbed`, `memory_bytes`, `params`, `macs`. What [`naslens search --max`](crate::pipeline::search::Constraint) reads.
    pub fn write(&self, path: &Path) -> Result<(), RunError> {
        let all = || self.networks.iter().map(|n| &n.measurement);
        let columns = vec![
            ("arch", text(self.networks.iter().map(|n| &n.arch))),
            ("arch_id", text(self.networks.iter().map(|n| &n.arch_id))),
            ("p50_ms", number(all().map(|m| m.timing.p50_ms))),
            ("p50_low_ms", number(all().map(|m| m.timing.p50_interval.low))),
            ("p50_high_ms", number(all().map(|m| m.timing.p50_interval.high))),
            ("p95_ms", number(all().map(|m| m.timing.p95_ms))),
            ("quiet_ms", number(all().map(|m| m.quiet_ms))),
            ("min_ms", number(all().map(|m| m.timing.min_ms))),
            ("runs", integer(all().map(|m| m.runs as i64))),
            ("disturbed", number(all().map(|m| m.disturbed))),
            ("memory_bytes", integer(all().map(|m| m.memory_bytes as i64))),
            ("params", integer(all().map(|m| m.params as i64))),
            ("macs", integer(all().map(|m| m.macs as i64))),
        ];
        Ok(write(path, columns)?)
    }
}
