//! A table of measured networks: measured, written, and shown.

use std::path::Path;

use serde::Serialize;

use super::busy;
use super::choose::Chosen;
use crate::benchmark::Table;
use crate::benchmark::columns::{integer, number, text, write};
use crate::candidates::NetworkName;
use crate::engine::load_average;
use crate::hardware::{MeasureOptions, Measurement, Setting, measure};
use crate::network::Network;
use crate::pipeline::RunError;
use crate::pipeline::results::read::truth_of_rows;
use crate::pipeline::results::{Best, Contents, KindEntry, PageOptions, front, read};
use crate::report::document::{Cell, Document, Estimate, Front, Part, Rows, Section, facts};
use crate::stats::{quantile, spearman};
use crate::text::thousands;

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

pub(in crate::pipeline) const KIND: KindEntry = KindEntry {
    name: "latencies",
    title: "networks measured on a machine",
    command: "naslens latency --out",
    files: "a Parquet file with quiet_ms",
    recognise: |path| {
        path.is_file() && Table::open(path).is_ok_and(|table| table.has("quiet_ms") && table.has("p50_low_ms"))
    },
    read: read_page,
};

/// Rows of the table of networks.
const ROWS: usize = 30;

struct Row {
    arch: NetworkName,
    median: Estimate,
    p95_ms: f64,
    quiet_ms: f64,
    disturbed: f64,
    memory: u64,
    params: u64,
    macs: u64,
    accuracy: Option<f64>,
}

fn read_page(path: &Path, options: &PageOptions) -> Result<Contents, RunError> {
    let (table, _) = read::table(path)?;
    let numbers = |name: &str| -> Result<Vec<f64>, RunError> {
        Ok(table.f64_column(name)?.into_iter().map(|v| v.unwrap_or(f64::NAN)).collect())
    };
    let archs = NetworkName::of_rows(&table)?;
    let (median, low, high) = (numbers("p50_ms")?, numbers("p50_low_ms")?, numbers("p50_high_ms")?);
    let (p95, quiet, disturbed) = (numbers("p95_ms")?, numbers("quiet_ms")?, numbers("disturbed")?);
    let (params, macs) = (numbers("params")?, numbers("macs")?);
    let truth = truth_of_rows(&table, options)?;
    let memory = numbers("memory_bytes")?;
    let mut networks: Vec<Row> = (0..archs.len())
        .map(|i| {
            let arch = archs[i].clone();
            let accuracy = truth.as_ref().and_then(|truth| truth[i]);
            Row {
                median: Estimate::with_interval(median[i], low[i], high[i]),
                p95_ms: p95[i],
                quiet_ms: quiet[i],
                disturbed: disturbed[i],
                memory: memory[i].max(0.0) as u64,
                params: params[i].max(0.0) as u64,
                macs: macs[i].max(0.0) as u64,
                accuracy,
                arch,
            }
        })
        .collect();
    networks.sort_by(|a, b| a.quiet_ms.total_cmp(&b.quiet_ms));
    let runs = table.f64_column("runs")?.first().copied().flatten();
    let document = Document {
        title: format!("Measured latencies, {}", path.file_name().unwrap_or_default().to_string_lossy()),
        verdict: verdict(&networks),
        facts: facts([
            ("Networks", thousands(networks.len() as u64)),
            ("Runs of each", runs.map_or(String::new(), |r| thousands(r as u64))),
        ]),
        sections: vec![plot(&networks, options), listed(&networks, true)],
    };
    let best = networks.iter().map(|n| Best::new(&n.arch, "latency, ms", Some(n.quiet_ms), n.accuracy));
    Ok(Contents { best: best.collect(), document, ..Contents::default() })
}

fn verdict(networks: &[Row]) -> Vec<String> {
    let quiet: Vec<f64> = networks.iter().map(|n| n.quiet_ms).collect();
    let (Some(first), Some(last), Some(middle)) = (quiet.first(), quiet.last(), quantile(&quiet, 0.5)) else {
        return vec!["No network was measured.".into()];
    };
    let mut sentences = vec![format!(
        "{} networks take {first:.3} to {last:.3} ms, {middle:.3} ms in the middle.",
        thousands(networks.len() as u64)
    )];
    let of = |value: fn(&Row) -> f64| spearman(&quiet, &networks.iter().map(value).collect::<Vec<_>>());
    if let (Some(macs), Some(params)) = (of(|n| n.macs as f64), of(|n| n.params as f64)) {
        sentences.push(format!(
            "Latency ranks with multiply-accumulates by Spearman {macs:.2}, with parameters by {params:.2}."
        ));
    }
    let disturbed = networks.iter().map(|n| n.disturbed).sum::<f64>() / networks.len() as f64;
    sentences.push(format!(
        "The system disturbed {:.0}% of the runs; the latency here is the median of the quietest round.",
        100.0 * disturbed
    ));
    sentences
}

fn plot(networks: &[Row], options: &PageOptions) -> Section {
    let known = networks.iter().filter(|n| n.accuracy.is_some()).count();
    let (heading, front) = if known > 0 {
        let points = networks.iter().filter_map(|n| Some((n.arch.clone(), n.quiet_ms, n.accuracy?)));
        let mut front = front(points.collect(), options.seed);
        front.up = "Accuracy, %".into();
        front.caption = format!(
            "Each point is a measured network whose accuracy ({}) is known; n = {known}. The line is what is reached at each latency.",
            options.target.as_deref().unwrap_or_default()
        );
        ("Accuracy against latency", front)
    } else {
        let points = networks.iter().map(|n| (n.arch.clone(), n.quiet_ms, n.macs as f64 / 1e6));
        let mut front = front(points.collect(), options.seed);
        front.points.iter_mut().for_each(|p| p.front = false);
        front.up = "Multiply-accumulates, millions".into();
        front.caption = "Each point is a measured network. Name --table and --target to see accuracies instead.".into();
        ("Operations against latency", front)
    };
    let front = Front { across: "latency, ms".into(), ..front };
    Section::new("front", heading, vec![Part::Front(front)])
}

fn listed(networks: &[Row], on_page: bool) -> Section {
    let caption = format!(
        "The quickest {} of {}. Quiet: median of the quietest round, which models and limits use. Median: over all rounds, with its \
         95% interval. Memory: parameters and live activations, counted.",
        networks.len().min(ROWS),
        thousands(networks.len() as u64)
    );
    let shown: Vec<(u64, &Row)> = (1..).zip(networks.iter().take(ROWS)).collect();
    let mut table =
        Rows::of("Measured networks", caption, shown.iter()).column("#Rank", |(rank, _)| Cell::Count(*rank));
    if on_page {
        table = table.column("Network", |(_, n)| Cell::Arch(n.arch.clone()));
    }
    table = table
        .column("#Quiet, ms", |(_, n)| Cell::number(n.quiet_ms, 3))
        .column("#Median, ms", |(_, n)| Cell::Estimate(Some(n.median), 3))
        .column("#95th percentile, ms", |(_, n)| Cell::number(n.p95_ms, 3))
        .column("#Memory, MiB", |(_, n)| Cell::number(n.memory as f64 / f64::from(1 << 20), 2))
        .column("#Parameters", |(_, n)| Cell::Size(Some(n.params)))
        .column("#MACs", |(_, n)| Cell::Size(Some(n.macs)));
    if on_page {
        table = table.column("#Accuracy, %", |(_, n)| Cell::number(n.accuracy, 2));
    }
    // A terminal is too narrow for architectures in a table.
    let written =
        shown.iter().filter(|_| !on_page).map(|(rank, n)| (rank.to_string(), format!("{} {}", n.arch, n.arch.arch)));
    let parts = vec![Part::Table(table.into()), Part::Facts(written.collect())];
    Section::new("networks", "The networks", parts)
}

impl LatencyTable {
    /// What the networks cost, in the order of their latency.
    pub fn document(&self) -> Document {
        let row = |n: &Measured| {
            let (m, t) = (&n.measurement, &n.measurement.timing);
            Row {
                arch: NetworkName::new(&n.arch, &n.arch_id),
                median: Estimate::with_interval(t.p50_ms, t.p50_interval.low, t.p50_interval.high),
                p95_ms: t.p95_ms,
                quiet_ms: m.quiet_ms,
                disturbed: m.disturbed,
                memory: m.memory_bytes,
                params: m.params,
                macs: m.macs,
                accuracy: None,
            }
        };
        let mut rows: Vec<Row> = self.networks.iter().map(row).collect();
        rows.sort_by(|a, b| a.quiet_ms.total_cmp(&b.quiet_ms));
        let device_bytes = self.networks.iter().filter_map(|n| n.measurement.device_memory_bytes).max();
        let on_device = device_bytes.map(|bytes| format!("{:.2} MiB at most", bytes as f64 / f64::from(1 << 20)));
        Document {
            title: "Measured latencies".into(),
            verdict: verdict(&rows),
            facts: facts([("Device", self.setting.to_string()), ("Memory of the GPU", on_device.unwrap_or_default())]),
            sections: vec![listed(&rows, false)],
        }
    }
}
