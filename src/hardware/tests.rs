use std::sync::atomic::AtomicBool;

use super::features::{Features, features};
use super::model::FittedLatency;
use super::*;
use crate::network::{Network, Op};
use crate::seed::Stream;
use crate::space::{self, SearchSpace, SpaceSpec, Task};
use crate::stats::kendall_tau;

const TINY: &str = "nas-bench-201:channels=4,cells=1";
const TASK: Task = Task::classify(Shape::new(3, 8, 8), 10);

/// As narrow as the space allows.
fn spec_of(name: &str) -> SpaceSpec {
    format!("{name}:channels=4,cells=1").parse().or_else(|_| SpaceSpec::new(name)).unwrap()
}

fn space_of(name: &str) -> Box<dyn SearchSpace> {
    spec_of(name).open().unwrap()
}

fn sampled(name: &str, n: usize) -> Vec<(String, Network)> {
    let space = space_of(name);
    let mut stream = Stream::named(1, "latency tests");
    let network = |_| {
        let arch = space.sample(&mut stream);
        (space.format(&arch), space.build(&arch, &TASK).unwrap())
    };
    (0..n).map(network).filter(|(_, network)| network.live().is_some()).collect()
}

/// Milliseconds: every operation takes time of its own, dead ends included.
fn additive(network: &Network) -> f64 {
    let of = |id: usize| {
        let (node, operand) = (&network.nodes()[id], network.operand_shape(id));
        match node.op {
            Op::Input => 0.5,
            Op::Add => 0.011 * (node.inputs.len() - 1) as f64,
            Op::Zero { .. } => 0.0,
            op => 0.02 + 1e-6 * op.macs(operand, node.shape) as f64 + 1e-5 * node.shape.len() as f64,
        }
    };
    (0..network.nodes().len()).map(of).sum()
}

fn known(networks: &[(String, Network)], latency: impl Fn(&Network) -> f64) -> Vec<KnownLatency> {
    networks.iter().map(|(arch, n)| KnownLatency { arch: arch.clone(), latency_ms: latency(n) }).collect()
}

fn settings(space: &str) -> ModelSettings {
    let origin = Origin::Published { table: "made up".into(), column: "ms".into() };
    ModelSettings { space: spec_of(space), image: TASK.input, classes: TASK.target.outputs(), origin }
}

#[test]
fn an_additive_latency_is_recovered() {
    for (space, n) in [("nas-bench-201", 80), ("fbnet", 300)] {
        let networks = sampled(space, n + 60);
        let (measured, fresh) = networks.split_at(n);
        let model = LatencyModel::fit(settings(space), known(measured, additive)).unwrap();
        for (arch, network) in fresh {
            let (found, truth) = (model.predict(network), additive(network));
            assert!((found.ms - truth).abs() < 2e-3 * truth, "{arch}: {found:?}, {truth}");
            assert!(found.low_ms <= found.ms && found.ms <= found.high_ms);
        }
    }
}

#[test]
fn few_noisy_measurements_order_fresh_networks() {
    let networks = sampled("nas-bench-201", 300);
    let mut stream = Stream::named(2, "noise");
    let noisy: Vec<f64> = networks.iter().map(|(_, n)| additive(n) * (1.0 + 0.03 * stream.normal())).collect();
    let counted: Vec<Features> = networks.iter().map(|(_, n)| features(n, 1)).collect();
    let fitted = FittedLatency::new(&counted[..30].iter().collect::<Vec<_>>(), &noisy[..30]).unwrap();
    let predicted: Vec<_> = counted[30..].iter().map(|f| fitted.predict(f)).collect();
    let means: Vec<f64> = predicted.iter().map(|p| p.ms).collect();
    let truth: Vec<f64> = networks[30..].iter().map(|(_, n)| additive(n)).collect();
    let tau = kendall_tau(&means, &truth).unwrap();
    assert!(tau > 0.85, "{tau}");
    let held = predicted.iter().zip(&noisy[30..]).filter(|(p, y)| p.low_ms <= **y && **y <= p.high_ms).count();
    assert!((0.8..=1.0).contains(&(held as f64 / means.len() as f64)), "{held} of {}", means.len());
    assert!(matches!(
        FittedLatency::new(&[&counted[0]], &noisy[..1]),
        Err(HardwareError::TooFew { found: 1, least: 9 })
    ));
}

#[test]
fn operations_that_nobody_measured_cost_what_their_kind_does() {
    // No 3x3 convolution in the cells that are measured, but those of stem and reductions.
    let (without, with): (Vec<_>, Vec<_>) =
        sampled("nas-bench-201", 600).into_iter().partition(|(arch, _)| !arch.contains("nor_conv_3x3"));
    let model = LatencyModel::fit(settings("nas-bench-201"), known(&without, additive)).unwrap();
    let predicted: Vec<f64> = with.iter().map(|(_, n)| model.predict(n).ms).collect();
    let truth: Vec<f64> = with.iter().map(|(_, n)| additive(n)).collect();
    let tau = kendall_tau(&predicted, &truth).unwrap();
    assert!(tau > 0.6, "{tau}");
}

#[test]
fn a_model_reads_back_and_belongs_to_its_networks() {
    let networks = sampled("nas-bench-201", 40);
    let model = LatencyModel::fit(settings("nas-bench-201"), known(&networks, additive)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.json");
    std::fs::write(&path, model.to_json().unwrap()).unwrap();
    let back = LatencyModel::read(&path).unwrap();
    assert_eq!(back.settings(), model.settings());
    for (_, network) in &networks {
        assert_eq!(back.predict(network), model.predict(network));
    }

    let open = |name: &str, image| {
        let space = space::open(name).unwrap();
        let settings =
            LimitSettings { max_latency_ms: Some(3.0), latency_model: Some(path.clone()), ..LimitSettings::default() };
        Limits::open(&settings, &Target { space: space.as_ref(), image })
    };
    let limits = open(TINY, TASK.input).unwrap();
    for (_, network) in &networks {
        let costs = limits.costs(network);
        assert_eq!(limits.admit(&costs), costs.latency.unwrap().high_ms <= 3.0);
    }
    let limit = limits.latency.unwrap();
    assert!(matches!(limit.measure(&networks[0].1, &AtomicBool::new(false)), Err(HardwareError::OtherMachine { .. })));
    for (name, image, part) in [
        ("fbnet", TASK.input, "the space nas-bench-201"),
        ("nas-bench-201", TASK.input, "the skeleton nas-bench-201:cells=1,channels=4"),
        (TINY, Shape::new(3, 32, 32), "images of 3x8x8"),
    ] {
        let message = open(name, image).unwrap_err().to_string();
        assert!(message.contains(part) && message.contains("naslens latency --fit"), "{message}");
    }
    let sparse = dir.path().join("sparse");
    std::fs::File::create(&sparse).unwrap().set_len(1 << 32).unwrap();
    for (file, reason) in [(std::path::Path::new("/dev/zero"), "not a regular file"), (&sparse, "4096 MB")] {
        let message = LatencyModel::read(file).unwrap_err().to_string();
        assert!(message.contains(reason), "{message}");
    }
    std::fs::write(&path, "{}").unwrap();
    assert!(matches!(LatencyModel::read(&path), Err(HardwareError::NoModel { .. })));
    let space = space_of("nas-bench-201");
    let target = Target { space: space.as_ref(), image: TASK.input };
    let open = |ms: Option<f64>, mb: Option<f64>| {
        let settings = LimitSettings { max_latency_ms: ms, max_model_mb: mb, ..LimitSettings::default() };
        Limits::open(&settings, &target)
    };
    assert!(matches!(open(Some(1.0), None), Err(HardwareError::LimitWithoutModel)));
    assert!(matches!(open(Some(-1.0), None), Err(HardwareError::LimitValue(_))));
    assert!(matches!(open(None, Some(0.0)), Err(HardwareError::SizeLimit(_))));
    assert!(open(None, None).unwrap().is_empty());
    let wrong = vec![KnownLatency { arch: networks[0].0.clone(), latency_ms: 0.0 }];
    assert!(matches!(LatencyModel::fit(settings("nas-bench-201"), wrong), Err(HardwareError::Value { .. })));
}

#[test]
fn sizes_are_those_of_the_live_part_and_limits_are_exact() {
    let space = space_of("nas-bench-201");
    let target = Target { space: space.as_ref(), image: TASK.input };
    for (_, network) in sampled("nas-bench-201", 20) {
        let live = network.live().unwrap();
        let (params, mb) = (live.params(), live.state_bytes() as f64 / 1e6);
        let limits = |max_params, max_model_mb| {
            let settings = LimitSettings { max_params, max_model_mb, ..LimitSettings::default() };
            Limits::open(&settings, &target).unwrap()
        };
        let both = limits(Some(params), Some(mb));
        let costs = both.costs(&network);
        assert_eq!(costs.values, [params as f64, mb]);
        assert!(both.admit(&costs), "a limit itself is allowed");
        let (fewer, smaller) = (limits(Some(params - 1), None), limits(None, Some(mb - 1e-6)));
        assert!(!fewer.admit(&fewer.costs(&network)) && !smaller.admit(&smaller.costs(&network)));
        let said = fewer.least([fewer.costs(&network)].iter());
        assert!(said.contains("parameters (limit ") && said.starts_with("the smallest has"), "{said}");
    }
}

#[test]
fn measurements_are_finite_and_ordered() {
    let networks: Vec<Network> =
        sampled("nas-bench-201", 4).into_iter().map(|(_, network)| network.live().unwrap()).collect();
    let stop = AtomicBool::new(false);
    for (batch, folded) in [(1, true), (4, false)] {
        let setting = Setting::here("cpu", 1, batch, folded).unwrap();
        assert_eq!(setting.again_here().unwrap(), setting);
        let mut visits = Vec::new();
        let refs: Vec<&Network> = networks.iter().collect();
        let options = MeasureOptions { runs: 9, stop: &stop };
        let found = measure(&refs, &setting, options, &mut |done, of| visits.push((done, of))).unwrap();
        assert_eq!(visits.last(), Some(&(5 * refs.len(), 5 * refs.len())));
        for (m, network) in found.iter().zip(&networks) {
            let t = m.timing;
            assert!(t.p50_ms.is_finite() && t.min_ms > 0.0 && t.min_ms <= t.p50_ms && t.p50_ms <= t.p95_ms, "{m:?}");
            assert!(t.p50_interval.low <= t.p50_ms && t.p50_ms <= t.p50_interval.high);
            assert!(t.min_ms <= m.quiet_ms && m.quiet_ms <= t.p95_ms);
            assert!(m.runs >= 5 && (0.0..=1.0).contains(&m.disturbed) && m.warm_up_runs >= 10);
            assert_eq!((m.device_memory_bytes, m.macs), (None, network.macs()));
            assert!(m.memory_bytes > 4 * m.params);
        }
    }
    let setting = Setting::here("cpu", 1, 1, true).unwrap();
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let refs: Vec<&Network> = networks.iter().collect();
    let stopped = measure(&refs, &setting, MeasureOptions { runs: 9, stop: &stop }, &mut |_, _| {});
    assert!(matches!(stopped, Err(HardwareError::Interrupted { done: 0, .. })));
}
