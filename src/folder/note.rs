//! The note of a folder: its settings, and what its results were made with.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::settings::MADE;
use super::{FolderError, Kind, Settings, to_toml};
use crate::engine::arithmetic;
use crate::files::{FileError, LOCK, write_atomically, write_first};

/// Changes whenever equal settings give other scores or trainings than before.
const SCORING: u32 = 2;

/// What results depend on besides the settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// Version of naslens. It need not be the same, but not newer.
    pub version: String,
    /// Version of the computations.
    pub scoring: u32,
    /// Version of libtorch.
    pub libtorch: String,
    /// Arithmetic of the scores.
    pub precision: String,
    /// Kind of device, `cpu` or `cuda`: it decides the rounding.
    pub device: String,
    /// Hash of the images and labels; equal names do not make equal images.
    pub images: String,
}

impl Made {
    /// By this program, on this kind of device, with images of this hash.
    pub fn here(device: tch::Device, images: String) -> Self {
        Made {
            version: env!("CARGO_PKG_VERSION").into(),
            scoring: SCORING,
            libtorch: crate::LIBTORCH_VERSION.into(),
            precision: arithmetic(device).into(),
            device: if device.is_cuda() { "cuda" } else { "cpu" }.into(),
            images,
        }
    }
}

/// What a folder is to belong to.
pub(super) struct Note<'a> {
    dir: &'a Path,
    kind: &'static Kind,
    name: &'static str,
    text: String,
    settings: Map<String, Value>,
    made: Value,
    /// Whether naslens has used the folder before.
    used: bool,
}

/// What a folder is.
pub(super) enum State {
    /// It has no results of this kind, or they are to be discarded.
    Free,
    /// It has results of these settings.
    Own,
    /// The same, but it is not noted what they were made with.
    OwnUnnoted,
}

impl<'a> Note<'a> {
    pub fn new<S: Settings>(
        dir: &'a Path,
        kind: &'static Kind,
        settings: &S,
        made: Option<&Made>,
    ) -> Result<Self, FolderError> {
        let refuse = |e: serde_json::Error| FolderError::Settings(e.to_string());
        let name = kind.note.unwrap_or_default();
        let fields = fields(settings)?;
        let text = match made {
            Some(made) if !is_json(name) => format!("{}\n[{MADE}]\n{}", to_toml(settings)?, to_toml(made)?),
            made => {
                let mut all = fields.clone();
                all.insert(MADE.into(), json!(made));
                serde_json::to_string_pretty(&all).map_err(refuse)?
            }
        };
        let made = serde_json::to_value(made).map_err(refuse)?;
        Ok(Note { dir, kind, name, text, settings: fields, made, used: is_used(dir) })
    }

    /// The note that another folder has, for this one.
    pub fn copied<S: Settings>(dir: &'a Path, kind: &'static Kind, from: &Path) -> Result<Self, FolderError> {
        let name = kind.note.unwrap_or_default();
        let (text, settings, made) = read::<S>(kind, from)?;
        Ok(Note { dir, kind, name, text, settings, made, used: is_used(dir) })
    }

    /// An error if the folder `other`, beside that of this note in `own`, belongs to other settings.
    pub fn check_same<S: Settings>(&self, own: &Path, other: &Path) -> Result<(), FolderError> {
        let (_, settings, made) = read::<S>(self.kind, other)?;
        let differs = difference("", &Value::Object(self.settings.clone()), &Value::Object(settings));
        let made_otherwise = || made_otherwise(&self.made, &made, true);
        match differs.or_else(made_otherwise) {
            None => Ok(()),
            Some((field, old, new)) => {
                Err(FolderError::Differ { own: own.into(), other: other.into(), field: self.called(field), old, new })
            }
        }
    }

    /// The note with nothing that only computing depends on.
    pub fn for_reading(mut self) -> Self {
        if let Value::Object(made) = &mut self.made {
            ["device", "precision"].into_iter().for_each(|key| drop(made.remove(key)));
        }
        self
    }

    /// An error if the folder has no results of these settings.
    pub fn must_be_there<S: Settings>(&self) -> Result<(), FolderError> {
        read::<S>(self.kind, self.dir)?;
        self.state::<S>(false).map(|_| ())
    }

    /// A field as the user knows it: flags of the command for JSON, keys of the configuration for TOML.
    fn called(&self, field: String) -> String {
        if is_json(self.name) { field.replace('_', "-") } else { field }
    }

    fn path(&self) -> PathBuf {
        self.dir.join(self.name)
    }

    /// Writes the note unless there is one: of several processes the first one's stays.
    pub fn write_first(&self) -> Result<(), FileError> {
        write_first(&self.path(), |file| file.write_all(self.text.as_bytes()))
    }

    /// Adds what results are made with to a note of a version that did not say it.
    pub fn complete(&self) -> Result<(), FileError> {
        log::warn!(
            "{} is of a version of naslens that noted neither its images nor its libraries: they are taken to be the same",
            self.dir.display()
        );
        self.write()
    }

    pub fn write(&self) -> Result<(), FileError> {
        write_atomically(&self.path(), |file| file.write_all(self.text.as_bytes()))
    }

    /// What the folder is; an error if it belongs to other settings, or to somebody else.
    pub fn state<S: Settings>(&self, overwrite: bool) -> Result<State, FolderError> {
        let path = self.path();
        if fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink()) {
            return Err(FileError::Link { path }.into());
        }
        self.kind.refuse_links(self.dir)?;
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(_) => match (self.without_note(overwrite), fs::read_to_string(&path)) {
                // Another process may have begun meanwhile.
                (Err(FolderError::Unknown { .. }), Ok(text)) => text,
                (state, _) => return state,
            },
        };
        let (old, made) = match parse::<S>(self.name, &text) {
            Ok(parsed) => parsed,
            Err(_) if overwrite && self.used => return Ok(State::Free),
            Err(reason) => return Err(FolderError::Damaged { path, reason }),
        };
        if let Some(found) = made["version"].as_str().filter(|found| newer(found)) {
            return Err(FolderError::Newer { path, found: found.into() });
        }
        let noted = made["version"].is_string();
        if !noted && !self.used {
            // It may be a configuration that the user put here, with files of their own.
            self.kind.refuse_foreign(self.dir)?;
            if overwrite {
                return Err(FileError::Taken { path }.into());
            }
        }
        if overwrite {
            return Ok(State::Free);
        }
        let other = difference("", &Value::Object(old), &Value::Object(self.settings.clone()));
        match other.or_else(|| made_otherwise(&made, &self.made, false)) {
            None if noted => Ok(State::Own),
            None => Ok(State::OwnUnnoted),
            Some((field, old, new)) => {
                let field = self.called(field);
                Err(FolderError::Other { dir: self.dir.into(), what: self.kind.what, field, old, new })
            }
        }
    }

    fn without_note(&self, overwrite: bool) -> Result<State, FolderError> {
        match self.kind.orphans(self.dir)?.first() {
            Some(found) if !overwrite => Err(FolderError::Unknown {
                dir: self.dir.into(),
                found: found.strip_prefix(self.dir).unwrap_or(found).display().to_string(),
                note: self.name,
            }),
            _ => Ok(State::Free),
        }
    }
}

/// What differs of what results were made with. What one of them does not say differs only if it `must` be said, since older
/// versions note less.
fn made_otherwise(old: &Value, new: &Value, must: bool) -> Option<(String, String, String)> {
    let names = [
        ("scoring", "version of the scores"),
        ("libtorch", "libtorch"),
        ("precision", "precision"),
        ("device", "device"),
        ("images", "set of images (by their hash)"),
    ];
    names.into_iter().find_map(|(key, name)| {
        let (old, new) = (old.get(key), new.get(key));
        let differ = old != new && (must || (old.is_some() && new.is_some()));
        differ.then(|| (name.to_string(), show(old), show(new)))
    })
}

/// Whether naslens has used a folder before.
fn is_used(dir: &Path) -> bool {
    let lock = fs::symlink_metadata(dir.join(LOCK));
    lock.is_ok_and(|found| found.is_file() && found.len() == 0)
}

/// The note of a folder: its text, its settings and what its results were made with.
fn read<S: Settings>(kind: &Kind, dir: &Path) -> Result<(String, Map<String, Value>, Value), FolderError> {
    let name = kind.note.unwrap_or_default();
    let path = dir.join(name);
    if fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink()) {
        return Err(FileError::Link { path }.into());
    }
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(source) => return Err(FolderError::None { dir: dir.into(), what: kind.what, note: name, source }),
    };
    let (settings, made) =
        parse::<S>(name, &text).map_err(|reason| FolderError::Damaged { path: path.clone(), reason })?;
    match made["version"].as_str().filter(|found| newer(found)) {
        Some(found) => Err(FolderError::Newer { path, found: found.into() }),
        None => Ok((text, settings, made)),
    }
}

fn is_json(name: &str) -> bool {
    name.ends_with(".json")
}

/// The settings as they are compared: all fields but those that change no result.
fn fields<S: Settings>(settings: &S) -> Result<Map<String, Value>, FolderError> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(mut fields)) => {
            S::FREE.iter().for_each(|free| drop(fields.remove(*free)));
            Ok(fields)
        }
        Ok(_) => Err(FolderError::Settings("they have no fields".into())),
        Err(error) => Err(FolderError::Settings(error.to_string())),
    }
}

/// The settings of a note as this version writes them, and what is noted on how results were made. Version 0.1.0 noted the kind
/// of device among the settings of a screen, and those of a search within `settings`.
fn parse<S: Settings>(name: &str, text: &str) -> Result<(Map<String, Value>, Value), String> {
    let value: Value = if is_json(name) {
        serde_json::from_str(text).map_err(|e| e.to_string())?
    } else {
        toml::from_str(text).map_err(|e| e.message().to_string())?
    };
    let Value::Object(mut object) = value else { return Err("it is not a table of settings".into()) };
    let made = match object.remove(MADE) {
        Some(made) => made,
        None => {
            if let Some(Value::Object(settings)) = object.remove("settings") {
                object = settings;
            }
            let device = object.remove("device").map(|device| ("device".to_string(), device));
            Value::Object(device.into_iter().collect())
        }
    };
    let settings = S::deserialize(Value::Object(object)).map_err(|e| e.to_string())?;
    Ok((fields(&settings).map_err(|e| e.to_string())?, made))
}

/// Whether a version is newer than this one; patches read each other's files.
fn newer(version: &str) -> bool {
    let numbers = |text: &str| -> Option<(u64, u64)> {
        let mut parts = text.split('.').map(|part| part.parse().ok());
        Some((parts.next()??, parts.next()??))
    };
    numbers(version) > numbers(env!("CARGO_PKG_VERSION"))
}

/// The first field that differs, by its path, with the old and the new value.
fn difference(path: &str, old: &Value, new: &Value) -> Option<(String, String, String)> {
    match (old, new) {
        (Value::Object(was), Value::Object(is)) => {
            let keys = is.keys().chain(was.keys().filter(|key| !is.contains_key(*key)));
            keys.into_iter().find_map(|key| {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match (was.get(key), is.get(key)) {
                    (Some(old), Some(new)) => difference(&path, old, new),
                    (old, new) => Some((path, show(old), show(new))),
                }
            })
        }
        _ => (old != new).then(|| (path.to_string(), show(Some(old)), show(Some(new)))),
    }
}

fn show(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "none".into(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}
