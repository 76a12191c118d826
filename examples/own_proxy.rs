//! A proxy of one's own, registered and screened with like a built-in one: `cargo run --example own_proxy`.

use std::sync::atomic::AtomicBool;

use naslens::engine::Passes;
use naslens::pipeline::{RunOptions, ScreenConfig, Selection, screen};
use naslens::proxy::{PROXIES, Proxy};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // What a score captures lives as long as the process, as the entry does.
    let weight = 0.5;
    let score = move |passes: &Passes<'_>| {
        let network = passes.network;
        Ok(network.layers().count() as f64 - weight * (1.0 + network.params() as f64).log10())
    };
    PROXIES.register(Proxy {
        name: "thin_depth",
        title: "Layers, less half the magnitude of the number of parameters",
        paper: "an example",
        formula: "s = L - log10(1 + P) / 2, with L layers with weights and P parameters",
        protocol: "counted on the live part of the network; no image goes in",
        limits: "made up",
        score: Box::leak(Box::new(score)),
        // Nothing needs to be run for counts; a score from gradients asks for its `passes` and finds their records there.
        ..Proxy::LIVE
    })?;
    let config = ScreenConfig {
        space: "nas-bench-201:channels=4,cells=1".parse()?,
        proxies: vec!["thin_depth".into(), "synflow".into()],
        image: "3x8x8".parse()?,
        batch_size: 8,
        ..ScreenConfig::default()
    };
    let (out, stop) = (tempfile::tempdir()?, AtomicBool::new(false));
    let options = RunOptions::new("cpu", Some(1), false, &stop)?;
    let table = screen(&config, &Selection::Sample(20), out.path(), &options, &mut |_| {})?.table;
    let values = table.values("thin_depth").unwrap_or_default();
    let best =
        (0..values.len()).max_by(|&a, &b| values[a].unwrap_or(f64::MIN).total_cmp(&values[b].unwrap_or(f64::MIN)));
    if let Some(best) = best {
        println!(
            "the best of {} by thin_depth: {} ({:.3})",
            values.len(),
            table.arch[best],
            values[best].unwrap_or(f64::NAN)
        );
    }
    Ok(())
}
