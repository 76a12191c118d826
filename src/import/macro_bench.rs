//! NAS-Bench-Macro: `{architecture: {test_acc: [three runs], mean_acc, std, params, flops}}`.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

use super::FormatEntry;
use super::json::{self, Context, Dictionary};
use crate::benchmark::schema::{Measurement, Subject};

pub(super) static ENTRY: FormatEntry = FormatEntry {
    name: "nas-bench-macro",
    title: "NAS-Bench-Macro: nas-bench-macro_cifar10.json",
    files: "the .json file",
    what: "test accuracy on cifar10 of three trainings per architecture, params and MACs. Eight digits name an architecture: \
           0 identity, 1 MobileNetV2 block of kernel 3 and expansion 3, 2 of kernel 5 and expansion 6",
    paper: "Su et al., Prioritized Architecture Sampling with Monto-Carlo Tree Search, CVPR 2021, arXiv:2103.11922",
    unit: "MB",
    recognise: |probe| probe.ends_with(".json") && (probe.name.contains("macro") && probe.contains(b"\"test_acc\"")),
    read: |config, sink| {
        json::visit(&config.source, sink, |context, json| Dictionary(All { context }).deserialize(json))
    },
};

/// Most runs of one architecture.
const MOST_RUNS: usize = 1000;
const LAYERS: usize = 8;

struct All<'r, 'c, 's> {
    context: &'r mut Context<'c, 's>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(deserialize_with = "few")]
    test_acc: Vec<f64>,
    params: i64,
    flops: i64,
}

impl<'de> Visitor<'de> for All<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a dictionary by architecture")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(arch) = map.next_key::<String>()? {
            self.context.tick()?;
            if arch.len() != LAYERS || !arch.bytes().all(|digit| (b'0'..=b'2').contains(&digit)) {
                return Err(A::Error::custom(format!("`{arch}` is not {LAYERS} digits from 0 to 2")));
            }
            let entry: Entry = map.next_value()?;
            let index = arch.bytes().fold(0, |index, digit| 3 * index + i64::from(digit - b'0'));
            let row = |(run, &accuracy): (usize, &f64)| Measurement {
                dataset: Some("cifar10".into()),
                split: Some("test".into()),
                seed: Some(run as i64),
                accuracy_pct: Some(accuracy),
                params: Some(entry.params),
                macs: Some(entry.flops),
                ..Measurement::default()
            };
            let rows: Vec<_> = entry.test_acc.iter().enumerate().map(row).collect();
            let subject = Subject { space: ENTRY.name.into(), arch, arch_id: None, arch_index: Some(index) };
            self.context.add(&subject, rows)?;
        }
        Ok(())
    }
}

/// A list that is not long.
fn few<'de, D: Deserializer<'de>>(json: D) -> Result<Vec<f64>, D::Error> {
    struct Few;
    impl<'de> Visitor<'de> for Few {
        type Value = Vec<f64>;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            write!(f, "a list of at most {MOST_RUNS} numbers")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<f64>, A::Error> {
            let mut numbers = Vec::new();
            while let Some(number) = list.next_element()? {
                if numbers.len() == MOST_RUNS {
                    return Err(de::Error::invalid_length(MOST_RUNS + 1, &self));
                }
                numbers.push(number);
            }
            Ok(numbers)
        }
    }
    json.deserialize_seq(Few)
}
