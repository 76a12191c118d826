//! A folder belongs to one configuration.

use std::path::Path;

use serde::Serialize;

use super::RunError;
use crate::files::write_atomically;

/// A configuration in the folder of its results, where trainings are kept that belong to it.
pub(super) struct Settings<'a> {
    dir: &'a Path,
    file: &'static str,
    text: String,
}

impl<'a> Settings<'a> {
    /// What `dir` is to belong to, noted in its file `file` as TOML.
    pub fn new(dir: &'a Path, file: &'static str, config: &impl Serialize) -> Result<Self, RunError> {
        Ok(Settings { dir, file, text: to_toml(config)? })
    }

    /// The configuration as TOML, defaults included.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn noted(&self) -> Option<String> {
        std::fs::read_to_string(self.dir.join(self.file)).ok()
    }

    /// An error if the folder belongs to another configuration.
    pub fn refuse_others(&self) -> Result<(), RunError> {
        match self.noted() {
            Some(old) if old != self.text => {
                let changed = self.text.lines().find(|line| !old.lines().any(|o| o == *line));
                Err(RunError::OtherRun { dir: self.dir.into(), changed: changed.unwrap_or("a removed setting").into() })
            }
            _ => Ok(()),
        }
    }

    /// Notes the configuration. The folder `trained` stays only if it belongs to it; with `overwrite` in no case.
    pub fn claim(&self, trained: &str, overwrite: bool) -> Result<(), RunError> {
        if !overwrite {
            self.refuse_others()?;
            if self.noted().is_some() {
                return Ok(());
            }
        }
        let _ = std::fs::remove_dir_all(self.dir.join(trained));
        let path = self.dir.join(self.file);
        Ok(write_atomically(&path, |file| std::io::Write::write_all(file, self.text.as_bytes()))?)
    }
}

/// Any configuration as TOML.
pub(super) fn to_toml(config: &impl Serialize) -> Result<String, RunError> {
    toml::to_string_pretty(config).map_err(|e| RunError::Value(e.to_string()))
}
