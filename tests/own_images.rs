//! `naslens run` on folders of images that somebody brings, as somebody would.

mod cli;

use std::fs;
use std::path::Path;
use std::process::Output;

use cli::naslens;
use image::{GrayImage, Luma};
use naslens::seed::Stream;

/// Chest-like images of `side` pixels: a bright body, two dark lungs, and, for the second class, bright spots in them.
fn xrays(folder: &Path, per_class: [usize; 2], side: u32) {
    let mut stream = Stream::named(7, "xrays");
    for (class, count) in ["healthy", "spots"].into_iter().zip(per_class) {
        fs::create_dir_all(folder.join(class)).unwrap();
        for n in 0..count {
            let spots: Vec<[f64; 2]> = (0..4)
                .map(|i| {
                    [if i % 2 == 0 { -0.22 } else { 0.22 }, 0.0].map(|middle| middle + 0.1 * (stream.uniform() - 0.5))
                })
                .collect();
            let light = 0.9 + 0.2 * stream.uniform();
            let image = GrayImage::from_fn(side, side, |x, y| {
                let [x, y] = [x, y].map(|v| f64::from(v) / f64::from(side) - 0.5);
                let lung = |middle: f64| ((x - middle) / 0.16).powi(2) + (y / 0.34).powi(2) < 1.0;
                let mut value = if lung(-0.22) || lung(0.22) { 60.0 } else { 170.0 };
                if class == "spots" {
                    let near = |s: &[f64; 2]| (-((x - s[0]).powi(2) + (y - s[1]).powi(2)) / 0.002).exp();
                    value += 90.0 * spots.iter().map(near).sum::<f64>();
                }
                Luma([(light * value + 20.0 * (stream.uniform() - 0.5)).clamp(0.0, 255.0) as u8])
            });
            image.save(folder.join(class).join(format!("{n:03}.png"))).unwrap();
        }
    }
}

fn run(dir: &Path, args: &str) -> Output {
    naslens(&format!("run {args} --device cpu --threads 2")).current_dir(dir).output().unwrap()
}

fn summary(output: &Output) -> serde_json::Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn verdict(summary: &serde_json::Value) -> String {
    let sentences = summary["verdict"].as_array().unwrap().iter();
    sentences.filter_map(|s| s.as_str()).collect::<Vec<_>>().join(" ")
}

const SMALL: &str = "--space nas-bench-201:channels=4,cells=1 --image 1x16x16 --sample 30 --labels 5 --top 2 --json";

#[test]
fn a_winner_is_judged_next_to_what_needs_no_search() {
    let dir = tempfile::tempdir().unwrap();
    xrays(&dir.path().join("xrays"), [40, 40], 24);
    let output = run(dir.path(), &format!("--data folder:xrays --steps 100 --learning-rate 0.2 {SMALL}"));
    let found = summary(&output);
    let said = verdict(&found);
    assert!(said.starts_with("The network to take"), "{said}");
    assert!(said.contains("of 80 images in 5-fold cross-validation") && said.contains("95% interval"), "{said}");
    let assessment = &found["winner"]["assessment"];
    let names: Vec<_> =
        assessment["baselines"].as_array().unwrap().iter().map(|b| b["name"].as_str().unwrap()).collect();
    assert!(
        names[0].starts_with("a ResNet-8")
            && names[1..] == ["ridge regression on the pixels", "naming the most frequent class"]
    );
    assert_eq!(assessment["class_names"], serde_json::json!(["healthy", "spots"]));
    assert!(assessment["test"]["auroc"].as_f64().unwrap() >= 0.5, "{assessment}");
    let page = fs::read_to_string(dir.path().join("runs/xrays/report.html")).unwrap();
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("the page lacks {text}"));
    // The network comes first, then its classes, then what researchers look for.
    let order = ["<h2>The network to take", "class by class", "Finalists against random controls", "What to do next"];
    assert!(order.map(place).is_sorted(), "{:?}", order.map(place));
    let readme = fs::read_to_string(dir.path().join("runs/xrays/winner/README.md")).unwrap();
    let pct = assessment["test"]["accuracy_pct"][0].as_f64().unwrap();
    assert!(readme.contains(&format!("{pct:.2}")), "{readme}");
}

#[test]
fn networks_that_have_not_learned_are_not_judged() {
    let dir = tempfile::tempdir().unwrap();
    xrays(&dir.path().join("xrays"), [30, 30], 20);
    let output = run(dir.path(), &format!("--data folder:xrays --epochs 1 --learning-rate 1e-6 {SMALL}"));
    let said = verdict(&summary(&output));
    assert!(said.starts_with("These networks have not learned yet") && said.contains("--epochs 4"), "{said}");
    assert!(!said.contains("helped") && !said.contains("proxies") && !said.contains("surrogate"), "{said}");
}

#[test]
fn noise_of_which_one_class_is_frequent_teaches_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut stream = Stream::named(3, "noise");
    for (class, count) in [("healthy", 95), ("ill", 15)] {
        let folder = dir.path().join("noise").join(class);
        fs::create_dir_all(&folder).unwrap();
        for n in 0..count {
            let image = GrayImage::from_fn(16, 16, |_, _| Luma([stream.below(256) as u8]));
            image.save(folder.join(format!("{n:03}.png"))).unwrap();
        }
    }
    let output = run(dir.path(), &format!("--data folder:noise --steps 100 {SMALL}"));
    let found = summary(&output);
    let said = verdict(&found);
    let honest = said.contains("nothing shows that anything was learnt") || said.contains("have not learned yet");
    assert!(honest, "{said}");
}

#[test]
fn init_writes_what_run_reads() {
    let dir = tempfile::tempdir().unwrap();
    xrays(&dir.path().join("xrays"), [20, 20], 20);
    let init = naslens("init --data folder:xrays").current_dir(&dir).output().unwrap();
    assert!(init.status.success(), "{init:?}");
    let text = String::from_utf8(init.stdout).unwrap();
    assert!(text.contains("# Networks to score") && text.contains("steps = 800"), "{text}");
    let setting = |line: &&str| line.contains(" = ") && !line.starts_with('#');
    let commented = text.lines().zip(text.lines().skip(1)).filter(|(a, b)| a.starts_with('#') && setting(b)).count();
    assert_eq!(commented, text.lines().filter(setting).count(), "a setting has no comment:\n{text}");
    fs::write(dir.path().join("mine.toml"), text).unwrap();
    let found = summary(&run(dir.path(), &format!("mine.toml --steps 20 {SMALL}")));
    assert!(found["report"].as_str().unwrap().starts_with("runs/mine"), "{found}");
}

#[test]
fn a_budget_decides_and_is_refused_if_too_small() {
    let dir = tempfile::tempdir().unwrap();
    xrays(&dir.path().join("xrays"), [20, 20], 20);
    let small = "--data folder:xrays --space nas-bench-201:channels=4,cells=1 --image 1x8x8 --json";
    // On a busy machine the first may be too small: what is measured decides, which is the point.
    let within = |budget: &str| run(dir.path(), &format!("{small} --budget {budget} --folds 0 --out kept-{budget}"));
    let enough = ["20s", "1m", "3m"].into_iter().map(|budget| (budget, within(budget)));
    let (budget, first) = enough.into_iter().find(|(_, output)| output.status.success()).unwrap();
    let found = summary(&first);
    assert!(verdict(&found).contains("test images"), "{found}");
    let decided: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(dir.path().join(format!("kept-{budget}/budget.json"))).unwrap())
            .unwrap();
    assert!(decided["top"].as_u64() >= Some(2) && decided["steps"].as_u64() >= Some(400), "{decided}");
    let again = summary(&within(budget));
    assert_eq!(again["verdict"], found["verdict"], "the same command trains nothing");
    let refused = run(dir.path(), &format!("{small} --budget 1s"));
    let message = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && message.contains("the budget is enough for"), "{message}");
    let wrong = run(dir.path(), &format!("{small} --budget 20"));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("write it as 90s, 20m or 1h30m"));
    let both = run(dir.path(), &format!("{small} --budget 1m --steps 20"));
    assert!(String::from_utf8_lossy(&both.stderr).contains("cannot be used with"), "{both:?}");
}
