//! Files of both of PyTorch's exporters against ONNX Runtime, and files that are wrong.

use prost::Message;
use tch::{Device, Kind, Tensor};

use super::proto::*;
use super::*;
use crate::seed::Stream;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/onnx");

/// `sin(0.1 i)`, one image.
fn image(s: Shape) -> Tensor {
    let values: Vec<f64> = (0..s.len()).map(|i| (0.1 * i as f64).sin()).collect();
    let size = [1, s.channels as i64, s.height as i64, s.width as i64];
    Tensor::from_slice(&values).to_kind(Kind::Float).reshape(size)
}

/// `tests/golden/onnx_models.py` makes the files and the logits.
#[test]
fn files_of_both_exporters_compute_what_onnx_runtime_computes() {
    let golden = std::fs::read_to_string(format!("{FOLDER}/golden.txt")).unwrap();
    assert_eq!(golden.lines().count(), 6);
    for line in golden.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let imported = read(format!("{FOLDER}/{}.onnx", words[0]).as_ref(), None).unwrap();
        assert_eq!(imported.network.params().to_string(), words[1], "{}", words[0]);
        let x = image(imported.network.input_shape());
        let parameters = imported.parameters(Device::Cpu).unwrap();
        let logits = parameters.logits(&imported.network, &x).unwrap();
        let found: Vec<f32> = Vec::try_from(logits.flatten(0, -1)).unwrap();
        let expected: Vec<f32> = words[2..].iter().map(|v| v.parse().unwrap()).collect();
        let largest = expected.iter().fold(0f32, |m, v| m.max(v.abs()));
        for (f, e) in found.iter().zip(&expected) {
            assert!((f - e).abs() < 1e-4 * largest, "{}: {found:?}, not {expected:?}", words[0]);
        }
    }
}

fn bytes_of(name: &str) -> Vec<u8> {
    std::fs::read(format!("{FOLDER}/{name}.onnx")).unwrap()
}

/// Reads bytes as a file in a folder of their own.
fn read_bytes(bytes: &[u8]) -> Result<Imported, OnnxError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.onnx");
    std::fs::write(&path, bytes).unwrap();
    read(&path, None)
}

/// A file with something done to it, and the message that it gives.
fn refused(name: &str, change: impl Fn(&mut GraphProto)) -> String {
    let mut model = ModelProto::decode(bytes_of(name).as_slice()).unwrap();
    change(model.graph.as_mut().unwrap());
    match read_bytes(&model.encode_to_vec()) {
        Ok(_) => panic!("it was read"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn damaged_files_are_errors_and_never_more() {
    let mut stream = Stream::named(1, "damage");
    for name in ["squeezeexcitation_legacy", "shuffle_dynamo", "layerscale_legacy"] {
        let whole = bytes_of(name);
        for _ in 0..60 {
            let cut = stream.below(whole.len() as u64) as usize;
            let _ = read_bytes(&whole[..cut]);
            let mut flipped = whole.clone();
            for _ in 0..1 + stream.below(4) {
                let at = stream.below(whole.len() as u64) as usize;
                flipped[at] ^= 1 << stream.below(8);
            }
            // Whatever it is now: if it is read, it can be asked for its parameters.
            if let Ok(imported) = read_bytes(&flipped) {
                let _ = imported.parameters(Device::Cpu);
            }
        }
    }
    assert!(read_bytes(b"").is_err() && read_bytes(b"not a model").is_err());
}

#[test]
fn errors_name_the_node_and_what_it_does() {
    let name = "squeezeexcitation_legacy";
    let first_conv =
        |graph: &mut GraphProto| graph.node.iter().position(|n| n.op_type.as_deref() == Some("Conv")).unwrap();
    let unknown = refused(name, |graph| {
        let conv = first_conv(graph);
        graph.node[conv].op_type = Some("Einsum".into());
    });
    assert!(unknown.contains("(Einsum)") && unknown.contains("/stem/Conv"), "{unknown}");
    let cycle = refused(name, |graph| {
        let last = graph.node.last().unwrap().output[0].clone();
        let conv = first_conv(graph);
        graph.node[conv].input[0] = last;
    });
    assert!(cycle.contains("cycle") && cycle.contains("(Conv)"), "{cycle}");
    let huge = refused(name, |graph| {
        let conv = first_conv(graph);
        graph.node[conv].attribute.retain(|a| a.name.as_deref() != Some("pads"));
        graph.node[conv].attribute.push(AttributeProto::ints("pads", &[1 << 40; 4]));
    });
    assert!(huge.contains("pads"), "{huge}");
    let large = refused(name, |graph| {
        let conv = first_conv(graph);
        graph.node[conv].attribute.retain(|a| a.name.as_deref() != Some("pads"));
        graph.node[conv].attribute.push(AttributeProto::ints("pads", &[1 << 19; 4]));
    });
    assert!(large.contains("it makes a map of"), "{large}");
    let wrong = refused(name, |graph| graph.initializer[0].data_type = Some(8));
    assert!(wrong.contains("type 8"), "{wrong}");
    let short = refused(name, |graph| graph.initializer[0].dims[0] += 1);
    assert!(short.contains("values where its sizes"), "{short}");
    let no_input = refused(name, |graph| graph.input.clear());
    assert!(no_input.contains("0 inputs"), "{no_input}");
}

#[test]
fn other_files_are_read_from_the_folder_of_the_model_only() {
    let outside = |location: &str| {
        refused("shuffle_legacy", |graph| {
            let tensor = &mut graph.initializer[0];
            (tensor.raw_data, tensor.data_location) = (None, Some(EXTERNAL));
            let (key, value) = (Some("location".into()), Some(location.into()));
            tensor.external_data = vec![StringStringEntryProto { key, value }];
        })
    };
    for location in ["../secret", "/etc/passwd", "a/../../b", ""] {
        let message = outside(location);
        assert!(message.contains("not in the folder"), "{message}");
    }
    assert!(outside("missing.bin").contains("missing.bin"));

    let dir = tempfile::tempdir().unwrap();
    let mut model = ModelProto::decode(bytes_of("shuffle_legacy").as_slice()).unwrap();
    let tensor = &mut model.graph.as_mut().unwrap().initializer[0];
    let raw = tensor.raw_data.take().unwrap();
    tensor.data_location = Some(EXTERNAL);
    let entry = |key: &str, value: String| StringStringEntryProto { key: Some(key.into()), value: Some(value) };
    tensor.external_data = vec![
        entry("location", "model.data".into()),
        entry("offset", "3".into()),
        entry("length", raw.len().to_string()),
    ];
    let path = dir.path().join("model.onnx");
    std::fs::write(&path, model.encode_to_vec()).unwrap();
    std::fs::write(dir.path().join("model.data"), [&[0u8; 3], raw.as_ref()].concat()).unwrap();
    assert!(read(&path, None).is_ok());
    std::fs::write(dir.path().join("model.data"), b"short").unwrap();
    assert!(read(&path, None).unwrap_err().to_string().contains("are asked for"));
    #[cfg(unix)]
    {
        let elsewhere = tempfile::tempdir().unwrap();
        std::fs::write(elsewhere.path().join("data"), [&[0u8; 3], raw.as_ref()].concat()).unwrap();
        std::fs::remove_file(dir.path().join("model.data")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path().join("data"), dir.path().join("model.data")).unwrap();
        assert!(read(&path, None).unwrap_err().to_string().contains("out of the folder"));
    }
}

#[test]
fn open_image_sizes_are_asked_for() {
    let mut model = ModelProto::decode(bytes_of("squeezeexcitation_legacy").as_slice()).unwrap();
    let tensor = model.graph.as_mut().unwrap().input[0].value_type.as_mut().unwrap().tensor_type.as_mut().unwrap();
    tensor.shape.as_mut().unwrap().dim[2] = Dimension { dim_value: None, dim_param: Some("height".into()) };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.onnx");
    std::fs::write(&path, model.encode_to_vec()).unwrap();
    assert!(read(&path, None).unwrap_err().to_string().contains("--image"));
    assert!(read(&path, Some(Shape::new(3, 16, 16))).is_err(), "its width is known");
    let imported = read(&path, Some(Shape::new(3, 16, 12))).unwrap();
    assert_eq!(imported.network.input_shape(), Shape::new(3, 16, 12));
}
