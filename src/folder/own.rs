//! Which files naslens wrote.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::benchmark::{METADATA_KEY, Table};
use crate::files::FileError;

/// A JSON file of naslens is not longer, nor is the header of a safetensors file.
const LONGEST: u64 = 256 << 20;

/// An error if `path` is there and naslens did not write it: a file of the user must not be replaced.
pub fn refuse_foreign(path: &Path) -> Result<(), FileError> {
    match fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(_) if wrote(path) => Ok(()),
        Ok(_) => Err(FileError::Taken { path: path.into() }),
    }
}

/// Whether naslens wrote the file, by what is in it: pages name their generator, tables have the key `naslens` in their
/// metadata (shards, the columns of shards), JSON files have the key or are trainings, checkpoints have their progress.
pub(super) fn wrote(path: &Path) -> bool {
    // A FIFO would never end.
    let Some(length) = fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|found| found.len()) else {
        return false;
    };
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => start(path, 4096).is_some_and(|text| is_page(&text)),
        Some("parquet") => Table::open(path).is_ok_and(|table| {
            let shard = ["key", "proxy", "value", "status", "seconds"];
            table.metadata(METADATA_KEY).is_some() || table.column_names() == shard
        }),
        Some("json") if length < LONGEST => {
            json(path).is_some_and(|value| ["naslens", "test_accuracy_pct"].iter().any(|key| value.get(key).is_some()))
        }
        Some("safetensors") => header(path).is_some_and(|header| header["__metadata__"]["progress"].is_string()),
        _ => false,
    }
}

/// A page of this version, which names its generator before its title, or of 0.1.0, which did not.
fn is_page(text: &str) -> bool {
    const OLD: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
                       <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>";
    let head = text.split("<title>").next().unwrap_or_default();
    let named = head.starts_with("<!DOCTYPE html>") && head.contains("<meta name=\"generator\" content=\"naslens ");
    named || (text.starts_with(OLD) && text.contains("\n<style>\n"))
}

fn start(path: &Path, bytes: u64) -> Option<String> {
    let mut text = Vec::new();
    File::open(path).ok()?.take(bytes).read_to_end(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

fn json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// The header of a safetensors file: its length in 8 bytes, then JSON.
fn header(path: &Path) -> Option<Value> {
    let mut file = File::open(path).ok()?;
    let mut length = [0; 8];
    file.read_exact(&mut length).ok()?;
    let length = Some(u64::from_le_bytes(length)).filter(|length| *length < LONGEST)?;
    let mut header = Vec::new();
    file.take(length).read_to_end(&mut header).ok()?;
    serde_json::from_slice(&header).ok()
}

/// Renames a file that cannot be used to a name that is free, `NAME.damaged`, and warns. What it held is computed again.
pub fn set_aside(path: &Path, reason: &str) {
    let name = |number: usize| -> PathBuf {
        let mut name = path.as_os_str().to_os_string();
        name.push(if number == 1 { ".damaged".into() } else { format!(".damaged-{number}") });
        name.into()
    };
    let free = (1..).map(name).find(|name| fs::symlink_metadata(name).is_err());
    match free.map(|free| (fs::rename(path, &free), free)) {
        Some((Ok(()), free)) => {
            log::warn!(
                "{}: {reason}; it is now {}, and what it held is computed again",
                path.display(),
                free.display()
            );
        }
        Some((Err(error), _)) => log::warn!("{}: {reason}, and it cannot be renamed: {error}", path.display()),
        None => {}
    }
}
