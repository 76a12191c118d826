use std::collections::{BTreeMap, HashSet};

use super::*;
use crate::network::Shape;
use crate::seed::Stream;

fn space() -> NasBench201 {
    NasBench201::open(&SpaceSpec::default()).unwrap()
}

fn all() -> impl Iterator<Item = Architecture> {
    (0..SIZE).map(from_lexicographic)
}

#[test]
fn index_is_the_published_one() {
    // arch_str of indices 0, 1, 11 and 284 in the official NATS-tss-v1_0-3ffb9 records.
    let space = space();
    for (index, text) in [
        (0, "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"),
        (1, "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"),
        (11, "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|none~0|nor_conv_3x3~1|avg_pool_3x3~2|"),
        (284, "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|none~0|nor_conv_1x1~1|none~2|"),
    ] {
        assert_eq!(space.format(&space.at(index).unwrap()), text);
        assert_eq!(space.index_of(&space.parse(text).unwrap()), Some(index));
    }
    assert!(space.at(15_625).is_none());
    assert!((0..15_625).all(|i| space.index_of(&space.at(i).unwrap()) == Some(i)));
}

#[test]
fn params_equal_the_official_records() {
    // "params" (in millions) of the same records, CIFAR-10.
    let task = Task::classify(Shape::new(3, 32, 32), 10);
    for (index, params) in [(0, 129_306), (11, 802_426), (284, 101_306)] {
        assert_eq!(space().build(&space().at(index).unwrap(), &task).unwrap().params(), params);
    }
}

/// One cell on a 2-channel 3x3 map in float64, ReLU-convolution-normalisation with a large epsilon so that scale
/// matters, weights taken from `weights[canonical position of the convolution]`.
fn run_cell(arch: &Architecture, image: &[f64; 18], weights: &[[f64; 36]]) -> [f64; 18] {
    let ops = ops(arch);
    let (dag, edge_of) = computation_graph(&ops);
    let mut position = [0; 6];
    for (p, &node) in dag.canonical().order.iter().enumerate() {
        if let Some(edge) = edge_of[node] {
            position[edge] = p;
        }
    }
    let window = |x: &[f64; 18], radius: i32, f: &mut dyn FnMut(usize, usize, usize, f64)| {
        for c in 0..2usize {
            for y in 0..3i32 {
                for z in 0..3i32 {
                    for dy in -radius..=radius {
                        for dz in -radius..=radius {
                            let (v, w) = (y + dy, z + dz);
                            if (0..3).contains(&v) && (0..3).contains(&w) {
                                let tap = ((dy + 1) * 3 + dz + 1) as usize;
                                f((y * 3 + z) as usize, c, tap, x[c * 9 + (v * 3 + w) as usize]);
                            }
                        }
                    }
                }
            }
        }
    };
    let mut nodes = [[0.0; 18]; 4];
    nodes[0] = *image;
    for (e, &(from, to)) in EDGES.iter().enumerate() {
        let x = nodes[from];
        let mut y = [0.0; 18];
        match ops[e] {
            CellOp::None => {}
            CellOp::SkipConnect => y = x,
            CellOp::AvgPool3x3 => {
                let mut counts = [0.0; 18];
                window(&x, 1, &mut |at, c, _, v| {
                    y[c * 9 + at] += v;
                    counts[c * 9 + at] += 1.0;
                });
                (0..18).for_each(|i| y[i] /= counts[i]);
            }
            CellOp::NorConv1x1 | CellOp::NorConv3x3 if x == [0.0; 18] => {}
            op @ (CellOp::NorConv1x1 | CellOp::NorConv3x3) => {
                let w = &weights[position[e]];
                let radius = if op == CellOp::NorConv3x3 { 1 } else { 0 };
                window(&x, radius, &mut |at, c, tap, v| {
                    for out in 0..2 {
                        y[out * 9 + at] += w[(out * 2 + c) * 9 + tap] * v.max(0.0);
                    }
                });
                for channel in y.chunks_mut(9) {
                    let mean = channel.iter().sum::<f64>() / 9.0;
                    let var = channel.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 9.0;
                    channel.iter_mut().for_each(|v| *v = (*v - mean) / (var + 0.5).sqrt());
                }
            }
        }
        (0..18).for_each(|i| nodes[to][i] += y[i]);
    }
    nodes[3]
}

#[test]
fn equal_id_if_and_only_if_equal_output() {
    let rng = &mut Stream::new(42);
    let image: [f64; 18] = std::array::from_fn(|_| rng.normal());
    let weights: Vec<[f64; 36]> = (0..8).map(|_| std::array::from_fn(|_| rng.normal())).collect();
    let mut outputs: Vec<([f64; 18], Vec<u64>)> =
        all().map(|a| (run_cell(&a, &image, &weights), certificate(&ops(&a)))).collect();
    // Equal certificates give equal outputs ...
    let mut by_certificate: BTreeMap<&[u64], &[f64; 18]> = BTreeMap::new();
    for (output, certificate) in &outputs {
        let first = by_certificate.entry(certificate).or_insert(output);
        let distance = output.iter().zip(*first).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(distance < 1e-12, "outputs of one class differ by {distance}");
    }
    let exact = by_certificate.len();
    // ... and different certificates different outputs: equal outputs are neighbours when sorted.
    outputs.sort_by(|a, b| a.0[0].total_cmp(&b.0[0]));
    for pair in outputs.windows(2) {
        let distance = pair[0].0.iter().zip(&pair[1].0).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(pair[0].1 == pair[1].1 || distance > 1e-9, "outputs of two classes agree to {distance}");
    }
    let published: HashSet<String> = all().map(|a| tree_string(&a)).collect();
    assert_eq!((published.len(), exact), (6_466, 5_044));
}

#[test]
fn representative_is_unique_in_its_class_and_keeps_the_live_cost() {
    let space = space();
    let task = Task::classify(Shape::new(3, 8, 8), 10);
    let mut representatives = HashSet::new();
    for arch in all().step_by(7) {
        let representative = space.representative(&arch);
        representatives.insert(representative.clone());
        let live = |a: &Architecture| space.build(a, &task).unwrap().live().map(|n| n.params());
        assert_eq!(live(&arch), live(&representative));
    }
    let ids: HashSet<_> = representatives.iter().map(|a| space.arch_id(a)).collect();
    assert_eq!(ids.len(), representatives.len());
}

#[test]
fn bad_text_is_refused_with_the_reason() {
    let good = ENTRY.example;
    for (text, reason) in [
        ("", "1 nodes"),
        (&good.replace("nor_conv_3x3~2", "nor_conv_3x4~2"), "did you mean `nor_conv_3x3`"),
        (&good.replace("~2", "~1"), "should come from node 2"),
        (&good.replace("skip_connect~0|", ""), "2 edges, not 3"),
        (&good.replace("|+|", "+"), "not between bars"),
        (&good.replace('~', "-"), "no `~`"),
    ] {
        let err = space().parse(text).unwrap_err().to_string();
        assert!(err.contains(reason) && err.contains(good), "{text}: {err}");
    }
}
