//! Runs and confirmations: they keep what their page says in `report.json`, and the page is made from that again.

use std::path::Path;

use serde_json::Value;

use super::version_0_1::Page;
use crate::pipeline::RunError;
use crate::pipeline::results::{Contents, KindEntry, PageOptions, REPORT_FILE, Saved, read};

pub(super) const RUN: KindEntry = KindEntry {
    name: "run",
    command: "naslens run",
    files: "run.toml, report.json",
    recognise: |path| path.join("run.toml").is_file(),
    read: |path, options| kept(path, options, "run", "run.toml"),
};

pub(super) const CONFIRM: KindEntry = KindEntry {
    name: "confirmation",
    command: "naslens confirm",
    files: "confirm.toml, report.json",
    recognise: |path| path.join("confirm.toml").is_file(),
    read: |path, options| kept(path, options, "confirm", "confirm.toml"),
};

/// What is in the file, of this version or of 0.1.0.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Kept {
    Old { page: Box<Page> },
    Saved(Saved),
}

fn kept(path: &Path, _: &PageOptions, what: &'static str, settings: &str) -> Result<Contents, RunError> {
    let file = path.join(REPORT_FILE);
    if !file.is_file() {
        return Err(read::unfinished(path, what));
    }
    let saved = match read::json(&file)? {
        Kept::Old { page } => page.saved(),
        Kept::Saved(saved) => saved,
    };
    let settings = std::fs::read_to_string(path.join(settings)).ok().and_then(|text| toml::from_str(&text).ok());
    let Saved { document, proxies, best } = saved;
    Ok(Contents { document, proxies, best, settings: settings.unwrap_or(Value::Null), ..Contents::default() })
}
