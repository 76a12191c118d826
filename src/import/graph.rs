//! NAS-Bench-Graph: a pickle per dataset, `{hash: {valid_perf, perf, latency, para}}`; the complete files have curves too.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::nats_file::{Counted, UseInput, stream};
use super::pickle::{Input, Node, Value, Watch};
use super::{FormatEntry, ImportConfig, ImportError, Sink};
use crate::benchmark::schema::{Measurement, Subject};

pub(super) static ENTRY: FormatEntry = FormatEntry {
    name: "nas-bench-graph",
    title: "NAS-Bench-Graph: the wheel nas_bench_graph-1.4.0-py3-none-any.whl, cora.bench, cora0.bench",
    files: "the wheel (pip download --no-deps nas-bench-graph), a folder of .bench files, or one of them; a number at the end of \
            its name is the seed",
    what: "valid and test performance as a percentage (accuracy; of proteins the area under the ROC curve), params and latency. \
           The light files are means over three seeds. With --curves the complete files give every epoch. An architecture is \
           written as the node that feeds each of four, and their operations: 0012:gcn,gat,skip,fc",
    paper: "Qin et al., NAS-Bench-Graph, NeurIPS 2022, arXiv:2206.09166",
    unit: "MB",
    recognise: |probe| {
        probe.ends_with(".bench")
            || probe.holds(|name| name.ends_with(".bench"))
            || (probe.ends_with(".whl") && probe.name.starts_with("nas_bench_graph"))
    },
    read,
};

/// What feeds each of the four nodes.
const LINKS: [&str; 9] = ["0000", "0001", "0011", "0012", "0013", "0111", "0112", "0122", "0123"];
const OPERATIONS: [&str; 9] = ["gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip"];
const MOST_EPOCHS: usize = 100_000;

fn read(config: &ImportConfig, sink: &mut Sink) -> Result<(), ImportError> {
    let path = &config.source;
    let refuse = ImportError::unreadable(path);
    if path.is_dir() {
        let entries = fs::read_dir(path).map_err(&refuse)?;
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "bench"));
        files.sort();
        return files.iter().try_for_each(|file| read_file(file, config.curves, sink));
    }
    if path.extension().is_none_or(|extension| extension != "whl") {
        return read_file(path, config.curves, sink);
    }
    let damaged = |error: zip::result::ZipError| ImportError::content(path, "the zip archive", error.to_string());
    let archive = zip::ZipArchive::new(File::open(path).map_err(&refuse)?).map_err(damaged)?;
    let mut names: Vec<String> =
        archive.file_names().filter(|name| name.ends_with(".bench")).map(str::to_string).collect();
    names.sort();
    for name in names {
        let open = &mut |position: &Cell<u64>, use_input: UseInput| {
            let mut archive = zip::ZipArchive::new(File::open(path).map_err(&refuse)?).map_err(damaged)?;
            let inner = archive.by_name(&name).map_err(damaged)?;
            use_input(&mut Input::new(&mut BufReader::with_capacity(1 << 18, Counted { inner, position })))
        };
        read_dataset(path, Path::new(&name), open, config.curves, sink)?;
    }
    Ok(())
}

fn read_file(path: &Path, curves: bool, sink: &mut Sink) -> Result<(), ImportError> {
    let open = &mut |position: &Cell<u64>, use_input: UseInput| {
        let inner = File::open(path).map_err(ImportError::unreadable(path))?;
        let mut file = BufReader::with_capacity(1 << 18, Counted { inner, position });
        use_input(&mut Input::new(&mut file))
    };
    read_dataset(path, path, open, curves, sink)
}

/// Reads the file called `name`, which lies in `path`.
fn read_dataset(
    path: &Path,
    name: &Path,
    open: super::nats_file::Open,
    curves: bool,
    sink: &mut Sink,
) -> Result<(), ImportError> {
    let stem = name.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let dataset = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    let seed = stem[dataset.len()..].parse().ok();
    let dataset: Arc<str> = dataset.into();
    let on_item = &mut |sink: &mut Sink, key: Value, value: Value| {
        let place = || format!("{stem}, architecture {}", key.describe());
        let content = |reason: String| ImportError::content(path, place(), reason);
        let entry = value.as_dict().ok_or_else(|| content(format!("it is {}, not a dictionary", value.describe())))?;
        let subject =
            key.as_int().and_then(architecture).ok_or_else(|| content("its hash is of no architecture".into()))?;
        let common = Measurement { dataset: Some(dataset.clone()), seed, ..Measurement::default() };
        let rows = measurements(entry, &common, curves).map_err(content)?;
        sink.add(&subject, rows)
    };
    let rest = stream(path, sink, open, Watch::Root, on_item).map_err(|error| error.in_file(path))?;
    match rest.as_dict() {
        Some(left) => left.items().chunks_exact(2).try_for_each(|pair| on_item(sink, pair[0].clone(), pair[1].clone())),
        None => Err(ImportError::content(
            path,
            stem.clone(),
            format!("it holds {}, a dictionary was expected", rest.describe()),
        )),
    }
}

/// The architecture of a hash: its link and its four operations as decimal digits.
fn architecture(hash: i64) -> Option<Subject> {
    let digits = format!("{:05}", u32::try_from(hash).ok().filter(|hash| *hash < 100_000)?);
    let mut digits = digits.bytes().map(|digit| usize::from(digit - b'0'));
    let link = LINKS.get(digits.next()?)?;
    let operations: Option<Vec<&str>> = digits.map(|digit| OPERATIONS.get(digit).copied()).collect();
    let arch = format!("{link}:{}", operations?.join(","));
    Some(Subject { space: ENTRY.name.into(), arch, arch_id: None, arch_index: Some(hash) })
}

fn measurements(entry: &Node, common: &Measurement, curves: bool) -> Result<Vec<Measurement>, String> {
    let number = |name: &str| match entry.get(name) {
        None | Some(Value::None) => Ok(None),
        Some(value) => value.as_f64().map(Some).ok_or_else(|| format!("{name} is {}, not a number", value.describe())),
    };
    let params = number("para")?.filter(|p| p.is_finite() && p.abs() < 1e9).map(|p| (p * 1e6).round() as i64);
    let common = Measurement { params, ..common.clone() };
    let performance = |split: &str, part: Option<f64>| {
        let accuracy_pct = part.map(|part| part * 100.0);
        accuracy_pct.map(|_| Measurement { split: Some(split.into()), accuracy_pct, ..common.clone() })
    };
    let mut rows: Vec<Measurement> = Vec::new();
    rows.extend(performance("valid", number("valid_perf")?));
    rows.extend(performance("test", number("perf")?));
    if let Some(seconds) = number("latency")? {
        rows.push(Measurement { device: Some("gpu".into()), latency_ms: Some(seconds * 1e3), ..common.clone() });
    }
    let curve = entry.get("dur").filter(|_| curves);
    let Some(curve) = curve.as_ref().and_then(Value::as_sequence) else { return Ok(rows) };
    let curve = curve.items();
    if curve.len() > MOST_EPOCHS {
        return Err(format!("dur has more than {MOST_EPOCHS} epochs"));
    }
    for (i, epoch) in curve.iter().enumerate() {
        let numbers = epoch.as_sequence().map(|list| list.items());
        let numbers: Option<Vec<f64>> = numbers.and_then(|list| list.iter().map(Value::as_f64).collect());
        let numbers = numbers.filter(|list| list.len() >= 6).ok_or_else(|| format!("dur[{i}] is not six numbers"))?;
        for (j, split) in ["train", "valid", "test"].into_iter().enumerate() {
            let row = performance(split, Some(numbers[j])).map(|row| Measurement {
                epochs: Some(curve.len() as i32),
                epoch: Some((i + 1) as f64),
                loss: Some(numbers[j + 3]),
                ..row
            });
            rows.extend(row);
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Arch(link, ops).hash_arch()` of the wheel.
    #[test]
    fn hashes_are_those_of_the_reference() {
        let arch = |hash| architecture(hash).map(|subject| subject.arch);
        assert_eq!(arch(0).as_deref(), Some("0000:gat,gat,gat,gat"));
        assert_eq!(arch(61_234).as_deref(), Some("0112:gcn,gin,cheb,sage"));
        assert_eq!(arch(88_777).as_deref(), Some("0123:skip,fc,fc,fc"));
        assert_eq!([arch(9_000), arch(90_000), arch(-1), arch(100_000)], [None, None, None, None]);
    }
}
