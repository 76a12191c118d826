//! Networks to export, and the folder as a whole.

use super::*;
use crate::network::{Conv2d, NetworkBuilder, Pool, Shape};
use crate::seed::Stream;
use crate::space::{SPACES, Task, open};
use proptest::prelude::*;
use tch::{Device, Kind};

/// Every operation once.
pub fn small() -> Network {
    let mut b = NetworkBuilder::new(Shape::new(3, 9, 9));
    let x = b.conv("stem.conv", 0, Conv2d::same(3, 8, 3, 1)).unwrap();
    let x = b.batch_norm(x).unwrap();
    b.end_block(x);
    let y = b.relu(x).unwrap();
    let y = b.conv("cells.0.expand", y, Conv2d { groups: 2, bias: true, ..Conv2d::same(8, 8, 1, 1) }).unwrap();
    let y = b.apply(Op::ChannelShuffle { groups: 2 }, y).unwrap();
    let y = b.conv("cells.0.depthwise", y, Conv2d { groups: 8, ..Conv2d::same(8, 8, 3, 2) }).unwrap();
    let pooled = b.apply(Op::AvgPool(Pool { ceil: true, ..Pool::new(2, 2, 0) }), x).unwrap();
    let sum = b.add(&[y, pooled, y]).unwrap();
    let few = b.narrow(sum, 5).unwrap();
    let zeros = b.apply(Op::Zero { channels: 2 }, few).unwrap();
    let most = b.apply(Op::MaxPool(Pool::new(3, 1, 1)), sum).unwrap();
    let joined = b.concat(&[few, zeros, most]).unwrap();
    b.end_block(joined);
    let x = b.batch_norm(joined).unwrap();
    let x = b.relu(x).unwrap();
    let x = b.apply(Op::GlobalAvgPool, x).unwrap();
    let logits = b.linear("classifier", x, 3).unwrap();
    b.finish(logits)
}

/// The live network of a random architecture of a random space, as narrow as its skeleton can be made.
pub fn any_network() -> impl Strategy<Value = Network> {
    (prop::sample::select(SPACES.names()), any::<u64>()).prop_filter_map("dead", |(name, key)| {
        let space = open(&format!("{name}:channels=8,cells=1")).or_else(|_| open(name)).unwrap();
        let arch = space.sample(&mut Stream::new(key));
        space.build(&arch, &Task::classify(Shape::new(3, 12, 12), 4)).unwrap().live()
    })
}

/// Drawn weights, and normalisations that do something.
pub fn parameters(network: &Network, seed: u64) -> Parameters {
    let mut parameters = Parameters::init(network, seed, Device::Cpu).unwrap();
    for (id, norm) in parameters.norms.iter_mut().enumerate() {
        let Some(norm) = norm else { continue };
        let channels = network.nodes()[id].shape.channels;
        let mut stream = Stream::named(seed, &format!("norm.{id}"));
        let mut draw = |low: f32, high: f32| {
            let values: Vec<f32> = (0..channels).map(|_| low + (high - low) * stream.uniform_f32()).collect();
            Tensor::from_slice(&values)
        };
        (norm.scale, norm.shift, norm.mean, norm.variance) =
            (draw(0.5, 1.5), draw(-0.5, 0.5), draw(-0.5, 0.5), draw(0.1, 2.0));
    }
    parameters
}

/// Two images of normal numbers.
pub fn examples(network: &Network) -> Tensor {
    let Shape { channels, height, width } = network.input_shape();
    let mut stream = Stream::new(3);
    let values: Vec<f32> = (0..2 * channels * height * width).map(|_| stream.normal() as f32).collect();
    Tensor::from_slice(&values).reshape([2, channels as i64, height as i64, width as i64])
}

/// The model of `network` with made-up facts.
pub fn model<'a>(
    network: &'a Network,
    parameters: &'a Parameters,
    examples: &'a Tensor,
    classes: &'a [String],
) -> Model<'a> {
    static STATISTICS: std::sync::OnceLock<ChannelStats> = std::sync::OnceLock::new();
    let statistics = STATISTICS.get_or_init(|| ChannelStats {
        mean: vec![0.5, 0.25, 0.125],
        std: vec![0.25, 0.5, 0.0],
        size: [20, 9],
        deep_white: None,
    });
    Model {
        network,
        parameters,
        classes,
        statistics,
        examples,
        space: "made-up",
        arch: "|a~0|\\\"\"\"",
        arch_id: ArchId(0x2a),
        accuracy: Some(Accuracy { pct: 93.456, images: "360 test images".into() }),
        evaluation: vec![("always naming | the most frequent class".into(), "40%".into())],
    }
}

fn names(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("class {i}")).collect()
}

#[test]
fn the_folder_is_complete_and_the_same_every_time() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let network = small();
    let (parameters, examples, classes) = (parameters(&network, 1), examples(&network), names(3));
    let model = model(&network, &parameters, &examples, &classes);
    let below = first.path().join("made/on/the/way");
    let exported = write(&below, &model, false).unwrap();
    write(second.path(), &model, false).unwrap();
    // Over an earlier export.
    write(second.path(), &model, false).unwrap();
    assert_eq!(exported.files, FILES);
    assert_eq!(std::fs::read_dir(second.path()).unwrap().count(), FILES.len(), "nothing but the files");
    for file in exported.files {
        assert_eq!(
            std::fs::read(below.join(file)).unwrap(),
            std::fs::read(second.path().join(file)).unwrap(),
            "{file}"
        );
    }
    let read = load_safetensors(&below.join("model.safetensors"), &network, Device::Cpu).unwrap();
    let bytes = std::fs::read(below.join("example.safetensors")).unwrap();
    let example = ::safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let logits = state::float_bytes(&read.logits(&network, &examples).unwrap()).unwrap();
    assert_eq!(example.tensor("logits").unwrap().data(), logits);
    assert_eq!(example.tensor("images").unwrap().shape(), [2, 3, 9, 9]);
    let readme = std::fs::read_to_string(below.join("README.md")).unwrap();
    for part in [
        "93.46% of 360 test images",
        "0000000000000000000000000000002a",
        "3x9x9",
        "(batch, 3, 9, 9)",
        "most frequent class | 40% |",
    ] {
        assert!(readme.contains(part), "{readme}");
    }
}

#[test]
fn models_that_are_not_sound_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let network = small();
    let (mut parameters, examples, classes) = (parameters(&network, 1), examples(&network), names(3));
    let flat = ChannelStats { mean: vec![0.0], std: vec![1.0], size: [9, 9], deep_white: None };
    let refused = |model: &Model<'_>| {
        let error = write(&dir.path().join("out"), model, false).unwrap_err();
        assert!(!dir.path().join("out").exists(), "nothing is written");
        error
    };
    let sound = || model(&network, &parameters, &examples, &classes);
    let two = refused(&Model { classes: &classes[..2], ..sound() });
    assert!(matches!(two, ExportError::ClassNames { names: 2, classes: 3 }));
    assert!(matches!(refused(&Model { statistics: &flat, ..sound() }), ExportError::Statistics { channels: 3, .. }));
    let cut = examples.narrow(3, 0, 8);
    let cut = refused(&Model { examples: &cut, ..sound() }).to_string();
    assert!(cut.contains("[2, 3, 9, 8]") && cut.contains("[n, 3, 9, 9]"), "{cut}");
    let broken = examples.zeros_like().log();
    assert!(matches!(refused(&Model { examples: &broken, ..sound() }), ExportError::NotFinite));
    let (position, norm) = parameters.norms.iter_mut().enumerate().find_map(|(i, n)| Some((i, n.take()?))).unwrap();
    let entries = state::entries(&network);
    let values: usize = entries.iter().map(|e| e.dims.iter().product::<usize>()).sum();
    assert_eq!(4 * values as u64, network.state_bytes());
    let entry = entries.iter().find(|e| e.node == position).unwrap();
    let missing = entry.data(&parameters).unwrap_err().to_string();
    assert!(missing.contains("`stem_conv_bn.weight` is missing, it must be [8]"), "{missing}");
    let scale = Tensor::zeros([9], (Kind::Float, Device::Cpu));
    parameters.norms[position] = Some(crate::engine::NormTensors { scale, ..norm });
    let longer = entry.data(&parameters).unwrap_err().to_string();
    assert!(longer.contains("is [9], it must be [8]"), "{longer}");
}

/// Refused from the shapes alone: no such weights are needed for the test.
#[test]
fn what_no_onnx_file_can_hold_is_refused() {
    let mut b = NetworkBuilder::new(Shape::new(3, 8, 8));
    let x = b.conv("wide", 0, Conv2d::same(3, 30_000, 1, 1)).unwrap();
    let x = b.conv("wider", x, Conv2d::same(30_000, 30_000, 1, 1)).unwrap();
    let network = b.finish(x);
    let parameters = Parameters { layers: crate::engine::Weights::of_layers(Vec::new()), norms: Vec::new() };
    let (examples, classes) = (Tensor::zeros([1, 3, 8, 8], (Kind::Float, Device::Cpu)), names(3));
    let error = write(Path::new("/nowhere"), &model(&network, &parameters, &examples, &classes), false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the network has 3601 MB of weights, an ONNX file holds 2130 MB at most; choose fewer channels or cells"
    );
}

#[test]
fn folders_that_cannot_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let plain = dir.path().join("plain");
    std::fs::write(&plain, "kept").unwrap();
    let network = small();
    let (parameters, examples, classes) = (parameters(&network, 1), examples(&network), names(3));
    let error = write(&plain, &model(&network, &parameters, &examples, &classes), false).unwrap_err();
    assert!(matches!(error, ExportError::File(FileError::Folder { .. })), "{error}");
    assert_eq!(std::fs::read(&plain).unwrap(), b"kept");
}
