//! Folders on the real command: files of the user stand afterwards, targets of links are untouched, and what was killed or
//! damaged goes on.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use cli::{naslens, rows, scores, screen, summary};

mod cli;

const RUN: &str = "sample = 30\nlabels = 5\ntop = 1\nencodings = []\npredictor = \"elastic-net\"\n[screen]\ninit_channels = 4\n\
                   cells = 1\nimage = \"1x8x8\"\nbatch_size = 16\nproxies = [\"params\", \"layers\"]\n[train]\nimage = \"1x8x8\"\n\
                   epochs = 1\nlimit = [40, 20, 20]\n";
const TABLE: &str = "space = \"nas-bench-201\"\ninit_channels = 4\ncells = 1\ndata = \"digits\"\nrepeats = 1\n[train]\n\
                     image = \"1x8x8\"\nepochs = 1\nlimit = [40, 20, 20]\n";

fn file(path: impl Into<PathBuf>, content: &str) -> PathBuf {
    let path = path.into();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn succeeds(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", text(&output));
    output
}

/// The command must fail with one message that has these parts.
fn refused(command: &mut Command, parts: &[&str]) {
    let output = command.output().unwrap();
    let told = text(&output);
    assert!(matches!(output.status.code(), Some(1 | 78)), "{command:?}: {told}");
    assert!(told.starts_with("error: ") && parts.iter().all(|part| told.contains(part)), "{parts:?}: {told}");
}

fn command(name: &str, config: &Path, more: &str, out: &Path) -> Command {
    let mut command = naslens(name);
    command.arg(config).args(more.split_whitespace()).args(["--device", "cpu", "--threads", "1", "--out"]).arg(out);
    command
}

#[test]
fn files_of_the_user_stand() {
    let dir = tempfile::tempdir().unwrap();
    let (run, table) = (file(dir.path().join("r.toml"), RUN), file(dir.path().join("t.toml"), TABLE));
    let out = dir.path().join("out");
    let theirs = ["trained/mine.pt", "shards/notes.txt", "x.tmp-mine", "scores.tmp-12x", "winner/mine.txt"];
    let theirs = theirs.map(|name| file(out.join(name), "mine"));
    let stand = |out: &Path| {
        assert!(theirs.iter().all(|path| fs::read(path).unwrap() == b"mine"), "{:?}", cli::files(out));
    };
    succeeds(&mut command("run", &run, "", &out));
    stand(&out);
    succeeds(&mut command("run", &run, "--overwrite", &out));
    stand(&out);
    let confirm = format!("confirm {} --top 1 --by params --config {} --device cpu", out.display(), run.display());
    let mine = file(out.join("confirm/trained/mine.pt"), "mine");
    succeeds(&mut naslens(&confirm));
    assert!(mine.exists());
    let other = dir.path().join("table");
    let mine = file(other.join("trained/mine.pt"), "mine");
    succeeds(&mut command("make-table", &table, "--networks 1", &other));
    assert!(mine.exists());
}

#[test]
fn names_that_are_taken_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (run, table) = (file(dir.path().join("r.toml"), RUN), file(dir.path().join("t.toml"), TABLE));
    let taken = [
        ("run", &run, "", "report.html"),
        ("run", &run, "", "winner/model.py"),
        ("run", &run, "", "scores.parquet"),
        ("run", &run, "--overwrite", "shards/000000.parquet"),
        ("make-table", &table, "--networks 1", "table.parquet"),
        ("make-table", &table, "--networks 1 --overwrite", "curves.parquet"),
    ];
    for (name, config, more, there) in taken {
        let out = tempfile::tempdir().unwrap();
        let mine = file(out.path().join(there), "mine");
        refused(&mut command(name, config, more, out.path()), &[there, "in the way"]);
        assert_eq!(fs::read(&mine).unwrap(), b"mine", "{name} {there}");
    }
}

#[test]
fn pages_replace_only_pages() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    summary(&run, "--sample 12 --proxies params,layers");
    let report = |out: &Path| {
        let mut command = naslens("report");
        command.arg(&run).arg("--out").arg(out);
        command
    };
    let config = file(dir.path().join("tiny.toml"), "mine");
    refused(&mut report(&config), &["tiny.toml", ".html"]);
    let page = file(dir.path().join("page.html"), "<html>mine");
    refused(&mut report(&page), &["page.html is in the way"]);
    assert_eq!([&config, &page].map(|path| fs::read_to_string(path).unwrap()), ["mine", "<html>mine"]);
    let new = dir.path().join("new.html");
    succeeds(&mut report(&new));
    succeeds(&mut report(&new));
    let inside = file(run.join("report.html"), "mine");
    refused(naslens("report").arg(&run), &["report.html is in the way"]);
    assert_eq!(fs::read(inside).unwrap(), b"mine");
}

#[test]
fn links_inside_a_folder_are_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let (run, theirs) = (dir.path().join("run"), dir.path().join("theirs"));
    let config = file(dir.path().join("r.toml"), RUN);
    succeeds(&mut command("run", &config, "", &run));
    let notes = ["precious", "000000.parquet", "README.md", ".lock", "trained/x.json", "notes.txt"];
    let notes = notes.map(|name| file(theirs.join(name), "mine"));
    let path = run.display();
    let screen_again = format!(
        "screen --init-channels 4 --cells 1 --image 1x8x8 --batch-size 16 --sample 31 --proxies params,layers --device cpu \
         --out {path}"
    );
    let again = format!("run {} --device cpu --out {path}", config.display());
    let confirm = format!("confirm {path} --top 1 --config {} --device cpu", config.display());
    let search = format!("search {path} --strategy random --queries 2 --device cpu");
    let cases = [
        (".lock", theirs.join("precious"), vec![&screen_again, &search, &again]),
        ("shards", theirs.clone(), vec![&screen_again]),
        ("winner", theirs.clone(), vec![&again]),
        ("trained", theirs.clone(), vec![&again, &search]),
        ("confirm", theirs.clone(), vec![&confirm]),
        ("search", theirs.clone(), vec![&search]),
    ];
    for (name, target, commands) in cases {
        let (place, kept) = (run.join(name), dir.path().join("kept"));
        let there = fs::rename(&place, &kept).is_ok();
        symlink(&target, &place).unwrap();
        for command in commands {
            refused(&mut naslens(command), &[name, "is a link"]);
        }
        assert!(notes.iter().all(|path| fs::read(path).unwrap() == b"mine"), "{name}");
        fs::remove_file(&place).unwrap();
        if there {
            fs::rename(&kept, &place).unwrap();
        }
    }
}

#[test]
fn changed_images_under_the_same_name_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let images = dir.path().join("images");
    let image = |class: &str, number: usize, level: u8| {
        let folder = images.join(class);
        fs::create_dir_all(&folder).unwrap();
        let picture = image::GrayImage::from_fn(8, 8, |x, y| image::Luma([level.wrapping_add((x * y) as u8)]));
        picture.save(folder.join(format!("{number}.png"))).unwrap();
    };
    for number in 0..12 {
        image("a", number, 20 * number as u8);
        image("b", number, 255 - 20 * number as u8);
    }
    let out = dir.path().join("out");
    let data = format!("--sample 6 --proxies params,layers,synflow --data folder:{}", images.display());
    summary(&out, &data);
    let before = rows(&scores(&out));
    (0..12).for_each(|number| image("a", number, 7 * number as u8));
    refused(&mut screen(&out, &data), &["images", "there", "now", "--overwrite"]);
    assert_eq!(rows(&scores(&out)), before);
}

#[test]
fn torn_files_are_set_aside_and_computed_again() {
    let dir = tempfile::tempdir().unwrap();
    let config = file(dir.path().join("t.toml"), TABLE);
    let out = dir.path().join("out");
    succeeds(&mut command("make-table", &config, "--networks 2", &out));
    let trained = cli::files(&out.join("trained"));
    assert_eq!(trained.len(), 2);
    let torn = file(out.join("trained").join(&trained[0]), "");
    let whole = fs::read(out.join("table.parquet")).unwrap();
    file(out.join("curves.parquet"), "PAR1");
    let told = text(&succeeds(&mut command("make-table", &config, "--networks 2", &out)));
    assert!(told.contains("warning: ") && told.contains(".json.damaged"), "{told}");
    assert!(told.contains("curves.parquet.damaged"), "{told}");
    assert!(!fs::read(&torn).unwrap().is_empty());
    assert_eq!(fs::read(out.join("table.parquet")).unwrap().len(), whole.len());
}

/// A name in a file neither steers the terminal nor begins a line of its own.
#[test]
fn control_characters_of_files_are_written_out() {
    use arrow::array::{ArrayRef, Float64Array, RecordBatch};
    use std::sync::Arc;

    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    summary(&run, "--sample 12 --proxies params,layers");
    let hostile = "x\nerror: forged line\u{1b}]0;pwn\u{7}\u{1b}[2J\u{202e}";
    let column: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
    let batch = RecordBatch::try_from_iter([(hostile, column)]).unwrap();
    let table = dir.path().join("table.parquet");
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(fs::File::create(&table).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let config = file(dir.path().join("bad.toml"), "\u{1b}[2J = 1\nerror: forged line\n");
    let mut evaluate = naslens("evaluate");
    evaluate.arg(&run).arg("--table").arg(&table).args(["--target", hostile]);
    for command in [&mut evaluate, &mut command("run", &config, "", &dir.path().join("out"))] {
        let told = text(&command.output().unwrap());
        assert_eq!(told.lines().filter(|line| line.starts_with("error:")).count(), 1, "{told:?}");
        assert!(!told.chars().any(|c| c != '\n' && (c.is_control() || c == '\u{202e}')), "{told:?}");
    }
}

/// Links in a folder of results lead out of it, or round in circles.
#[test]
fn a_report_follows_no_links() {
    let dir = tempfile::tempdir().unwrap();
    let (all, elsewhere) = (dir.path().join("all"), dir.path().join("elsewhere"));
    summary(&all.join("a"), "--sample 12 --proxies params,layers");
    summary(&elsewhere, "--sample 12 --proxies params,layers");
    symlink(&elsewhere, all.join("out")).unwrap();
    symlink(&all, all.join("loop")).unwrap();
    symlink("/", all.join("root")).unwrap();
    let output = succeeds(naslens("report").arg(&all));
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 1);
    assert!(all.join("a/report.html").exists() && !elsewhere.join("report.html").exists());
}

/// Temporary files of a process that was killed go when their file is written again.
#[test]
fn what_a_killed_process_left_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    summary(&out, "--sample 5 --proxies params,layers");
    let left = ["scores.parquet.tmp-0123456789abcdef", "scores.tmp-4711", "screen.tmp-4711"]
        .map(|name| file(out.join(name), "x"));
    summary(&out, "--sample 6 --proxies params,layers");
    assert_eq!(left.map(|path| path.exists()), [false, false, true], "the settings were not written again");
}

#[test]
fn signals_have_the_same_last_line_and_their_own_codes() {
    for (signal, code) in [(libc::SIGINT, 130), (libc::SIGTERM, 143)] {
        let dir = tempfile::tempdir().unwrap();
        let child = screen(dir.path(), "--sample 15000 --threads 1")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while !dir.path().join("shards").exists() {
            assert!(start.elapsed() < Duration::from_secs(60), "the screen does not begin");
            std::thread::sleep(Duration::from_millis(5));
        }
        // SAFETY: a signal to a child of this process.
        unsafe { libc::kill(child.id() as libc::pid_t, signal) };
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        let last = text(&output).lines().last().unwrap_or_default().to_string();
        assert!(last.contains("interrupted") && last.contains("kept"), "{last}");
    }
}

/// Bootstraps never look up.
#[test]
fn what_does_not_listen_is_ended_within_a_second_or_so() {
    let dir = tempfile::tempdir().unwrap();
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/benchmarks-data/fashion-cells.parquet");
    summary(dir.path(), &format!("--archs {table} --proxies params,layers"));
    let mut evaluate = naslens(&format!("evaluate --table {table} --target test_acc_pct --resamples 100000"));
    let child = evaluate.arg(dir.path()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    let start = Instant::now();
    // SAFETY: a signal to a child of this process.
    unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGTERM) };
    let output = child.wait_with_output().unwrap();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(output.status.code(), Some(143), "{output:?}");
    assert!(text(&output).contains("interrupted; what was finished before is kept"), "{}", text(&output));
}
