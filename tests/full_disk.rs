//! Every command that writes, while the disk is full: an error that names the file and the remedy, nothing half-written, and the
//! same command goes on once there is space. A limit on the size of files stands in for the disk: writes fail in the middle.
#![cfg(unix)]

mod cli;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use cli::{NASLENS, SMALL, summary};
use naslens::benchmark::Table;

const RECIPE: &str = "init_channels = 4\ncells = 1\nimage = \"1x8x8\"\nbatch_size = 16\n";

/// `naslens` in the folder `dir`, its files limited to 512 or 1,024 bytes, by the shell's block.
fn run(dir: &Path, args: &str, full: bool) -> Output {
    let limit = if full { "trap '' XFSZ; ulimit -f 1; " } else { "" };
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{limit}exec '{NASLENS}' {args}")]);
    command.current_dir(dir).env("NASLENS_CACHE", env!("CARGO_TARGET_TMPDIR")).output().unwrap()
}

/// All files below a folder that are not whole: those that are written under another name first.
fn unfinished(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let mut left: Vec<String> = files.iter().map(|path| name(path)).filter(|name| name.contains("tmp")).collect();
    folders.iter().for_each(|folder| left.extend(unfinished(folder)));
    left
}

#[test]
fn every_command_that_writes() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/benchmarks-data/fashion-cells.parquet");
    let train = "[train]\nimage = \"1x8x8\"\nepochs = 1\n";
    fs::write(dir.join("recipe.toml"), train).unwrap();
    fs::write(
        dir.join("table.toml"),
        format!("space = \"nas-bench-201\"\ninit_channels = 4\ncells = 1\ndata = \"digits\"\n{train}"),
    )
    .unwrap();
    let screened = "[screen]\nspace = \"nas-bench-201\"\nproxies = [\"params\", \"naswot\"]\n";
    let whole = format!("sample = 30\nlabels = 6\ntop = 2\n{screened}{RECIPE}{train}");
    fs::write(dir.join("run.toml"), whole).unwrap();
    let rows: String =
        (0..5).map(|i| format!("|{}~0|+|none~0|none~1|+|none~0|none~1|none~2|,0.{i}\n", NAMES[i])).collect();
    fs::write(dir.join("mine.csv"), format!("cell,acc\n{rows}")).unwrap();
    let archs = Table::open(Path::new(table)).unwrap().string_column("arch").unwrap();
    fs::write(dir.join("archs.txt"), archs.into_iter().take(60).map(|arch| arch.unwrap() + "\n").collect::<String>())
        .unwrap();
    let listed = format!("--archs {} --proxies params,naswot", dir.join("archs.txt").display());
    summary(&dir.join("screen"), &listed);

    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/onnx/shuffle_legacy.onnx");
    let truth = format!("--table {table} --target test_acc_pct --epochs 4");
    let commands = [
        ("screen", format!("screen {SMALL} --sample 40 --out screen2")),
        (
            "predict",
            format!(
                "predict screen --labels-from {table} --target test_acc_pct --predictors bagged-ridge --out predict"
            ),
        ),
        ("search", format!("search screen {truth} --strategy random --queries 20 --out search")),
        ("compare", format!("compare screen {truth} --strategies random --seeds 2 --queries 10 --out compare")),
        ("confirm", "confirm screen --by naswot --top 2 --config recipe.toml --device cpu --out confirm".into()),
        ("make-table", "make-table table.toml --networks 3 --device cpu --out table".into()),
        ("run", "run run.toml --device cpu --out run".into()),
        (
            "import",
            "import mine.csv --wide mine.parquet --set space=nas-bench-201 --set dataset=mine --map arch=cell \
          --map 'accuracy_pct[split=test,epochs=5]=acc*100'"
                .into(),
        ),
        ("report", "report screen --out page.html".into()),
        (
            "latency",
            "latency --sample 8 --runs 3 --init-channels 4 --cells 1 --image 1x8x8 --out latency.parquet".into(),
        ),
        ("man", "man --dir man".into()),
        ("score", format!("score {model} --proxies params,jacov --device cpu --out models.parquet")),
    ];
    for (name, args) in commands {
        let before = cli::files(dir);
        let output = run(dir, &args, true);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}: {message}");
        assert!(message.contains("error: ") && message.contains("cannot write"), "{name}: {message}");
        assert!(message.contains("free some space"), "{name} says what to do: {message}");
        assert!(!message.contains("panicked"), "{name}: {message}");
        assert_eq!(unfinished(dir), Vec::<String>::new(), "{name}");
        let new: Vec<String> = cli::files(dir).into_iter().filter(|file| !before.contains(file)).collect();
        assert!(new.iter().all(|file| dir.join(file).is_dir()), "{name} left {new:?}");
        let output = run(dir, &args, false);
        assert!(output.status.success(), "{name}, with space again: {}", String::from_utf8_lossy(&output.stderr));
    }
}

const NAMES: [&str; 5] = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"];
