//! `naslens export`: the folder, weights that come back, and what is refused.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use cli::{NASLENS, files, naslens};
use safetensors::SafeTensors;

mod cli;

const ARCH: &str = "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|none~2|";
const FILES: [&str; 6] =
    ["README.md", "check.py", "example.safetensors", "model.onnx", "model.py", "model.safetensors"];

/// A small export into the folder `out`.
fn export(out: &Path, args: &str) -> Command {
    let mut command = naslens("export --init-channels 4 --cells 1 --image 3x8x8 --classes 5 --out");
    command.arg(out).args(args.split_whitespace());
    if !args.contains("--arch") {
        command.args(["--arch", ARCH]);
    }
    command
}

fn done(mut command: Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn refused(mut command: Command, parts: &[&str]) {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(1 | 2)) && stderr.starts_with("error: "), "{command:?}: {stderr}");
    parts.iter().for_each(|part| assert!(stderr.contains(part), "no `{part}` in {stderr}"));
}

#[test]
fn weights_come_back_and_seeds_differ() {
    let dir = tempfile::tempdir().unwrap();
    let out = |name: &str| dir.path().join(name);
    let output = done(export(&out("first"), "--json"));
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["files"].as_array().unwrap().len(), FILES.len());
    assert_eq!(files(&out("first")), FILES);
    let weights = out("first").join("model.safetensors");
    let mut again = export(&out("again"), "");
    again.arg("--weights").arg(&weights);
    let text = String::from_utf8(done(again).stdout).unwrap();
    assert!(text.contains("parameters") && text.contains("check.py"), "{text}");
    for file in FILES {
        assert_eq!(fs::read(out("first").join(file)).unwrap(), fs::read(out("again").join(file)).unwrap(), "{file}");
    }
    done(export(&out("other"), "--seed 1"));
    assert_ne!(fs::read(&weights).unwrap(), fs::read(out("other").join("model.safetensors")).unwrap());

    let bytes = fs::read(&weights).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let facts: serde_json::Value = serde_json::from_str(&header.metadata().as_ref().unwrap()["naslens"]).unwrap();
    assert_eq!((facts["arch"].as_str(), facts["image"].as_str()), (Some(ARCH), Some("3x8x8")));
    assert_eq!(facts["params"], summary["params"].to_string());
    let example = fs::read(out("first").join("example.safetensors")).unwrap();
    assert_eq!(SafeTensors::deserialize(&example).unwrap().tensor("logits").unwrap().shape(), [4, 5]);
}

#[test]
fn mistakes_name_the_remedy_and_leave_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let dead = "--arch |none~0|+|none~0|none~1|+|none~0|none~1|none~2|";
    let cases: &[(&str, &[&str])] = &[
        (dead, &["dead network", "choose another architecture"]),
        ("--arch |nor_conv_3x3~0|", &["1 nodes", "An example: |"]),
        ("--arch x --space nas-bench-20", &["did you mean `nas-bench-201`"]),
        ("--weights /nowhere/model.safetensors", &["cannot read /nowhere/model.safetensors", "of an export"]),
    ];
    for (args, parts) in cases {
        refused(export(&out, args), parts);
        assert!(!out.exists(), "{args} made the output folder");
    }
    let cases: &[(&str, &[&str])] = &[
        ("--image 0x8x8", &["0x8x8", "within 1..=4096"]),
        ("--image 3x8x99999", &["3x8x99999", "within 1..=4096"]),
        ("--classes 0", &["0 classes", "there must be a class"]),
        // Refused at once: nothing is drawn.
        ("--classes 999999999999", &["MB of weights", "an ONNX file holds 2130 MB at most", "fewer channels"]),
    ];
    for (args, parts) in cases {
        refused(naslens(&format!("export --space nats-size --arch 8:8:8:8:8 --out /nowhere {args}")), parts);
    }

    done(export(&out, ""));
    let weights = out.join("model.safetensors");
    let with = |args: &str| {
        let mut command = export(&dir.path().join("second"), args);
        command.arg("--weights").arg(&weights);
        command
    };
    let other = "--arch |nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|none~0|nor_conv_1x1~1|nor_conv_3x3~2|";
    refused(with(other), &["no tensor `cells_0_edge_0_2_conv.weight`", "check space, architecture"]);
    let whole = fs::read(&weights).unwrap();
    fs::write(&weights, &whole[..whole.len() - 1]).unwrap();
    refused(with(""), &["model.safetensors", "no complete safetensors file", "copy or write it again"]);
    assert!(!dir.path().join("second").exists());
}

#[test]
fn folders_and_disks_that_refuse() {
    let dir = tempfile::tempdir().unwrap();
    let plain = dir.path().join("plain");
    fs::write(&plain, "kept").unwrap();
    for out in [plain.clone(), plain.join("below"), "/proc/naslens".into()] {
        refused(export(&out, ""), &["cannot write to the folder", &out.display().to_string(), "choose another --out"]);
    }
    assert_eq!(fs::read(&plain).unwrap(), b"kept");

    // A limit on the size of files stands in for a full disk.
    let out = dir.path().join("out");
    let settings = "--init-channels 4 --cells 1 --image 3x8x8";
    let script = format!("trap '' XFSZ; ulimit -f 1; exec '{NASLENS}' export {settings} --arch '{ARCH}' --out \"$0\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).arg(&out);
    refused(command, &["cannot write", "model.safetensors", "free some space"]);
    assert!(files(&out).is_empty(), "{:?}", files(&out));
    done(export(&out, ""));
    assert_eq!(files(&out), FILES);
}
