use std::path::{Path, PathBuf};

use super::*;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/imports").join(name)
}

#[test]
fn the_registry_is_sound() {
    crate::registry::testing::is_sound(&FORMATS);
    assert!(FORMATS.iter().all(|format| !format.unit.is_empty()));
}

#[test]
fn formats_are_recognised() {
    for (name, format) in [
        ("NATS-tss-simple", "nats-simple"),
        ("NATS-sss-simple/000011.pickle.pbz2", "nats-simple"),
        ("NATS-tss.pickle.pbz2", "nats-file"),
        ("NAS-Bench-201-v1_0-legacy.pth", "nas-bench-201"),
        ("NAS-Bench-201-v1_1-zip.pth", "nas-bench-201"),
        ("nasbench.tfrecord", "nas-bench-101"),
        ("zc_nasbench201.json", "suite-zero"),
        ("HW-NAS-Bench-lists.pickle", "hw-nas-bench"),
        ("HW-NAS-Bench-arrays.pickle", "hw-nas-bench"),
        ("nas-bench-macro_cifar10.json", "nas-bench-macro"),
        ("graph", "nas-bench-graph"),
        ("graph/pubmed2.bench", "nas-bench-graph"),
    ] {
        assert_eq!(detect(&fixture(name)).unwrap().name, format, "{name}");
    }
    let dir = tempfile::tempdir().unwrap();
    for (name, content, format) in [
        ("a.csv", "x", Some("table")),
        ("zc_x.json", "{}", Some("suite-zero")),
        ("unnamed.json", r#"{"(0, 1)": {}}"#, Some("suite-zero")),
        ("x.pickle", "\u{4}", None),
        ("x.pth", "text", None),
    ] {
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        assert_eq!(detect(&path).ok().map(|format| format.name), format, "{name}");
    }
}
