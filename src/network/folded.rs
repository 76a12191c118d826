//! Batch normalisations folded into the convolutions before them, as networks are deployed.

use super::graph::{Network, Node, NodeId};
use super::{Conv2d, Op};

/// A network whose foldable batch normalisations are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    /// The network; convolutions that took a normalisation in have a bias.
    pub network: Network,
    /// For every node of it: the node it was, and the normalisation that it took in.
    pub origin: Vec<(NodeId, Option<NodeId>)>,
}

impl Network {
    /// The network that computes the same with fewer operations once batch normalisation uses running statistics: such a
    /// normalisation of a convolution that nothing else reads is a factor and an offset per channel, which the
    /// convolution's weights and bias take in. Other normalisations stay. Names of layers are kept.
    pub fn folded(&self) -> Folded {
        let nodes = self.nodes();
        let mut uses = vec![0usize; nodes.len()];
        nodes.iter().flat_map(|n| &n.inputs).chain([&self.output()]).for_each(|&i| uses[i] += 1);
        let taken_by = |id: NodeId| match (&nodes[id].op, nodes[id].inputs.first()) {
            (Op::BatchNorm, Some(&conv)) if matches!(nodes[conv].op, Op::Conv2d(_)) && uses[conv] == 1 => Some(conv),
            _ => None,
        };
        let mut moved: Vec<NodeId> = vec![0; nodes.len()];
        let (mut kept, mut origin): (Vec<Node>, Vec<(NodeId, Option<NodeId>)>) = (Vec::new(), Vec::new());
        for (id, node) in nodes.iter().enumerate() {
            if let Some(conv) = taken_by(id) {
                let position = moved[conv];
                if let Op::Conv2d(c) = kept[position].op {
                    kept[position].op = Op::Conv2d(Conv2d { bias: true, ..c });
                }
                origin[position].1 = Some(id);
                moved[id] = position;
                continue;
            }
            moved[id] = kept.len();
            let inputs = node.inputs.iter().map(|&i| moved[i]).collect();
            kept.push(Node { inputs, ..node.clone() });
            origin.push((id, None));
        }
        let blocks = self.blocks().iter().map(|&id| moved[id]).collect();
        Folded { network: Network { nodes: kept, output: moved[self.output()], blocks }, origin }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{NetworkBuilder, Shape};
    use super::*;

    #[test]
    fn only_normalisations_that_alone_read_a_convolution_are_folded() {
        let mut b = NetworkBuilder::new(Shape::new(3, 8, 8));
        let stem = b.conv("stem", 0, Conv2d::same(3, 4, 3, 1)).unwrap();
        let folded = b.batch_norm(stem).unwrap();
        b.end_block(folded);
        let shared = b.conv("shared", folded, Conv2d::same(4, 4, 1, 1)).unwrap();
        let normalised = b.batch_norm(shared).unwrap();
        let sum = b.add(&[shared, normalised]).unwrap();
        let of_sum = b.batch_norm(sum).unwrap();
        let pooled = b.apply(Op::GlobalAvgPool, of_sum).unwrap();
        let logits = b.linear("classifier", pooled, 10).unwrap();
        let net = b.finish(logits);
        let Folded { network, origin } = net.folded();
        assert_eq!(network.nodes().len(), net.nodes().len() - 1);
        assert_eq!(network.nodes().iter().filter(|n| n.op == Op::BatchNorm).count(), 2);
        assert_eq!(origin[1], (stem, Some(folded)));
        assert_eq!(network.blocks(), [1]);
        assert!(matches!(network.nodes()[1].op, Op::Conv2d(Conv2d { bias: true, .. })));
        assert!(matches!(network.nodes()[2].op, Op::Conv2d(Conv2d { bias: false, .. })));
        assert_eq!((network.macs(), network.classes()), (net.macs(), 10));
        assert_eq!(network.folded().network, network, "folding twice changes nothing");
    }
}
