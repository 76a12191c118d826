//! Architectures as the field draws them: cells as graphs, chains as bars.

use serde::{Deserialize, Serialize};

use super::OpGraph;
use crate::network::Liveness;

/// What is drawn of an architecture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Picture {
    /// Cells, with the operations on the nodes or on the edges.
    Cells(Vec<CellGraph>),
    /// Layers one after the other, as bars.
    Chain(Chain),
}

impl Default for Picture {
    fn default() -> Self {
        Picture::Cells(Vec::new())
    }
}

/// A directed acyclic graph. Nodes are in topological order: every edge leads to a later one. The first is the input, the
/// last the output.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CellGraph {
    /// Name of the cell, if the network has several kinds.
    pub name: String,
    /// Texts of the nodes: an operation where they sit on nodes, otherwise a name or nothing.
    pub nodes: Vec<String>,
    /// The edges.
    pub edges: Vec<GraphEdge>,
}

/// An edge of a [`CellGraph`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GraphEdge {
    /// Position of the node it starts at.
    pub from: usize,
    /// Position of the node it leads to.
    pub to: usize,
    /// The operation, where they sit on edges; otherwise empty.
    pub label: String,
    /// Whether it passes anything on: false for an edge that is none.
    pub open: bool,
}

impl CellGraph {
    /// For each edge, whether it is on a path of open edges from the input to the output.
    pub fn live(&self) -> Vec<bool> {
        let n = self.nodes.len();
        let passes = |e: &&GraphEdge| e.open && e.from < e.to && e.to < n;
        let open = self.edges.iter().filter(passes).map(|e| (e.from, e.to)).collect();
        let Liveness { fed, wanted } = Liveness::new(n, n.saturating_sub(1), open);
        let live = |e: &GraphEdge| passes(&e) && fed[e.from] && wanted[e.to];
        self.edges.iter().map(live).collect()
    }

    /// The graph of operations with these names, operations on its nodes.
    pub(super) fn of(graph: &OpGraph, names: &[String]) -> Self {
        let op = |&op: &u16| names.get(usize::from(op)).cloned().unwrap_or_default();
        let inner = graph.ops.iter().map(op);
        let edge = |&(from, to): &(usize, usize)| GraphEdge { from, to, label: String::new(), open: true };
        CellGraph {
            name: String::new(),
            nodes: ["input".to_string()].into_iter().chain(inner).chain(["output".to_string()]).collect(),
            edges: graph.edges.iter().map(edge).collect(),
        }
    }
}

/// The layers of a [`Picture::Chain`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Chain {
    /// The layers, first to last.
    pub layers: Vec<Layer>,
    /// What the height of a bar says ("channels").
    pub height: String,
}

/// One layer of a [`Chain`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Layer {
    /// What it is in full, for the tooltip.
    pub label: String,
    /// What gives the bar its colour; layers of one kind have one colour ("3×3").
    pub kind: String,
    /// Height of the bar, from 0.
    pub height: f64,
    /// Output channels.
    pub channels: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Stream;
    use crate::space::{SPACES, open};

    #[test]
    fn edges_off_the_way_are_dead() {
        let space = open("nas-bench-201").unwrap();
        let cell = "|none~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|skip_connect~0|none~1|avg_pool_3x3~2|";
        let Picture::Cells(cells) = space.picture(&space.parse(cell).unwrap()) else { panic!("no cells") };
        let labels: Vec<_> = cells[0].edges.iter().map(|e| e.label.as_str()).collect();
        assert_eq!(labels, ["none", "nor_conv_3x3", "nor_conv_1x1", "skip_connect", "none", "avg_pool_3x3"]);
        assert_eq!(cells[0].live(), [false, true, false, true, false, true]);
        assert!(CellGraph::default().live().is_empty());
    }

    #[test]
    fn every_space_has_pictures() {
        for space in SPACES.iter().map(|e| open(e.name).unwrap()) {
            for seed in 0..50 {
                match space.picture(&space.sample(&mut Stream::new(seed))) {
                    Picture::Cells(cells) => {
                        assert!(!cells.is_empty());
                        let within = |c: &CellGraph| c.edges.iter().all(|e| e.from < e.to && e.to < c.nodes.len());
                        assert!(cells.iter().all(within));
                        // Those of space files come from the network; their graph of operations is the list of decisions.
                        if cells.len() == 1 && space.op_set().longest_path < space.choices().len() {
                            let live = space.op_graph(&space.sample(&mut Stream::new(seed))) != OpGraph::default();
                            assert_eq!(cells[0].live().iter().any(|l| *l), live);
                        }
                    }
                    Picture::Chain(chain) => {
                        assert_eq!(chain.layers.len(), space.choices().len());
                        assert!(chain.layers.iter().all(|l| l.height >= 0.0 && l.channels > 0));
                    }
                }
            }
        }
    }
}
