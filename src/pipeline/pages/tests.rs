//! What is recognised, and pages that come back as they were kept.

use std::fs;
use std::path::Path;

use super::*;
use crate::pipeline::findings::ProxyRow;
use crate::pipeline::results::{Best, Saved, save};
use crate::report::document::{
    Cell, Drawing, Estimate, Grid, Learning, LearningCurve, Part, Section, Strip, StripGroup, TrainedNetwork,
};
use crate::report::html;

#[test]
fn a_kept_page_comes_back_the_same() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("run.toml"), "sample = 3\n[train]\nepochs = 2\n").unwrap();
    // Diverged trainings have no accuracy; JSON has no word for that.
    let network = TrainedNetwork { arch: "a".to_owned().into(), accuracies: vec![Some(91.25), None, Some(90.0)] };
    let group = StripGroup { networks: vec![network], mean: Some(Estimate::new(f64::NAN)), ..StripGroup::default() };
    let strip = Strip { groups: vec![group], ..Strip::default() };
    let curve = LearningCurve { points: vec![(1, Some(50.5)), (2, None)], ..LearningCurve::default() };
    let cells = vec![Cell::text("x"), Cell::Estimate(Some(Estimate::with_interval(f64::NAN, 0.1, 0.2)), 2)];
    let grid = Grid::new("numbers", &["Name", "#Value"], "").with_rows([cells]);
    let parts = vec![
        Part::Strip(strip),
        Part::Learning(Learning { accuracy: "accuracy".into(), curves: vec![curve] }),
        Part::Drawings(vec![Drawing::default()]),
        Part::Table(grid),
    ];
    let document = Document {
        title: "<kept>".into(),
        verdict: vec!["Screening helped.".into()],
        facts: vec![("Seed".into(), "7".into())],
        sections: vec![Section::new("s", "All parts", parts).called("Parts")],
    };
    let best = Best { network: "b".to_owned().into(), value: Some(0.1 + 0.2), ..Best::default() };
    let proxies = vec![ProxyRow { name: "naswot".into(), spearman: Some(Estimate::new(0.3)), ..ProxyRow::default() }];
    let saved = Saved { document: document.clone(), proxies, best: vec![best] };
    save(&saved, dir.path()).unwrap();
    let loaded = load(dir.path(), &PageOptions::default()).unwrap();
    assert_eq!(loaded.kind.name, "run");
    assert_eq!(html::render(&loaded.contents.document), html::render(&document));
    assert_eq!(fs::read_to_string(dir.path().join("report.html")).unwrap(), html::render(&document));
    assert_eq!(loaded.contents.settings["train"]["epochs"], 2);
    assert_eq!((loaded.contents.best, loaded.contents.proxies), (saved.best, saved.proxies));
}

#[test]
fn what_cannot_be_shown_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let error = |path: &Path| load(path, &PageOptions::default()).map(|_| ()).unwrap_err().to_string();
    assert!(error(&dir.path().join("nowhere")).contains("there is nothing at"));
    let unknown = error(dir.path());
    assert!(KINDS.iter().all(|kind| unknown.contains(kind.command)), "{unknown}");
    crate::registry::testing::is_sound(&KINDS);

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
