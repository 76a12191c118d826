//! Architectures as pictures.

use serde::{Deserialize, Serialize};

/// One network to draw.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Drawing {
    /// Its rank, from 1.
    pub rank: u64,
    /// The architecture.
    pub arch: String,
    /// What is said under it ("91.2% predicted, 90.8% trained").
    pub caption: String,
    /// What is drawn.
    pub picture: Picture,
}

/// How the field draws networks of a space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Picture {
    /// Cells as graphs, with the operations on the nodes or the edges.
    Cells(Vec<CellGraph>),
    /// Layers one after the other, each as a bar as tall as it has channels.
    Chain(Vec<Layer>),
}

impl Default for Picture {
    fn default() -> Self {
        Picture::Cells(Vec::new())
    }
}

/// A directed acyclic graph. Nodes are in topological order: every edge leads to a later one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CellGraph {
    /// Name of the cell, if the network has several kinds.
    pub name: String,
    /// Texts of the nodes.
    pub nodes: Vec<CellNode>,
    /// The edges.
    pub edges: Vec<CellEdge>,
}

/// A node of a [`CellGraph`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CellNode {
    /// Its text: an operation where they sit on nodes, otherwise a name or nothing.
    pub label: String,
    /// Whether anything of the input reaches it and it reaches the output.
    pub live: bool,
}

/// An edge of a [`CellGraph`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CellEdge {
    /// Position of the node it starts at.
    pub from: usize,
    /// Position of the node it leads to.
    pub to: usize,
    /// The operation, where they sit on edges; otherwise empty.
    pub label: String,
    /// Whether it carries anything from the input to the output.
    pub live: bool,
}

/// One layer of a [`Picture::Chain`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Layer {
    /// The operation; layers of one operation have one colour.
    pub label: String,
    /// Output channels.
    pub channels: u64,
    /// Whether it halves the resolution.
    pub halves: bool,
}
