//! A measurement as a document.

use serde_json::Value;

use super::{Bench, Line, SECTIONS, smallest};
use crate::report::document::{Cell, Document, Rows, Section, facts};
use crate::stats::median;

const NOTES: [&str; 4] = [
    "Wall, CPU: milliseconds per architecture or network, from the first to the last; CPU is user and system time of all threads.",
    "Of floor: time of the multiply-accumulates alone at the higher of the two peaks above (backward = 2 forwards), by CPU time; on a GPU by wall time.",
    "Memory: largest resident memory of the process during the case.",
    "x naslens: time of a baseline divided by that of naslens in the same round, median; wall, CPU.",
];

impl Bench {
    /// The figures, section by section.
    pub fn document(&self) -> Document {
        let set = |pointer: &str| {
            let value = self.setting.pointer(pointer).unwrap_or(&Value::Null);
            value.as_str().map_or_else(|| value.to_string(), str::to_owned)
        };
        let peaks = self.peaks.iter().map(|(threads, peak)| {
            let [products, convolutions] = [peak.products, peak.convolutions];
            format!("matrix products {products:.0}, convolutions {convolutions:.0} GFLOP/s (threads {threads})")
        });
        let [naslens, libtorch, device, cores, load] =
            ["/naslens", "/libtorch", "/device", "/cores", "/load_average"].map(set);
        let [networks, rounds, space, batch, data, image] =
            ["/networks", "/rounds", "/screen/space", "/screen/batch_size", "/screen/data", "/screen/image"].map(set);
        let section = |(name, lines): &(&'static str, Vec<Line>)| {
            let title = SECTIONS.iter().find(|s| s.name == *name).map_or("", |s| s.title);
            Section::table(name, format!("{name}: {title}"), figures(name, lines))
        };
        let notes = Section { text: NOTES.map(String::from).into(), ..Section::default() };
        Document {
            title: "Screens on the clock".into(),
            facts: facts([
                ("naslens", format!("{naslens}, libtorch {libtorch}, {device}, {cores} cores, load average {load}")),
                ("Networks", format!("{networks}, distinct and live, of {space}; {rounds} rounds")),
                ("Images", format!("{batch} ({data}, {image})")),
                ("Peak of float32", peaks.collect::<Vec<_>>().join(", ")),
            ]),
            sections: self.sections.iter().map(section).chain([notes]).collect(),
            ..Document::default()
        }
    }
}

fn figures<'a>(label: &str, lines: &'a [Line]) -> Rows<&'a Line> {
    let by = |line: &Line| {
        let last = line.by.split_whitespace().last().unwrap_or_default();
        last.rsplit('/').next().unwrap_or_default().to_owned()
    };
    let ratio = |line: &Line| {
        let cpu = line.cpu_ratio.map_or("–".into(), |cpu| format!("{cpu:.2}"));
        line.wall_ratio.map_or("–".into(), |wall| format!("{wall:.2}, {cpu}"))
    };
    Rows::of(label, "", lines)
        .column("", |line| Cell::text(&line.what))
        .column("By", |line| Cell::text(by(line)))
        .column("#Archs", |line| Cell::Count(line.architectures as u64))
        .column("#Runs", |line| Cell::Count(line.networks as u64))
        .column("#Wall min, ms", |line| Cell::number(smallest(&line.wall_ms), 2))
        .column("#Median, ms", |line| Cell::number(median(&line.wall_ms), 2))
        .column("#CPU median, ms", |line| Cell::number(median(&line.cpu_ms), 2))
        .column("#Of floor, %", |line| Cell::number(line.share_of_floor.map(|share| 100.0 * share), 1))
        .column("#Memory, MiB", |line| Cell::number(line.peak_memory_mib, 0))
        .column("#x naslens", |line| Cell::text(ratio(line)))
}
