//! What lies on a path from the input to the output.

use super::{Network, Op};

/// Which nodes of a directed acyclic graph the input reaches, and which reach the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Liveness {
    /// Whether the input, node 0, reaches the node.
    pub fed: Vec<bool>,
    /// Whether the node reaches the output.
    pub wanted: Vec<bool>,
}

impl Liveness {
    /// Of a graph of `nodes` nodes whose edges (from, to), in any order, lead from lower to higher nodes.
    pub fn new(nodes: usize, output: usize, mut edges: Vec<(usize, usize)>) -> Self {
        let (mut fed, mut wanted) = (vec![false; nodes], vec![false; nodes]);
        if let (Some(first), Some(last)) = (fed.first_mut(), wanted.get_mut(output)) {
            (*first, *last) = (true, true);
        }
        // By order of their ends, edges reach forward in one sweep and, by order of their starts, backward.
        edges.sort_unstable_by_key(|&(_, to)| to);
        edges.iter().for_each(|&(from, to)| fed[to] |= fed[from]);
        edges.sort_unstable_by_key(|&(from, _)| std::cmp::Reverse(from));
        edges.iter().for_each(|&(from, to)| wanted[from] |= wanted[to]);
        Liveness { fed, wanted }
    }

    /// Of a network. A map of zeros depends on nothing, not on the map that it takes its size from; a product with a factor that
    /// the input does not reach is taken for one with zeros, as it is where gates are made from the map that they multiply.
    pub fn of(network: &Network) -> Self {
        let nodes = network.nodes();
        let depends = nodes.iter().enumerate().filter(|(_, node)| !matches!(node.op, Op::Zero { .. }));
        let edges: Vec<(usize, usize)> =
            depends.flat_map(|(to, node)| node.inputs.iter().map(move |&from| (from, to))).collect();
        if !nodes.iter().any(|node| node.op == Op::Mul) {
            return Liveness::new(nodes.len(), network.output(), edges);
        }
        let mut fed = vec![false; nodes.len()];
        for (id, node) in nodes.iter().enumerate() {
            fed[id] = match node.op {
                Op::Input => true,
                Op::Zero { .. } => false,
                Op::Mul => node.inputs.iter().all(|&i| fed[i]),
                _ => node.inputs.iter().any(|&i| fed[i]),
            };
        }
        Liveness { fed, ..Liveness::new(nodes.len(), network.output(), edges) }
    }

    /// Whether the node is on a path from the input to the output.
    pub fn is_live(&self, node: usize) -> bool {
        self.fed[node] && self.wanted[node]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_from_the_input_to_the_output_is_live() {
        // 1 is fed by nothing, 3 feeds nothing; the order of edges does not matter.
        let mut edges = vec![(4, 5), (0, 2), (1, 2), (2, 3), (0, 4), (2, 4), (1, 5)];
        let found = Liveness::new(6, 5, edges.clone());
        assert_eq!(found.fed, [true, false, true, true, true, true]);
        assert_eq!(found.wanted, [true, true, true, false, true, true]);
        edges.reverse();
        assert_eq!(Liveness::new(6, 5, edges), found);
        assert!(found.is_live(2) && !found.is_live(1) && !found.is_live(3));
        assert!(Liveness::new(0, 0, Vec::new()).fed.is_empty());
    }
}
