//! `naslens confirm` and `naslens make-table`: trainings that are killed go on to the same numbers, and the winner is exported.

mod cli;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use cli::{NASLENS, files, naslens, summary};
use naslens::benchmark::Table;

const TABLE: &str = r#"
space = "nas-bench-201"
init_channels = 4
cells = 1
data = "digits"
repeats = 2

[train]
image = "1x8x8"
split = [0.4, 0.2, 0.4]
epochs = 3
batch_size = 32
augmentation = { crop = 1 }
"#;

const RECIPE: &str = r#"
[train]
image = "1x8x8"
split = [0.4, 0.2, 0.4]
epochs = 2
"#;

fn make_table(config: &Path, out: &Path, networks: usize) -> Command {
    let mut command = Command::new(NASLENS);
    command.arg("make-table").arg(config).arg("--out").arg(out);
    command.args(["--networks", &networks.to_string(), "--threads", "1", "--device", "cpu"]);
    command
}

/// All accuracies and losses, exactly.
fn numbers(out: &Path) -> Vec<String> {
    let (table, curves) =
        (Table::open(&out.join("table.parquet")).unwrap(), Table::open(&out.join("curves.parquet")).unwrap());
    let text = |table: &Table, column: &str| {
        table.f64_column(column).unwrap().iter().map(|v| format!("{column} {v:?}")).collect::<Vec<_>>()
    };
    let of_table = ["params", "test_acc_pct", "valid_acc_pct", "test_acc_seed1_pct", "valid_acc_ep2_pct"];
    let columns = of_table.iter().map(|c| text(&table, c));
    let curves = ["seed", "epoch", "train_loss", "valid_acc_pct"].map(|c| text(&curves, c));
    columns.chain(curves).flatten().collect()
}

#[test]
fn a_table_that_is_killed_again_and_again_has_the_same_numbers_and_grows() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("tiny.toml");
    fs::write(&config, TABLE).unwrap();
    let (whole, killed) = (dir.path().join("whole"), dir.path().join("killed"));
    assert!(make_table(&config, &whole, 3).status().unwrap().success());

    let mut kills = 0;
    for attempt in 0..40 {
        let mut child = make_table(&config, &killed, 3).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(150 + 97 * attempt % 400));
        match child.try_wait().unwrap() {
            Some(status) => {
                assert!(status.success());
                break;
            }
            // SIGTERM leaves a checkpoint in the middle of an epoch, SIGKILL nothing.
            None if attempt % 2 == 0 => {
                let id = child.id().to_string();
                assert!(Command::new("kill").arg(&id).status().unwrap().success());
                let code = child.wait().unwrap().code();
                // None: before the program listens.
                assert!(matches!(code, None | Some(0 | 143)), "{code:?}");
            }
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
            }
        }
        kills += 1;
    }
    assert!(kills > 0);
    assert!(make_table(&config, &killed, 3).status().unwrap().success());
    assert_eq!(numbers(&killed), numbers(&whole));
    assert!(files(&killed.join("trained")).iter().all(|name| name.ends_with(".json")), "checkpoints are removed");

    // More networks: the first ones stay as they are.
    let before = numbers(&whole);
    let output = make_table(&config, &whole, 4).arg("--json").output().unwrap();
    let grown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((grown["networks"].as_u64(), grown["trainings"].as_u64()), (Some(4), Some(8)));
    assert_eq!(numbers(&whole)[..3], before[..3]);

    fs::write(&config, TABLE.replace("epochs = 3", "epochs = 4")).unwrap();
    let refused = make_table(&config, &whole, 4).output().unwrap();
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && stderr.contains("another train.epochs (3 there, 4 now)"), "{stderr}");
}

#[test]
fn finalists_are_compared_with_controls_and_the_winner_is_exported() {
    let dir = tempfile::tempdir().unwrap();
    let (run, recipe) = (dir.path().join("run"), dir.path().join("recipe.toml"));
    summary(&run, "--sample 40 --proxies params,synflow,naswot");
    fs::write(&recipe, RECIPE).unwrap();
    let confirm = |args: &str| {
        let mut command = naslens(&format!("confirm --device cpu --json {args}"));
        command.arg(&run).arg("--config").arg(&recipe).output().unwrap()
    };
    let first = confirm("--by synflow --top 2 --controls matched");
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    let report: serde_json::Value = serde_json::from_slice(&first.stdout).unwrap();
    let verdict = report["verdict"].as_array().unwrap().iter().filter_map(|s| s.as_str()).collect::<Vec<_>>().join(" ");
    assert!(verdict.contains("2 finalists reach") && verdict.contains("2 matched controls"), "{verdict}");
    let winner = Path::new(report["winner"]["exported"].as_str().unwrap());
    assert_eq!(
        files(winner),
        [
            "README.md",
            "check.py",
            "example.safetensors",
            "model-uint8.onnx",
            "model.onnx",
            "model.py",
            "model.safetensors",
            "preprocess.py",
            "quantise.py"
        ]
    );
    let readme = fs::read_to_string(winner.join("README.md")).unwrap();
    let accuracy = report["winner"]["test_accuracy_pct"].as_f64().unwrap();
    assert!(readme.contains(&format!("{accuracy:.2}")), "{readme}");
    let page = fs::read_to_string(report["report"].as_str().unwrap()).unwrap();
    assert!(page.contains("Finalists against") && page.contains("<svg"));

    // Everything is trained: the same numbers again. Another score belongs to another folder.
    assert_eq!(confirm("--by synflow --top 2 --controls matched").stdout, first.stdout);
    let other = confirm("--by naswot --top 2");
    assert!(String::from_utf8_lossy(&other.stderr).contains("with another"), "{other:?}");
    let unknown = confirm("--by synflo --top 2");
    let stderr = String::from_utf8_lossy(&unknown.stderr);
    assert!(!unknown.status.success() && stderr.contains("did you mean `synflow`?"), "{stderr}");
    let many = confirm("--by synflow --top 100 --out elsewhere");
    assert!(String::from_utf8_lossy(&many.stderr).contains("lower --top"), "{many:?}");
}

#[test]
fn images_that_were_left_out_are_named_by_whatever_trains() {
    let dir = tempfile::tempdir().unwrap();
    let images = dir.path().join("images");
    for (class, grey) in [("dark", 40u8), ("light", 200)] {
        fs::create_dir_all(images.join(class)).unwrap();
        for n in 0..10u8 {
            let image =
                image::GrayImage::from_fn(8, 8, |x, y| image::Luma([grey.wrapping_add(n + (x * y) as u8 % 16)]));
            image.save(images.join(class).join(format!("{n}.png"))).unwrap();
        }
    }
    fs::write(images.join("dark/broken.png"), b"not a picture").unwrap();
    let data = format!("folder:{},skip-corrupt", images.display());
    let named = |output: std::process::Output| {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.success() && stderr.contains("left out 1 file that") && stderr.contains("broken.png"),
            "{stderr}"
        );
    };

    let config = dir.path().join("table.toml");
    fs::write(&config, TABLE.replace("digits", &data).replace("epochs = 3", "epochs = 1")).unwrap();
    named(make_table(&config, &dir.path().join("table"), 2).output().unwrap());

    let recipe = dir.path().join("recipe.toml");
    fs::write(&recipe, RECIPE.replace("epochs = 2", "epochs = 1")).unwrap();
    let run = dir.path().join("run");
    let screen = format!(
        "screen --sample 6 --init-channels 4 --cells 1 --image 1x8x8 --batch-size 16 --proxies synflow --data {data} --out"
    );
    named(Command::new(NASLENS).args(screen.split(' ')).arg(&run).output().unwrap());
    let confirm = Command::new(NASLENS)
        .arg("confirm")
        .arg(&run)
        .args(["--by", "synflow", "--top", "1"])
        .arg("--config")
        .arg(&recipe)
        .output();
    named(confirm.unwrap());
    let search = Command::new(NASLENS)
        .arg("search")
        .arg(&run)
        .args(["--strategy", "random", "--queries", "1"])
        .arg("--config")
        .arg(&recipe)
        .output();
    named(search.unwrap());
}
