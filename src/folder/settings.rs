//! Settings as they are noted in a folder.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::FolderError;
use crate::text::excerpt;

/// Settings that the results in a folder belong to.
pub trait Settings: Serialize + DeserializeOwned {
    /// Fields that change no result of the folder: they are neither noted nor compared.
    const FREE: &'static [&'static str] = &[];
}

/// The table of a TOML note that says what results were made with; it comes last.
pub(super) const MADE: &str = "naslens";

/// Reads settings from a TOML file that a user or [`Folder::open`](super::Folder::open) wrote; or says in one line what is
/// wrong with it, and where.
pub fn read_settings<S: DeserializeOwned>(text: &str) -> Result<S, String> {
    let settings = text.split_once(&format!("\n[{MADE}]\n")).map_or(text, |(settings, _)| settings);
    toml::from_str(settings).map_err(|error| {
        let line = error.span().and_then(|span| settings.get(..span.start)).map(|before| before.lines().count().max(1));
        let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        format!("{line}{}", excerpt(error.message()))
    })
}

/// Settings as TOML, defaults included.
pub fn to_toml(settings: &impl Serialize) -> Result<String, FolderError> {
    toml::to_string_pretty(settings).map_err(|e| FolderError::Settings(e.to_string()))
}
