//! The searched part of an architecture as a graph of operations: what encodings and graph kernels read.

use crate::network::Liveness;

/// The operations that the nodes of an [`OpGraph`] can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpSet {
    /// Name of each operation, all different.
    pub names: Vec<String>,
    /// The operation that passes on its input unchanged, if the space has one.
    pub identity: Option<u16>,
    /// The most operations on a path from the input to the output, over all architectures of the space.
    pub longest_path: usize,
}

/// A directed acyclic graph whose nodes are the input, the live operations, and the output, in that order. An operation is
/// live if it is on a path from the input to the output.
///
/// An operation reads what its predecessors pass on. How several inputs are joined (a sum, a concatenation) is the
/// space's affair and the same everywhere in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpGraph {
    /// The operation of nodes 1, 2, …, as a position in [`OpSet::names`]. Node 0 is the input, node `ops.len() + 1` the
    /// output.
    pub ops: Vec<u16>,
    /// Edges (from, to), each from a lower to a higher node, ordered by `to`, then by `from`. None if the input does not
    /// reach the output.
    pub edges: Vec<(usize, usize)>,
}

impl OpGraph {
    /// The operations one after the other.
    pub fn chain(ops: Vec<u16>) -> Self {
        let edges = (0..=ops.len()).map(|v| (v, v + 1)).collect();
        OpGraph { ops, edges }
    }

    /// The live part of a graph given as in [`OpGraph`], dead operations included.
    pub fn live(ops: &[u16], edges: &[(usize, usize)]) -> Self {
        let output = ops.len() + 1;
        let liveness = Liveness::new(output + 1, output, edges.to_vec());
        if !liveness.fed[output] {
            return OpGraph::default();
        }
        let mut number = vec![None; output + 1];
        let live = (0..=output).filter(|&v| liveness.is_live(v));
        live.enumerate().for_each(|(new, old)| number[old] = Some(new));
        OpGraph {
            ops: (1..output).filter(|&v| number[v].is_some()).map(|v| ops[v - 1]).collect(),
            edges: edges.iter().filter_map(|&(from, to)| Some((number[from]?, number[to]?))).collect(),
        }
    }

    /// The node that is the output.
    pub fn output(&self) -> usize {
        self.ops.len() + 1
    }

    /// The operation of a node; None for the input and the output.
    pub fn op(&self, node: usize) -> Option<u16> {
        self.ops.get(node.checked_sub(1)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Stream;
    use crate::space::{SPACES, open};

    #[test]
    fn dead_operations_are_left_out() {
        // 1 is fed by nothing, 3 feeds nothing.
        let edges = [(0, 2), (1, 2), (2, 3), (0, 4), (2, 4), (1, 5), (4, 5)];
        let live = OpGraph::live(&[7, 8, 9, 5], &edges);
        assert_eq!(live, OpGraph { ops: vec![8, 5], edges: vec![(0, 1), (0, 2), (1, 2), (2, 3)] });
        assert_eq!((live.output(), live.op(0), live.op(2), live.op(3)), (3, None, Some(5), None));
        assert_eq!(OpGraph::live(&[1, 1], &[(0, 1), (2, 3)]), OpGraph::default());
        assert_eq!(OpGraph::chain(vec![4, 2]), OpGraph { ops: vec![4, 2], edges: vec![(0, 1), (1, 2), (2, 3)] });
    }

    #[test]
    fn spaces_draw_their_architectures() {
        let graph = |space: &str, text: &str| {
            let space = open(space).unwrap();
            let graph = space.op_graph(&space.parse(text).unwrap());
            let names = space.op_set().names;
            let ops: Vec<&str> = graph.ops.iter().map(|&op| names[usize::from(op)].as_str()).collect();
            format!("{} {:?}", ops.join(","), graph.edges)
        };
        // Edge 1>2 hangs on an edge that is none, 0>2 and 2>3 are one path, 0>3 the other.
        let cell = "|none~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|skip_connect~0|none~1|avg_pool_3x3~2|";
        let line = "nor_conv_3x3,skip_connect,avg_pool_3x3 [(0, 1), (0, 2), (1, 3), (2, 4), (3, 4)]";
        assert_eq!(graph("nas-bench-201", cell), line);
        let none = "|none~0|+|none~0|nor_conv_1x1~1|+|none~0|none~1|avg_pool_3x3~2|";
        assert_eq!(graph("nas-bench-201", none), " []");
        // Vertex 2 feeds nothing.
        let module = "conv1x1:0/conv3x3:0/maxpool3x3:1/output:013";
        assert_eq!(graph("nas-bench-101", module), "conv1x1,maxpool3x3 [(0, 1), (1, 2), (0, 3), (1, 3), (2, 3)]");
        assert_eq!(graph("nats-size", "8:16:8:64:32"), "8,16,8,64,32 [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6)]");
        let blocks = graph("fbnet", open("fbnet").unwrap().entry().example);
        assert!(blocks.starts_with("k3_e3,k3_e3,k3_e1,skip,skip,k5_e6,"), "{blocks}");
    }

    #[test]
    fn graphs_keep_their_promises() {
        for space in SPACES.iter().map(|e| open(e.name).unwrap()) {
            let (set, rng) = (space.op_set(), &mut Stream::new(5));
            assert!(set.names.iter().enumerate().all(|(i, name)| !set.names[..i].contains(name)));
            assert!(set.identity.is_none_or(|op| usize::from(op) < set.names.len()));
            let mut most = 0;
            for _ in 0..400 {
                let graph = space.op_graph(&space.sample(rng));
                assert!(graph.ops.iter().all(|&op| usize::from(op) < set.names.len()));
                assert!(graph.edges.iter().all(|&(from, to)| from < to && to <= graph.output()));
                assert!(graph.edges.windows(2).all(|e| (e[0].1, e[0].0) < (e[1].1, e[1].0)));
                assert_eq!(OpGraph::live(&graph.ops, &graph.edges), graph);
                let mut length = vec![0usize; graph.output() + 1];
                graph.edges.iter().for_each(|&(from, to)| length[to] = length[to].max(length[from] + 1));
                most = most.max(length[graph.output()].saturating_sub(1));
            }
            assert_eq!(most, set.longest_path, "{}", space.entry().name);
        }
    }
}
