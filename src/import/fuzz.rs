//! Damaged and hostile files: whatever is in them, an import ends with rows or with an error, soon and in little memory.
//!
//! `PROPTEST_CASES` sets how many files each test makes; the default is 256.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;

use super::tfrecord::framed;
use super::*;
use crate::space::SPACES;

/// Files of every format, small ones: name, format, content.
fn samples() -> Vec<(String, &'static FormatEntry, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/imports");
    let file =
        |name: &str| (name.to_string(), detect(&folder.join(name)).unwrap(), std::fs::read(folder.join(name)).unwrap());
    let mut all: Vec<_> = [
        "NAS-Bench-201-v1_0-legacy.pth",
        "zc_nasbench201.json",
        "zc_nasbench101.json",
        "zc_early.json",
        "HW-NAS-Bench-lists.pickle",
        "HW-NAS-Bench-arrays.pickle",
        "nas-bench-macro_cifar10.json",
        "graph/cora.bench",
        "graph/pubmed2.bench",
    ]
    .map(file)
    .into();
    let csv = b"space,arch,dataset,epochs,accuracy_pct\nnats-size,8:8:8:8:8,cifar10,12,\"90.5\"\n\"nats-size\",8:8:8:8:16,,,\n".to_vec();
    all.push(("table.csv".into(), &table::ENTRY, csv));
    all
}

/// Imports the bytes as a file of this name, into nothing.
fn import_bytes(name: &str, format: &FormatEntry, bytes: &[u8]) -> Result<Summary, ImportError> {
    thread_local!(static FOLDER: tempfile::TempDir = tempfile::tempdir().unwrap());
    let source: PathBuf = FOLDER.with(|folder| folder.path().join(name.replace('/', "-")));
    std::fs::write(&source, bytes).unwrap();
    let config = ImportConfig { source, curves: true, ..ImportConfig::default() };
    let (stop, mut ignore) = (AtomicBool::new(false), |_| {});
    run(&config, format, None, &stop, &mut ignore)
}

/// What every error must say: which file.
fn check(name: &str, outcome: Result<Summary, ImportError>) {
    if let Err(error) = outcome {
        let text = error.to_string();
        assert!(text.contains(&name.replace('/', "-")), "{name}: {text}");
    }
}

#[test]
fn samples_are_read_and_their_truncations_refused() {
    for (name, format, bytes) in samples() {
        assert!(import_bytes(&name, format, &bytes).is_ok(), "{name}");
        // Every length of the small ones; of the others every thirteenth.
        let step = if bytes.len() < 500 { 1 } else { 13 };
        for cut in (0..bytes.len()).step_by(step) {
            let outcome = import_bytes(&name, format, &bytes[..cut]);
            // A text table without its last lines is a table, and what follows an old torch.save's pickle is not read.
            let may_succeed = name.ends_with(".csv") || name.ends_with(".pth") || cut + 2 > bytes.len();
            assert!(outcome.is_err() || may_succeed, "{name} cut to {cut} of {}", bytes.len());
            check(&name, outcome);
        }
    }
}

#[test]
fn truncations_of_a_tfrecord_are_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/imports");
    let bytes = std::fs::read(folder.join("nasbench.tfrecord")).unwrap();
    let mut records = tfrecord::Records::new(&bytes[..]);
    let first = records.next().unwrap().unwrap().len() + 16;
    for cut in 0..first {
        let outcome = import_bytes("x.tfrecord", &nas_bench_101::ENTRY, &bytes[..cut]);
        assert!(outcome.is_err(), "{cut} of {first}");
        check("x.tfrecord", outcome);
    }
    assert!(import_bytes("x.tfrecord", &nas_bench_101::ENTRY, &bytes[..first]).is_ok());
}

/// Names and first bytes by which formats are recognised.
const NAMES: &[&str] = &[
    "000000.pickle.pbz2",
    "x.pickle.pbz2",
    "x.pickle",
    "x.pth",
    "x.tfrecord",
    "zc_nasbench201.json",
    "x.csv",
    "x.bench",
];
const HEADS: &[&[u8]] = &[b"", b"BZh91AY&SY", torch::LEGACY, torch::ZIP, b"PAR1", b"\x80\x04}(", b"{\"(", b"{"];

type Edits = Vec<(prop::sample::Index, u8, u8)>;

fn edits() -> impl Strategy<Value = Edits> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..6)
}

fn edited(mut bytes: Vec<u8>, edits: Edits) -> Vec<u8> {
    for (place, byte, kind) in edits {
        let place = place.index(bytes.len().max(1));
        match kind {
            0 if place < bytes.len() => bytes[place] = byte,
            1 => bytes.insert(place.min(bytes.len()), byte),
            _ if place < bytes.len() => drop(bytes.remove(place)),
            _ => {}
        }
    }
    bytes
}

proptest! {
    #[test]
    fn damaged_files_are_read_or_refused(which in any::<prop::sample::Index>(), edits in edits()) {
        let samples = samples();
        let (name, format, bytes) = which.get(&samples);
        check(name, import_bytes(name, format, &edited(bytes.clone(), edits)));
    }

    #[test]
    fn random_files_are_read_or_refused(
        format in prop::sample::select(FORMATS.iter().collect::<Vec<_>>()),
        name in prop::sample::select(NAMES),
        head in prop::sample::select(HEADS),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = import_bytes(name, format, &[head, &bytes].concat());
    }

    /// Damage that the checksums do not show.
    #[test]
    fn damaged_records_of_nas_bench_101_are_read_or_refused(edits in edits(), framing in any::<bool>()) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/imports");
        let bytes = std::fs::read(folder.join("nasbench.tfrecord")).unwrap();
        let mut records = tfrecord::Records::new(&bytes[..]);
        let record = records.next().unwrap().unwrap().to_vec();
        let file = if framing { framed(&edited(record, edits)) } else { edited(framed(&record), edits) };
        check("x.tfrecord", import_bytes("x.tfrecord", &nas_bench_101::ENTRY, &file));
    }

    /// Texts near to architectures, in all spaces.
    #[test]
    fn damaged_architectures_are_parsed_or_refused(example in prop::sample::select(SPACES.iter().map(|e| e.example).collect::<Vec<_>>()), edits in edits()) {
        for entry in &SPACES {
            let space = crate::space::open(entry.name).unwrap();
            let text = edited(example.as_bytes().to_vec(), edits.clone());
            let text = String::from_utf8_lossy(&text);
            if let Ok(arch) = space.parse(&text) {
                prop_assert!(space.check(&arch).is_ok());
                prop_assert_eq!(space.parse(&space.format(&arch)).unwrap(), arch);
            }
        }
    }
}
