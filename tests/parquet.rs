//! What the command gives to other programs: the columns of `scores.parquet`, JSON, and text without surprises.

use std::fs::File;
use std::path::Path;
use std::process::{Output, Stdio};

use arrow::array::Array;
use arrow::array::cast::AsArray;
use arrow::datatypes::{DataType, Schema};
use arrow::datatypes::{Float64Type, Int64Type};
use cli::{all_proxies, naslens, screen, summary};
use naslens::proxy::{PROXIES, Status};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use serde_json::Value;

mod cli;

const SUBCOMMANDS: [&str; 6] = ["screen", "evaluate", "cascade", "run", "list", "doctor"];
const LISTS: [&str; 4] = ["spaces", "proxies", "data", "predictors"];

fn succeeds(args: &str) -> Output {
    let output = naslens(args).output().unwrap();
    assert!(output.status.success(), "{args}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn json(args: &str) -> Value {
    serde_json::from_slice(&succeeds(args).stdout).unwrap()
}

fn path(dir: &Path) -> String {
    dir.to_str().unwrap().to_string()
}

#[test]
fn scores_have_the_documented_columns() {
    let dir = tempfile::tempdir().unwrap();
    summary(dir.path(), &format!("--sample 60 --proxies {}", all_proxies()));
    let file = File::open(dir.path().join("scores.parquet")).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let compressions: Vec<_> = builder.metadata().row_group(0).columns().iter().map(|c| c.compression()).collect();
    assert!(compressions.iter().all(|c| matches!(c, Compression::ZSTD(_))), "{compressions:?}");

    let mut expected: Vec<(String, DataType, bool)> = vec![
        ("arch".into(), DataType::Utf8, false),
        ("arch_id".into(), DataType::Utf8, false),
        ("arch_index".into(), DataType::Int64, true),
        ("params".into(), DataType::Int64, false),
        ("macs".into(), DataType::Int64, false),
    ];
    for proxy in &PROXIES {
        if proxy.name != "params" {
            expected.push((proxy.name.into(), DataType::Float64, true));
        }
        expected.push((format!("{}_status", proxy.name), DataType::Utf8, false));
    }
    let of_schema = |schema: &Schema| -> Vec<(String, DataType, bool)> {
        schema.fields().iter().map(|f| (f.name().clone(), f.data_type().clone(), f.is_nullable())).collect()
    };
    assert_eq!(of_schema(builder.schema()), expected);

    let batches: Vec<_> = builder.build().unwrap().map(Result::unwrap).collect();
    let batch = arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap();
    assert_eq!(batch.num_rows(), 60);
    let column = |name: &str| batch.column_by_name(name).unwrap();
    let ids: Vec<&str> = column("arch_id").as_string::<i32>().iter().flatten().collect();
    assert!(ids.iter().all(|id| id.len() == 32 && u128::from_str_radix(id, 16).is_ok()), "{ids:?}");
    let indices = column("arch_index").as_primitive::<Int64Type>();
    assert!(indices.values().iter().all(|i| (0..15_625).contains(i)));
    let mut dead = 0;
    for proxy in &PROXIES {
        let statuses = column(&format!("{}_status", proxy.name)).as_string::<i32>();
        let statuses: Vec<Status> = statuses.iter().map(|s| s.unwrap().parse().unwrap()).collect();
        dead += statuses.iter().filter(|s| **s == Status::Dead).count();
        if proxy.name != "params" {
            let values = column(proxy.name).as_primitive::<Float64Type>();
            let explained = |(v, s): (Option<f64>, &Status)| v.is_some_and(f64::is_finite) == (*s == Status::Ok);
            assert!(values.iter().zip(&statuses).all(explained), "{}", proxy.name);
            // Sixteen small images leave nothing to tell apart for a proxy that counts patterns.
            let saturated = statuses.contains(&Status::Saturated);
            assert!(values.null_count() < 60 || saturated, "{} has no score at all", proxy.name);
        }
    }
    assert!(dead > 0, "the sample has disconnected networks");
}

#[test]
fn metadata_describes_the_run() {
    let dir = tempfile::tempdir().unwrap();
    summary(dir.path(), "--sample 5 --seed 3 --proxies synflow,naswot --threads 2");
    let metadata = serde_json::json!(cli::scores(dir.path()).run);
    let config = &metadata["config"];
    assert_eq!(config["space"], "nas-bench-201");
    assert_eq!((&config["init_channels"], &config["cells"]), (&4.into(), &1.into()));
    assert_eq!((&config["data"], &config["image"]), (&"digits".into(), &"3x8x8".into()));
    assert_eq!((&config["batch_size"], &config["class_balanced"]), (&16.into(), &false.into()));
    assert_eq!((&config["seed"], &metadata["seed"]), (&3.into(), &3.into()));
    assert_eq!(metadata["naslens"], env!("CARGO_PKG_VERSION"));
    assert_eq!(metadata["libtorch"], naslens::LIBTORCH_VERSION);
    assert_eq!(metadata["sampler"], "uniform without replacement, 5 of 15625 nas-bench-201 strings, seed 3");
    assert_eq!((&metadata["device"], &metadata["threads"]), (&"cpu".into(), &2.into()));
    assert_eq!(metadata["architectures"], 5);
    for proxy in ["synflow", "naswot"] {
        assert!(metadata["protocols"][proxy].as_str().is_some_and(|p| p.len() > 10), "{metadata}");
        assert!(metadata["seconds_per_proxy"][proxy].is_number(), "{metadata}");
    }
}

#[test]
fn json_outputs_parse() {
    let dir = tempfile::tempdir().unwrap();
    let screened = summary(dir.path(), "--sample 12 --proxies synflow,params");
    for key in ["architectures", "distinct_networks", "computed", "seconds"] {
        assert!(screened[key].is_number(), "{key}: {screened}");
    }
    let table = dir.path().join("scores.parquet");
    assert_eq!(Path::new(screened["path"].as_str().unwrap()), table);
    let args = format!("evaluate {} --table {} --target macs --repeats 50 --json", path(dir.path()), path(&table));
    let evaluated = json(&args);
    assert_eq!(evaluated["n_joined"], 12);
    let names: Vec<&str> = evaluated["rows"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"synflow") && names.contains(&"params"), "{names:?}");
    for kind in LISTS {
        let list = json(&format!("list {kind} --json"));
        let list = list.as_array().unwrap();
        assert!(!list.is_empty(), "{kind}");
        assert!(list.iter().all(|item| item["name"].is_string() && item["title"].is_string()), "{kind}");
    }
    let checks = naslens("doctor --json").output().unwrap();
    let checks: Value = serde_json::from_slice(&checks.stdout).unwrap();
    assert!(checks.as_array().unwrap().iter().all(|check| check["ok"].is_boolean()));
}

#[test]
fn help_and_lists_are_there() {
    for command in [""].iter().chain(&SUBCOMMANDS) {
        let help = String::from_utf8(succeeds(&format!("{command} --help")).stdout).unwrap();
        assert!(help.contains("Usage: naslens"), "{command}: {help}");
        assert!(!command.is_empty() || SUBCOMMANDS.iter().all(|c| help.contains(c)), "{help}");
    }
    let version = String::from_utf8(succeeds("--version").stdout).unwrap();
    assert_eq!(version.trim(), concat!("naslens ", env!("CARGO_PKG_VERSION")));
    for kind in LISTS {
        let short = String::from_utf8(succeeds(&format!("list {kind}")).stdout).unwrap();
        let long = String::from_utf8(succeeds(&format!("list {kind} --long")).stdout).unwrap();
        assert!(!short.is_empty() && long.lines().count() > short.lines().count(), "{kind}");
    }
}

#[test]
fn only_a_terminal_without_no_color_gets_colours() {
    let escapes = |args: &str, variables: &[(&str, &str)]| {
        let output = naslens(args).envs(variables.iter().copied()).output().unwrap();
        assert!(!output.stdout.is_empty() || !output.stderr.is_empty(), "{args}");
        output.stdout.contains(&0x1b) || output.stderr.contains(&0x1b)
    };
    let wrong = "screen --sample 0 --out /nowhere/at/all";
    for args in ["list proxies --long", "doctor", wrong] {
        assert!(!escapes(args, &[]), "{args}: not a terminal");
        assert!(!escapes(args, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]), "{args}: NO_COLOR");
        assert!(escapes(args, &[("CLICOLOR_FORCE", "1")]), "{args}: this is how a terminal would be served");
    }
}

/// As in `naslens list proxies | head -1`, with a reader that is gone before the first line.
#[test]
fn a_closed_pipe_ends_quietly() {
    let dir = tempfile::tempdir().unwrap();
    summary(dir.path(), "--sample 12");
    let run = path(dir.path());
    let evaluate = format!("evaluate {run} --table {run}/scores.parquet --target macs --repeats 10");
    let mut commands: Vec<_> =
        ["list proxies", "list proxies --json", "list data --long", "doctor", "screen --help", &evaluate]
            .into_iter()
            .map(naslens)
            .collect();
    commands.push(screen(dir.path(), "--sample 12"));
    for mut command in commands {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && stderr.is_empty(), "{command:?}: {:?} {stderr}", output.status);
    }
}

#[test]
fn doctor_finds_everything() {
    let output = cli::naslens("doctor --json").output().unwrap();
    let checks: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success(), "{checks:#}");
    assert!(checks.as_array().unwrap().iter().any(|c| c["name"] == "matrix products"));
}
