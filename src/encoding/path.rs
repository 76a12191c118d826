//! Which sequences of operations an architecture has on its paths.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::vocabulary::{MOST, histogram};
use super::{Columns, EncodingEntry};
use crate::space::{Architecture, OpGraph, SearchSpace};

pub(super) static ENTRY: EncodingEntry = EncodingEntry {
    name: "path",
    title: "Path encoding",
    what: "one indicator per sequence of operations on a path from input to output, the identity left out; the 1,024 that \
           most of the given architectures have",
    paper: "White et al., BANANAS, AAAI 2021, arXiv:1910.11858",
    encode: &encode,
};

/// One column per distinct path over the given architectures, one where the architecture has it. Shorter paths come first,
/// then by the numbers of their operations; beyond 1,024 the rarest are dropped.
///
/// The identity ([`crate::space::OpSet::identity`]) is contracted: a path with a skip computes the same as the path without.
/// (On NAS-Bench-201 that leaves 40 of 84 columns, and
/// with 100 labels ridge regression and random forests rank better for it.) A chain has a
/// single path, so in spaces of chains this encoding says nothing but which architectures are equal.
fn encode(space: &dyn SearchSpace, archs: &[Architecture]) -> Columns {
    let set = space.op_set();
    let rows: Vec<Vec<Path>> = archs.par_iter().map(|arch| paths(&space.op_graph(arch), set.identity)).collect();
    histogram(&rows, MOST, |path| {
        let steps = path.1.iter().map(|&op| format!("{} > ", set.names[usize::from(op)]));
        format!("path input > {}output", steps.collect::<String>())
    })
}

/// The number of operations and the operations of a path.
type Path = (usize, Vec<u16>);

/// The distinct paths from the input to the output, sorted.
fn paths(graph: &OpGraph, identity: Option<u16>) -> Vec<Path> {
    let mut reaching = vec![BTreeSet::new(); graph.output() + 1];
    reaching[0].insert((0, Vec::new()));
    // Edges are ordered by their ends, so all paths to `from` are known when an edge from it comes.
    for &(from, to) in &graph.edges {
        let step = graph.op(to).filter(|&op| Some(op) != identity);
        let (before, after) = reaching.split_at_mut(to);
        after[0].extend(before[from].iter().map(|(length, ops): &Path| {
            let ops: Vec<u16> = ops.iter().copied().chain(step).collect();
            (length + usize::from(step.is_some()), ops)
        }));
    }
    reaching.pop().into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::open;

    #[test]
    fn paths_are_as_on_paper() {
        let space = open("nas-bench-201").unwrap();
        let archs = [
            "|nor_conv_3x3~0|+|skip_connect~0|skip_connect~1|+|none~0|nor_conv_1x1~1|nor_conv_1x1~2|",
            "|none~0|+|skip_connect~0|none~1|+|nor_conv_3x3~0|none~1|skip_connect~2|",
            "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
        ];
        let columns = encode(space.as_ref(), &archs.map(|text| space.parse(text).unwrap()));
        let expected = [
            ("path input > output", [0.0, 1.0, 0.0]),
            ("path input > nor_conv_1x1 > output", [1.0, 0.0, 0.0]),
            ("path input > nor_conv_3x3 > output", [0.0, 1.0, 0.0]),
            ("path input > nor_conv_3x3 > nor_conv_1x1 > output", [1.0, 0.0, 0.0]),
        ];
        assert_eq!(columns.names, expected.map(|(name, _)| name));
        for (column, (name, values)) in columns.values.columns().into_iter().zip(expected) {
            assert_eq!(column.to_vec(), values, "{name}");
        }
    }

    #[test]
    fn the_whole_of_nas_bench_201_has_forty_paths() {
        // 1 + 3 + 9 + 27 sequences of up to three of three operations.
        let space = open("nas-bench-201").unwrap();
        let archs: Vec<_> = (0..15_625).map(|i| space.at(i).unwrap()).collect();
        assert_eq!(encode(space.as_ref(), &archs).names.len(), 40);
    }
}
