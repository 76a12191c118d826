//! What is recognised, and pages that come back as they were kept.

use std::fs;
use std::path::Path;

use super::*;
use crate::report::html::model::{
    Cell, Comparison, Drawing, Estimate, Grid, LearningCurve, Part, Section, TopNetwork, TrainedNetwork,
};

#[test]
fn a_kept_page_comes_back_the_same() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("run.toml"), "sample = 3\n[train]\nepochs = 2\n").unwrap();
    let mut comparison = Comparison { p_value: Some(0.5), ..Comparison::default() };
    // Diverged trainings have no accuracy; JSON has no word for that.
    comparison.finalists.networks =
        vec![TrainedNetwork { arch: "a".into(), accuracies: vec![91.25, f64::NAN, f64::INFINITY] }];
    let mut grid = Grid::new("numbers", &["Name", "#Value"], "");
    grid.rows.push(vec![Cell::text("x"), Cell::Estimate(Some(Estimate::with_interval(f64::NAN, 0.1, 0.2)), 2)]);
    let page = RunReport {
        title: "<kept>".into(),
        comparison: Some(comparison),
        curves: vec![LearningCurve { points: vec![(1, 50.5), (2, f64::NAN)], ..LearningCurve::default() }],
        top: vec![TopNetwork { rank: 1, arch: "b".into(), predicted: Some(0.1 + 0.2), ..TopNetwork::default() }],
        drawings: vec![Drawing::default()],
        sections: vec![Section { id: "s".into(), parts: vec![Part::Table(grid)], ..Section::default() }],
        ..RunReport::default()
    };
    save(&page, dir.path()).unwrap();
    let loaded = load(dir.path(), &PageOptions::default()).unwrap();
    assert_eq!(loaded.kind.name, "run");
    assert_eq!(html::render(&loaded.contents.page), html::render(&page));
    assert!(loaded.contents.page.curves[0].points[1].1.is_nan());
    assert_eq!(loaded.contents.settings["train"]["epochs"], 2);
    assert_eq!(loaded.contents.best[0].value, Some(0.1 + 0.2));
}

#[test]
fn what_cannot_be_shown_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let error = |path: &Path| load(path, &PageOptions::default()).map(|_| ()).unwrap_err().to_string();
    assert!(error(&dir.path().join("nowhere")).contains("there is nothing at"));
    let unknown = error(dir.path());
    assert!(KINDS.iter().all(|kind| unknown.contains(kind.command)), "{unknown}");

    let at = |name: &str| {
        let path = dir.path().join(name);
        fs::create_dir_all(&path).unwrap();
        path
    };
    let screen = at("screen");
    fs::write(screen.join("screen.json"), "{}").unwrap();
    assert!(error(&screen).contains("an unfinished screen"));
    fs::write(screen.join("scores.parquet"), "PAR1 not").unwrap();
    assert!(error(&screen).contains("not a complete Parquet file"));

    let run = at("run");
    fs::write(run.join("run.toml"), "").unwrap();
    assert!(error(&run).contains("an unfinished run"));
    fs::write(run.join("report.json"), "{\"page\": {\"title\": 3}}").unwrap();
    assert!(error(&run).contains("damaged"));
    fs::write(run.join("report.json"), "{\"naslens\": \"99.1.0\", \"page\": {}}").unwrap();
    assert!(error(&run).contains("was written by naslens 99.1.0"));

    let compared = at("compared");
    fs::write(compared.join("curves.parquet"), "").unwrap();
    fs::write(compared.join("summary.json"), "{\"seeds\": 2}").unwrap();
    assert!(error(&compared).contains("missing field"), "{}", error(&compared));
}

#[test]
fn runs_are_found_in_folders() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["runs/space=a/seed=2", "runs/space=a/seed=1", "runs/space=b/seed=1/x", "runs/.hidden/y"] {
        let path = dir.path().join(name);
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("scores.parquet"), "").unwrap();
    }
    let found = find(&dir.path().join("runs")).unwrap();
    let names: Vec<_> = found.iter().map(|p| p.strip_prefix(dir.path()).unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["runs/space=a/seed=1", "runs/space=a/seed=2", "runs/space=b/seed=1/x"]);
    let file = dir.path().join("runs/space=a/seed=1/scores.parquet");
    assert_eq!(find(&file).unwrap(), [file.parent().unwrap()]);
}
