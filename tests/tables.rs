//! NAS-Bench-201 as published: order, parameters and isomorphism classes of all 15,625 architectures.
//!
//! Needs `nb201_accuracy.parquet` in the folder named by `NASLENS_TABLES`, or in `../shared/benchmarks`; passes with a
//! message if it is absent.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use naslens::benchmark::Table;
use naslens::network::Shape;
use naslens::space::{self, SearchSpace, Skeleton, Task, tree_string};

const SIZE: usize = 15_625;

fn table() -> Option<Table> {
    let folder = match std::env::var_os("NASLENS_TABLES") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/benchmarks"),
    };
    let path = folder.join("nb201_accuracy.parquet");
    if !path.exists() {
        println!("skipped: there is no {}; set NASLENS_TABLES to the folder of the published tables", path.display());
        return None;
    }
    let table = Table::open(&path).unwrap();
    assert_eq!(table.num_rows(), SIZE);
    Some(table)
}

fn nas_bench_201() -> Box<dyn SearchSpace> {
    space::open("nas-bench-201", &Skeleton::default()).unwrap()
}

fn whole(table: &Table, column: &str) -> Vec<u64> {
    table.u64_column(column).unwrap().into_iter().map(Option::unwrap).collect()
}

#[test]
fn index_string_and_op_codes_agree_both_ways() {
    let Some(table) = table() else { return };
    let space = nas_bench_201();
    assert_eq!(space.size(), SIZE as u128);
    let texts = table.string_column("arch_str").unwrap();
    let codes = table.string_column("op_codes").unwrap();
    for ((index, text), codes) in whole(&table, "arch_index").into_iter().zip(texts).zip(codes) {
        let text = text.unwrap();
        let arch = space.parse(&text).unwrap();
        assert_eq!(space.index_of(&arch), Some(index), "{text}");
        assert_eq!(space.at(index).as_ref(), Some(&arch), "{index}");
        assert_eq!(space.format(&arch), text);
        assert_eq!(arch.0.iter().map(u8::to_string).collect::<String>(), codes.unwrap(), "{text}");
    }
}

#[test]
fn parameters_equal_the_published_ones() {
    let Some(table) = table() else { return };
    let space = nas_bench_201();
    let task = Task { input: Shape::new(3, 32, 32), classes: 10 };
    let published = table.f64_column("params_cifar10_M").unwrap();
    for (index, millions) in whole(&table, "arch_index").into_iter().zip(published) {
        let arch = space.at(index).unwrap();
        let params = space.build(&arch, &task).unwrap().params();
        // The table writes them as multiples of 1e-6, which a float holds to the nearest.
        assert_eq!(params as f64 / 1e6, millions.unwrap(), "{}", space.format(&arch));
    }
}

#[test]
fn tree_strings_give_the_published_isomorphism_classes() {
    let Some(table) = table() else { return };
    let space = nas_bench_201();
    let mut class_of_tree: HashMap<String, u64> = HashMap::new();
    let mut classes = HashSet::new();
    for (index, class) in whole(&table, "arch_index").into_iter().zip(whole(&table, "isomorph_rep_index")) {
        let tree = tree_string(&space.at(index).unwrap());
        let known = *class_of_tree.entry(tree).or_insert(class);
        assert_eq!(known, class, "architecture {index}: one tree, two classes");
        classes.insert(class);
    }
    assert_eq!(class_of_tree.len(), classes.len(), "one class, two trees");
    assert_eq!(classes.len(), 6_466);
}
