//! Files that are either whole or absent.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Why a file or folder could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The folder cannot be made or written.
    #[error("cannot write to the folder {}: {source}; choose another --out or change its permissions", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The disk is nearly full.
    #[error(
        "not enough disk: {} has {available_mb} MB free, the run may need {needed_mb} MB; free some space or choose \
         another --out", path.display()
    )]
    DiskFull {
        /// The folder.
        path: PathBuf,
        /// Free space, 1e6 bytes.
        available_mb: u64,
        /// Estimated need, 1e6 bytes.
        needed_mb: u64,
    },
    /// Writing failed; the file keeps its old content.
    #[error("cannot write {}: {reason}; nothing was changed, so free some space or fix the folder and run again", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// Another process writes to the same folder.
    #[error("{} is in use by another naslens process; wait for it or choose another --out", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
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
    let probe = dir.join(format!(".naslens-{}", std::process::id()));
    File::create(&probe)?;
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

/// Locks the folder against other naslens processes until the returned file is dropped.
pub(crate) fn lock_folder(dir: &Path) -> Result<File, FileError> {
    let path = dir.join(".lock");
    let file = File::create(&path).map_err(|source| FileError::Folder { path: dir.into(), source })?;
    match file.try_lock() {
        Ok(()) => {
            remove_temporaries(dir);
            Ok(file)
        }
        Err(fs::TryLockError::WouldBlock) => Err(FileError::Locked { path: dir.into() }),
        // File systems without locks: go on, the lock only guards against a mistake.
        Err(fs::TryLockError::Error(_)) => Ok(file),
    }
}

/// Removes what processes left behind that were killed while writing; nobody else writes while the folder is locked.
fn remove_temporaries(dir: &Path) {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    for path in entries.map(|e| e.path()) {
        if path.extension().and_then(|e| e.to_str()).is_some_and(|e| e.starts_with(TEMPORARY)) {
            let _ = fs::remove_file(path);
        }
    }
}

/// Start of the extension of a file that is not yet whole.
const TEMPORARY: &str = "tmp-";

/// Writes a file under a temporary name and renames it when it is whole: readers see the old content or the new, and a
/// failure leaves nothing behind.
pub fn write_atomically<E: std::fmt::Display>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<(), E>,
) -> Result<(), FileError> {
    let temporary = path.with_extension(format!("{TEMPORARY}{}", std::process::id()));
    let refuse = |reason: String| {
        // The temporary file may not exist; either way there is nothing more to do about it.
        let _ = fs::remove_file(&temporary);
        FileError::Write { path: path.into(), reason }
    };
    let file = File::create(&temporary).map_err(|e| refuse(e.to_string()))?;
    let mut out = BufWriter::new(file);
    write(&mut out).map_err(|e| refuse(e.to_string()))?;
    out.flush().and_then(|()| out.get_ref().sync_all()).map_err(|e| refuse(e.to_string()))?;
    fs::rename(&temporary, path).map_err(|e| refuse(e.to_string()))
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
    fn too_little_disk_and_second_processes_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let err = check_output_folder(dir.path(), u64::MAX / 2).unwrap_err().to_string();
        assert!(err.contains("not enough disk"), "{err}");
        let _held = lock_folder(dir.path()).unwrap();
        assert!(matches!(lock_folder(dir.path()), Err(FileError::Locked { .. })));
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(matches!(check_output_folder(&file, 0), Err(FileError::Folder { .. })));
    }
}
