use crate::report::terminal::{self, Style};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use approx::assert_relative_eq;
use arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;

use super::*;
use crate::candidates::SCORES_FILE;
use crate::stats::Interval;

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

// import numpy as np; from scipy.stats import spearmanr, kendalltau, hypergeom
// i = np.array([i for i in range(60) if i != 8]); t = (i * 37 % 53 + i * 29 % 31) // 2
// s = {"a@b": np.where(i % 7 == 3, -np.inf, i * 37 % 53), "params": i * 31 % 17, "flops": i * 13 % 61}
// top = t >= np.sort(t)[::-1][5]    # ceil(0.1 * 59) = 6
// def p(v, k):    # probabilities of being among the k highest
//     last = np.sort(v)[::-1][k - 1]; r = k - (v > last).sum()
//     return np.where(v > last, 1, np.where(v == last, r / (v == last).sum(), 0))
// def regret(v, k):
//     q = p(v, k); above, tied = t[q == 1], np.sort(t[(q > 0) & (q < 1)])[::-1]; r = k - len(above)
//     best = [max(x, above.max(initial=-9)) for x in tied]; f = lambda j: hypergeom(len(tied), j, r).pmf(0)
//     return t.max() - (sum((f(j) - f(j + 1)) * x for j, x in enumerate(best)) if r else above.max())
// for name, s in s.items():
//     print(name, spearmanr(s, t)[0], kendalltau(s, t)[0], spearmanr(s[top], t[top])[0], kendalltau(s[top], t[top])[0],
//           (p(s, 6) * p(t, 6)).sum() / 6, regret(s, 10))
// print(top.sum())
// sklearn.metrics.ndcg_score([(rankdata(t) - 1) / 58], [np.maximum(s, -1)], k=6)
const GOLDEN: [(&str, [f64; 7]); 3] = [
    ("a@b", [0.6168956420136266, 0.483287769770949, 0.0, 0.0, 0.3888888888888889, 1.0, 0.8910029396919469]),
    (
        "params",
        [
            -0.05770358458622972,
            -0.038965297506124694,
            -0.22663483432464554,
            -0.20515248496555455,
            0.0,
            4.5,
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
    let undefined = Agreement { undefined: Some(Undefined::EqualScores), ..Agreement::default() };
    assert_eq!((row("flat").overall, row("flat").top_10pct), (undefined, undefined));
    assert_eq!([row("flat").ndcg_at_10pct, row("flat").precision_at_10pct, row("flat").regret_at_10], [None; 3]);
    assert_eq!(evaluation.n_networks, 59);
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
    let hashes = [0x0123_4567_89ab_cdef_u64, u64::MAX, 7, 9];
    let ids: StringArray = hashes.iter().map(|h| Some(format!("{h:016x}{:016x}", 5))).collect();
    let scores: Vec<(&str, ArrayRef)> = vec![
        ("arch", strings(|i| format!("net-{i}"), &[0, 1, 2, 3])),
        ("arch_id", Arc::new(ids)),
        ("arch_index", Arc::new(Int64Array::from(vec![None; 4]))),
        ("params", ints(|i| i, &[1, 2, 3, 4])),
    ];
    write(&folder.path().join(SCORES_FILE), scores, None);
    let truth = folder.path().join("truth.parquet");
    let keys: ArrayRef = Arc::new(arrow::array::UInt64Array::from(vec![u64::MAX, hashes[0], 8, 9]));
    write(&truth, vec![("module_hash_hi64", keys), ("accuracy", ints(|i| 10 - i, &[2, 1, 9, 5]))], None);
    let evaluation = evaluate(folder.path(), &truth, "accuracy", &EvaluateOptions::default()).unwrap();
    assert_eq!(evaluation.join_key, ["arch_id", "module_hash_hi64"]);
    assert_eq!((evaluation.n_joined, evaluation.n_unmatched), (3, 1));
    assert_eq!(evaluation.rows[0].overall.spearman, Some(-1.0));
}

/// The words of an evaluation as it is printed, on one line.
fn text(evaluation: &Evaluation) -> String {
    let text = terminal::render(&evaluation.document(), &Style { width: 120, explain: true });
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn text_and_json_say_what_was_compared() {
    let folder = tempfile::tempdir().unwrap();
    write_scores(folder.path(), true);
    let options = EvaluateOptions { repeats: 20, ..EvaluateOptions::default() };
    let evaluation = evaluate(folder.path(), &write_truth(folder.path()), "accuracy", &options).unwrap();
    let text = text(&evaluation);
    for part in [
        "accuracy of truth.parquet",
        "59 networks, joined on arch = arch_str",
        "1 not in the table, 1 without a target value, 1 repeated rows",
        "sampler uniform",
        "seed 7",
        "95% percentile bootstrap over networks with all their strings, 20 resamples",
        "59 networks tell a correlation from 0 (p < 0.05) if it is beyond ±0.256",
        "– the score is the same for all: flat",
        "Missing scores rank last",
        "partial: Spearman given",
        "flops *",
        "9 dead",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    let json = serde_json::to_value(&evaluation).unwrap();
    assert_eq!(json["rows"][0]["name"], "a@b");
    assert!(json["rows"][0]["spearman_interval"]["low"].is_f64() && json["rows"][0]["top_10pct"]["kendall"].is_f64());
}

/// A run and its table: the architecture `i` is a string of network `network(i)`; score, target and order of both files as
/// they are given.
fn evaluated(
    folder: &Path,
    rows: &[i64],
    network: fn(i64) -> i64,
    score: fn(i64) -> f64,
    (target, truth): (&str, fn(i64) -> f64),
) -> Evaluation {
    let floats = |of: fn(i64) -> f64, rows: &[i64]| -> ArrayRef {
        Arc::new(rows.iter().map(|&i| Some(of(i))).collect::<Float64Array>())
    };
    let scores: Vec<(&str, ArrayRef)> = vec![
        ("arch", strings(|i| format!("net-{i}"), rows)),
        ("arch_id", strings(|i| format!("id-{}", network(i)), rows)),
        ("params", ints(|i| network(i) % 5, rows)),
        ("proxy", floats(score, rows)),
        ("proxy_status", strings(|_| "ok".into(), rows)),
    ];
    write(&folder.join(SCORES_FILE), scores, None);
    let table = folder.join("truth.parquet");
    let reversed: Vec<i64> = rows.iter().rev().copied().collect();
    write(&table, vec![("arch", strings(|i| format!("net-{i}"), &reversed)), (target, floats(truth, &reversed))], None);
    let options = EvaluateOptions { repeats: 300, ..EvaluateOptions::default() };
    evaluate(folder, &table, target, &options).unwrap()
}

#[test]
fn strings_of_a_network_are_one_observation() {
    let folder = tempfile::tempdir().unwrap();
    let proxy = |evaluation: Evaluation| evaluation.rows.into_iter().find(|row| row.name == "proxy").unwrap();
    let width = |evaluation: &Evaluation| {
        let interval = proxy(evaluation.clone()).overall.spearman_interval.unwrap();
        interval.high - interval.low
    };
    let noisy = |i: i64| (i * 37 % 53 + i * 29 % 31) as f64;
    let rows: Vec<i64> = (0..40).collect();
    let once = evaluated(folder.path(), &rows, |i| i, |i| (i * 37 % 53) as f64, ("acc", noisy));
    // Nine strings of each network, with its score and its truth.
    let rows: Vec<i64> = (0..360).collect();
    let nine = (|i: i64| (i % 40 * 37 % 53) as f64, |i: i64| (i % 40 * 37 % 53 + i % 40 * 29 % 31) as f64);
    let copies = evaluated(folder.path(), &rows, |i| i % 40, nine.0, ("acc", nine.1));
    assert_eq!((copies.n_joined, copies.n_networks), (360, 40));
    assert!(text(&copies).contains("360 strings, 40 networks"));
    assert_relative_eq!(width(&copies), width(&once), max_relative = 1e-9);
    let apart = evaluated(folder.path(), &rows, |i| i, nine.0, ("acc", nine.1));
    assert!(width(&apart) < 0.5 * width(&once), "{} {}", width(&apart), width(&once));
}

// import numpy as np; from scipy.stats import spearmanr, kendalltau
// i = np.arange(180); g = i * i % 61; x = g * 37 % 53; y = g * 37 % 53 + i * 29 % 31
// rng = np.random.default_rng(0); ids = np.unique(g); of = {k: np.flatnonzero(g == k) for k in ids}
// draw = lambda: np.concatenate([of[k] for k in rng.choice(ids, len(ids))])
// values = np.array([(spearmanr(x[s], y[s])[0], kendalltau(x[s], y[s])[0]) for s in (draw() for _ in range(20000))])
// spearmanr(x, y)[0], kendalltau(x, y)[0], np.quantile(values, [.025, .975], axis=0).T
#[test]
fn intervals_are_those_of_a_cluster_bootstrap() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<i64> = (0..180).collect();
    let network = |i: i64| i * i % 61;
    let truth = |i: i64| (i * i % 61 * 37 % 53 + i * 29 % 31) as f64;
    evaluated(folder.path(), &rows, network, |i| (i * i % 61 * 37 % 53) as f64, ("acc_pct", truth));
    let options = EvaluateOptions { repeats: 5_000, ..EvaluateOptions::default() };
    let evaluation = evaluate(folder.path(), &folder.path().join("truth.parquet"), "acc_pct", &options).unwrap();
    assert_eq!((evaluation.n_joined, evaluation.n_networks), (180, 31));
    let found = evaluation.rows.iter().find(|row| row.name == "proxy").unwrap().overall;
    assert_relative_eq!(found.spearman.unwrap(), 0.8525826044670006, max_relative = 1e-12);
    assert_relative_eq!(found.kendall.unwrap(), 0.6740974543291496, max_relative = 1e-12);
    for (interval, golden) in
        [(found.spearman_interval, [0.72691652, 0.90428216]), (found.kendall_interval, [0.55620713, 0.75036123])]
    {
        let Interval { low, high } = interval.unwrap();
        assert!((low - golden[0]).abs() < 0.02 && (high - golden[1]).abs() < 0.02, "[{low}, {high}] {golden:?}");
    }
}

#[test]
fn the_order_of_rows_changes_no_bit() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows: Vec<i64> = (0..90).collect();
    let judged = |rows: &[i64]| {
        let truth = |i: i64| (i * 37 % 53 + i * 29 % 31) as f64 / 7.0;
        evaluated(folder.path(), rows, |i| i / 2, |i| (i * 31 % 17) as f64 / 3.0, ("acc", truth))
    };
    let plain = judged(&rows);
    // As a leader board, best first; and at random.
    rows.sort_by_key(|i| -(i * 37 % 53 + i * 29 % 31));
    assert_eq!(judged(&rows), plain);
    for seed in 0..5 {
        crate::seed::Stream::new(seed).shuffle(&mut rows);
        assert_eq!(judged(&rows), plain);
    }
}

#[test]
fn what_is_undefined_has_a_reason_and_no_number() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<i64> = (0..40).collect();
    let nothing = |evaluation: &Evaluation, why: Undefined| {
        for row in &evaluation.rows {
            assert_eq!(row.overall, Agreement { undefined: Some(why), ..Agreement::default() });
            let others = [row.partial_spearman, row.ndcg_at_10pct, row.precision_at_10pct, row.regret_at_10];
            assert_eq!(others, [None; 4]);
        }
        let text = text(evaluation);
        assert_eq!(text.matches(&why.to_string()).count(), 1, "{text}");
        let json = serde_json::to_value(&evaluation.rows[0]).unwrap();
        assert!(json["spearman"].is_null() && json["precision_at_10pct"].is_null() && json["undefined"].is_string());
    };
    let score = |i: i64| (i * 37 % 53) as f64;
    nothing(&evaluated(folder.path(), &rows, |i| i, score, ("acc", |_| 70.0)), Undefined::EqualTargets);
    // Forty strings of two networks.
    nothing(&evaluated(folder.path(), &rows, |i| i % 2, score, ("acc", |i| i as f64)), Undefined::FewNetworks);

    let endless = |i: i64| if i < 5 { f64::INFINITY } else { (i * 29 % 31) as f64 };
    let evaluation = evaluated(folder.path(), &rows, |i| i, score, ("val_loss", endless));
    assert_eq!((evaluation.n_joined, evaluation.n_impossible), (35, 5));
    assert!(evaluation.rows.iter().all(|row| row.regret_at_10.unwrap().is_finite()));
    assert!(evaluation.notes[0].contains("lower is better") && text(&evaluation).contains("the name of `val_loss`"));
}

#[test]
fn impossible_numbers_of_resamples_are_refused() {
    for repeats in [0, 1, 100_001, usize::MAX] {
        let options = EvaluateOptions { repeats, ..EvaluateOptions::default() };
        let error = evaluate(Path::new("."), Path::new("t"), "acc", &options).unwrap_err().to_string();
        assert!(error.contains(&repeats.to_string()) && error.contains("from 2 to 100000"), "{error}");
    }
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
    write(&table, vec![("accuracy", Arc::new(Float64Array::from(vec![1.0])))], None);
    let message = fail(&table, "accuracy");
    assert!(message.contains("none of the key columns arch_str, arch, arch_index"), "{message}");
}
