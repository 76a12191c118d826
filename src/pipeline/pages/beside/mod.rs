//! Several runs side by side.

mod agreement;
mod page;
mod settings;
mod table;

use std::path::Path;

use serde::Serialize;

pub use agreement::Agreement;
pub use settings::Setting;

use super::Loaded;
use crate::pipeline::RunError;
use crate::pipeline::findings::ProxyRow;
use crate::pipeline::results::{Best, SearchCurve};
use crate::report::document::{Document, Estimate};

/// Best networks named of each run.
const BEST: usize = 5;

/// One proxy in one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Correlation {
    /// Position of the run.
    pub run: usize,
    /// The proxy.
    pub proxy: String,
    /// Whether it only measures size.
    pub baseline: bool,
    /// Networks behind it.
    pub networks: u64,
    /// Spearman correlation with accuracy.
    pub spearman: Option<Estimate>,
    /// Kendall correlation with accuracy.
    pub kendall: Option<Estimate>,
}

/// Several runs side by side.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Beside {
    /// Version of naslens.
    pub naslens: &'static str,
    /// Names of the runs: what their paths do not have in common.
    pub runs: Vec<String>,
    /// What each is.
    pub kinds: Vec<&'static str>,
    /// Settings that differ.
    pub settings: Vec<Setting>,
    /// Number of settings that all runs have in common.
    pub common_settings: usize,
    /// Every proxy in every run whose accuracies are known.
    pub correlations: Vec<Correlation>,
    /// The best networks of every run.
    pub best: Vec<Vec<Best>>,
    /// How far two runs rank the networks that both have in the same order.
    pub agreement: Vec<Agreement>,
    /// Their searches.
    #[serde(skip)]
    searches: Vec<SearchCurve>,
}

/// Compares runs: two or more.
pub fn beside(loaded: &[Loaded]) -> Result<Beside, RunError> {
    if loaded.len() < 2 {
        return Err(RunError::Refused(format!(
            "--compare needs two runs or more, there is {}; name more, or a folder that holds several",
            loaded.len()
        )));
    }
    let noted: Vec<&serde_json::Value> = loaded.iter().map(|run| &run.contents.settings).collect();
    let (settings, common_settings) = settings::differing(&noted);
    let rows = |(run, loaded): (usize, &Loaded)| {
        let row = move |row: &ProxyRow| Correlation {
            run,
            proxy: row.name.clone(),
            baseline: row.baseline,
            networks: row.n,
            spearman: row.spearman,
            kendall: row.kendall,
        };
        loaded.contents.proxies.iter().map(row).collect::<Vec<_>>()
    };
    Ok(Beside {
        naslens: env!("CARGO_PKG_VERSION"),
        runs: names(&loaded.iter().map(|run| run.path.as_path()).collect::<Vec<_>>()),
        kinds: loaded.iter().map(|run| run.kind.name).collect(),
        settings,
        common_settings,
        correlations: loaded.iter().enumerate().flat_map(rows).collect(),
        best: loaded.iter().map(|run| run.contents.best.iter().take(BEST).cloned().collect()).collect(),
        agreement: agreement::agreements(loaded)?,
        searches: loaded.iter().flat_map(|run| run.contents.searches.clone()).collect(),
    })
}

impl Beside {
    /// The page.
    pub fn page(&self) -> Document {
        page::page(self)
    }

    /// Writes the comparison as a long table; see the documentation of `naslens report`.
    pub fn write(&self, path: &Path) -> Result<(), RunError> {
        Ok(table::write_rows(path, self)?)
    }
}

/// Paths without the folders that all have in common.
fn names(paths: &[&Path]) -> Vec<String> {
    let parts: Vec<Vec<String>> = paths
        .iter()
        .map(|path| path.components().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect())
        .collect();
    let shortest = parts.iter().map(Vec::len).min().unwrap_or(0);
    let common = (0..shortest.saturating_sub(1)).take_while(|&i| parts.iter().all(|p| p[i] == parts[0][i])).count();
    parts.iter().map(|p| p[common..].join("/")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_leave_out_common_folders() {
        let of = |paths: &[&str]| names(&paths.iter().map(Path::new).collect::<Vec<_>>());
        assert_eq!(of(&["runs/space=a/seed=1", "runs/space=a/seed=2"]), ["seed=1", "seed=2"]);
        assert_eq!(of(&["runs/a", "other/b/c"]), ["runs/a", "other/b/c"]);
        assert_eq!(of(&["a", "a"]), ["a", "a"]);
    }
}
