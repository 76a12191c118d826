//! Pages of every kind of content, made up from streams of random numbers: how large they are, and, written to the folder
//! that `NASLENS_PAGES` names, what the browser test looks at.

use super::model::*;
use super::render;
use crate::seed::Stream;
use crate::space::{Skeleton, open};

const PROXIES: [&str; 25] = [
    "params",
    "flops",
    "layers",
    "synflow",
    "naswot",
    "jacov",
    "grad_norm",
    "snip",
    "grasp",
    "fisher",
    "zen",
    "zico",
    "meco",
    "az_expressivity",
    "az_trainability",
    "a_proxy_with_a_very_long_name",
    "swap",
    "ntk",
    "epe_nas",
    "t_cet",
    "l2_norm",
    "plain",
    "logdet",
    "naslens",
    "dextr",
];

/// A run in `space` with so many proxies, networks of known accuracy beside the trained ones, and trained ones of each role.
fn sample(space: &str, proxies: usize, known: usize, trained: usize) -> RunReport {
    let space = open(space, &Skeleton::default()).unwrap();
    let mut stream = Stream::named(9, "samples");
    let archs: Vec<_> = (0..known + 3 * trained).map(|_| space.sample(&mut stream)).collect();
    let texts: Vec<String> = archs.iter().map(|a| space.format(a)).collect();
    let accuracy: Vec<f64> = archs.iter().map(|_| 94.0 - 3.0 * stream.normal().abs()).collect();
    let role = |i: usize| [Role::Labelled, Role::Control, Role::Finalist][i % 3];
    let names = &PROXIES[..proxies];
    let rho = |i: usize| 0.8 - 1.3 * i as f64 / PROXIES.len() as f64;
    let estimate = |value: f64| Estimate::with_interval(value, value - 0.05, value + 0.06);
    let rows: Vec<ProxyRow> = (0..proxies)
        .map(|i| ProxyRow {
            name: names[i].into(),
            spearman: Some(estimate(rho(i))),
            kendall: Some(estimate(0.7 * rho(i))),
            n: known as u64,
            failed: i as u64,
            seconds: Some(10_f64.powf(3.0 * stream.uniform())),
            baseline: i < 3,
        })
        .collect();
    let mut panel = |i: usize| {
        let mut score = |a: f64| rho(i) * (a - 90.0) + stream.normal();
        ScatterPanel {
            proxy: names[i].into(),
            points: (known..known + 3 * trained)
                .map(|n| ScatterPoint {
                    arch: texts[n].clone(),
                    score: score(accuracy[n]),
                    accuracy: accuracy[n],
                    role: role(n),
                })
                .collect(),
            cloud: (0..known).map(|n| [score(accuracy[n]), accuracy[n]]).collect(),
            names: if known <= 2000 { texts[..known].to_vec() } else { Vec::new() },
            accuracy: "table accuracy".into(),
        }
    };
    let scatter = (0..proxies).map(&mut panel).collect();
    let values = |i: usize, n: usize| (0..n).map(|j| Some(((i * 7 + j * 3) % 21) as f64 / 10.0 - 1.0)).collect();
    let group = |r: usize| Group {
        networks: (0..trained)
            .map(|n| TrainedNetwork {
                arch: texts[known + n].clone(),
                accuracies: vec![accuracy[known + n] + r as f64],
            })
            .collect(),
        mean: Some(estimate(92.0 + r as f64)),
        seconds: Some(4000.0),
    };
    RunReport {
        title: format!("A sample of {}", space.entry().name),
        verdict: vec!["naswot is worth using here: Spearman 0.57 [0.52, 0.62] against 0.32 of params.".into()],
        worth: Some(Worth {
            reference: "params".into(),
            rows: (3..proxies)
                .map(|i| WorthRow {
                    name: names[i].into(),
                    difference: estimate(rho(i) - 0.3),
                    p_value: Some(0.012),
                    judgement: [Judgement::Better, Judgement::Undecided, Judgement::Worse][i * 3 / (proxies + 1)],
                })
                .collect(),
            method: "As it was tested.".into(),
        }),
        costs: rows
            .iter()
            .enumerate()
            .map(|(i, r)| Cost {
                name: r.name.clone(),
                seconds: if r.baseline { 1e-6 } else { r.seconds.unwrap() / 1000.0 },
                spearman: r.spearman.unwrap(),
                baseline: r.baseline,
                front: i == 0,
            })
            .collect(),
        correlations: Some(Correlations {
            names: names.iter().map(|n| n.to_string()).collect(),
            rho: (0..proxies).map(|i| values(i, proxies)).collect(),
            networks: known as u64,
            method: String::new(),
        }),
        preferences: Some(Preferences {
            features: ["params", "flops", "depth", "skip_connect", "nor_conv_3x3", "avg_pool_3x3"]
                .map(String::from)
                .into(),
            rows: (0..proxies)
                .map(|i| Preference {
                    name: if i == 0 { "table accuracy" } else { names[i] }.into(),
                    truth: i == 0,
                    networks: None,
                    differences: values(i, 6),
                })
                .collect(),
            top_pct: 10.0,
            networks: known as u64,
        }),
        proxies: ProxySection { rows, interval_method: String::new() },
        scatter,
        comparison: Some(Comparison {
            finalists: group(1),
            controls: group(0),
            difference: Some(estimate(1.0)),
            p_value: Some(0.01),
            epochs: Some(4),
            seeds: Some(1),
            ..Comparison::default()
        }),
        drawings: (1..)
            .zip(&archs[..6])
            .map(|(rank, arch)| Drawing {
                rank,
                arch: space.format(arch),
                caption: "predicted 93.10%, trained 92.80%".into(),
                picture: space.picture(arch),
            })
            .collect(),
        curves: (0..trained)
            .map(|n| LearningCurve {
                arch: texts[known + n].clone(),
                role: role(n),
                seed: None,
                points: (1..5).map(|e| (e, accuracy[known + n] - 40.0 / e as f64)).collect(),
            })
            .collect(),
        ..RunReport::default()
    }
}

#[test]
fn sample_pages_of_any_size_stay_small() {
    let pages = [
        ("small", sample("nas-bench-201", 4, 0, 8)),
        ("table", sample("nas-bench-101", 9, 1000, 16)),
        ("large", sample("nas-bench-201", 25, 15_625, 60)),
        ("huge", sample("fbnet", 25, 100_000, 400)),
        ("sizes", sample("nats-size", 12, 2500, 10)),
    ];
    for (name, run) in pages {
        let page = render(&run);
        assert_eq!(page.contains("class=\"bins"), !["small", "table"].contains(&name), "{name}");
        if let Some(folder) = std::env::var_os("NASLENS_PAGES") {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(std::path::Path::new(&folder).join(format!("{name}.html")), &page).unwrap();
        }
        assert!(page.len() < 1_000_000, "{name}: {} bytes", page.len());
    }
}
