//! Every mistake ends with one message that names the thing and the remedy, and without a half-written file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use cli::{NASLENS, SMALL, files, naslens, screen, summary};

mod cli;

/// What may be in the folder of a screen that failed.
const LEFT: [&str; 3] = [".lock", "screen.json", "shards"];
const GOOD: &str = "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|";

/// Runs a command that must fail with one message that has all of `parts`.
fn refused(command: &mut Command, parts: &[&str]) -> Output {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let told = format!("{command:?}: {:?}\n{stderr}", output.status);
    assert!(matches!(output.status.code(), Some(1 | 2 | 75 | 78)), "{told}");
    assert!(stderr.starts_with("error: "), "{told}");
    assert_eq!(stderr.lines().filter(|line| line.starts_with("error:")).count(), 1, "{told}");
    for word in ["panicked", "RUST_BACKTRACE", "stack backtrace", "\x1b["] {
        assert!(!stderr.contains(word), "`{word}` in {told}");
    }
    for part in parts {
        assert!(stderr.contains(part), "no `{part}` in {told}");
    }
    assert!(output.stdout.is_empty(), "{told}");
    output
}

/// Runs a small screen that must fail, into a folder that may not be there yet.
fn refused_screen(out: &Path, args: &str, parts: &[&str]) {
    let before = files(out);
    refused(&mut screen(out, args), parts);
    let fits = |name: &String| before.contains(name) || LEFT.contains(&name.as_str());
    assert!(files(out).iter().all(fits), "{args} left {:?}", files(out));
}

/// The content of the `scores.parquet` of a small screen.
fn finished() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        summary(dir.path(), "--sample 12");
        fs::read(dir.path().join("scores.parquet")).unwrap()
    })
}

fn file(dir: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, content).unwrap();
    path
}

#[test]
fn numbers_of_repetitions_have_bounds() {
    for (command, least, most) in [
        ("evaluate RUN --table T --target acc --resamples", 2, "100000"),
        ("report RUN --resamples", 2, "100000"),
        ("compare --table T --target acc --resamples", 2, "100000"),
        ("compare --table T --target acc --seeds", 1, "10000"),
        ("predict RUN --table T --target acc --repeats", 1, "10000"),
        ("confirm RUN --repeats", 1, "1000"),
        ("latency --fit --table T --column c --draws", 1, "10000"),
    ] {
        for value in [(least - 1).to_string(), most.to_string() + "0", u64::MAX.to_string()] {
            let words = command.split(' ').chain([value.as_str()]);
            let (name, rest) = (words.clone().next().unwrap(), words.skip(1));
            refused(naslens(name).args(rest), &[&value, &format!("{least}..={most}")]);
        }
    }
    let dir = tempfile::tempdir().unwrap();
    for repeats in ["0", "9223372036854775807"] {
        let config = file(
            dir.path(),
            "many.toml",
            format!("space = \"nas-bench-201\"\ndata = \"digits\"\nrepeats = {repeats}\n"),
        );
        let out = dir.path().join("out");
        let parts = ["repeats", repeats, "from 1 to 1000"];
        refused(naslens("make-table").arg(&config).arg("--networks").arg("1").arg("--out").arg(&out), &parts);
        assert!(!out.exists());
    }
}

#[test]
fn unknown_names_and_values_out_of_range() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let cases: &[(&str, &[&str])] = &[
        ("--sample 5 --proxies params,naswott", &["unknown proxy `naswott`", "did you mean `naswot`", "known: params"]),
        ("--sample 5 --proxies naslans", &["unknown proxy `naslans`", "did you mean `naslens`", "known: params"]),
        ("--sample 5 --cascade synflow", &["`synflow`", "SCORE:KEEP", "synflow:0.2"]),
        ("--sample 5 --cascade synflow:2.5", &["`2.5`", "a part such as 0.2 or a number such as 500"]),
        ("--sample 5 --cascade synfloww:0.5", &["unknown proxy `synfloww`", "did you mean `synflow`"]),
        ("--sample 5 --cascade params:0.5", &["`params`", "dead operations", "params@live"]),
        (
            "--sample 5 --space nas-bench-20",
            &["`nas-bench-20`", "did you mean `nas-bench-201`", "known: nas-bench-201"],
        ),
        ("--sample 5 --data digit", &["'digit'", "did you mean", "digits", "use one of: digits"]),
        ("--sample 5 --data cifar10", &["needs the folder", "write cifar10:FOLDER"]),
        ("--sample 5 --data cifar10:/nowhere", &["/nowhere/data_batch_1.bin", "is missing", "cifar-10-binary.tar.gz"]),
        (
            "--sample 5 --data idx:/nowhere",
            &["/nowhere/train-images-idx3-ubyte[.gz]' is missing", "put the four files"],
        ),
        ("--sample 5 --data npz:/nowhere/x.npz", &["'/nowhere/x.npz' is missing", "medmnist.com"]),
        ("--sample 5 --data cifar100:/nowhere", &["/nowhere/train.bin", "is missing", "cifar-100-binary.tar.gz"]),
        ("--sample 5 --data folder:/nowhere", &["'/nowhere'", "no such folder", "one directory of images per class"]),
        ("--sample 5 --data pink:beta=x", &["beta=x", "give a number"]),
        ("--sample 0", &["no architecture to score", "sample size is 0"]),
        ("--sample 15626", &["15626", "nas-bench-201 has 15625", "use --all"]),
        ("--sample many", &["'many'", "--sample <N>"]),
        ("--sample 5 --all", &["'--sample <N>'", "'--all'"]),
        ("", &["required", "--sample <N>|--all|--archs <FILE>"]),
        ("--sample 5 --threads 0", &["'0'", "--threads <N>", "1..=1024"]),
        ("--sample 5 --archz file", &["'--archz'", "--archs"]),
    ];
    for (args, parts) in cases {
        refused_screen(&out, args, parts);
        assert!(!out.exists(), "{args} made the output folder");
    }
}

/// These replace settings that every other screen here has.
#[test]
fn unusable_settings() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let cases: &[(&str, &[&str])] = &[
        ("--batch-size 1798", &["1798 images", "digits, which has 1797", "at most 1797"]),
        ("--batch-size 0", &["at least one image", "1 or more"]),
        ("--image 3x8", &["'3x8'", "CHANNELSxHEIGHTxWIDTH"]),
        ("--image banana", &["'banana'", "CHANNELSxHEIGHTxWIDTH"]),
        ("--image 0x8x8", &["0x8x8", "1 to 4096"]),
        ("--image 3x99999x8", &["3x99999x8", "1 to 4096"]),
        ("--cells 0", &["0 cells per stage", "1..=100"]),
        ("--init-channels 0", &["0 initial channels", "1..=1024"]),
        ("--device gpu", &["`gpu`", "use auto, cpu, cuda or cuda:N"]),
        ("--device cuda:x", &["`cuda:x`", "use auto, cpu, cuda or cuda:N"]),
        ("--image 3x1x1 --init-channels 4 --cells 1", &["3x1x1 images", "the nearest size that fits is 3x4x4"]),
        ("--image 3x150x150 --init-channels 4 --cells 1", &["the nearest sizes that fit are 3x148x148 and 3x152x152"]),
        ("--image 3x30x64 --init-channels 4 --cells 1", &["the nearest sizes that fit are 3x28x64 and 3x32x64"]),
    ];
    for (args, parts) in cases {
        refused(naslens(&format!("screen --sample 5 {args} --out")).arg(&out), parts);
        assert!(files(&out).iter().all(|name| LEFT.contains(&name.as_str())), "{args} left {:?}", files(&out));
    }
}

/// Nothing was scored with the refused settings, so they must not be in the way of the corrected ones.
#[test]
fn a_refused_screen_does_not_claim_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let too_small = SMALL.replace("3x8x8", "3x1x1");
    refused(naslens(&format!("screen {too_small} --sample 2 --out")).arg(dir.path()), &["the nearest size that fits"]);
    summary(dir.path(), "--sample 2");
}

#[test]
fn cuda_without_cuda() {
    if tch::Cuda::is_available() {
        println!("skipped: this machine has CUDA");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for device in ["cuda", "cuda:1"] {
        let args = format!("screen --sample 5 --device {device} --out");
        refused(naslens(&args).arg(dir.path()), &["no CUDA device", "use --device cpu"]);
        assert!(files(dir.path()).is_empty());
    }
    let tf32 = "screen --sample 5 --device cpu --precision tf32 --out";
    refused(naslens(tf32).arg(dir.path()), &["TF32 is an arithmetic of CUDA devices", "leave --precision out"]);
    let unknown = "screen --sample 5 --precision tf23 --out";
    refused(naslens(unknown).arg(dir.path()), &["tf23", "float32, tf32"]);
    assert!(files(dir.path()).is_empty());
}

#[test]
fn lists_of_architectures() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let wrong_op = GOOD.replace("nor_conv_3x3", "nor_conv_5x5");
    let cases: &[(&str, Vec<u8>, &[&str])] = &[
        (
            "op.txt",
            format!("# two\n{GOOD}\n\n{wrong_op}\n").into(),
            &["op.txt, line 4", "nor_conv_5x5", "did you mean `nor_conv_", "An example: |"],
        ),
        ("short.txt", b"|none~0|".into(), &["short.txt, line 1", "1 nodes", "not 3", "An example: |"]),
        ("empty.txt", b"# none\n".into(), &["no architecture to score", "empty.txt lists none"]),
        ("binary.txt", vec![0xff, 0xfe, 0], &["binary.txt", "UTF-16", "one architecture per line"]),
    ];
    for (name, content, parts) in cases {
        let list = file(dir.path(), name, content);
        refused_screen(&out, &format!("--archs {}", list.display()), parts);
        assert!(!out.exists(), "{name} made the output folder");
    }
    let absent = dir.path().join("absent.txt");
    refused_screen(&out, &format!("--archs {}", absent.display()), &["cannot read", "absent.txt", "--archs takes"]);
}

#[test]
fn output_folders_that_cannot_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let plain = file(dir.path(), "plain", "kept");
    let mut cases = vec![plain.clone(), plain.join("below"), PathBuf::from("/proc/naslens")];
    // SAFETY: returns a number.
    if unsafe { libc::geteuid() } == 0 {
        println!("the folder without permissions is skipped: root may write everywhere");
    } else {
        use std::os::unix::fs::PermissionsExt;
        let closed = dir.path().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
        cases.push(closed);
    }
    for out in cases {
        refused(
            &mut screen(&out, "--sample 5"),
            &["cannot write to the folder", &out.display().to_string(), "choose another --out"],
        );
    }
    assert_eq!(fs::read(plain).unwrap(), b"kept");
}

/// A message that ends with its own cause must not be followed by the cause once more.
#[test]
fn causes_are_told_once() {
    let dir = tempfile::tempdir().unwrap();
    let plain = file(dir.path(), "plain", "");
    let list = file(dir.path(), "archs.txt", "|none~0|");
    let table = file(dir.path(), "scores.parquet", "no table");
    let mut evaluate = naslens("evaluate --target macs --table");
    evaluate.arg(&table).arg(dir.path());
    let cases = [
        (screen(&plain.join("below"), "--sample 5"), "os error"),
        (screen(&plain, &format!("--archs {}", list.display())), "1 nodes"),
        (evaluate, "Invalid Parquet file"),
    ];
    for (mut command, cause) in cases {
        let output = refused(&mut command, &[]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(stderr.matches(cause).count(), 1, "{stderr}");
    }
}

/// A limit on the size of files stands in for a full disk: writes fail in the middle.
#[test]
fn a_write_that_fails() {
    let dir = tempfile::tempdir().unwrap();
    let script = format!("trap '' XFSZ; ulimit -f 1; exec '{NASLENS}' screen {SMALL} --sample 12 --out \"$0\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).arg(dir.path());
    refused(&mut command, &["cannot write", "000000.parquet", "free some space"]);
    assert!(files(dir.path()).iter().all(|name| LEFT.contains(&name.as_str())), "{:?}", files(dir.path()));
    summary(dir.path(), "--sample 12");
}

/// Where messages go may be full too; that changes neither the exit code nor the results.
#[test]
#[cfg(target_os = "linux")]
fn messages_that_cannot_be_written() {
    let full = || Stdio::from(fs::File::options().write(true).open("/dev/full").unwrap());
    let dir = tempfile::tempdir().unwrap();
    let status = screen(dir.path(), "--sample 0").stderr(full()).status().unwrap();
    assert_eq!(status.code(), Some(1), "101 is a panic");
    refused(screen(dir.path(), "--sample 5").stdout(full()), &["No space left"]);
    assert!(dir.path().join("scores.parquet").exists());
}

#[test]
fn folders_of_another_run() {
    let dir = tempfile::tempdir().unwrap();
    summary(dir.path(), "--sample 5");
    let scores = dir.path().join("scores.parquet");
    let before = fs::read(&scores).unwrap();
    let parts = ["another seed", "0 there, 1 now", "choose another --out", "--overwrite"];
    refused_screen(dir.path(), "--sample 5 --seed 1", &parts);
    refused_screen(dir.path(), "--sample 5 --class-balanced", &["another class-balanced", "--overwrite"]);
    refused_screen(dir.path(), "--sample 5 --data gaussian", &["another data", "digits there", "--overwrite"]);
    assert_eq!(fs::read(&scores).unwrap(), before);

    let shard = fs::read_dir(dir.path().join("shards")).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&shard).unwrap();
    fs::write(&shard, &whole[..whole.len() / 2]).unwrap();
    let output = screen(dir.path(), "--sample 6 --json").output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.contains("shards") && stderr.contains(".damaged"), "{stderr}");
    assert_eq!(fs::read(shard.with_extension("parquet.damaged")).unwrap(), &whole[..whole.len() / 2]);
    fs::write(dir.path().join("screen.json"), "{").unwrap();
    refused_screen(dir.path(), "--sample 5", &["screen.json is damaged", "--overwrite"]);
    summary(dir.path(), "--sample 5 --seed 1 --overwrite");
    fs::remove_file(dir.path().join("screen.json")).unwrap();
    refused_screen(dir.path(), "--sample 5", &["scores.parquet without screen.json", "choose another --out"]);
}

#[test]
fn two_processes_in_one_folder() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = screen(dir.path(), "--sample 15000 --threads 1").stdout(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while !dir.path().join("shards").exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "the first process does not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
    let parts = ["in use by another naslens process", &dir.path().display().to_string(), "choose another --out"];
    refused(&mut screen(dir.path(), "--sample 15000"), &parts);
    refused(&mut screen(dir.path(), "--sample 5 --overwrite"), &parts);
    assert!(first.try_wait().unwrap().is_none(), "the first process is not disturbed");
    first.kill().unwrap();
    first.wait().unwrap();
    summary(dir.path(), "--sample 5");
}

#[test]
fn tables_that_cannot_be_used() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path();
    let table = file(run, "scores.parquet", finished());
    let cut = file(run, "cut.parquet", &finished()[..finished().len() - 100]);
    // Everything between the opening magic number and the footer, whose length stands before the closing one.
    let mut broken = finished().to_vec();
    let end = broken.len() - 8;
    let footer = u32::from_le_bytes(broken[end..end + 4].try_into().unwrap()) as usize;
    broken[4..end - footer].fill(0xaa);
    let broken = file(run, "broken.parquet", broken);
    let text = file(run, "table.csv", "arch,accuracy\n");
    let empty = file(run, "empty.parquet", "");
    let absent = run.join("absent.parquet");
    let refused = |dir: &Path, table: &Path, target: &str, parts: &[&str]| {
        let before = files(run);
        refused(naslens("evaluate").arg(dir).arg("--table").arg(table).args(["--target", target]), parts);
        assert_eq!(files(run), before);
    };
    refused(run, &absent, "macs", &["no file", "absent.parquet", "check the path"]);
    refused(run, run, "macs", &["is a folder", "name the Parquet file"]);
    for (damaged, remedy) in [(&cut, "write it again"), (&text, "naslens import"), (&empty, "")] {
        let name = damaged.file_name().unwrap().to_str().unwrap();
        refused(run, damaged, "macs", &[name, "Parquet file", remedy]);
    }
    refused(run, &broken, "macs", &["broken.parquet", "is damaged", "again"]);
    refused(run, &table, "macz", &["no column `macz`", "did you mean `macs`", "columns: arch, arch_id"]);
    refused(run, &table, "arch", &["column `arch`", "not numbers", "choose another column"]);
    let nothing = tempfile::tempdir().unwrap();
    refused(nothing.path(), &table, "macs", &["holds no scores.parquet", "name the output folder"]);
    file(nothing.path(), "scores.parquet", &finished()[..500]);
    refused(nothing.path(), &table, "macs", &["scores.parquet", "not a complete Parquet file"]);
}
