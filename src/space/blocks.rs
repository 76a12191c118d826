//! Building blocks that spaces share. Those of NAS-Bench-201 and the NATS-Bench size space (Dong & Yang, ICLR 2020; Dong et
//! al., TPAMI 2021): stem, ReLU-convolution-BN, the residual reduction block, and the head.

use crate::network::{Conv2d, NetworkBuilder, NetworkError, NodeId, Op};

/// 3x3 convolution and batch normalisation on the image.
pub(super) fn stem(b: &mut NetworkBuilder, channels: usize) -> Result<NodeId, NetworkError> {
    let image = b.shape(0).channels;
    let x = b.conv("stem.conv", 0, Conv2d::same(image, channels, 3, 1))?;
    let x = b.batch_norm(x)?;
    b.end_block(x);
    Ok(x)
}

/// ReLU, convolution that keeps the size at stride 1, batch normalisation.
pub(super) fn relu_conv_bn(
    b: &mut NetworkBuilder,
    name: String,
    x: NodeId,
    channels: usize,
    kernel: usize,
    stride: usize,
) -> Result<NodeId, NetworkError> {
    let conv = Conv2d::same(b.shape(x).channels, channels, kernel, stride);
    let x = b.relu(x)?;
    let x = b.conv(name, x, conv)?;
    b.batch_norm(x)
}

/// Convolution, batch normalisation, ReLU, as in NAS-Bench-101 and FBNet.
pub(super) fn conv_bn_relu(
    b: &mut NetworkBuilder,
    name: String,
    x: NodeId,
    conv: Conv2d,
) -> Result<NodeId, NetworkError> {
    let x = b.conv(name, x, conv)?;
    let x = b.batch_norm(x)?;
    b.relu(x)
}

/// Residual block of two 3x3 convolutions, the first of stride 2; the shortcut is a 2x2 average pooling and a 1x1
/// convolution.
pub(super) fn reduction(
    b: &mut NetworkBuilder,
    cell: usize,
    x: NodeId,
    channels: usize,
) -> Result<NodeId, NetworkError> {
    let in_channels = b.shape(x).channels;
    let main = relu_conv_bn(b, format!("cells.{cell}.conv_a"), x, channels, 3, 2)?;
    let main = relu_conv_bn(b, format!("cells.{cell}.conv_b"), main, channels, 3, 1)?;
    let shortcut = b.avg_pool(x, 2, 2, 0)?;
    let shortcut = b.conv(format!("cells.{cell}.downsample"), shortcut, Conv2d::same(in_channels, channels, 1, 1))?;
    let sum = b.add(&[shortcut, main])?;
    b.end_block(sum);
    Ok(sum)
}

/// Batch normalisation, ReLU, global average pooling, linear classifier.
pub(super) fn head(b: &mut NetworkBuilder, x: NodeId, classes: usize) -> Result<NodeId, NetworkError> {
    let x = b.batch_norm(x)?;
    let x = b.relu(x)?;
    let x = b.apply(Op::GlobalAvgPool, x)?;
    b.linear("classifier", x, classes)
}

/// The cell operations of NAS-Bench-201, in the order of its op codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CellOp {
    None,
    SkipConnect,
    NorConv1x1,
    NorConv3x3,
    AvgPool3x3,
}

/// Where one operation of a cell stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct CellEdge {
    pub cell: usize,
    pub from: usize,
    pub to: usize,
}

impl CellOp {
    pub(super) const ALL: [CellOp; 5] =
        [CellOp::None, CellOp::SkipConnect, CellOp::NorConv1x1, CellOp::NorConv3x3, CellOp::AvgPool3x3];

    pub(super) fn name(self) -> &'static str {
        match self {
            CellOp::None => "none",
            CellOp::SkipConnect => "skip_connect",
            CellOp::NorConv1x1 => "nor_conv_1x1",
            CellOp::NorConv3x3 => "nor_conv_3x3",
            CellOp::AvgPool3x3 => "avg_pool_3x3",
        }
    }

    /// Applies the operation to `x` with `channels` outputs. A skip that changes the number of channels is a 1x1
    /// convolution and batch normalisation without ReLU, as in the published code.
    pub(super) fn apply(
        self,
        b: &mut NetworkBuilder,
        x: NodeId,
        channels: usize,
        edge: CellEdge,
    ) -> Result<NodeId, NetworkError> {
        let name = format!("cells.{}.edge.{}-{}.conv", edge.cell, edge.from, edge.to);
        let in_channels = b.shape(x).channels;
        match self {
            CellOp::None => b.apply(Op::Zero { channels }, x),
            CellOp::SkipConnect if in_channels == channels => Ok(x),
            CellOp::SkipConnect => {
                let x = b.conv(name, x, Conv2d::same(in_channels, channels, 1, 1))?;
                b.batch_norm(x)
            }
            CellOp::NorConv1x1 => relu_conv_bn(b, name, x, channels, 1, 1),
            CellOp::NorConv3x3 => relu_conv_bn(b, name, x, channels, 3, 1),
            CellOp::AvgPool3x3 => b.avg_pool(x, 3, 1, 1),
        }
    }
}

/// A cell of four nodes: node 0 is the input, node `j` the sum over `i < j` of the operation on edge `i -> j` applied to
/// node `i`, node 3 the output. `ops` lists the edges 0>1, 0>2, 1>2, 0>3, 1>3, 2>3.
pub(super) fn cell(
    b: &mut NetworkBuilder,
    cell: usize,
    x: NodeId,
    channels: usize,
    ops: &[CellOp; 6],
) -> Result<NodeId, NetworkError> {
    let mut nodes = vec![x];
    let mut edge_ops = ops.iter();
    for to in 1..4 {
        let mut terms = Vec::with_capacity(to);
        for (from, op) in (0..to).zip(edge_ops.by_ref()) {
            terms.push(op.apply(b, nodes[from], channels, CellEdge { cell, from, to })?);
        }
        let sum = b.add(&terms)?;
        nodes.push(sum);
    }
    b.end_block(nodes[3]);
    Ok(nodes[3])
}
