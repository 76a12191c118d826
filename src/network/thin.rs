//! Networks at their smallest width, for what is counted by brute force.

use super::graph::{Network, NetworkBuilder};
use super::{Conv2d, ConvTranspose2d, Op, Shape};

/// The smallest side of an image in pixels.
const MIN_SIDE: usize = 3;

impl Network {
    /// The same graph with all channels divided by those of the narrowest convolution, rounded up, on square images of one
    /// channel: the smallest ones, of at least 3x3 pixels, that every operation fits. None if there are none that are not
    /// larger than the images of the network itself, or no convolution. Names of layers are kept.
    pub fn thin(&self) -> Option<Network> {
        let widths = self.nodes().iter().filter_map(|n| match n.op {
            Op::Conv2d(c) => Some(c.out_channels),
            Op::ConvTranspose2d(c) => Some(c.out_channels),
            _ => None,
        });
        let narrowest = widths.min().filter(|&c| c > 0)?;
        let input = self.input_shape();
        (MIN_SIDE..=input.height.max(input.width)).find_map(|side| self.narrowed(narrowest, side))
    }

    fn narrowed(&self, by: usize, side: usize) -> Option<Network> {
        let mut b = NetworkBuilder::new(Shape::new(1, side, side));
        for node in &self.nodes()[1..] {
            let op = match node.op {
                Op::Conv2d(c) => {
                    let in_channels = b.shape(*node.inputs.first()?).channels;
                    let out_channels = c.out_channels.div_ceil(by);
                    let depthwise = c.groups == c.in_channels;
                    let groups = gcd(gcd(if depthwise { in_channels } else { c.groups }, in_channels), out_channels);
                    Op::Conv2d(Conv2d { in_channels, out_channels, groups, ..c })
                }
                Op::ConvTranspose2d(c) => {
                    let in_channels = b.shape(*node.inputs.first()?).channels;
                    let out_channels = c.out_channels.div_ceil(by);
                    let groups = gcd(gcd(c.groups, in_channels), out_channels);
                    Op::ConvTranspose2d(ConvTranspose2d { in_channels, out_channels, groups, ..c })
                }
                Op::Zero { channels } => Op::Zero { channels: channels.div_ceil(by) },
                Op::Narrow { channels } => Op::Narrow { channels: channels.div_ceil(by) },
                Op::GroupNorm { groups, norm } => {
                    Op::GroupNorm { groups: gcd(groups, b.shape(*node.inputs.first()?).channels), norm }
                }
                Op::PRelu { slopes } if slopes > 1 => Op::PRelu { slopes: b.shape(*node.inputs.first()?).channels },
                // Slices and sizes stay what they are; a network that they do not fit any more is not narrowed.
                op => op,
            };
            b.push(node.name.clone(), op, node.inputs.clone()).ok()?;
        }
        self.blocks().iter().for_each(|&block| b.end_block(block));
        Some(b.finish(self.output()))
    }
}

/// The greatest common divisor.
pub(crate) fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_shrink_in_proportion_and_images_to_what_fits() {
        let mut b = NetworkBuilder::new(Shape::new(3, 32, 32));
        let x = b.conv("a", 0, Conv2d::same(3, 16, 3, 1)).unwrap();
        let depthwise = Conv2d { groups: 16, ..Conv2d::same(16, 16, 3, 2) };
        let main = b.conv("b", x, depthwise).unwrap();
        let shortcut = b.avg_pool(x, 2, 2, 0).unwrap();
        let x = b.add(&[main, shortcut]).unwrap();
        let x = b.conv("c", x, Conv2d::same(16, 40, 1, 1)).unwrap();
        let x = b.apply(Op::GlobalAvgPool, x).unwrap();
        let x = b.linear("classifier", x, 10).unwrap();
        let thin = b.finish(x).thin().unwrap();
        assert_eq!(thin.input_shape(), Shape::new(1, 4, 4), "3x3 pixels give 2x2 and 1x1");
        let weights: Vec<Vec<usize>> = thin.layers().map(|(_, w)| w.dims).collect();
        assert_eq!(weights, [vec![1, 1, 3, 3], vec![1, 1, 3, 3], vec![3, 1, 1, 1], vec![10, 3]]);
    }

    #[test]
    fn without_convolutions_there_is_no_width() {
        let mut b = NetworkBuilder::new(Shape::new(3, 8, 8));
        let x = b.apply(Op::GlobalAvgPool, 0).unwrap();
        let x = b.linear("classifier", x, 10).unwrap();
        assert!(b.finish(x).thin().is_none());
    }
}
