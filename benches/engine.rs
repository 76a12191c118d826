//! The kernels that scoring spends its time in, each beside what it replaces and beside the machine's own peak.
//!
//! `cargo bench` prints times; read the ratios within a group, which one run measures on one machine.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use naslens::data::{self, DataSpec};
use naslens::engine::{CodeKernel, DeviceBatch, Engine, Pass, channels_last, prepare_process};
use naslens::network::{Network, Shape};
use naslens::seed::Stream;
use naslens::space::{self, Task};
use naslens::stats::kendall_tau;
use std::hint::black_box;
use tch::{Device, Kind, Tensor};

/// A cell of middle size: 53 layers in the published skeleton.
const ARCH: &str = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|";
const BATCH: usize = 64;

fn network() -> Network {
    let space = space::open("nas-bench-201").expect("a known space");
    let arch = space.parse(ARCH).expect("a well-formed architecture");
    let task = Task::classify(Shape::new(3, 32, 32), 10);
    space.build(&arch, &task).expect("fits 32x32 images").live().expect("is alive")
}

fn batch() -> DeviceBatch {
    let digits = data::open(&DataSpec::default()).expect("built in");
    let batch = data::draw_batch(&digits, Shape::new(3, 32, 32), BATCH, 0, false).expect("large enough");
    DeviceBatch::new(&batch.images, &batch.labels, Device::Cpu).expect("fits in memory")
}

fn normal(size: &[i64], seed: u64) -> Tensor {
    let mut stream = Stream::new(seed);
    let values: Vec<f32> = (0..size.iter().product()).map(|_| stream.normal() as f32).collect();
    Tensor::from_slice(&values).reshape(size)
}

/// One train-mode forward, with and without the loss gradient, beside a matrix product of the same work.
fn passes(c: &mut Criterion) {
    let (engine, network, batch) = (Engine::new(Device::Cpu), network(), batch());
    let macs = network.macs() * BATCH as u64;
    let run = |passes: &[Pass]| black_box(engine.run(&network, 0, &batch, passes).expect("runs").seconds.len());
    let mut group = c.benchmark_group("one network, batch 64");
    group.sample_size(10);
    group.throughput(Throughput::Elements(2 * macs));
    group.bench_function("codes: forward (1x the work)", |b| b.iter(|| run(&[Pass::Codes])));
    group.bench_function("loss gradient: forward and backward (3x)", |b| b.iter(|| run(&[Pass::LossGradient])));
    group.bench_function("codes and loss gradient (3x)", |b| b.iter(|| run(&[Pass::Codes, Pass::LossGradient])));
    group.bench_function("input gradient: forward and backward (2x)", |b| b.iter(|| run(&[Pass::InputGradient])));
    let side = 1024;
    let rows = (macs / (side * side)) as i64;
    let (a, w) = (normal(&[rows, side as i64], 1), normal(&[side as i64, side as i64], 2));
    group.bench_function("the floor: sgemm (1x)", |b| b.iter(|| black_box(a.matmul(&w))));
    group.finish();
}

/// SynFlow by a forward pair in float32, beside autograd in float64.
fn synflow(c: &mut Criterion) {
    let (engine, network, batch) = (Engine::new(Device::Cpu), network(), batch());
    let mut group = c.benchmark_group("synflow");
    group.sample_size(20);
    for (name, pass) in [("forward pair, log domain", Pass::Dual), ("autograd, float64", Pass::LinearGradient)] {
        group.bench_function(name, |b| {
            b.iter(|| black_box(engine.run(&network, 0, &batch, &[pass]).expect("runs").seconds.len()));
        });
    }
    group.finish();
}

/// SynFlow and ReLU codes of 16 networks with shared weights, one by one and as one population.
fn populations(c: &mut Criterion) {
    let (engine, batch) = (Engine::with_bank(Device::Cpu), batch());
    let space = space::open("nas-bench-201").expect("a known space");
    let task = Task::classify(Shape::new(3, 32, 32), 10);
    let mut stream = Stream::new(5);
    let live = std::iter::from_fn(|| Some(space.build(&space.sample(&mut stream), &task).expect("fits").live()));
    let networks: Vec<Network> = live.flatten().take(16).collect();
    for (name, pass) in [("synflow", Pass::Dual), ("codes", Pass::Codes)] {
        let mut group = c.benchmark_group(format!("{name} of 16 networks"));
        group.sample_size(10);
        for at_once in [1, 4, 16] {
            group.bench_function(format!("{at_once} at a time"), |b| {
                b.iter(|| {
                    for networks in networks.chunks(at_once) {
                        let population: Vec<(&Network, u64)> = networks.iter().map(|n| (n, 0)).collect();
                        black_box(engine.run_population(&population, &batch, &[pass]).expect("runs").len());
                    }
                });
            });
        }
        group.finish();
    }
}

/// The agreement matrix of ReLU codes from packed bits, beside two float matrix products.
fn codes(c: &mut Criterion) {
    let z = channels_last(&normal(&[BATCH as i64, 16, 32, 32], 3)).expect("four dimensions");
    let mut group = c.benchmark_group("ReLU codes, 64 x 16x32x32");
    group.bench_function("packed bits", |b| {
        b.iter(|| {
            let mut kernel = CodeKernel::new(BATCH);
            kernel.add(&z).expect("float32");
            black_box(kernel.neurons())
        });
    });
    group.bench_function("two float products", |b| {
        b.iter(|| {
            let x = z.gt(0.0).to_kind(Kind::Float).flatten(1, -1);
            let y = x.ones_like() - &x;
            black_box(x.matmul(&x.tr()) + y.matmul(&y.tr()))
        });
    });
    group.finish();
}

fn statistics(c: &mut Criterion) {
    let mut stream = Stream::new(4);
    let mut column = || (0..15_625).map(|_| (stream.normal() * 100.0).round()).collect::<Vec<f64>>();
    let (x, y) = (column(), column());
    c.bench_function("kendall tau-b, 15,625 pairs with ties", |b| b.iter(|| black_box(kendall_tau(&x, &y))));
}

fn all(c: &mut Criterion) {
    prepare_process();
    passes(c);
    synflow(c);
    populations(c);
    codes(c);
    statistics(c);
}

criterion_group!(benches, all);
criterion_main!(benches);
