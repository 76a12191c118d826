//! When two networks compute the same functions.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{Hash, Hasher};

use xxhash_rust::xxh3::Xxh3;

use super::{LabelledDag, Network, NodeId, Op, Shape};

impl Network {
    /// A hash that two networks share exactly if they are the same up to the order of operations, dead parts, identities and the
    /// linearity of sums, poolings and views: `pool(a) + pool(b)` is `pool(a + b)`. Two learned layers are always
    /// different, even with equal settings and inputs, since each has its own weights; operations without weights are merged. Names do not count.
    ///
    /// The live network becomes a graph of its non-linear or learned operations; the edges are terms `coefficient · f(source)`
    /// with `f` the linear operations between. Its nodes are coloured until colours tell no more of them apart; groups of nodes
    /// that stay alike are brought into a canonical order ([`LabelledDag::canonical`]). A collision of 128-bit hashes aside, that
    /// decides isomorphism.
    pub fn identity(&self) -> u128 {
        match self.live() {
            Some(live) => Terms::of(&live).hash(),
            None => xxhash_rust::xxh3::xxh3_128(b"dead"),
        }
    }
}

/// Terms of a value: how often each source occurs, by the chain of linear operations that it goes through.
type Value = BTreeMap<(usize, u64), u64>;

/// (from, to, label).
type Edge = (usize, usize, u64);

/// The nodes by label and operands.
type Known = HashMap<(u64, Vec<Value>), usize>;

/// The graph of what is not linear.
#[derive(Default)]
struct Terms {
    labels: Vec<u64>,
    /// In no order.
    edges: Vec<Edge>,
}

fn hash_of(parts: impl Hash) -> u64 {
    let mut hasher = Xxh3::new();
    parts.hash(&mut hasher);
    hasher.finish()
}

/// The hash of an operation as it is written for debugging: unlike a derived hash it does not depend on the order of variants.
fn label_of(op: &Op, shape: Shape) -> u64 {
    hash_of((format!("{op:?}"), shape.channels, shape.height, shape.width))
}

/// Whether `op` of a sum is the sum of `op` of the terms.
fn is_linear(op: &Op) -> bool {
    matches!(
        op,
        Op::AvgPool(_)
            | Op::AdaptiveAvgPool { .. }
            | Op::GlobalAvgPool
            | Op::Narrow { .. }
            | Op::Slice(_)
            | Op::ChannelShuffle { .. }
            | Op::Pad(_)
            | Op::Resize(_)
            | Op::Flatten
    )
}

impl Terms {
    fn of(network: &Network) -> Self {
        let mut terms = Terms::default();
        let mut values: Vec<Value> = Vec::with_capacity(network.nodes().len());
        // What learns nothing and reads the same is the same.
        let mut known = Known::new();
        for (id, node) in network.nodes().iter().enumerate() {
            let inputs = || node.inputs.iter().map(|&input: &NodeId| values[input].clone());
            let value = match &node.op {
                Op::Add => inputs().fold(Value::new(), |mut sum, value| {
                    value.into_iter().for_each(|(term, n)| *sum.entry(term).or_insert(0) += n);
                    sum
                }),
                op if is_linear(op) => {
                    let input = inputs().next().unwrap_or_default();
                    let through = |((source, chain), n): ((usize, u64), u64)| {
                        ((source, hash_of((chain, label_of(op, node.shape)))), n)
                    };
                    input.into_iter().map(through).collect()
                }
                op => {
                    let mut operands: Vec<Value> = match op {
                        // The size that a map of zeros takes from its input is in its shape.
                        Op::Zero { .. } => Vec::new(),
                        // Factors have no order, so a sum among them is a node, lest its terms mix with another's.
                        Op::Mul => inputs().map(|factor| terms.factor(factor, &mut known)).collect(),
                        _ => inputs().collect(),
                    };
                    if *op == Op::Mul {
                        operands.sort();
                    }
                    let label = label_of(op, node.shape);
                    let learns = op.params(network.operand_shape(id)) > 0;
                    let source = match known.get(&(label, operands.clone())) {
                        Some(&source) if !learns => source,
                        _ => {
                            let source = terms.node(label, *op != Op::Mul, &operands);
                            known.insert((label, operands), source);
                            source
                        }
                    };
                    Value::from([((source, 0), 1)])
                }
            };
            values.push(value);
        }
        terms.node(hash_of("output"), true, &[values.swap_remove(network.output())]);
        terms
    }

    fn node(&mut self, label: u64, ordered: bool, operands: &[Value]) -> usize {
        let node = self.labels.len();
        self.labels.push(label);
        for (position, operand) in operands.iter().enumerate() {
            let position = if ordered { position } else { 0 };
            self.edges.extend(operand.iter().map(|(&(from, chain), n)| (from, node, hash_of((position, chain, n)))));
        }
        node
    }

    /// A factor of a product as a single term.
    fn factor(&mut self, value: Value, known: &mut Known) -> Value {
        if value.len() == 1 && value.values().all(|&n| n == 1) {
            return value;
        }
        let key = (hash_of("sum"), vec![value]);
        let source = known.get(&key).copied().unwrap_or_else(|| self.node(key.0, true, &key.1));
        known.insert(key, source);
        Value::from([((source, 0), 1)])
    }

    fn hash(&self) -> u128 {
        let colours = self.refined();
        let mut classes: HashMap<u64, usize> = HashMap::new();
        colours.iter().for_each(|&c| *classes.entry(c).or_insert(0) += 1);
        let mut form: Vec<u64> = colours.clone();
        form.sort_unstable();
        let mut tied: Vec<Vec<u64>> = self
            .components(|v| classes[&colours[v]] > 1)
            .into_iter()
            .map(|(nodes, edges)| {
                let labels = nodes.iter().map(|&v| colours[v]).collect();
                LabelledDag { labels, edges }.canonical().certificate
            })
            .collect();
        tied.sort_unstable();
        form.extend(tied.into_iter().flatten());
        let bytes: Vec<u8> = form.iter().flat_map(|v| v.to_le_bytes()).collect();
        xxhash_rust::xxh3::xxh3_128(&bytes)
    }

    /// Colours that no further look at neighbours divides.
    fn refined(&self) -> Vec<u64> {
        let n = self.labels.len();
        let (mut into, mut out) = (vec![Vec::new(); n], vec![Vec::new(); n]);
        for &(from, to, label) in &self.edges {
            into[to].push((from, label));
            out[from].push((to, label));
        }
        let seen = |ends: &[(usize, u64)], colours: &[u64]| {
            let mut seen: Vec<(u64, u64)> = ends.iter().map(|&(v, label)| (label, colours[v])).collect();
            seen.sort_unstable();
            seen
        };
        // Nodes are in topological order: one sweep each way tells all that lies before and behind a node.
        let (mut before, mut behind) = (self.labels.clone(), self.labels.clone());
        for v in 0..n {
            before[v] = hash_of((self.labels[v], seen(&into[v], &before)));
        }
        for v in (0..n).rev() {
            behind[v] = hash_of((self.labels[v], seen(&out[v], &behind)));
        }
        let mut colours: Vec<u64> = before.iter().zip(&behind).map(hash_of).collect();
        let count = |colours: &[u64]| colours.iter().collect::<HashSet<_>>().len();
        loop {
            let next: Vec<u64> =
                (0..n).map(|v| hash_of((colours[v], seen(&into[v], &colours), seen(&out[v], &colours)))).collect();
            let stable = count(&next) == count(&colours);
            colours = next;
            if stable {
                return colours;
            }
        }
    }

    /// The connected parts of the graph of some nodes: the nodes, and the edges between them by their positions among these.
    fn components(&self, tied: impl Fn(usize) -> bool) -> Vec<(Vec<usize>, Vec<Edge>)> {
        let n = self.labels.len();
        let edges: Vec<_> = self.edges.iter().filter(|&&(from, to, _)| tied(from) && tied(to)).collect();
        let mut group: Vec<usize> = (0..n).collect();
        fn root(group: &mut [usize], mut v: usize) -> usize {
            while group[v] != v {
                group[v] = group[group[v]];
                v = group[v];
            }
            v
        }
        for &&(from, to, _) in &edges {
            let (a, b) = (root(&mut group, from), root(&mut group, to));
            group[a.max(b)] = a.min(b);
        }
        let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        (0..n).filter(|&v| tied(v)).for_each(|v| members.entry(root(&mut group, v)).or_default().push(v));
        let position: HashMap<usize, usize> =
            members.values().flat_map(|m| m.iter().enumerate().map(|(i, &v)| (v, i))).collect();
        let mut within: HashMap<usize, Vec<Edge>> = HashMap::new();
        for &&(from, to, label) in &edges {
            let edge = (position[&from], position[&to], label);
            within.entry(root(&mut group, from)).or_default().push(edge);
        }
        members.into_iter().map(|(root, nodes)| (nodes, within.remove(&root).unwrap_or_default())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Conv2d, NetworkBuilder};
    use super::*;

    fn network(make: impl FnOnce(&mut NetworkBuilder) -> NodeId) -> u128 {
        let mut b = NetworkBuilder::new(Shape::new(4, 8, 8));
        let x = make(&mut b);
        let x = b.apply(Op::GlobalAvgPool, x).unwrap();
        let logits = b.linear("classifier", x, 10).unwrap();
        b.finish(logits).identity()
    }

    fn conv(b: &mut NetworkBuilder, name: &str, x: NodeId) -> NodeId {
        b.conv(name, x, Conv2d::same(4, 4, 3, 1)).unwrap()
    }

    #[test]
    fn what_computes_the_same_has_one_identity() {
        let of = |first: &str, second: &str, swapped: bool| {
            network(|b| {
                let (x, y) = (b.relu(0).unwrap(), b.relu(0).unwrap());
                let (a, c) = (conv(b, first, x), conv(b, second, y));
                let a = b.relu(a).unwrap();
                b.add(&if swapped { [a, c] } else { [c, a] }).unwrap()
            })
        };
        assert_eq!(of("a", "b", false), of("c", "d", true));
        // Pooling the sum is summing the poolings, and a dead branch is none.
        let pooled = |late: bool| {
            network(|b| {
                let (x, y) = (conv(b, "a", 0), conv(b, "b", 0));
                let pool = |b: &mut NetworkBuilder, x| b.avg_pool(x, 3, 1, 1).unwrap();
                if late {
                    let dead = b.apply(Op::Zero { channels: 4 }, x).unwrap();
                    let dead = conv(b, "dead", dead);
                    let sum = b.add(&[x, y, dead]).unwrap();
                    pool(b, sum)
                } else {
                    let (x, y) = (pool(b, x), pool(b, y));
                    b.add(&[y, x]).unwrap()
                }
            })
        };
        assert_eq!(pooled(true), pooled(false));
    }

    #[test]
    fn what_computes_something_else_has_another() {
        // One convolution used twice, and two convolutions.
        let once = network(|b| {
            let x = conv(b, "a", 0);
            let y = b.relu(x).unwrap();
            b.add(&[x, y]).unwrap()
        });
        let twice = network(|b| {
            let (x, z) = (conv(b, "a", 0), conv(b, "b", 0));
            let y = b.relu(z).unwrap();
            b.add(&[x, y]).unwrap()
        });
        assert_ne!(once, twice);
        // Four alike convolutions, summed in pairs along one ring of eight, or along two of four: refinement alone sees no
        // difference.
        let rings = |pairs: [(usize, usize); 4]| {
            network(|b| {
                let convs: Vec<NodeId> = (0..4).map(|i| conv(b, &format!("a{i}"), 0)).collect();
                let parts: Vec<NodeId> = pairs
                    .iter()
                    .enumerate()
                    .map(|(i, &(x, y))| {
                        let sum = b.add(&[convs[x], convs[y]]).unwrap();
                        let sum = b.relu(sum).unwrap();
                        conv(b, &format!("b{i}"), sum)
                    })
                    .collect();
                b.add(&parts).unwrap()
            })
        };
        let one_ring = rings([(0, 1), (1, 2), (2, 3), (3, 0)]);
        let two_rings = rings([(0, 1), (0, 1), (2, 3), (2, 3)]);
        assert_ne!(one_ring, two_rings);
        assert_eq!(one_ring, rings([(2, 0), (0, 3), (3, 1), (1, 2)]));
    }
}
