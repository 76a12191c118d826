use crate::report::terminal::{self, Style};
use std::path::PathBuf;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};

use super::measure::{COVERAGE, KENDALL, RMSE, WIDTH};
use super::*;

static GO: AtomicBool = AtomicBool::new(false);

/// A table of NAS-Bench-201 in which every third accuracy is missing; convolutions are good, and noise is added.
fn table(dir: &Path, rows: i64) -> PathBuf {
    let space = crate::space::open("nas-bench-201").unwrap();
    let index: Vec<i64> = (0..rows).map(|i| i * 7_919 % 15_625).collect();
    let noise = &mut Stream::new(4);
    let accuracy = |&i: &i64| {
        let arch = space.representative(&space.at(i as u64).unwrap());
        let value: f64 = arch.genes().iter().map(|g| [0.0, 1.0, 3.0, 4.0, 0.5][usize::from(*g)]).sum();
        // Drawn for every row, so that a missing one changes no other.
        let noise = noise.normal();
        (i % 3 != 0).then_some(70.0 + value + 0.5 * noise)
    };
    let accuracy: Float64Array = index.iter().map(accuracy).collect();
    let columns: [(&str, ArrayRef); 2] =
        [("arch_index", Arc::new(Int64Array::from(index.clone()))), ("acc_pct", Arc::new(accuracy))];
    let path = dir.join("table.parquet");
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

fn config(table: PathBuf) -> PredictConfig {
    PredictConfig {
        candidates: CandidatesConfig { table: Some(table), space: Some("nb201".into()), ..CandidatesConfig::default() },
        target: "acc_pct".into(),
        predictors: vec!["bagged-ridge".into()],
        labels: vec![40, 8],
        repeats: 6,
        encodings: vec!["one_hot".into()],
        seed: 1,
        level: 0.9,
    }
}

#[test]
fn curves_rise_with_labels_and_do_not_depend_on_threads() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(table(dir.path(), 500));
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut reports = Vec::new();
        let found = pool.install(|| curves(&config, &GO, &mut |p| reports.push((p.done, p.total)))).unwrap();
        assert_eq!(reports, (1..=12).map(|done| (done, 12)).collect::<Vec<_>>());
        found
    };
    let found = on(1);
    assert!(found == on(3), "another number of threads gives other numbers");
    assert_eq!(found.labels, [8, 40]);
    assert!(found.n_without_truth == 0 && found.networks > 200 && found.taking_part == found.networks);
    assert_eq!(found.points.len(), 2 * 6 * 4);

    let curve = |kind: Kind, labels: usize| found.curves.iter().find(|c| c.kind == kind && c.labels == labels).unwrap();
    let mean = |kind, labels, metric: usize| curve(kind, labels).measures[METRICS[metric].name].mean;
    let ridge = |labels, metric| mean(Kind::Predictor, labels, metric);
    assert!(ridge(40, KENDALL) > ridge(8, KENDALL) + 0.1, "{:?}", found.verdict);
    assert!(ridge(40, RMSE) < ridge(8, RMSE) && ridge(40, KENDALL) > mean(Kind::BestProxy, 40, KENDALL));
    assert!((0.8..=1.0).contains(&ridge(40, COVERAGE)) && ridge(40, WIDTH) > 0.0);
    assert!(!curve(Kind::Baseline, 8).measures.contains_key("rmse"));
    let last = &found.comparisons[1];
    assert_eq!((last.better, last.repeats, last.rival_kind), (6, 6, Kind::BestProxy));
    assert!((last.difference.mean - (last.tau - last.rival_tau)).abs() < 1e-12);
    assert!(found.verdict[1].starts_with("with 40 labels bagged-ridge beats "), "{:?}", found.verdict);

    let style = Style { width: 120, explain: true };
    let text = terminal::render(&found.document(), &style);
    for part in [
        "acc_pct of table.parquet, in percentage points",
        "(hindsight)",
        "params *",
        ", by arch_index",
        "that says little",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    write_curves(&found, dir.path()).unwrap();
    let points = crate::benchmark::Table::open(&dir.path().join(POINTS_FILE)).unwrap();
    assert_eq!((points.num_rows(), points.has("width"), points.has("kendall")), (48, true, true));
}

#[test]
fn too_few_labels_are_no_point_and_the_prior_is_compared() {
    let dir = tempfile::tempdir().unwrap();
    let found =
        curves(&PredictConfig { labels: vec![3, 4], ..config(table(dir.path(), 90)) }, &GO, &mut |_| {}).unwrap();
    let few: Vec<_> = found.curves.iter().filter(|c| c.kind == Kind::Predictor).collect();
    // Four are enough to fit, but not to hold one out.
    assert!(few[0].measures.is_empty() && few[1].measures.contains_key("rmse"));
    assert!(!few[1].measures.contains_key("coverage"));
    assert!(found.verdict[0].contains("no predictor can be compared"));
}

#[test]
fn a_repeat_keeps_its_labels_and_predicts_the_others() {
    let (few, rest) = split(7, 3, 100, 10);
    let (more, _) = split(7, 3, 100, 25);
    assert_eq!((&few[..], rest.len()), (&more[..10], 90));
    assert!(rest.iter().all(|i| !few.contains(i)));
    assert_ne!(split(7, 4, 100, 10).0, few);
}

#[test]
fn settings_that_make_no_sense() {
    let dir = tempfile::tempdir().unwrap();
    let good = config(table(dir.path(), 250));
    let fails = |config: &PredictConfig| curves(config, &GO, &mut |_| {}).unwrap_err().to_string();
    let with = |change: &dyn Fn(&mut PredictConfig)| {
        let mut config = good.clone();
        change(&mut config);
        fails(&config)
    };
    assert!(with(&|c| c.predictors = vec!["bagged-rigde".into()]).contains("did you mean `bagged-ridge`"));
    assert!(with(&|c| c.encodings = vec!["one-hot".into()]).contains("did you mean `one_hot`"));
    assert!(with(&|c| c.repeats = 0).contains("repeats is 0"));
    assert!(with(&|c| c.level = 1.0).contains("level is 1"));
    assert!(with(&|c| c.target = "acc".into()).contains("did you mean `acc_pct`"));
    let message = with(&|c| c.labels = vec![usize::MAX]);
    assert!(message.contains("ask for fewer labels"), "{message}");
    let stopped = curves(&good, &AtomicBool::new(true), &mut |_| {}).unwrap_err();
    assert!(stopped.interrupted() && stopped.to_string().starts_with("stopped after 0 of 12 fits"), "{stopped}");
}
