//! How much ranking noise the weight bank removes: the agreement between the rankings of four initialisations.
//!
//! `cargo bench --bench init_noise`. 60 distinct networks of NAS-Bench-201 (published skeleton), one batch of 64 digits for
//! all; only the weights differ. Noise is one minus the mean Spearman correlation over the pairs of initialisations. With the
//! bank all networks of an initialisation share layers, without it each has weights of its own.

use std::collections::HashSet;

use naslens::data::{self, DataSpec};
use naslens::engine::{DeviceBatch, Engine, Pass, prepare_process, prepare_thread};
use naslens::network::Shape;
use naslens::proxy;
use naslens::seed::{Stream, derive};
use naslens::space::{self, Task};
use naslens::stats::spearman;
use rayon::prelude::*;
use tch::Device;

const NETWORKS: usize = 60;
const SEEDS: u64 = 4;
const PROXIES: [&str; 6] = ["synflow", "naswot", "jacov", "grad_norm", "snip", "meco"];

fn main() {
    prepare_process();
    rayon::ThreadPoolBuilder::new().start_handler(|_| prepare_thread()).build_global().expect("a thread pool");
    let space = space::open("nas-bench-201").expect("a known space");
    let image = Shape::new(3, 32, 32);
    let task = Task::classify(image, 10);
    let batch = data::draw_batch(&data::open(&DataSpec::default()).expect("built in"), image, 64, 0, false)
        .expect("large enough");
    let batch = DeviceBatch::new(&batch.images, &batch.labels, Device::Cpu).expect("fits in memory");
    let mut stream = Stream::named(0, "init noise");
    let mut seen = HashSet::new();
    let mut networks = Vec::new();
    while networks.len() < NETWORKS {
        let arch = space.sample(&mut stream);
        let id = space.arch_id(&arch);
        let network = space.build(&space.representative(&arch), &task).expect("fits the image").live();
        if let (Some(network), true) = (network, seen.insert(id)) {
            networks.push((id, network));
        }
    }
    let proxies: Vec<_> = PROXIES.iter().map(|name| proxy::find(name).expect("a known proxy")).collect();
    let passes: Vec<Pass> =
        proxies.iter().flat_map(|p| p.passes).copied().collect::<HashSet<_>>().into_iter().collect();
    println!("{:10} {:>8} {:>12}", "noise", "bank", "independent");
    let noise: Vec<Vec<f64>> = [true, false]
        .into_iter()
        .map(|bank| {
            // [seed][network][proxy]
            let scores: Vec<Vec<Vec<f64>>> = (0..SEEDS)
                .map(|seed| {
                    let engine = if bank { Engine::with_bank(Device::Cpu) } else { Engine::new(Device::Cpu) };
                    let score = |(id, network): &(space::ArchId, _)| {
                        let name = if bank { "bank/0".into() } else { format!("{id}/0") };
                        let run = engine.run(network, derive(seed, &name), &batch, &passes).expect("runs");
                        proxies.iter().map(|p| p.evaluate(&run).value().unwrap_or(f64::NEG_INFINITY)).collect()
                    };
                    networks.par_iter().map(score).collect()
                })
                .collect();
            let column = |seed: usize, p: usize| -> Vec<f64> { scores[seed].iter().map(|s| s[p]).collect() };
            let pairs: Vec<(usize, usize)> = (1..scores.len()).flat_map(|b| (0..b).map(move |a| (a, b))).collect();
            let agreement = |p: usize| -> f64 {
                let each = pairs.iter().map(|&(a, b)| spearman(&column(a, p), &column(b, p)).unwrap_or(0.0));
                each.sum::<f64>() / pairs.len() as f64
            };
            (0..proxies.len()).map(|p| 1.0 - agreement(p)).collect()
        })
        .collect();
    for (p, name) in PROXIES.iter().enumerate() {
        println!("{name:10} {:8.4} {:12.4}", noise[0][p], noise[1][p]);
    }
}
