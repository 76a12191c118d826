//! `naslens import`: official files in small give exactly what their reference APIs read; mistakes are named; nothing is left
//! half-written. `tests/golden/imports.py` made the files and read them with the reference APIs.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cli::{files, naslens};
use naslens::benchmark::Table;
use serde_json::Value;

mod cli;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/imports").join(name)
}

fn import(source: &Path, args: &str) -> Command {
    let mut command = naslens("import");
    command.arg(source).args(args.split_whitespace());
    command
}

/// Runs an import that must succeed; the table it wrote and its JSON summary.
fn imported(source: &Path, args: &str) -> (tempfile::TempDir, Table, Value) {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out.parquet");
    let output = import(source, &format!("{args} --json")).arg("--out").arg(&out).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {stderr}", source.display());
    let summary = serde_json::from_slice(&output.stdout).unwrap();
    let table = Table::open(&out).unwrap();
    assert_eq!(files(dir.path()), ["out.parquet"]);
    (dir, table, summary)
}

const TEXT: [&str; 5] = ["arch", "dataset", "split", "device", "proxy"];

/// The rows with the cells of these columns as text: numbers to the last bit.
fn rows(table: &Table, fields: &[String]) -> Vec<Vec<String>> {
    let columns: Vec<Vec<String>> = fields
        .iter()
        .map(|field| {
            let null = || "null".to_string();
            if TEXT.contains(&field.as_str()) || field == "arch_id" {
                table.string_column(field).unwrap().into_iter().map(|text| text.unwrap_or_else(null)).collect()
            } else {
                let bits = |x: Option<f64>| x.map_or_else(null, |x| format!("{x:?}"));
                table.f64_column(field).unwrap().into_iter().map(bits).collect()
            }
        })
        .collect();
    let mut rows: Vec<_> =
        (0..table.num_rows()).map(|i| columns.iter().map(|column| column[i].clone()).collect()).collect();
    rows.sort();
    rows
}

fn expected_rows(rows: &Value) -> Vec<Vec<String>> {
    let cell = |cell: &Value| match cell {
        Value::String(text) => text.clone(),
        Value::Number(x) => format!("{:?}", x.as_f64().unwrap()),
        _ => "null".into(),
    };
    let rows = rows.as_array().unwrap().iter();
    let mut rows: Vec<Vec<String>> = rows.map(|row| row.as_array().unwrap().iter().map(cell).collect()).collect();
    rows.sort();
    rows
}

#[test]
fn official_files_give_what_the_reference_apis_read() {
    let text = fs::read_to_string(fixture("expected.json")).unwrap();
    let mut expected: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    let fields: Vec<String> = serde_json::from_value(expected.remove("fields").unwrap()).unwrap();
    assert!(expected.len() >= 14);
    let (mut compared, mut cells) = (0, 0);
    for (name, value) in &expected {
        let value = value.as_str().map_or(value, |other| &expected[other]);
        // With --curves, for the complete files of NAS-Bench-Graph; of the rest what is not at the end of a training is left out.
        let (_dir, table, _) = imported(&fixture(name), if name.contains("pubmed") { "--curves" } else { "" });
        // NAS-Bench-101 is known by hashes.
        let is_101 = name.ends_with("tfrecord");
        let names: Vec<String> = fields
            .iter()
            .map(|field| if is_101 && field == "arch" { "arch_id".into() } else { field.clone() })
            .collect();
        let mut found = rows(&table, &names);
        let at = |name: &str| fields.iter().position(|field| field == name).unwrap();
        let (epochs, epoch) = (at("epochs"), at("epoch"));
        found.retain(|row| [&row[epochs], &row[epoch]].contains(&&"null".to_string()) || row[epochs] == row[epoch]);
        let expected = expected_rows(value);
        assert_eq!(found.len(), expected.len(), "{name}");
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{name}: {names:?}");
            cells += found.iter().filter(|cell| *cell != "null").count();
        }
        compared += found.len();
    }
    println!("{compared} rows with {cells} cells are equal");
    assert!(compared > 750, "{compared}");
}

/// The real records of architectures 0, 11 and 284, against values that nats_bench 1.8 reads from them.
#[test]
fn official_samples_give_what_nats_bench_reads() {
    let folder = match std::env::var_os("NASLENS_TABLES") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/benchmarks"),
    }
    .join("official_samples");
    if !folder.exists() {
        println!("skipped: there is no {}; set NASLENS_TABLES to the folder of the published tables", folder.display());
        return;
    }
    let (_dir, table, summary) = imported(&folder.join("NATS-tss-v1_0-3ffb9-simple"), "");
    assert_eq!((summary["architectures"].as_u64(), summary["format"].as_str()), (Some(3), Some("nats-simple")));
    let all = rows(&table, &["arch_index", "dataset", "split", "epochs", "seed", "accuracy_pct"].map(String::from));
    let has = |cells: [&str; 6]| all.iter().any(|row| row.iter().map(String::as_str).eq(cells));
    for cells in SAMPLES {
        assert!(has(cells), "{cells:?}");
    }
    let (_dir, table, summary) = imported(&folder.join("NATS-sss-v1_0-50262-simple"), "--curves");
    assert_eq!(summary["spaces"][0], "nats-size");
    assert!(table.num_rows() > 3 * 4 * (1 + 12 + 90));
}

/// `api.get_more_info(index, dataset, hp=epochs, is_random=seed)["..-accuracy"]`.
const SAMPLES: [[&str; 6]; 6] = [
    ["0.0", "cifar10", "test", "200.0", "888.0", "86.18"],
    ["11.0", "cifar10-valid", "valid", "12.0", "111.0", "62.57999999267578"],
    ["11.0", "cifar100", "valtest", "200.0", "999.0", "67.37"],
    ["284.0", "ImageNet16-120", "test", "200.0", "777.0", "32.59999996439616"],
    ["284.0", "cifar10-valid", "train", "200.0", "777.0", "96.31600001953124"],
    ["11.0", "cifar100", "valid", "200.0", "888.0", "68.17999992675782"],
];

#[test]
fn one_row_per_architecture_is_a_table_of_truths() {
    let dir = tempfile::tempdir().unwrap();
    let (long, wide) = (dir.path().join("long.parquet"), dir.path().join("wide.parquet"));
    let mut command = import(&fixture("NATS-tss-simple"), "");
    let output = command.arg("--out").arg(&long).arg("--wide").arg(&wide).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    for part in ["nats-simple: 2 architectures of nas-bench-201", "cifar10-valid", "777 888 999", "latency: gpu"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let table = Table::open(&wide).unwrap();
    assert_eq!(table.u64_column("arch_index").unwrap(), [Some(0), Some(11)]);
    assert_eq!(table.u64_column("cifar10_test_acc_200ep_runs").unwrap(), [Some(1), Some(3)]);
    assert!(table.has("ImageNet16-120_valtest_acc_200ep_pct") && table.has("cifar10-valid_valid_acc_12ep_pct"));
    // The mean over seeds of the long table.
    let long_table = Table::open(&long).unwrap();
    let wanted = ["11.0", "cifar10", "test", "200.0"];
    let all = rows(&long_table, &["arch_index", "dataset", "split", "epochs", "accuracy_pct"].map(String::from));
    let seeds: Vec<f64> = all.iter().filter(|row| row[..4] == wanted).map(|row| row[4].parse().unwrap()).collect();
    let mean = table.f64_column("cifar10_test_acc_200ep_pct").unwrap()[1].unwrap();
    assert!(seeds.len() == 3 && (mean - seeds.iter().sum::<f64>() / 3.0).abs() < 1e-12);
    // The wide table is made from the long one, too, and both serve the other commands or say how to.
    let again = dir.path().join("again.parquet");
    assert!(import(&long, "--wide").arg(&again).status().unwrap().success());
    let same =
        |column: &str| table.f64_column(column).unwrap() == Table::open(&again).unwrap().f64_column(column).unwrap();
    assert!(same("cifar10_test_acc_200ep_pct") && same("cifar100_params") && same("cifar100_gpu_latency_ms"));

    let run = dir.path().join("run");
    cli::summary(&run, "--sample 3 --proxies params");
    let evaluate = |table: &Path, target: &str| {
        let mut command = naslens("evaluate --json");
        command.arg(&run).arg("--table").arg(table).args(["--target", target]).output().unwrap()
    };
    refused(evaluate(&long, "accuracy_pct"), &["long.parquet", "a row per measurement", "naslens import", "--wide"]);
}

fn refused(output: Output, parts: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code().map(|code| code == 1 || code == 2), Some(true), "{stderr}");
    assert_eq!(stderr.lines().filter(|line| line.starts_with("error:")).count(), 1, "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    for part in parts {
        assert!(stderr.contains(part), "no `{part}` in {stderr}");
    }
}

fn file(dir: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, content).unwrap();
    path
}

fn bz2(content: &[u8]) -> Vec<u8> {
    let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    out.write_all(content).unwrap();
    out.finish().unwrap()
}

#[test]
fn hostile_and_damaged_files_are_refused_by_name_and_leave_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let pwned = dir.path().join("pwned");
    let evil = format!("cos\nsystem\n(S'touch {}'\ntR.", pwned.display());
    let real = fs::read(fixture("NATS-tss-simple/000000.pickle.pbz2")).unwrap();
    let record = fs::read(fixture("nasbench.tfrecord")).unwrap();
    let mut flipped = record.clone();
    flipped[40] ^= 1;
    let cases: Vec<(PathBuf, &str, Vec<&str>)> = vec![
        (
            file(dir.path(), "000000.pickle.pbz2", bz2(evil.as_bytes())),
            "",
            vec!["global os.system is not allowed", "nothing was run", "000000.pickle.pbz2", "download it again"],
        ),
        (
            file(dir.path(), "NATS-x.pickle.pbz2", bz2(evil.as_bytes())),
            "",
            vec!["global os.system is not allowed", "NATS-x"],
        ),
        (file(dir.path(), "HW-NAS-Bench.pickle", &evil), "", vec!["global os.system is not allowed"]),
        (file(dir.path(), "cora.bench", &evil), "", vec!["global os.system is not allowed", "cora.bench"]),
        (
            file(dir.path(), "000011.pickle.pbz2", &real),
            "",
            vec!["record 11", "has the official index 0, but stands under 11"],
        ),
        (
            file(dir.path(), "000001.pickle.pbz2", &real[..real.len() / 2]),
            "",
            vec!["000001.pickle.pbz2", "byte", "download it again"],
        ),
        (
            file(dir.path(), "000002.pickle.pbz2", "BZh9 no"),
            "",
            vec!["000002.pickle.pbz2", "cannot be read beyond byte 0"],
        ),
        (
            file(dir.path(), "cut.tfrecord", &record[..100]),
            "",
            vec!["cut.tfrecord", "record 0 at byte 0", "ends in the middle"],
        ),
        (file(dir.path(), "flip.tfrecord", &flipped), "", vec!["flip.tfrecord", "record 0 at byte 0", "checksum"]),
        (
            file(dir.path(), "zc_nasbench201.json", r#"{"cifar10": {"(9, 9)": {}}}"#),
            "",
            vec!["zc_nasbench201.json", "line 1, column", "`(9, 9)` is not a tuple"],
        ),
        (file(dir.path(), "zc_x.json", r#"{"cifar10": {}}"#), "", vec!["does not say which space", "--set space=NAME"]),
        (file(dir.path(), "plain.csv", "arch,acc\nx,1\n"), "", vec!["does not say which space", "--set space=NAME"]),
        (
            file(dir.path(), "noarch.csv", "acc\n1\n"),
            "",
            vec!["noarch.csv` names the architectures", "--map arch=COLUMN"],
        ),
        (
            file(dir.path(), "bad.csv", "arch,accuracy_pct\n8:8:8:8:8,ninety\n"),
            "--set space=nats-size",
            vec!["bad.csv`, line 2", "`ninety`, a number was expected", "correct the row"],
        ),
        (
            file(dir.path(), "badarch.csv", "arch,loss\n8:8:8:8:9,1\n"),
            "--set space=nats-size",
            vec!["badarch.csv`, line 2", "`9` is not one of 8"],
        ),
        (
            file(dir.path(), "ragged.csv", "arch,loss\n8:8:8:8:8\n"),
            "--set space=nats-size",
            vec!["ragged.csv`, line 2", "1 fields, but 2 columns"],
        ),
        (file(dir.path(), "empty.csv", "arch,loss\n"), "--set space=nats-size", vec!["no measurement"]),
        (
            file(dir.path(), "what.bin", "?"),
            "",
            vec!["none of the files that are recognised", "--format", "nats-simple"],
        ),
        (dir.path().join("absent"), "", vec!["absent", "cannot be read", "check the path"]),
        (fixture("zc_early.json"), "--format nats-sample", vec!["did you mean `nats-simple`"]),
        (fixture("zc_early.json"), "--map loss=x", vec!["--map and --set are for tables"]),
    ];
    for (source, args, parts) in cases {
        let out = dir.path().join("out");
        let output = import(&source, args).arg("--out").arg(out.join("x.parquet")).output().unwrap();
        refused(output, &parts);
        assert!(files(&out).is_empty(), "{}: {:?}", source.display(), files(&out));
    }
    assert!(!pwned.exists());
}

/// Latencies that say "not measured" in a number are empty afterwards, and are counted.
#[test]
fn sentinels_become_null() {
    let dir = tempfile::tempdir().unwrap();
    let list = |values: &[&str]| format!("(l{}", values.iter().map(|x| format!("F{x}\na")).collect::<String>());
    let (latencies, energies) = (list(&["-1.0", "0.5", "0.0", "inf"]), list(&["2.0", "nan", "-1.0", "3.0"]));
    let metrics = format!("S'edgetpu_latency'\n{latencies}sS'fpga_energy'\n{energies}s");
    let pickle = format!("(dS'nasbench201'\n(dS'cifar10'\n(d{metrics}ss.");
    let source = file(dir.path(), "HW-NAS-Bench-v1_0.pickle", pickle);
    let (_dir, table, summary) = imported(&source, "");
    let values = |field: &str| table.f64_column(field).unwrap().into_iter().flatten().collect::<Vec<_>>();
    assert_eq!((values("latency_ms"), values("energy_mj")), (vec![0.5], vec![2.0, 3.0]));
    let notes = summary["notes"].to_string();
    for note in [
        "latency_ms of edgetpu: 3 of 4 values are not measurements (-1, 0, inf) and were left empty",
        "energy_mj of fpga: 2 of 4 values are not measurements (-1, NaN) and were left empty",
    ] {
        assert!(notes.contains(note), "{notes}");
    }

    let text = "arch,latency_ms,macs,accuracy_pct\n8:8:8:8:8,-1,-1,NaN\n8:8:8:8:16,1.5,7,90\n";
    let (_dir, table, summary) = imported(&file(dir.path(), "own.csv", text), "--set space=nats-size");
    assert_eq!(table.f64_column("latency_ms").unwrap(), [None, Some(1.5)]);
    assert_eq!(table.u64_column("macs").unwrap(), [None, Some(7)]);
    assert_eq!(table.f64_column("accuracy_pct").unwrap(), [None, Some(90.0)]);
    assert_eq!(summary["notes"].as_array().unwrap().len(), 3, "{summary}");
}

#[test]
fn values_that_cannot_be_are_refused_with_row_and_column() {
    let dir = tempfile::tempdir().unwrap();
    let maps = "--set space=nats-size --map accuracy_pct=acc";
    for (name, rows, maps, parts) in [
        ("over.csv", "8:8:8:8:8,8235", maps, vec!["line 2, column `acc`", "is 8235", "accuracy_pct=acc*0.01"]),
        ("twice.csv", "8:8:8:8:8,82", &format!("{maps}*100")[..], vec!["is 8200", "leave *100 out"]),
        ("minus.csv", "8:8:8:8:8,90\n\n8:8:8:8:16,-1", maps, vec!["line 4, column `acc`", "is -1", "leave it empty"]),
        ("infinite.csv", "8:8:8:8:8,1e400", maps, vec!["accuracy_pct is inf", "0 to 100"]),
        ("comma.csv", "8:8:8:8:8,\"93,41\"", maps, vec!["line 2", "`93,41`, with a decimal comma"]),
        ("repeat.csv", "8:8:8:8:8,90\n8:8:8:8:8,91", maps, vec!["line 3", "measured before", "--map seed=COLUMN"]),
        ("epochs.csv", "8:8:8:8:8,-5", "--set space=nats-size --map epochs=acc", vec!["epochs is -5", "column `acc`"]),
    ] {
        let source = file(dir.path(), name, format!("arch,acc\n{rows}\n"));
        let output = import(&source, maps).arg("--out").arg(dir.path().join("x.parquet")).output().unwrap();
        assert!(!String::from_utf8_lossy(&output.stderr).contains("download"), "{name}");
        refused(output, &parts);
    }
    let entry = r#"{"test_acc": [90.5, 91, 92], "params": 7, "flops": 8}"#;
    let (twice, over) = (format!(r#"{{"00000000": {entry}, "00000000": {entry}}}"#), entry.replace("90.5", "1e30"));
    for (text, part) in [(twice, "measured before"), (format!(r#"{{"00000000": {over}}}"#), "accuracy_pct is 1")] {
        let source = file(dir.path(), "nas-bench-macro_x.json", text);
        let output = import(&source, "").arg("--out").arg(dir.path().join("x.parquet")).output().unwrap();
        refused(output, &["architecture `00000000`", part]);
    }
    assert!(!dir.path().join("x.parquet").exists());
    // Fractions are not guessed at.
    let source = file(dir.path(), "fractions.csv", "arch,acc\n8:8:8:8:8,0.9\n8:8:8:8:16,0.8\n");
    let (_dir, table, summary) = imported(&source, maps);
    assert_eq!(table.f64_column("accuracy_pct").unwrap(), [Some(0.9), Some(0.8)]);
    assert!(summary["notes"].to_string().contains("--map accuracy_pct=COLUMN*100"), "{summary}");
}

#[test]
fn text_tables_of_all_kinds_are_read() {
    let dir = tempfile::tempdir().unwrap();
    for (name, text, note) in [
        ("semicolon.csv", "arch;accuracy_pct\r\n8:8:8:8:8;93,41\r\n", "separated by semicolons"),
        ("tabs.csv", "\u{feff}arch\taccuracy_pct\n8:8:8:8:8\t93.41\n", "separated by tabs"),
        ("quoted.csv", "\"arch\", accuracy_pct\n\"8:8:8:8:8\",\"93.41\"", ""),
    ] {
        let (_dir, table, summary) = imported(&file(dir.path(), name, text), "--set space=nats-size");
        assert_eq!(table.f64_column("accuracy_pct").unwrap(), [Some(93.41)], "{name}");
        assert!(summary["notes"].to_string().contains(note), "{name}: {summary}");
    }
    let long = file(dir.path(), "long.csv", format!("arch,accuracy_pct\n{},1\n", "x".repeat(500_000)));
    let output =
        import(&long, "--set space=nats-size").arg("--out").arg(dir.path().join("x.parquet")).output().unwrap();
    assert!(output.stderr.len() < 1000, "{} bytes", output.stderr.len());
    refused(output, &["long.csv", "line 2"]);
}

#[test]
fn unusable_options() {
    let dir = tempfile::tempdir().unwrap();
    let source = file(dir.path(), "t.csv", "arch,loss\n8:8:8:8:8,1\n");
    let (source_text, folder) = (source.display().to_string(), dir.path().display().to_string());
    for (args, parts) in [
        (String::new(), vec!["nothing would be written", "--out, --wide"]),
        (format!("--out {source_text}"), vec!["would replace the file it is read from"]),
        (format!("--out {folder}"), vec!["is a folder"]),
        ("--out /tmp/a.parquet --wide /tmp/a.parquet".into(), vec!["the same file"]),
        ("--out /proc/x/a.parquet".into(), vec!["cannot write to the folder"]),
        ("--out a.parquet --map acuracy=loss".into(), vec!["`acuracy` is not a field", "accuracy_pct"]),
        ("--out a.parquet --set split".into(), vec!["write FIELD=VALUE"]),
    ] {
        refused(import(&source, &args).output().unwrap(), &parts);
    }
    let out = dir.path().join("a.parquet");
    let missing = import(&source, "--set space=nats-size --map accuracy_pct=los --out").arg(&out).output().unwrap();
    refused(missing, &["no column `los`", "did you mean `loss`", "columns: arch, loss"]);
    assert!(!out.exists());
}

#[test]
fn tables_are_mapped() {
    let dir = tempfile::tempdir().unwrap();
    let text = "arch_index,top1,val200,test200,note\n0,0.5,90,91,\"a, b\"\n12,,92,NA,\n";
    let source = file(dir.path(), "mine.csv", text);
    let maps = "--set space=nats-size --set dataset=cifar10 --map accuracy_pct[split=train,epochs=12]=top1*100 \
                --map accuracy_pct[split=valid,epochs=200]=val200 --map accuracy_pct[split=test,epochs=200]=test200";
    let (_dir, table, summary) = imported(&source, maps);
    let fields = ["arch", "split", "epochs", "accuracy_pct"].map(String::from);
    let expected = [
        ["8:8:8:16:40", "valid", "200.0", "92.0"],
        ["8:8:8:8:8", "test", "200.0", "91.0"],
        ["8:8:8:8:8", "train", "12.0", "50.0"],
        ["8:8:8:8:8", "valid", "200.0", "90.0"],
    ];
    assert_eq!(rows(&table, &fields), expected);
    assert_eq!((summary["format"].as_str(), summary["rows"].as_u64()), (Some("table"), Some(4)));
    // A table that was written is a table that can be read.
    let (_dir, again, _) = imported(table.path(), "");
    assert_eq!(rows(&again, &fields), expected);
    assert_eq!(table.metadata("naslens.schema").as_deref(), Some("benchmark/1"));
    // A space that naslens does not have keeps the names of the source.
    let own = file(dir.path(), "own.tsv", "model\tacc\nresnet,18\t70\n");
    let (_dir, table, _) = imported(&own, "--set space=resnets --map arch=model --map accuracy_pct=acc");
    assert_eq!(rows(&table, &["arch", "arch_id", "accuracy_pct"].map(String::from)), [["resnet,18", "null", "70.0"]]);
}

#[test]
fn formats_are_listed() {
    let output = naslens("list imports --json").output().unwrap();
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<&str> = list.as_array().unwrap().iter().map(|format| format["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"nats-simple") && names.contains(&"table"), "{names:?}");
}

/// Ctrl-C in the middle of an import: nothing is left, and the exit code says so.
#[test]
fn an_interrupted_import_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let many = dir.path().join("many");
    fs::create_dir(&many).unwrap();
    let record = |name: &str| fs::read(fixture("NATS-tss-simple").join(name)).unwrap();
    let [first, second] = ["000000.pickle.pbz2", "000011.pickle.pbz2"];
    fs::write(many.join(first), record(first)).unwrap();
    // The second is a pipe, so that the import waits in the middle.
    let pipe = many.join(second);
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let out = dir.path().join("out");
    let mut child = import(&many, "--threads 1 --out").arg(out.join("x.parquet")).spawn().unwrap();
    let mut end = fs::File::options().write(true).open(&pipe).unwrap();
    assert_eq!(files(&out).len(), 1, "a temporary file while it runs");
    // SAFETY: sends a signal to the child that was just started.
    unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
    std::thread::sleep(std::time::Duration::from_millis(300));
    let _ = end.write_all(&record(second));
    drop(end);
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130), "{status}");
    assert!(files(&out).is_empty(), "{:?}", files(&out));
}
