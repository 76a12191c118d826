//! Same settings, same scores, to the last bit: whatever the threads, the order, the company and the interruptions.

use std::collections::HashSet;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use cli::{Rows, all_proxies, computed, files, rows, scores, screen, summary};
use naslens::benchmark::Table;
use naslens::candidates::RunNote;
use naslens::pipeline::{RunOptions, ScreenConfig, Selection};
use naslens::proxy::PROXIES;
use naslens::seed::Stream;

mod cli;

const SAMPLE: &str = "--sample 24";
/// A proxy of every kind, for the tests that need many networks.
const SOME: &str = "params,layers,synflow,naswot,naswot@reference,grad_norm,jacov";
const DONE: [&str; 4] = [".lock", "scores.parquet", "screen.json", "shards"];

fn fresh(args: &str) -> Rows {
    let dir = tempfile::tempdir().unwrap();
    assert!(computed(&summary(dir.path(), args)) > 0);
    rows(&scores(dir.path()))
}

/// 24 architectures scored with every proxy on one thread: what the other runs must equal.
fn reference() -> &'static Rows {
    static ROWS: OnceLock<Rows> = OnceLock::new();
    ROWS.get_or_init(|| fresh(&format!("{SAMPLE} --threads 1 --proxies {}", all_proxies())))
}

fn write_list<'a>(path: &Path, archs: impl IntoIterator<Item = &'a String>) {
    let lines: Vec<&str> = archs.into_iter().map(String::as_str).collect();
    std::fs::write(path, lines.join("\n")).unwrap();
}

#[test]
fn neither_time_nor_threads_change_a_bit() {
    assert_eq!(reference().len(), 24);
    for threads in [1, 2, 5] {
        let again = fresh(&format!("{SAMPLE} --threads {threads} --proxies {}", all_proxies()));
        assert!(&again == reference(), "{threads} threads");
    }
    let other = fresh(&format!("{SAMPLE} --seed 1 --proxies {}", all_proxies()));
    assert!(&other != reference(), "the seed must change something");
}

#[test]
fn neither_order_nor_repetition_change_a_bit() {
    let dir = tempfile::tempdir().unwrap();
    let mut archs: Vec<&String> = reference().keys().collect();
    Stream::new(7).shuffle(&mut archs);
    archs.push(archs[3]);
    archs.insert(0, archs[20]);
    let list = dir.path().join("archs.txt");
    write_list(&list, archs.iter().copied());
    let out = dir.path().join("out");
    summary(&out, &format!("--proxies {} --threads 2 --archs {}", all_proxies(), list.display()));
    let table = scores(&out);
    assert!(table.arch.iter().eq(archs.iter().copied()), "rows come in the order of the list");
    assert!(&rows(&table) == reference());
}

#[test]
fn a_proxy_alone_equals_the_proxy_in_company() {
    naslens::engine::prepare_process();
    let stop = AtomicBool::new(false);
    for proxy in &PROXIES {
        let dir = tempfile::tempdir().unwrap();
        let config = ScreenConfig {
            space: "nas-bench-201:channels=4,cells=1".parse().unwrap(),
            proxies: vec![proxy.name.into()],
            cascade: Vec::new(),
            data: "digits".parse().unwrap(),
            image: "3x8x8".parse().unwrap(),
            batch_size: 16,
            protocol: Default::default(),
            class_balanced: false,
            seed: 0,
            init: Default::default(),
            limits: Default::default(),
        };
        let options = RunOptions {
            device: "cpu",
            threads: 2,
            population: 3,
            overwrite: false,
            started: std::time::Instant::now(),
            stop: &stop,
            on_read: &|_, _| {},
            on_note: &|_| {},
        };
        let outcome =
            naslens::pipeline::screen(&config, &Selection::Sample(24), dir.path(), &options, &mut |_| {}).unwrap();
        let alone = rows(&outcome.table);
        assert_eq!(alone.len(), reference().len());
        for (arch, (counts, scores)) in reference() {
            assert_eq!(&alone[arch].0, counts, "{arch}");
            assert!(alone[arch].1.keys().all(|name| *name == proxy.name || *name == "layers"));
            assert_eq!(alone[arch].1[proxy.name], scores[proxy.name], "{} of {arch}", proxy.name);
        }
    }
}

#[test]
fn adding_to_a_folder_keeps_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let (list, out) = (dir.path().join("archs.txt"), dir.path().join("out"));
    let few = format!("--proxies synflow,jacov --archs {}", list.display());
    let all = format!("--proxies {} --archs {}", all_proxies(), list.display());
    write_list(&list, reference().keys().take(15));
    let first = computed(&summary(&out, &few));
    assert!(first > 0);
    assert_eq!(computed(&summary(&out, &few)), 0, "the same command again has nothing to do");

    let seconds = scores(&out).run.scoring_seconds.unwrap();
    write_list(&list, reference().keys());
    let more = computed(&summary(&out, &few));
    let dir_fresh = tempfile::tempdir().unwrap();
    assert_eq!(first + more, computed(&summary(dir_fresh.path(), &few)), "only new networks are run");

    summary(&out, &all);
    assert!(&rows(&scores(&out)) == reference(), "architectures, then proxies, were added");
    assert!(scores(&out).run.scoring_seconds.unwrap() > seconds, "the seconds of all runs");
    assert_eq!(computed(&summary(&out, &all)), 0);
    assert!(&rows(&scores(&out)) == reference());
    assert_eq!(files(&out), DONE);
}

/// Starts a screen and returns once it is scoring.
fn start(out: &Path, args: &str) -> Child {
    let mut command = screen(out, args);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(&out.join("shards"), Duration::from_secs(60));
    child
}

fn wait_for(path: &Path, limit: Duration) {
    let start = Instant::now();
    while !path.exists() {
        assert!(start.elapsed() < limit, "{} does not appear", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_screen_goes_on_where_it_was_interrupted_or_killed() {
    let dir = tempfile::tempdir().unwrap();
    let args = format!("--sample 3000 --threads 1 --proxies {SOME}");

    let child = start(dir.path(), &args);
    wait_for(&dir.path().join("shards/000000.parquet"), Duration::from_secs(60));
    // SAFETY: no memory is involved; the process is a child that is not waited for yet.
    unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGINT) };
    let output = child.wait_with_output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{message}");
    assert!(message.contains("run the same command again"), "{message}");
    let numbers: Vec<u64> = message.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let &[done, total] = numbers.as_slice() else { panic!("two numbers in: {message}") };
    assert!(0 < done && done < total, "{message}");
    assert_eq!(files(dir.path()), [".lock", "screen.json", "shards"]);

    // From the start of the process to the midst of scoring.
    for delay in [0, 100, 300, 600] {
        let mut child = start(dir.path(), &args);
        std::thread::sleep(Duration::from_millis(delay));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!dir.path().join("scores.parquet").exists());
    }

    let finished = summary(dir.path(), &args);
    assert_eq!(computed(&finished), total - done, "what was kept is not run again");
    assert_eq!(files(dir.path()), DONE);
    let whole = tempfile::tempdir().unwrap();
    assert_eq!(computed(&summary(whole.path(), &args.replace("--threads 1", "--threads 2"))), total);
    let (resumed, whole) = (scores(dir.path()), scores(whole.path()));
    assert_eq!(resumed.arch, whole.arch);
    assert!(rows(&resumed) == rows(&whole));
    assert_eq!(description(&resumed.run), description(&whole.run));
    assert_eq!(resumed.run.scoring_seconds, None, "nobody knows what the killed processes took");
    assert!(whole.run.scoring_seconds.is_some_and(|seconds| seconds > 0.0));
}

/// A run's description of itself without its times and threads.
fn description(run: &RunNote) -> serde_json::Value {
    let mut value = serde_json::json!(run);
    let map = value.as_object_mut().unwrap();
    for varying in ["scoring_seconds", "seconds_per_proxy", "threads"] {
        assert!(map.remove(varying).is_some(), "{varying}");
    }
    value
}

/// A screen that is killed without warning loses no more than what it did since it last wrote a shard.
#[test]
fn a_killed_screen_keeps_its_shards() {
    let dir = tempfile::tempdir().unwrap();
    // Several seconds of work; the first shard is written after one.
    let args = format!("--sample 3000 --threads 1 --proxies {SOME}");
    let mut child = start(dir.path(), &args);
    let shard = dir.path().join("shards/000000.parquet");
    wait_for(&shard, Duration::from_secs(60));
    child.kill().unwrap();
    child.wait().unwrap();
    let kept: HashSet<_> = Table::open(&shard).unwrap().string_column("key").unwrap().into_iter().collect();
    assert!(!kept.is_empty());
    let finished = summary(dir.path(), &args);
    // One run per distinct network, and one per architecture for the proxies that look at dead operations.
    let total = finished["distinct_networks"].as_u64().unwrap() + finished["architectures"].as_u64().unwrap();
    assert_eq!(computed(&finished), total - kept.len() as u64, "what was kept is not run again");
    let killed = scores(dir.path());
    let list = dir.path().join("some.txt");
    write_list(&list, &killed.arch[..40]);
    let known = fresh(&format!("--archs {} --proxies {SOME}", list.display()));
    let killed = rows(&killed);
    assert!(known.iter().all(|(arch, row)| killed[arch] == *row));
}
