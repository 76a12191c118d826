//! Every proxy against the float64 PyTorch reference in `tests/golden/reference.py`, on the same weights and images.

use std::collections::BTreeMap;

use naslens::engine::{DeviceBatch, Engine, Pass, prepare_process};
use naslens::network::Shape;
use naslens::proxy::{self, PROXIES, Score, Status, View};
use naslens::seed::Stream;
use naslens::space::{self, Task};
use ndarray::Array4;
use serde_json::Value;
use tch::Device;

/// Proxies that are compared on a batch of 16 images of three classes.
const MANY_IMAGES: [&str; 2] = ["epe_nas", "swap"];

/// How far float32 may be from the float64 reference.
enum Tolerance {
    /// |value - reference| / max(|reference|, 1)
    Relative(f64),
    /// |value - reference| / snip: `plain` is a sum that nearly cancels.
    OfSnip(f64),
}

fn tolerance(name: &str, deep: bool) -> Tolerance {
    match name.split('@').next().unwrap_or(name) {
        "params" | "flops" | "layers" | "activations" => Tolerance::Relative(0.0),
        // The logarithm itself is compared, absolutely since it is above 1; `synflow@bn` runs in float64.
        "synflow" => Tolerance::Relative(1e-7),
        "l2_norm" | "logsynflow" => Tolerance::Relative(1e-6),
        "plain" => Tolerance::OfSnip(1e-5),
        // As below: a few images of 3,000 may share or leave a code.
        "linear_regions" => Tolerance::Relative(1e-3),
        // A ReLU input within rounding of zero may fire in one precision and not in the other.
        "naswot" => Tolerance::Relative(1e-5),
        // Two gradients that nearly agree have a large and ill-conditioned quotient, and a layer's sum can be one such
        // quotient. PyTorch in float32 strays from float64 by up to 3 % too.
        "zico" => Tolerance::Relative(5e-2),
        // Float32 gradients of 80 layers are off by more, and squares, and logarithms of correlations near zero, magnify
        // it. PyTorch in float32 strays from float64 by up to 8e-3 (epe_nas), 5e-4 (grasp) and 2e-4 (fisher).
        "fisher" | "grasp" | "ntk_cond" if deep => Tolerance::Relative(5e-3),
        "epe_nas" if deep => Tolerance::Relative(2e-2),
        _ => Tolerance::Relative(1e-4),
    }
}

#[test]
fn every_proxy_equals_pytorch_in_float64() {
    prepare_process();
    let cases: Value = serde_json::from_str(include_str!("golden/proxies.json")).unwrap();
    let (mut compared, mut wrong) = (0, Vec::new());
    let mut worst: BTreeMap<&str, f64> = BTreeMap::new();
    for case in cases.as_array().unwrap() {
        let number = |key: &str| case[key].as_u64().unwrap() as usize;
        let seed = number("seed") as u64;
        let options = match case["space"].as_str().unwrap() {
            "nas-bench-201" | "nas-bench-101" => {
                format!(":channels={},cells={}", number("init_channels"), number("cells"))
            }
            _ => String::new(),
        };
        let space = space::open(&format!("{}{options}", case["space"].as_str().unwrap())).unwrap();
        let size = number("image_size");
        let batch_of = |n: usize, classes: usize| {
            let mut stream = Stream::named(seed, "images");
            let images = Array4::from_shape_simple_fn((n, 3, size, size), || {
                (2.0 * stream.uniform_f32() - 1.0) * 3f64.sqrt() as f32
            });
            let labels: Vec<usize> = (0..n).map(|i| i % classes).collect();
            DeviceBatch::new(&images, &labels, Device::Cpu).unwrap()
        };
        let (batch, many) = (batch_of(number("batch"), 10), batch_of(16, 3));
        let arch = space.parse(case["arch"].as_str().unwrap()).unwrap();
        let specified = space.build(&arch, &Task::classify(Shape::new(3, size, size), 10)).unwrap();
        let live = specified.live();
        let deep = specified.layers().count() > 40;
        let engine = Engine::new(Device::Cpu);
        let passes_of = |view: View| -> Vec<Pass> {
            PROXIES.iter().filter(|p| p.view == view).flat_map(|p| p.passes.iter().copied()).collect()
        };
        let run_live = live.as_ref().map(|net| engine.run(net, seed, &batch, &passes_of(View::Live)).unwrap());
        let many_passes: Vec<Pass> = MANY_IMAGES.iter().flat_map(|p| proxy::find(p).unwrap().passes).copied().collect();
        let run_many = live.as_ref().map(|net| engine.run(net, seed, &many, &many_passes).unwrap());
        let run_specified = engine.run(&specified, seed, &batch, &passes_of(View::Specified)).unwrap();
        let snip = case["values"]["snip"]["value"].as_f64();
        for proxy in &PROXIES {
            let key = match proxy.name {
                "flops" => "macs",
                "params@live" => "params_live",
                "flops@live" => continue,
                name => name,
            };
            let expected = &case["values"][key];
            if proxy.name == "linear_regions" && expected.is_null() {
                continue; // the reference thins networks of one space only
            }
            let live = if MANY_IMAGES.contains(&proxy.name) { &run_many } else { &run_live };
            let score = match (proxy.view, live) {
                (View::Live, None) => Score::status(Status::Dead),
                (View::Live, Some(passes)) => proxy.evaluate(passes),
                // Only counts are defined for a network that computes nothing.
                (View::Specified, None) if !proxy.passes.is_empty() => Score::status(Status::Dead),
                (View::Specified, _) => proxy.evaluate(&run_specified),
            };
            let what = format!("{} of {} seed {seed}", proxy.name, case["arch"]);
            // The reference counts nothing on a dead network; naslens says that it is dead.
            if score.get_status() == Status::Dead && matches!(proxy.name, "params@live" | "layers") {
                continue;
            }
            assert_eq!(score.get_status().name(), expected["status"].as_str().unwrap(), "{what}");
            if let Some(value) = score.value() {
                let reference = expected["value"].as_f64().unwrap();
                let (error, limit) = match tolerance(proxy.name, deep) {
                    Tolerance::Relative(limit) => ((value - reference).abs() / reference.abs().max(1.0), limit),
                    Tolerance::OfSnip(limit) => ((value - reference).abs() / snip.unwrap(), limit),
                };
                let worst = worst.entry(proxy.name).or_insert(0.0);
                *worst = error.max(*worst);
                if error > limit {
                    wrong.push(format!("{what}: {value}, reference {reference}, error {error:.1e}"));
                }
                compared += 1;
            }
        }
        if let Some(passes) = &run_live {
            let loss = case["loss"].as_f64().unwrap();
            assert!((passes.loss.unwrap() - loss).abs() < 1e-5 * loss, "loss {:?}, reference {loss}", passes.loss);
        }
    }
    worst.iter().for_each(|(name, error)| println!("{name}: largest error {error:.1e}"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 250, "only {compared} values were compared");
    assert!(proxy::find("naswot").is_ok());
}
