//! Pages of every kind of content, made up from streams of random numbers: how large they are, and, written to the folder
//! that `NASLENS_PAGES` names, what the browser test looks at.

use crate::report::document::*;
use crate::report::html::render;
use crate::seed::Stream;
use crate::space::open;

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

/// A run in `space` with this many proxies, networks of known accuracy that were not trained, and trained ones of each role.
fn sample(space: &str, proxies: usize, known: usize, trained: usize) -> Document {
    let space = open(space).unwrap();
    let mut stream = Stream::named(9, "samples");
    let archs: Vec<_> = (0..known + 3 * trained).map(|_| space.sample(&mut stream)).collect();
    let texts: Vec<String> = archs.iter().map(|a| space.format(a)).collect();
    let accuracy: Vec<f64> = archs.iter().map(|_| 94.0 - 3.0 * stream.normal().abs()).collect();
    let role = |i: usize| [Role::Labelled, Role::Control, Role::Finalist][i % 3];
    let names = &PROXIES[..proxies];
    let rho = |i: usize| 0.8 - 1.3 * i as f64 / PROXIES.len() as f64;
    let estimate = |value: f64| Estimate::with_interval(value, value - 0.05, value + 0.06);
    let mut panel = |i: usize| {
        let mut score = |a: f64| rho(i) * (a - 90.0) + stream.normal();
        ScatterPanel {
            proxy: names[i].into(),
            spearman: Some(rho(i)),
            points: (known..known + 3 * trained)
                .map(|n| ScatterPoint {
                    arch: texts[n].clone().into(),
                    score: score(accuracy[n]),
                    accuracy: accuracy[n],
                    role: role(n),
                })
                .collect(),
            cloud: (0..known).map(|n| [score(accuracy[n]), accuracy[n]]).collect(),
            names: if known <= 2000 { texts[..known].iter().cloned().map(Into::into).collect() } else { Vec::new() },
        }
    };
    let panels = (0..proxies).map(&mut panel).collect();
    let seconds: Vec<f64> = (0..proxies).map(|_| 10_f64.powf(3.0 * stream.uniform())).collect();
    let row = |i: usize, tone, value: f64| IntervalRow {
        name: names[i].into(),
        tone,
        estimates: vec![Some(estimate(value))],
        note: "p = 0.012".into(),
    };
    let judged = |i: usize| [Tone::Better, Tone::Undecided, Tone::Worse][i * 3 / (proxies + 1)];
    let size = |i: usize| if i < 3 { Tone::Baseline } else { Tone::Plain };
    let intervals = |across: &str, signed, rows| {
        let caption = "Bars: 95% intervals.".into();
        Part::Intervals(Intervals { across: across.into(), signed, rows, caption, ..Intervals::default() })
    };
    let cells = |i: usize| {
        vec![
            Cell::Name(names[i].into(), if i < 3 { "size baseline" } else { "" }.into()),
            Cell::Estimate(Some(estimate(rho(i))), 2),
            Cell::Estimate(Some(estimate(0.7 * rho(i))), 2),
            Cell::Count(known as u64),
            Cell::Count(i as u64),
            Cell::Seconds(Some(seconds[i])),
        ]
    };
    let grid = Grid::new("Correlations", &["Proxy", "#Spearman", "#Kendall", "#n", "#Without a score", "#Time"], "");
    let cost = |i: usize| Cost {
        name: names[i].into(),
        seconds: if i < 3 { 1e-6 } else { seconds[i] / 1000.0 },
        spearman: estimate(rho(i)),
        baseline: i < 3,
        front: i == 0,
    };
    let values = |i: usize, n: usize| (0..n).map(|j| Some(((i * 7 + j * 3) % 21) as f64 / 10.0 - 1.0)).collect();
    let heat = |columns: Vec<String>, signed| {
        let n = columns.len();
        let row = |i: usize| HeatRow { name: names[i].into(), strong: i == 0, values: values(i, n) };
        let rows = (0..proxies).map(row).collect();
        Part::Heat(Heat { label: "Values".into(), columns, rows, full: 1.0, signed, ..Heat::default() })
    };
    let features = ["params", "flops", "depth", "skip", "conv 3×3", "avg pool 3×3"].map(String::from).to_vec();
    let group = |role, r: usize| StripGroup {
        role,
        networks: (0..trained)
            .map(|n| TrainedNetwork {
                arch: texts[known + n].clone().into(),
                accuracies: vec![Some(accuracy[known + n] + r as f64)],
            })
            .collect(),
        mean: Some(estimate(92.0 + r as f64)),
    };
    let strip = Strip {
        accuracy: "test accuracy".into(),
        groups: vec![group(Role::Finalist, 1), group(Role::Control, 0)],
        caption: "Each point is a network.".into(),
    };
    let drawing = |(rank, arch)| Drawing {
        rank,
        arch: space.format(arch).into(),
        caption: "predicted 93.10%, trained 92.80%".into(),
        picture: space.picture(arch),
    };
    let curve = |n: usize| LearningCurve {
        arch: texts[known + n].clone().into(),
        role: role(n),
        seed: None,
        points: (1..5).map(|e| (e, Some(accuracy[known + n] - 40.0 / e as f64))).collect(),
    };
    let learning = Learning { accuracy: "validation accuracy".into(), curves: (0..trained).map(curve).collect() };
    let section = |id: &str, parts| Section::new(id, id, parts);
    Document {
        title: format!("A sample of {}", space.entry().name),
        verdict: vec!["naswot is worth using here: Spearman 0.57 [-0.52, 0.62] against 0.32 of params.".into()],
        facts: Vec::new(),
        sections: vec![
            section(
                "worth",
                vec![intervals("difference", true, (3..proxies).map(|i| row(i, judged(i), rho(i) - 0.3)).collect())],
            ),
            section("comparison", vec![Part::Strip(strip)]),
            section(
                "proxies",
                vec![
                    intervals("correlation", false, (0..proxies).map(|i| row(i, size(i), rho(i))).collect()),
                    Part::Table(grid.with_rows((0..proxies).map(cells))),
                ],
            ),
            section("scatter", vec![Part::Scatter(Scatter { accuracy: "table accuracy".into(), panels })]),
            section("cost", vec![Part::Costs((0..proxies).map(cost).collect())]),
            section("correlations", vec![heat(names.iter().map(|n| n.to_string()).collect(), false)]),
            section("preferences", vec![heat(features, true)]),
            section("top", vec![Part::Drawings((1..).zip(&archs[..6]).map(drawing).collect())]),
            section("curves", vec![Part::Learning(learning)]),
        ],
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
