use super::*;
use crate::engine::DeviceBatch;
use crate::engine::loss::Loss;
use crate::network::{Network, Shape};
use crate::seed::Stream;
use crate::space::{self, Task};
use ndarray::Array4;
use tch::Device;

fn networks(n: usize, cells: usize) -> Vec<Network> {
    let space = space::open(&format!("nas-bench-201:channels=4,cells={cells}")).unwrap();
    let task = Task::classify(Shape::new(3, 8, 8), 10);
    let mut stream = Stream::named(3, "tape");
    let live = std::iter::from_fn(|| Some(space.build(&space.sample(&mut stream), &task).unwrap().live()));
    live.flatten().take(n).collect()
}

fn batch(n: usize) -> DeviceBatch {
    let mut stream = Stream::named(3, "images");
    let images = Array4::from_shape_simple_fn((n, 3, 8, 8), || stream.normal() as f32);
    DeviceBatch::new(&images, &(0..n).map(|i| i % 10).collect::<Vec<_>>(), Device::Cpu).unwrap()
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    ((a - b).abs().max() / a.abs().max().clamp_min(1e-6)).double_value(&[])
}

#[test]
fn loops_and_stacked_calls_agree_and_a_population_equals_its_members() {
    let (networks, batch) = (networks(6, 1), batch(6));
    let population: Vec<(&Network, u64)> = networks.iter().map(|n| (n, 5)).collect();
    let keep = Keep { tape: true, layer_outputs: true, codes: true };
    let weights = |population: &[(&Network, u64)]| -> Vec<Weights> {
        population.iter().map(|&(n, s)| Weights::init(n, s, Device::Cpu, None).unwrap()).collect()
    };
    let (plan, together) = (Plan::new(&population), weights(&population));
    assert!(plan.nodes.len() < networks.iter().map(|n| n.nodes().len()).sum(), "the stem at least is shared");
    let loops = Tape::forward_as(&plan, &together, Norms::Untrained, batch.images(), keep, None, false).unwrap();
    let stacked = Tape::forward_as(&plan, &together, Norms::Untrained, batch.images(), keep, None, true).unwrap();
    let wanted = Wanted { images: true, weights: true, affine: false };
    for (k, &member) in population.iter().enumerate() {
        let (plan, weights) = (Plan::new(&[member]), weights(&[member]));
        let alone = Tape::forward(&plan, &weights, batch.images(), keep, None).unwrap();
        let gradient = |tape: &Tape<'_>, k: usize| {
            let loss = Loss::new(tape.plan.networks[k].target(), batch.labels(), 0.0);
            let top = loss.gradient(&tape.logits(k).unwrap()).unwrap();
            tape.backward(k, &top, wanted, &mut |_, _| Ok(())).unwrap()
        };
        let (a, b, c) = (gradient(&alone, 0), gradient(&loops, k), gradient(&stacked, k));
        assert_eq!(alone.logits(0).unwrap(), loops.logits(k).unwrap());
        assert_eq!(a.images, b.images);
        assert_eq!(a.weights, b.weights);
        assert_eq!(alone.code_kernel(0, 6), loops.code_kernel(k, 6));
        assert!(largest_difference(&a.images.unwrap(), &c.images.unwrap()) < 1e-4);
        for (a, c) in a.weights.iter().flatten().zip(c.weights.iter().flatten()) {
            assert!(largest_difference(a, c) < 1e-3, "{a} {c}");
        }
    }
}

#[test]
fn a_population_needs_few_calls_per_network() {
    // 59 calls per network together, 372 one by one.
    let networks = networks(64, 5);
    let alone: usize = networks.iter().map(|n| Plan::new(&[(n, 0)]).calls()).sum();
    let population: Vec<(&Network, u64)> = networks.iter().map(|n| (n, 0)).collect();
    let together = Plan::new(&population).calls();
    assert!(together * 6 < alone, "{together} calls for 64 networks, {alone} one by one");
}
