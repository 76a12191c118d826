//! `naslens export`: the folder, weights that come back, and what is refused.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use cli::{NASLENS, files, naslens};
use safetensors::SafeTensors;

mod cli;

const ARCH: &str = "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|none~2|";
const FILES: [&str; 9] = [
    "README.md",
    "check.py",
    "example.safetensors",
    "model-uint8.onnx",
    "model.onnx",
    "model.py",
    "model.safetensors",
    "preprocess.py",
    "quantise.py",
];

/// A small export into the folder `out`.
fn export(out: &Path, args: &str) -> Command {
    let mut command = naslens("export --init-channels 4 --cells 1 --out");
    command.arg(out).args(args.split_whitespace());
    if !args.contains("--weights") && !args.contains("--arch") {
        command.args(["--arch", ARCH]);
    }
    if !args.contains("--weights") {
        command.args(["--image", "3x8x8", "--classes", "5"]);
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
    // Everything but the skeleton is said by the weights.
    let again = export(&out("again"), &format!("--weights {}", weights.display()));
    let text = String::from_utf8(done(again).stdout).unwrap();
    assert!(text.contains("parameters") && text.contains("check.py"), "{text}");
    for file in FILES {
        assert_eq!(fs::read(out("first").join(file)).unwrap(), fs::read(out("again").join(file)).unwrap(), "{file}");
    }
    // Nothing changes, and nothing is lost.
    done(export(&out("first"), ""));
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
        ("--weights /dev/zero", &["cannot read /dev/zero", "not a regular file"]),
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
    let with = |args: &str| export(&dir.path().join("second"), &format!("{args} --weights {}", weights.display()));
    let other = "--arch |nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|none~0|nor_conv_1x1~1|nor_conv_3x3~2|";
    refused(with(other), &["no tensor `cells_0_edge_0_2_conv.weight`", "check space, architecture"]);
    let whole = fs::read(&weights).unwrap();
    fs::write(&weights, &whole[..whole.len() - 1]).unwrap();
    refused(with(""), &["model.safetensors", "not a complete safetensors file", "copy or write it again"]);
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
    let out = dir.path().join("new/out");
    let settings = "--init-channels 4 --cells 1 --image 3x8x8";
    let script = format!("trap '' XFSZ; ulimit -f 1; exec '{NASLENS}' export {settings} --arch '{ARCH}' --out \"$0\"");
    let full = |out: &Path, more: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{script} {more}")]).arg(out);
        command
    };
    refused(full(&out, ""), &["cannot write", "model.safetensors", "nothing was changed", "free some space"]);
    assert!(!out.exists() && files(out.parent().unwrap()).is_empty());
    done(export(&out, ""));
    assert_eq!(files(&out), FILES);
    let before = FILES.map(|file| fs::read(out.join(file)).unwrap());
    refused(full(&out, "--seed 7 --overwrite"), &["cannot write", "nothing was changed"]);
    assert_eq!(files(&out), FILES);
    assert_eq!(FILES.map(|file| fs::read(out.join(file)).unwrap()), before);
}

/// Nothing that an export did not write is replaced, removed or written through.
#[test]
fn folders_of_others_are_refused_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (project, link) = (dir.path().join("project"), dir.path().join("link"));
    fs::create_dir(&project).unwrap();
    std::os::unix::fs::symlink(&project, &link).unwrap();
    refused(export(&link, ""), &["link is a link"]);
    for name in ["README.md", "model.py"] {
        fs::write(project.join(name), "mine").unwrap();
        for args in ["", "--overwrite"] {
            refused(export(&project, args), &[name, "naslens did not write it", "choose another --out"]);
        }
        assert_eq!(fs::read(project.join(name)).unwrap(), b"mine");
        fs::remove_file(project.join(name)).unwrap();
    }
    assert!(files(&project).is_empty());

    // What a killed export left; no process has so high a number.
    let left = project.join(".naslens-export-2000000000");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("model.onnx"), "half").unwrap();
    done(export(&project, ""));
    assert_eq!(files(&project), FILES);
    refused(export(&project, "--seed 1"), &["holds another export", "--overwrite"]);
    let weights = fs::read(project.join("model.safetensors")).unwrap();
    done(export(&project, "--seed 1 --overwrite"));
    assert_ne!(fs::read(project.join("model.safetensors")).unwrap(), weights);
    fs::write(project.join("mine.txt"), "mine").unwrap();
    done(export(&project, "--overwrite"));
    assert_eq!(fs::read(project.join("mine.txt")).unwrap(), b"mine");
    // A link in the place of a file.
    fs::remove_file(project.join("README.md")).unwrap();
    std::os::unix::fs::symlink(project.join("mine.txt"), project.join("README.md")).unwrap();
    refused(export(&project, "--overwrite"), &["README.md", "naslens did not write it"]);
    assert_eq!(fs::read(project.join("mine.txt")).unwrap(), b"mine");
}

/// Logits must tell the images of the example apart, or `check.py` would pass whatever the network computes.
#[test]
fn logits_of_an_untrained_network_depend_on_the_image() {
    let dir = tempfile::tempdir().unwrap();
    let fbnet = format!("--space fbnet --image 3x32x32 --classes 10 --arch {}", ["0"; 22].join("_"));
    let out = dir.path().join("fbnet");
    let mut command = naslens(&format!("export {fbnet} --out"));
    command.arg(&out);
    done(command);
    done(export(&dir.path().join("cell"), ""));
    for out in [out, dir.path().join("cell")] {
        let bytes = fs::read(out.join("example.safetensors")).unwrap();
        let example = SafeTensors::deserialize(&bytes).unwrap();
        let logits: Vec<f32> =
            example.tensor("logits").unwrap().data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        let largest = logits.iter().fold(0f32, |most, x| most.max(x.abs()));
        let classes = logits.len() / 4;
        let apart = |i: usize, j: usize| {
            let pairs = logits[i * classes..][..classes].iter().zip(&logits[j * classes..][..classes]);
            pairs.map(|(a, b)| (a - b).abs()).fold(0f32, f32::max)
        };
        for (i, j) in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)] {
            assert!(apart(i, j) > 0.01 * largest, "{i} and {j}: {} of {largest}", apart(i, j));
        }
    }
}

#[test]
fn images_get_classes_and_what_is_damaged_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let (out, images) = (dir.path().join("exported"), dir.path().join("images"));
    done(export(&out, ""));
    fs::create_dir_all(images.join("below")).unwrap();
    for (i, name) in ["a.png", "b.jpg", "below/c.png"].iter().enumerate() {
        image::RgbImage::from_fn(40, 30, |x, y| image::Rgb([(x * 6) as u8, (y * 8) as u8, 90 * i as u8]))
            .save(images.join(name))
            .unwrap();
    }
    fs::write(images.join("bad.png"), "no image").unwrap();
    fs::write(images.join("slice.dcm"), "DICM").unwrap();
    fs::write(images.join("notes.txt"), "about").unwrap();
    let predict = |what: &Path, args: &str| {
        let mut command = naslens("predict-images");
        command.arg(&out).arg(what).args(args.split_whitespace());
        command
    };
    let said = done(predict(&images, ""));
    let text = String::from_utf8(said.stdout).unwrap();
    assert!(text.lines().count() == 3 && text.contains("below/c.png"), "{text}");
    let warned = String::from_utf8(said.stderr).unwrap();
    assert!(
        warned.contains("left out 2 files") && warned.contains("bad.png") && warned.contains("dcmj2pnm"),
        "{warned}"
    );

    let json: serde_json::Value = serde_json::from_slice(&done(predict(&images, "--json")).stdout).unwrap();
    let first = &json["images"][0];
    let shares: Vec<f64> = first["probabilities"].as_array().unwrap().iter().map(|p| p.as_f64().unwrap()).collect();
    assert!(shares.len() == 5 && (shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    assert!(first["file"].as_str().unwrap().ends_with("a.png") && json["skipped"].as_array().unwrap().len() == 2);
    let csv = dir.path().join("out.csv");
    done(predict(&images, &format!("--out {}", csv.display())));
    let csv = fs::read_to_string(csv).unwrap();
    assert!(csv.starts_with("file,class,probability,p_0,p_1,p_2,p_3,p_4\n") && csv.lines().count() == 4, "{csv}");
    assert!(csv.contains(&shares[4].to_string()), "{csv}");
    let parquet = dir.path().join("out.parquet");
    done(predict(&images, &format!("--out {}", parquet.display())));
    assert!(fs::read(parquet).unwrap().starts_with(b"PAR1"));

    refused(predict(&images.join("bad.png"), ""), &["none of 1 images can be decoded", "bad.png"]);
    refused(predict(&images, "--out out.txt"), &["out.txt ends in neither .parquet nor .csv"]);
    refused(predict(&dir.path().join("nowhere.png"), ""), &["nowhere.png"]);
    fs::remove_file(out.join("model.safetensors")).unwrap();
    refused(predict(&images, ""), &["model.safetensors", "of an export"]);
}
