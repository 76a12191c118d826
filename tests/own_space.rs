//! Spaces that are written in files: the published ones against their built-in twins and tables, and what a user's file can do.

use std::collections::HashMap;

use naslens::network::{Network, Op};
use naslens::space::{self, ArchId, SearchSpace, Task};

const TASK: fn() -> Task = || Task::classify("3x32x32".parse().unwrap(), 10);

fn layers(network: &Network) -> Vec<(String, Op)> {
    network.nodes().iter().map(|node| (node.name.clone(), node.op)).collect()
}

fn networks(space: &dyn SearchSpace, index: u64) -> (Network, String, ArchId) {
    let arch = space.at(index).unwrap();
    (space.build(&arch, &TASK()).unwrap(), space.format(&arch), space.arch_id(&arch))
}

/// On every architecture: layers with their names, shapes, blocks and hence parameters, operations and every score.
#[test]
fn a_written_nas_bench_201_is_the_built_in_one() {
    let written = space::open("tests/spaces/nas-bench-201.toml:channels=4,cells=1").unwrap();
    let built_in = space::open("nas-bench-201:channels=4,cells=1").unwrap();
    assert_eq!(written.size(), 15_625);
    let mut pairs: HashMap<ArchId, ArchId> = HashMap::new();
    let mut back: HashMap<ArchId, ArchId> = HashMap::new();
    for index in 0..15_625 {
        let (network, text, id) = networks(written.as_ref(), index);
        let arch = built_in.parse(&text).unwrap();
        let twin = built_in.build(&arch, &TASK()).unwrap();
        assert_eq!(layers(&network), layers(&twin), "{text}");
        assert_eq!(network, twin, "{text}");
        // The same architectures are the same network: 5,044 of them.
        let twin_id = built_in.arch_id(&arch);
        assert_eq!(*pairs.entry(id).or_insert(twin_id), twin_id, "{text}");
        assert_eq!(*back.entry(twin_id).or_insert(id), id, "{text}");
    }
    assert_eq!(pairs.len(), 5_044);
}

#[test]
fn a_written_size_space_is_the_built_in_one() {
    let written = space::open("tests/spaces/nats-size.toml").unwrap();
    let built_in = space::open("nats-size").unwrap();
    assert_eq!(written.size(), 32_768);
    for index in (0..32_768).step_by(7) {
        let (network, text, _) = networks(written.as_ref(), index);
        assert_eq!(network, built_in.build(&built_in.parse(&text).unwrap(), &TASK()).unwrap(), "{text}");
    }
}
