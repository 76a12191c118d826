//! `naslens predict` on a small screen: learning curves, predictions from a few labels, and mistakes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use cli::{files, naslens, scores, summary};
use naslens::benchmark::Table;
use naslens::candidates::ScoreTable;
use parquet::arrow::ArrowWriter;

mod cli;

/// Accuracies that the parameters decide, but for a part that only the rows know.
fn write_accuracies(path: &Path, table: &ScoreTable, rows: impl Iterator<Item = usize>) {
    let rows: Vec<usize> = rows.collect();
    let accuracy = |&row: &usize| 60.0 + (table.params[row] as f64).ln() + (row * 37 % 11) as f64 / 20.0;
    let columns: [(&str, ArrayRef); 2] = [
        ("arch", Arc::new(StringArray::from_iter_values(rows.iter().map(|&row| &table.arch[row])))),
        ("accuracy", Arc::new(rows.iter().map(accuracy).collect::<Float64Array>())),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// A screen in the folder `run`, and the accuracies of all of its architectures beside it.
fn screened(dir: &Path) -> (PathBuf, PathBuf, ScoreTable) {
    let (run, table) = (dir.join("run"), dir.join("table.parquet"));
    summary(&run, "--sample 150 --proxies params,layers,naswot,synflow,naslens");
    let screened = scores(&run);
    write_accuracies(&table, &screened, 0..screened.arch.len());
    (run, table, screened)
}

fn predict(run: &Path, args: &str) -> Command {
    let mut command = naslens("predict");
    command.arg(run).args(args.split_whitespace()).args(["--encodings", "one_hot"]);
    command
}

fn ok(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn message(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn curves_and_predictions_of_a_screen() {
    let dir = tempfile::tempdir().unwrap();
    let (run, table, screened) = screened(dir.path());
    let out = dir.path().join("out");

    let curves = |threads: &str| {
        let mut command =
            predict(&run, "--target accuracy --predictors bagged-ridge --labels 10,30 --repeats 4 --json");
        ok(command.arg("--table").arg(&table).arg("--out").arg(&out).env("RAYON_NUM_THREADS", threads))
    };
    let json = curves("1");
    assert_eq!(json, curves("2"), "threads change nothing");
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let names: Vec<&str> = report["curves"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    for name in ["bagged-ridge", "naslens", "params", "flops", "layers"] {
        assert_eq!(names.iter().filter(|n| **n == name).count(), 2, "{name} in {names:?}");
    }
    assert!(report["verdict"][0].as_str().unwrap().contains("with 10 labels bagged-ridge"), "{report}");
    assert_eq!(files(&out), [".lock", "curves.json", "curves.parquet"]);
    let points = Table::open(&out.join("curves.parquet")).unwrap();
    assert_eq!(points.num_rows(), 4 * names.len());

    let mut command = predict(&run, "--target accuracy --labels 10 --repeats 2 --predictors bagged-ridge");
    let text = ok(command.arg("--table").arg(&table));
    assert!(text.contains("naslens (no labels)") && text.contains("(hindsight)"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");

    let few = dir.path().join("few.parquet");
    write_accuracies(&few, &screened, (0..150).step_by(6));
    let text = ok(predict(&run, "--predictors bagged-ridge").arg("--labels-from").arg(&few));
    assert!(text.contains("Best predicted of those without a label"), "{text}");
    // Names of networks and paths are as long as they are.
    assert!(text.lines().filter(|line| !line.contains(['|', '/'])).all(|line| line.chars().count() <= 110), "{text}");
    let predictions = Table::open(&run.join("predictions.parquet")).unwrap();
    let number = |name: &str| predictions.f64_column(name).unwrap();
    let (mean, low, high) = (number("mean"), number("low"), number("high"));
    assert!((0..mean.len()).all(|i| low[i] <= mean[i] && mean[i] <= high[i] && mean[i].is_some()));
    // No accuracy is outside 0 to 100%, whatever the width of the interval.
    let possible = |values: &[Option<f64>]| values.iter().flatten().all(|v| (0.0..=100.0).contains(v));
    assert!(possible(&mean) && possible(&low) && possible(&high));
    let labels = number("label").iter().flatten().count();
    assert!(labels > 10 && labels <= 25 && predictions.num_rows() > 100, "{labels}");
}

#[test]
fn mistakes_name_the_thing_and_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let (run, table, screened) = screened(dir.path());
    let fails = |args: &str| message(&predict(&run, args).arg("--table").arg(&table).output().unwrap());
    assert!(fails("--target acuracy").contains("did you mean `accuracy`"));
    assert!(fails("--target accuracy --predictors bagged-rigde").contains("did you mean `bagged-ridge`"));
    assert!(fails("--target accuracy --labels 100000").contains("ask for fewer labels"));
    assert!(fails("--target accuracy --space fbnet").contains("is of the space nas-bench-201"));
    let nowhere = predict(dir.path(), "--target accuracy").arg("--table").arg(&table).output().unwrap();
    assert!(message(&nowhere).contains("holds no scores.parquet"));
    let few = dir.path().join("few.parquet");
    write_accuracies(&few, &screened, 0..2);
    let few = predict(&run, "--predictors bagged-ridge").arg("--labels-from").arg(&few).output().unwrap();
    assert!(message(&few).contains("needs at least 4 labels") && !run.join("predictions.parquet").exists());
    let nothing = naslens("predict").output().unwrap();
    assert_eq!(nothing.status.code(), Some(2));
}

#[test]
fn everything_is_listed() {
    for (kind, name) in [("encodings", "one_hot"), ("predictors", "bagged-ridge"), ("strategies", "random")] {
        assert!(ok(&mut naslens(&format!("list {kind} --long"))).contains(name), "{kind}");
    }
}
