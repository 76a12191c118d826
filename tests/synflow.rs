//! SynFlow without a backward pass against its definition by automatic differentiation in float64.

use naslens::engine::{DeviceBatch, Dual, Engine, Pass, prepare_process, prepare_thread};
use naslens::network::{Network, Shape};
use naslens::seed::Stream;
use naslens::space::{self, Architecture, SearchSpace, Task};
use ndarray::Array4;
use rayon::prelude::*;
use tch::{Device, Kind};

const ALL_CONV: &str =
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|";

fn nas_bench_201(cells: Option<usize>) -> Box<dyn SearchSpace> {
    space::open(
        &cells.map_or("nas-bench-201:channels=16".into(), |n: usize| format!("nas-bench-201:channels=16,cells={n}")),
    )
    .unwrap()
}

fn live(space: &dyn SearchSpace, arch: &Architecture, pixels: usize) -> Option<Network> {
    space.build(arch, &Task::classify(Shape::new(3, pixels, pixels), 10)).unwrap().live()
}

/// Runs passes that need no images.
fn run(network: &Network, seed: u64, passes: &[Pass]) -> (Option<Dual>, Option<f64>) {
    let batch = DeviceBatch::new(&Array4::zeros((1, 3, 1, 1)), &[0], Device::Cpu).unwrap();
    let passes = Engine::new(Device::Cpu).run(network, seed, &batch, passes).unwrap();
    let saliency = passes.linear_gradient.map(|layers| {
        layers.iter().map(|l| (&l.weight * &l.gradient).abs().sum(Kind::Double).double_value(&[])).sum::<f64>()
    });
    (passes.dual, saliency)
}

fn error(network: &Network, seed: u64) -> f64 {
    let (dual, saliency) = run(network, seed, &[Pass::Dual, Pass::LinearGradient]);
    (dual.unwrap().log_tangent - saliency.unwrap().ln()).abs()
}

#[test]
fn dual_pass_equals_float64_autograd_on_the_published_skeleton() {
    prepare_process();
    let space = nas_bench_201(None);
    let rng = &mut Stream::named(0, "synflow test");
    let mut cases: Vec<(Architecture, u64)> = (0..200).map(|seed| (space.sample(rng), seed)).collect();
    cases.push((space.parse(ALL_CONV).unwrap(), 200));
    let pool = rayon::ThreadPoolBuilder::new().start_handler(|_| prepare_thread()).build().unwrap();
    let errors: Vec<f64> = pool.install(|| {
        cases.par_iter().filter_map(|(arch, seed)| Some(error(&live(space.as_ref(), arch, 32)?, *seed))).collect()
    });
    assert!(errors.len() > 170, "{} live networks", errors.len());
    let worst = errors.iter().copied().fold(0.0, f64::max);
    assert!(worst < 1e-6, "error of the logarithm {worst:e}");
    println!("{} networks, largest error of the logarithm {worst:.1e}", errors.len());
}

/// 20 cells per stage are far beyond float32, 100 beyond float64.
#[test]
fn deep_networks_do_not_overflow() {
    prepare_process();
    let arch = |text: &str| nas_bench_201(None).parse(text).unwrap();
    let deep = live(nas_bench_201(Some(20)).as_ref(), &arch(ALL_CONV), 8).unwrap();
    let (dual, saliency) = run(&deep, 0, &[Pass::Dual, Pass::LinearGradient]);
    let dual = dual.unwrap();
    assert!(dual.log_value.is_finite() && dual.log_value > f64::from(f32::MAX).ln(), "{dual:?}");
    assert!((dual.log_tangent - saliency.unwrap().ln()).abs() < 1e-6, "{dual:?} {saliency:?}");

    let deeper = live(nas_bench_201(Some(100)).as_ref(), &arch(ALL_CONV), 4).unwrap();
    let dual = run(&deeper, 0, &[Pass::Dual]).0.unwrap();
    assert!(dual.log_value.is_finite() && dual.log_value > f64::MAX.ln(), "{dual:?}");
    assert!(dual.log_tangent.is_finite() && dual.log_tangent > dual.log_value, "{dual:?}");
}

/// Values that shrink must not underflow either: one convolution per cell at most, weights far below one.
#[test]
fn extreme_cells_equal_float64_autograd() {
    prepare_process();
    let space = nas_bench_201(Some(3));
    for op in ["skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"] {
        for text in [ALL_CONV.replace("nor_conv_3x3", op), format!("|none~0|+|none~0|none~1|+|{op}~0|none~1|none~2|")] {
            let network = live(space.as_ref(), &space.parse(&text).unwrap(), 32).unwrap();
            let worst = (0..3).map(|seed| error(&network, seed)).fold(0.0, f64::max);
            assert!(worst < 1e-6, "{text}: {worst:e}");
        }
    }
}
