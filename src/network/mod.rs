//! The network as a typed graph: shapes, parameters and multiply-accumulates are known before anything runs.
//!
//! Nothing here depends on libtorch: costs, pruning and canonical forms work on the graph alone.

mod canonical;
mod folded;
mod graph;
mod init;
mod liveness;
mod op;
mod prune;
mod task;
mod thin;

pub use canonical::{Canonical, LabelledDag};
pub use folded::Folded;
pub use graph::{Network, NetworkBuilder, NetworkError, Node, NodeId};
pub use init::{layer_bias, layer_weight};
pub use liveness::Liveness;
pub use op::{Conv2d, Op, Pool, Shape, ShapeError, WeightShape};
pub use task::{Target, Task};
