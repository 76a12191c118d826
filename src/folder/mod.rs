//! The folder of a run: which settings it belongs to, who writes in it, and which of its files are naslens' own.
//!
//! A [`Folder`] is opened for one [`Kind`] of results and one set of settings, which are noted in it. Files of other people
//! are never touched: a name that naslens has to write and that is taken by something else is refused, and so are links
//! inside the folder. The folder itself is the user's choice and may be a link.
//!
//! ```
//! use naslens::folder::{Folder, Made, SCREEN, Settings};
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Config { seed: u64 }
//! impl Settings for Config {}
//!
//! let (dir, made) = (tempfile::tempdir()?, Made::here(tch::Device::Cpu, String::new()));
//! drop(Folder::open(dir.path(), &SCREEN, &Config { seed: 0 }, &made, false, 0)?);
//! assert!(Folder::check(dir.path(), &SCREEN, &Config { seed: 0 }, false).is_ok());
//! assert!(Folder::check(dir.path(), &SCREEN, &Config { seed: 1 }, false).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod kind;
mod note;
mod own;
mod settings;

use std::fs::File;
use std::path::{Path, PathBuf};

pub use error::FolderError;
pub use kind::{
    COMPARISON, CONFIRMATION, DONE, Kind, LABELS, LEARNING, Part, RUN, SCREEN, SEARCH, SHARDS, SIMULATION, TABLE,
    TRAINED, WINNER, is_shard,
};
pub use note::Made;
pub use own::{refuse_foreign, set_aside};
pub use settings::{Settings, read_settings, to_toml};

use crate::files::{self, FileError, Lock};
use note::{Note, State};

/// A folder that is locked against other naslens processes until it is dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Opens the folder for results of these settings, made as `made` says, and notes both. A folder with such results goes
    /// on; one with results of other settings is an error, or loses them with `overwrite`. About `bytes` will be written.
    pub fn open<S: Settings>(
        path: &Path,
        kind: &'static Kind,
        settings: &S,
        made: &Made,
        overwrite: bool,
        bytes: u64,
    ) -> Result<Self, FolderError> {
        // Before the lock, so that nothing is left in a folder that is refused; with it, since another process may have
        // noted its settings meanwhile.
        let note = Note::new(path, kind, settings, Some(made))?;
        note.state::<S>(overwrite)?;
        let folder = Folder::locked(path, Lock::Alone, bytes)?;
        match note.state::<S>(overwrite)? {
            State::Own => {}
            State::OwnUnnoted => note.complete()?,
            State::Free => {
                if overwrite {
                    kind.discard(path)?;
                }
                note.write()?;
            }
        }
        kind.set_aside_foreign(path);
        Ok(folder)
    }

    /// Opens the folder for one of several processes that each write into a [`Folder::part`] of their own. Nobody is alone
    /// in it meanwhile, as [`Folder::open`] wants to be. The first process notes the settings, the others must have equal ones.
    pub fn open_together<S: Settings>(
        path: &Path,
        kind: &'static Kind,
        settings: &S,
        made: &Made,
        bytes: u64,
    ) -> Result<Self, FolderError> {
        let note = Note::new(path, kind, settings, Some(made))?;
        note.state::<S>(false)?;
        let folder = Folder::locked(path, Lock::Together, bytes)?;
        match note.state::<S>(false)? {
            State::Own => {}
            State::OwnUnnoted => note.complete()?,
            State::Free => {
                note.write_first()?;
                note.state::<S>(false)?;
            }
        }
        Ok(folder)
    }

    /// Opens a folder with results of these settings in order to put them together: nothing is computed, so the device that
    /// `made` names need not be theirs.
    pub fn reopen<S: Settings>(
        path: &Path,
        kind: &'static Kind,
        settings: &S,
        made: &Made,
        bytes: u64,
    ) -> Result<Self, FolderError> {
        let note = Note::new(path, kind, settings, Some(made))?.for_reading();
        note.must_be_there::<S>()?;
        let folder = Folder::locked(path, Lock::Alone, bytes)?;
        note.must_be_there::<S>()?;
        kind.set_aside_foreign(path);
        Ok(folder)
    }

    /// Opens the folder for the results of other folders, all of which must belong to the same settings, made the same way;
    /// so must what is there already. Nothing in the other folders is changed.
    pub fn open_for<S: Settings>(
        path: &Path,
        kind: &'static Kind,
        sources: &[PathBuf],
        bytes: u64,
    ) -> Result<Self, FolderError> {
        let first = sources.first().map_or(path, PathBuf::as_path);
        let note = Note::copied::<S>(path, kind, first)?;
        sources.iter().skip(1).try_for_each(|source| note.check_same::<S>(first, source))?;
        sources.iter().try_for_each(|source| kind.refuse_links(source))?;
        note.state::<S>(false)?;
        let folder = Folder::locked(path, Lock::Alone, bytes)?;
        if let State::Free = note.state::<S>(false)? {
            note.write()?;
        }
        Ok(folder)
    }

    /// An error if [`Folder::open`] with these settings would be one, whatever they were made with; changes nothing.
    pub fn check<S: Settings>(
        path: &Path,
        kind: &'static Kind,
        settings: &S,
        overwrite: bool,
    ) -> Result<(), FolderError> {
        Note::new(path, kind, settings, None)?.state::<S>(overwrite).map(|_| ())
    }

    /// Opens the folder for results that are computed afresh each time: earlier ones are replaced, files of others refused.
    pub fn results(path: &Path, kind: &'static Kind, bytes: u64) -> Result<Self, FolderError> {
        kind.refuse_foreign(path)?;
        Folder::locked(path, Lock::Alone, bytes)
    }

    /// Locks the folder without a claim on anything in it.
    pub fn shared(path: &Path) -> Result<Self, FolderError> {
        Ok(Folder { path: path.into(), _lock: files::lock_folder(path, Lock::Alone)? })
    }

    /// The folder `name` in it, made if needed and locked for this process alone; a link in its place is refused.
    pub fn part(&self, name: &str) -> Result<Self, FolderError> {
        Folder::shared(&self.subfolder(name)?)
    }

    fn locked(path: &Path, lock: Lock, bytes: u64) -> Result<Self, FolderError> {
        files::check_output_folder(path, bytes)?;
        Ok(Folder { path: path.into(), _lock: files::lock_folder(path, lock)? })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file `name` in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The folder `name` in it, made if needed; a link in its place is refused.
    pub fn subfolder(&self, name: &str) -> Result<PathBuf, FileError> {
        files::subfolder(&self.path, name)
    }
}

#[cfg(test)]
mod tests;
