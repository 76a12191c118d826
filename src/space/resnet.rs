//! A residual network of no space: what many would take without a search.

use super::Task;
use super::blocks;
use crate::network::{Network, NetworkBuilder, NetworkError};

/// Channels of the first stage that are tried.
const WIDTHS: [usize; 14] = [4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128];

/// ResNet-8: a 3x3 convolution, three residual blocks of two 3x3 convolutions with `width`, `2 width` and `4 width` channels, the
/// latter two at half the resolution each, global average pooling and a linear layer; normalisation and ReLU stand before
/// each convolution.
///
/// He et al., Deep residual learning for image recognition, CVPR 2016, and Identity mappings in deep residual networks, ECCV 2016.
pub fn resnet8(task: &Task, width: usize) -> Result<Network, NetworkError> {
    build(task, width)
}

/// The ResNet-8 whose multiply-accumulates are nearest to `macs` by their ratio, and its width.
pub fn resnet8_near(task: &Task, macs: u64) -> Result<(Network, usize), NetworkError> {
    let ratio = |network: &Network| (network.macs().max(1) as f64 / macs.max(1) as f64).ln().abs();
    let mut nearest = (build(task, WIDTHS[0])?, WIDTHS[0]);
    for width in &WIDTHS[1..] {
        let network = build(task, *width)?;
        if ratio(&network) < ratio(&nearest.0) {
            nearest = (network, *width);
        }
    }
    Ok(nearest)
}

fn build(task: &Task, width: usize) -> Result<Network, NetworkError> {
    let mut b = NetworkBuilder::new(task.input);
    let x = blocks::stem(&mut b, width)?;
    let main = blocks::relu_conv_bn(&mut b, "cells.0.conv_a".into(), x, width, 3, 1)?;
    let main = blocks::relu_conv_bn(&mut b, "cells.0.conv_b".into(), main, width, 3, 1)?;
    let x = b.add(&[x, main])?;
    b.end_block(x);
    let x = blocks::reduction(&mut b, 1, x, 2 * width)?;
    let x = blocks::reduction(&mut b, 2, x, 4 * width)?;
    let logits = blocks::head(&mut b, x, task.target.outputs())?;
    Ok(b.finish(logits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Shape;

    #[test]
    fn it_has_the_size_that_pytorch_counts() {
        // sum(p.numel() for p in model.parameters()) of the same layers in torch.nn, 3 channels, 10 classes, width 16:
        // convolutions 432 + 2 x 2304 + 4608 + 9216 + 512 + 18432 + 36864 + 2048, norms 2 x (3 x 16 + 2 x 32 + 2 x 64 + 64),
        // linear 650
        let task = Task::classify(Shape::new(3, 32, 32), 10);
        assert_eq!(resnet8(&task, 16).unwrap().params(), 76_720 + 608 + 650);
        let (network, width) = resnet8_near(&task, resnet8(&task, 24).unwrap().macs() + 1000).unwrap();
        assert_eq!((width, network.macs()), (24, resnet8(&task, 24).unwrap().macs()));
        assert_eq!(resnet8_near(&task, 0).unwrap().1, WIDTHS[0]);
    }
}
