//! What belongs to whom.

use std::fs;
use std::os::unix::fs::symlink;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    seed: u64,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    train: Train,
}

#[derive(Default, Serialize, Deserialize)]
struct Train {
    epochs: usize,
}

impl Settings for Config {
    const FREE: &'static [&'static str] = &["names"];
}

const ID: &str = "0123456789abcdef0123456789abcdef";

fn config(seed: u64) -> Config {
    Config { seed, names: vec![seed.to_string()], train: Train { epochs: 3 } }
}

fn made(images: &str) -> Made {
    Made::here(tch::Device::Cpu, images.into())
}

fn open(
    dir: &Path,
    kind: &'static Kind,
    config: &Config,
    images: &str,
    overwrite: bool,
) -> Result<Folder, FolderError> {
    Folder::open(dir, kind, config, &made(images), overwrite, 0)
}

fn refused(result: Result<Folder, FolderError>, parts: &[&str]) {
    let message = result.expect_err("it must be refused").to_string();
    assert!(parts.iter().all(|part| message.contains(part)), "{message}");
}

#[test]
fn a_folder_belongs_to_its_settings_and_images() {
    for kind in [&SCREEN, &RUN] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        open(path, kind, &config(1), "a", false).unwrap();
        open(path, kind, &Config { names: vec![], ..config(1) }, "a", false).unwrap();
        refused(open(path, kind, &config(2), "a", false), &["another seed (1 there, 2 now)", "--overwrite"]);
        let longer = Config { train: Train { epochs: 4 }, ..config(1) };
        refused(open(path, kind, &longer, "a", false), &["another train.epochs (3 there, 4 now)"]);
        refused(open(path, kind, &config(1), "b", false), &["another set of images", "a there, b now"]);
        open(path, kind, &config(2), "b", true).unwrap();
        refused(open(path, kind, &config(1), "b", false), &["another seed (2 there, 1 now)"]);
    }
}

#[test]
fn a_toml_note_is_a_configuration() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path(), &RUN, &config(7), "a", false).unwrap();
    let text = fs::read_to_string(dir.path().join("run.toml")).unwrap();
    assert!(text.contains("libtorch = "), "{text}");
    assert_eq!(read_settings::<Config>(&text).unwrap().seed, 7);
}

/// As 0.1.0 wrote them: a screen's note is JSON with the kind of device, a run's the configuration alone.
#[test]
fn notes_of_version_0_1_0_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let json = json!({ "seed": 1, "train": { "epochs": 3 }, "device": "cpu" });
    fs::write(dir.path().join("screen.json"), json.to_string()).unwrap();
    fs::write(dir.path().join("run.toml"), to_toml(&config(1)).unwrap()).unwrap();
    for kind in [&SCREEN, &RUN] {
        open(dir.path(), kind, &config(1), "a", false).unwrap();
        refused(open(dir.path(), kind, &config(1), "b", false), &["images"]);
    }
    let json = json!({ "seed": 1, "train": { "epochs": 3 }, "device": "cuda" });
    fs::write(dir.path().join("screen.json"), json.to_string()).unwrap();
    refused(open(dir.path(), &SCREEN, &config(1), "a", false), &["another device (cuda there, cpu now)"]);
}

#[test]
fn newer_and_damaged_notes_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path(), &SCREEN, &config(1), "a", false).unwrap();
    let note = dir.path().join("screen.json");
    let text = fs::read_to_string(&note).unwrap();
    fs::write(&note, text.replace(env!("CARGO_PKG_VERSION"), "99.1.0")).unwrap();
    refused(open(dir.path(), &SCREEN, &config(1), "a", false), &["screen.json", "99.1.0", "update naslens"]);
    fs::write(&note, &text[..20]).unwrap();
    refused(open(dir.path(), &SCREEN, &config(1), "a", false), &["screen.json is damaged", "--overwrite"]);
    open(dir.path(), &SCREEN, &config(1), "a", true).unwrap();
}

#[test]
fn files_of_others_stay_and_are_refused_where_they_are_in_the_way() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    fs::create_dir_all(path.join("trained")).unwrap();
    let theirs = ["notes.txt", "trained/mine.pt", "x.tmp-mine", "x.tmp-12", "trained/best.json"];
    theirs.iter().for_each(|name| fs::write(path.join(name), "mine").unwrap());
    open(path, &RUN, &config(1), "a", false).unwrap();
    open(path, &RUN, &config(2), "a", true).unwrap();
    assert!(theirs.iter().all(|name| fs::read(path.join(name)).unwrap() == b"mine"));

    let shard = format!("trained/{ID}-0.json");
    for name in ["report.html", "predictions.parquet", "report.json", shard.as_str()] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "{\"mine\": 1}").unwrap();
        for overwrite in [false, true] {
            let last = name.rsplit('/').next().unwrap();
            refused(open(dir.path(), &RUN, &config(1), "a", overwrite), &[last, "in the way"]);
        }
        assert_eq!(fs::read(&file).unwrap(), b"{\"mine\": 1}");
        assert!(!dir.path().join(files::LOCK).exists(), "nothing is left in a folder that is refused");
    }
}

/// A configuration that the user keeps where results go is not a note.
#[test]
fn a_configuration_of_the_user_is_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("run.toml");
    fs::write(&file, "# mine\nseed = 1\n").unwrap();
    refused(open(dir.path(), &RUN, &config(2), "a", true), &["run.toml is in the way"]);
    assert_eq!(fs::read(&file).unwrap(), b"# mine\nseed = 1\n");
}

#[test]
fn overwriting_discards_what_naslens_wrote_and_only_that() {
    let dir = tempfile::tempdir().unwrap();
    let folder = open(dir.path(), &TABLE, &config(1), "a", false).unwrap();
    let trained = folder.subfolder(TRAINED).unwrap();
    drop(folder);
    let (own, checkpoint) = (trained.join(format!("{ID}-0.json")), trained.join(format!("{ID}-12.safetensors")));
    let theirs = trained.join(format!("{ID}-0.json.bak"));
    [&own, &checkpoint, &theirs].iter().for_each(|path| fs::write(path, "x").unwrap());
    open(dir.path(), &TABLE, &config(1), "a", false).unwrap();
    assert!(own.exists() && checkpoint.exists());
    open(dir.path(), &TABLE, &config(1), "a", true).unwrap();
    assert!(!own.exists() && !checkpoint.exists() && theirs.exists());
}

#[test]
fn torn_results_are_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path(), &SCREEN, &config(1), "a", false).unwrap();
    let scores = dir.path().join("scores.parquet");
    for number in 1..3 {
        fs::write(&scores, format!("PAR1 {number}")).unwrap();
        open(dir.path(), &SCREEN, &config(1), "a", false).unwrap();
        assert!(!scores.exists());
    }
    let aside = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
    assert_eq!(["scores.parquet.damaged", "scores.parquet.damaged-2"].map(aside), ["PAR1 1", "PAR1 2"]);
}

#[test]
fn results_of_unknown_settings_are_not_mixed_with_others() {
    let dir = tempfile::tempdir().unwrap();
    let trained = dir.path().join("trained");
    fs::create_dir(&trained).unwrap();
    let own = trained.join(format!("{ID}-0.json"));
    fs::write(&own, "{\"curve\": [], \"test_accuracy_pct\": 90.0, \"seconds\": 1.0}").unwrap();
    refused(open(dir.path(), &TABLE, &config(1), "a", false), &["-0.json without table.toml", "--overwrite"]);
    assert!(own.exists());
    open(dir.path(), &TABLE, &config(1), "a", true).unwrap();
    assert!(!own.exists());
}

#[test]
fn links_inside_are_refused_by_name() {
    for (kind, name) in [(&RUN, "trained"), (&RUN, "winner"), (&SCREEN, "shards"), (&SCREEN, "screen.json")] {
        let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let precious = elsewhere.path().join(format!("{ID}-0.json"));
        fs::write(&precious, "x").unwrap();
        symlink(elsewhere.path(), dir.path().join(name)).unwrap();
        for overwrite in [false, true] {
            refused(open(dir.path(), kind, &config(1), "a", overwrite), &[name, "is a link"]);
        }
        assert!(precious.exists());
    }
    let dir = tempfile::tempdir().unwrap();
    let (real, link) = (dir.path().join("real"), dir.path().join("link"));
    fs::create_dir(&real).unwrap();
    symlink(&real, &link).unwrap();
    open(&link, &RUN, &config(1), "a", false).expect("the folder itself is the user's choice");
}

#[test]
fn results_that_are_computed_afresh_replace_only_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let summary = dir.path().join("summary.json");
    fs::write(&summary, "{\"naslens\": \"0.1.0\"}").unwrap();
    Folder::results(dir.path(), &COMPARISON, 0).unwrap();
    fs::write(&summary, "{\"mine\": 1}").unwrap();
    refused(Folder::results(dir.path(), &COMPARISON, 0), &["summary.json is in the way"]);
}

fn together(dir: &Path, config: &Config, images: &str) -> Result<Folder, FolderError> {
    Folder::open_together(dir, &SCREEN, config, &made(images), 0)
}

#[test]
fn several_processes_share_a_folder_of_the_settings_that_came_first() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    let first = together(path, &config(1), "a").unwrap();
    let second = together(path, &config(1), "a").unwrap();
    refused(together(path, &config(2), "a"), &["another seed (1 there, 2 now)"]);
    refused(together(path, &config(1), "b"), &["another set of images"]);
    refused(open(path, &SCREEN, &config(1), "a", true), &["in use"]);
    let part = first.part("shards/00of2").unwrap();
    assert_eq!(part.path(), path.join("shards/00of2"));
    refused(second.part("shards/00of2"), &["00of2 is in use"]);
    second.part("shards/01of2").unwrap();
    drop((first, second));
    let alone = open(path, &SCREEN, &config(1), "a", false).unwrap();
    refused(together(path, &config(1), "a"), &["in use"]);
    drop(alone);
    symlink(path.join("shards/00of2"), path.join("shards/02of2")).unwrap();
    refused(together(path, &config(1), "a").unwrap().part("shards/02of2"), &["02of2 is a link"]);
}

#[test]
fn many_processes_that_begin_at_once_agree_on_one_note() {
    let dir = tempfile::tempdir().unwrap();
    let opened: Vec<bool> = std::thread::scope(|scope| {
        let begin = |seed: u64| together(dir.path(), &config(seed), "a").is_ok();
        let all: Vec<_> = (0..16).map(|i| scope.spawn(move || begin(i % 2))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let note: serde_json::Value = serde_json::from_slice(&fs::read(dir.path().join("screen.json")).unwrap()).unwrap();
    let first = note["seed"].as_u64().unwrap();
    assert!(opened.iter().zip(0..).all(|(ok, i)| *ok == (i % 2 == first)), "{first}: {opened:?}");
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_folder_is_reopened_for_its_settings_on_any_device() {
    let dir = tempfile::tempdir().unwrap();
    let reopen = |config: &Config, images: &str| Folder::reopen(dir.path(), &SCREEN, config, &made(images), 0);
    refused(reopen(&config(1), "a"), &["does not hold a run", "screen.json"]);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    let on_gpu = Made { device: "cuda".into(), precision: "tf32".into(), ..made("a") };
    drop(Folder::open(dir.path(), &SCREEN, &config(1), &on_gpu, false, 0).unwrap());
    refused(open(dir.path(), &SCREEN, &config(1), "a", false), &["another precision"]);
    reopen(&config(1), "a").unwrap();
    refused(reopen(&config(1), "b"), &["another set of images"]);
    refused(reopen(&config(2), "a"), &["another seed"]);
}

#[test]
fn folders_are_put_together_if_they_belong_together() {
    let dir = tempfile::tempdir().unwrap();
    let folder = |name: &str| dir.path().join(name);
    for (name, seed, images) in [("a", 1, "x"), ("b", 1, "x"), ("seed", 2, "x"), ("images", 1, "y")] {
        open(&folder(name), &SCREEN, &config(seed), images, false).unwrap();
    }
    let put = |sources: &[&str], out: &str| {
        let sources: Vec<PathBuf> = sources.iter().map(|name| folder(name)).collect();
        Folder::open_for::<Config>(&folder(out), &SCREEN, &sources, 0)
    };
    put(&["a", "b"], "out").unwrap();
    put(&["a", "b"], "out").unwrap();
    open(&folder("out"), &SCREEN, &config(1), "x", false).unwrap();
    refused(put(&["a", "seed"], "new"), &["a and ", "seed differ in seed (1 and 2)"]);
    refused(put(&["a", "images"], "new"), &["differ in set of images (by their hash) (x and y)"]);
    refused(put(&["seed"], "out"), &["another seed (1 there, 2 now)"]);
    refused(put(&["a", "absent"], "new"), &["absent does not hold a run"]);
    assert!(!folder("new").exists());
}

#[test]
fn overwriting_discards_what_shards_wrote_and_only_that() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path(), &SCREEN, &config(1), "a", false).unwrap());
    let shards = dir.path().join("shards");
    let merged = format!("merged-{ID}.parquet");
    let own = ["000001.parquet", "03of16/000000.parquet", "03of16/done.json", &format!("03of16/{merged}"), &merged];
    let theirs = ["done.json", "03of16/notes.txt", "mine/000000.parquet", "03of16/deeper/000000.parquet"];
    for name in own.iter().chain(&theirs) {
        let path = shards.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    open(dir.path(), &SCREEN, &config(1), "a", true).unwrap();
    assert!(own.iter().all(|name| !shards.join(name).exists()));
    assert!(theirs.iter().all(|name| shards.join(name).exists()));
}
