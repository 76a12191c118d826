//! Tables that no search space is known for: names, columns of numbers and a target are enough.

mod cli;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use cli::{error, naslens, summary};
use parquet::arrow::ArrowWriter;
use serde_json::Value;

const ROWS: usize = 60;

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) -> PathBuf {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path.into()
}

/// Models whose accuracy rises with `depth` and falls with `width`, a group that names nothing, another accuracy, and the first
/// model twice.
fn table(dir: &Path) -> PathBuf {
    let rows: Vec<usize> = (0..ROWS).chain([0]).collect();
    let depth = |i: usize| (i * 17 % ROWS) as f64;
    let width = |i: usize| (i * 7 % 13) as f64;
    let accuracy = |i: usize| 60.0 + 0.5 * depth(i) - 0.2 * width(i);
    let numbers = |value: &dyn Fn(usize) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(rows.iter().map(|&i| value(i))))
    };
    let texts = |text: &dyn Fn(usize) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(|&i| text(i))))
    };
    let columns = vec![
        ("family", texts(&|i| ["a", "b"][i % 2].into())),
        ("model", texts(&|i| format!("model-{i}"))),
        ("depth", numbers(&depth)),
        ("width", numbers(&width)),
        ("other_acc", numbers(&|i| accuracy(i) - 1.0)),
        ("top1", numbers(&accuracy)),
    ];
    write(&dir.join("models.parquet"), columns)
}

fn json(args: &str, table: &Path) -> Value {
    cli::json(naslens(args).arg(table).args(["--target", "top1", "--json"]))
}

#[test]
fn columns_are_judged_predicted_from_and_searched() {
    let dir = tempfile::tempdir().unwrap();
    let table = table(dir.path());

    let judged = json("evaluate --resamples 50", &table);
    assert_eq!((judged["n_networks"].as_u64(), judged["n_repeated"].as_u64()), (Some(60), Some(1)));
    let names: Vec<&str> = judged["rows"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["depth", "width"], "neither the target nor another accuracy judges itself");
    assert!(judged["rows"][0]["spearman"].as_f64().unwrap() > 0.95);

    // By another path it is the same table still.
    let (folder, file) = (table.parent().unwrap(), table.file_name().unwrap());
    let output = cli::json(
        naslens("evaluate --target top1 --resamples 50 --json --table")
            .arg(&table)
            .arg(Path::new(".").join(file))
            .current_dir(folder),
    );
    assert_eq!(output["rows"].as_array().unwrap().len(), 2);

    let curves = json("predict --labels 20 --repeats 2 --table", &table);
    let of_stack = curves["curves"].to_string();
    assert!(of_stack.contains("stack"), "{of_stack}");

    let out = dir.path().join("search");
    let args = format!("search --strategy bayesian --epochs 1 --queries 12 --out {} --table", out.display());
    let found = json(&args, &table);
    assert_eq!(found["population"]["networks"], 60, "{found}");
    assert_eq!(found["population"]["space"], "table");
    assert!(naslens("report").arg(&out).status().unwrap().success());
}

#[test]
fn what_cannot_be_done_with_names_alone_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0]));
    let groups: ArrayRef = Arc::new(StringArray::from(vec!["a", "a", "a"]));
    let nameless = write(&dir.path().join("nameless.parquet"), vec![("group", groups), ("top1", numbers)]);
    let message = error(naslens("predict --target top1 --table").arg(&nameless));
    assert!(message.contains("no column that names its networks") && message.contains("`arch`"), "{message}");

    let names: ArrayRef = Arc::new(StringArray::from_iter_values((0..40).map(|i| format!("m{i}"))));
    let accuracies: ArrayRef = Arc::new(Float64Array::from_iter_values((0..40).map(f64::from)));
    let bare = write(&dir.path().join("bare.parquet"), vec![("model", names), ("top1", accuracies)]);
    let message = error(naslens("predict --labels 10 --target top1 --table").arg(&bare));
    assert!(message.contains("no column of numbers to learn from"), "{message}");

    let archs: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    let spaces: ArrayRef = Arc::new(StringArray::from(vec!["nas-bench-201", "nas-bench-101"]));
    let scores: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0]));
    let mixed = write(&dir.path().join("mixed.parquet"), vec![("arch", archs), ("space", spaces), ("top1", scores)]);
    let message = error(naslens("predict --labels 1 --target top1 --table").arg(&mixed));
    assert!(message.contains("name it with --space"), "{message}");

    let run = dir.path().join("run");
    summary(&run, "--sample 5 --proxies params");
    let message = error(naslens("evaluate --target top1").arg(&run));
    assert!(message.contains("add --table FILE"), "{message}");
}
