//! What the names of a graph stand for while it is read.

use super::Reason;
use super::constant::{BATCH, Constant};
use super::elementwise::Function;
use super::view::View;
use crate::network::NodeId;

/// A value of the graph.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Known already.
    Constant(Constant),
    /// Computed from the image.
    Map(Map),
}

/// A function of every value of a node, seen as a tensor whose first axis is the images.
#[derive(Clone, Debug)]
pub(super) struct Map {
    pub node: NodeId,
    pub view: View,
    /// What is still to be done to every value.
    pub function: Function,
}

impl Map {
    /// The values of a node.
    pub fn of(node: NodeId, view: View) -> Self {
        Map { node, view, function: Function::Argument }
    }

    /// Number of axes, the images included.
    pub fn rank(&self) -> usize {
        self.view.axes.len() + 1
    }

    /// Sizes of all axes.
    pub fn dims(&self) -> Vec<i64> {
        std::iter::once(BATCH).chain(self.view.sizes().iter().map(|&n| n as i64)).collect()
    }

    /// Position in the view of an axis that may be counted from the end; never the images.
    pub fn axis(&self, axis: i64) -> Result<usize, Reason> {
        let rank = self.rank() as i64;
        let position = if axis < 0 { axis + rank } else { axis };
        match position {
            0 => Err("it works across images".into()),
            p if (1..rank).contains(&p) => Ok(p as usize - 1),
            _ => Err(format!("axis {axis} of a tensor of {rank} axes")),
        }
    }
}
