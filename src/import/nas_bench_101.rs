//! NAS-Bench-101: a TFRecord file with a record per training.
//!
//! A record is JSON, `[module_hash, epochs, adjacency, operations, metrics]`: the upper triangle as a square of `0` and `1`,
//! operations separated by commas, and a base64 protocol buffer of evaluations at the start, halfway, and at the end.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use prost::Message;

use super::tfrecord::{RecordError, Records};
use super::{FormatEntry, ImportConfig, ImportError, Sink};
use crate::benchmark::schema::{Measurement, Subject};
use crate::space::{self, NasBench101, SearchSpace};

pub(super) static ENTRY: FormatEntry = FormatEntry {
    name: "nas-bench-101",
    title: "NAS-Bench-101: nasbench_only108.tfrecord, nasbench_full.tfrecord",
    files: "the .tfrecord file",
    what: "every training of 4, 12, 36 or 108 epochs on cifar10: train, valid and test accuracy at the end (with --curves also at \
           the start and halfway) and seconds. Repeats are numbered as they come, their seeds were not published",
    paper: "Ying et al., NAS-Bench-101, ICML 2019, arXiv:1902.09635",
    unit: "MB",
    recognise: |probe| probe.ends_with(".tfrecord"),
    read,
};

/// Most evaluations of one training; the official files have three.
const MOST_EVALUATIONS: usize = 1000;

/// The protocol buffer of a training.
#[derive(Clone, PartialEq, Message)]
struct ModelMetrics {
    #[prost(message, repeated, tag = "1")]
    evaluation_data: Vec<EvaluationData>,
    #[prost(int32, optional, tag = "2")]
    trainable_parameters: Option<i32>,
}

/// Accuracies as fractions, and the seconds of training until then.
#[derive(Clone, PartialEq, Message)]
struct EvaluationData {
    #[prost(double, optional, tag = "1")]
    current_epoch: Option<f64>,
    #[prost(double, optional, tag = "2")]
    training_time: Option<f64>,
    #[prost(double, optional, tag = "3")]
    train_accuracy: Option<f64>,
    #[prost(double, optional, tag = "4")]
    validation_accuracy: Option<f64>,
    #[prost(double, optional, tag = "5")]
    test_accuracy: Option<f64>,
}

/// A module that was met, and how many trainings of each length.
struct Met {
    subject: Subject,
    repeats: Vec<(i32, i64)>,
}

/// Turns records into measurements; modules are known by their hash from the second record on.
pub(super) struct Reader {
    space: Box<dyn SearchSpace>,
    met: HashMap<u128, Met>,
    curves: bool,
}

impl Reader {
    pub fn new(curves: bool) -> Result<Self, ImportError> {
        let space = space::open("nas-bench-101")?;
        Ok(Reader { space, met: HashMap::new(), curves })
    }

    /// The measurements of a record. Err says what is wrong with it.
    pub fn record(&mut self, record: &[u8]) -> Result<(&Subject, Vec<Measurement>), String> {
        let fields: Result<(String, i32, String, String, String), _> = serde_json::from_slice(record);
        let (hash, epochs, adjacency, operations, metrics) =
            fields.map_err(|e| format!("it is not [hash, epochs, adjacency, operations, metrics] in JSON ({e})"))?;
        let id = u128::from_str_radix(&hash, 16).ok().filter(|_| hash.len() == 32);
        let id = id.ok_or_else(|| format!("`{}` is not a module hash", hash.chars().take(40).collect::<String>()))?;
        // Python's encoder breaks lines, its decoder skips that.
        let metrics: String = metrics.split_ascii_whitespace().collect();
        let metrics = BASE64_STANDARD.decode(metrics).map_err(|e| format!("its metrics are not base64 ({e})"))?;
        let metrics = ModelMetrics::decode(&*metrics).map_err(|e| format!("its metrics are no ModelMetrics ({e})"))?;
        if metrics.evaluation_data.len() > MOST_EVALUATIONS {
            return Err(format!("it has more than {MOST_EVALUATIONS} evaluations"));
        }
        let met = match self.met.entry(id) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let subject = subject(&*self.space, &adjacency, &operations)?;
                if subject.arch_id.as_deref() != Some(&hash) {
                    let own = subject.arch_id.unwrap_or_default();
                    return Err(format!("the module hash is {hash}, but that of its graph is {own}"));
                }
                entry.insert(Met { subject, repeats: Vec::new() })
            }
        };
        let place = met.repeats.iter().position(|(length, _)| *length == epochs).unwrap_or_else(|| {
            met.repeats.push((epochs, 0));
            met.repeats.len() - 1
        });
        let repeat = met.repeats[place].1;
        met.repeats[place].1 += 1;
        let evaluations = &metrics.evaluation_data;
        let skipped = if self.curves { 0 } else { evaluations.len().saturating_sub(1) };
        let mut rows = Vec::new();
        for (i, evaluation) in evaluations.iter().enumerate().skip(skipped) {
            let accuracies = [
                ("train", evaluation.train_accuracy, evaluation.training_time),
                ("valid", evaluation.validation_accuracy, None),
                ("test", evaluation.test_accuracy, None),
            ];
            // The last is at the end whatever number was written.
            let epoch = if i + 1 == evaluations.len() { Some(epochs.into()) } else { evaluation.current_epoch };
            rows.extend(accuracies.map(|(split, accuracy, seconds)| Measurement {
                dataset: Some("cifar10".into()),
                split: Some(split.into()),
                epochs: Some(epochs),
                epoch,
                seed: Some(repeat),
                accuracy_pct: accuracy.map(|fraction| fraction * 100.0),
                seconds,
                params: metrics.trainable_parameters.map(i64::from),
                ..Measurement::default()
            }));
        }
        Ok((&met.subject, rows))
    }
}

/// The module of an adjacency matrix and its operations.
fn subject(space: &dyn SearchSpace, adjacency: &str, operations: &str) -> Result<Subject, String> {
    let operations: Vec<&str> = operations.split(',').take(9).collect();
    let n = operations.len();
    let unfit = || format!("{} digits and {n} operations are no module of at most 7 vertices", adjacency.len());
    if !(2..=7).contains(&n) || adjacency.len() != n * n || operations[0] != "input" || operations[n - 1] != "output" {
        return Err(unfit());
    }
    let mut edges = 0;
    for (i, digit) in adjacency.bytes().enumerate() {
        let (from, to) = (i / n, i % n);
        match digit {
            b'0' => {}
            b'1' if from < to => edges |= 1 << (from + to * (to - 1) / 2),
            _ => return Err(format!("its adjacency has `{}` from vertex {from} to {to}", char::from(digit))),
        }
    }
    let code = |name: &&str| match *name {
        "conv3x3-bn-relu" => Ok(0),
        "conv1x1-bn-relu" => Ok(1),
        "maxpool3x3" => Ok(2),
        other => Err(format!("`{}` is not an operation of the space", other.chars().take(40).collect::<String>())),
    };
    let interior = operations[1..n - 1].iter().map(code).collect::<Result<Vec<u8>, _>>()?;
    let arch = NasBench101::module(edges, &interior).map_err(|error| error.to_string())?;
    Ok(Subject {
        space: space.entry().name.into(),
        arch: space.format(&arch),
        arch_id: Some(space.arch_id(&arch).to_string()),
        arch_index: None,
    })
}

fn read(config: &ImportConfig, sink: &mut Sink) -> Result<(), ImportError> {
    const MEGABYTE: u64 = 1_000_000;
    let path = &config.source;
    let file = File::open(path).map_err(ImportError::unreadable(path))?;
    let total = file.metadata().map(|file| file.len() / MEGABYTE).unwrap_or(0);
    let mut records = Records::new(BufReader::with_capacity(1 << 20, file));
    let mut reader = Reader::new(config.curves)?;
    for number in 0u64.. {
        if number.is_multiple_of(4096) {
            sink.progress(records.offset / MEGABYTE, total)?;
        }
        let read = match records.next() {
            Ok(None) => break,
            Ok(Some(record)) => reader.record(record),
            Err(RecordError::Unreadable(source)) => return Err(ImportError::unreadable(path)(source)),
            Err(error) => Err(error.to_string()),
        };
        match read {
            Ok((subject, rows)) => sink.add(subject, rows)?,
            Err(reason) => {
                let place = format!("record {number} at byte {}", records.offset);
                return Err(ImportError::content(path, place, reason));
            }
        }
    }
    Ok(())
}
