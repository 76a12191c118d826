//! Networks as graphs in topological order, and the builder that checks every shape.

use super::{Conv2d, Op, Pool, Shape, Target, WeightShape};

/// Position of a node in [`Network::nodes`].
pub type NodeId = usize;

/// One operation with its inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Name of a layer with weights, unique within its network and stable under pruning, such as
    /// `cells.3.edge.0-2.conv`: the random numbers of its weights derive from it. Empty for other operations.
    pub name: String,
    /// What is computed.
    pub op: Op,
    /// Where its inputs come from; always earlier nodes.
    pub inputs: Vec<NodeId>,
    /// Shape of the output for one sample.
    pub shape: Shape,
}

/// A network: nodes in topological order, the first of which is the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    pub(super) nodes: Vec<Node>,
    pub(super) output: NodeId,
    pub(super) blocks: Vec<NodeId>,
}

/// Why a network cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are what the messages name")]
pub enum NetworkError {
    /// The inputs of an operation do not fit it.
    #[error("{op}{} does not fit: {reason}", if name.is_empty() { String::new() } else { format!(" `{name}`") })]
    Shape { op: Op, name: String, reason: String },
    /// What describes the network says something that cannot be.
    #[error("{0}")]
    Refused(String),
}

impl Network {
    /// All nodes in topological order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node whose value is the logits.
    pub fn output(&self) -> NodeId {
        self.output
    }

    /// The nodes whose values are the outputs of the blocks (stem and cells) that the network is a chain of, in order. A
    /// block that passes its input on unchanged repeats the node before it.
    pub fn blocks(&self) -> &[NodeId] {
        &self.blocks
    }

    /// Shape of one input sample.
    pub fn input_shape(&self) -> Shape {
        self.nodes[0].shape
    }

    /// What the network predicts.
    pub fn target(&self) -> Target {
        Target::Classes(self.nodes[self.output].shape.len())
    }

    /// Number of logits.
    pub fn classes(&self) -> usize {
        self.target().outputs()
    }

    /// Shape of the first input of a node; the node's own shape for the network input.
    pub fn operand_shape(&self, id: NodeId) -> Shape {
        self.nodes[id].inputs.first().map_or(self.nodes[id].shape, |&i| self.nodes[i].shape)
    }

    /// Pixels of the smallest map that is normalised; None if nothing is.
    pub fn smallest_normalised(&self) -> Option<usize> {
        let normalised = self.nodes.iter().filter(|n| n.op == Op::BatchNorm);
        normalised.map(|n| n.shape.height * n.shape.width).min()
    }

    /// The convolution and linear layers: node and weight tensor, in topological order.
    pub fn layers(&self) -> impl Iterator<Item = (NodeId, WeightShape)> + '_ {
        (0..self.nodes.len()).filter_map(|id| Some((id, self.nodes[id].op.weight(self.operand_shape(id))?)))
    }

    /// Number of trainable parameters of all nodes, dead ones included.
    pub fn params(&self) -> u64 {
        (0..self.nodes.len()).map(|id| self.nodes[id].op.params(self.operand_shape(id))).sum()
    }

    /// Bytes of the float32 parameters of all nodes and of the running means and variances of normalisations.
    pub fn state_bytes(&self) -> u64 {
        let norms = self.nodes.iter().filter(|n| n.op == Op::BatchNorm);
        4 * (self.params() + norms.map(|n| 2 * n.shape.channels as u64).sum::<u64>())
    }

    /// Multiply-accumulates of all convolution and linear layers for one sample, dead ones included.
    pub fn macs(&self) -> u64 {
        (0..self.nodes.len()).map(|id| self.nodes[id].op.macs(self.operand_shape(id), self.nodes[id].shape)).sum()
    }
}

/// Builds a [`Network`] node by node; every call returns the node's id or says which shape does not fit.
pub struct NetworkBuilder {
    nodes: Vec<Node>,
    blocks: Vec<NodeId>,
}

impl NetworkBuilder {
    /// Starts with the input; its node id is 0.
    pub fn new(input: Shape) -> Self {
        let node = Node { name: String::new(), op: Op::Input, inputs: Vec::new(), shape: input };
        NetworkBuilder { nodes: vec![node], blocks: Vec::new() }
    }

    /// Shape of a node that was added before.
    pub fn shape(&self, id: NodeId) -> Shape {
        self.nodes[id].shape
    }

    /// A node that was added before.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    /// Any operation; `name` is that of a layer or empty.
    pub fn push(&mut self, name: String, op: Op, inputs: Vec<NodeId>) -> Result<NodeId, NetworkError> {
        let shapes: Vec<Shape> = inputs.iter().map(|&i| self.nodes[i].shape).collect();
        let shape = match op.output_shape(&shapes) {
            Ok(shape) => shape,
            Err(reason) => return Err(NetworkError::Shape { op, name, reason }),
        };
        self.nodes.push(Node { name, op, inputs, shape });
        Ok(self.nodes.len() - 1)
    }

    /// A convolution layer.
    pub fn conv(&mut self, name: impl Into<String>, x: NodeId, conv: Conv2d) -> Result<NodeId, NetworkError> {
        self.push(name.into(), Op::Conv2d(conv), vec![x])
    }

    /// A fully connected layer with a bias.
    pub fn linear(&mut self, name: impl Into<String>, x: NodeId, out_features: usize) -> Result<NodeId, NetworkError> {
        self.push(name.into(), Op::Linear { out_features, bias: true }, vec![x])
    }

    /// An operation of one input without weights.
    pub fn apply(&mut self, op: Op, x: NodeId) -> Result<NodeId, NetworkError> {
        self.push(String::new(), op, vec![x])
    }

    /// Batch normalisation.
    pub fn batch_norm(&mut self, x: NodeId) -> Result<NodeId, NetworkError> {
        self.apply(Op::BatchNorm, x)
    }

    /// max(x, 0).
    pub fn relu(&mut self, x: NodeId) -> Result<NodeId, NetworkError> {
        self.apply(Op::Relu, x)
    }

    /// Average pooling without counting padded pixels.
    pub fn avg_pool(
        &mut self,
        x: NodeId,
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> Result<NodeId, NetworkError> {
        self.apply(Op::AvgPool(Pool::new(kernel, stride, padding)), x)
    }

    /// Product of one or more maps; see [`Op::Mul`].
    pub fn mul(&mut self, inputs: &[NodeId]) -> Result<NodeId, NetworkError> {
        if let [only] = inputs {
            return Ok(*only);
        }
        self.push(String::new(), Op::Mul, inputs.to_vec())
    }

    /// Sum of one or more maps of the same shape.
    pub fn add(&mut self, inputs: &[NodeId]) -> Result<NodeId, NetworkError> {
        if let [only] = inputs {
            return Ok(*only);
        }
        self.push(String::new(), Op::Add, inputs.to_vec())
    }

    /// The maps one after another along the channels.
    pub fn concat(&mut self, inputs: &[NodeId]) -> Result<NodeId, NetworkError> {
        if let [only] = inputs {
            return Ok(*only);
        }
        self.push(String::new(), Op::Concat, inputs.to_vec())
    }

    /// The first `channels` channels; nothing to do where there are no more.
    pub fn narrow(&mut self, x: NodeId, channels: usize) -> Result<NodeId, NetworkError> {
        if self.shape(x).channels == channels { Ok(x) } else { self.apply(Op::Narrow { channels }, x) }
    }

    /// Notes that `output` is what the next block (cell) of the chain returns; see [`Network::blocks`].
    pub fn end_block(&mut self, output: NodeId) {
        self.blocks.push(output);
    }

    /// The network whose logits are the value of `output`.
    pub fn finish(self, output: NodeId) -> Network {
        Network { nodes: self.nodes, output, blocks: self.blocks }
    }
}
