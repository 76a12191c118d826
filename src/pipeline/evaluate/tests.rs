use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use approx::assert_relative_eq;
use arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;

use super::*;
use crate::report::SCORES_FILE;

const N: i64 = 60;

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>, metadata: Option<&str>) {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    if let Some(text) = metadata {
        writer.append_key_value_metadata(KeyValue::new(METADATA_KEY.into(), text.to_string()));
    }
    writer.close().unwrap();
}

fn ints(of: impl Fn(i64) -> i64, rows: &[i64]) -> ArrayRef {
    Arc::new(rows.iter().map(|&i| of(i)).collect::<Int64Array>())
}

fn strings(of: impl Fn(i64) -> String, rows: &[i64]) -> ArrayRef {
    Arc::new(rows.iter().map(|&i| Some(of(i))).collect::<StringArray>())
}

/// A run over architectures 0..60 with one repeated and one that is unknown to the table; the proxy `a@b` fails on each
/// seventh.
fn write_scores(folder: &Path, with_index: bool) {
    let rows: Vec<i64> = (0..N).chain([5, 1_000]).collect();
    let dead = |i: i64| i % 7 == 3;
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("arch", strings(|i| format!("net-{i}"), &rows)),
        ("arch_id", strings(|i| format!("id-{i}"), &rows)),
        ("params", ints(|i| i * 31 % 17, &rows)),
        ("macs", ints(|i| i * 13 % 61, &rows)),
        ("a@b", Arc::new(rows.iter().map(|&i| (!dead(i)).then(|| (i * 37 % 53) as f64)).collect::<Float64Array>())),
        ("a@b_status", strings(|i| if dead(i) { "dead" } else { "ok" }.into(), &rows)),
        ("flat", Arc::new(Float64Array::from(vec![1.0; rows.len()]))),
        ("flat_status", strings(|_| "ok".into(), &rows)),
        ("params_status", strings(|_| "ok".into(), &rows)),
    ];
    if with_index {
        columns.push(("arch_index", ints(|i| i, &rows)));
    }
    let metadata = r#"{"sampler": "uniform", "seed": 7}"#;
    write(&folder.join(SCORES_FILE), columns, Some(metadata));
}

/// The truth of architectures 0..60 and some more, in descending order of index; unknown for number 8.
fn write_truth(folder: &Path) -> PathBuf {
    let rows: Vec<i64> = (0..100).rev().collect();
    let accuracy = rows.iter().map(|&i| (i != 8).then(|| ((i * 37 % 53 + i * 29 % 31) / 2) as f64));
    let path = folder.join("truth.parquet");
    let index = rows.iter().map(|&i| i as i32).collect::<Int32Array>();
    write(
        &path,
        vec![
            ("arch_index", Arc::new(index)),
            ("arch_str", strings(|i| format!("net-{i}"), &rows)),
            ("accuracy", Arc::new(accuracy.collect::<Float64Array>())),
            ("other", strings(|i| format!("other-{i}"), &rows)),
        ],
        None,
    );
    path
}

// import numpy as np; from scipy.stats import spearmanr, kendalltau
// i = np.array([i for i in range(60) if i != 8]); t = (i * 37 % 53 + i * 29 % 31) // 2
// s = {"a@b": np.where(i % 7 == 3, -np.inf, i * 37 % 53), "params": i * 31 % 17, "flops": i * 13 % 61}
// top = t >= np.sort(t)[::-1][5]    # ceil(0.1 * 59) = 6
// for name, s in s.items():
//     best = np.argsort(-s, kind="stable")
//     print(name, spearmanr(s, t)[0], kendalltau(s, t)[0], spearmanr(s[top], t[top])[0], kendalltau(s[top], t[top])[0],
//           top[best[:6]].mean(), t.max() - t[best[:10]].max())
// print(top.sum())
// sklearn.metrics.ndcg_score([(rankdata(t) - 1) / 58], [np.maximum(s, -1)], k=6)
const GOLDEN: [(&str, [f64; 7]); 3] = [
    ("a@b", [0.6168956420136266, 0.483287769770949, 0.0, 0.0, 0.5, 1.0, 0.8910029396919469]),
    (
        "params",
        [
            -0.05770358458622972,
            -0.038965297506124694,
            -0.22663483432464554,
            -0.20515248496555455,
            0.0,
            4.0,
            0.4197058147430078,
        ],
    ),
    (
        "flops",
        [
            -0.08653291926673432,
            -0.042269101485410916,
            -0.050062617432175896,
            -0.08058229640253801,
            0.0,
            5.0,
            0.3445858692128458,
        ],
    ),
];
// C = np.column_stack([np.ones(59), rankdata(s["params"]), rankdata(s["flops"])])
// r = lambda v: rankdata(v) - C @ np.linalg.lstsq(C, rankdata(v), rcond=None)[0]
// np.corrcoef(r(s["a@b"]), r(t))[0, 1]
const PARTIAL: f64 = 0.6430529572526732;

#[test]
fn agrees_with_scipy() {
    let folder = tempfile::tempdir().unwrap();
    write_scores(folder.path(), true);
    let truth = write_truth(folder.path());
    let options = EvaluateOptions { repeats: 200, ..EvaluateOptions::default() };
    let evaluation = evaluate(folder.path(), &truth, "accuracy", &options).unwrap();

    let counts = (evaluation.n_joined, evaluation.n_unmatched, evaluation.n_without_truth, evaluation.n_repeated);
    assert_eq!(counts, (59, 1, 1, 1));
    assert_eq!(evaluation.join_key, ["arch", "arch_str"]);
    assert_eq!((evaluation.table.as_str(), evaluation.n_top_10pct), ("truth.parquet", 8));
    assert_eq!(evaluation.run.as_ref().unwrap()["seed"], 7);
    assert_eq!(evaluation.rows.len(), 4);
    let row = |name: &str| evaluation.rows.iter().find(|row| row.name == name).unwrap();
    for (name, golden) in GOLDEN {
        let row = row(name);
        let (overall, top) = (row.overall, row.top_10pct);
        let values = [
            overall.spearman,
            overall.kendall,
            top.spearman,
            top.kendall,
            row.precision_at_10pct,
            row.regret_at_10,
            row.ndcg_at_10pct,
        ];
        for (value, golden) in values.into_iter().zip(golden) {
            assert_relative_eq!(value.unwrap(), golden, max_relative = 1e-12);
        }
        assert_eq!(row.baseline, name != "a@b");
        for (value, interval) in
            [(overall.spearman, overall.spearman_interval), (overall.kendall, overall.kendall_interval)]
        {
            let interval = interval.unwrap();
            assert!(interval.low < value.unwrap() && value.unwrap() < interval.high, "{name} {interval:?}");
        }
    }
    assert_eq!((row("a@b").n_ok, row("a@b").n_not_ok), (50, 9));
    assert_eq!(row("a@b").statuses, BTreeMap::from([("dead".to_string(), 9), ("ok".to_string(), 50)]));
    assert_eq!(row("flat").overall, Agreement::default());
    assert_eq!(evaluation.controls, ["params", "flops"]);
    assert_relative_eq!(row("a@b").partial_spearman.unwrap(), PARTIAL, max_relative = 1e-9);
    assert_eq!(["flat", "params", "flops"].map(|name| row(name).partial_spearman), [None; 3]);
    assert_eq!((evaluation.rows[0].name.as_str(), evaluation.rows[3].name.as_str()), ("a@b", "flat"));
}

#[test]
fn an_index_decides_nothing_where_there_are_names_but_must_agree() {
    let folder = tempfile::tempdir().unwrap();
    let truth = write_truth(folder.path());
    let options = EvaluateOptions { repeats: 20, ..EvaluateOptions::default() };
    write_scores(folder.path(), true);
    let indexed = evaluate(folder.path(), &truth, "accuracy", &options).unwrap();
    write_scores(folder.path(), false);
    assert_eq!(indexed.rows, evaluate(folder.path(), &truth, "accuracy", &options).unwrap().rows);

    write_scores(folder.path(), true);
    let rows: Vec<i64> = (0..N).rev().collect();
    let columns = vec![
        ("arch", strings(|i| format!("net-{i}"), &rows)),
        ("arch_index", ints(|i| N - 1 - i, &rows)),
        ("accuracy", ints(|i| i, &rows)),
    ];
    write(&truth, columns, None);
    let message = evaluate(folder.path(), &truth, "accuracy", &options).unwrap_err().to_string();
    assert!(message.contains("`arch_index` is 59, but `net-0` is 0 in the scores"), "{message}");
}

#[test]
fn another_string_of_a_network_has_its_truth() {
    let folder = tempfile::tempdir().unwrap();
    write_scores(folder.path(), false);
    let rows: Vec<i64> = (0..N).collect();
    let table = |name: &str, id: fn(i64) -> String| {
        let path = folder.path().join(name);
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("arch", strings(|i| if i < 50 { format!("written-otherwise-{i}") } else { format!("net-{i}") }, &rows)),
            ("arch_id", strings(id, &rows)),
            ("accuracy", Arc::new(rows.iter().map(|&i| Some(i as f64)).collect::<Float64Array>())),
        ];
        write(&path, columns, None);
        let scores = Table::open(&folder.path().join(SCORES_FILE)).unwrap();
        join(&scores, &path, "accuracy", None).unwrap()
    };
    let joined = table("distinct.parquet", |i| format!("id-{i}"));
    assert_eq!((joined.rows.len(), joined.join.networks), (60, 60));
    // A string of the table is judged by its own row, another one by the mean of its network's.
    let joined = table("repeated.parquet", |i| format!("id-{}", i / 2));
    let truth = |row: usize| joined.rows.iter().position(|r| *r == row).map(|at| joined.truth[at]);
    assert_eq!([truth(3), truth(51), truth(40)], [Some(6.5), Some(51.0), None]);
    assert_eq!((joined.rows.len(), joined.join.unmatched, joined.join.repeated), (40, 21, 1));
}

#[test]
fn published_hashes_are_the_first_digits_of_the_id() {
    let folder = tempfile::tempdir().unwrap();
    let hashes = [0x0123_4567_89ab_cdef_u64, u64::MAX, 7];
    let ids: StringArray = hashes.iter().map(|h| Some(format!("{h:016x}{:016x}", 5))).collect();
    let scores: Vec<(&str, ArrayRef)> = vec![
        ("arch", strings(|i| format!("net-{i}"), &[0, 1, 2])),
        ("arch_id", Arc::new(ids)),
        ("arch_index", Arc::new(Int64Array::from(vec![None; 3]))),
        ("params", ints(|i| i, &[1, 2, 3])),
    ];
    write(&folder.path().join(SCORES_FILE), scores, None);
    let truth = folder.path().join("truth.parquet");
    let keys: ArrayRef = Arc::new(arrow::array::UInt64Array::from(vec![u64::MAX, hashes[0], 8]));
    write(&truth, vec![("module_hash_hi64", keys), ("accuracy", ints(|i| 10 - i, &[2, 1, 9]))], None);
    let evaluation = evaluate(folder.path(), &truth, "accuracy", &EvaluateOptions::default()).unwrap();
    assert_eq!(evaluation.join_key, ["arch_id", "module_hash_hi64"]);
    assert_eq!((evaluation.n_joined, evaluation.n_unmatched), (2, 1));
    assert_eq!(evaluation.rows[0].overall.spearman, Some(-1.0));
}

#[test]
fn text_and_json_say_what_was_compared() {
    let folder = tempfile::tempdir().unwrap();
    write_scores(folder.path(), true);
    let options = EvaluateOptions { repeats: 20, ..EvaluateOptions::default() };
    let evaluation = evaluate(folder.path(), &write_truth(folder.path()), "accuracy", &options).unwrap();
    let text = evaluation.to_text();
    for part in [
        "accuracy of truth.parquet",
        "59 networks, joined on arch = arch_str",
        "1 not in the table, 1 without a target value, 1 repeated rows",
        "sampler    uniform",
        "seed       7",
        "95% percentile bootstrap over architectures, 20 resamples",
        "missing scores rank last",
        "Spearman given params and flops",
        "flops *",
        "9 dead",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    let json = serde_json::to_value(&evaluation).unwrap();
    assert_eq!(json["rows"][0]["name"], "a@b");
    assert!(json["rows"][0]["spearman_interval"]["low"].is_f64() && json["rows"][0]["top_10pct"]["kendall"].is_f64());
}

#[test]
fn errors_name_the_thing_and_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let truth = write_truth(folder.path());
    let fail = |table: &Path, target: &str| {
        evaluate(folder.path(), table, target, &EvaluateOptions::default()).unwrap_err().to_string()
    };
    assert!(fail(&truth, "accuracy").contains("holds no scores.parquet"));
    write_scores(folder.path(), false);
    assert!(fail(&truth, "acuracy").contains("did you mean `accuracy`?"));

    let table = folder.path().join("odd.parquet");
    let odd = |keys: &[&str], name: &str, truth: Vec<Option<f64>>| {
        let keys: ArrayRef = Arc::new(StringArray::from(keys.to_vec()));
        write(&table, vec![(name, keys), ("accuracy", Arc::new(Float64Array::from(truth)))], None);
        fail(&table, "accuracy")
    };
    let message = odd(&["x", "y"], "arch", vec![Some(1.0), Some(2.0)]);
    assert!(message.contains("`arch` of the scores has values like `net-0`"), "{message}");
    assert!(message.contains("`arch` of the table like `x`"), "{message}");
    let message = odd(&["net-1", "net-2"], "arch", vec![None, Some(f64::NAN)]);
    assert!(message.contains("no value for any of the 2 matching architectures"), "{message}");
    let message = odd(&["net-1"], "network", vec![Some(1.0)]);
    assert!(message.contains("none of the key columns arch_str, arch, arch_index"), "{message}");
}
