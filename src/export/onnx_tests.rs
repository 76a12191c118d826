use std::collections::HashMap;

use super::*;
use crate::export::tests::{any_network, parameters, small};
use proptest::prelude::*;

/// The file, read back.
fn decoded(network: &Network) -> ModelProto {
    let bytes = encode(network, &parameters(network, 1), &[("arch", "a".into())]).unwrap();
    ModelProto::decode(bytes.as_slice()).unwrap()
}

/// Every value is made once, by a node before those that read it; constants have as many values as their sizes say; the
/// output is there.
fn check(model: &ModelProto, network: &Network) {
    let graph = model.graph.as_ref().unwrap();
    let mut sizes: HashMap<&str, Vec<i64>> = HashMap::from([(IMAGES, Vec::new())]);
    for constant in &graph.initializer {
        let width = match constant.data_type {
            Some(FLOAT) => 4,
            Some(INT64) => 8,
            other => panic!("type {other:?}"),
        };
        let raw = constant.raw_data.as_ref().unwrap();
        assert_eq!(constant.dims.iter().product::<i64>() * width, raw.len() as i64, "{:?}", constant.name);
        let name = constant.name.as_deref().unwrap();
        assert!(sizes.insert(name, constant.dims.clone()).is_none(), "{name} is there twice");
    }
    let mut unread: Vec<&str> = graph.initializer.iter().map(|c| c.name.as_deref().unwrap()).collect();
    for node in &graph.node {
        for input in &node.input {
            assert!(sizes.contains_key(input.as_str()), "{input} is read before it is made");
            unread.retain(|name| name != input);
        }
        let [output] = &node.output[..] else { panic!("{node:?}") };
        assert!(sizes.insert(output, Vec::new()).is_none(), "{output} is made twice");
    }
    assert!(unread.is_empty(), "{unread:?}");
    assert!(sizes.contains_key(LOGITS));
    let state: HashMap<String, Vec<i64>> =
        entries(network).into_iter().map(|e| (e.name, e.dims.iter().map(|&d| d as i64).collect())).collect();
    state.iter().for_each(|(name, dims)| assert_eq!(&sizes[name.as_str()], dims, "{name}"));
    let read = |name: &str| graph.node.iter().flat_map(|n| &n.input).filter(|i| *i == name).count();
    assert!(read(LOGITS) == 0 && graph.output.len() == 1 && graph.input.len() == 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn graphs_of_all_spaces_are_consistent(network in any_network()) {
        check(&decoded(&network), &network);
    }
}

#[test]
fn every_operation_has_its_operator() {
    let network = small();
    let model = decoded(&network);
    check(&model, &network);
    let graph = model.graph.unwrap();
    let operators: Vec<&str> = graph.node.iter().map(|n| n.op_type.as_deref().unwrap()).collect();
    let shuffle = ["Reshape", "Transpose", "Reshape"];
    let zeros = ["Shape", "Concat", "ConstantOfShape"];
    let expected = [
        &["Conv", "BatchNormalization", "Relu", "Conv"][..],
        &shuffle,
        &["Conv", "AveragePool", "Sum", "Slice"],
        &zeros,
        &["MaxPool", "Concat", "BatchNormalization", "Relu", "GlobalAveragePool", "Flatten", "Gemm"],
    ];
    assert_eq!(operators, expected.concat());
    let dims = |info: &ValueInfoProto| {
        let tensor = info.value_type.clone().unwrap().tensor_type.unwrap();
        tensor
            .shape
            .unwrap()
            .dim
            .into_iter()
            .map(|d| d.dim_param.or(d.dim_value.map(|v| v.to_string())).unwrap())
            .collect()
    };
    let [input, output]: [Vec<String>; 2] = [dims(&graph.input[0]), dims(&graph.output[0])];
    assert_eq!((input.join(" "), output.join(" ")), ("batch 3 9 9".into(), "batch 3".into()));
    assert_eq!((model.ir_version, model.opset_import[0].version), (Some(8), Some(17)));
    assert_eq!(model.metadata_props[0].key.as_deref(), Some("arch"));
}

#[test]
fn the_last_window_gets_the_padding_that_it_needs() {
    // (side, kernel, stride, padding, ceil, padding before and after)
    for (n, kernel, stride, padding, ceil, pads) in [
        (9, 2, 2, 0, true, [0, 1]),
        (8, 2, 2, 0, true, [0, 0]),
        (9, 2, 2, 0, false, [0, 0]),
        (1, 2, 2, 0, true, [0, 1]),
        (5, 3, 1, 1, false, [1, 1]),
        (4, 3, 2, 1, true, [1, 2]),
    ] {
        let attributes = window(Pool { ceil, ..Pool::new(kernel, stride, padding) }, n, n);
        let [before, after] = pads;
        let expected = AttributeProto::ints("pads", &[before, before, after, after]);
        assert_eq!(attributes[2], expected, "{n} {kernel} {stride} {padding} {ceil}");
    }
}
