//! What is served is what was trained: `preprocess.py` of an export makes of an image file what naslens trains on, and what it
//! exports computes the same. Runs where `$NASLENS_PYTHON` or python3 has numpy and pillow.

use std::fs;
use std::path::Path;
use std::process::Command;

use image::{DynamicImage, ImageBuffer, Luma, LumaA, Rgb, Rgba};
use naslens::data::{self, Splits, split};
use naslens::engine::Parameters;
use naslens::export::{Model, write};
use naslens::network::Shape;
use naslens::pipeline::{PredictImagesConfig, predict_images};
use naslens::space::{self, Task};

const ARCH: &str = "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|none~2|";
const COMPARE: &str = "\
import sys, numpy, preprocess
inputs = numpy.fromfile('inputs.f32', '<f4').reshape(-1, *preprocess.INPUT)
for path, expected in zip(sys.argv[1:], inputs):
    print(path, float(abs(preprocess.preprocess(path)[0] - expected).max()))
";

fn python() -> Option<String> {
    let python = std::env::var("NASLENS_PYTHON").unwrap_or_else(|_| "python3".into());
    let found = Command::new(&python).args(["-c", "import numpy, PIL"]).output().is_ok_and(|o| o.status.success());
    if !found {
        eprintln!("skipped: {python} has no numpy and pillow");
    }
    found.then_some(python)
}

fn noise(i: u32, channel: u32) -> u8 {
    (i.wrapping_mul(4).wrapping_add(channel).wrapping_mul(0x9e37_79b9).rotate_left(13).wrapping_mul(0x85eb_ca6b) >> 24)
        as u8
}

/// Each file is a class of its own. Exports a network for them, and compares what naslens and Python make of the files.
fn compare(files: &[(&str, DynamicImage)], image: Shape, tolerance: f64) {
    let dir = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for (i, (name, image)) in files.iter().enumerate() {
        let path = dir.path().join(format!("images/{i}/{name}"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        image.save(&path).unwrap();
        paths.push(path);
    }
    let source = data::open(&format!("folder:{}", dir.path().join("images").display()).parse().unwrap()).unwrap();
    let Splits { train, statistics, .. } = split(source.dataset().unwrap(), image, [1.0, 0.0, 0.0], None, 0).unwrap();
    let exported = dir.path().join("exported");
    export(&exported, image, &train, &statistics);
    let mut order: Vec<usize> = (0..files.len()).collect();
    order.sort_by_key(|&i| train.labels[i]);
    predictions_are_those_of_the_training_images(&exported, &paths, &order);
    let Some(python) = python() else { return };
    let inputs = order.iter().flat_map(|&i| train.images.index_axis(ndarray::Axis(0), i).to_owned());
    fs::write(exported.join("inputs.f32"), inputs.flat_map(f32::to_le_bytes).collect::<Vec<_>>()).unwrap();
    let run = |args: &[&str], more: &[std::path::PathBuf]| {
        let output = Command::new(&python).args(args).args(more).current_dir(&exported).output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.success(), text)
    };
    let (good, said) = run(&["-c", COMPARE], &paths);
    assert!(good && said.lines().count() == files.len(), "{said}");
    for line in said.lines() {
        let difference: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        assert!(difference < tolerance, "{said}");
    }
    if run(&["-c", "import onnxruntime"], &[]).0 {
        if run(&["-c", "import onnx"], &[]).0 {
            let (good, said) = run(&["quantise.py", "../images", "../images"], &[]);
            assert!(good && said.contains("model-int8.onnx"), "{said}");
        }
        let (good, said) = run(&["check.py"], &[]);
        assert!(good && said.contains("model-uint8.onnx") && !said.contains("DIFFERS"), "{said}");
        zeroed(&exported);
        let (good, said) = run(&["check.py"], &[]);
        assert!(!good && said.contains("DIFFERS"), "{said}");
    }
}

/// The class of a file is that of the most probable logit of its image in the example.
fn predictions_are_those_of_the_training_images(exported: &Path, paths: &[std::path::PathBuf], order: &[usize]) {
    let config = PredictImagesConfig { export: exported.into(), images: paths.to_vec(), ..Default::default() };
    let found = predict_images(&config).unwrap();
    let example = fs::read(exported.join("example.safetensors")).unwrap();
    let logits = safetensors::SafeTensors::deserialize(&example).unwrap().tensor("logits").unwrap().data().to_owned();
    let logits: Vec<f64> = logits.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes).into()).collect();
    for (image, &i) in found.images.iter().zip(order) {
        let shares: Vec<f64> = logits[i * order.len()..][..order.len()].iter().map(|logit| logit.exp()).collect();
        let sum: f64 = shares.iter().sum();
        for (found, share) in image.probabilities.iter().zip(shares) {
            assert!((found - share / sum).abs() < 1e-5, "{image:?}");
        }
    }
}

fn export(dir: &Path, image: Shape, batch: &data::Batch, statistics: &data::ChannelStats) {
    let space = space::open("nas-bench-201:cells=1,channels=4").unwrap();
    let arch = space.parse(ARCH).unwrap();
    let network = space.build(&arch, &Task::classify(image, batch.classes)).unwrap().live().unwrap();
    let parameters = Parameters::init(&network, 0, tch::Device::Cpu).unwrap();
    let sizes = [batch.len(), image.channels, image.height, image.width].map(|n| n as i64);
    let examples = tch::Tensor::from_slice(batch.images.as_slice().unwrap()).reshape(sizes);
    parameters.measure_statistics(&network, &examples).unwrap();
    let classes: Vec<String> = (0..batch.classes).map(|class| class.to_string()).collect();
    let model = Model {
        network: &network,
        parameters: &parameters,
        classes: &classes,
        statistics,
        examples: &examples,
        space: &space.text(),
        arch: ARCH,
        arch_id: space.arch_id(&arch),
        accuracy: None,
        evaluation: Vec::new(),
    };
    write(dir, &model, false).unwrap();
}

/// Makes the weights of all convolutions zeros.
fn zeroed(dir: &Path) {
    let (weights, onnx) = (fs::read(dir.join("model.safetensors")).unwrap(), dir.join("model.onnx"));
    let mut bytes = fs::read(&onnx).unwrap();
    for (name, tensor) in safetensors::SafeTensors::deserialize(&weights).unwrap().iter() {
        if name.ends_with("conv.weight") {
            let found = bytes.windows(tensor.data().len()).position(|window| window == tensor.data()).unwrap();
            bytes[found..][..tensor.data().len()].fill(0);
        }
    }
    fs::write(onnx, bytes).unwrap();
}

#[test]
fn colour_files_large_and_small_transparent_and_turned() {
    let colour = |width, height| {
        ImageBuffer::from_fn(width, height, |x, y| Rgb([0, 1, 2].map(|channel| noise(y * width + x, channel))))
    };
    let clear = ImageBuffer::from_fn(130, 70, |x, y| Rgba([0, 1, 2, 3].map(|channel| noise(y * 130 + x, channel))));
    let ink = ImageBuffer::from_fn(40, 50, |x, y| LumaA([255, noise(y * 40 + x, 0)]));
    let grey = ImageBuffer::from_fn(300, 200, |x, y| Luma([noise(y * 300 + x, 0)]));
    let files = [
        ("large.png", colour(2000, 1500).into()),
        ("small.png", colour(21, 17).into()),
        ("middling.tif", colour(160, 120).into()),
        ("middling.bmp", colour(120, 160).into()),
        ("middling.webp", colour(100, 90).into()),
        ("clear.tiff", DynamicImage::from(clear.clone())),
        ("clear.webp", DynamicImage::from(clear.clone())),
        ("clear.png", DynamicImage::from(clear)),
        ("ink.png", DynamicImage::from(ink)),
        ("grey.png", DynamicImage::from(grey)),
    ];
    compare(&files, Shape::new(3, 32, 32), 1e-4);
    compare(&files, Shape::new(1, 24, 20), 1e-4);
    // Another decoder of JPEG is a level off here and there.
    compare(
        &[("large.jpg", colour(2000, 1500).into()), ("small.jpeg", colour(60, 80).into())],
        Shape::new(3, 32, 32),
        0.1,
    );
}

#[test]
fn grey_files_of_16_bits() {
    let deep = |width: u32, height: u32| {
        ImageBuffer::<Luma<u16>, _>::from_fn(width, height, |x, y| {
            Luma([u16::from(noise(y * width + x, 0)) << 4 | u16::from(noise(x, 1)) >> 4])
        })
    };
    let files =
        [("large.png", deep(2000, 900).into()), ("small.png", deep(30, 20).into()), ("small.tif", deep(60, 50).into())];
    compare(&files, Shape::new(1, 40, 40), 0.02);
}
