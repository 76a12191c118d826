//! `naslens score` on the ONNX files that `tests/golden/onnx_models.py` wrote.

mod cli;

use std::fs;
use std::path::{Path, PathBuf};

use cli::naslens;
use naslens::benchmark::Table;
use serde_json::Value;

fn model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/onnx").join(name)
}

fn score(args: &str, models: &[PathBuf]) -> Result<Value, String> {
    let output = naslens(&format!("score --device cpu --json {args}")).args(models).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(serde_json::from_slice(&output.stdout).unwrap()) } else { Err(message) }
}

#[test]
fn both_exporters_give_one_network_and_scores_say_what_they_cannot() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("scores.parquet");
    let models = ["shuffle_legacy.onnx", "shuffle_dynamo.onnx", "squeezeexcitation_legacy.onnx"].map(model);
    let args = format!("--proxies params,naswot,synflow,jacov --out {}", out.display());
    let table = score(&args, &models).unwrap();
    let rows = table["models"].as_array().unwrap();
    let value = |row: usize, proxy: &str| {
        let scores = rows[row]["scores"].as_array().unwrap();
        scores.iter().find(|score| score["proxy"] == proxy).unwrap().clone()
    };
    // Parameters as PyTorch counts them; the newer exporter has folded a batch normalisation.
    assert_eq!([0, 1, 2].map(|row| rows[row]["params"].as_u64().unwrap()), [457, 453, 241]);
    assert_eq!(rows[0]["macs"], rows[1]["macs"]);
    assert_eq!(rows[0]["data"], "gaussian:classes=5", "the model tells fewer classes apart than there are digits");
    let lacking = value(2, "synflow");
    assert_eq!((lacking["status"].as_str(), lacking["value"].is_null()), (Some("unsupported"), true));
    assert!(lacking["reason"].as_str().unwrap().contains("not linear"), "{lacking}");
    assert_eq!(value(0, "jacov")["status"], "ok");

    let written = Table::open(&out).unwrap();
    assert_eq!(written.num_rows(), 3);
    assert_eq!(written.f64_column("jacov").unwrap()[0], value(0, "jacov")["value"].as_f64());
    assert_eq!(
        score(&args, &models).unwrap()["models"][0]["scores"],
        rows[0]["scores"],
        "the same seed, the same numbers"
    );
}

#[test]
fn files_that_give_no_network_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let whole = fs::read(model("shuffle_legacy.onnx")).unwrap();
    let half = dir.path().join("half.onnx");
    fs::write(&half, &whole[..whole.len() / 2]).unwrap();
    let text = dir.path().join("text.onnx");
    fs::write(&text, "no model").unwrap();
    for file in [half, text, dir.path().join("missing.onnx")] {
        let message = score("", std::slice::from_ref(&file)).unwrap_err();
        assert!(message.starts_with("error: ") && message.contains(&file.display().to_string()), "{message}");
    }
    let mine = dir.path().join("mine.parquet");
    fs::write(&mine, "kept").unwrap();
    let message = score(&format!("--out {}", mine.display()), &[model("shuffle_legacy.onnx")]).unwrap_err();
    assert!(message.contains("naslens did not write it"), "{message}");
    assert_eq!(fs::read(&mine).unwrap(), b"kept");
    let message = score("--data digits", &[model("shuffle_legacy.onnx")]).unwrap_err();
    assert!(message.contains("5 classes") && message.contains("choose other --data"), "{message}");
    let message = score("--image 3x99x99", &[model("shuffle_legacy.onnx")]).unwrap_err();
    assert!(message.contains("3x99x99"), "{message}");
}
