//! Parts of a page: what is drawn, what is left out, and that no value can break them.

use super::all;
use crate::report::html::model::*;

fn shown(parts: Vec<Part>) -> String {
    let section = Section { id: "part".into(), heading: "A <part>".into(), text: Vec::new(), parts };
    all(&RunReport { sections: vec![section], ..RunReport::default() })
}

fn line(name: &str, values: &[f64]) -> Line {
    let point =
        |(i, v): (usize, &f64)| LinePoint { at: i as f64 + 1.0, value: Estimate::with_interval(*v, v - 1.0, v + 1.0) };
    Line { name: name.into(), points: values.iter().enumerate().map(point).collect(), ..Line::default() }
}

#[test]
fn every_line_has_a_panel_with_the_common_line_in_it() {
    let panels = CurvePanels {
        across: "trainings".into(),
        up: "accuracy".into(),
        logarithmic: true,
        decimals: 1,
        reference: Some(line("random", &[80.0, 85.0, 88.0])),
        lines: vec![line("good <b>", &[81.0, 89.0, 93.0]), line("one point", &[81.0])],
        ..CurvePanels::default()
    };
    let html = shown(vec![Part::Curves(panels)]);
    assert_eq!(html.matches("main proxy").count(), 1, "{html}");
    assert_eq!(html.matches("<polyline").count(), 2);
    assert_eq!(html.matches("<polygon").count(), 2);
    assert!(html.contains("good &lt;b&gt;, trainings 3: 93.0 (92.0 to 94.0)") && !html.contains("<b>"));
    assert!(!html.contains("one point"), "a single point is no line");
}

#[test]
fn a_front_is_drawn_with_its_limit() {
    let point = |arch: &str, x, y, front| FrontPoint { arch: arch.into(), x, y, front };
    let front = Front {
        across: "latency, ms".into(),
        up: "accuracy".into(),
        decimals: 2,
        points: vec![point("a", 1.0, 90.0, true), point("b", 2.0, 91.0, true), point("c", 3.0, f64::NAN, false)],
        limit: Some(1.5),
        left_out: 7,
        ..Front::default()
    };
    let html = shown(vec![Part::Front(front)]);
    assert!(html.contains("limit 1.500") && html.contains("2 that no other beats in both"), "{html}");
    assert!(html.contains("a: latency, ms 1.000, accuracy 90.00") && html.contains("7 of the others"));
    assert!(!html.contains("NaN"));
}

#[test]
fn intervals_stand_row_by_row() {
    let row = |name: &str, estimates| IntervalRow { name: name.into(), baseline: name == "params", estimates };
    let e = |v| Some(Estimate::with_interval(v, v - 0.1, v + 0.1));
    let intervals = Intervals {
        across: "Spearman".into(),
        series: (0..6).map(|i| format!("run {i}")).collect(),
        rows: vec![row("naswot", vec![e(0.8), None, e(0.7)]), row("params", vec![e(0.5)]), row("none", vec![None])],
        ..Intervals::default()
    };
    let html = shown(vec![Part::Intervals(intervals)]);
    assert_eq!(html.matches("<title>").count(), 3, "{html}");
    assert!(html.contains("naswot, run 2: 0.70, 95% interval 0.60 to 0.80"));
    assert!(html.contains("The first 4 runs are drawn; 2 more are in the table."));
}

#[test]
fn what_has_no_value_is_left_out() {
    let empty = vec![
        Part::Curves(CurvePanels { lines: vec![line("x", &[f64::NAN, f64::INFINITY])], ..CurvePanels::default() }),
        Part::Front(Front::default()),
        Part::Intervals(Intervals::default()),
        Part::Table(Grid::new("t", &["a"], "c")),
    ];
    assert_eq!(shown(empty), "");
    let mut grid = Grid::new("t", &["Name", "#Value", "#Small"], "");
    grid.rows.push(vec![Cell::text("<x>"), Cell::number(f64::NAN, 2), Cell::Size(Some(1_460_000))]);
    let html = shown(vec![Part::Table(grid)]);
    assert!(html.contains("<th scope=\"row\">&lt;x&gt;</th><td class=\"num\">–</td><td class=\"num\">1.46 M</td>"));
}
