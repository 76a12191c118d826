//! Whole screens on the clock: per proxy, beside other programs, and as threads, batch, depth and numbers grow.
//!
//! Every figure is a whole run of [`screen`](super::screen()): building, initialising and running the networks, scoring, and
//! writing the results. The cases of a section are run in turn, round after round, so that a passing load on the machine
//! meets all of them.

mod document;
mod measure;
mod sections;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Value, json};

pub use sections::{SECTIONS, SectionEntry};

use super::screen::{draw_live, thread_pool};
use super::{RunError, RunOptions, ScreenConfig, Selection, screen};
use crate::data;
use crate::engine::{EngineError, describe_device, load_average, parse_device};
use crate::ensemble;
use crate::proxy::Proxy;
use crate::seed::Stream;
use crate::space::{Architecture, SearchSpace, Task};
use crate::stats::median;
pub use measure::Peak;
use measure::{Usage, peak_memory_mib, reset_peak_memory, work};
use sections::Case;

/// What to measure.
#[derive(Clone, Debug)]
pub struct BenchConfig {
    /// Space, skeleton, images, batch and seed; the proxies are taken from `sets`.
    pub screen: ScreenConfig,
    /// Proxies that are computed together.
    pub sets: Vec<Vec<String>>,
    /// Distinct live networks that every case runs.
    pub networks: usize,
    /// Times that every case is run, but for the section `count`, which is run once.
    pub rounds: usize,
    /// Names of [`SECTIONS`].
    pub sections: Vec<String>,
    /// Sizes of the samples of the section `count`, smallest first.
    pub counts: Vec<u64>,
    /// Shell commands that measure the same networks; `benches/baseline_torch.py` shows what they take and print.
    pub baselines: Vec<String>,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub struct Bench {
    /// Versions, machine, settings.
    pub setting: Value,
    /// Best measured rates of float32 arithmetic, by number of worker threads.
    pub peaks: BTreeMap<usize, Peak>,
    /// Name of a section to its figures.
    pub sections: Vec<(&'static str, Vec<Line>)>,
}

/// The figures of one case, run by naslens or by a baseline.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Line {
    /// The case.
    pub what: String,
    /// `naslens`, or the command of the baseline.
    pub by: String,
    /// Architectures asked for.
    pub architectures: usize,
    /// Networks run for them.
    pub networks: usize,
    /// Wall-clock milliseconds per architecture, one value per round.
    pub wall_ms: Vec<f64>,
    /// Milliseconds of user and system time per architecture, one value per round.
    pub cpu_ms: Vec<f64>,
    /// Time of the networks' multiply-accumulates alone at the measured peak, divided by the time taken: on a CPU the least
    /// user and system time, on a GPU the least wall-clock time. Absent for proxies whose work is not known.
    pub share_of_floor: Option<f64>,
    /// Largest resident memory of the process during the case, in MiB.
    pub peak_memory_mib: Option<f64>,
    /// Median over rounds of the wall-clock time divided by that of naslens in the same round; for baselines.
    pub wall_ratio: Option<f64>,
    /// The same for user and system time.
    pub cpu_ratio: Option<f64>,
}

/// Measures. `options` gives the device, the worker threads and the flag that stops; `on_case` hears what is run next.
pub fn bench(config: &BenchConfig, options: &RunOptions<'_>, on_case: &mut dyn FnMut(&str)) -> Result<Bench, RunError> {
    let device = parse_device(options.device)?;
    config.sets.iter().try_for_each(|set| members(set).map(drop))?;
    let folder = Folder(std::env::temp_dir().join(format!("naslens-bench-{}", std::process::id())));
    let mut runner = Runner { config, options, archs: networks(config)?, folder, peaks: BTreeMap::new() };
    let setting = json!({
        "naslens": env!("CARGO_PKG_VERSION"),
        "libtorch": crate::LIBTORCH_VERSION,
        "device": describe_device(device),
        "cores": std::thread::available_parallelism().map_or(1, usize::from),
        "load_average": load_average(),
        "threads": options.threads,
        "networks": runner.archs.len(),
        "rounds": config.rounds,
        "screen": config.screen,
    });
    on_case("warming up");
    runner.screen(&Case::new(config, String::new(), options.threads))?;
    let mut sections = Vec::new();
    for entry in SECTIONS.iter().filter(|s| config.sections.iter().any(|name| name == s.name)) {
        sections.push((entry.name, runner.section(entry, on_case)?));
    }
    Ok(Bench { setting, peaks: runner.peaks, sections })
}

/// Distinct live networks, drawn uniformly from the text forms, fewer than asked for if the space has no more; each by its
/// representative, so that a baseline that knows nothing of identities runs what naslens runs.
fn networks(config: &BenchConfig) -> Result<Vec<Architecture>, RunError> {
    let (space, task) = open(&config.screen)?;
    let drawn = draw_live(space.as_ref(), &task, config.networks, Stream::named(config.screen.seed, "bench"))?;
    Ok(drawn.into_iter().map(|(arch, ..)| arch).collect())
}

/// The proxies of these names; of an ensemble its members.
fn members(names: &[String]) -> Result<Vec<&'static Proxy>, RunError> {
    let found = names.iter().map(|name| Ok(ensemble::find(name)?.proxies()?));
    Ok(found.collect::<Result<Vec<_>, RunError>>()?.concat())
}

fn open(config: &ScreenConfig) -> Result<(Box<dyn SearchSpace>, Task), RunError> {
    Ok((config.space.open()?, Task::classify(config.image, data::open(&config.data)?.classes())))
}

/// A folder that is removed when the measuring ends, however it ends.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Runner<'a> {
    config: &'a BenchConfig,
    options: &'a RunOptions<'a>,
    archs: Vec<Architecture>,
    folder: Folder,
    peaks: BTreeMap<usize, Peak>,
}

impl Runner<'_> {
    /// The one place where naslens itself runs: a screen as a user starts it. Returns architectures, networks and cost.
    fn screen(&self, case: &Case) -> Result<(usize, usize, Usage), RunError> {
        let chosen = || Selection::Listed(self.archs.clone(), "the bench".into());
        let selection = case.sample.map_or_else(chosen, Selection::Sample);
        let options = RunOptions { threads: case.threads, overwrite: true, ..*self.options };
        let (outcome, usage) = Usage::of(|| screen(&case.screen, &selection, &self.folder.0, &options, &mut |_| {}));
        let outcome = outcome?;
        Ok((outcome.table.arch.len(), outcome.computed, usage))
    }

    fn section(&mut self, entry: &SectionEntry, on_case: &mut dyn FnMut(&str)) -> Result<Vec<Line>, RunError> {
        let cases = (entry.cases)(self.config, self.options.threads);
        let rounds = if cases.iter().any(|c| c.sample.is_some()) { 1 } else { self.config.rounds };
        // By case: naslens, then the baselines.
        let mut lines: Vec<Vec<Line>> = cases.iter().map(|_| vec![Line::default()]).collect();
        for round in 1..=rounds {
            let threads: BTreeSet<usize> = cases.iter().map(|case| case.threads).collect();
            threads.into_iter().try_for_each(|n| self.measure_peak(n))?;
            for (case, lines) in cases.iter().zip(&mut lines) {
                on_case(&format!("{}: {}, round {round} of {rounds}", entry.name, case.what));
                reset_peak_memory();
                let (architectures, networks, usage) = self.screen(case)?;
                lines[0].add(case, "naslens", (architectures, networks), usage);
                lines[0].peak_memory_mib = peak_memory_mib();
                let baselines = if case.compared { self.config.baselines.as_slice() } else { &[] };
                for (i, command) in (1..).zip(baselines) {
                    lines.resize_with(lines.len().max(i + 1), Line::default);
                    let usage = measure::run(command, &case.screen, case.threads, (&self.list()?, self.archs.len()))?;
                    lines[i].add(case, command, (self.archs.len(), self.archs.len()), usage);
                }
            }
        }
        for (case, lines) in cases.iter().zip(&mut lines) {
            let floor_ms = self.floor_ms(case)?;
            let by_cpu_time = !parse_device(self.options.device)?.is_cuda();
            let own = lines[0].clone();
            for (i, line) in lines.iter_mut().enumerate() {
                line.share_of_floor = floor_ms.map(|floor| match by_cpu_time {
                    true => floor * case.threads as f64 / smallest(&line.cpu_ms),
                    false => floor / smallest(&line.wall_ms),
                });
                if i > 0 {
                    line.wall_ratio = ratio(&line.wall_ms, &own.wall_ms);
                    line.cpu_ratio = ratio(&line.cpu_ms, &own.cpu_ms);
                }
            }
        }
        Ok(lines.into_iter().flatten().collect())
    }

    /// A file with the chosen networks, one per line.
    fn list(&self) -> Result<PathBuf, RunError> {
        let (space, _) = open(&self.config.screen)?;
        let text: String = self.archs.iter().map(|arch| space.format(arch) + "\n").collect();
        let path = self.folder.0.join("archs.txt");
        let failed =
            |e: std::io::Error| RunError::Refused(format!("the baseline `{}` gave no figure: {e}", path.display()));
        std::fs::write(&path, text).map_err(failed)?;
        Ok(path)
    }

    /// Keeps the best of all measurements with that many workers.
    fn measure_peak(&mut self, threads: usize) -> Result<(), RunError> {
        let device = parse_device(self.options.device)?;
        let now = Peak::measure(device, &thread_pool(threads)?).map_err(EngineError::from)?;
        let best = self.peaks.entry(threads).or_default();
        *best = best.or(now);
        Ok(())
    }

    /// Milliseconds per network of the multiply-accumulates at the measured peak, if they are known.
    fn floor_ms(&self, case: &Case) -> Result<Option<f64>, RunError> {
        let proxies = members(&case.screen.proxies)?;
        let (None, Some(images)) = (case.sample, work(&proxies, case.screen.batch_size)) else { return Ok(None) };
        let (space, task) = open(&case.screen)?;
        let mut macs = 0;
        for arch in &self.archs {
            macs += space.build(arch, &task)?.live().map_or(0, |network| network.macs());
        }
        Ok(Some(2.0 * images * macs as f64 / self.archs.len() as f64 / (self.peaks[&case.threads].gflops() * 1e6)))
    }
}

impl Line {
    fn add(&mut self, case: &Case, by: &str, (architectures, networks): (usize, usize), usage: Usage) {
        (self.what, self.by) = (case.what.clone(), by.into());
        (self.architectures, self.networks) = (architectures, networks);
        self.wall_ms.push(1e3 * usage.seconds / architectures as f64);
        self.cpu_ms.push(1e3 * usage.cpu_seconds / architectures as f64);
    }
}

fn smallest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn ratio(of: &[f64], to: &[f64]) -> Option<f64> {
    median(&of.iter().zip(to).map(|(a, b)| a / b).collect::<Vec<_>>())
}
