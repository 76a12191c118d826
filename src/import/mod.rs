//! Official benchmark files become one table: [`crate::benchmark::schema`].
//!
//! A format is a file with a [`FormatEntry`] and a line in [`FORMATS`]. Its reader goes through the file once, or twice where
//! that bounds memory, and gives each architecture with its measurements to a [`Sink`], which writes rows as they come. The
//! output appears whole or not at all.
//!
//! Nothing of a file is ever run: pickles are read by [`pickle`], which knows plain data only.

mod checks;
mod error;
mod graph;
mod hw_nas_bench;
mod json;
mod macro_bench;
mod mapping;
mod nas_bench_101;
mod nas_bench_201;
mod nats_file;
mod nats_record;
mod nats_simple;
mod options;
pub mod pickle;
mod probe;
mod sink;
mod suite_zero;
mod summary;
mod table;
mod table_source;
mod tfrecord;
mod torch;
mod wide;
mod writer;

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

pub use error::ImportError;
pub use mapping::{Mapping, Setting};
pub use options::{ImportConfig, Progress};
pub use probe::Probe;
pub use sink::Sink;
pub(crate) use suite_zero::naslib_tuple;
pub use summary::{Group, Summary};

use crate::files::write_atomically;
use crate::registry::{Registry, entry};

/// One line of the registry.
#[derive(Debug)]
pub struct FormatEntry {
    /// Name on the command line.
    pub name: &'static str,
    /// What it is, in one line.
    pub title: &'static str,
    /// The files and folders it comes as.
    pub files: &'static str,
    /// What is imported, and what the numbers mean.
    pub what: &'static str,
    /// Where it was published.
    pub paper: &'static str,
    /// What progress is counted in.
    pub unit: &'static str,
    /// Whether a file is of this format, as far as its name and first bytes tell.
    pub recognise: fn(&Probe) -> bool,
    /// Reads it.
    pub read: fn(&ImportConfig, &mut Sink) -> Result<(), ImportError>,
}

entry!(FormatEntry, "format", files, what, paper);

/// All formats. The first that recognises a file reads it.
pub static FORMATS: Registry<FormatEntry> = Registry::new(&[
    &nats_simple::ENTRY,
    &nats_file::ENTRY,
    &nas_bench_201::ENTRY,
    &nas_bench_101::ENTRY,
    &suite_zero::ENTRY,
    &hw_nas_bench::ENTRY,
    &macro_bench::ENTRY,
    &graph::ENTRY,
    &table::ENTRY,
]);

/// The format of a file or folder.
pub fn detect(path: &Path) -> Result<&'static FormatEntry, ImportError> {
    let probe = Probe::of(path)?;
    let found = FORMATS.iter().find(|f| (f.recognise)(&probe));
    found.ok_or_else(|| ImportError::Unrecognised { path: path.into(), known: FORMATS.names().join(", ") })
}

/// Reads `config.source` and writes what was asked for. `stop` ends it early; then, as after any error, nothing is left behind.
pub fn import(
    config: &ImportConfig,
    stop: &AtomicBool,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<Summary, ImportError> {
    let started = Instant::now();
    config.check()?;
    let format = match &config.format {
        Some(name) => FORMATS.find(name)?,
        None => detect(&config.source)?,
    };
    if format.name != table::ENTRY.name
        && !(config.maps.is_empty() && config.sets.iter().all(|set| set.field == "space"))
    {
        let name = format.name;
        return Err(ImportError::Options(format!(
            "--map and --set are for tables; {name} says itself what its numbers are"
        )));
    }
    let mut summary = match &config.out {
        None => run(config, format, None, stop, on_progress)?,
        Some(path) => atomically(path, |out| {
            let long = writer::LongWriter::new(out, path, config, format.name)?;
            run(config, format, Some(long), stop, on_progress)
        })?,
    };
    summary.seconds = started.elapsed().as_secs_f64();
    Ok(summary)
}

fn run(
    config: &ImportConfig,
    format: &FormatEntry,
    long: Option<writer::LongWriter>,
    stop: &AtomicBool,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<Summary, ImportError> {
    let wide = config.wide.is_some().then(wide::Wide::default);
    let mut sink = Sink::new(long, wide, stop, on_progress);
    (format.read)(config, &mut sink).map_err(|error| error.in_file(&config.source))?;
    sink.finish(config, format.name)
}

/// [`write_atomically`] for work that fails for reasons of its own.
fn atomically<T>(
    path: &Path,
    work: impl FnOnce(&mut std::io::BufWriter<std::fs::File>) -> Result<T, ImportError>,
) -> Result<T, ImportError> {
    let mut outcome = None;
    let written = write_atomically(path, |out| {
        let result = work(out);
        let failed = result.is_err();
        outcome = Some(result);
        if failed { Err("the import failed") } else { Ok(()) }
    });
    match outcome {
        Some(Ok(value)) => written.map(|()| value).map_err(ImportError::from),
        Some(Err(error)) => Err(error),
        None => Err(written.err().map_or(ImportError::Interrupted, ImportError::from)),
    }
}
