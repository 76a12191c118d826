//! NAS-Bench-Suite-Zero: scores of untrained networks, `{dataset: {architecture: {proxy: {score, time}, val_accuracy}}}`.
//!
//! Early files have a level more, the space, and proxies that are plain numbers. Architectures are written as NASLib's tuples.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};

use super::json::{self, Context, Dictionary};
use super::{FormatEntry, ImportConfig, ImportError, Sink, nats_record};
use crate::benchmark::schema::{Measurement, Subject};
use crate::space::{self, Architecture, NasBench101, SearchSpace};
use crate::text::quoted;

pub(super) static ENTRY: FormatEntry = FormatEntry {
    name: "suite-zero",
    title: "NAS-Bench-Suite-Zero: zc_nasbench201.json, zc_nasbench101.json, zc_nasbench301.json, zc_transbench101_*.json",
    files: "a zc_*.json file; the space is read from its name or given with --set space=nasbench201",
    what: "13 proxies per architecture with seconds (a score of -1e8 stands for a failure and becomes null), and the validation \
           accuracy the authors ranked by; of which training it is the file does not say",
    paper: "Krishnakumar et al., NAS-Bench-Suite-Zero, NeurIPS 2022, arXiv:2210.03230",
    unit: "MB",
    recognise: |probe| probe.ends_with(".json") && (probe.name.starts_with("zc_") || probe.contains(b"{\"(")),
    read,
};

/// Score that stands for a failure.
const FAILED: f64 = -1e8;
/// Most proxies of an architecture.
const MOST_PROXIES: usize = 1000;
/// Tasks whose `val_accuracy` is another measure than an accuracy.
const OTHER_MEASURES: [&str; 4] = ["autoencoder", "normal", "room_layout", "segmentsemantic"];
/// Spaces by NASLib's names, and by naslens' where it has them.
const SPACES: [(&str, &str); 6] = [
    ("nasbench201", "nas-bench-201"),
    ("nasbench101", "nas-bench-101"),
    ("nasbench301", "nas-bench-301"),
    ("transbench101_micro", "transnas-bench-101-micro"),
    ("transbench101_macro", "transnas-bench-101-macro"),
    ("transbench101", "transnas-bench-101"),
];

fn read(config: &ImportConfig, sink: &mut Sink) -> Result<(), ImportError> {
    let name = config.source.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stated = config.setting("space");
    let given = stated.or_else(|| name.strip_prefix("zc_")?.strip_suffix(".json"));
    let known = given.and_then(|given| SPACES.iter().find(|(naslib, own)| given == *naslib || given == *own));
    if let (Some(stated), None) = (stated, known) {
        let names = SPACES.map(|(naslib, _)| naslib).join(", ");
        return Err(ImportError::Options(format!("--set space={stated}: the space is one of {names}")));
    }
    json::visit(&config.source, sink, |context, json| {
        Dictionary(Outer { context, space: known.map(|(_, own)| *own) }).deserialize(json)
    })
}

/// The outermost dictionary: by space or by dataset.
struct Outer<'r, 'c, 's> {
    context: &'r mut Context<'c, 's>,
    space: Option<&'static str>,
}

/// The dictionary by architecture.
struct Architectures<'r, 'c, 's> {
    context: &'r mut Context<'c, 's>,
    namer: &'r Namer,
    dataset: Arc<str>,
}

impl<'de> Visitor<'de> for Outer<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a dictionary by dataset")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut namer = None;
        while let Some(key) = map.next_key::<String>()? {
            if let Some((_, space)) = SPACES.iter().find(|(naslib, _)| *naslib == key) {
                map.next_value_seed(Dictionary(Outer { context: self.context, space: Some(space) }))?;
                continue;
            }
            let namer: &Namer = match (&mut namer, self.space) {
                (Some(namer), _) => namer,
                (none, Some(space)) => none.insert(Namer::new(space).map_err(|e| self.context.failure.keep(e))?),
                (_, None) => {
                    let names = SPACES.map(|(naslib, _)| naslib).join(", ");
                    let path = self.context.path.display();
                    let reason =
                        format!("`{path}` does not say which space it is of; add --set space=NAME with one of {names}");
                    return Err(self.context.failure.keep(ImportError::Options(reason)));
                }
            };
            map.next_value_seed(Dictionary(Architectures { context: self.context, namer, dataset: key.into() }))?;
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for Architectures<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a dictionary by architecture")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            self.context.tick()?;
            let mut rows = Vec::new();
            map.next_value_seed(Dictionary(Entry { dataset: &self.dataset, rows: &mut rows }))?;
            let subject = self.namer.subject(&key).map_err(A::Error::custom)?;
            if rows.iter().any(|row| row.proxy.as_deref() == Some(ACCURACY)) {
                let dataset = &self.dataset;
                self.context.sink.note(format!(
                    "val_accuracy of {dataset} is another measure than an accuracy; it is kept as a score"
                ));
            }
            self.context.add(&subject, rows)?;
        }
        Ok(())
    }
}

const ACCURACY: &str = "val_accuracy";

/// What is known of one architecture.
struct Entry<'r> {
    dataset: &'r Arc<str>,
    rows: &'r mut Vec<Measurement>,
}

impl<'de> Visitor<'de> for Entry<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a dictionary by proxy")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let other_measure = OTHER_MEASURES.contains(&&**self.dataset);
        while let Some(name) = map.next_key::<String>()? {
            let (score, seconds) = match map.next_value()? {
                Score::Alone(score) => (score, None),
                Score::Timed { score, time } => (score, time),
            };
            let row = Measurement { dataset: Some(self.dataset.clone()), ..Measurement::default() };
            self.rows.push(if name == ACCURACY && !other_measure {
                Measurement { split: Some("valid".into()), accuracy_pct: score, ..row }
            } else {
                Measurement { proxy: Some(name.into()), score: score.filter(|&s| s != FAILED), seconds, ..row }
            });
            if self.rows.len() > MOST_PROXIES {
                return Err(A::Error::custom(format!("an architecture has more than {MOST_PROXIES} proxies")));
            }
        }
        Ok(())
    }
}

/// A number, null, or `{score, time}`.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a score, or a dictionary of score and time was expected")]
enum Score {
    Alone(Option<f64>),
    Timed { score: Option<f64>, time: Option<f64> },
}

/// Reads NASLib's tuples.
struct Namer {
    name: &'static str,
    space: Option<Box<dyn SearchSpace>>,
}

impl Namer {
    fn new(name: &'static str) -> Result<Self, ImportError> {
        let known = space::SPACES.find(name).is_ok();
        let space = if known { Some(space::open(name)?) } else { None };
        Ok(Namer { name, space })
    }

    fn subject(&self, key: &str) -> Result<Subject, String> {
        let Some(space) = &self.space else {
            return Ok(Subject { space: self.name.into(), arch: key.into(), ..Subject::default() });
        };
        let arch = naslib_tuple(&**space, key);
        let arch = arch.ok_or_else(|| format!("{} is not a tuple of {}", quoted(key), self.name))?;
        nats_record::subject(&**space, &space.format(&arch))
    }
}

/// The architecture that NASLib writes as this tuple of numbers; None if the space does not have it, or has no such tuples.
pub(crate) fn naslib_tuple(space: &dyn SearchSpace, text: &str) -> Option<Architecture> {
    let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
    let numbers = inner.split(',').map(str::trim).filter(|part| !part.is_empty());
    let numbers: Vec<u8> = numbers.map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let arch = match space.entry().name {
        "nas-bench-201" => topology(&numbers),
        "nas-bench-101" => module(&numbers),
        _ => None,
    };
    arch.filter(|arch| space.check(arch).is_ok())
}

/// Edges 0>1, 0>2, 0>3, 1>2, 1>3, 2>3; 0 skip, 1 none, 2 3x3, 3 1x1, 4 pooling.
fn topology(tuple: &[u8]) -> Option<Architecture> {
    let &[e01, e02, e03, e12, e13, e23] = tuple else { return None };
    let code = |op: u8| [1u16, 0, 3, 2, 4].get(usize::from(op)).copied();
    [e01, e02, e12, e03, e13, e23].map(code).into_iter().collect::<Option<Vec<_>>>().map(Architecture::new)
}

/// The adjacency matrix by rows, then the operations: 0 input, 1 output, 2 pooling, 3 1x1, 4 3x3.
fn module(tuple: &[u8]) -> Option<Architecture> {
    let n = (2..=7).find(|n| n * n + n == tuple.len())?;
    let (matrix, ops) = tuple.split_at(n * n);
    let mut edges = 0;
    for (i, &entry) in matrix.iter().enumerate() {
        let (from, to) = (i / n, i % n);
        match entry {
            0 => {}
            1 if from < to => edges |= 1 << (from + to * (to - 1) / 2),
            _ => return None,
        }
    }
    let code = |&op: &u8| [2, 1, 0].get(usize::from(op.checked_sub(2)?)).copied();
    let interior = ops[1..n - 1].iter().map(code).collect::<Option<Vec<u8>>>()?;
    NasBench101::module(edges, &interior).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tuples_are_those_of_naslib() {
        let namer = Namer::new("nas-bench-201").unwrap();
        // The op codes of both, edge by edge: 0>1 pooling, 0>2 1x1, 0>3 1x1, 1>2 1x1, 1>3 3x3, 2>3 1x1.
        let subject = namer.subject("(4, 3, 3, 3, 2, 3)").unwrap();
        let expected =
            "|avg_pool_3x3~0|+|nor_conv_1x1~0|nor_conv_1x1~1|+|nor_conv_1x1~0|nor_conv_3x3~1|nor_conv_1x1~2|";
        assert_eq!(subject.arch, expected);
        assert!(namer.subject("(4, 3, 3, 3, 2, 5)").is_err() && namer.subject("(4)").is_err());

        let namer = Namer::new("nas-bench-101").unwrap();
        // Three vertices in a chain: the matrix by rows, then input, 3x3, output.
        let subject = namer.subject("(0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 4, 1)").unwrap();
        assert_eq!(subject.arch, "conv3x3:0/output:1");
        assert!(namer.subject("(0, 1, 2)").is_err());
    }
}
