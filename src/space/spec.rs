//! The text that names a space with its options.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{SPACES, SearchSpace, SpaceEntry, SpaceError, definition};
use crate::text::did_you_mean;

/// A search space and its options, written `NAME` or `NAME:OPTION=VALUE,…` in text and in files: `fbnet`,
/// `nas-bench-201:cells=1,channels=16`. Options that are not set have the values of the publication.
#[derive(Clone, Debug, PartialEq)]
pub struct SpaceSpec {
    /// The name of the entry, or an alias of it, as it was written.
    name: String,
    options: BTreeMap<&'static str, String>,
}

/// Something that can be chosen about a space.
#[derive(Clone, Copy, Debug)]
pub struct SpaceOption {
    /// Its name in the text of a [`SpaceSpec`].
    pub name: &'static str,
    /// What it sets, in one line.
    pub what: &'static str,
}

/// Channels of the first stage: an option of spaces whose channels double from stage to stage.
pub const CHANNELS: SpaceOption = SpaceOption { name: "channels", what: "channels of the first stage" };
/// Cells per stage: an option of spaces that repeat a cell.
pub const CELLS: SpaceOption = SpaceOption { name: "cells", what: "cells per stage" };

impl SpaceSpec {
    /// The space called `name` (or an alias of it), as published; [`SpaceError::Unknown`] if there is none.
    pub fn new(name: &str) -> Result<Self, SpaceError> {
        SPACES.find(name)?;
        Ok(SpaceSpec { name: name.into(), options: BTreeMap::new() })
    }

    /// The name of the space, as it was written.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same space with an option set; [`SpaceError::Option`] if the space has no such option. Whether it can have the
    /// value is found out by [`SpaceSpec::open`].
    pub fn with(mut self, option: &str, value: impl fmt::Display) -> Result<Self, SpaceError> {
        let known = self.entry()?.options;
        let refuse = |reason| SpaceError::Option { space: self.name.clone(), reason };
        let Some(found) = known.iter().find(|o| o.name == option) else {
            let names: Vec<&str> = known.iter().map(|o| o.name).collect();
            let hint = did_you_mean(option, names.iter().copied());
            let takes = if names.is_empty() { "none".to_owned() } else { names.join(" and ") };
            return Err(refuse(format!("it has no option `{option}`{hint}; it takes {takes}")));
        };
        self.options.insert(found.name, value.to_string());
        Ok(self)
    }

    /// [`SpaceSpec::with`] that refuses another value than one set before.
    fn with_once(self, option: &str, value: &str) -> Result<Self, SpaceError> {
        match self.options.get(option) {
            Some(other) if other != value => {
                let reason = format!("`{option}` is set twice, to {other} and to {value}; set it once");
                Err(SpaceError::Option { space: self.name, reason })
            }
            _ => self.with(option, value),
        }
    }

    /// The registry entry of the space.
    pub fn entry(&self) -> Result<&'static SpaceEntry, SpaceError> {
        Ok(SPACES.find(&self.name)?)
    }

    /// The value of an option, None if it is not set; [`SpaceError::Option`] if it is not a `T`.
    pub fn option<T: FromStr>(&self, option: &str) -> Result<Option<T>, SpaceError> {
        let Some(value) = self.options.get(option) else { return Ok(None) };
        let refuse = |_| SpaceError::Option {
            space: self.name.clone(),
            reason: format!("`{option}` cannot be `{value}`; give a number, such as {option}=4"),
        };
        value.parse().map(Some).map_err(refuse)
    }

    /// Opens the space; [`SpaceError::Option`] for a value that an option cannot have.
    pub fn open(&self) -> Result<Box<dyn SearchSpace>, SpaceError> {
        (self.entry()?.open)(self)
    }

    /// The space in the settings of a run: their keys are those of [`in_settings`]. None without the key `space`.
    pub fn of_settings(settings: &Value) -> Result<Option<Self>, SpaceError> {
        in_settings::Keys::deserialize(settings).map_or(Ok(None), in_settings::Keys::spec)
    }

    /// The channels of the first stage and the cells per stage: those set, the `published` ones otherwise.
    pub(super) fn skeleton(
        &self,
        published: (usize, usize),
        least_channels: usize,
    ) -> Result<(usize, usize), SpaceError> {
        let channels = self.option(CHANNELS.name)?.unwrap_or(published.0);
        let cells = self.option(CELLS.name)?.unwrap_or(published.1);
        if !(least_channels..=1024).contains(&channels) || !(1..=100).contains(&cells) {
            let reason = format!(
                "{channels} initial channels and {cells} cells per stage: they must be within {least_channels}..=1024 and \
                 1..=100"
            );
            return Err(SpaceError::Option { space: self.name.clone(), reason });
        }
        Ok((channels, cells))
    }
}

impl Default for SpaceSpec {
    /// NAS-Bench-201 as published.
    fn default() -> Self {
        SpaceSpec { name: super::nas_bench_201::ENTRY.name.into(), options: BTreeMap::new() }
    }
}

impl FromStr for SpaceSpec {
    type Err = SpaceError;

    /// Reads `NAME` or `NAME:OPTION=VALUE,…`; the path of a space file, which ends in `.toml`, can take the place of the name. The
    /// errors are those of [`SpaceSpec::new`] and [`SpaceSpec::with`], and [`SpaceError::File`].
    fn from_str(text: &str) -> Result<Self, SpaceError> {
        let end = text.find(".toml:").map(|start| start + ".toml".len());
        let end = end.or_else(|| text.trim_end().ends_with(".toml").then_some(text.len())).or_else(|| text.find(':'));
        let (name, options) = end.map_or((text, ""), |end| (&text[..end], text[end..].trim_start_matches(':')));
        let spec = match name.trim() {
            file if file.ends_with(".toml") => SpaceSpec::new(definition::load(Path::new(file))?.name)?,
            name => SpaceSpec::new(name)?,
        };
        options.split(',').filter(|part| !part.trim().is_empty()).try_fold(spec, |spec, part| {
            let (option, value) = part.split_once('=').unwrap_or((part, ""));
            spec.with_once(option.trim(), value.trim())
        })
    }
}

impl fmt::Display for SpaceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (i, (option, value)) in self.options.iter().enumerate() {
            write!(f, "{}{option}={value}", if i == 0 { ':' } else { ',' })?;
        }
        Ok(())
    }
}

crate::text::serde_as_text!(SpaceSpec);

pub mod in_settings {
    //! How settings hold a space, with `#[serde(flatten, with = "in_settings")]`: the key `space`, and the keys
    //! `init_channels` and `cells` for the options that version 0.1.0 had. So folders and files of every version compare
    //! equal, whichever way their options were written. A space of a file brings the file's text, `space_definition`: what was
    //! found in it stays readable wherever the file is, and a file that was changed is another space.

    use super::*;

    #[derive(Default, Serialize, Deserialize)]
    pub(super) struct Keys {
        #[serde(skip_serializing_if = "Option::is_none")]
        space: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        init_channels: Option<usize>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cells: Option<usize>,
        #[serde(skip_serializing_if = "Option::is_none")]
        space_definition: Option<String>,
    }

    impl Keys {
        pub(super) fn spec(self) -> Result<Option<SpaceSpec>, SpaceError> {
            if let Some(text) = &self.space_definition {
                definition::register("the space definition in the settings", text)?;
            }
            let skeleton = [(CHANNELS.name, self.init_channels), (CELLS.name, self.cells)];
            let set = |spec: SpaceSpec| {
                let mut given = skeleton.into_iter().filter_map(|(option, value)| Some((option, value?)));
                given.try_fold(spec, |spec, (option, value)| spec.with_once(option, &value.to_string()))
            };
            self.space.as_deref().map(|text| text.parse().and_then(set)).transpose()
        }
    }

    /// Writes the keys.
    pub fn serialize<S: Serializer>(spec: &SpaceSpec, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rest = spec.clone();
        let mut number = |option| {
            let number: Option<usize> = spec.option(option).ok().flatten();
            number.inspect(|_| drop(rest.options.remove(option)))
        };
        let (init_channels, cells) = (number(CHANNELS.name), number(CELLS.name));
        let space_definition = spec.entry().ok().and_then(|entry| entry.definition).map(String::from);
        Keys { space: Some(rest.to_string()), init_channels, cells, space_definition }.serialize(serializer)
    }

    /// Reads the keys; without `space` it is [`SpaceSpec::default`].
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SpaceSpec, D::Error> {
        let mut keys = Keys::deserialize(deserializer)?;
        keys.space.get_or_insert_with(|| SpaceSpec::default().name);
        Ok(keys.spec().map_err(serde::de::Error::custom)?.unwrap_or_default())
    }

    /// Reads the keys, of which `space` must not be absent.
    pub fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SpaceSpec, D::Error> {
        let spec = Keys::deserialize(deserializer)?.spec().map_err(serde::de::Error::custom)?;
        spec.ok_or_else(|| serde::de::Error::missing_field("space"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Settings {
        #[serde(flatten, with = "in_settings")]
        space: SpaceSpec,
        seed: u64,
    }

    impl Default for Settings {
        fn default() -> Self {
            Settings { space: SpaceSpec::default(), seed: 3 }
        }
    }

    fn spec(text: &str) -> SpaceSpec {
        text.parse().unwrap()
    }

    #[test]
    fn text_is_read_and_written() {
        for text in ["fbnet", "nb101:cells=2", "nas-bench-201:cells=1,channels=16"] {
            assert_eq!(spec(text).to_string(), text);
            assert_eq!(serde_json::from_value::<SpaceSpec>(json!(text)).unwrap(), spec(text));
        }
        assert_eq!(spec(" nas-bench-201 : channels = 16 , cells=1,"), spec("nas-bench-201:cells=1,channels=16"));
        for (text, part) in [
            ("nas-bench-20l", "did you mean `nas-bench-201`?"),
            ("nas-bench-201:chanels=4", "no option `chanels` (did you mean `channels`?); it takes channels and cells"),
            ("fbnet:cells=1", "it takes none"),
            ("nb201:cells=1,cells=2", "set twice, to 1 and to 2"),
        ] {
            let message = text.parse::<SpaceSpec>().unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
        for (text, part) in
            [("nb201:cells=x", "cannot be `x`"), ("nb201:cells=0", "1..=100"), ("nb101:channels=3", "4..=1024")]
        {
            let message = spec(text).open().err().unwrap().to_string();
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn settings_of_every_version_are_one() {
        let written = json!({ "space": "nas-bench-201", "init_channels": 4, "cells": 1, "seed": 3 });
        let both = [written.clone(), json!({ "space": "nas-bench-201:channels=4,cells=1" })];
        for text in both {
            let settings: Settings = serde_json::from_value(text).unwrap();
            assert_eq!(settings.space, spec("nas-bench-201:channels=4,cells=1"));
            assert_eq!(json!(settings), written);
            assert_eq!(SpaceSpec::of_settings(&written).unwrap().unwrap(), settings.space);
        }
        assert_eq!(serde_json::from_value::<Settings>(json!({})).unwrap(), Settings::default());
        assert_eq!(SpaceSpec::of_settings(&json!({ "seed": 3 })).unwrap(), None);
        for (wrong, part) in [
            (json!({ "space": "fbnet", "cells": 1 }), "no option `cells`"),
            (json!({ "space": "nas-bench-201:cells=2", "cells": 1 }), "set twice"),
            (json!({ "sead": 3 }), "unknown field `sead`"),
        ] {
            let message = serde_json::from_value::<Settings>(wrong).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
        let toml = toml::to_string_pretty(&toml::from_str::<Settings>("cells = 1\n").unwrap()).unwrap();
        assert_eq!(toml, "space = \"nas-bench-201\"\ncells = 1\nseed = 3\n");
    }
}
