//! Proxies on networks and batches at the edge of their definitions: a status says why there is no score.

use naslens::engine::{DeviceBatch, Engine, Pass, prepare_process};
use naslens::network::{Conv2d, Network, NetworkBuilder, Op, Shape, Task};
use naslens::proxy::{PROXIES, Score, Status, find};
use naslens::seed::Stream;
use naslens::space;
use ndarray::{Array3, Array4};
use tch::Device;

fn batch(n: usize, pixels: usize) -> DeviceBatch {
    let mut stream = Stream::named(0, "edge cases");
    let images = Array4::from_shape_simple_fn((n, 3, pixels, pixels), || stream.normal() as f32);
    DeviceBatch::new(&images, &(0..n).map(|i| i % 2).collect::<Vec<_>>(), Device::Cpu).unwrap()
}

fn every_pass() -> Vec<Pass> {
    PROXIES.iter().flat_map(|p| p.passes).copied().collect()
}

fn scores<'n>(network: &'n Network, batch: &DeviceBatch) -> impl Fn(&str) -> Score + use<'n> {
    prepare_process();
    let together = Engine::new(Device::Cpu).run(network, 1, batch, &every_pass()).unwrap();
    move |name| find(name).unwrap().evaluate(&together)
}

/// conv (grouped), norm, optional ReLU, maximum pooling, conv with bias, global pooling, classifier.
fn network(pixels: usize, relu: bool) -> Network {
    let mut b = NetworkBuilder::new(Shape::new(3, pixels, pixels));
    let x = b.conv("a", 0, Conv2d::same(3, 4, 3, 1)).unwrap();
    let x = b.batch_norm(x).unwrap();
    let x = if relu { b.relu(x).unwrap() } else { x };
    let x = b.conv("b", x, Conv2d { groups: 2, bias: true, ..Conv2d::same(4, 6, 3, 2) }).unwrap();
    let x = b.apply(Op::GlobalAvgPool, x).unwrap();
    let x = b.linear("classifier", x, 5).unwrap();
    b.finish(x)
}

#[test]
fn networks_without_relu_have_no_patterns_and_other_scores() {
    let network = network(8, false);
    let batch = batch(8, 8);
    let score = scores(&network, &batch);
    for name in ["swap", "linear_regions"] {
        assert_eq!(score(name).get_status(), Status::Unsupported, "{name}");
    }
    for name in ["fisher", "grasp", "epe_nas", "zico", "gradsign", "meco", "zen", "ntk_cond", "synflow@bn", "vkdnw"] {
        assert_eq!(score(name).get_status(), Status::Ok, "{name}");
    }
}

#[test]
fn few_images_reach_the_ceiling_and_one_has_no_halves() {
    let network = network(8, true);
    let (one, four) = (batch(1, 8), batch(4, 8));
    let score = scores(&network, &four);
    assert_eq!(score("swap").get_status(), Status::Saturated, "16 patterns, hundreds of neurons");
    let score = scores(&network, &one);
    for name in ["zico", "ntk_cond", "gradsign", "jacov", "epe_nas", "naswot"] {
        assert_eq!(score(name).get_status(), Status::Unsupported, "{name}");
    }
}

/// Whatever the batch, a score that every network shares, or that only rounding tells apart, is none.
#[test]
fn small_and_uniform_batches_give_no_constant_and_no_rounding_noise() {
    const ONLY_CLASS: &str = "the only class there is";
    prepare_process();
    let space = space::open("nas-bench-201:channels=4,cells=1").unwrap();
    let engine = Engine::new(Device::Cpu);
    let proxies: Vec<_> = PROXIES.iter().filter(|p| p.min_batch > 0).collect();
    let wanted: Vec<Pass> = proxies.iter().flat_map(|p| p.passes).copied().collect();
    let labels = |n: usize| (0..n).map(|i| i % 5).collect::<Vec<_>>();
    let mut batches: Vec<(String, usize, DeviceBatch)> = Vec::new();
    for pixels in [4, 8] {
        let mut stream = Stream::named(1, "small");
        for n in [1, 2, 3] {
            let images = Array4::from_shape_simple_fn((n, 3, pixels, pixels), || stream.normal() as f32);
            batches.push((format!("{n} images"), pixels, DeviceBatch::new(&images, &labels(n), Device::Cpu).unwrap()));
        }
        let one = Array3::from_shape_simple_fn((3, pixels, pixels), || stream.normal() as f32);
        let equal = Array4::from_shape_fn((7, 3, pixels, pixels), |(_, c, h, w)| one[[c, h, w]]);
        batches.push(("equal images".into(), pixels, DeviceBatch::new(&equal, &[0; 7], Device::Cpu).unwrap()));
        for value in [0.0, 0.7] {
            let blank = Array4::from_elem((7, 3, pixels, pixels), value);
            batches.push((format!("all {value}"), pixels, DeviceBatch::new(&blank, &labels(7), Device::Cpu).unwrap()));
        }
        let images = Array4::from_shape_simple_fn((7, 3, pixels, pixels), || stream.normal() as f32);
        batches.push(("one class".into(), pixels, DeviceBatch::new(&images, &[2; 7], Device::Cpu).unwrap()));
        batches.push((ONLY_CLASS.into(), pixels, DeviceBatch::new(&images, &[0; 7], Device::Cpu).unwrap()));
    }
    for (what, pixels, batch) in &batches {
        let classes = if what == ONLY_CLASS { 1 } else { 5 };
        let task = Task::classify(Shape::new(3, *pixels, *pixels), classes);
        let mut stream = Stream::named(2, "networks");
        let drawn = std::iter::from_fn(|| Some(space.build(&space.sample(&mut stream), &task).unwrap().live()));
        let networks: Vec<Network> = drawn.flatten().take(8).collect();
        let runs: Vec<_> = networks.iter().map(|n| engine.run(n, 3, batch, &wanted).unwrap()).collect();
        for proxy in &proxies {
            let values: Vec<f64> = runs.iter().filter_map(|run| proxy.evaluate(run).value()).collect();
            let largest = values.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let spread = sorted.last().unwrap_or(&0.0) - sorted.first().unwrap_or(&0.0);
            assert!(
                values.len() < 3 || (largest > 1e-9 && spread > 1e-5 * largest),
                "{} on {what} of {pixels} pixels: {values:?}",
                proxy.name
            );
        }
    }
}

/// Blocks: a convolution, nothing at all, a grouped convolution that lowers 7x7 pixels to 4x4.
#[test]
fn blocks_may_be_the_identity_and_of_odd_size_but_there_must_be_two() {
    let build = |blocks: usize| {
        let mut b = NetworkBuilder::new(Shape::new(3, 7, 7));
        let x = b.conv("a", 0, Conv2d::same(3, 4, 3, 1)).unwrap();
        let x = b.batch_norm(x).unwrap();
        let last = b.conv("b", x, Conv2d { groups: 2, ..Conv2d::same(4, 6, 3, 2) }).unwrap();
        [x, x, last].into_iter().take(blocks).for_each(|x| b.end_block(x));
        let x = b.apply(Op::GlobalAvgPool, last).unwrap();
        let x = b.linear("classifier", x, 5).unwrap();
        b.finish(x)
    };
    for images in [1, 6] {
        let batch = batch(images, 7);
        let statuses = |blocks| {
            let network = build(blocks);
            let score = scores(&network, &batch);
            ["az_expressivity", "az_progressivity", "az_trainability"].map(|name| score(name).get_status())
        };
        assert_eq!(statuses(0), [Status::Unsupported; 3]);
        assert_eq!(statuses(1), [Status::Ok, Status::Unsupported, Status::Unsupported]);
        assert_eq!(statuses(3), [Status::Ok, Status::Ok, Status::Saturated]);
    }
    let (network, batch) = (build(2), batch(6, 7));
    let score = scores(&network, &batch);
    assert_eq!(score("az_progressivity").value(), Some(0.0), "the identity keeps the entropy");
    assert_eq!(score("az_trainability").get_status(), Status::Saturated, "and the gradients");
}

#[test]
fn channels_without_input_count_as_zeros() {
    let mut b = NetworkBuilder::new(Shape::new(3, 8, 8));
    let used = b.conv("used", 0, Conv2d::same(3, 4, 3, 1)).unwrap();
    let used = b.relu(used).unwrap();
    let zero = b.apply(Op::Zero { channels: 3 }, 0).unwrap();
    let fed_by_zero = b.conv("fed by zero", zero, Conv2d::same(3, 2, 3, 1)).unwrap();
    let x = b.concat(&[fed_by_zero, used]).unwrap();
    let x = b.apply(Op::ChannelShuffle { groups: 2 }, x).unwrap();
    let x = b.conv("after", x, Conv2d::same(6, 4, 3, 1)).unwrap();
    let x = b.apply(Op::GlobalAvgPool, x).unwrap();
    let x = b.linear("classifier", x, 5).unwrap();
    let (network, batch) = (b.finish(x), batch(4, 8));
    let live = network.live().unwrap();
    prepare_process();
    for name in ["jacov", "naswot", "synflow", "grad_norm", "snip"] {
        let proxy = find(name).unwrap();
        let [live, specified] = [&live, &network].map(|network| {
            let passes = Engine::new(Device::Cpu).run(network, 1, &batch, proxy.passes).unwrap();
            proxy.evaluate(&passes).value().unwrap()
        });
        assert!((live - specified).abs() <= 1e-5 * specified.abs(), "{name}: {live} and {specified}");
    }
}

#[test]
fn images_of_one_pixel_have_no_correlation_between_channels() {
    let network = network(1, true);
    let score = scores(&network, &batch(4, 1));
    assert_eq!(score("meco").get_status(), Status::Unsupported);
}

#[test]
fn layers_that_cannot_reach_the_output_have_gradient_zero() {
    let mut b = NetworkBuilder::new(Shape::new(3, 8, 8));
    let x = b.conv("a", 0, Conv2d::same(3, 4, 3, 1)).unwrap();
    let x = b.relu(x).unwrap();
    b.conv("dead end", x, Conv2d::same(4, 4, 3, 1)).unwrap();
    let x = b.apply(Op::GlobalAvgPool, x).unwrap();
    let x = b.linear("classifier", x, 5).unwrap();
    let network = b.finish(x);
    let live = network.live().unwrap();
    let batch = batch(8, 8);
    let (whole, part) = (scores(&network, &batch), scores(&live, &batch));
    for name in ["fisher", "grasp", "zico", "gradsign", "ntk_cond", "synflow@bn", "grad_norm", "epe_nas"] {
        assert_eq!(whole(name), part(name), "{name}");
    }
}

/// What a pass records must not depend on what else is run.
#[test]
fn scores_are_the_same_alone_and_together() {
    let network = network(8, true);
    let batch = batch(12, 8);
    let together = scores(&network, &batch);
    for proxy in &PROXIES {
        let alone = Engine::new(Device::Cpu).run(&network, 1, &batch, proxy.passes).unwrap();
        assert_eq!(proxy.evaluate(&alone), together(proxy.name), "{}", proxy.name);
    }
}

/// A layer followed by batch normalisation is invariant to the scale of its weight, so `w' H g = -|g|^2` there, up to the
/// epsilon of the normalisation.
#[test]
fn grasp_of_normalised_layers_is_the_squared_gradient_norm() {
    prepare_process();
    let network = network(8, true);
    let batch = batch(12, 8);
    let passes =
        Engine::new(Device::Cpu).run(&network, 1, &batch, &[Pass::LossGradient, Pass::HessianGradient]).unwrap();
    let (g, h) = (&passes.loss_gradient.as_ref().unwrap()[0], &passes.hessian_gradient.as_ref().unwrap()[0]);
    let product = (&h.weight * &h.gradient).sum(tch::Kind::Double).double_value(&[]);
    let square = g.gradient.square().sum(tch::Kind::Double).double_value(&[]);
    assert!((product + square).abs() < 5e-3 * square, "{product} {square}");
}

/// The signs by their definition: one image at a time through the shared train-mode pass.
#[test]
fn gradient_signs_equal_one_backward_pass_per_image() {
    prepare_process();
    let network = network(8, true);
    let mut stream = Stream::named(0, "edge cases");
    let images = Array4::from_shape_simple_fn((20, 3, 8, 8), || stream.normal() as f32);
    let labels: Vec<usize> = (0..20).map(|i| i % 2).collect();
    let engine = Engine::new(Device::Cpu);
    let all = DeviceBatch::new(&images, &labels, Device::Cpu).unwrap();
    let signs = engine.run(&network, 1, &all, &[Pass::GradientSigns]).unwrap().gradient_signs.unwrap();
    let mut expected: Vec<tch::Tensor> = signs.iter().map(|s| s.zeros_like()).collect();
    for (i, label) in labels.iter().enumerate() {
        let image = images.slice(ndarray::s![i..i + 1, .., .., ..]).to_owned();
        let one = DeviceBatch::new(&image, &[*label], Device::Cpu).unwrap();
        let passes = engine.run(&network, 1, &one, &[Pass::LossGradient]).unwrap();
        for (sum, layer) in expected.iter_mut().zip(passes.loss_gradient.unwrap()) {
            *sum += layer.gradient.sign().reshape(sum.size());
        }
    }
    for (signs, expected) in signs.iter().zip(&expected) {
        assert!(signs.equal(expected), "{signs} {expected}");
    }
}

#[test]
fn a_pixel_that_is_not_a_number_is_seen_in_the_scores() {
    let network = network(8, true);
    let mut images = Array4::<f32>::from_elem((4, 3, 8, 8), 0.5);
    images[[1, 0, 3, 3]] = f32::NAN;
    let batch = DeviceBatch::new(&images, &[0, 1, 2, 3], Device::Cpu).unwrap();
    let score = scores(&network, &batch);
    for name in ["grad_norm", "snip", "jacov", "fisher", "zico"] {
        assert_eq!(score(name).get_status(), Status::NonFinite, "{name}");
    }
}

/// The pages of the proxies name every status that a score can have.
#[test]
fn scores_have_the_statuses_that_their_entry_names() {
    let networks = [network(8, true), network(8, false), network(1, true)];
    for (network, pixels) in networks.iter().zip([8, 8, 1]) {
        for images in [1, 4, 16] {
            let batch = batch(images, pixels);
            let score = scores(network, &batch);
            for proxy in &PROXIES {
                let status = score(proxy.name).get_status();
                let named = Status::COMMON.contains(&status) || proxy.statuses.contains(&status);
                assert!(named, "{}: {status} with {images} images", proxy.name);
            }
        }
    }
}
