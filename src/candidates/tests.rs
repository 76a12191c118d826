use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, UInt8Array, UInt32Array, UInt64Array,
};
use parquet::arrow::ArrowWriter;

use super::*;
use crate::proxy::Score;

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn text<S: AsRef<str>>(values: &[S]) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn numbers(values: &[Option<f64>]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

fn nas_bench_201() -> Box<dyn SearchSpace> {
    space::open("nas-bench-201").unwrap()
}

/// Two strings of one network, its representative first, then another network and a dead one.
fn strings() -> [String; 4] {
    let space = nas_bench_201();
    let text = |genes: [u16; 6]| space.format(&Architecture::new(genes));
    // Genes are edges 0>1, 0>2, 1>2, 0>3, 1>3, 2>3. An edge into a vertex that leads nowhere changes nothing.
    let (own, twin) = (Architecture::new(vec![0, 0, 0, 3, 0, 0]), Architecture::new(vec![2, 0, 0, 3, 0, 0]));
    assert_eq!(space.representative(&twin), own);
    [space.format(&own), space.format(&twin), text([0, 3, 0, 0, 0, 3]), text([2, 0, 3, 0, 0, 0])]
}

fn of_table(table: &Path, space: &str, targets: &[&str]) -> Result<Candidates, CandidatesError> {
    let targets = targets.iter().map(|t| t.to_string()).collect();
    load(&CandidatesConfig { run: None, table: Some(table.into()), targets, space: Some(space.into()) })
}

#[test]
fn the_representative_speaks_for_its_network() {
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("table.parquet");
    let [own, twin, third, dead] = strings();
    // The twin comes first; the row of the representative decides all the same.
    let arch = text(&[&twin, &third, &own, &dead]);
    let (a, b) = (numbers(&[Some(1.0), Some(2.0), Some(3.0), Some(4.0)]), numbers(&[Some(5.0), None, None, None]));
    write(&table, vec![("arch_str", arch), ("a", a), ("b", b)]);

    let candidates = of_table(&table, "nas-bench-201", &["a", "b"]).unwrap();
    let texts: Vec<String> = candidates.archs.iter().map(|a| candidates.space.format(a)).collect();
    assert_eq!(texts, [third.clone(), own.clone()], "in the order of the space");
    assert_eq!((candidates.n_dead, candidates.len()), (1, 2));
    assert_eq!(candidates.truth("a").unwrap(), [Some(2.0), Some(3.0)]);
    // Where the representative has no value, its twin speaks.
    assert_eq!(candidates.truth("b").unwrap(), [None, Some(5.0)]);
    // Without a run the networks are those with the first target; the second is what it was.
    let candidates = of_table(&table, "nas-bench-201", &["b", "a"]).unwrap();
    assert_eq!((candidates.len(), candidates.truth("a").unwrap()), (1, [Some(3.0)].as_slice()));
    assert_eq!(candidates.texts, [twin.as_str()]);
    let layers = candidates.score("layers").unwrap();
    assert!(layers[0] > Some(1.0) && candidates.score("macs").unwrap()[0] > candidates.score("params").unwrap()[0]);

    // Several rows of one string count as their mean, whatever their order.
    let [x, y, z] = [0.1, 0.2, 0.3].map(Some);
    for values in [[x, y, z], [z, y, x]] {
        write(&table, vec![("arch", text(&[&own, &own, &own])), ("a", numbers(&values))]);
        assert_eq!(
            of_table(&table, "nas-bench-201", &["a"]).unwrap().truth("a").unwrap(),
            [Some((0.1 + 0.2 + 0.3) / 3.0)]
        );
    }
    // Where the representative is not listed, all strings of the network count.
    let another = nas_bench_201().format(&Architecture::new(vec![3, 0, 0, 3, 0, 0]));
    write(&table, vec![("arch", text(&[&twin, &another])), ("a", numbers(&[Some(1.0), Some(2.0)]))]);
    assert_eq!(of_table(&table, "nas-bench-201", &["a"]).unwrap().truth("a").unwrap(), [Some(1.5)]);
}

#[test]
fn tables_name_architectures_by_index_or_graph() {
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("table.parquet");
    let index = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
    let target = numbers(&[Some(1.0), Some(2.0)]);
    write(&table, vec![("arch_index", index(vec![9_930, 15_000])), ("t", target.clone())]);
    let candidates = of_table(&table, "nb201", &["t"]).unwrap();
    let space = nas_bench_201();
    assert_eq!(candidates.join.as_ref().unwrap().key[1], "arch_index");
    assert_eq!(candidates.archs[0], space.representative(&space.at(9_930).unwrap()));
    write(&table, vec![("arch_index", index(vec![0, 15_625])), ("t", target.clone())]);
    let message = of_table(&table, "nb201", &["t"]).err().unwrap().to_string();
    assert!(message.contains("row 1") && message.contains("15625 architectures"), "{message}");
    let message = of_table(&table, "nb101", &["t"]).err().unwrap().to_string();
    assert!(message.contains("none of the key columns"), "{message}");

    // Input to output through one convolution, and the same module with an idle vertex.
    let graph = |vertices: Vec<u8>, edges: Vec<u32>, ops: &[&str]| -> Vec<(&str, ArrayRef)> {
        let (vertices, edges): (ArrayRef, ArrayRef) =
            (Arc::new(UInt8Array::from(vertices)), Arc::new(UInt32Array::from(edges)));
        vec![("num_vertices", vertices), ("adjacency_bits", edges), ("interior_ops", text(ops))]
    };
    let columns = |mut graph: Vec<(&'static str, ArrayRef)>| {
        graph.push(("t", target.clone()));
        graph
    };
    write(&table, columns(graph(vec![3, 2], vec![0b101, 1], &["0", ""])));
    let candidates = of_table(&table, "nb101", &["t"]).unwrap();
    let texts: Vec<String> = candidates.archs.iter().map(|a| candidates.space.format(a)).collect();
    assert_eq!(texts, ["output:0", "conv3x3:0/output:1"]);
    for (vertices, edges, ops, part) in [
        (4, 0b101, "0", "do not go with"),
        (3, 0b1101, "0", "more than 3 vertices have"),
        (3, 0b101, "x", "one digit per operation"),
        (3, 0b1, "0", "does not reach"),
    ] {
        write(&table, columns(graph(vec![2, vertices], vec![1, edges], &["", ops])));
        let message = of_table(&table, "nb101", &["t"]).err().unwrap().to_string();
        assert!(message.contains("row 1") && message.contains(part), "{message}");
    }
}

/// A run with three strings of two live networks and a dead one, in this folder.
fn write_run(dir: &Path, metadata: &str) -> [String; 4] {
    let [own, twin, third, dead] = strings();
    let space = nas_bench_201();
    let archs = [twin.clone(), dead.clone(), third.clone(), own.clone()];
    let scores = [Score::new(5.0), Score::status(Status::Dead), Score::status(Status::NonFinite), Score::new(5.0)];
    let table = ScoreTable {
        arch_id: archs.iter().map(|a| space.arch_id(&space.parse(a).unwrap()).to_string()).collect(),
        arch: archs.to_vec(),
        arch_index: vec![None; 4],
        params: vec![10, 20, 30, 40],
        macs: vec![1, 2, 3, 4],
        latency_ms: None,
        proxies: vec![
            ("params".into(), [10.0, 20.0, 30.0, 40.0].map(Score::new).to_vec()),
            ("flops".into(), [1.0, 2.0, 3.0, 4.0].map(Score::new).to_vec()),
            ("naslens".into(), scores.to_vec()),
        ],
        run: serde_json::from_str(metadata).unwrap_or_default(),
    };
    table.write(&dir.join(SCORES_FILE)).unwrap();
    [own, twin, third, dead]
}

#[test]
fn a_run_is_joined_by_network() {
    let dir = tempfile::tempdir().unwrap();
    let metadata = r#"{"config": {"space": "nas-bench-201", "init_channels": 4, "cells": 1}, "seed": 3}"#;
    let [own, twin, third, _] = write_run(dir.path(), metadata);
    let table = dir.path().join("table.parquet");
    // A string of the class that the run does not list is the same network.
    write(&table, vec![("arch", text(&[&twin])), ("t", numbers(&[Some(91.0)]))]);
    let config = CandidatesConfig {
        run: Some(dir.path().into()),
        table: Some(table.clone()),
        targets: vec!["t".into()],
        space: None,
    };
    let candidates = load(&config).unwrap();
    assert_eq!((candidates.len(), candidates.n_dead), (2, 1));
    assert_eq!(candidates.archs.iter().map(|a| candidates.space.format(a)).collect::<Vec<_>>(), [own, third]);
    // The row of the representative, though the twin comes first.
    assert_eq!(candidates.score("params").unwrap(), [Some(40.0), Some(30.0)]);
    assert_eq!(candidates.score("naslens").unwrap(), [Some(5.0), None]);
    assert_eq!(candidates.truth("t").unwrap(), [Some(91.0), None]);
    assert_eq!(candidates.run.as_ref().unwrap().seed, 3);

    let features = candidates.features(&["one_hot"], true, Some(PRIOR)).unwrap();
    assert_eq!(features.layout.groups[0].name, SCORES_GROUP);
    assert_eq!(features.names[..3], ["params", "macs", "naslens"]);
    assert_eq!(features.layout.prior, Some(2));
    // Normal scores are among all candidates, whatever the rows.
    let one = candidates.features_of(&[1, 0], &[], true, None).unwrap();
    assert_eq!(one.values.column(0).to_vec(), [features.values[[1, 0]], features.values[[0, 0]]]);
    assert_eq!(default_encodings().len(), 1);

    let id = candidates.ids[0];
    let hash: ArrayRef = Arc::new(UInt64Array::from(vec![(id.0 >> 64) as u64]));
    write(&table, vec![("module_hash_hi64", hash), ("t", numbers(&[Some(90.0)]))]);
    assert_eq!(load(&config).unwrap().truth("t").unwrap(), [Some(90.0), None]);
    let message = of_table(&table, "nb101", &["t"]).err().unwrap().to_string();
    assert!(message.contains("by `module_hash_hi64` only"), "{message}");
    assert!(load(&CandidatesConfig { table: None, targets: vec![], ..config }).unwrap().truth.is_empty());
}

#[test]
fn errors_name_the_thing_and_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let config = CandidatesConfig { run: Some(dir.path().into()), ..CandidatesConfig::default() };
    let fails = |config: &CandidatesConfig| load(config).err().unwrap().to_string();
    assert!(fails(&config).contains("holds no scores.parquet"));
    assert!(fails(&CandidatesConfig::default()).contains("no networks are given"));
    let strings = write_run(dir.path(), "");
    assert!(fails(&config).contains("--space"));
    let named = |space: &str| CandidatesConfig { space: Some(space.into()), ..config.clone() };
    assert_eq!(load(&named("nb201")).unwrap().len(), 2);
    assert!(fails(&named("fbnet")).contains("row 0"));
    write_run(dir.path(), r#"{"config": {"space": "nas-bench-201"}}"#);
    assert!(fails(&named("fbnet")).contains("is of the space nas-bench-201, not fbnet"));

    let table = dir.path().join("table.parquet");
    write(&table, vec![("arch", text(&[&strings[3]])), ("t", numbers(&[Some(1.0)]))]);
    assert!(of_table(&table, "nb201", &["t"]).err().unwrap().to_string().contains("has a path"));
    let joined = CandidatesConfig { table: Some(table.clone()), targets: vec!["t".into()], ..config.clone() };
    assert!(fails(&joined).contains("no architecture of the run is in"));
    let message = of_table(&table, "nb201", &["u"]).err().unwrap().to_string();
    assert!(message.contains("has no column `u`"), "{message}");
    let without = CandidatesConfig { run: None, space: None, ..joined };
    assert!(fails(&without).contains("does not say which search space"));
}
