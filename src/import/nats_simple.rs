//! NATS-Bench in its "simple" form: a folder with a bzip2 pickle per architecture.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use bzip2::bufread::MultiBzDecoder;
use rayon::prelude::*;

use super::pickle::{self, Limits};
use super::{FormatEntry, ImportConfig, ImportError, Sink, nats_record};
use crate::benchmark::schema::{Measurement, Subject};

pub(super) static ENTRY: FormatEntry = FormatEntry {
    name: "nats-simple",
    title: "NATS-Bench folder (TSS or SSS): NATS-tss-v1_0-3ffb9-simple, NATS-sss-v1_0-50262-simple",
    files: "the unpacked folder of NNNNNN.pickle.pbz2, or one of them",
    what: "all trainings of every record: train, valid, test accuracy and loss, seconds, latency. Datasets by their official \
           names: cifar10-valid trained on half of the training images, cifar10 on all; valtest is the whole original test set \
           of cifar100 and ImageNet16-120",
    paper: "Dong et al., NATS-Bench, TPAMI 2021, arXiv:2009.00437",
    unit: "records",
    recognise: |probe| probe.holds(|name| number(name).is_some()) || number(&probe.name).is_some(),
    read,
};

const ENDING: &str = ".pickle.pbz2";
/// Records that are read before the first of them is written, per thread.
const PER_THREAD: usize = 16;

/// The number of a record's file.
fn number(name: &str) -> Option<i64> {
    let digits = name.strip_suffix(ENDING)?;
    let digits = Some(digits).filter(|d| d.len() <= 9 && d.bytes().all(|b| b.is_ascii_digit()))?;
    digits.parse().ok()
}

fn read(config: &ImportConfig, sink: &mut Sink) -> Result<(), ImportError> {
    let files = files(&config.source)?;
    let threads = config.threads.unwrap_or_else(rayon::current_num_threads);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|error| ImportError::Options(format!("{threads} threads cannot be started: {error}")))?;
    let total = files.len() as u64;
    sink.progress(0, total)?;
    let mut done = 0;
    for chunk in files.chunks(PER_THREAD * threads) {
        let records: Vec<_> =
            pool.install(|| chunk.par_iter().map(|(index, path)| record(*index, path, config.curves)).collect());
        for record in records {
            let (subject, rows) = record?;
            sink.add(&subject, rows)?;
        }
        done += chunk.len() as u64;
        sink.progress(done, total)?;
    }
    Ok(())
}

/// The records, by number.
fn files(source: &Path) -> Result<Vec<(i64, PathBuf)>, ImportError> {
    let named = |path: PathBuf| {
        let index = number(&path.file_name()?.to_string_lossy())?;
        Some((index, path))
    };
    if !source.is_dir() {
        let one = named(source.into());
        return one.map(|file| vec![file]).ok_or_else(|| {
            ImportError::Options(format!("`{}` is not a folder of NNNNNN{ENDING} and none of them", source.display()))
        });
    }
    let entries = fs::read_dir(source).map_err(ImportError::unreadable(source))?;
    let mut files: Vec<(i64, PathBuf)> = entries.flatten().filter_map(|entry| named(entry.path())).collect();
    files.sort();
    if files.is_empty() {
        let remedy = "name the folder that was unpacked from the official archive";
        let (place, reason) = ("the folder".into(), format!("no file is called NNNNNN{ENDING}"));
        return Err(ImportError::Content { path: source.into(), place, reason, remedy });
    }
    Ok(files)
}

fn record(index: i64, path: &Path, curves: bool) -> Result<(Subject, Vec<Measurement>), ImportError> {
    let file = File::open(path).map_err(ImportError::unreadable(path))?;
    let bytes = BufReader::with_capacity(1 << 16, MultiBzDecoder::new(BufReader::with_capacity(1 << 16, file)));
    // Official records have a third of a megabyte.
    let limits = Limits { alive: 256 << 20, ..Limits::default() };
    let value = pickle::read(bytes, limits).map_err(|error| ImportError::from(error).in_file(path))?;
    let found = || format!("it holds {}, a dictionary by length of training was expected", value.describe());
    let trainings = value.as_dict().ok_or_else(|| ImportError::content(path, "byte 0", found()))?;
    nats_record::measurements(index, trainings, curves)
        .map_err(|reason| ImportError::content(path, format!("record {index}"), reason))
}
