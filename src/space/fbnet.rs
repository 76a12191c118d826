//! FBNet: 22 layers, each one of nine candidate blocks; 9^22 architectures.
//!
//! Paper: Wu et al., "FBNet: Hardware-Aware Efficient ConvNet Design via Differentiable Neural Architecture Search", CVPR
//! 2019, arXiv:1812.03443. What the paper leaves open is as in HW-NAS-Bench (Li et al., ICLR 2021, arXiv:2103.10584).
//!
//! # Which architectures are the same network
//!
//! A skip is the identity, except in the first layer of a stage that changes the shape. So where it stands among the
//! later layers of its stage does not matter, and architectures that differ in nothing else have one [`ArchId`].

use super::blocks::conv_bn_relu;
use super::{Architecture, Chain, Layer, OpSet, Picture, SearchSpace, SpaceEntry, SpaceError, Task};
use crate::network::{Conv2d, Network, NetworkBuilder, NetworkError, NodeId, Op};
use crate::text::quoted;

pub(super) static ENTRY: SpaceEntry = SpaceEntry {
    name: "fbnet",
    aliases: &[],
    title: "FBNet: 22 layers with nine candidate blocks each, 9^22 architectures",
    paper: "Wu et al., FBNet, CVPR 2019, arXiv:1812.03443",
    example: "2_2_0_8_8_7_2_4_2_7_6_5_7_3_5_4_1_7_7_6_7_3",
    listed: "strings",
    identity: "the layers of every stage without the skips that are the identity",
    options: &[],
    definition: None,
    open: &|_| Ok(Box::new(FbNet::default())),
};

/// A stage of layers with the same number of channels; the first layer has the stride.
struct Stage {
    channels: usize,
    layers: usize,
    stride: usize,
    /// Stride for small images.
    small_stride: usize,
}

const fn stage(channels: usize, layers: usize, stride: usize, small_stride: usize) -> Stage {
    Stage { channels, layers, stride, small_stride }
}

const STAGES: [Stage; 7] = [
    stage(16, 1, 1, 1),
    stage(24, 4, 2, 1),
    stage(32, 4, 2, 2),
    stage(64, 4, 2, 2),
    stage(112, 4, 1, 1),
    stage(184, 4, 2, 2),
    stage(352, 1, 1, 1),
];
const LAYERS: usize = 22;
const STEM_CHANNELS: usize = 16;
/// Images up to this side are small.
const SMALL: usize = 64;

/// What a layer can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    /// Inverted residual: 1x1 convolution to `expansion` times the channels, depthwise convolution, 1x1 convolution. Both
    /// 1x1 convolutions are grouped, with a channel shuffle after the first, if there are groups.
    Residual { kernel: usize, expansion: usize, groups: usize },
    /// The identity; where the shape changes, a 1x1 convolution with batch normalisation and ReLU.
    Skip,
}

const fn residual(kernel: usize, expansion: usize, groups: usize) -> Block {
    Block::Residual { kernel, expansion, groups }
}

const BLOCKS: [Block; 9] = [
    residual(3, 1, 1),
    residual(3, 1, 2),
    residual(3, 3, 1),
    residual(3, 6, 1),
    residual(5, 1, 1),
    residual(5, 1, 2),
    residual(5, 3, 1),
    residual(5, 6, 1),
    Block::Skip,
];
const BLOCK_NAMES: [&str; 9] = ["k3_e1", "k3_e1_g2", "k3_e3", "k3_e6", "k5_e1", "k5_e1_g2", "k5_e3", "k5_e6", "skip"];
const SKIP: u16 = 8;

/// The space. Gene `i` is the block of layer `i`: 0 `k3_e1`, 1 `k3_e1_g2`, 2 `k3_e3`, 3 `k3_e6`, 4 `k5_e1`, 5 `k5_e1_g2`,
/// 6 `k5_e3`, 7 `k5_e6`, 8 `skip` (kernel, expansion, groups). In text they are joined by `_`.
///
/// Images of at most 64 pixels a side go through the network of HW-NAS-Bench for CIFAR: stride 1 in the stem and in the
/// second stage, and a head of 1,504 channels. Larger ones go through its network for ImageNet: stride 2 there, and 1,984
/// channels.
#[derive(Default)]
pub struct FbNet(());

impl SearchSpace for FbNet {
    fn entry(&self) -> &'static SpaceEntry {
        &ENTRY
    }

    fn choices(&self) -> &[u16] {
        const CHOICES: [u16; LAYERS] = [BLOCKS.len() as u16; LAYERS];
        &CHOICES
    }

    fn parse(&self, text: &str) -> Result<Architecture, SpaceError> {
        let refuse = |reason: String| ENTRY.not_read(text, reason);
        let gene = |part: &str| match part.parse::<u16>() {
            Ok(gene) if usize::from(gene) < BLOCKS.len() => Ok(gene),
            _ => Err(refuse(format!("{} is not one of the blocks 0 to {SKIP}", quoted(part)))),
        };
        let genes = text.trim().split('_').map(gene).collect::<Result<Vec<_>, _>>()?;
        if genes.len() != LAYERS {
            return Err(refuse(format!("it has {} blocks, not {LAYERS}", genes.len())));
        }
        Ok(Architecture::new(genes))
    }

    fn format(&self, arch: &Architecture) -> String {
        arch.genes().iter().map(u16::to_string).collect::<Vec<_>>().join("_")
    }

    /// The member of the class whose skips come last in every stage.
    fn representative(&self, arch: &Architecture) -> Architecture {
        let mut genes = arch.genes().to_vec();
        let mut rest = genes.as_mut_slice();
        for stage in &STAGES {
            let (layers, later) = rest.split_at_mut(stage.layers.min(rest.len()));
            if let [_, repeated @ ..] = layers {
                // Stable: the other blocks keep their order.
                repeated.sort_by_key(|&gene| gene == SKIP);
            }
            rest = later;
        }
        Architecture::new(genes)
    }

    /// The blocks. A skip is not an identity where the shape changes, so none counts as one.
    fn op_set(&self) -> OpSet {
        OpSet { names: BLOCK_NAMES.map(String::from).to_vec(), identity: None, longest_path: LAYERS }
    }

    /// A bar per layer, as tall as its expansion, in the colour of its kernel.
    fn picture(&self, arch: &Architecture) -> Picture {
        let channels = STAGES.iter().flat_map(|s| std::iter::repeat_n(s.channels as u64, s.layers));
        let layer = |(&gene, channels): (&u16, u64)| {
            let label = BLOCK_NAMES[usize::from(gene)].to_string();
            let (kind, height) = match BLOCKS[usize::from(gene)] {
                Block::Residual { kernel, expansion, groups } => {
                    let grouped = if groups > 1 { ", grouped" } else { "" };
                    (format!("{kernel}×{kernel}{grouped}"), expansion as f64)
                }
                Block::Skip => ("skip".to_string(), 0.5),
            };
            Layer { label, kind, height, channels }
        };
        let layers = arch.genes().iter().zip(channels).map(layer).collect();
        Picture::Chain(Chain { layers, height: "expansion".into() })
    }

    fn build(&self, arch: &Architecture, task: &Task) -> Result<Network, SpaceError> {
        self.check(arch)?;
        ENTRY.built(task, |task| build(arch, task))
    }
}

fn build(arch: &Architecture, task: &Task) -> Result<Network, NetworkError> {
    let mut b = NetworkBuilder::new(task.input);
    let small = task.input.height.max(task.input.width) <= SMALL;
    let stem = Conv2d::same(task.input.channels, STEM_CHANNELS, 3, if small { 1 } else { 2 });
    let mut x = conv_bn_relu(&mut b, "stem.conv".into(), 0, stem)?;
    b.end_block(x);
    let layers = STAGES.iter().flat_map(|s| {
        let first = if small { s.small_stride } else { s.stride };
        (0..s.layers).map(move |i| (s.channels, if i == 0 { first } else { 1 }))
    });
    for (i, (&gene, (channels, stride))) in arch.genes().iter().zip(layers).enumerate() {
        x = layer(&mut b, BLOCKS[usize::from(gene)], &format!("cells.{i}"), x, channels, stride)?;
        b.end_block(x);
    }
    let head = Conv2d::same(b.shape(x).channels, if small { 1504 } else { 1984 }, 1, 1);
    let x = conv_bn_relu(&mut b, "head.conv".into(), x, head)?;
    let x = b.apply(Op::GlobalAvgPool, x)?;
    let logits = b.linear("classifier", x, task.target.outputs())?;
    Ok(b.finish(logits))
}

fn layer(
    b: &mut NetworkBuilder,
    block: Block,
    name: &str,
    input: NodeId,
    channels: usize,
    stride: usize,
) -> Result<NodeId, NetworkError> {
    let in_channels = b.shape(input).channels;
    let same_shape = in_channels == channels && stride == 1;
    match block {
        Block::Skip if same_shape => Ok(input),
        Block::Skip => conv_bn_relu(b, format!("{name}.skip"), input, Conv2d::same(in_channels, channels, 1, stride)),
        Block::Residual { kernel, expansion, groups } => {
            let width = in_channels * expansion;
            let expand = Conv2d { groups, ..Conv2d::same(in_channels, width, 1, 1) };
            let mut x = conv_bn_relu(b, format!("{name}.expand"), input, expand)?;
            if groups > 1 {
                x = b.apply(Op::ChannelShuffle { groups }, x)?;
            }
            let depthwise = Conv2d { groups: width, ..Conv2d::same(width, width, kernel, stride) };
            let x = conv_bn_relu(b, format!("{name}.depthwise"), x, depthwise)?;
            let project = Conv2d { groups, ..Conv2d::same(width, channels, 1, 1) };
            let x = b.conv(format!("{name}.project"), x, project)?;
            let x = b.batch_norm(x)?;
            if same_shape { b.add(&[x, input]) } else { Ok(x) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Shape;

    fn space() -> FbNet {
        FbNet::default()
    }

    fn network(text: &str, pixels: usize, classes: usize) -> Network {
        let task = Task::classify(Shape::new(3, pixels, pixels), classes);
        space().build(&space().parse(text).unwrap(), &task).unwrap()
    }

    const SKIPS: &str = "8_8_8_8_8_8_8_8_8_8_8_8_8_8_8_8_8_8_8_8_8_8";

    #[test]
    fn params_of_a_network_counted_by_hand() {
        // Stem, 1x1 convolutions where the channels change, head, each with two numbers per output channel for batch
        // normalisation; classifier with bias.
        let ends = |head: usize, classes: usize| 3 * 16 * 9 + 2 * 16 + 352 * head + 2 * head + head * classes + classes;
        let between: usize =
            [(16, 24), (24, 32), (32, 64), (64, 112), (112, 184), (184, 352)].iter().map(|(i, o)| i * o + 2 * o).sum();
        assert_eq!(network(SKIPS, 32, 10).params() as usize, ends(1504, 10) + between);
        assert_eq!(network(SKIPS, 224, 1000).params() as usize, ends(1984, 1000) + between);
        // k3_e1_g2 and k5_e6 in the first layer, 16 -> 16.
        let first = |gene: usize| network(&format!("{gene}{}", &SKIPS[1..]), 32, 10);
        let norms = |width: usize| 2 * (width + width + 16);
        let grouped = 2 * (8 * 8) + 16 * 9 + 2 * (8 * 8) + norms(16);
        assert_eq!(first(1).params() as usize, ends(1504, 10) + between + grouped);
        let expanded = 16 * 96 + 96 * 25 + 96 * 16 + norms(96);
        assert_eq!(first(7).params() as usize, ends(1504, 10) + between + expanded);
    }

    #[test]
    fn image_size_decides_strides_and_head() {
        let shapes = |pixels| {
            let network = network(ENTRY.example, pixels, 10);
            assert_eq!(network.blocks().len(), LAYERS + 1);
            [1, 2, 6, 10, 14, 18, 22].map(|i| {
                let shape = network.nodes()[network.blocks()[i]].shape;
                (shape.channels, shape.height)
            })
        };
        assert_eq!(shapes(32), [(16, 32), (24, 32), (32, 16), (64, 8), (112, 8), (184, 4), (352, 4)]);
        assert_eq!(shapes(224), [(16, 112), (24, 56), (32, 28), (64, 14), (112, 14), (184, 7), (352, 7)]);
        let shuffles = |n: &Network| n.nodes().iter().filter(|n| n.op == Op::ChannelShuffle { groups: 2 }).count();
        assert_eq!(shuffles(&network(ENTRY.example, 32, 10)), 3);
    }

    #[test]
    fn skips_within_a_stage_can_move() {
        let id = |text: &str| space().arch_id(&space().parse(text).unwrap());
        let with = |stage: &str| format!("0_{stage}{}", &SKIPS[9..]);
        assert_eq!(id(&with("1_8_2_3")), id(&with("1_2_3_8")));
        assert_ne!(id(&with("1_8_2_3")), id(&with("1_3_2_8")), "the order of the others matters");
        assert_ne!(id(&with("8_1_2_3")), id(&with("1_2_3_8")), "the first layer changes the channels");
        let representative = space().representative(&space().parse(&with("1_8_2_3")).unwrap());
        assert_eq!(space().format(&representative), with("1_2_3_8"));
    }

    #[test]
    fn the_space_is_large_and_bad_text_is_refused() {
        assert_eq!(space().size(), 9u128.pow(22));
        assert_eq!(space().index_of(&space().parse(SKIPS).unwrap()), None);
        assert_eq!(space().at(8).unwrap().genes()[20..], [0, 8]);
        for (text, reason) in [("0_1", "2 blocks, not 22"), ("9", "`9`"), ("", "``"), ("0_-1", "`-1`")] {
            let err = space().parse(text).unwrap_err().to_string();
            assert!(err.contains(reason) && err.contains(ENTRY.example), "{err}");
        }
    }
}
