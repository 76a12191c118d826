//! The network as a typed graph: shapes, parameters and multiply-accumulates are known before anything runs.
//!
//! Nothing here depends on libtorch: costs, pruning and canonical forms work on the graph alone.
//!
//! ```
//! use naslens::network::{Conv2d, NetworkBuilder, Op, Shape};
//!
//! let mut b = NetworkBuilder::new(Shape::new(3, 8, 8));
//! let x = b.conv("stem", 0, Conv2d::same(3, 4, 3, 1))?;
//! let x = b.apply(Op::GlobalAvgPool, x)?;
//! let logits = b.linear("classifier", x, 10)?;
//! let network = b.finish(logits);
//! assert_eq!((network.params(), network.macs()), (108 + 50, 108 * 64 + 40));
//! # Ok::<(), naslens::network::NetworkError>(())
//! ```

mod activation;
mod canonical;
mod cost;
mod folded;
mod graph;
mod identity;
mod init;
mod liveness;
mod op;
mod prune;
mod real;
mod shape;
mod task;
mod thin;
mod window;

pub use activation::Activation;
pub use canonical::{Canonical, LabelledDag};
pub use cost::{Vectors, WeightShape};
pub use folded::Folded;
pub use graph::{Network, NetworkBuilder, NetworkError, Node, NodeId};
pub use init::{layer_bias, layer_weight};
pub use liveness::Liveness;
pub use op::{Affine, Axis, Interpolation, LocalResponseNorm, Normalise, Op, Resize, Slice};
pub use real::Real;
pub use shape::{Shape, ShapeError};
pub use task::{Target, Task};
pub(crate) use thin::gcd;
pub use window::{Conv2d, ConvTranspose2d, Pool, Square};
