//! Pages of measured latencies.

use std::path::Path;

use crate::benchmark::Table;
use crate::pipeline::RunError;
use crate::pipeline::findings::known;
use crate::pipeline::results::scores::truth_of_rows;
use crate::pipeline::results::{Best, Contents, KindEntry, PageOptions, front, read};
use crate::report::document::{Cell, Document, Estimate, Front, Grid, Part, Section};
use crate::stats::{quantile, spearman};
use crate::text::thousands;

pub(in crate::pipeline) const KIND: KindEntry = KindEntry {
    name: "latencies",
    command: "naslens latency --out",
    files: "a Parquet file with quiet_ms",
    recognise: |path| {
        path.is_file() && Table::open(path).is_ok_and(|table| table.has("quiet_ms") && table.has("p50_low_ms"))
    },
    read,
};

/// Rows of the table of networks.
const ROWS: usize = 30;

struct Measured {
    arch: String,
    median: Estimate,
    p95_ms: f64,
    quiet_ms: f64,
    disturbed: f64,
    params: u64,
    macs: u64,
    accuracy: Option<f64>,
}

fn read(path: &Path, options: &PageOptions) -> Result<Contents, RunError> {
    let (table, _) = read::table(path)?;
    let text = |name: &str| table.string_column(name);
    let numbers = |name: &str| -> Result<Vec<f64>, RunError> {
        Ok(table.f64_column(name)?.into_iter().map(|v| v.unwrap_or(f64::NAN)).collect())
    };
    let archs = text("arch")?;
    let (median, low, high) = (numbers("p50_ms")?, numbers("p50_low_ms")?, numbers("p50_high_ms")?);
    let (p95, quiet, disturbed) = (numbers("p95_ms")?, numbers("quiet_ms")?, numbers("disturbed")?);
    let (params, macs) = (numbers("params")?, numbers("macs")?);
    let truth = truth_of_rows(&table, options)?;
    let mut networks: Vec<Measured> = (0..archs.len())
        .map(|i| {
            let arch = archs[i].clone().unwrap_or_default();
            let accuracy = truth.as_ref().and_then(|truth| truth[i]);
            Measured {
                median: Estimate::with_interval(median[i], low[i], high[i]),
                p95_ms: p95[i],
                quiet_ms: quiet[i],
                disturbed: disturbed[i],
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
        facts: known([
            ("Networks", thousands(networks.len() as u64)),
            ("Runs of each", runs.map_or(String::new(), |r| thousands(r as u64))),
        ]),
        sections: vec![plot(&networks, options), listed(&networks)],
    };
    let best = networks.iter().map(|n| Best {
        arch: n.arch.clone(),
        by: "latency, ms".into(),
        value: Some(n.quiet_ms),
        accuracy_pct: n.accuracy,
    });
    Ok(Contents { best: best.collect(), document, ..Contents::default() })
}

fn verdict(networks: &[Measured]) -> Vec<String> {
    let quiet: Vec<f64> = networks.iter().map(|n| n.quiet_ms).collect();
    let (Some(first), Some(last), Some(middle)) = (quiet.first(), quiet.last(), quantile(&quiet, 0.5)) else {
        return vec!["No network was measured.".into()];
    };
    let mut sentences = vec![format!(
        "{} networks take {first:.3} to {last:.3} ms, {middle:.3} ms in the middle.",
        thousands(networks.len() as u64)
    )];
    let of = |value: fn(&Measured) -> f64| spearman(&quiet, &networks.iter().map(value).collect::<Vec<_>>());
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

fn plot(networks: &[Measured], options: &PageOptions) -> Section {
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

fn listed(networks: &[Measured]) -> Section {
    let mut grid = Grid::new(
        "Measured networks",
        &[
            "#Rank",
            "Architecture",
            "#Quiet, ms",
            "#Median, ms",
            "#95th percentile, ms",
            "#Parameters",
            "#MACs",
            "#Accuracy, %",
        ],
        format!(
            "The quickest {} of {}. Quiet: median of the quietest round. Median: over all rounds, with its 95% interval.",
            networks.len().min(ROWS),
            thousands(networks.len() as u64)
        ),
    );
    for (rank, n) in (1..).zip(networks.iter().take(ROWS)) {
        grid.rows.push(vec![
            Cell::Count(rank),
            Cell::Arch(n.arch.clone()),
            Cell::number(n.quiet_ms, 3),
            Cell::Estimate(Some(n.median), 3),
            Cell::number(n.p95_ms, 3),
            Cell::Size(Some(n.params)),
            Cell::Size(Some(n.macs)),
            Cell::number(n.accuracy, 2),
        ]);
    }
    Section::new("networks", "The networks", vec![Part::Table(grid)])
}
