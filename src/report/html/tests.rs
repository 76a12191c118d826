//! The page as a whole: what is in it, what is left out, and that no data can break it.

use super::model::*;
use super::render;
use crate::space::{CellGraph, Chain, GraphEdge, Layer, Picture};

const SECTIONS: [&str; 11] = [
    "comparison",
    "predictions",
    "proxies",
    "scatter",
    "top",
    "curves",
    "reproduce",
    "worth",
    "correlations",
    "cost",
    "preferences",
];

/// A run with something in every section; every text is `text` and every number is `value`.
fn run(text: &str, value: f64) -> RunReport {
    let text = || text.to_owned();
    let estimate = Some(Estimate::with_interval(value, value - 0.1, value + 0.1));
    let network = || TrainedNetwork { arch: text(), accuracies: vec![value, value + 1.0] };
    let group = || Group { networks: vec![network(), network()], mean: estimate, seconds: Some(value) };
    let point = |role| PredictionPoint {
        arch: text(),
        predicted: value,
        std: Some(value),
        interval: Some(Interval { low: value - 2.0, high: value + 2.0 }),
        trained: value + 1.0,
        role,
    };
    RunReport {
        title: text(),
        verdict: vec![text()],
        overview: Overview {
            space: text(),
            asked: Some(600),
            scored: Some(512),
            scoring_seconds: Some(value),
            sampler: text(),
            seed: Some(7),
            device: text(),
            dataset: text(),
            version: text(),
            accuracy: text(),
            more: vec![(text(), text())],
        },
        proxies: ProxySection {
            rows: [false, true]
                .map(|baseline| ProxyRow {
                    name: text(),
                    spearman: estimate,
                    kendall: estimate,
                    n: 40,
                    failed: 1,
                    seconds: Some(value),
                    baseline,
                })
                .to_vec(),
            interval_method: text(),
        },
        scatter: vec![ScatterPanel {
            proxy: text(),
            points: [Role::Labelled, Role::Control, Role::Finalist]
                .map(|role| ScatterPoint { arch: text(), score: value, accuracy: value, role })
                .to_vec(),
            cloud: vec![[value, value], [value + 1.0, value]],
            names: vec![text(), text()],
            accuracy: text(),
        }],
        predictions: vec![Predictions {
            accuracy: String::new(),
            predictor: text(),
            labels: 40,
            evidence: Evidence::HeldOut,
            level: 90.0,
            spearman: estimate,
            points: vec![point(Role::Control), point(Role::Finalist)],
            note: text(),
        }],
        comparison: Some(Comparison {
            finalists: group(),
            controls: group(),
            difference: estimate,
            p_value: Some(value),
            test: text(),
            interval_method: text(),
            epochs: Some(20),
            seeds: Some(2),
            note: text(),
        }),
        top: vec![TopNetwork {
            rank: 1,
            arch: text(),
            params: Some(1_073_466),
            macs: Some(153_273_664),
            predicted: Some(value),
            std: Some(value),
            trained: Some(value),
        }],
        curves: vec![LearningCurve {
            arch: text(),
            role: Role::Finalist,
            seed: Some(1),
            points: vec![(1, value), (2, value)],
        }],
        sections: Vec::new(),
        reproduction: Reproduction { command: text(), facts: vec![(text(), text())], config: text() },
        worth: Some(Worth {
            reference: text(),
            rows: [Judgement::Better, Judgement::Undecided, Judgement::Worse]
                .map(|judgement| WorthRow {
                    name: text(),
                    difference: Estimate::with_interval(value, value - 0.1, value + 0.1),
                    p_value: Some(value),
                    judgement,
                })
                .to_vec(),
            method: text(),
        }),
        correlations: Some(Correlations {
            names: vec![text(), text()],
            rho: vec![vec![Some(1.0), Some(value)], vec![None, Some(1.0)]],
            networks: 512,
            method: text(),
        }),
        costs: [true, false]
            .map(|front| Cost {
                name: text(),
                seconds: 0.01,
                spearman: Estimate::with_interval(value, value - 0.1, value + 0.1),
                baseline: front,
                front,
            })
            .to_vec(),
        preferences: Some(Preferences {
            features: vec![text(), text()],
            rows: [true, false]
                .map(|truth| Preference {
                    name: text(),
                    truth,
                    networks: truth.then_some(40),
                    differences: vec![Some(value), None],
                })
                .to_vec(),
            top_pct: 10.0,
            networks: 512,
        }),
        drawings: [cells(text()), chain(text())]
            .map(|picture| Drawing { rank: 1, arch: text(), caption: text(), picture })
            .to_vec(),
    }
}

/// A cell with operations on its edges, one of them dead.
fn cells(text: String) -> Picture {
    let edge = |from, to, open| GraphEdge { from, to, label: text.clone(), open };
    let edges = vec![edge(0, 1, true), edge(0, 2, false), edge(1, 2, true)];
    Picture::Cells(vec![CellGraph { name: text.clone(), nodes: vec![text.clone(), text.clone(), text], edges }])
}

fn chain(text: String) -> Picture {
    let layer = |height, channels| Layer { label: text.clone(), kind: text.clone(), height, channels };
    Picture::Chain(Chain { layers: vec![layer(1.0, 8), layer(0.0, 16)], height: text.clone() })
}

fn has(page: &str, section: &str) -> bool {
    page.contains(&format!("<section id=\"{section}\">"))
}

/// Whether a word stands alone anywhere in the page.
fn has_word(page: &str, word: &str) -> bool {
    page.split(|c: char| !c.is_alphanumeric()).any(|w| w.eq_ignore_ascii_case(word))
}

#[test]
fn shows_every_section_it_has_data_for() {
    let page = render(&run("plain", 0.5));
    for section in SECTIONS {
        assert!(has(&page, section), "{section}");
    }
    let verdict = page.find("class=\"verdict\"").unwrap();
    assert!(verdict < page.find("<section id=").unwrap());
    assert_eq!(page.matches("role=\"img\"").count(), 12);
    assert_eq!(page.matches("<figure").count(), page.matches("<figcaption>").count());
}

#[test]
fn leaves_out_each_section_without_data() {
    let empty: [fn(&mut RunReport); 11] = [
        |r| r.comparison = None,
        |r| r.predictions.clear(),
        |r| r.proxies.rows.clear(),
        |r| r.scatter.clear(),
        |r| {
            r.top.clear();
            r.drawings.clear();
        },
        |r| r.curves.clear(),
        |r| r.reproduction = Reproduction::default(),
        |r| r.worth = None,
        |r| r.correlations = None,
        |r| r.costs.clear(),
        |r| r.preferences = None,
    ];
    for (gone, empty) in SECTIONS.iter().zip(empty) {
        let mut run = run("plain", 0.5);
        empty(&mut run);
        let page = render(&run);
        for section in SECTIONS {
            assert_eq!(has(&page, section), section != *gone, "{section} without {gone}");
        }
    }
}

#[test]
fn a_run_with_nothing_to_say_is_still_a_page() {
    let page = render(&RunReport { title: "Nothing yet".into(), ..Default::default() });
    assert!(page.contains("<h1>Nothing yet</h1>"));
    for part in ["<section", "<figure", "<table", "<dl", "class=\"hint\""] {
        assert!(!page.contains(part), "{part}");
    }
}

#[test]
fn text_cannot_become_markup() {
    let page = render(&run("<b>\"x\" & 'y'</script>", 0.5));
    assert!(!page.contains("<b>"));
    // The page's own script and the names of the scatter plots.
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(page.contains("&lt;b&gt;&quot;x&quot; &amp; &#39;y&#39;&lt;/script&gt;"));
    // Attributes: no quote from the data ends one early.
    assert!(!page.contains("=\"<") && !page.contains("\"x\""));
}

#[test]
fn values_that_are_not_finite_are_never_shown() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN] {
        let page = render(&run("plain", value));
        for word in ["nan", "inf", "infinity"] {
            assert!(!has_word(&page, word), "{word} for {value}");
        }
        assert!(!has(&page, "scatter") && !has(&page, "comparison") && !has(&page, "predictions"));
        assert!(has(&page, "proxies") && has(&page, "top"));
    }
    for value in [0.0, -0.0, 1e299, -1e299, 1e-320, 1e17] {
        let page = render(&run("plain", value));
        assert!(!has_word(&page, "nan") && !has_word(&page, "inf"), "{value}");
        assert!(SECTIONS.iter().all(|s| has(&page, s)), "{value}");
    }
}

#[test]
fn points_that_cannot_be_drawn_are_counted() {
    let mut run = run("plain", 0.5);
    run.scatter[0].points[0].score = f64::NAN;
    run.curves[0].points.extend([(3, f64::NAN), (4, f64::INFINITY)]);
    let page = render(&run);
    assert!(page.contains("1 point without a usable value is not drawn."));
    assert!(page.contains("2 points without usable values are not drawn."));
}

#[test]
fn coverage_is_counted_from_the_points() {
    let mut run = run("plain", 50.0);
    run.predictions[0].points[0].trained = 70.0;
    let page = render(&run);
    assert!(page.contains("1 of 2 trained accuracies lie inside their 90% interval"));
    assert!(page.contains("Out of sample"));
}

#[test]
fn proxies_are_sorted_and_baselines_marked() {
    let mut run = run("plain", 0.5);
    let row = |name: &str, value, baseline| ProxyRow {
        name: name.into(),
        spearman: Some(Estimate::new(value)),
        baseline,
        ..Default::default()
    };
    run.proxies.rows = vec![row("low", 0.1, false), row("params", 0.4, true), row("high", 0.9, false)];
    let page = render(&run);
    let at = |name: &str| page.find(&format!("<th scope=\"row\">{name}")).unwrap();
    assert!(at("high") < at("params") && at("params") < at("low"));
    assert!(page.contains("params (size baseline): 0.40"));
}

#[test]
fn needs_nothing_from_elsewhere() {
    let page = render(&run("plain", 0.5));
    // Links lead to the page itself, and two slashes begin a comment.
    let page = page.replace("href=\"#", "");
    let page: String = page.lines().filter(|line| !line.trim_start().starts_with("// ")).collect();
    for part in ["http:", "https:", "//", "src=", "href=", "url(", "@import", "fetch("] {
        assert!(!page.contains(part), "{part}");
    }
}

#[test]
fn the_model_serializes() {
    let json = serde_json::to_value(run("plain", 0.5)).unwrap();
    assert_eq!(json["scatter"][0]["points"][2]["role"], "finalist");
    assert_eq!(json["predictions"][0]["evidence"], "held_out");
}
