//! How often each labelled neighbourhood occurs in the graph of an architecture.

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::vocabulary::{MOST, histogram};
use super::{Columns, EncodingEntry};
use crate::space::{Architecture, OpGraph, SearchSpace};

pub(super) static ENTRY: EncodingEntry = EncodingEntry {
    name: "wl",
    title: "Weisfeiler-Lehman labels",
    what: "how many nodes have each label after 0, 1 and 2 rounds of taking in their predecessors' and successors' labels; \
           the 1,024 labels that most of the given architectures have",
    paper: "Ru et al., NAS-BOWL, ICLR 2021, arXiv:2006.07556; Shervashidze et al., JMLR 12, 2011",
    encode: &encode,
};

const ROUNDS: u8 = 2;

/// One column per distinct label over the given architectures: how many nodes of the architecture have it. The dot product
/// of two rows is the Weisfeiler-Lehman subtree kernel of their graphs (but for labels beyond the 1,024 most frequent).
///
/// The label of a node after round 0 is its operation, or that it is the input or the output. After round `h` it is its
/// label after round `h - 1` together with the sorted lists of those labels of its predecessors and of its successors. So
/// isomorphic graphs have equal rows. Columns are named after the round, the operation and the 64-bit XXH3 of the label.
fn encode(space: &dyn SearchSpace, archs: &[Architecture]) -> Columns {
    let set = space.op_set();
    let rows: Vec<Vec<Label>> = archs.par_iter().map(|arch| labels(&space.op_graph(arch))).collect();
    histogram(&rows, MOST, |&(round, kind, hash)| {
        let kind = match kind {
            INPUT => "input",
            OUTPUT => "output",
            op => &set.names[op as usize - if op < INPUT { 0 } else { 2 }],
        };
        if round == 0 { format!("wl 0 {kind}") } else { format!("wl {round} {kind} {hash:016x}") }
    })
}

/// Round, number of the operation or one of the two below, and hash of the content.
type Label = (u8, u32, u64);
const INPUT: u32 = 256;
const OUTPUT: u32 = 257;

/// Operations are numbered as the space does, around [`INPUT`] and [`OUTPUT`].
fn number(op: u16) -> u32 {
    u32::from(op) + if u32::from(op) < INPUT { 0 } else { 2 }
}

/// The labels of all nodes after every round, sorted.
fn labels(graph: &OpGraph) -> Vec<Label> {
    let nodes = 0..=graph.output();
    let ends = |v: usize| if v == 0 { INPUT } else { OUTPUT };
    let kinds: Vec<u32> = nodes.clone().map(|v| graph.op(v).map_or_else(|| ends(v), number)).collect();
    let mut hashes: Vec<u64> = kinds.iter().map(|&kind| u64::from(kind)).collect();
    let mut labels = Vec::with_capacity(kinds.len() * (usize::from(ROUNDS) + 1));
    for round in 0..=ROUNDS {
        if round > 0 {
            hashes = nodes.clone().map(|v| refined(graph, v, &hashes)).collect();
        }
        labels.extend(kinds.iter().zip(&hashes).map(|(&kind, &hash)| (round, kind, hash)));
    }
    labels.sort_unstable();
    labels
}

/// The hash of a node's label, its predecessors' and its successors'.
fn refined(graph: &OpGraph, node: usize, hashes: &[u64]) -> u64 {
    let sorted = |mut labels: Vec<u64>| {
        labels.sort_unstable();
        labels
    };
    let before = sorted(graph.edges.iter().filter(|e| e.1 == node).map(|e| hashes[e.0]).collect());
    let after = sorted(graph.edges.iter().filter(|e| e.0 == node).map(|e| hashes[e.1]).collect());
    let content = [hashes[node], before.len() as u64].into_iter().chain(before).chain(after);
    xxh3_64(&content.flat_map(u64::to_le_bytes).collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::open;

    #[test]
    fn counts_are_as_on_paper() {
        let space = open("nas-bench-101").unwrap();
        let archs = ["conv3x3:0/conv3x3:0/output:12", "conv3x3:0/output:1"].map(|text| space.parse(text).unwrap());
        let columns = encode(space.as_ref(), &archs);
        // Both convolutions of the first are between input and output in round 1, as is the one of the second; input and
        // output tell the two apart from round 1 on, the convolutions from round 2 on.
        let (kinds, values): (Vec<String>, Vec<Vec<f64>>) = columns
            .names
            .iter()
            .zip(columns.values.columns())
            .map(|(name, column)| (name.splitn(4, ' ').take(3).collect::<Vec<_>>().join(" "), column.to_vec()))
            .unzip();
        let of = |kind: &str| {
            let mut values: Vec<_> =
                kinds.iter().zip(&values).filter(|(k, _)| *k == kind).map(|(_, v)| v.clone()).collect();
            values.sort_by(|a, b| a[0].total_cmp(&b[0]));
            values
        };
        for kind in ["wl 0 input", "wl 0 output"] {
            assert_eq!(of(kind), [[1.0, 1.0]]);
        }
        assert_eq!([of("wl 0 conv3x3"), of("wl 1 conv3x3")], [[[2.0, 1.0]], [[2.0, 1.0]]]);
        for kind in ["wl 1 input", "wl 1 output", "wl 2 input", "wl 2 output"] {
            assert_eq!(of(kind), [[0.0, 1.0], [1.0, 0.0]]);
        }
        assert_eq!(of("wl 2 conv3x3"), [[0.0, 1.0], [2.0, 0.0]]);
        assert_eq!(columns.names.len(), 14);
    }

    #[test]
    fn direction_counts() {
        let space = open("nats-size").unwrap();
        let row = |text: &str| labels(&space.op_graph(&space.parse(text).unwrap()));
        let (there, back) = (row("8:16:16:16:24"), row("24:16:16:16:8"));
        assert!(there[..7] == back[..7] && there != back);
    }
}
