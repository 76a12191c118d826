//! Settings that differ.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::pipeline::results::read;

/// A setting in which runs differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// Its name, with dots between the levels.
    pub name: String,
    /// Its value in every run; None where the run does not have it.
    pub values: Vec<Option<String>>,
}

/// The settings that are not the same in all runs, by name, and the number of those that are.
pub(super) fn differing(runs: &[&Value]) -> (Vec<Setting>, usize) {
    let flat: Vec<BTreeMap<String, String>> = runs.iter().map(|run| flattened(run)).collect();
    let mut names: Vec<&String> = flat.iter().flat_map(BTreeMap::keys).collect();
    names.sort_unstable();
    names.dedup();
    let all = names.len();
    let setting = |name: &String| {
        let values: Vec<Option<String>> = flat.iter().map(|run| run.get(name).cloned()).collect();
        let equal = values.iter().all(|v| *v == values[0]);
        (!equal).then(|| Setting { name: name.clone(), values })
    };
    let differing: Vec<Setting> = names.into_iter().filter_map(setting).collect();
    let common = all - differing.len();
    (differing, common)
}

fn flattened(value: &Value) -> BTreeMap<String, String> {
    let mut flat = BTreeMap::new();
    flatten("", value, &mut flat);
    flat
}

fn flatten(name: &str, value: &Value, flat: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                let name = if name.is_empty() { field.clone() } else { format!("{name}.{field}") };
                flatten(&name, value, flat);
            }
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(read::text).collect();
            flat.insert(name.into(), items.join(", "));
        }
        Value::Null => {}
        plain => {
            flat.insert(name.into(), read::text(plain));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_differs_is_named() {
        let runs = [
            json!({ "space": "a", "train": { "epochs": 4, "lr": 0.1 }, "proxies": ["x", "y"], "limit": null }),
            json!({ "space": "a", "train": { "epochs": 8, "lr": 0.1 }, "proxies": ["x"], "limit": 3 }),
        ];
        let (settings, common) = differing(&[&runs[0], &runs[1]]);
        let shown: Vec<(&str, Vec<&str>)> = settings
            .iter()
            .map(|s| (s.name.as_str(), s.values.iter().map(|v| v.as_deref().unwrap_or("-")).collect()))
            .collect();
        assert_eq!(
            shown,
            [("limit", vec!["-", "3"]), ("proxies", vec!["x, y", "x"]), ("train.epochs", vec!["4", "8"])]
        );
        assert_eq!(common, 2);
    }
}
