//! `naslens bench` runs whole screens and other programs, and says what they took.

use cli::{SMALL, naslens};

mod cli;

#[test]
fn measures_every_section_beside_a_baseline() {
    // Ignores its arguments and claims 10 ms of wall-clock and 20 ms of CPU time per network.
    let baseline = r#"echo '{"networks": 3, "seconds": 0.03, "cpu_seconds": 0.06}' #"#;
    let mut command = naslens(&format!("bench {SMALL} --networks 3 --rounds 1 --counts 3,6 --threads 2 --json"));
    let output = command.arg("--baseline").arg(baseline).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let bench: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<&str> = bench["sections"].as_array().unwrap().iter().map(|s| s[0].as_str().unwrap()).collect();
    assert_eq!(names, ["count", "proxies", "threads", "batch", "cells"]);
    let lines = |section: usize| bench["sections"][section][1].as_array().unwrap().as_slice();
    assert!((0..5).flat_map(lines).flat_map(|l| l["wall_ms"].as_array().unwrap()).all(|ms| ms.as_f64().unwrap() > 0.0));
    assert_eq!(lines(0).iter().map(|l| l["architectures"].as_u64().unwrap()).collect::<Vec<_>>(), [3, 6]);
    assert_eq!(lines(1).len(), 8, "four sets, each by naslens and by the baseline");
    let [own, other] = &lines(1)[..2] else { panic!("two lines") };
    assert_eq!((own["by"].as_str(), other["by"].as_str()), (Some("naslens"), Some(baseline)));
    assert_eq!(own["networks"], 3);
    let value = |line: &serde_json::Value, name: &str| line[name][0].as_f64().unwrap();
    assert!((value(other, "wall_ms") - 10.0).abs() < 1e-9 && (value(other, "cpu_ms") - 20.0).abs() < 1e-9);
    let ratio = other["wall_ratio"].as_f64().unwrap();
    assert!((ratio * value(own, "wall_ms") - 10.0).abs() < 1e-6, "{ratio}");
    assert!(own["share_of_floor"].as_f64().unwrap() > 0.0 && lines(0)[0]["share_of_floor"].is_null());
}

#[test]
fn a_baseline_that_fails_is_named() {
    for (baseline, reason) in [("echo 3 #", "seconds"), ("false", "exit status: 1")] {
        let args = format!("bench {SMALL} --networks 1 --rounds 1 --sections proxies --set synflow");
        let output = naslens(&args).arg("--baseline").arg(baseline).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        let told = stderr.lines().find(|line| line.starts_with("error:")).unwrap_or_default();
        assert!(!output.status.success() && told.contains(baseline) && told.contains(reason), "{stderr}");
    }
}

#[test]
fn a_set_may_be_an_ensemble_and_unknown_names_are_refused_at_once() {
    let run = |set: &str| {
        let args = format!("bench {SMALL} --networks 2 --rounds 1 --sections proxies --threads 1 --json --set {set}");
        naslens(&args).output().unwrap()
    };
    let output = run("naslens");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let bench: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(bench["sections"][0][1][0]["what"], "naslens");
    let peak = &bench["peaks"]["1"];
    assert!(["products", "convolutions"].iter().all(|name| peak[name].as_f64().unwrap() > 0.0), "{bench}");
    let refused = run("naslens,nawsot");
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && stderr.contains("naswot") && !stderr.contains("warming up"), "{stderr}");
}
