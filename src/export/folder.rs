//! The folder of an export: its files stand in it as a whole, and nothing that no export wrote is replaced.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{ExportError, safetensors};
use crate::files::{FileError, check_output_folder};

/// The names of all files of an export.
pub const FILES: [&str; 9] = [
    "model.safetensors",
    "model.onnx",
    "model-uint8.onnx",
    "model.py",
    "preprocess.py",
    "example.safetensors",
    "check.py",
    "quantise.py",
    "README.md",
];

/// Start of the name of the folder in which files are made; the number of the process follows.
const STAGE: &str = ".naslens-export-";

/// Refuses a folder that is a link, or in which the name of a file of an export is taken by what no export wrote. Other files
/// are not touched.
pub(super) fn check(dir: &Path) -> Result<(), FileError> {
    let refuse = |source| FileError::Folder { path: dir.into(), source };
    match fs::symlink_metadata(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(refuse(error)),
        Ok(found) if found.is_symlink() => return Err(FileError::Link { path: dir.into() }),
        Ok(_) => {}
    }
    // The names alone are common ones; the weights say who wrote them.
    let weights = dir.join(FILES[0]);
    let own = fs::symlink_metadata(&weights).is_ok_and(|found| found.is_file()) && safetensors::is_export(&weights);
    for entry in fs::read_dir(dir).map_err(refuse)? {
        let entry = entry.map_err(refuse)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let taken = FILES.contains(&name.as_str());
        if taken && !(own && entry.file_type().map_err(refuse)?.is_file()) {
            return Err(FileError::Taken { path: entry.path() });
        }
    }
    Ok(())
}

/// Writes all files, or none: they are made in a folder of their own and put in their place when they are whole. Those of an
/// earlier export are replaced only if `overwrite` allows it or nothing changes.
pub(super) fn write(dir: &Path, files: &[(&'static str, Vec<u8>)], overwrite: bool) -> Result<(), ExportError> {
    check(dir)?;
    let there = dir.exists();
    if there {
        let same = |(name, content): &(&str, Vec<u8>)| fs::read(dir.join(name)).is_ok_and(|old| old == *content);
        if files.iter().all(same) {
            return Ok(());
        }
        if !overwrite && FILES.iter().any(|name| dir.join(name).exists()) {
            return Err(ExportError::Earlier { path: dir.into() });
        }
    }
    let bytes = files.iter().map(|(_, content)| content.len() as u64).sum::<u64>();
    let beside = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Within the folder where it exists: it may be a file system of its own, or where somebody is working.
    let home = if there { dir } else { beside };
    check_output_folder(home, bytes + 1_000_000).map_err(|error| match error {
        FileError::Folder { source, .. } => FileError::Folder { path: dir.into(), source },
        other => other,
    })?;
    remove_abandoned(home);
    let staged = home.join(format!("{STAGE}{}", std::process::id()));
    let refuse = |path: PathBuf| move |error: std::io::Error| FileError::Write { path, reason: error.to_string() };
    fs::create_dir(&staged).map_err(refuse(dir.into()))?;
    let written = files
        .iter()
        .try_for_each(|(name, content)| create(&staged.join(name), content).map_err(refuse(dir.join(name))));
    let written = written.and_then(|()| match there {
        false => fs::rename(&staged, dir).map_err(refuse(dir.into())),
        true => files
            .iter()
            .try_for_each(|(name, _)| fs::rename(staged.join(name), dir.join(name)).map_err(refuse(dir.join(name)))),
    });
    remove(&staged);
    Ok(written?)
}

fn create(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut file = fs::File::create_new(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Removes a folder in which files were made, and nothing that has another name than they.
fn remove(staged: &Path) {
    FILES.iter().for_each(|name| drop(fs::remove_file(staged.join(name))));
    let _ = fs::remove_dir(staged);
}

/// The process that makes files in the folder of this name.
fn process_of(name: &str) -> Option<i32> {
    name.strip_prefix(STAGE)?.parse().ok()
}

/// Removes what killed processes left in the folder.
fn remove_abandoned(home: &Path) {
    for entry in fs::read_dir(home).into_iter().flatten().flatten() {
        let Some(process) = process_of(&entry.file_name().to_string_lossy()) else { continue };
        // SAFETY: signal 0 is never sent; it is only checked whether it could be.
        let alive = unsafe { libc::kill(process, 0) } == 0
            || std::io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH);
        if !alive && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
}
