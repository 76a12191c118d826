//! Files that are either whole or absent, and that are never written through somebody else's link.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Why a file or folder could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are what the messages name")]
pub enum FileError {
    /// The folder cannot be made or written.
    #[error("cannot write to the folder {}: {source}; choose another --out or change its permissions", path.display())]
    Folder { path: PathBuf, source: std::io::Error },
    /// The disk is nearly full.
    #[error(
        "not enough disk: {} has {available_mb} MB free, the run may need {needed_mb} MB; free some space or choose \
         another --out", path.display()
    )]
    DiskFull { path: PathBuf, available_mb: u64, needed_mb: u64 },
    /// Writing failed; the file keeps its old content.
    #[error("cannot write {}: {reason}; nothing was changed, so free some space or fix the folder and run again", path.display())]
    Write { path: PathBuf, reason: String },
    /// A link where naslens makes a folder or file of its own.
    #[error("{} is a link, which naslens does not write through; remove it or choose another folder", path.display())]
    Link { path: PathBuf },
    /// A file of somebody else where naslens has to write.
    #[error("{} is in the way: naslens did not write it and does not replace it; move it or choose another --out", path.display())]
    Taken { path: PathBuf },
    /// Another process writes to the same folder.
    #[error("{} is in use by another naslens process; wait for it or choose another --out", path.display())]
    Locked { path: PathBuf },
}

/// Makes the folder if needed and checks that files can be written there and that about `needed` bytes are free.
pub fn check_output_folder(dir: &Path, needed: u64) -> Result<(), FileError> {
    let refuse = |source| FileError::Folder { path: dir.into(), source };
    fs::create_dir_all(dir).map_err(refuse)?;
    tempfile_in(dir).map_err(refuse)?;
    match free_bytes(dir) {
        Some(available) if available < needed => Err(FileError::DiskFull {
            path: dir.into(),
            available_mb: available / 1_000_000,
            needed_mb: needed.div_ceil(1_000_000),
        }),
        _ => Ok(()),
    }
}

fn tempfile_in(dir: &Path) -> std::io::Result<()> {
    let (probe, _held) = temporary(&dir.join(".naslens"))?;
    fs::remove_file(probe)
}

/// Bytes that the user may still write in the folder's file system; None if the system does not tell.
fn free_bytes(dir: &Path) -> Option<u64> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(dir.as_os_str().as_bytes()).ok()?;
    let mut stat = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: path is a C string and stat a writable statvfs, which is read only after success.
    let stat = unsafe {
        if libc::statvfs(path.as_ptr(), stat.as_mut_ptr()) != 0 {
            return None;
        }
        stat.assume_init()
    };
    // The types of these fields differ between systems.
    #[allow(clippy::unnecessary_cast)]
    Some(stat.f_bavail as u64 * stat.f_frsize as u64)
}

/// `relative` within the folder `base`, neither of which has to exist. `base` is the user's choice and may be a link; links and
/// files on the way from there are refused, since somebody else may have put them there.
pub fn inside(base: &Path, relative: impl AsRef<Path>) -> Result<PathBuf, FileError> {
    let mut path = base.to_path_buf();
    for part in relative.as_ref().components() {
        path.push(part);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_symlink() => return Err(FileError::Link { path }),
            Ok(found) if !found.is_dir() => return Err(FileError::Taken { path }),
            _ => {}
        }
    }
    Ok(path)
}

/// The folder `name` within `dir`, made if needed; see [`inside`].
pub(crate) fn subfolder(dir: &Path, name: &str) -> Result<PathBuf, FileError> {
    let path = inside(dir, name)?;
    fs::create_dir_all(&path).map_err(|source| FileError::Folder { path: path.clone(), source })?;
    Ok(path)
}

/// Name of the file by which processes lock a folder. It is empty.
pub(crate) const LOCK: &str = ".lock";

/// Whom a lock keeps out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    /// Everybody else.
    Alone,
    /// Whoever wants to be alone.
    Together,
}

/// Locks the folder against other naslens processes until the returned file is dropped.
pub(crate) fn lock_folder(dir: &Path, lock: Lock) -> Result<File, FileError> {
    let path = dir.join(LOCK);
    if fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink()) {
        return Err(FileError::Link { path });
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let file = options.open(&path).map_err(|source| FileError::Folder { path: dir.into(), source })?;
    let locked = match lock {
        Lock::Alone => file.try_lock(),
        Lock::Together => file.try_lock_shared(),
    };
    match locked {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(FileError::Locked { path: dir.into() }),
        Err(fs::TryLockError::Error(error)) => {
            log::warn!(
                "the file system of {} has no locks ({error}): do not run a second naslens command in it at the same time",
                dir.display()
            );
            Ok(file)
        }
    }
}

/// Start of what follows the name of a file that is not yet whole; then come 16 hexadecimal digits.
const TEMPORARY: &str = ".tmp-";

/// A new file beside `path`, under a name that nobody can foresee and no link can stand for. It is locked for as long as it is
/// open, so that [`remove_abandoned`] can tell it from what a killed process left.
fn temporary(path: &Path) -> std::io::Result<(PathBuf, File)> {
    loop {
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(format!("{TEMPORARY}{:016x}", RandomState::new().build_hasher().finish()));
        let temporary = path.with_file_name(name);
        let file = OpenOptions::new().write(true).create_new(true).custom_flags(libc::O_NOFOLLOW).open(&temporary)?;
        let held = !matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock));
        // Between the two calls another process may have taken it for abandoned.
        if held && file.metadata()?.nlink() > 0 {
            return Ok((temporary, file));
        }
    }
}

/// Removes the temporary files of `path` that killed processes left: nobody holds their locks.
fn remove_abandoned(path: &Path) {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let found = entry.file_name();
        if !found.to_str().is_some_and(|found| is_temporary(found, &name)) {
            continue;
        }
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(entry.path())
            .ok()
            .filter(|file| file.metadata().is_ok_and(|found| found.is_file()));
        if opened.is_some_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether `found` is a temporary file of `name`: `NAME.tmp-` and 16 hexadecimal digits, or, from version 0.1.0, the name
/// without its extension, `.tmp-` and the number of the process.
fn is_temporary(found: &str, name: &str) -> bool {
    let Some((stem, key)) = found.rsplit_once(TEMPORARY) else { return false };
    let of_process = (1..=10).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_digit());
    let random = key.len() == 16 && key.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let old = Path::new(name).file_stem().and_then(|s| s.to_str());
    (random && stem == name) || (of_process && Some(stem) == old)
}

/// Writes a file under a temporary name and renames it when it is whole: readers see the old content or the new, and a
/// failure leaves nothing behind. What killed processes left of the same file is removed.
pub fn write_atomically<E: std::fmt::Display>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<(), E>,
) -> Result<(), FileError> {
    publish(path, write, |temporary| fs::rename(temporary, path))
}

/// As [`write_atomically`], but an existing file is kept, without an error.
pub(crate) fn write_first<E: std::fmt::Display>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<(), E>,
) -> Result<(), FileError> {
    publish(path, write, |temporary| match fs::hard_link(temporary, path) {
        Ok(()) => fs::remove_file(temporary),
        Err(_) if fs::symlink_metadata(path).is_ok() => fs::remove_file(temporary),
        // A file system without links.
        Err(_) => fs::rename(temporary, path),
    })
}

/// Writes a file under a temporary name, which `place` turns into its own.
fn publish<E: std::fmt::Display>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<(), E>,
    place: impl FnOnce(&Path) -> std::io::Result<()>,
) -> Result<(), FileError> {
    let refuse = |reason: String| FileError::Write { path: path.into(), reason };
    remove_abandoned(path);
    let (temporary, file) = temporary(path).map_err(|e| refuse(e.to_string()))?;
    let mut out = BufWriter::new(file);
    let written = write(&mut out)
        .map_err(|e| e.to_string())
        .and_then(|()| out.flush().and_then(|()| out.get_ref().sync_all()).map_err(|e| e.to_string()))
        .and_then(|()| place(&temporary).map_err(|e| e.to_string()));
    written.map_err(|reason| {
        // If it cannot be removed either, the next write does so.
        let _ = fs::remove_file(&temporary);
        refuse(reason)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_keeps_the_old_file_and_leaves_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.json");
        write_atomically(&path, |out| out.write_all(b"old")).unwrap();
        let failed = write_atomically(&path, |out| {
            out.write_all(b"new")?;
            Err(std::io::Error::other("No space left on device"))
        });
        assert!(failed.unwrap_err().to_string().contains("No space left on device"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_first_of_several_writers_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.json");
        for text in ["first", "second"] {
            write_first(&path, |out| out.write_all(text.as_bytes())).unwrap();
        }
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn too_little_disk_and_second_processes_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let err = check_output_folder(dir.path(), u64::MAX / 2).unwrap_err().to_string();
        assert!(err.contains("not enough disk"), "{err}");
        let held = lock_folder(dir.path(), Lock::Together).unwrap();
        assert!(lock_folder(dir.path(), Lock::Together).is_ok());
        assert!(matches!(lock_folder(dir.path(), Lock::Alone), Err(FileError::Locked { .. })));
        drop(held);
        let _held = lock_folder(dir.path(), Lock::Alone).unwrap();
        for lock in [Lock::Alone, Lock::Together] {
            assert!(matches!(lock_folder(dir.path(), lock), Err(FileError::Locked { .. })));
        }
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(matches!(check_output_folder(&file, 0), Err(FileError::Folder { .. })));
    }

    #[test]
    fn links_inside_are_refused_and_their_targets_untouched() {
        let dir = tempfile::tempdir().unwrap();
        let (own, theirs) = (dir.path().join("own"), dir.path().join("theirs"));
        [&own, &theirs].iter().for_each(|folder| fs::create_dir(folder).unwrap());
        let target = theirs.join("precious");
        fs::write(&target, "x").unwrap();
        std::os::unix::fs::symlink(&target, own.join(LOCK)).unwrap();
        std::os::unix::fs::symlink(&theirs, own.join("shards")).unwrap();
        assert!(matches!(lock_folder(&own, Lock::Alone), Err(FileError::Link { .. })));
        assert!(matches!(subfolder(&own, "shards"), Err(FileError::Link { .. })));
        assert!(matches!(inside(&own, "shards/deeper"), Err(FileError::Link { .. })));
        assert_eq!(
            inside(&own.join("shards"), "deeper").unwrap(),
            own.join("shards/deeper"),
            "the user chose the base"
        );
        assert!(matches!(inside(&theirs, "precious"), Err(FileError::Taken { .. })));
        assert_eq!(fs::read(&target).unwrap(), b"x");
    }

    #[test]
    fn what_is_in_a_lock_file_stays() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(LOCK), "mine").unwrap();
        drop(lock_folder(dir.path(), Lock::Alone).unwrap());
        assert_eq!(fs::read(dir.path().join(LOCK)).unwrap(), b"mine");
    }

    #[test]
    fn only_temporary_files_of_dead_processes_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("table.parquet");
        let (live, _held) = temporary(&path).unwrap();
        let (dead, dropped) = temporary(&path).unwrap();
        drop(dropped);
        let kept = ["table.tmp-mine", "other.tmp-12", "table.parquet.tmp-12", "table.parquet.tmp-"];
        kept.iter().for_each(|name| fs::write(dir.path().join(name), "").unwrap());
        fs::write(dir.path().join("table.tmp-4711"), "").unwrap();
        write_atomically(&path, |out| out.write_all(b"new")).unwrap();
        assert!(live.exists() && !dead.exists() && !dir.path().join("table.tmp-4711").exists());
        assert!(kept.iter().all(|name| dir.path().join(name).exists()));
    }
}
