//! The page as a whole: what is in it, what is left out, and that no data can break it.

mod samples;

use super::render;
use crate::report::document::*;
use crate::space::{CellGraph, Chain, GraphEdge, Layer, Picture};

/// One section per kind of part; every text is `text` and every number is `value`.
fn document(text: &str, value: f64) -> Document {
    let text = || text.to_owned();
    let known = Estimate::with_interval(value, value - 0.1, value + 0.1);
    let estimate = Some(known);
    let network = || TrainedNetwork { arch: text().into(), accuracies: vec![Some(value), Some(value + 1.0)] };
    let group = |role| StripGroup { role, networks: vec![network(), network()], mean: estimate };
    let point = |role| PredictionPoint {
        arch: text().into(),
        predicted: value,
        std: Some(value),
        interval: Some(Interval { low: value - 2.0, high: value + 2.0 }),
        trained: value + 1.0,
        role,
    };
    let predictions = Predictions {
        accuracy: text(),
        predictor: text(),
        labels: 40,
        evidence: Evidence::HeldOut,
        level: 90.0,
        spearman: estimate,
        points: vec![point(Role::Control), point(Role::Finalist)],
        note: text(),
    };
    let row = |tone| IntervalRow { name: text(), tone, estimates: vec![estimate], note: text() };
    let intervals = Intervals {
        across: text(),
        signed: true,
        series: vec![text()],
        rows: [Tone::Plain, Tone::Baseline, Tone::Better, Tone::Undecided, Tone::Worse].map(row).to_vec(),
        caption: text(),
    };
    let roles = [Role::Labelled, Role::Control, Role::Finalist];
    let panel = ScatterPanel {
        proxy: text(),
        spearman: Some(value),
        points: roles.map(|role| ScatterPoint { arch: text().into(), score: value, accuracy: value, role }).to_vec(),
        cloud: vec![[value, value], [value + 1.0, value]],
        names: vec![text().into(), text().into()],
    };
    let cost = |front| Cost { name: text(), seconds: 0.01, spearman: known, baseline: front, front };
    let heat_row = |strong| HeatRow { name: text(), strong, values: vec![Some(value), None] };
    let heat = Heat {
        label: text(),
        corner: text(),
        columns: vec![text(), text()],
        rows: vec![heat_row(true), heat_row(false)],
        full: 1.0,
        signed: false,
        unit: text(),
        caption: text(),
    };
    let curve = LearningCurve {
        arch: text().into(),
        role: Role::Finalist,
        seed: Some(1),
        points: vec![(1, Some(value)), (2, Some(value)), (3, None)],
    };
    let line = |name: String| Line {
        name,
        note: text(),
        points: [1.0, 2.0].map(|at| LinePoint { at, value: known }).to_vec(),
        dots: vec![[1.0, value]],
    };
    let panels = CurvePanels {
        across: text(),
        up: text(),
        reference: Some(line(text())),
        lines: vec![line(text()), line(text())],
        caption: text(),
        ..CurvePanels::default()
    };
    let front = Front {
        across: text(),
        up: text(),
        points: [true, false].map(|front| FrontPoint { arch: text().into(), x: value, y: value, front }).to_vec(),
        limit: Some(value),
        left_out: 3,
        caption: text(),
        ..Front::default()
    };
    let drawings = [cells(text()), chain(text())].map(|picture| Drawing {
        rank: 1,
        arch: text().into(),
        caption: text(),
        picture,
    });
    let cells = vec![
        Cell::Name(text(), text()),
        Cell::text(text()),
        Cell::Arch(text().into()),
        Cell::Number(Some(value), 2, text()),
        Cell::Score(Some(value)),
        Cell::Count(3),
        Cell::Size(Some(1_460_000)),
        Cell::Seconds(Some(value)),
        Cell::Estimate(estimate, 2),
        Cell::Difference(estimate, 2),
        Cell::PValue(Some(value)),
        Cell::Tone(Tone::Undecided),
    ];
    let columns: Vec<String> = cells.iter().map(|_| text()).collect();
    let parts = [
        ("table", Part::Table(Grid::new(&text(), &columns, text()).with_rows([cells]))),
        ("intervals", Part::Intervals(intervals)),
        ("panels", Part::Curves(panels)),
        ("front", Part::Front(front)),
        ("heat", Part::Heat(heat)),
        ("scatter", Part::Scatter(Scatter { accuracy: text(), panels: vec![panel] })),
        ("costs", Part::Costs(vec![cost(true), cost(false)])),
        (
            "strip",
            Part::Strip(Strip {
                accuracy: text(),
                groups: vec![group(Role::Finalist), group(Role::Control)],
                caption: text(),
            }),
        ),
        ("predictions", Part::Predictions(predictions)),
        ("learning", Part::Learning(Learning { accuracy: text(), curves: vec![curve] })),
        ("drawings", Part::Drawings(drawings.to_vec())),
        ("facts", Part::Facts(vec![(text(), text())])),
        ("code", Part::Code(text(), text())),
    ];
    Document {
        title: text(),
        verdict: vec![text()],
        facts: vec![(text(), text())],
        sections: parts.into_iter().map(|(id, part)| Section::new(id, text(), vec![part])).collect(),
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

/// Parts that draw values, which are left out where no value can be drawn.
const DRAWN: [&str; 8] = ["intervals", "panels", "front", "scatter", "costs", "strip", "predictions", "learning"];

#[test]
fn shows_every_part() {
    let document = document("plain", 0.5);
    let page = render(&document);
    assert!(document.sections.iter().all(|s| has(&page, &s.id)));
    assert!(page.find("class=\"verdict\"").unwrap() < page.find("<section id=").unwrap());
    assert_eq!(page.matches("<figure").count(), page.matches("<figcaption>").count());
    assert_eq!(page.matches("<figure").count(), 11);
}

#[test]
fn a_document_with_nothing_to_say_is_still_a_page() {
    let empty = Document {
        title: "Nothing yet".into(),
        sections: vec![Section::table("empty", "Empty", Grid::new("t", &["a"], "c"))],
        ..Document::default()
    };
    let page = render(&empty);
    assert!(page.contains("<h1>Nothing yet</h1>"));
    for part in ["<section", "<figure", "<table", "<dl", "class=\"hint\"", "<nav"] {
        assert!(!page.contains(part), "{part}");
    }
}

#[test]
fn text_cannot_become_markup() {
    let page = render(&document("<b>\"x\" & 'y'</script>", 0.5));
    assert!(!page.contains("<b>"));
    // The page's own script and the names of the scatter plots.
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(page.contains("&lt;b&gt;&quot;x&quot; &amp; 'y'&lt;/script&gt;"));
    // Attributes: no quote from the data ends one early.
    assert!(!page.contains("=\"<") && !page.contains("\"x\""));
}

#[test]
fn values_that_are_not_finite_are_never_shown() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN] {
        let page = render(&document("plain", value));
        for word in ["nan", "inf", "infinity"] {
            assert!(!has_word(&page, word), "{word} for {value}");
        }
        assert!(DRAWN.iter().all(|part| !has(&page, part)), "{value}");
        assert!(has(&page, "table") && has(&page, "heat"));
    }
    for value in [0.0, -0.0, 1e299, -1e299, 1e-320, 1e17] {
        let page = render(&document("plain", value));
        assert!(!has_word(&page, "nan") && !has_word(&page, "inf"), "{value}");
        assert!(DRAWN.iter().all(|part| has(&page, part)), "{value}");
    }
}

#[test]
fn points_that_cannot_be_drawn_are_counted() {
    let mut document = document("plain", 0.5);
    for part in document.sections.iter_mut().flat_map(|s| &mut s.parts) {
        match part {
            Part::Scatter(scatter) => scatter.panels[0].points[0].score = f64::NAN,
            Part::Learning(learning) => learning.curves[0].points.push((4, Some(f64::INFINITY))),
            _ => {}
        }
    }
    let page = render(&document);
    assert!(page.contains("1 point without a usable value is not drawn."));
    assert!(page.contains("2 points without usable values are not drawn."));
}

#[test]
fn coverage_is_counted_from_the_points() {
    let mut document = document("plain", 50.0);
    for part in document.sections.iter_mut().flat_map(|s| &mut s.parts) {
        if let Part::Predictions(predictions) = part {
            predictions.points[0].trained = 70.0;
        }
    }
    let page = render(&document);
    assert!(page.contains("1 of 2 trained accuracies lie inside their 90% interval"));
    assert!(page.contains("Out of sample"));
}

fn shown(part: Part) -> String {
    super::part(&part).map(|markup| markup.0).unwrap_or_default()
}

#[test]
fn every_line_has_a_panel_with_the_common_line_in_it() {
    let line = |name: &str, values: &[f64]| Line {
        name: name.into(),
        points: (1..)
            .zip(values)
            .map(|(i, v)| LinePoint { at: f64::from(i), value: Estimate::with_interval(*v, v - 1.0, v + 1.0) })
            .collect(),
        ..Line::default()
    };
    let panels = CurvePanels {
        across: "trainings".into(),
        up: "accuracy".into(),
        logarithmic: true,
        decimals: 1,
        reference: Some(line("random", &[80.0, 85.0, 88.0])),
        lines: vec![line("good <b>", &[81.0, 89.0, 93.0]), line("one point", &[81.0])],
        ..CurvePanels::default()
    };
    let html = shown(Part::Curves(panels));
    assert_eq!(html.matches("main proxy").count(), 1, "{html}");
    assert_eq!(html.matches("<polyline").count(), 2);
    assert_eq!(html.matches("<polygon").count(), 2);
    assert!(html.contains("good &lt;b&gt;, trainings 3: 93.0 (92.0 to 94.0)") && !html.contains("<b>"));
    assert!(!html.contains("one point"), "a single point is not a line");
}

#[test]
fn a_front_is_drawn_with_its_limit() {
    let point = |arch: &str, x, y, front| FrontPoint { arch: arch.to_owned().into(), x, y, front };
    let front = Front {
        across: "latency, ms".into(),
        up: "accuracy".into(),
        decimals: 2,
        points: vec![point("a", 1.0, 90.0, true), point("b", 2.0, 91.0, true), point("c", 3.0, f64::NAN, false)],
        limit: Some(1.5),
        left_out: 7,
        ..Front::default()
    };
    let html = shown(Part::Front(front));
    assert!(html.contains("limit 1.500") && html.contains("2 that no other beats in both"), "{html}");
    assert!(html.contains("a: latency, ms 1.000, accuracy 90.00") && html.contains("7 of the others"));
    assert!(!html.contains("NaN"));
}

#[test]
fn the_network_to_take_is_found_in_charts_and_tables() {
    let id = |n: u128| crate::space::ArchId(n << 104);
    let loser = NetworkName::new("|none~0|", id(1));
    let winner = NetworkName { winner: true, ..NetworkName::new("|skip_connect~0|", id(0x424)) };
    let both = || [winner.clone(), loser.clone()];
    let points = both().map(|arch| FrontPoint { arch, x: 1.0, y: 90.0, front: true }).to_vec();
    let html = shown(Part::Front(Front { points, ..Front::default() }));
    assert_eq!(html.matches("r=\"9\" class=\"ring\"").count(), 1, "{html}");
    assert!(html.contains("the network to take, net-000424"));
    let curve =
        |arch| LearningCurve { arch, points: vec![(1, Some(50.0)), (2, Some(60.0))], ..LearningCurve::default() };
    let html = shown(Part::Learning(Learning { curves: both().map(curve).to_vec(), ..Learning::default() }));
    assert_eq!(html.matches("curve labelled winner").count(), 1, "{html}");
    assert!(html.contains("the thick one is the network to take, net-000424"));
    let grid = Grid::new("t", &["Network"], "").with_rows(both().map(|name| vec![Cell::Arch(name)]));
    let html = shown(Part::Table(grid));
    assert_eq!(html.matches("<tr class=\"winner\">").count(), 1, "{html}");
    assert!(html.contains("<code class=\"net\" title=\"|skip_connect~0|\">net-000424</code>"), "{html}");
}

#[test]
fn intervals_stand_row_by_row() {
    let row = |name: &str, estimates| IntervalRow { name: name.into(), estimates, ..IntervalRow::default() };
    let e = |v| Some(Estimate::with_interval(v, v - 0.1, v + 0.1));
    let intervals = Intervals {
        across: "Spearman".into(),
        series: (0..6).map(|i| format!("run {i}")).collect(),
        rows: vec![row("naswot", vec![e(0.8), None, e(0.7)]), row("params", vec![e(0.5)]), row("none", vec![None])],
        ..Intervals::default()
    };
    let html = shown(Part::Intervals(intervals));
    assert_eq!(html.matches("<title>").count(), 3, "{html}");
    assert!(html.contains("naswot, run 2: 0.70, 95% interval 0.60 to 0.80"));
    assert!(html.contains("The first 4 runs are drawn; 2 more are in the table."));
}

#[test]
fn cells_say_their_values() {
    let cells =
        vec![Cell::text("<x>"), Cell::number(f64::NAN, 2), Cell::Size(Some(1_460_000)), Cell::PValue(Some(1e-9))];
    let grid = Grid::new("t", &["Name", "#Value", "#Small", "#p"], "").with_rows([cells]);
    let html = shown(Part::Table(grid));
    assert!(html.contains("<th scope=\"row\">&lt;x&gt;</th><td class=\"num\">–</td><td class=\"num\">1.46 M</td>"));
    assert!(html.contains("&lt;\u{a0}0.001"), "{html}");
}

#[test]
fn needs_nothing_from_elsewhere() {
    let page = render(&document("plain", 0.5));
    // Links lead to the page itself, and two slashes begin a comment.
    let page = page.replace("href=\"#", "");
    let page: String = page.lines().filter(|line| !line.trim_start().starts_with("// ")).collect();
    for part in ["http:", "https:", "//", "src=", "href=", "url(", "@import", "fetch("] {
        assert!(!page.contains(part), "{part}");
    }
}

#[test]
fn a_document_is_read_as_it_was_written() {
    for value in [0.1 + 0.2, -3.0] {
        let written = document("plain", value);
        let json = serde_json::to_string(&written).unwrap();
        assert_eq!(serde_json::from_str::<Document>(&json).unwrap(), written);
    }
    let json = serde_json::to_string(&document("plain", f64::NAN)).unwrap();
    assert_eq!(render(&serde_json::from_str(&json).unwrap()), render(&document("plain", f64::NAN)));
}
