//! What an import found.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;

use serde::Serialize;

use crate::benchmark::schema::{Measurement, Subject};
use crate::text::{aligned, duration, thousands};

/// Seeds that are listed at most.
const MOST_SEEDS: usize = 20;

/// What an import found and wrote.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// Name of the format.
    pub format: String,
    /// What was read.
    pub source: PathBuf,
    /// Where the rows are.
    pub out: Option<PathBuf>,
    /// Where the table with a row per architecture is.
    pub wide: Option<PathBuf>,
    /// Search spaces.
    pub spaces: BTreeSet<String>,
    /// Architectures.
    pub architectures: u64,
    /// Measurements.
    pub rows: u64,
    /// Which accuracies there are.
    pub accuracies: Vec<Group>,
    /// Devices with a latency.
    pub devices: BTreeSet<String>,
    /// Scores of untrained networks.
    pub proxies: BTreeSet<String>,
    /// What was left out, and why.
    pub notes: Vec<String>,
    /// How long it took.
    pub seconds: f64,
}

/// The accuracies of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Group {
    /// Dataset.
    pub dataset: String,
    /// What was measured on.
    pub split: String,
    /// Length of the trainings.
    pub epochs: Option<i32>,
    /// Accuracies at the end of a training, or of unknown epoch.
    pub n: u64,
    /// Their seeds or repeats, the first 20.
    pub seeds: BTreeSet<i64>,
}

/// Counts while rows come.
#[derive(Default)]
pub(super) struct Tally {
    archs: HashSet<u128>,
    /// With the highest accuracy of each.
    groups: BTreeMap<(String, String, Option<i32>), (Group, f64)>,
    pub summary: Summary,
}

impl Tally {
    pub fn add(&mut self, subject: &Subject, rows: &[Measurement]) {
        self.archs.insert(xxhash_rust::xxh3::xxh3_128(format!("{}\0{}", subject.space, subject.arch).as_bytes()));
        if !self.summary.spaces.contains(&subject.space) {
            self.summary.spaces.insert(subject.space.clone());
        }
        self.summary.rows += rows.len() as u64;
        for row in rows {
            note(&mut self.summary.devices, row.device.as_deref().filter(|_| row.latency_ms.is_some()));
            note(&mut self.summary.proxies, row.proxy.as_deref());
            let Some(accuracy) = row.accuracy_pct.filter(|_| at_the_end(row)) else { continue };
            let name = |text: &Option<std::sync::Arc<str>>| text.as_deref().unwrap_or_default().to_string();
            let key = (name(&row.dataset), name(&row.split), row.epochs);
            let (group, highest) = self.groups.entry(key).or_insert_with_key(|(dataset, split, epochs)| {
                let (dataset, split) = (dataset.clone(), split.clone());
                (Group { dataset, split, epochs: *epochs, ..Group::default() }, accuracy)
            });
            *highest = highest.max(accuracy);
            group.n += 1;
            if group.seeds.len() < MOST_SEEDS {
                group.seeds.extend(row.seed);
            }
        }
    }

    pub fn finish(mut self) -> Summary {
        for (group, _) in self.groups.values().filter(|(group, highest)| group.n > 1 && *highest <= 1.0) {
            let of = [group.dataset.as_str(), group.split.as_str()].join(" ");
            self.summary.notes.push(format!(
                "the accuracies{}{} are all between 0 and 1, but accuracy_pct is in percent; if they are fractions, import \
                 them with --map accuracy_pct=COLUMN*100",
                if of.trim().is_empty() { "" } else { " on " },
                of.trim()
            ));
        }
        let architectures = self.archs.len() as u64;
        let accuracies = self.groups.into_values().map(|(group, _)| group).collect();
        Summary { architectures, accuracies, ..self.summary }
    }
}

fn note(names: &mut BTreeSet<String>, name: Option<&str>) {
    if let Some(name) = name.filter(|name| !names.contains(*name)) {
        names.insert(name.into());
    }
}

/// Whether a row tells what a training came to, as far as is known.
pub(super) fn at_the_end(row: &Measurement) -> bool {
    match (row.epochs, row.epoch) {
        (Some(epochs), Some(epoch)) => epoch == f64::from(epochs),
        _ => true,
    }
}

impl Summary {
    /// For people.
    pub fn to_text(&self) -> String {
        let list = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
        let mut lines = vec![format!(
            "{}: {} architectures of {}, {} measurements, {}",
            self.format,
            thousands(self.architectures),
            list(&self.spaces),
            thousands(self.rows),
            duration(self.seconds)
        )];
        if !self.accuracies.is_empty() {
            let row = |group: &Group| {
                let seeds = group.seeds.iter().map(i64::to_string).collect::<Vec<_>>().join(" ");
                let epochs = group.epochs.map_or("?".into(), |epochs| epochs.to_string());
                let seeds = if group.seeds.len() < MOST_SEEDS { seeds } else { format!("{seeds} ...") };
                [group.dataset.clone(), group.split.clone(), epochs, thousands(group.n), seeds]
            };
            let header = ["accuracies on", "split", "epochs", "n", "seeds"];
            lines.push(String::new());
            lines.extend(aligned(header, self.accuracies.iter().map(row).collect()));
            lines.push(String::new());
        }
        if !self.devices.is_empty() {
            lines.push(format!("latency: {}", list(&self.devices)));
        }
        if !self.proxies.is_empty() {
            lines.push(format!("proxies: {}", list(&self.proxies)));
        }
        lines.extend(self.notes.iter().map(|note| format!("note: {note}")));
        lines.extend(self.out.iter().map(|path| format!("a row per measurement: {}", path.display())));
        lines.extend(self.wide.iter().map(|path| format!("a row per architecture: {}", path.display())));
        lines.join("\n")
    }
}
