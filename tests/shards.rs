//! Several processes that share a screen: their table is that of one process to the last bit, whoever dies, waits or comes twice.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use cli::{computed, json, naslens, rows, scores, screen, summary};
use naslens::candidates::ScoreTable;

mod cli;

const FEW: &str = "--sample 40 --proxies params,synflow,naswot@reference,log_rank";
/// Some seconds of work; files of scores are written every second.
const MANY: &str = "--sample 3000 --threads 1 --proxies params,layers,synflow,naswot,naswot@reference,grad_norm,jacov";
const CASCADE: &str = "--sample 60 --cascade synflow:0.5,naswot:5 --proxies log_rank,naswot@reference,params";

fn shard(out: &Path, args: &str, which: &str) -> Command {
    screen(out, &format!("{args} --shard {which}"))
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn succeeds(mut command: Command) -> serde_json::Value {
    json(command.arg("--json"))
}

/// The command must fail with this code and a message that has these parts.
fn fails(mut command: Command, code: i32, parts: &[&str]) {
    let output = command.output().unwrap();
    let told = text(&output);
    assert_eq!(output.status.code(), Some(code), "{command:?}: {told}");
    assert!(parts.iter().all(|part| told.contains(part)), "{parts:?}: {told}");
}

/// The scores of one process.
fn whole(args: &'static str) -> ScoreTable {
    let dir = tempfile::tempdir().unwrap();
    assert!(computed(&summary(dir.path(), args)) > 0);
    scores(dir.path())
}

fn few() -> &'static ScoreTable {
    static TABLE: OnceLock<ScoreTable> = OnceLock::new();
    TABLE.get_or_init(|| whole(FEW))
}

fn many() -> &'static ScoreTable {
    static TABLE: OnceLock<ScoreTable> = OnceLock::new();
    TABLE.get_or_init(|| whole(MANY))
}

/// The tables are equal in everything but times and threads.
fn assert_equal(table: &ScoreTable, whole: &ScoreTable) {
    assert_eq!((&table.arch, &table.arch_id, &table.arch_index), (&whole.arch, &whole.arch_id, &whole.arch_index));
    assert!(rows(table) == rows(whole));
    let description = |table: &ScoreTable| {
        let mut value = serde_json::json!(table.run);
        for key in ["scoring_seconds", "seconds_per_proxy", "threads"] {
            value.as_object_mut().unwrap().remove(key);
        }
        value
    };
    assert_eq!(description(table), description(whole));
}

fn wait_for(path: &Path) {
    let start = Instant::now();
    while !path.exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "{} does not appear", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn start(mut command: Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn ends(child: Child) {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn shards_one_after_the_other_make_the_table_of_one_process() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path();
    let mut networks = 0;
    for i in 0..4 {
        let told = succeeds(shard(out, FEW, &format!("{i}/4")));
        assert_eq!((&told["networks"], &told["failed"]), (&told["computed"], &0.into()), "{told}");
        networks += computed(&told);
        assert!(!out.join("scores.parquet").exists());
    }
    let ids: std::collections::HashSet<_> = few().arch_id.iter().collect();
    assert_eq!(
        networks as usize,
        ids.len() + few().arch.len(),
        "every network once, and every string once as specified"
    );

    let done: serde_json::Value =
        serde_json::from_slice(&fs::read(out.join("shards/03of4/done.json")).unwrap()).unwrap();
    assert_eq!((&done["shard"], &done["failed"], &done["device"]), (&"3/4".into(), &0.into(), &"cpu".into()), "{done}");
    assert_eq!((&done["keys"], &done["selection"]["architectures"]), (&done["scored"], &40.into()), "{done}");
    for key in ["naslens", "libtorch", "host"] {
        assert!(done[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {done}");
    }
    assert!(done["machine"]["processor"].is_string() && done["seconds"].as_f64().unwrap() > 0.0, "{done}");

    let again = succeeds(shard(out, FEW, "2/4"));
    assert_eq!(computed(&again), 0, "the same shard later has nothing to do");
    assert_eq!(computed(&summary(out, &format!("{FEW} --only-finish"))), 0);
    assert_equal(&scores(out), few());
    fs::remove_file(out.join("scores.parquet")).unwrap();
    assert_eq!(computed(&summary(out, FEW)), 0);
    assert_equal(&scores(out), few());
    // A division into other parts finds everything done.
    assert_eq!(computed(&succeeds(shard(out, FEW, "0/3"))), 0);
    summary(out, &format!("{FEW} --overwrite --seed 1"));
    assert!(!out.join("shards/03of4/done.json").exists(), "{:?}", cli::files(&out.join("shards/03of4")));
}

#[test]
fn what_is_missing_is_told_or_computed() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path();
    fails(screen(out, &format!("{FEW} --only-finish")), 1, &["does not hold a run", "screen.json"]);
    assert!(cli::files(out).is_empty(), "nothing is left in a folder that is refused");
    for which in ["0/4", "3/4"] {
        succeeds(shard(out, FEW, which));
    }
    let parts = ["networks of ", "not scored yet", "of shards 1, 2 of 4", "without --only-finish"];
    fails(screen(out, &format!("{FEW} --only-finish")), 75, &parts);
    // Shards of different samples are told.
    succeeds(shard(out, &FEW.replace("--sample 40", "--sample 20"), "2/4"));
    let parts = ["Shard 2 ran for other networks or scores (naslens screen --sample 20", "the same ones"];
    fails(screen(out, &format!("{FEW} --only-finish")), 75, &parts);
    assert!(!out.join("scores.parquet").exists());
    assert!(computed(&summary(out, FEW)) > 0);
    assert_equal(&scores(out), few());
}

#[test]
fn shards_side_by_side_make_the_table_of_one_process() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path();
    ["0/2", "1/2"].map(|which| start(shard(out, MANY, which))).into_iter().for_each(ends);
    assert_eq!(computed(&summary(out, MANY)), 0);
    assert_equal(&scores(out), many());
}

#[test]
fn a_folder_and_a_shard_that_are_in_use_have_a_code_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path();
    let long = "--sample 15000 --threads 1";
    let mut children = ["0/2", "1/2"].map(|which| start(shard(out, long, which)));
    ["00of2", "01of2"].iter().for_each(|name| wait_for(&out.join("shards").join(name).join(".lock")));
    fails(shard(out, long, "1/2"), 75, &["01of2 is in use by another naslens process"]);
    for args in ["", " --overwrite", " --only-finish"] {
        fails(screen(out, &format!("{long}{args}")), 75, &["in use"]);
    }
    for child in &mut children {
        assert!(child.try_wait().unwrap().is_none(), "the shards are not disturbed");
        child.kill().unwrap();
        child.wait().unwrap();
    }
    succeeds(shard(out, "--sample 5", "1/2"));
}

#[test]
fn a_killed_shard_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path();
    let mut child = start(shard(out, MANY, "1/2"));
    wait_for(&out.join("shards/01of2/000000.parquet"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!out.join("shards/01of2/done.json").exists());
    let told = succeeds(shard(out, MANY, "1/2"));
    assert!(computed(&told) > 0 && computed(&told) < told["networks"].as_u64().unwrap(), "{told}");
    succeeds(shard(out, MANY, "0/2"));
    assert_eq!(computed(&summary(out, MANY)), 0);
    assert_equal(&scores(out), many());
}

#[test]
fn a_torn_file_of_a_shard_is_set_aside_and_computed_again() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path();
    let told = succeeds(shard(out, FEW, "0/2"));
    let file = out.join("shards/00of2").join(&cli::files(&out.join("shards/00of2"))[1]);
    let content = fs::read(&file).unwrap();
    fs::write(&file, &content[..content.len() / 2]).unwrap();
    let output = shard(out, FEW, "1/2").output().unwrap();
    assert!(output.status.success() && text(&output).contains(".damaged"), "{}", text(&output));
    fails(screen(out, &format!("{FEW} --only-finish")), 75, &["of shard 0 of 2"]);
    assert_eq!(succeeds(shard(out, FEW, "0/2"))["computed"], told["computed"]);
    summary(out, &format!("{FEW} --only-finish"));
    assert_equal(&scores(out), few());
}

#[test]
fn scores_that_disagree_are_refused() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let out = dir.path();
    succeeds(shard(out, FEW, "0/2"));
    succeeds(shard(other.path(), &format!("{FEW} --class-balanced"), "0/2"));
    let folder = other.path().join("shards/00of2");
    let file = cli::files(&folder).into_iter().find(|name| name.ends_with(".parquet")).unwrap();
    fs::create_dir(out.join("shards/00of3")).unwrap();
    for name in [&file, "done.json"] {
        fs::copy(folder.join(name), out.join("shards/00of3").join(name)).unwrap();
    }
    let parts = ["has two scores by", "00of2/", "00of3/", "(from ", "find out which machine is wrong"];
    fails(shard(out, FEW, "1/2"), 78, &parts);
    fails(screen(out, FEW), 78, &parts);
    fails(naslens(&format!("cascade {} --goal synflow --by synflow", out.display())), 1, &["scores.parquet"]);
}

fn merged(folders: &[&PathBuf], out: &Path) -> Command {
    let mut command = naslens("merge");
    command.args(folders).arg("--out").arg(out);
    command
}

#[test]
fn folders_without_a_common_file_system_are_merged() {
    let dir = tempfile::tempdir().unwrap();
    let folder = |name: &str| dir.path().join(name);
    let parts = ["a", "b", "c"].map(folder);
    for (i, part) in parts.iter().enumerate() {
        succeeds(shard(part, FEW, &format!("{i}/3")));
    }
    let [a, b, c] = &parts;
    let listed = |part: &PathBuf| (cli::files(part), cli::files(&part.join("shards/00of3")));
    let before = parts.each_ref().map(listed);

    let out = folder("out");
    let go_on = format!("--out {}", out.display());
    let missing = ["of shard 1 of 3", "to go on", "naslens screen --sample 40 ", "--init-channels 4", &go_on];
    fails(merged(&[a, c], &out), 75, &missing);
    assert_eq!(computed(&succeeds(merged(&[a, b, c], &out))), 0);
    assert_equal(&scores(&out), few());
    let files = cli::files(&out.join("shards/01of3"));
    assert!(files.iter().any(|name| name.starts_with("merged-")), "{files:?}");
    succeeds(merged(&[c, b, a], &out));
    assert_eq!(cli::files(&out.join("shards/01of3")), files, "the same again changes nothing");
    assert_eq!(parts.each_ref().map(listed), before, "what is merged is not changed");
    // What was merged goes on as any folder.
    assert_eq!(computed(&succeeds(shard(&out, FEW, "1/3"))), 0);

    let other = folder("other");
    succeeds(shard(&other, &format!("{FEW} --seed 1"), "1/3"));
    let parts = ["a and ", "other differ in seed (0 and 1)", "leave one of them out"];
    fails(merged(&[a, &other], &folder("mixed")), 78, &parts);
    assert!(!folder("mixed").exists());
    fails(merged(&[&other], &out), 78, &["another seed (0 there, 1 now)"]);
    fails(merged(&[a, &out], &out), 1, &["leave it out before --out"]);
    fails(merged(&[&folder("absent")], &out), 1, &["absent does not hold a run"]);
    std::os::unix::fs::symlink(b.join("shards/01of3"), a.join("shards/02of3")).unwrap();
    fails(merged(&[a], &folder("linked")), 1, &["02of3 is a link"]);
}

#[test]
fn a_cascade_takes_a_round_of_shards_per_stage() {
    let whole = whole(CASCADE);
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path();
    let waits =
        |stage: &str, others: &str| [format!("stage {stage} of 3 waits for"), others.into(), "run it again".into()];
    let wait = |which: &str, stage: &str, others: &str| {
        let parts = waits(stage, others);
        fails(shard(out, CASCADE, which), 75, &parts.each_ref().map(String::as_str));
    };
    wait("0/3", "2", "of shards 1, 2");
    wait("0/3", "2", "of shards 1, 2");
    wait("1/3", "2", "of shard 2");
    fails(screen(out, &format!("{CASCADE} --only-finish")), 75, &["stage 1 of 3: ", "of shard 2 of 3"]);
    // The last one has everybody's scores of the first stage, and goes on to the second.
    let last = shard(out, CASCADE, "2/3").output().unwrap();
    assert!(matches!(last.status.code(), Some(0 | 75)), "{}", text(&last));
    for _ in 0..2 {
        for i in 0..3 {
            let output = shard(out, CASCADE, &format!("{i}/3")).output().unwrap();
            assert!(matches!(output.status.code(), Some(0 | 75)), "{}", text(&output));
        }
    }
    assert_eq!(computed(&summary(out, &format!("{CASCADE} --only-finish"))), 0);
    assert_equal(&scores(out), &whole);
}

#[test]
fn what_no_retry_mends_has_a_code_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path();
    succeeds(shard(out, FEW, "0/2"));
    fails(shard(out, &format!("{FEW} --seed 1"), "1/2"), 78, &["another seed (0 there, 1 now)"]);
    fails(screen(out, &format!("{FEW} --seed 1 --only-finish")), 78, &["another seed"]);
    assert!(!out.join("shards/01of2").exists());
    let note = out.join("screen.json");
    let text = fs::read_to_string(&note).unwrap();
    fs::write(&note, text.replace(env!("CARGO_PKG_VERSION"), "99.1.0")).unwrap();
    fails(shard(out, FEW, "1/2"), 78, &["99.1.0", "update naslens"]);
    fs::write(&note, text).unwrap();

    fails(shard(out, FEW, "2/2"), 2, &["there is no shard 2 of 2", "the last is 1/2"]);
    fails(shard(out, FEW, "1/2 --overwrite"), 2, &["cannot be used with"]);
    let auto = |name: &str, value: &str| {
        let mut command = shard(out, FEW, "auto/2");
        for other in ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX", "PBS_ARRAY_INDEX"] {
            command.env_remove(other);
        }
        command.env(name, value);
        command
    };
    fails(auto("X", ""), 78, &["SLURM_ARRAY_TASK_ID", "none of them is set", "--shard 0/2"]);
    fails(auto("SLURM_ARRAY_TASK_ID", "2"), 78, &["number the tasks of the array from 0 to 1"]);
    assert_eq!(succeeds(auto("JOB_COMPLETION_INDEX", "1"))["shard"], "1/2");
    summary(out, &format!("{FEW} --only-finish"));
    assert_equal(&scores(out), few());
}
