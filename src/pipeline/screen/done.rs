//! What a shard says of itself when it has done what it could: `done.json` in its folder.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::shard::Shard;
use super::shards::folders;
use super::{ScreenConfig, Selection};
use crate::files::{FileError, write_atomically};
use crate::folder::{DONE, refuse_foreign};
use crate::pipeline::RunError;

/// What a shard says of itself. Nothing is computed from it: messages and other programs read it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Done {
    pub naslens: String,
    pub libtorch: String,
    /// Which it is, as `3/16`.
    pub shard: String,
    /// Networks that are its to score, so far.
    pub keys: usize,
    /// Those of them that have all scores.
    pub scored: usize,
    /// Those that could not be run.
    pub failed: usize,
    /// Stages of the cascade that it has done.
    pub stages: usize,
    /// Seconds of scoring, of all times that it ran.
    pub seconds: f64,
    pub host: String,
    /// The processor and its vector instructions.
    pub machine: Value,
    pub device: String,
    pub threads: usize,
    pub selection: Chosen,
    /// All settings, proxies and cascade included.
    pub config: Value,
}

/// Which architectures were asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Chosen {
    /// A hash of their texts, whatever their order.
    pub hash: String,
    pub architectures: usize,
    /// How many were drawn, if they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<u64>,
    /// The file that lists them, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archs: Option<PathBuf>,
}

impl Chosen {
    pub fn new<'a>(selection: &Selection, texts: impl Iterator<Item = &'a String>) -> Self {
        let mut texts: Vec<&String> = texts.collect();
        texts.sort_unstable();
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        for text in &texts {
            hash.update(text.as_bytes());
            hash.update(b"\n");
        }
        Chosen {
            hash: format!("{:032x}", hash.digest128()),
            architectures: texts.len(),
            sample: if let Selection::Sample(n) = selection { Some(*n) } else { None },
            archs: if let Selection::Listed(_, origin) = selection { Some(origin.into()) } else { None },
        }
    }

    /// The option of the command.
    fn option(&self) -> String {
        match (self.sample, &self.archs) {
            (Some(n), _) => format!("--sample {n}"),
            (None, Some(file)) => format!("--archs {}", word(&file.display().to_string())),
            (None, None) => "--all".into(),
        }
    }
}

impl Done {
    /// Writes it into the folder of its shard.
    pub fn write(&self, folder: &Path) -> Result<(), RunError> {
        let path = folder.join(DONE);
        refuse_foreign(&path)?;
        let text = serde_json::to_string_pretty(self).map_err(|e| RunError::Refused(e.to_string()))?;
        Ok(write_atomically(&path, |file| file.write_all(text.as_bytes()))?)
    }

    /// That of the shard with this folder, if it has one that can be read.
    pub fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(folder.join(DONE)).ok()?).ok()
    }

    /// Those of all shards in a folder of shards.
    pub fn all(dir: &Path) -> Result<Vec<(Shard, Done)>, FileError> {
        Ok(folders(dir)?.into_iter().filter_map(|(shard, folder)| Some((shard, Done::read(&folder)?))).collect())
    }

    /// Seconds with those of the times before, of which the folder tells.
    pub fn seconds(folder: &Path, now: f64) -> f64 {
        Done::read(folder).map_or(0.0, |done| done.seconds) + now
    }

    /// Whether more was done than when the other note was written.
    pub fn further_than(&self, other: &Done) -> bool {
        (self.stages, self.scored) > (other.stages, other.scored)
    }

    /// The command that it ran, but for its machine and folder; empty if that is not known.
    pub fn command(&self) -> String {
        ScreenConfig::deserialize(&self.config).map_or(String::new(), |config| command(&config, &self.selection))
    }

    /// Whether it was done for this selection and these scores.
    pub fn is_for(&self, chosen: &Chosen, config: &ScreenConfig) -> bool {
        let asked = json!(config);
        let same = |key: &str| self.config.get(key) == asked.get(key);
        self.selection.hash == chosen.hash && same("proxies") && same("cascade")
    }
}

/// The host that wrote the files beside this one, if a note tells.
pub(super) fn host_of(path: &Path) -> Option<String> {
    Done::read(path.parent()?).map(|done| done.host).filter(|host| !host.is_empty())
}

/// Devices on which shards ran, each once.
pub(super) fn devices(done: &[(Shard, Done)]) -> Option<String> {
    let all: BTreeSet<&str> = done.iter().map(|(_, done)| done.device.as_str()).filter(|d| !d.is_empty()).collect();
    (!all.is_empty()).then(|| all.into_iter().collect::<Vec<_>>().join(", "))
}

/// The name of this host.
pub(super) fn host() -> String {
    let mut name = [0u8; 256];
    // SAFETY: the buffer is writable and as long as is said; the last byte stays 0.
    let told = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) };
    let end = name.iter().position(|&byte| byte == 0).unwrap_or(0);
    if told == 0 { String::from_utf8_lossy(&name[..end]).into_owned() } else { String::new() }
}

/// The command that screens so, but for `--out`, with the options that are not as they are by default.
pub(super) fn command(config: &ScreenConfig, chosen: &Chosen) -> String {
    let fields = |config: &ScreenConfig| match json!(config) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let usual = fields(&ScreenConfig::default());
    let mut command = format!("naslens screen {}", chosen.option());
    for (key, value) in fields(config).iter().filter(|(key, value)| usual.get(*key) != Some(value)) {
        let option = format!(" --{}", key.replace('_', "-"));
        match value {
            Value::Null | Value::Bool(false) => {}
            Value::Bool(true) => command += &option,
            value => command += &format!("{option} {}", word(&plain(value))),
        }
    }
    command
}

/// A value as an option takes it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(","),
        value => value.to_string(),
    }
}

/// A word of a shell, in quotes if it needs them.
pub(super) fn word(text: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "_-./:,=@%+".contains(c);
    if !text.is_empty() && text.chars().all(harmless) {
        text.into()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_says_what_is_not_usual() {
        let config = ScreenConfig {
            space: "nas-bench-201:channels=4,cells=1".parse().unwrap(),
            proxies: vec!["synflow".into(), "naswot".into()],
            cascade: vec!["synflow:0.5".parse().unwrap()],
            class_balanced: true,
            seed: 3,
            ..ScreenConfig::default()
        };
        let text = command(&config, &Chosen { archs: Some("my list.txt".into()), ..Chosen::default() });
        let options = [
            "--archs 'my list.txt'",
            "--init-channels 4",
            "--cells 1",
            "--proxies synflow,naswot",
            "--cascade synflow:0.5",
            "--class-balanced",
            "--seed 3",
        ];
        assert!(options.iter().all(|option| text.contains(option)), "{text}");
        assert_eq!(text.matches("--").count(), options.len(), "{text}");
        assert_eq!(command(&ScreenConfig::default(), &Chosen::default()), "naslens screen --all");
    }

    #[test]
    fn a_selection_is_known_by_its_networks() {
        let texts = |texts: &[&str]| texts.iter().map(|t| t.to_string()).collect::<Vec<_>>();
        let hash = |list: &[&str]| Chosen::new(&Selection::All, texts(list).iter()).hash;
        assert_eq!(hash(&["a", "b"]), hash(&["b", "a"]));
        assert_ne!(hash(&["a", "b"]), hash(&["ab"]));
        assert_ne!(hash(&["a"]), hash(&["a", "a"]));
    }
}
