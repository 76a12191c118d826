//! A measurement as plain text for a terminal.

use serde_json::Value;

use super::{Bench, Line, SECTIONS, smallest};
use crate::stats::median;
use crate::text::aligned;

const NOTES: &str = "\
wall, CPU: milliseconds per architecture or network, from the first to the last; CPU is user and system time of all threads
of floor:  time of the multiply-accumulates alone at the peak above (backward = 2 forwards), by CPU time; on a GPU by wall time
memory:    largest resident memory of the process during the case
x naslens: time of a baseline divided by that of naslens in the same round, median; wall, CPU";

impl Bench {
    /// The measurement as aligned plain text.
    pub fn to_text(&self) -> String {
        let set = |pointer: &str| {
            let value = self.setting.pointer(pointer).unwrap_or(&Value::Null);
            value.as_str().map_or_else(|| value.to_string(), str::to_owned)
        };
        let peaks = self.peak_gflops.iter().map(|(threads, peak)| format!("{peak:.1} GFLOP/s (threads {threads})"));
        let [naslens, libtorch, device, cores, load] =
            ["/naslens", "/libtorch", "/device", "/cores", "/load_average"].map(set);
        let [networks, rounds, space, batch, data, image] =
            ["/networks", "/rounds", "/screen/space", "/screen/batch_size", "/screen/data", "/screen/image"].map(set);
        let mut lines = vec![
            format!("naslens {naslens}, libtorch {libtorch}, {device}, {cores} cores, load average {load}"),
            format!("{networks} distinct live networks of {space}, {batch} images ({data}, {image}), {rounds} rounds"),
            format!("peak of float32 matrix products: {}", peaks.collect::<Vec<_>>().join(", ")),
        ];
        let header = [
            "",
            "by",
            "archs",
            "runs",
            "wall min [ms]",
            "median [ms]",
            "CPU median [ms]",
            "of floor",
            "memory [MiB]",
            "x naslens",
        ];
        for (name, figures) in &self.sections {
            let title = SECTIONS.iter().find(|s| s.name == *name).map_or("", |s| s.title);
            lines.push(format!("\n{name}: {title}"));
            lines.extend(aligned(header, figures.iter().map(cells).collect()));
        }
        lines.push(format!("\n{NOTES}"));
        lines.join("\n")
    }
}

fn cells(line: &Line) -> [String; 10] {
    let show = |value: Option<f64>, digits: usize| value.map_or("-".into(), |v| format!("{v:.digits$}"));
    let by = line.by.split_whitespace().last().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    [
        line.what.clone(),
        by.into(),
        line.architectures.to_string(),
        line.networks.to_string(),
        show(Some(smallest(&line.wall_ms)), 2),
        show(median(&line.wall_ms), 2),
        show(median(&line.cpu_ms), 2),
        line.share_of_floor.map_or("-".into(), |share| format!("{:.1}%", 100.0 * share)),
        show(line.peak_memory_mib, 0),
        line.wall_ratio.map_or("-".into(), |wall| format!("{wall:.2}, {}", show(line.cpu_ratio, 2))),
    ]
}
