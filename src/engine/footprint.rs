//! How much memory networks need, estimated before anything runs.
//!
//! Every figure is a lower bound of what is really in use, so that nothing is refused that fits: workspace of libtorch, what
//! allocators keep and the program itself come on top.

use super::plan::{Plan, PlanNode};
use super::{EngineError, Pass};
use crate::network::{Network, Op, Shape};

const FLOAT_BYTES: u64 = 4;

/// Bytes of a batch: the images as they were drawn, and the copy that networks read.
pub fn batch_bytes(images: usize, shape: Shape) -> u64 {
    (2 * FLOAT_BYTES).saturating_mul(images as u64).saturating_mul(shape.len() as u64)
}

/// Bytes of the weights of a network.
pub fn weight_bytes(network: &Network) -> u64 {
    FLOAT_BYTES.saturating_mul(network.params())
}

/// Bytes of activations at the worst moment of the passes, for a batch of `images`.
pub fn activation_bytes(network: &Network, images: usize, passes: &[Pass]) -> u64 {
    let plan = Plan::new(&[(network, 0)]);
    let of = |pass: &Pass| {
        let (tape, images) = pass.held(images);
        plan.live_values(tape).saturating_mul(images as u64)
    };
    FLOAT_BYTES.saturating_mul(passes.iter().map(of).max().unwrap_or(0))
}

/// Bytes of one training: activations of a step, parameters and gradient, and `memories` vectors of an optimiser.
pub fn training_bytes(network: &Network, images: usize, memories: usize) -> u64 {
    let values = Plan::trained(network).live_values(true).saturating_mul(images as u64);
    let parameters = network.params().saturating_mul(2 + memories as u64);
    FLOAT_BYTES.saturating_mul(values.saturating_add(parameters))
}

/// Refuses what needs more bytes than the machine has free; `what` needs them, and `lower` names the options that make it less.
/// Where the system does not say what is free nothing is refused.
pub fn check_memory(what: &'static str, needed: u64, lower: &'static str) -> Result<(), EngineError> {
    match available() {
        Some(available) if needed > available => Err(EngineError::Memory { what, needed, available, lower }),
        _ => Ok(()),
    }
}

/// Bytes that this process can still get: what Linux says is available, within the limit on the process's address space.
fn available() -> Option<u64> {
    let free = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| field(&text, "MemAvailable:"));
    let used = std::fs::read_to_string("/proc/self/status").ok().and_then(|text| field(&text, "VmSize:"));
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: getrlimit writes the struct that it is given.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_AS, &mut limit) } == 0 && limit.rlim_cur != libc::RLIM_INFINITY;
    let allowed = used.filter(|_| known).map(|used| limit.rlim_cur.saturating_sub(used));
    free.into_iter().chain(allowed).min()
}

/// A field of a file of /proc that is given in kB, in bytes.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

impl Plan<'_> {
    /// The most values for one image that are in memory at once during a forward. With `tape`, what a gradient reads stays.
    ///
    /// Normalisations and sums count as the loops of the tape run them: together with the sum or the ReLU that reads them.
    fn live_values(&self, tape: bool) -> u64 {
        let mut remaining: Vec<usize> = self.nodes.iter().map(|n| n.consumers.len() + n.outputs).collect();
        let mut held: Vec<u64> = vec![0; self.nodes.len()];
        let (mut live, mut most) = (0u64, 0u64);
        for (id, node) in self.nodes.iter().enumerate() {
            // The images are counted with the batch.
            held[id] = if node.op == Op::Input || self.is_fused(node) { 0 } else { node.shape.len() as u64 };
            live += held[id];
            most = most.max(live);
            for &i in &node.inputs {
                remaining[i] -= 1;
                if remaining[i] == 0 && !(tape && self.is_read_back(i)) {
                    // What a fused operation stands for lives as long as that.
                    match self.is_fused(node) {
                        true => held[id] += held[i],
                        false => live -= held[i],
                    }
                }
            }
        }
        most
    }

    /// Whether the operation is only computed where its value is read.
    fn is_fused(&self, node: &PlanNode) -> bool {
        let read_by = |op: fn(&Op) -> bool| node.outputs == 0 && node.consumers.iter().all(|&c| op(&self.nodes[c].op));
        match node.op {
            Op::BatchNorm => read_by(|op| matches!(op, Op::Add | Op::Relu)),
            Op::Add => read_by(|op| *op == Op::Relu),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Conv2d, NetworkBuilder};

    fn network() -> Network {
        let mut b = NetworkBuilder::new(Shape::new(3, 8, 8));
        let x = b.conv("a", 0, Conv2d::same(3, 4, 3, 1)).unwrap();
        let x = b.batch_norm(x).unwrap();
        let x = b.relu(x).unwrap();
        let x = b.conv("b", x, Conv2d::same(4, 4, 3, 1)).unwrap();
        let x = b.relu(x).unwrap();
        let x = b.apply(Op::GlobalAvgPool, x).unwrap();
        let x = b.linear("classifier", x, 10).unwrap();
        b.finish(x)
    }

    #[test]
    fn activations_counted_by_hand() {
        let map = 4 * 4 * 64;
        // Forward: a convolution and the ReLU after it, or a ReLU and the convolution after it.
        assert_eq!(activation_bytes(&network(), 5, &[Pass::Codes]), 5 * 2 * map);
        // A gradient reads the first convolution (through its normalisation) and both ReLUs; the second convolution is there
        // while its ReLU is computed.
        assert_eq!(activation_bytes(&network(), 5, &[Pass::LossGradient, Pass::Codes]), 5 * 4 * map);
        assert_eq!(activation_bytes(&network(), 5, &[Pass::Weights]), 0);
        assert_eq!(activation_bytes(&network(), 1, &[]), 0);
        let parameters = 4 * network().params();
        assert_eq!(training_bytes(&network(), 5, 1), 5 * 4 * map + 3 * parameters);
        assert_eq!(batch_bytes(2, Shape::new(3, 8, 8)), 2 * 2 * 4 * 192);
    }

    #[test]
    fn what_is_free_is_known_and_refusals_name_the_remedy() {
        if cfg!(target_os = "linux") {
            assert!(available().is_some_and(|bytes| bytes > 1 << 20));
            let error = check_memory("the batch", u64::MAX, "--batch-size").unwrap_err().to_string();
            assert!(error.contains("the batch") && error.contains("--batch-size"), "{error}");
        }
        assert!(check_memory("nothing", 0, "nothing").is_ok());
        assert_eq!(field("MemFree: 3 kB\nMemAvailable:   12 kB\n", "MemAvailable:"), Some(12 << 10));
    }
}
