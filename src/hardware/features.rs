//! What the latency of a network is the sum of: its operations, counted.

use std::collections::BTreeMap;

use crate::network::{Liveness, Network, Node, Op, Shape};

/// Which operations are counted. Programs differ in what they leave out, so each operation is counted in every view that it
/// belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum View {
    /// Those on a path from the input to the output: what is left when everything dead is removed.
    Live,
    /// Those that the output depends on: what is left when dead ends are removed but zeros are not followed.
    Read,
    /// All: what runs when a network is executed as it is written.
    All,
}

/// What an operation takes, whatever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Term {
    /// Multiply-accumulates of the batch.
    Macs,
    /// Bytes of inputs, output and weights in float32.
    Bytes,
    /// One.
    Calls,
}

/// Operations that a device is likely to be equally good at: `what` numbers the operation, for convolutions beside dense,
/// grouped and depthwise ones, whose kernel is told apart too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Kind {
    what: u8,
    kernel: usize,
}

/// A column of the model, apart from its view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// The sum of a term over all operations.
    Total(Term),
    /// Its sum over the operations of a kind.
    OfKind(Kind, Term),
    /// How many times exactly this operation runs on an input of this shape.
    Operation(Op, Shape),
}

impl Key {
    /// From the general to the special: 0 totals, 1 kinds, 2 operations.
    pub fn level(&self) -> usize {
        match self {
            Key::Total(_) => 0,
            Key::OfKind(..) => 1,
            Key::Operation(..) => 2,
        }
    }
}

/// The features of one network: columns that are not zero, in the order in which its operations first bring them up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Features(pub(super) Vec<((View, Key), f64)>);

/// Counts the operations of a network for batches of `batch` images. A sum of `k` maps counts as `k - 1` additions.
pub(crate) fn features(network: &Network, batch: usize) -> Features {
    let nodes = network.nodes();
    let liveness = Liveness::of(network);
    let Liveness { fed, wanted } = &liveness;
    let mut counts = Counts::default();
    for (id, node) in nodes.iter().enumerate().skip(1) {
        let terms = node.inputs.len() as f64;
        let fed_terms = node.inputs.iter().filter(|&&i| fed[i]).count() as f64;
        let runs = |terms: f64| match node.op {
            Op::Add => terms - 1.0,
            _ => 1.0,
        };
        let times = |view: View| match view {
            View::Live if liveness.is_live(id) => runs(fed_terms),
            View::Read if wanted[id] => runs(terms),
            View::All => runs(terms),
            View::Live | View::Read => 0.0,
        };
        let cost = cost(network, node, batch);
        for view in [View::Live, View::Read, View::All] {
            counts.add(view, node.op, network.operand_shape(id), times(view), cost);
        }
    }
    Features(counts.columns)
}

/// Multiply-accumulates, bytes and calls of one operation; of one addition for a sum.
fn cost(network: &Network, node: &Node, batch: usize) -> [f64; 3] {
    let input = node.inputs.first().map_or(node.shape, |&i| network.nodes()[i].shape);
    let weights = node.op.params(input) as f64;
    let values: usize = match node.op {
        Op::Zero { .. } => node.shape.len(),
        Op::Add => 3 * node.shape.len(),
        _ => node.shape.len() + node.inputs.iter().map(|&i| network.nodes()[i].shape.len()).sum::<usize>(),
    };
    let batch = batch as f64;
    [batch * node.op.macs(input, node.shape) as f64, 4.0 * (batch * values as f64 + weights), 1.0]
}

fn kind(op: Op) -> Kind {
    // A square kernel counts as its side, as in the models that were fitted to square ones only.
    let side = |[height, width]: [usize; 2]| if height == width { height } else { 1000 * height + width };
    let (what, kernel) = match op {
        Op::Input => (0, 0),
        Op::Zero { .. } => (1, 0),
        Op::Conv2d(c) if c.groups == 1 => (2, side(c.kernel)),
        Op::Conv2d(c) if c.groups == c.in_channels => (3, side(c.kernel)),
        Op::Conv2d(c) => (4, side(c.kernel)),
        Op::BatchNorm => (5, 0),
        Op::Relu => (6, 0),
        Op::AvgPool(_) => (7, 0),
        Op::MaxPool(_) => (8, 0),
        Op::Add => (9, 0),
        Op::Concat => (10, 0),
        Op::Narrow { .. } => (11, 0),
        Op::ChannelShuffle { .. } => (12, 0),
        Op::GlobalAvgPool => (13, 0),
        Op::Linear { .. } => (14, 0),
        Op::ConvTranspose2d(c) => (15, side(c.kernel)),
        Op::LayerNorm(_) => (16, 0),
        Op::GroupNorm { .. } => (17, 0),
        Op::LocalResponseNorm(_) => (18, 0),
        Op::Activation(_) | Op::PRelu { .. } => (19, 0),
        Op::Affine(_) => (20, 0),
        Op::AdaptiveAvgPool { .. } => (21, 0),
        Op::Mul => (22, 0),
        Op::Slice(_) => (23, 0),
        Op::Pad(_) => (24, 0),
        Op::Resize(_) => (25, 0),
        Op::Flatten => (26, 0),
    };
    Kind { what, kernel }
}

#[derive(Default)]
struct Counts {
    columns: Vec<((View, Key), f64)>,
    totals: BTreeMap<(View, Term), usize>,
    kinds: BTreeMap<(View, Kind, Term), usize>,
    operations: std::collections::HashMap<(View, Op, Shape), usize>,
}

impl Counts {
    fn add(&mut self, view: View, op: Op, operand: Shape, times: f64, cost: [f64; 3]) {
        if times <= 0.0 {
            return;
        }
        let kind = kind(op);
        for (term, value) in [Term::Macs, Term::Bytes, Term::Calls].into_iter().zip(cost) {
            if value > 0.0 {
                let total = *self.totals.entry((view, term)).or_insert(self.columns.len());
                push(&mut self.columns, total, (view, Key::Total(term)), times * value);
                let of_kind = *self.kinds.entry((view, kind, term)).or_insert(self.columns.len());
                push(&mut self.columns, of_kind, (view, Key::OfKind(kind, term)), times * value);
            }
        }
        let operation = *self.operations.entry((view, op, operand)).or_insert(self.columns.len());
        push(&mut self.columns, operation, (view, Key::Operation(op, operand)), times);
    }
}

fn push(columns: &mut Vec<((View, Key), f64)>, position: usize, column: (View, Key), value: f64) {
    match columns.get_mut(position) {
        Some((_, sum)) => *sum += value,
        None => columns.push((column, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{self, Task};

    fn of(text: &str) -> Features {
        let space = space::open("nas-bench-201:channels=4,cells=1").unwrap();
        let task = Task::classify(Shape::new(3, 8, 8), 10);
        features(&space.build(&space.parse(text).unwrap(), &task).unwrap(), 2)
    }

    fn sum(features: &Features, view: View, wanted: impl Fn(&Key) -> bool) -> f64 {
        features.0.iter().filter(|((v, key), _)| *v == view && wanted(key)).map(|(_, value)| value).sum()
    }

    #[test]
    fn views_tell_dead_ends_from_what_is_fed_with_zeros() {
        // Node 1 gets nothing, so the convolution on 1>3 is fed with zeros; the one on 0>2 is a dead end.
        let dead = of("|none~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|nor_conv_3x3~1|none~2|");
        let conv = |features: &Features, view| {
            sum(
                features,
                view,
                |key| matches!(key, Key::Operation(Op::Conv2d(c), _) if c.stride == [1; 2] && c.kernel == [3; 2]),
            )
        };
        // The stem and one convolution in each of the two reductions are always there; three cells.
        assert_eq!([View::Live, View::Read, View::All].map(|v| conv(&dead, v)), [3.0, 6.0, 9.0]);
        let live = of("|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|");
        assert_eq!(conv(&live, View::Live), 3.0);
        assert_eq!(sum(&live, View::Live, |k| matches!(k, Key::Operation(Op::Add, _))), 2.0, "those of the reductions");
        assert_eq!(sum(&live, View::All, |k| matches!(k, Key::Operation(Op::Add, _))), 2.0 + 3.0 * 3.0);
    }

    #[test]
    fn totals_are_sums_over_operations() {
        let f = of("|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|");
        let space = space::open("nas-bench-201:channels=4,cells=1").unwrap();
        let arch = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|";
        let task = Task::classify(Shape::new(3, 8, 8), 10);
        let network = space.build(&space.parse(arch).unwrap(), &task).unwrap();
        let macs = sum(&f, View::Live, |k| matches!(k, Key::Total(Term::Macs)));
        assert_eq!(macs, 2.0 * network.macs() as f64);
        assert_eq!(macs, sum(&f, View::Live, |k| matches!(k, Key::OfKind(_, Term::Macs))));
        let calls = sum(&f, View::Live, |k| matches!(k, Key::Total(Term::Calls)));
        assert_eq!(calls, sum(&f, View::Live, |k| matches!(k, Key::Operation(..))));
    }
}
