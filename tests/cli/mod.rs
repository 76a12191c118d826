//! What the tests of the command share: small screens, and their scores in a form that can be compared bit by bit.
#![allow(dead_code, reason = "every test file uses only a part of this")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use naslens::candidates::{SCORES_FILE, ScoreTable, read_scores};
use naslens::proxy::PROXIES;

/// Settings under which a network takes milliseconds. The device is fixed since its kind decides the rounding.
pub const SMALL: &str = "--init-channels 4 --cells 1 --image 3x8x8 --batch-size 16 --device cpu";

/// The command under test.
pub const NASLENS: &str = env!("CARGO_BIN_EXE_naslens");

/// `naslens` with these arguments, separated by spaces.
pub fn naslens(args: &str) -> Command {
    let mut command = Command::new(NASLENS);
    command
        .args(args.split_whitespace())
        .env("NASLENS_CACHE", env!("CARGO_TARGET_TMPDIR"))
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE");
    command
}

/// A small screen into the folder `out`.
pub fn screen(out: &Path, args: &str) -> Command {
    let mut command = naslens(&format!("screen {SMALL} {args} --out"));
    command.arg(out);
    command
}

/// Runs a screen that must succeed; its JSON summary.
pub fn summary(out: &Path, args: &str) -> serde_json::Value {
    let output = screen(out, &format!("{args} --json")).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args}: {stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The JSON that a command prints, which must succeed.
pub fn json(command: &mut Command) -> serde_json::Value {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a command says that must be refused.
pub fn error(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(matches!(output.status.code(), Some(1 | 2 | 75 | 78)), "{message}");
    message
}

/// How many networks a screen ran, from its summary.
pub fn computed(summary: &serde_json::Value) -> u64 {
    summary["computed"].as_u64().unwrap()
}

/// The names of all proxies, separated by commas.
pub fn all_proxies() -> String {
    PROXIES.iter().map(|p| p.name).collect::<Vec<_>>().join(",")
}

/// The scores in the folder of a screen.
pub fn scores(out: &Path) -> ScoreTable {
    read_scores(&out.join(SCORES_FILE)).unwrap()
}

/// By architecture: everything the table says of it but for the proxies, and by proxy the bits of the score and its
/// status.
pub type Rows = BTreeMap<String, (String, BTreeMap<String, String>)>;

/// The table by architecture. An architecture that is listed twice must have equal rows.
pub fn rows(table: &ScoreTable) -> Rows {
    let mut rows = Rows::new();
    for (i, arch) in table.arch.iter().enumerate() {
        let counts = format!("{} {:?} {} {}", table.arch_id[i], table.arch_index[i], table.params[i], table.macs[i]);
        let score = |(name, scores): &(String, Vec<naslens::proxy::Score>)| {
            let mut text = scores[i].get_status().to_string();
            if let Some(value) = scores[i].value() {
                write!(text, " {:016x}", value.to_bits()).unwrap();
            }
            (name.clone(), text)
        };
        let row = (counts, table.proxies.iter().map(score).collect());
        if let Some(earlier) = rows.insert(arch.clone(), row.clone()) {
            assert_eq!(earlier, row, "{arch} is listed twice");
        }
    }
    rows
}

/// The names of the files in a folder, sorted; none if there is no folder.
pub fn files(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
