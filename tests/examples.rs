//! The examples, run as a reader runs them.

use std::path::PathBuf;
use std::process::Command;

/// What an example prints. `cargo test` builds the examples; with `--test examples` alone, add `--examples`.
fn printed(example: &str) -> String {
    let tests = std::env::current_exe().unwrap();
    let program: PathBuf = tests.ancestors().nth(2).unwrap().join("examples").join(example);
    let output = Command::new(&program).output().unwrap_or_else(|e| panic!("{}: {e}", program.display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The number after these words.
fn number_after(text: &str, words: &str) -> f64 {
    let rest = text.split_once(words).unwrap_or_else(|| panic!("{text}")).1;
    rest.split([' ', ')', '\n']).next().unwrap().parse().unwrap()
}

#[test]
fn a_space_is_screened() {
    let text = printed("own_space");
    assert!(text.starts_with("10 networks of `chain:layers=4`, such as "), "{text}");
    let arch = text.trim().rsplit(' ').next().unwrap();
    assert_eq!(arch.split('-').filter(|c| (1..=300).contains(&c.parse::<u16>().unwrap())).count(), 4, "{text}");
}

#[test]
fn a_proxy_scores() {
    let text = printed("own_proxy");
    let score = number_after(&text, "| (");
    assert!(text.starts_with("the best of 20 by thin_depth: |") && score > 0.0, "{text}");
}

#[test]
fn a_strategy_searches() {
    let text = printed("own_strategy");
    assert!(text.starts_with("nearest_to_best after 30 trainings: "), "{text}");
    assert!((0.0..20.0).contains(&number_after(&text, "trainings: ")), "{text}");
}

#[test]
fn a_predictor_predicts() {
    let text = printed("own_predictor");
    assert!(text.starts_with("one-nearest from 50 labels: tau "), "{text}");
    assert!((0.1..1.0).contains(&number_after(&text, "tau ")), "{text}");
}
