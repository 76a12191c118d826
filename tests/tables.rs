//! Spaces as published: order, parameters and isomorphism classes of all 15,625 architectures of NAS-Bench-201; hash,
//! module and parameters of NAS-Bench-101.
//!
//! Needs `nb201_accuracy.parquet`, `nb101_cifar10.parquet` and `fbnet_latency_help.parquet` in the folder named by
//! `NASLENS_TABLES`, or in `../shared/benchmarks`. A test whose table is absent is listed as ignored, with the reason; so are
//! those of minutes, which `cargo test --test tables -- --include-ignored` runs.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Trial};
use naslens::benchmark::Table;
use naslens::candidates::{self, Candidates, CandidatesConfig};
use naslens::network::{Op, Shape};
use naslens::space::{self, NasBench101, SearchSpace, Task, tree_string};
use rayon::prelude::*;

const SIZE: usize = 15_625;

/// A test, the tables it needs, and whether it takes minutes.
type Test = (&'static str, fn(), &'static [&'static str], bool);

const TESTS: [Test; 12] = [
    ("index_string_and_op_codes_agree_both_ways", index_string_and_op_codes_agree_both_ways, &[NB201], false),
    ("parameters_equal_the_published_ones", parameters_equal_the_published_ones, &[NB201], false),
    ("tree_strings_give_the_published_isomorphism_classes", tree_strings_give_the_published_classes, &[NB201], false),
    ("nas_bench_101_has_the_published_modules", || nas_bench_101_rows(100), &[NB101], false),
    ("nas_bench_101_has_them_on_every_row", || nas_bench_101_rows(1), &[NB101], true),
    ("fbnet_reads_the_published_strings", fbnet_reads_the_published_strings, &[FBNET], false),
    ("nas_bench_macro_costs_what_was_published", nas_bench_macro_costs_what_was_published, &[MACRO], false),
    ("transnas_micro_costs_what_was_published", transnas_micro_costs_what_was_published, &[TRANSNAS], false),
    ("mnasnet_costs_what_was_published", mnasnet_costs_what_was_published, &[ACCEL], false),
    ("darts_reads_the_published_genotypes", darts_reads_the_published_genotypes, &[DARTS], false),
    ("candidates_are_the_distinct_networks_of_a_table", candidates_are_distinct, &[NB201, FBNET], false),
    ("candidates_are_all_modules_of_nas_bench_101", candidates_are_all_modules_of_nas_bench_101, &[NB101], true),
];

const NB201: &str = "nb201_accuracy.parquet";
const NB101: &str = "nb101_cifar10.parquet";
const FBNET: &str = "fbnet_latency_help.parquet";
const MACRO: &str = "nb_macro_costs.parquet";
const TRANSNAS: &str = "tnb101_micro_proxies.parquet";
const ACCEL: &str = "accel_nasbench_imagenet.parquet";
const DARTS: &str = "darts_genotypes1000.parquet";

fn main() -> std::process::ExitCode {
    let trial = |(name, test, tables, slow): Test| {
        let absent = tables.iter().map(|file| path(file)).find(|path| !path.exists());
        if let Some(path) = &absent {
            eprintln!("ignored: {name}: {} is absent; set NASLENS_TABLES to its folder", path.display());
        }
        let run = move || {
            test();
            Ok(())
        };
        Trial::test(name, run).with_ignored_flag(slow || absent.is_some())
    };
    libtest_mimic::run(&Arguments::from_args(), TESTS.map(trial).into()).exit_code()
}

fn path(file: &str) -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/benchmarks");
    std::env::var_os("NASLENS_TABLES").map_or_else(beside, PathBuf::from).join(file)
}

fn open(file: &str) -> Table {
    Table::open(&path(file)).unwrap()
}

fn table() -> Table {
    let table = open(NB201);
    assert_eq!(table.num_rows(), SIZE);
    table
}

fn nas_bench_201() -> Box<dyn SearchSpace> {
    space::open("nas-bench-201").unwrap()
}

fn whole(table: &Table, column: &str) -> Vec<u64> {
    table.u64_column(column).unwrap().into_iter().map(Option::unwrap).collect()
}

fn index_string_and_op_codes_agree_both_ways() {
    let table = table();
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
        assert_eq!(arch.genes().iter().map(u16::to_string).collect::<String>(), codes.unwrap(), "{text}");
    }
}

fn parameters_equal_the_published_ones() {
    let table = table();
    let space = nas_bench_201();
    let task = Task::classify(Shape::new(3, 32, 32), 10);
    let published = table.f64_column("params_cifar10_M").unwrap();
    for (index, millions) in whole(&table, "arch_index").into_iter().zip(published) {
        let arch = space.at(index).unwrap();
        let params = space.build(&arch, &task).unwrap().params();
        // The table writes them as multiples of 1e-6, which a float holds to the nearest.
        assert_eq!(params as f64 / 1e6, millions.unwrap(), "{}", space.format(&arch));
    }
}

fn tree_strings_give_the_published_classes() {
    let table = table();
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

/// Hash, parameters and module of every `step`-th row; the module is the representative of its class and its text reads
/// back.
fn nas_bench_101_rows(step: usize) {
    let table = open(NB101);
    let space = NasBench101::default();
    assert_eq!(space.size(), table.num_rows() as u128);
    let [hashes, edges, params] =
        ["module_hash_hi64", "adjacency_bits", "trainable_params"].map(|column| whole(&table, column));
    let ops = table.string_column("interior_ops").unwrap();
    let task = Task::classify(Shape::new(3, 32, 32), 10);
    let rows: Vec<usize> = (0..table.num_rows()).step_by(step).collect();
    rows.par_iter().for_each(|&row| {
        let interior: Vec<u8> = ops[row].as_ref().unwrap().bytes().map(|digit| digit - b'0').collect();
        let arch = NasBench101::module(edges[row] as u32, &interior).unwrap();
        let text = space.format(&arch);
        assert_eq!((space.arch_id(&arch).0 >> 64) as u64, hashes[row], "{text}");
        assert_eq!(space.build(&arch, &task).unwrap().params(), params[row], "{text}");
        assert_eq!(space.representative(&arch), arch, "{text}");
        assert_eq!(space.parse(&text).unwrap(), arch);
    });
}

fn fbnet_reads_the_published_strings() {
    let table = open(FBNET);
    let space = space::open("fbnet").unwrap();
    for text in table.string_column("arch").unwrap().into_iter().flatten() {
        assert_eq!(space.format(&space.parse(&text).unwrap()), text);
    }
}

/// The candidates of a table, all of which have the target.
fn candidates(file: &str, space: &str, target: &str) -> Candidates {
    let config = CandidatesConfig {
        table: Some(path(file)),
        targets: vec![target.into()],
        space: Some(space.into()),
        ..CandidatesConfig::default()
    };
    let candidates = candidates::load(&config).unwrap();
    assert!(candidates.truth(target).unwrap().iter().all(Option::is_some));
    candidates
}

fn candidates_are_distinct() {
    let all = candidates(NB201, "nas-bench-201", "cifar10_test_acc_200ep_pct");
    assert_eq!((all.len(), all.n_dead), (5_043, 1));
    let all = candidates(FBNET, "fbnet", "latency_pixel3_ms");
    assert!(all.len() + all.n_dead <= 5_000);
}

fn candidates_are_all_modules_of_nas_bench_101() {
    let all = candidates(NB101, "nas-bench-101", "cifar10_test_acc_108ep_mean_frac");
    assert_eq!((all.len(), all.n_dead), (423_624, 0));
}

/// Parameters and multiply-accumulates of all 6,561 networks.
fn nas_bench_macro_costs_what_was_published() {
    let table = open(MACRO);
    let space = space::open("nas-bench-macro").unwrap();
    let texts = table.string_column("arch").unwrap();
    let (params, flops) = (table.u64_column("params").unwrap(), table.u64_column("flops").unwrap());
    assert_eq!((texts.len(), space.size()), (6_561, 6_561));
    let task = Task::classify(Shape::new(3, 32, 32), 10);
    (0..texts.len()).into_par_iter().for_each(|row| {
        let text = texts[row].as_deref().unwrap();
        let network = space.build(&space.parse(text).unwrap(), &task).unwrap();
        assert_eq!((Some(network.params()), Some(network.macs())), (params[row], flops[row]), "{text}");
    });
}

/// Parameters of all 2,128 networks, and their operations as the table counts them: multiply-accumulates, two for every value that
/// is normalised, one for every ReLU, and what the poolings add.
fn transnas_micro_costs_what_was_published() {
    let table = open(TRANSNAS);
    let space = space::open("transnas-micro").unwrap();
    let texts = table.string_column("arch_ops").unwrap();
    let params = table.f64_column("params_M").unwrap();
    let flops = table.f64_column("flops_M").unwrap();
    let task = Task::classify(Shape::new(3, 256, 256), 63);
    (0..texts.len()).into_par_iter().for_each(|row| {
        let text = texts[row].as_deref().unwrap();
        let network = space.build(&space.parse(text).unwrap(), &task).unwrap();
        assert_eq!(network.params(), (params[row].unwrap() * 1e6).round() as u64, "{text}");
        let values = |op: fn(&Op) -> bool| {
            network.nodes().iter().filter(|n| op(&n.op)).map(|n| n.shape.len() as u64).sum::<u64>()
        };
        let rest = 2 * values(|op| *op == Op::BatchNorm) + values(|op| *op == Op::Relu);
        // The poolings and the bias of the classifier are the same for all.
        assert_eq!((flops[row].unwrap() * 1e6).round() as u64, network.macs() + rest + 41_472, "{text}");
    });
}

/// A thousand genotypes, written back as they were read.
fn darts_reads_the_published_genotypes() {
    let space = space::open("darts:channels=4,cells=3").unwrap();
    let texts = open(DARTS).string_column("genotype").unwrap();
    assert_eq!(texts.len(), 1_000);
    let task = Task::classify(Shape::new(3, 32, 32), 10);
    texts.par_iter().flatten().for_each(|text| {
        let arch = space.parse(text).unwrap();
        assert_eq!(space.format(&arch), *text);
        assert!(space.build(&arch, &task).unwrap().params() > 0);
    });
}

/// Parameters of all 5,138 networks, and their operations as the table counts them: multiply-accumulates, four for every value that
/// is normalised, and what the poolings add.
fn mnasnet_costs_what_was_published() {
    let table = open(ACCEL);
    let space = space::open("mnasnet").unwrap();
    let column = |name: &str| table.f64_column(name).unwrap();
    let decided = ["e", "k", "l", "se"].map(|key| {
        let columns: Vec<_> = (0..7).map(|i| column(&format!("block{i}_{key}"))).collect();
        move |row: usize| {
            let values: Vec<String> = columns.iter().map(|c| c[row].unwrap().to_string()).collect();
            format!("{key}{}", values.join(","))
        }
    });
    let (params, macs) = (column("params_M"), column("macs_M"));
    let task = Task::classify(Shape::new(3, 224, 224), 1000);
    assert_eq!(params.len(), 5_138);
    (0..params.len()).into_par_iter().for_each(|row| {
        let text = decided.iter().map(|part| part(row)).collect::<Vec<_>>().join("-");
        let network = space.build(&space.parse(&text).unwrap(), &task).unwrap();
        assert_eq!(network.params(), (params[row].unwrap() * 1e6).round() as u64, "{text}");
        let nodes = || network.nodes().iter().enumerate();
        let normalised: u64 = nodes().filter(|(_, n)| n.op == Op::BatchNorm).map(|(_, n)| n.shape.len() as u64).sum();
        let pooled: u64 = nodes()
            .filter(|(_, n)| n.op == Op::GlobalAvgPool)
            .map(|(id, n)| (network.operand_shape(id).len() + n.shape.len()) as u64)
            .sum();
        assert_eq!((macs[row].unwrap() * 1e6).round() as u64, network.macs() + 4 * normalised + pooled, "{text}");
    });
}
