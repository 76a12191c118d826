//! Removal of everything that cannot change the output of an untrained network.

use super::Liveness;
use super::Op;
use super::graph::{Network, Node, NodeId};

impl Network {
    /// The live part: what lies on a path from the input to the output. None if there is no such path (the network is
    /// *dead*).
    ///
    /// At initialisation a layer that is fed with zeros returns zeros (batch normalisation has shift 0 and convolutions
    /// before it have no bias), so removing it is exact. Sums with one live term vanish; what a concatenation reads stays
    /// as a map of zeros, since its channels have a place. Names of layers are kept, so their weights stay what they
    /// were.
    pub fn live(&self) -> Option<Network> {
        let nodes = self.nodes();
        let liveness = Liveness::of(self);
        let Liveness { fed, .. } = &liveness;
        if !fed[self.output()] {
            return None;
        }
        let mut moved: Vec<NodeId> = vec![0; nodes.len()];
        let mut kept: Vec<Node> = Vec::with_capacity(nodes.len());
        for (id, node) in nodes.iter().enumerate() {
            if !(liveness.is_live(id) || id == 0) {
                continue;
            }
            let mut inputs: Vec<NodeId> = node.inputs.iter().filter(|&&i| fed[i]).map(|&i| moved[i]).collect();
            if node.op == Op::Concat {
                // A concatenation is fed by some input, whose height and width are those of all.
                let sized = inputs[0];
                inputs.clear();
                for &i in &node.inputs {
                    if fed[i] {
                        inputs.push(moved[i]);
                    } else {
                        let zero = Op::Zero { channels: nodes[i].shape.channels };
                        inputs.push(kept.len());
                        kept.push(Node { name: String::new(), op: zero, inputs: vec![sized], shape: nodes[i].shape });
                    }
                }
            } else if node.op == Op::Add
                && let [only] = inputs[..]
            {
                moved[id] = only;
                continue;
            }
            moved[id] = kept.len();
            kept.push(Node { inputs, ..node.clone() });
        }
        let blocks = self.blocks().iter().filter(|&&id| liveness.is_live(id)).map(|&id| moved[id]).collect();
        Some(Network { nodes: kept, output: moved[self.output()], blocks })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Conv2d, NetworkBuilder, Op, Shape};

    #[test]
    fn dead_ends_and_zero_fed_layers_vanish_and_names_stay() {
        let mut b = NetworkBuilder::new(Shape::new(3, 8, 8));
        let zero = b.apply(Op::Zero { channels: 3 }, 0).unwrap();
        let only_sized = b.conv("only_sized", 0, Conv2d::same(3, 3, 1, 1)).unwrap();
        let zero_of_conv = b.apply(Op::Zero { channels: 4 }, only_sized).unwrap();
        let from_zero = b.conv("zero_fed", zero, Conv2d::same(3, 4, 3, 1)).unwrap();
        let used = b.conv("used", 0, Conv2d::same(3, 4, 3, 1)).unwrap();
        b.conv("dead_end", used, Conv2d::same(4, 4, 1, 1)).unwrap();
        let sum = b.add(&[from_zero, used, zero_of_conv]).unwrap();
        let pooled = b.apply(Op::GlobalAvgPool, sum).unwrap();
        let logits = b.linear("classifier", pooled, 10).unwrap();
        let net = b.finish(logits);
        let live = net.live().unwrap();
        let names: Vec<_> = live.layers().map(|(id, _)| live.nodes()[id].name.clone()).collect();
        assert_eq!(names, ["used", "classifier"]);
        assert_eq!(live.nodes().len(), 4, "the sum of one live term is contracted: {live:?}");
        assert_eq!(net.params() - live.params(), 3 * 4 * 9 + 4 * 4 + 3 * 3);
        assert_eq!(live.live().unwrap(), live, "pruning twice changes nothing");
    }

    #[test]
    fn channels_without_input_stay_zeros_in_a_concatenation() {
        let mut b = NetworkBuilder::new(Shape::new(3, 8, 8));
        let zero = b.apply(Op::Zero { channels: 3 }, 0).unwrap();
        let from_zero = b.conv("zero_fed", zero, Conv2d::same(3, 5, 3, 1)).unwrap();
        let used = b.conv("used", 0, Conv2d::same(3, 4, 3, 1)).unwrap();
        let both = b.concat(&[from_zero, used]).unwrap();
        let pooled = b.apply(Op::GlobalAvgPool, both).unwrap();
        let logits = b.linear("classifier", pooled, 10).unwrap();
        let live = b.finish(logits).live().unwrap();
        let ops: Vec<Op> = live.nodes().iter().map(|n| n.op).collect();
        assert!(matches!(ops[..], [_, Op::Conv2d(_), Op::Zero { channels: 5 }, Op::Concat, _, _]), "{ops:?}");
        assert_eq!((&live.nodes()[3].inputs, live.nodes()[3].shape.channels), (&vec![2, 1], 9));
        assert_eq!(live.live().unwrap(), live, "pruning twice changes nothing");
    }

    #[test]
    fn no_path_from_input_to_output_is_dead() {
        let mut b = NetworkBuilder::new(Shape::new(3, 8, 8));
        let zero = b.apply(Op::Zero { channels: 3 }, 0).unwrap();
        let pooled = b.apply(Op::GlobalAvgPool, zero).unwrap();
        let logits = b.linear("classifier", pooled, 10).unwrap();
        assert!(b.finish(logits).live().is_none());
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors() {
        let mut b = NetworkBuilder::new(Shape::new(3, 8, 8));
        let err = b.conv("c", 0, Conv2d::same(4, 4, 3, 1)).unwrap_err().to_string();
        assert!(err.contains("`c`") && err.contains("4 channels"), "{err}");
        assert!(b.conv("c", 0, Conv2d { padding: [0; 4], ..Conv2d::same(3, 4, 9, 1) }).is_err());
        assert!(b.add(&[]).is_err());
        assert!(b.linear("l", 0, 10).is_err());
    }
}
