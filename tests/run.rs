//! `naslens run` from a configuration to the report, killed and resumed, and with configurations that make no sense.

mod cli;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use cli::NASLENS;
use naslens::benchmark::Table;
use parquet::arrow::ArrowWriter;

const CONFIG: &str = r#"
title = "A <small> run"
sample = 60
labels = 6
top = 2
repeats = 2

[screen]
space = "nas-bench-201"
init_channels = 4
cells = 1
image = "1x8x8"
batch_size = 16
proxies = ["params", "layers", "naswot", "synflow"]

[train]
image = "1x8x8"
epochs = 2
"#;

fn command(config: &Path, out: &Path) -> Command {
    let mut command = Command::new(NASLENS);
    command.arg("run").arg(config).arg("--out").arg(out).args(["--device", "cpu", "--json"]);
    command
}

fn run(config: &Path, out: &Path) -> Output {
    command(config, out).output().unwrap()
}

/// Everything in `trainings.parquet` but the seconds, one line per row; numbers are written so that they are exact.
fn trainings(out: &Path) -> Vec<String> {
    let table = Table::open(&out.join("trainings.parquet")).unwrap();
    let (arch, role) = (table.string_column("arch").unwrap(), table.string_column("role").unwrap());
    let (epoch, loss) = (table.u64_column("epoch").unwrap(), table.f64_column("train_loss").unwrap());
    let test = table.f64_column("test_accuracy_pct").unwrap();
    (0..arch.len()).map(|i| format!("{:?} {:?} {:?} {:?} {:?}", role[i], arch[i], epoch[i], loss[i], test[i])).collect()
}

#[test]
fn a_run_reports_and_a_killed_run_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("small.toml");
    fs::write(&config, CONFIG).unwrap();
    let (whole, killed) = (dir.path().join("whole"), dir.path().join("killed"));

    let output = run(&config, &whole);
    assert!(output.status.success(), "{output:?}");
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let verdict = summary["verdict"].as_array().unwrap();
    assert!(verdict[0].as_str().unwrap().starts_with("The network to take"), "{verdict:?}");
    assert!(verdict[1].as_str().unwrap().contains("ridge regression on the pixels"), "{verdict:?}");
    assert!(verdict.iter().any(|s| s.as_str().unwrap().contains("too few to judge proxies by")), "{verdict:?}");
    let assessment = &summary["winner"]["assessment"];
    assert_eq!(assessment["baselines"].as_array().unwrap().len(), 3, "{assessment}");
    let (examples, confusion) = (&assessment["test"]["examples"], &assessment["test"]["confusion"]);
    let counted: u64 =
        confusion.as_array().unwrap().iter().flat_map(|r| r.as_array().unwrap()).filter_map(|n| n.as_u64()).sum();
    assert_eq!(examples.as_u64(), Some(counted));
    assert!(verdict.iter().any(|s| s.as_str().unwrap().contains("2 finalists reach")), "{verdict:?}");
    let page = fs::read_to_string(summary["report"].as_str().unwrap()).unwrap();
    for part in ["A &lt;small&gt; run", "Finalists against random controls", "Confusion matrix", "epochs = 2", "naswot"]
    {
        assert!(page.contains(part), "the page lacks {part}");
    }
    let rows = trainings(&whole);
    // Labels are trained once, finalists and controls twice, each for two epochs.
    let count = |role: &str| rows.iter().filter(|r| r.starts_with(&format!("Some({role:?})"))).count();
    assert_eq!((count("labelled"), count("finalist"), count("control")), (12, 8, 8));
    let predictions = Table::open(&whole.join("predictions.parquet")).unwrap();
    assert!(predictions.num_rows() > 10 && predictions.f64_column("std").unwrap().iter().all(|s| *s > Some(0.0)));

    let mut child = command(&config, &killed).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while fs::read_dir(killed.join("trained")).map_or(0, Iterator::count) < 3 {
        assert!(start.elapsed() < Duration::from_secs(60), "nothing is trained");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!killed.join("report.html").exists());
    let output = run(&config, &killed);
    assert!(output.status.success(), "{output:?}");
    assert!(trainings(&killed) == rows, "an interrupted run gives the same numbers");

    let stamp = |out: &Path| fs::metadata(fs::read_dir(out.join("trained")).unwrap().next().unwrap().unwrap().path());
    let before = stamp(&whole).unwrap().modified().unwrap();
    assert!(run(&config, &whole).status.success());
    assert_eq!(stamp(&whole).unwrap().modified().unwrap(), before, "the same command again trains nothing");

    let again = command(&config, &whole).arg("--overwrite").output().unwrap();
    assert!(again.status.success() && stamp(&whole).unwrap().modified().unwrap() > before, "--overwrite trains anew");

    fs::write(&config, CONFIG.replace("epochs = 2", "epochs = 3")).unwrap();
    let output = run(&config, &whole);
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success()
            && message.contains("train.epochs (2 there, 3 now)")
            && message.contains("--overwrite"),
        "{message}"
    );
}

/// Text and numbers of a Parquet file, row by row and exactly.
fn rows(path: &Path, text: &[&str], numbers: &[&str]) -> Vec<String> {
    let table = Table::open(path).unwrap();
    let text: Vec<_> = text.iter().map(|c| table.string_column(c).unwrap()).collect();
    let numbers: Vec<_> = numbers.iter().map(|c| table.f64_column(c).unwrap()).collect();
    let row = |i: usize| {
        let (text, numbers) = (text.iter().map(|c| &c[i]), numbers.iter().map(|c| c[i].map(f64::to_bits)));
        format!("{:?} {:?}", text.collect::<Vec<_>>(), numbers.collect::<Vec<_>>())
    };
    (0..table.num_rows()).map(row).collect()
}

#[test]
fn a_run_is_a_screen_a_prediction_and_a_confirmation() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("small.toml"), CONFIG).unwrap();
    assert!(run(&at("small.toml"), &at("run")).status.success());

    let naslens = |args: &[&str], paths: &[&Path]| {
        let mut command = Command::new(NASLENS);
        let output = command.args(args).args(paths).output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
    };
    let settings = "--space nas-bench-201 --init-channels 4 --cells 1 --image 1x8x8 --batch-size 16 --sample 60 --seed 0 \
                    --proxies params,layers,naswot,synflow --device cpu";
    let settings: Vec<&str> = ["screen"].into_iter().chain(settings.split_whitespace()).chain(["--out"]).collect();
    naslens(&settings, &[&at("screen")]);
    let scores =
        |folder: &str| rows(&at(folder).join("scores.parquet"), &["arch", "arch_id"], &["params", "naswot", "synflow"]);
    assert_eq!(scores("run"), scores("screen"));

    // What the labelled networks came to, as somebody would write it down.
    let trained = Table::open(&at("run").join("trainings.parquet")).unwrap();
    let (role, arch) = (trained.string_column("role").unwrap(), trained.string_column("arch").unwrap());
    let (epoch, pct) = (trained.u64_column("epoch").unwrap(), trained.f64_column("valid_accuracy_pct").unwrap());
    let last = |i: &usize| role[*i].as_deref() == Some("labelled") && epoch[*i] == Some(2);
    let labelled: Vec<usize> = (0..role.len()).filter(last).collect();
    let columns: [(&str, ArrayRef); 2] = [
        ("arch", Arc::new(labelled.iter().map(|&i| arch[i].clone()).collect::<StringArray>())),
        ("valid_acc_pct", Arc::new(labelled.iter().map(|&i| pct[i]).collect::<Float64Array>())),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer =
        ArrowWriter::try_new(fs::File::create(at("labels.parquet")).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();

    naslens(&["predict", "--target", "valid_acc_pct", "--labels-from"], &[&at("labels.parquet"), &at("screen")]);
    let numbers = ["label", "mean", "std", "low", "high"];
    let predictions = |folder: &str| rows(&at(folder).join("predictions.parquet"), &["arch", "arch_id"], &numbers);
    assert_eq!(predictions("run"), predictions("screen"));

    let by = format!("{}:mean", at("screen").join("predictions.parquet").display());
    let confirm = ["confirm", "--by", &by, "--top", "2", "--repeats", "2", "--device", "cpu", "--config"];
    naslens(&confirm, &[&at("small.toml"), &at("screen"), Path::new("--out"), &at("confirm")]);
    let trainings = |folder: &str| -> Vec<String> {
        let numbers = ["repeat", "epoch", "train_loss", "valid_accuracy_pct", "test_accuracy_pct"];
        let all = rows(&at(folder).join("trainings.parquet"), &["arch", "role"], &numbers);
        all.into_iter().filter(|row| !row.contains("labelled")).collect()
    };
    assert!(trainings("run").len() == 16 && trainings("run") == trainings("confirm"));
    let winner = |folder: &str| fs::read(at(folder).join("winner/model.safetensors"));
    assert!(winner("run").unwrap() == winner("confirm").unwrap(), "another winner");
}

/// A count alone does not tell which networks are dead, yet none is trained.
#[test]
fn dead_networks_are_never_trained() {
    let dir = tempfile::tempdir().unwrap();
    let (config, out) = (dir.path().join("counts.toml"), dir.path().join("out"));
    let proxies = r#"proxies = ["params", "layers", "naswot", "synflow"]"#;
    let text = CONFIG.replace(proxies, r#"proxies = ["params"]"#).replace("sample = 60", "sample = 400");
    fs::write(&config, text).unwrap();
    assert!(run(&config, &out).status.success());
    let scores = Table::open(&out.join("scores.parquet")).unwrap();
    let (arch, status) = (scores.string_column("arch").unwrap(), scores.string_column("layers_status").unwrap());
    let dead: Vec<_> = arch.iter().zip(&status).filter(|(_, s)| s.as_deref() == Some("dead")).map(|(a, _)| a).collect();
    assert!(!dead.is_empty(), "the sample has disconnected networks");
    let predicted = Table::open(&out.join("predictions.parquet")).unwrap().string_column("arch").unwrap();
    assert!(predicted.iter().all(|a| !dead.contains(&a)));
}

#[test]
fn configurations_that_make_no_sense() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("wrong.toml");
    let out = dir.path().join("out");
    for (from, to, part) in [
        ("labels = 6", "lables = 6", "unknown field `lables`"),
        ("labels = 6", "labels = 2", "needs at least 5"),
        ("labels = 6", "labels = 1000", "raise sample or lower labels"),
        ("top = 2", "top = 9223372036854775807", "raise sample or lower labels"),
        ("epochs = 2", "epochs = 0", "epochs is 0"),
        ("epochs = 2", "learning_rate = -1.0", "learning_rate is -1"),
        ("[screen]", "predictor = \"bagged-rigde\"\n[screen]", "did you mean `bagged-ridge`"),
        ("\"naswot\"", "\"naswott\"", "did you mean `naswot`"),
        ("batch_size = 16", "data = \"pink\"", "nothing to learn"),
        (
            "epochs = 2",
            "learning_rate = 1e30",
            "trainings diverged: their loss stopped being finite. Lower learning_rate",
        ),
    ] {
        fs::write(&config, CONFIG.replace(from, to)).unwrap();
        let output = run(&config, &out);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert_eq!(message.matches("error:").count(), 1, "{message}");
        assert!(message.contains(part), "{message}");
        assert!(!out.join("report.html").exists());
    }
    let output = run(&dir.path().join("absent.toml"), &out);
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && message.contains("absent.toml"), "{message}");
}
