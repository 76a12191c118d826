//! `naslens report` on small results of every kind, made here.

mod cli;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use cli::{naslens, scores, summary};
use naslens::benchmark::Table;
use parquet::arrow::ArrowWriter;

/// Runs a command that must succeed; what it prints.
fn succeeds(args: &str) -> String {
    let output = naslens(args).output().unwrap();
    assert!(output.status.success(), "{args}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that must fail; what it says.
fn fails(args: &str) -> String {
    let output = naslens(args).output().unwrap();
    assert!(!output.status.success(), "{args}");
    String::from_utf8(output.stderr).unwrap()
}

/// A table with an accuracy, and an hour of training, for every network of a screen: larger networks are better, but for a few.
fn table(screen: &Path, path: &Path) {
    let scores = scores(screen);
    let accuracy = |i: usize| 60.0 + (scores.params[i] as f64).ln() + ((i * 7919) % 97) as f64 / 40.0;
    let rows = 0..scores.arch.len();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("arch", Arc::new(StringArray::from(scores.arch.clone()))),
        ("arch_id", Arc::new(StringArray::from(scores.arch_id.clone()))),
        ("test_acc_pct", Arc::new(Float64Array::from_iter_values(rows.map(accuracy)))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn has_sections(page: &Path, ids: &[&str]) -> String {
    let text = fs::read_to_string(page).unwrap();
    for id in ids {
        assert!(text.contains(&format!("<section id=\"{id}\">")), "{} lacks {id}", page.display());
    }
    assert!(!text.contains("NaN") && !text.contains("http://") && !text.contains("https://"));
    text
}

/// Two screens of the same networks, and a table with their accuracies.
fn two_screens(dir: &Path) -> (PathBuf, PathBuf, PathBuf) {
    let (one, two) = (dir.join("runs/data=digits/seed=0"), dir.join("runs/data=digits/seed=1"));
    let args = "--sample 60 --proxies params,naswot,synflow,layers";
    summary(&one, args);
    let archs = dir.join("archs.txt");
    fs::write(&archs, scores(&one).arch.join("\n")).unwrap();
    summary(&two, &format!("--archs {} --proxies params,naswot,synflow,layers --seed 1", archs.display()));
    let table_file = dir.join("truth.parquet");
    table(&one, &table_file);
    (one, two, table_file)
}

#[test]
fn screens_are_shown_alone_and_side_by_side() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two, truth) = two_screens(dir.path());
    let known = format!("--table {} --target test_acc_pct", truth.display());

    let said = succeeds(&format!("report {}", one.display()));
    assert!(said.starts_with("screen: ") && said.contains("report.html"), "{said}");
    let plain = has_sections(&one.join("report.html"), &["correlations", "scores", "best", "top", "reproduce"]);
    assert!(plain.contains("name --table and --target") && !plain.contains("<section id=\"proxies\">"));

    succeeds(&format!("report {} {known}", one.display()));
    let ids = ["worth", "proxies", "scatter", "correlations", "preferences", "best", "scores"];
    let judged = has_sections(&one.join("report.html"), &ids);
    assert!(judged.contains("naswot") && judged.contains("size baseline"));

    let (page, long) = (dir.path().join("both.html"), dir.path().join("both.parquet"));
    let runs = dir.path().join("runs");
    let both = format!("report {} {known} --compare --out {}", runs.display(), page.display());
    let json: serde_json::Value =
        serde_json::from_str(&succeeds(&format!("{both} --parquet {} --json", long.display()))).unwrap();
    has_sections(&page, &["settings", "by-run", "agreement", "best"]);
    assert_eq!(json["runs"], serde_json::json!(["seed=0", "seed=1"]));
    let differing: Vec<&str> =
        json["settings"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert!(differing.contains(&"seed") && !differing.contains(&"space"), "{differing:?}");
    // Counts do not depend on the seed; over so many networks other proxies agree well, but not fully.
    let agreement = json["agreement"].as_array().unwrap();
    let of = |proxy: &str| agreement.iter().find(|a| a["proxy"] == proxy).unwrap()["spearman"].as_f64().unwrap();
    assert_eq!(of("layers"), 1.0);
    assert!(of("naswot") > 0.5, "{}", of("naswot"));
    let table = Table::open(&long).unwrap();
    assert_eq!(table.column_names()[..4], ["run", "other_run", "what", "proxy"]);
    // Per run, four proxies and flops by two correlations; between the runs, four by two.
    assert_eq!(table.num_rows(), 2 * 5 * 2 + 4 * 2);

    // Without --compare every run gets a page of its own.
    fs::remove_file(one.join("report.html")).unwrap();
    succeeds(&format!("report {}", runs.display()));
    assert!(one.join("report.html").is_file() && two.join("report.html").is_file());
}

#[test]
fn searches_comparisons_and_predictions_have_pages() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("screen");
    summary(&run, "--sample 80 --proxies params,naswot");
    let truth = dir.path().join("truth.parquet");
    table(&run, &truth);
    let known = format!("{} --table {} --target test_acc_pct", run.display(), truth.display());
    let at = |name: &str| dir.path().join("found").join(name);

    for (strategy, seed) in [("random", 0), ("random", 1), ("regularised_evolution", 0)] {
        let out = at(&format!("{strategy}-{seed}"));
        succeeds(&format!("search {known} --strategy {strategy} --seed {seed} --queries 12 --out {}", out.display()));
    }
    let known_to_report = format!("--table {} --target test_acc_pct", truth.display());
    let one = at("regularised_evolution-0");
    succeeds(&format!("report {} {known_to_report}", one.display()));
    let page = has_sections(&one.join("report.html"), &["search", "found", "front"]);
    assert!(page.contains("200 searches simulated") && page.contains("12 trainings of full length found a network"));
    assert!(page.contains("Accuracy against parameters"));

    let page = dir.path().join("searches.html");
    succeeds(&format!("report {} --compare --out {}", dir.path().join("found").display(), page.display()));
    let text = has_sections(&page, &["settings", "search", "best"]);
    assert!(text.contains("the one among these searches"), "random search is what others are compared with");

    let compared = dir.path().join("compared");
    succeeds(&format!(
        "compare {known} --strategies random,local_search --seeds 3 --queries 10 --out {}",
        compared.display()
    ));
    succeeds(&format!("report {}", compared.display()));
    let text = has_sections(&compared.join("report.html"), &["search", "tests", "reach"]);
    assert!(text.contains("of 1 strategies beat random search") && text.contains("local_search"));

    let predicted = dir.path().join("predicted");
    succeeds(&format!("predict {known} --predictors knn --labels 10,20 --repeats 2 --out {}", predicted.display()));
    succeeds(&format!("report {}", predicted.join("curves.json").display()));
    has_sections(&predicted.join("report.html"), &["learning", "contestants"]);

    // What a newer version wrote is refused.
    let file = compared.join("summary.json");
    let text = fs::read_to_string(&file).unwrap();
    let version = format!("\"naslens\": \"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(text.contains(&version), "the summary names its version");
    fs::write(&file, text.replace(&version, "\"naslens\": \"9.0.0\"")).unwrap();
    assert!(fails(&format!("report {}", compared.display())).contains("was written by naslens 9.0.0"));
}

#[test]
fn latencies_and_runs_have_pages() {
    let dir = tempfile::tempdir().unwrap();
    let small = "--init-channels 4 --cells 1 --image 1x8x8 --device cpu";
    let measured = dir.path().join("latencies.parquet");
    succeeds(&format!("latency {small} --sample 5 --runs 3 --out {}", measured.display()));
    succeeds(&format!("report {}", measured.display()));
    has_sections(&measured.with_extension("html"), &["front", "networks"]);
    let model = dir.path().join("model.json");
    succeeds(&format!("latency {small} --fit --samples 12 --fresh 0 --runs 3 --out {}", model.display()));
    succeeds(&format!("report {}", model.display()));
    has_sections(&model.with_extension("html"), &["model"]);

    let config = dir.path().join("run.toml");
    let text = "sample = 14\nlabels = 6\ntop = 1\npredictor = \"knn\"\n[screen]\ndata = \"digits\"\nimage = \"1x8x8\"\n\
                init_channels = 4\ncells = 1\nproxies = [\"synflow\"]\n[train]\nimage = \"1x8x8\"\nepochs = 1\n";
    fs::write(&config, text).unwrap();
    let out = dir.path().join("run");
    succeeds(&format!("run {} --out {} --device cpu --json", config.display(), out.display()));
    let written = fs::read_to_string(out.join("report.html")).unwrap();
    let again = dir.path().join("again.html");
    succeeds(&format!("report {} --out {}", out.display(), again.display()));
    assert_eq!(fs::read_to_string(again).unwrap(), written, "the page of a run is made again as it was");
}

#[test]
fn mistakes_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().display();
    assert!(fails(&format!("report {path}/nowhere")).contains("there is nothing at"));
    assert!(fails(&format!("report {path}")).contains("is nothing that naslens wrote"));
    let run = dir.path().join("screen");
    summary(&run, "--sample 4 --proxies params");
    assert!(fails(&format!("report {} --compare", run.display())).contains("--compare needs two runs or more"));
    let two = format!("report {0} {0} --out {path}/x.html", run.display());
    assert!(fails(&two).contains("--out names one page"));
    assert!(fails(&format!("report {} --table t.parquet", run.display())).contains("--target"));
    let missing = format!("report {} --table {path}/t.parquet --target x", run.display());
    assert!(fails(&missing).contains("there is no file"));
}
