//! A folder belongs to one set of settings.

use std::path::Path;

use serde_json::{Value, json};

use super::{SHARDS, ScreenConfig, ScreenError};
use crate::files::write_atomically;
use crate::report::SCORES_FILE;

const CONFIG_FILE: &str = "screen.json";

/// Makes sure that the folder holds no run with other settings, and notes the settings.
pub(super) fn claim(
    out: &Path,
    config: &ScreenConfig,
    device: tch::Device,
    overwrite: bool,
) -> Result<(), ScreenError> {
    let path = out.join(CONFIG_FILE);
    let mut settings = json!(config);
    if let Value::Object(map) = &mut settings {
        // More proxies or architectures can be added to a run, neither a cascade nor a limit changes any of its scores, and
        // the kind of device decides its rounding.
        for free in ["proxies", "cascade", "max_latency_ms", "latency_model"] {
            map.remove(free);
        }
        map.insert("device".into(), json!(if device.is_cuda() { "cuda" } else { "cpu" }));
    }
    if overwrite {
        for stale in [path.clone(), out.join(SCORES_FILE)] {
            let _ = std::fs::remove_file(stale);
        }
        let _ = std::fs::remove_dir_all(out.join(SHARDS));
    }
    if let Ok(text) = std::fs::read_to_string(&path) {
        let Ok(old) = serde_json::from_str::<Value>(&text) else {
            return Err(ScreenError::Settings { path });
        };
        let fields = settings
            .as_object()
            .into_iter()
            .flatten()
            .map(|(k, _)| k)
            .chain(old.as_object().into_iter().flatten().map(|(k, _)| k));
        for field in fields {
            if old.get(field) != settings.get(field) {
                let show = |v: Option<&Value>| v.map_or("none".into(), |v| v.to_string().trim_matches('"').to_string());
                return Err(ScreenError::OtherRun {
                    dir: out.into(),
                    field: field.replace('_', "-"),
                    old: show(old.get(field)),
                    new: show(settings.get(field)),
                });
            }
        }
        return Ok(());
    }
    if out.join(SCORES_FILE).exists() {
        return Err(ScreenError::OtherRun {
            dir: out.into(),
            field: "origin".into(),
            old: format!("{SCORES_FILE} without {CONFIG_FILE}"),
            new: "this run".into(),
        });
    }
    Ok(write_atomically(&path, |file| serde_json::to_writer_pretty(file, &settings))?)
}
