//! Memory that a forward pass cannot do without.

use crate::network::{Network, Op};

const FLOAT_BYTES: u64 = 4;

/// Bytes of parameters and live activations at the worst moment of a forward pass of `batch` images, in float32.
///
/// Operations run in topological order; a value lives from the operation that makes it until the last one that reads it, and
/// nothing is computed in place. With `a_i` the values of node `i` for one image,
///
/// ```text
/// 4 (W + batch · max_t Σ_{i live at t} a_i)        W: weights, biases, and four numbers per normalised channel
/// ```
///
/// It is a count, not a measurement: workspace of libtorch, what its allocator keeps, and the program come on top.
pub fn peak_memory_bytes(network: &Network, batch: usize) -> u64 {
    let nodes = network.nodes();
    let mut last_use: Vec<usize> = (0..nodes.len()).collect();
    for (id, node) in nodes.iter().enumerate() {
        node.inputs.iter().for_each(|&i| last_use[i] = id);
    }
    last_use[network.output()] = nodes.len();
    let mut dying: Vec<u64> = vec![0; nodes.len() + 1];
    let (mut live, mut peak) = (0u64, 0u64);
    for (id, node) in nodes.iter().enumerate() {
        let values = node.shape.len() as u64;
        live += values;
        peak = peak.max(live);
        dying[last_use[id]] += values;
        live -= dying[id];
    }
    let norms = nodes.iter().filter(|n| n.op == Op::BatchNorm).map(|n| 4 * n.shape.channels as u64);
    let layers = network.layers().map(|(_, w)| (w.len() + w.bias.unwrap_or(0)) as u64);
    FLOAT_BYTES * (layers.chain(norms).sum::<u64>() + batch as u64 * peak)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Conv2d, NetworkBuilder, Shape};

    #[test]
    fn counted_by_hand() {
        let mut b = NetworkBuilder::new(Shape::new(3, 8, 8));
        let x = b.conv("a", 0, Conv2d::same(3, 4, 3, 1)).unwrap();
        let y = b.batch_norm(x).unwrap();
        let sum = b.add(&[x, y]).unwrap();
        let pooled = b.apply(Op::GlobalAvgPool, sum).unwrap();
        let logits = b.linear("classifier", pooled, 10).unwrap();
        let network = b.finish(logits);
        // The sum is made while both its terms live: three maps of 4x8x8.
        let weights = 3 * 4 * 9 + 4 * 4 + (4 * 10 + 10);
        assert_eq!(peak_memory_bytes(&network, 1), 4 * (weights + 3 * 256));
        assert_eq!(peak_memory_bytes(&network, 5), 4 * (weights + 5 * 3 * 256));
    }
}
