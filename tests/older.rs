//! Results of version 0.1.0 are still read. `tests/fixtures/0.1.0` holds a small one of every kind, as that version wrote it:
//! `nas-bench-201` with four channels and one cell on 8x8 images of digits.

mod cli;

use std::fs;
use std::path::{Path, PathBuf};

use cli::naslens;

/// A copy of the results, which pages may be written into.
fn copied(dir: &Path) -> PathBuf {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(|e| e.unwrap()) {
            let target = to.join(entry.file_name());
            match entry.path().is_dir() {
                true => copy(&entry.path(), &target),
                false => drop(fs::copy(entry.path(), target).unwrap()),
            }
        }
    }
    let to = dir.join("0.1.0");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/0.1.0"), &to);
    to
}

fn run(args: &str) -> (bool, String) {
    let output = naslens(args).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The words of a page, without its markup, and spaces made one.
fn words(page: &Path) -> String {
    let text = fs::read_to_string(page).unwrap();
    let body = &text[text.find("<body>").unwrap()..];
    let mut words = String::new();
    let mut inside = false;
    for c in body.replace("<wbr>", "").chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            c if !inside => words.push(c),
            _ => {}
        }
        if c == '>' {
            words.push(' ');
        }
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_kind_of_result_still_has_its_page() {
    let dir = tempfile::tempdir().unwrap();
    let results = copied(dir.path());
    let known = format!("--table {0}/table/table.parquet --target test_acc_pct", results.display());
    // What the page of that version said of the same files.
    let kinds: [(&str, &[&str]); 10] = [
        (
            "run",
            &[
                "2 finalists reach 77.16% test accuracy on average, 2 random controls 83.57% (−6.41 points; p = 1.000)",
                "ranks the 4 trained afterwards with Spearman",
                "uniform without replacement, 14 of 15625",
                "Better than counting parameters?",
            ],
        ),
        ("confirm", &["2 finalists reach 81.69% test accuracy", "12,158 parameters"]),
        ("table", &["60 networks reach 68.25 to 92.62% test accuracy, 87.53% in the middle."]),
        ("screen", &["60 networks with an accuracy are too few to judge proxies by", "naswot"]),
        (
            "search",
            &[
                "12 trainings of full length found a network of 90.81% accuracy, 1.81 points below the best of the pool (92.62%).",
                "Regularised (ageing) evolution",
                "11.0 k",
            ],
        ),
        ("search-live", &["3 trainings of full length found a network of 92.76% accuracy.", "trainings on digits"]),
        ("compare", &["After 8 trainings random has found most: 92.34%", "0 of 1 strategies beat random search"]),
        (
            "predict",
            &["With 20 labels knn beats params (tau 0.41 against 0.01, better in 3 of 3 repeats)", "4 scores, 93 graf"],
        ),
        ("latencies.parquet", &["5 networks take 0.203 to 0.382 ms, 0.267 ms in the middle."]),
        ("latency-model.json", &["predicted to 1.4% in the middle, and ranked with Kendall tau 0.91"]),
    ];
    for (name, facts) in kinds {
        let page = dir.path().join("page.html");
        let judged = if name == "screen" { known.as_str() } else { "" };
        let (fine, said) = run(&format!("report {} {judged} --out {}", results.join(name).display(), page.display()));
        assert!(fine, "{name}: {said}");
        let words = words(&page);
        for fact in facts {
            assert!(words.contains(fact), "{name} lacks {fact:?}: {}", &words[..words.len().min(1500)]);
        }
        fs::remove_file(page).unwrap();
    }
}
