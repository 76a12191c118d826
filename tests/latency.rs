//! `naslens latency`, and limits on latency in `screen` and `search`.

mod cli;

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use cli::{error, json};
use naslens::benchmark::Table;
use naslens::hardware::{KnownLatency, LatencyModel, ModelSettings, Origin, Setting};
use naslens::network::Shape;
use naslens::proxy::Status;
use naslens::space::{self, Architecture};
use parquet::arrow::ArrowWriter;
use serde_json::Value;

const TINY: &str = "--init-channels 4 --cells 1 --image 3x8x8 --device cpu";

/// The space as published.
const PUBLISHED: &str = "nas-bench-201";

/// A model that says what `latency` says of the genes.
fn model(file: &Path, space: &str, image: Shape, origin: Origin, latency: impl Fn(&[u16]) -> f64) {
    let (spec, space) = (space.parse().unwrap(), space::open(space).unwrap());
    let known = |arch: Architecture| KnownLatency { arch: space.format(&arch), latency_ms: latency(arch.genes()) };
    let networks = (0..15_625).step_by(97).filter_map(|i| space.at(i)).map(known).collect();
    let settings = ModelSettings { space: spec, image, classes: 10, origin };
    fs::write(file, LatencyModel::fit(settings, networks).unwrap().to_json().unwrap()).unwrap();
}

fn published() -> Origin {
    Origin::Published { table: "made-up.parquet".into(), column: "ms".into() }
}

/// One millisecond, and half a millisecond for every 3x3 convolution.
fn per_convolution(genes: &[u16]) -> f64 {
    1.0 + 0.5 * genes.iter().filter(|g| **g == 3).count() as f64
}

#[test]
fn measurements_are_printed_and_written() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("ms.parquet");
    let table = json(cli::naslens(&format!("latency --sample 3 --seed 5 --runs 6 {TINY} --json --out")).arg(&out));
    let networks = table["networks"].as_array().unwrap();
    assert_eq!(networks.len(), 3);
    for n in networks {
        let number = |key: &str| n[key].as_f64().unwrap();
        assert!(0.0 < number("min_ms") && number("min_ms") <= number("p50_ms") && number("p50_ms") <= number("p95_ms"));
        assert!(number("memory_bytes") > 0.0 && number("runs") >= 3.0 && n["device_memory_bytes"].is_null());
    }
    let written = Table::open(&out).unwrap();
    assert_eq!(written.num_rows(), 3);
    let archs = written.string_column("arch").unwrap();
    let again =
        cli::naslens(&format!("latency --sample 2 --seed 5 --runs 3 {TINY} --batch 2 --no-fold")).output().unwrap();
    let text = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(text.contains("batch 2, normalisations not folded") && text.contains("Median, ms"), "{text}");
    assert!(archs[..2].iter().flatten().all(|arch| text.contains(arch)), "the same networks: {text}");

    for (args, part) in [
        ("--arch |none~0|+|none~0|none~1|+|none~0|none~1|none~2|", "is dead"),
        ("--arch nonsense", "is not an architecture of nas-bench-201"),
        ("--sample 3 --device cudaa", "unknown device"),
        ("--run nowhere", "nowhere"),
        ("", "required"),
        ("--fit --samples 5 --fresh 0", "5 networks with a latency are too few"),
    ] {
        let tiny = if args.contains("--run") { "" } else { "--init-channels 4 --cells 1 --image 3x8x8 --runs 3" };
        let message = error(cli::naslens(&format!("latency {args} {tiny}")).current_dir(dir.path()));
        assert!(message.contains(part), "{args}: {message}");
    }
}

#[test]
fn a_fit_says_how_good_it_is_and_serves_a_screen() {
    let dir = tempfile::tempdir().unwrap();
    let (file, out) = (dir.path().join("model.json"), dir.path().join("screen"));
    let args = format!("latency --fit --samples 20 --fresh 8 --runs 6 {TINY} --json --out");
    let report = json(cli::naslens(&args).arg(&file));
    let curve = report["curve"].as_array().unwrap();
    assert_eq!([&curve[0], &curve[1]].map(|p| p["samples"].as_u64().unwrap()), [10, 20]);
    assert!(curve[0]["tau"]["interval"]["low"].is_number() && curve[1]["tau"]["interval"].is_null());
    assert!(LatencyModel::read(&file).unwrap().networks().len() == 20);
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains("date") && text.contains("\"threads\": 1"), "{text}");

    let summary =
        cli::summary(&out, &format!("--sample 30 --proxies params,naswot --latency-model {}", file.display()));
    assert_eq!(summary["over_limit"], 0, "a model alone keeps nobody out");
    let table = cli::scores(&out);
    let latency = table.latency_ms.clone().unwrap();
    for (row, ms) in latency.iter().enumerate() {
        assert_eq!(ms.is_some(), table.eligible(row), "all live networks have a latency");
    }
    // Another image shape, another network.
    let message = error(
        cli::naslens("screen --sample 5 --device cpu --max-latency-ms 1 --init-channels 4 --cells 1 --latency-model")
            .args([file.as_os_str(), "--out".as_ref(), dir.path().join("other").as_os_str()]),
    );
    assert!(message.contains("images of 3x8x8") && message.contains("3x32x32"), "{message}");
}

#[test]
fn a_limit_keeps_networks_out_and_changes_no_other_score() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("model.json");
    let tiny = "nas-bench-201:channels=4,cells=1";
    model(&file, tiny, Shape::new(3, 8, 8), published(), per_convolution);
    let base = "--sample 60 --proxies params,naswot,jacov,vote";
    let limited = format!("{base} --max-latency-ms 2.2 --latency-model {}", file.display());
    let (all, fresh) = (dir.path().join("all"), dir.path().join("fresh"));
    cli::summary(&all, base);
    let whole = cli::scores(&all);
    let summary = cli::summary(&fresh, &limited);
    let over = summary["over_limit"].as_u64().unwrap();
    assert!(over > 5 && over < summary["distinct_networks"].as_u64().unwrap() - 5, "{summary}");

    let table = cli::scores(&fresh);
    let latency = table.latency_ms.clone().unwrap();
    let read = LatencyModel::read(&file).unwrap();
    let (space, task) = read.settings().open().unwrap();
    let (mut kept, mut too_slow) = (HashSet::new(), HashSet::new());
    for (row, arch) in table.arch.iter().enumerate() {
        let representative = space.representative(&space.parse(arch).unwrap());
        let network = space.build(&representative, &task).unwrap();
        let prediction = read.predict(&network);
        // BLAS has more threads in this process.
        let near = |found: Option<f64>, ms: f64| found.is_some_and(|found| (found - ms).abs() < 1e-9 * ms);
        let of = |name: &str| table.proxies.iter().find(|(n, _)| n == name).unwrap().1[row];
        if network.live().is_none() {
            assert_eq!((latency[row], of("naswot").get_status()), (None, Status::Dead));
        } else if prediction.high_ms > 2.2 {
            assert!(near(latency[row], prediction.ms));
            assert_eq!([of("naswot"), of("vote")].map(|s| s.get_status()), [Status::OverLimit; 2]);
            assert!(of("params").value().is_some(), "counting is free");
            too_slow.insert(table.arch_id[row].clone());
        } else {
            let before = whole.proxies.iter().find(|(n, _)| n == "naswot").unwrap().1[row];
            assert_eq!(of("naswot"), before);
            assert!(near(latency[row], prediction.ms));
            kept.insert(table.arch_id[row].clone());
        }
    }
    assert_eq!(too_slow.len() as u64, over);

    // Neither an earlier run without a limit nor one that comes later changes anything, and nothing is run twice.
    let resumed = cli::summary(&all, &limited);
    assert_eq!(cli::computed(&resumed), 0);
    assert_eq!((cli::rows(&cli::scores(&all)), cli::scores(&all).latency_ms), (cli::rows(&table), Some(latency)));
    let completed = cli::summary(&fresh, base);
    assert_eq!(cli::computed(&completed), over);
    assert_eq!(cli::rows(&cli::scores(&fresh)), cli::rows(&whole));

    // What a limited screen calls too slow, no later stage proposes.
    let table = accuracies(dir.path(), tiny);
    let mut search = cli::naslens("search --strategy random --queries 100 --target pct --json");
    search.arg(&all).args(["--table".as_ref(), table.as_os_str(), "--out".as_ref(), dir.path().join("s").as_os_str()]);
    let report = json(&mut search);
    assert_eq!(report["population"]["networks"].as_u64().unwrap() as usize, kept.len());
    let trials = Table::open(&dir.path().join("s/trials.parquet")).unwrap();
    assert!(trials.string_column("arch_id").unwrap().iter().flatten().all(|id| kept.contains(id)));

    let message = error(&mut cli::screen(&dir.path().join("x"), "--sample 5 --max-latency-ms nan"));
    assert!(message.contains("makes no sense"), "{message}");
    let message = error(&mut cli::screen(&dir.path().join("x"), "--sample 5 --latency-model nowhere.json"));
    assert!(message.contains("nowhere.json is not a latency model"), "{message}");
}

/// Made-up accuracies of all strings: the more 3x3 convolutions, the better.
fn accuracies(dir: &Path, space: &str) -> PathBuf {
    let space = space::open(space).unwrap();
    let archs: Vec<Architecture> = (0..15_625).filter_map(|i| space.at(i)).collect();
    let accuracy = |(i, arch): (usize, &Architecture)| 80.0 + per_convolution(arch.genes()) + 1e-5 * i as f64;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("arch", Arc::new(StringArray::from_iter_values(archs.iter().map(|a| space.format(a))))),
        ("pct", Arc::new(Float64Array::from_iter_values(archs.iter().enumerate().map(accuracy)))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let path = dir.join("accuracies.parquet");
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

/// Rows of the table at these official indices.
fn some_accuracies(dir: &Path, indices: &[u64]) -> PathBuf {
    let whole = Table::open(&accuracies(dir, PUBLISHED)).unwrap();
    let (archs, pct) = (whole.string_column("arch").unwrap(), whole.f64_column("pct").unwrap());
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("arch", Arc::new(indices.iter().map(|&i| archs[i as usize].clone()).collect::<StringArray>())),
        ("pct", Arc::new(indices.iter().map(|&i| pct[i as usize]).collect::<Float64Array>())),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let path = dir.join("some.parquet");
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

#[test]
fn a_network_that_the_model_is_wrong_about_never_wins() {
    let dir = tempfile::tempdir().unwrap();
    let space = space::open(PUBLISHED).unwrap();
    // From six skips or poolings to six 3x3 convolutions.
    let genes: Vec<Vec<u16>> =
        (0..=6).map(|n| (0..6).map(|i| if i < n { 3 } else { 1 + 3 * (i as u16 % 2) }).collect()).collect();
    let indices: Vec<u64> = genes.iter().map(|g| space.index_of(&Architecture::new(g.clone())).unwrap()).collect();
    let text = |g: &Vec<u16>| space.format(&Architecture::new(g.clone()));
    let id = space.arch_id(&Architecture::new(genes[0].clone())).to_string();
    let (fast, slow) = (text(&genes[0]), text(&genes[6]));
    let measure =
        || json(cli::naslens("latency --runs 15 --device cpu --json").args(["--arch", &fast, "--arch", &slow]));
    let quiet_ms = |measured: &Value, i: usize| measured["networks"][i]["quiet_ms"].as_f64().unwrap();
    // Six convolutions take longer than none, but a machine may be so busy that it does not show at once.
    let measured = std::iter::repeat_with(measure).take(10).find(|m| quiet_ms(m, 1) > 2.0 * quiet_ms(m, 0)).unwrap();
    let p50 = |i: usize| quiet_ms(&measured, i);
    let limit = (p50(0) * p50(1)).sqrt();

    // The model believes that all networks take next to no time.
    let file = dir.path().join("wrong.json");
    let setting = Setting::here("cpu", 1, 1, true).unwrap();
    let believed = |genes: &[u16]| 1e-3 * per_convolution(genes);
    let origin = Origin::Measured { setting, runs: 9 };
    model(&file, PUBLISHED, Shape::new(3, 32, 32), origin, believed);
    let table = some_accuracies(dir.path(), &indices);
    let search = |model: &Path, limit: f64, json: &str| {
        let args =
            format!("search --strategy random --queries 7 --target pct --space nas-bench-201 --device cpu {json}");
        let mut command = cli::naslens(&args);
        command.args(["--table".as_ref(), table.as_os_str(), "--latency-model".as_ref(), model.as_os_str()]);
        command.args(["--max-latency-ms", &limit.to_string(), "--overwrite", "--out"]).arg(dir.path().join("out"));
        command
    };
    let report = json(&mut search(&file, limit, "--json"));
    assert_eq!(report["population"]["networks"], 7, "by the model all may be trained: {report}");
    let too_slow = report["latency"]["too_slow"].as_array().unwrap();
    assert!(report["latency"]["not_measured"].is_null());
    assert_eq!(
        too_slow[0]["arch"].as_str(),
        Some(slow.as_str()),
        "the most accurate one is measured first, and is out"
    );
    assert!(too_slow.iter().all(|n| n["measured_ms"].as_f64().unwrap() > limit));
    let best = report["best"].as_array().unwrap();
    assert!(best.iter().all(|n| n["measured_ms"].as_f64().unwrap() <= limit));
    assert_eq!(best.len() + too_slow.len(), 7);
    let accuracy = |n: &Value| n["accuracy_pct"].as_f64().unwrap();
    assert!(best.windows(2).all(|pair| accuracy(&pair[0]) >= accuracy(&pair[1])), "the next best takes the place");
    assert!(best.iter().any(|n| n["arch_id"].as_str() == Some(id.as_str())));
    let output = search(&file, limit, "").output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.contains("Measured, ms") && shown.contains("Passed over"), "{shown}");

    // A limit that nothing meets: nobody wins.
    let report = json(&mut search(&file, 0.02, "--json"));
    assert!(report["best"].as_array().unwrap().is_empty() && report["regret"].is_null(), "{report}");
    assert_eq!(report["latency"]["too_slow"].as_array().unwrap().len(), 7);

    // Numbers of another machine cannot be measured again, and that is said.
    model(&file, PUBLISHED, Shape::new(3, 32, 32), published(), per_convolution);
    let report = json(&mut search(&file, 3.0, "--json"));
    let reason = report["latency"]["not_measured"].as_str().unwrap();
    assert!(reason.contains("ms in made-up.parquet"), "{reason}");
    assert!(report["population"]["infeasible"].as_u64() > Some(1), "{report}");
    assert!(report["best"][0]["measured_ms"].is_null());
    let message = error(&mut search(&file, 0.5, "--json"));
    assert!(message.contains("latency_high_ms <= 0.5") && message.contains("relax it"), "{message}");
}

#[test]
fn published_latencies_are_learned_from_few_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let space = space::open(PUBLISHED).unwrap();
    let archs: Vec<Architecture> = (0..15_625).step_by(41).filter_map(|i| space.at(i)).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("arch", Arc::new(StringArray::from_iter_values(archs.iter().map(|a| space.format(a))))),
        ("ms", Arc::new(Float64Array::from_iter_values(archs.iter().map(|a| per_convolution(a.genes()))))),
        ("none", Arc::new(Float64Array::from_iter_values(archs.iter().map(|_| 0.0)))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let table = dir.path().join("t.parquet");
    let mut writer = ArrowWriter::try_new(File::create(&table).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let file = dir.path().join("model.json");
    let fit = |args: &str| {
        let mut command = cli::naslens(&format!("latency --fit --space nas-bench-201 --draws 4 --json {args}"));
        command.args(["--table".as_ref(), table.as_os_str(), "--out".as_ref(), file.as_os_str()]);
        command
    };
    let fits = json(&mut fit("--column ms --samples 50"));
    let curve = fits[0]["curve"].as_array().unwrap();
    assert_eq!(curve.iter().map(|p| p["samples"].as_u64().unwrap()).collect::<Vec<_>>(), [10, 20, 30, 50]);
    let tau = |p: &Value| p["tau"]["mean"].as_f64().unwrap();
    assert!(tau(&curve[0]) > 0.75 && tau(&curve[3]) > 0.8, "five different latencies, so tau is not 1: {fits}");
    assert!(curve[3]["error_pct"]["mean"].as_f64().unwrap() < 2.0, "{fits}");
    let learned = LatencyModel::read(&file).unwrap();
    assert!(matches!(&learned.settings().origin, Origin::Published { column, .. } if column == "ms"));
    assert_eq!(json(&mut fit("--column ms --samples 50")), fits, "the seed decides");
    let message = error(&mut fit("--column none --samples 50"));
    assert!(message.contains("`none` has 0 positive latencies"), "{message}");
    let message = error(&mut fit("--column mss --samples 50"));
    assert!(message.contains("no column `mss`"), "{message}");
}

#[test]
fn without_a_model_one_is_fitted_once_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let screen = |out: &str| {
        let mut command =
            cli::screen(&dir.path().join(out), "--sample 10 --proxies params --max-latency-ms 1000 --json");
        let output = command.env("NASLENS_CACHE", dir.path().join("cache")).output().unwrap();
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let said = screen("a");
    assert!(said.contains("measuring 120 of them") && said.contains("latency model fitted in"), "{said}");
    assert!(said.contains("kept in") && said.contains("cache/latency-"), "{said}");
    assert!(!screen("b").contains("measuring"));
}
