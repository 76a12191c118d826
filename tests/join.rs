//! One awkward table, and every command that joins it: all see the same networks and the same values.

mod cli;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use cli::{naslens, scores, summary};
use naslens::benchmark::Table;
use parquet::arrow::ArrowWriter;
use serde_json::Value;

/// What a row of the table says: a string, and a fraction, a sentinel or nothing.
type Row = (String, Option<f64>);

/// Accuracies of the live networks of a screen, and what should be understood: percent by id. Every fifth network has
/// nothing, every seventh a sentinel, every third three rows whose mean it is.
fn awkward(run: &Path) -> (Vec<Row>, BTreeMap<String, f64>) {
    let screened = scores(run);
    let (mut rows, mut known) = (Vec::new(), BTreeMap::new());
    let live = (0..screened.arch.len()).filter(|&row| screened.eligible(row));
    let mut seen = Vec::new();
    for (n, row) in live.enumerate() {
        let (arch, id) = (screened.arch[row].clone(), screened.arch_id[row].clone());
        if seen.contains(&id) {
            continue;
        }
        seen.push(id.clone());
        let value = 0.5 + (n * 37 % 101) as f64 / 256.0;
        match n {
            n if n % 5 == 0 => rows.push((arch, None)),
            n if n % 7 == 0 => rows.push((arch, Some(-1.0))),
            n if n % 3 == 0 => {
                rows.extend([value - 0.125, value, value + 0.125].map(|part| (arch.clone(), Some(part))));
                known.insert(id, 100.0 * value);
            }
            _ => {
                rows.push((arch, Some(value)));
                known.insert(id, 100.0 * value);
            }
        }
    }
    (rows, known)
}

/// The table, its rows in another order for every `order`, with a running number if asked for.
fn write(path: &Path, rows: &[Row], order: usize, numbered: bool) -> PathBuf {
    let mut rows: Vec<&Row> = rows.iter().collect();
    let n = rows.len();
    rows.sort_by_key(|row| (row.0.len() * 31 + row.0.bytes().map(usize::from).sum::<usize>() * order) % 97);
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("arch", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.0)))),
        ("acc", Arc::new(rows.iter().map(|row| row.1).collect::<Float64Array>())),
    ];
    if numbered {
        columns.push(("arch_index", Arc::new(Int64Array::from_iter_values(0..n as i64))));
    }
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path.into()
}

/// Every command on this table, in folders of its own.
fn commands(dir: &Path, run: &Path, table: &Path) -> Vec<(&'static str, Command)> {
    let out = |name: &str| dir.join(name);
    let on = |args: &str, out: Option<PathBuf>| {
        let mut command = naslens(args);
        command.arg(run).arg("--table").arg(table).args(["--target", "acc"]);
        if let Some(out) = out {
            command.arg("--out").arg(out);
        }
        command
    };
    let mut labels = naslens("predict --predictors bagged-ridge --encodings one_hot");
    labels.arg(run).arg("--labels-from").arg(table).args(["--target", "acc"]).arg("--out").arg(out("labels"));
    let config = dir.join("run.toml");
    let screen =
        "init_channels = 4\ncells = 1\nimage = \"1x8x8\"\nbatch_size = 16\nproxies = [\"params\", \"naswot\"]\n";
    let text = format!(
        "sample = 1000\nlabels = 6\ntop = 2\npredictor = \"bagged-ridge\"\n[table]\nfile = {table:?}\ncolumn = \"acc\"\n\
         [screen]\nspace = \"nas-bench-201\"\n{screen}[train]\nimage = \"1x8x8\"\nepochs = 1\n"
    );
    fs::write(&config, text).unwrap();
    let mut whole = naslens("run --device cpu --json");
    whole.arg(&config).arg("--out").arg(out("run"));
    let search = "search --strategy random --queries 1000 --epochs 1 --json";
    vec![
        ("evaluate", on("evaluate --resamples 20 --json", None)),
        ("predict", on("predict --predictors bagged-ridge --encodings one_hot --labels 8 --repeats 2 --json", None)),
        ("labels", labels),
        ("search", on(search, Some(out("search")))),
        ("compare", on("compare --strategies random --seeds 2 --queries 4 --epochs 1 --json", Some(out("compare")))),
        ("report", on("report --resamples 20", Some(out("page.html")))),
        ("run", whole),
    ]
}

fn parquet(path: &Path, key: &str, column: &str) -> BTreeMap<String, f64> {
    let table = Table::open(path).unwrap();
    let (ids, values) = (table.string_column(key).unwrap(), table.f64_column(column).unwrap());
    ids.into_iter().zip(values).filter_map(|(id, value)| Some((id?, value?))).collect()
}

fn close(found: &BTreeMap<String, f64>, known: &BTreeMap<String, f64>) {
    assert!(found.keys().eq(known.keys()), "{} and {} networks", found.len(), known.len());
    found.iter().zip(known).for_each(|((id, a), (_, b))| assert!((a - b).abs() < 1e-9, "{id}: {a}, not {b}"));
}

#[test]
fn all_commands_see_the_same_networks_and_values() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("screen");
    summary(&run, "--sample 90 --proxies params,naswot,layers");
    let (rows, known) = awkward(&run);
    let table = dir.path().join("awkward.parquet");

    // A running number is not the official index.
    write(&table, &rows, 1, true);
    for (name, mut command) in commands(dir.path(), &run, &table) {
        let output = command.output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}: {message}");
        assert!(message.contains("`arch_index` is"), "{name}: {message}");
    }

    let best = known.values().copied().fold(0.0, f64::max);
    let mut said: Option<Vec<Value>> = None;
    for order in [1, 7] {
        write(&table, &rows, order, false);
        let folder = dir.path().join(format!("order{order}"));
        fs::create_dir(&folder).unwrap();
        let mut json = BTreeMap::new();
        for (name, mut command) in commands(&folder, &run, &table) {
            let output = command.output().unwrap();
            assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
            json.insert(name, serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default());
        }
        let n = known.len() as u64;
        let evaluated = &json["evaluate"];
        assert_eq!((&evaluated["n_networks"], &evaluated["n_unmatched"]), (&n.into(), &evaluated["n_unmatched"]));
        assert_eq!(json["predict"]["networks"], n);
        assert_eq!(json["search"]["population"]["networks"], n);
        assert_eq!(json["compare"]["population"]["networks"], n);
        let page = fs::read_to_string(folder.join("page.html")).unwrap();
        assert!(page.contains(&format!("{n} networks")), "the page says other networks");
        for name in ["search", "compare"] {
            let source = &json[name]["source"];
            let found = source["table"]["best_pct"].as_f64().or(source["best_pct"].as_f64()).unwrap();
            assert!((found - best).abs() < 1e-9, "{name}: {found}, not {best}");
        }
        close(&parquet(&folder.join("search/trials.parquet"), "arch_id", "reported_pct"), &known);
        close(&parquet(&folder.join("labels/predictions.parquet"), "arch_id", "label"), &known);
        let screened = parquet(&folder.join("run/scores.parquet"), "arch_id", "params");
        assert!(known.keys().all(|id| screened.contains_key(id)), "a network of the table is not in the run");
        let page = fs::read_to_string(folder.join("run/report.html")).unwrap();
        assert!(page.contains("acc of awkward.parquet"), "the page of the run does not name the table");

        // Nothing depends on the order of the rows.
        let rows = |name: &str| json[name]["rows"].clone();
        let curves = |name: &str| json[name]["curves"].clone();
        let now = vec![rows("evaluate"), curves("predict"), json["search"]["best"].clone()];
        let trainings = parquet(&folder.join("run/predictions.parquet"), "arch_id", "mean");
        let now = [now, vec![serde_json::to_value(trainings).unwrap()]].concat();
        assert!(said.replace(now.clone()).is_none_or(|before| before == now), "the order of rows changes numbers");
    }
}
