//! `naslens run` from a configuration to the report, killed and resumed, and with configurations that make no sense.

mod cli;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use cli::NASLENS;
use naslens::benchmark::Table;

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
    assert!(verdict[0].as_str().unwrap().contains("params"), "{verdict:?}");
    assert!(verdict.iter().any(|s| s.as_str().unwrap().contains("2 finalists reach")), "{verdict:?}");
    let page = fs::read_to_string(summary["report"].as_str().unwrap()).unwrap();
    for part in ["A &lt;small&gt; run", "Finalists against random controls", "epochs = 2", "naswot"] {
        assert!(page.contains(part), "the page lacks {part}");
    }
    let rows = trainings(&whole);
    // Labels are trained once, finalists and controls twice, each for two epochs.
    let count = |role: &str| rows.iter().filter(|r| r.starts_with(&format!("Some({role:?})"))).count();
    assert_eq!((count("labelled"), count("finalist"), count("control")), (12, 8, 8));
    let predictions = Table::open(&whole.join("predictions.parquet")).unwrap();
    assert!(predictions.num_rows() > 10 && predictions.f64_column("std_pct").unwrap().iter().all(|s| *s > Some(0.0)));

    let mut child = command(&config, &killed).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while fs::read_dir(killed.join("trained")).map_or(0, Iterator::count) < 3 {
        assert!(start.elapsed() < Duration::from_secs(60), "nothing is trained");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!killed.join("report.html").exists());
    assert!(run(&config, &killed).status.success());
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
