//! What a space file says of blocks, graphs and layers, as it is written there.

use std::ops::Range;

use super::decisions::Template;
use super::expr::{Expr, Fault};
use crate::network::NetworkError;

/// A named part that layers call like an operation.
pub(super) struct Block {
    pub(super) name: String,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Body,
}

/// A parameter of a block. One without a default has the value of the caller's variable of that name if the call sets none.
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) default: Option<Expr>,
}

pub(super) enum Body {
    /// One layer after another.
    Layers { inputs: Vec<String>, steps: Vec<Step> },
    /// A cell: numbered nodes, each the sum or concatenation of what its edges bring.
    Graph { inputs: usize, nodes: Vec<GraphNode>, output: Vec<usize>, join: Join, output_join: Join },
}

#[derive(Clone, Copy)]
pub(super) enum Join {
    Add,
    Concat,
}

pub(super) struct GraphNode {
    pub(super) edges: Vec<Edge>,
    /// What is done with what the edges bring.
    pub(super) then: Option<Call>,
}

/// What a node reads. Without a call it is the value itself.
pub(super) struct Edge {
    pub(super) from: Expr,
    pub(super) call: Option<Call>,
    pub(super) when: Option<Expr>,
}

pub(super) enum Step {
    Call { call: Call, from: Vec<(String, Range<usize>)>, kept: Option<String> },
    Repeat { count: Expr, index: Option<String>, name: Option<Template>, when: Option<Expr>, steps: Vec<Step> },
    Let(Vec<(String, Expr)>),
}

/// An operation or a block with its parameters.
pub(super) struct Call {
    pub(super) target: Target,
    pub(super) at: Range<usize>,
    pub(super) name: Option<Template>,
    pub(super) when: Option<Expr>,
    pub(super) parameters: Vec<(String, Expr)>,
}

pub(super) enum Target {
    /// An operation, a block, or what names one of these, such as a decision.
    Named(String),
    /// An expression whose text names an operation or a block.
    Chosen(Expr),
}

/// Why a network cannot be built.
pub(super) enum Failure {
    /// The file says something that cannot be.
    Fault(Fault),
    /// Shapes do not fit.
    Shape { at: Range<usize>, error: NetworkError },
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Failure::Fault(fault)
    }
}
