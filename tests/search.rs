//! `naslens search`, `compare` and `plan` on a small made-up table and on a small screen.

mod cli;

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use cli::{error, json};
use naslens::benchmark::Table;
use naslens::space;
use parquet::arrow::ArrowWriter;
use serde_json::Value;

/// Every 25th architecture of NAS-Bench-201 with a made-up accuracy, after 12 and 200 epochs, seconds of every third
/// network, and a latency that some lack.
fn table(dir: &Path) -> PathBuf {
    let space = space::open("nas-bench-201").unwrap();
    let rows: Vec<(u64, Vec<u16>)> = (0..625).map(|i| (i * 25, space.at(i * 25).unwrap().genes().to_vec())).collect();
    let worth = [-2.0, 0.0, 1.5, 3.0, 0.5];
    let accuracy = |genes: &[u16]| 80.0 + 0.7 * genes.iter().map(|&g| worth[usize::from(g)]).sum::<f64>();
    let full: Vec<f64> = rows.iter().map(|(i, genes)| accuracy(genes) + 0.01 * (i % 7) as f64).collect();
    let seconds = |genes: &[u16]| 1_000.0 + 500.0 * genes.iter().filter(|g| **g == 3).count() as f64;
    let floats = |values: Vec<Option<f64>>| Arc::new(Float64Array::from(values)) as ArrayRef;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("arch_index", Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.0 as i64)))),
        (
            "arch_str",
            Arc::new(StringArray::from_iter_values(rows.iter().map(|r| space.format(&space.at(r.0).unwrap())))),
        ),
        ("acc_200_pct", floats(full.iter().copied().map(Some).collect())),
        ("test_200_pct", floats(full.iter().map(|a| Some(a - 0.5)).collect())),
        ("acc_12_pct", floats(full.iter().zip(&rows).map(|(a, r)| Some(a - 5.0 - (r.0 % 3) as f64)).collect())),
        ("seconds", floats(rows.iter().map(|r| (r.0 % 3 == 0).then(|| seconds(&r.1))).collect())),
        ("latency_ms", floats(rows.iter().map(|r| (r.0 % 11 > 0).then_some(1.0 + (r.0 % 10) as f64)).collect())),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
    let path = dir.join("made-up.parquet");
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

fn on_table(command: &str, table: &Path, out: &Path, args: &str) -> Command {
    let mut command = cli::naslens(&format!("{command} --space nas-bench-201 --target acc_200_pct {args} --json"));
    command.arg("--table").arg(table).arg("--out").arg(out);
    command
}

#[test]
fn a_search_keeps_its_constraints_and_counts_its_costs() {
    let dir = tempfile::tempdir().unwrap();
    let (table, out) = (table(dir.path()), dir.path().join("out"));
    let args = "--final test_200_pct --short acc_12_pct=12 --cost seconds --strategy hyperband --queries 20 \
                --max params=1.0M --max latency_ms=5";
    let summary = json(&mut on_table("search", &table, &out, args));
    assert!(summary["trainings"].as_f64().unwrap() <= 20.0 && summary["trials"].as_u64().unwrap() > 20, "{summary}");
    let population = &summary["population"];
    let (networks, infeasible) = (population["networks"].as_u64().unwrap(), population["infeasible"].as_u64().unwrap());
    assert!(networks > 20 && infeasible > 50 && networks + infeasible < 625, "{population}");
    let seconds = &summary["source"]["table"]["seconds"];
    assert!(seconds["fitted"].as_u64() > Some(20) && seconds["line"]["r_squared"].as_f64() > Some(0.5), "{seconds}");
    let chosen = &summary["best"][0];
    let gap = chosen["accuracy_pct"].as_f64().unwrap() - chosen["reported_pct"].as_f64().unwrap();
    assert!((gap - 0.5).abs() < 1e-9 && chosen["epochs"] == 200);

    let trials = Table::open(&out.join("trials.parquet")).unwrap();
    let costs = |name: &str| trials.f64_column(name).unwrap().into_iter().flatten().collect::<Vec<_>>();
    assert!(costs("params").iter().all(|&p| p <= 1e6) && costs("latency_ms").iter().all(|&ms| ms <= 5.0));
    assert_eq!(costs("latency_ms").len(), trials.num_rows());
    let (trainings, spent) = (costs("trainings"), costs("seconds"));
    assert!(trainings.is_sorted() && spent.is_sorted() && trainings[0] == 0.06);
    let saved: Value = serde_json::from_slice(&fs::read(out.join("summary.json")).unwrap()).unwrap();
    assert_eq!(saved["best"], summary["best"]);

    let again = json(&mut on_table("search", &table, &out, args));
    assert_eq!(again["curve"], summary["curve"]);
    let text = cli::naslens("search --space nas-bench-201 --target acc_200_pct --strategy random --queries 5")
        .args(["--table".as_ref(), table.as_os_str(), "--out".as_ref(), out.as_os_str()])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("no --cost column") && text.contains("points below the best of the pool"), "{text}");
}

#[test]
fn what_cannot_be_searched_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let (table, out) = (table(dir.path()), dir.path().join("out"));
    for (args, part) in [
        ("--strategy random --max params=1", "the tightest is params <= 1, which 0 meet (the smallest value is"),
        ("--strategy random --max latency=1", "no score or cost is called `latency`"),
        ("--strategy random --max acc_12_pct", "there is no `=`"),
        ("--strategy randon", "did you mean `random`"),
        ("--strategy prior_only", "prior_only needs"),
        ("--strategy random --short acc_12_pct=200", "give every length once"),
        ("--strategy random --final nothing", "has no column `nothing`"),
        ("--strategy random --cost acc", "no score or cost is called `acc`"),
    ] {
        let output = on_table("search", &table, &out, args).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && message.contains(part), "{args}: {message}");
    }
    // A pool of one lacks nothing that a strategy needs: there is nothing to choose.
    let cells = Path::new(env!("CARGO_MANIFEST_DIR")).join("benchmarks-data/fashion-cells.parquet");
    let args = "search --space nas-bench-201 --target valid_acc_pct --strategy bayesian --max test_acc_pct=72.375";
    let message = error(cli::naslens(args).arg("--table").arg(cells).arg("--out").arg(&out));
    assert!(
        message.contains("one network of 1000 meets test_acc_pct <= 72.38, so there is nothing to search"),
        "{message}"
    );
    let message = error(cli::naslens("search --strategy random --table").arg(&table));
    assert!(message.contains("--target"), "{message}");
}

#[test]
fn a_comparison_does_not_depend_on_threads() {
    let dir = tempfile::tempdir().unwrap();
    let table = table(dir.path());
    let compare = |name: &str, args: &str| {
        let out = dir.path().join(name);
        let fixed = "--short acc_12_pct=12 --cost seconds --seeds 6 --queries 20 --within 2,0.1 --repeats 200";
        let mut summary = json(&mut on_table("compare", &table, &out, &format!("{fixed} {args}")));
        summary["wall_seconds"].take();
        summary["strategies"].as_array_mut().unwrap().iter_mut().for_each(|s| drop(s["overhead_seconds"].take()));
        (summary, fs::read(out.join("curves.parquet")).unwrap())
    };
    let some = "--strategies local_search,regularised_evolution,hyperband";
    let (one, curves) = compare("one", &format!("{some} --threads 1"));
    let (three, same) = compare("three", &format!("{some} --threads 3"));
    assert!(one == three && curves == same);
    let strategies = one["strategies"].as_array().unwrap();
    assert_eq!(strategies.len(), 4, "random search always takes part");
    for s in strategies {
        let median = s["by_trainings"]["median"].as_array().unwrap();
        assert!(median.len() == 20 && median.iter().flat_map(Value::as_f64).is_sorted_by(|a, b| a >= b));
        assert_eq!(s["against_random"].as_array().unwrap().len(), if s["name"] == "random" { 0 } else { 3 });
        assert_eq!(s["reach"][0]["searches"], 6);
    }
    let families = one["families"].as_array().unwrap();
    let differentiable = families.iter().find(|f| f["family"] == "differentiable").unwrap();
    assert_eq!(
        (&differentiable["available"], differentiable["strategies"].as_array().unwrap().len()),
        (&false.into(), 0)
    );

    let rows = Table::open(&dir.path().join("one/curves.parquet")).unwrap();
    let names: HashSet<_> = rows.string_column("strategy").unwrap().into_iter().flatten().collect();
    assert_eq!(names.len(), 4);
    let regrets = rows.f64_column("regret").unwrap();
    assert!(regrets[0] > Some(0.0) && regrets.iter().flatten().all(|r| *r >= 0.0));

    // All of them: those that need a score are left out of a table without a run, by name.
    let (all, _) = compare("all", "");
    assert!(all["left_out"].as_array().unwrap().iter().any(|l| l[0] == "prior_only"), "{}", all["left_out"]);
    let text =
        cli::naslens("compare --space nas-bench-201 --target acc_200_pct --seeds 2 --queries 9 --strategies nsga2")
            .args(["--table".as_ref(), table.as_os_str(), "--out".as_ref(), dir.path().join("text").as_os_str()])
            .output()
            .unwrap();
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("differentiable (not available yet)") && text.contains("Bayesian (not compared)"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 130), "{text}");
}

const RECIPE: &str = "[train]\nimage = \"1x8x8\"\nepochs = 3\n";

/// The trials in the folder but for their seconds, one line each.
fn trials(out: &Path) -> Vec<String> {
    let table = Table::open(&out.join("trials.parquet")).unwrap();
    let (arch, epochs) = (table.string_column("arch").unwrap(), table.u64_column("epochs").unwrap());
    let (valid, test) = (table.f64_column("accuracy_pct").unwrap(), table.f64_column("reported_pct").unwrap());
    (0..arch.len()).map(|i| format!("{:?} {:?} {:?} {:?}", arch[i], epochs[i], valid[i], test[i])).collect()
}

#[test]
fn a_killed_live_search_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| dir.path().join(name));
    for run in [&one, &two] {
        cli::summary(run, "--sample 60 --proxies naswot,synflow");
    }
    let config = dir.path().join("recipe.toml");
    fs::write(&config, RECIPE).unwrap();
    let search = |run: &Path, args: &str| {
        let queries = if args.contains("--queries") { "" } else { "--queries 6" };
        let mut command = cli::naslens(&format!("search {queries} --device cpu --json {args}"));
        command.arg(run).arg("--config").arg(&config);
        command
    };
    let args = "--strategy regularised_evolution --max params=8k";
    let summary = json(&mut search(&one, args));
    assert_eq!((summary["trials"].as_u64(), summary["trainings"].as_f64()), (Some(6), Some(6.0)), "{summary}");
    assert!(summary["population"]["infeasible"].as_u64() > Some(0));
    let params = Table::open(&one.join("search/regularised_evolution-0/trials.parquet")).unwrap();
    assert!(params.f64_column("params").unwrap().iter().all(|p| *p <= Some(8e3)));

    let out = two.join("search/regularised_evolution-0");
    let mut child = search(&two, args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    let recorded = || fs::read_to_string(out.join("record.json")).map_or(0, |text| text.matches("member").count());
    while recorded() < 2 {
        assert!(start.elapsed() < Duration::from_secs(60), "nothing is recorded");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!out.join("trials.parquet").exists());
    json(&mut search(&two, args));
    assert!(trials(&out) == trials(&one.join("search/regularised_evolution-0")), "the same trials");

    // A longer search goes on from a shorter one; another strategy finds trainings that were done.
    let longer = json(&mut search(&two, &format!("{args} --queries 7")));
    assert_eq!(longer["trials"], 7);
    let other = json(&mut search(&two, "--strategy random --queries 30"));
    assert!(other["source"]["training"]["reused"].as_u64() > Some(0), "{}", other["source"]);
    let message = error(&mut search(&two, "--strategy regularised_evolution --max params=50k"));
    assert!(message.contains("another constraints") && message.contains("--overwrite"), "{message}");
    let short = json(&mut search(&two, "--strategy successive_halving --short-epochs 1 --batch 2"));
    assert!(short["trials"].as_u64() > Some(6) && short["trainings"].as_f64() <= Some(6.0), "{short}");
}

#[test]
fn a_plan_spends_a_budget() {
    let plan = "plan --networks 5000 --score-seconds 0.1 --training-seconds 60 --spread 5 --json";
    let found = json(&mut cli::naslens(&format!("{plan} --hours 2")));
    let count = |name: &str| found["best"][name].as_f64().unwrap();
    assert!(count("score") * 0.1 + (count("label") + count("confirm")) * 60.0 <= 7200.0, "{found}");
    assert!(count("expected") > found["random"]["expected"].as_f64().unwrap());
    let text = cli::naslens(&format!("{plan} --seconds 7200").replace("--json", "")).output().unwrap();
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("confirm") && text.contains("assumed; measure it with naslens predict"), "{text}");
    assert!(error(&mut cli::naslens("plan --hours 1 --networks 10")).contains("--score-seconds"));
    assert!(error(&mut cli::naslens(&format!("{plan} --seconds 5"))).contains("does not pay for one training"));
    assert_eq!(cli::naslens(plan).output().unwrap().status.code(), Some(2), "a budget is needed");
}

#[test]
fn a_run_measures_what_a_plan_needs() {
    let dir = tempfile::tempdir().unwrap();
    let (config, out) = (dir.path().join("small.toml"), dir.path().join("out"));
    let screen = "[screen]\ninit_channels = 4\ncells = 1\nimage = \"1x8x8\"\nbatch_size = 16\nproxies = [\"naswot\"]\n";
    let counts = "sample = 60\nlabels = 6\ntop = 2\npredictor = \"bagged-ridge\"\n";
    fs::write(&config, format!("{counts}{screen}{RECIPE}")).unwrap();
    assert!(cli::naslens("run --device cpu").arg(&config).arg("--out").arg(&out).output().unwrap().status.success());
    let found = json(cli::naslens("plan --hours 1 --json").arg(&out));
    let config = &found["config"];
    for measured in ["networks", "score_seconds", "training_seconds", "spread"] {
        assert!(config[measured].as_f64() > Some(0.0), "{measured}: {config}");
    }
    let stopping = &found["stopping"];
    assert!(stopping["best_pct"].as_f64() > Some(20.0) && stopping["expected_improvement"].as_f64() >= Some(0.0));
    // All trained is less than an hour: everything is confirmed.
    let best = |name: &str| found["best"][name].as_u64().unwrap();
    assert_eq!(best("label") + best("confirm"), config["networks"].as_u64().unwrap(), "{found}");
}
