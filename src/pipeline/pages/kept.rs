//! Runs and confirmations: they keep what their page says in `report.json`, and the page is made from that again.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::pipeline::RunError;
use crate::pipeline::confirm::{Comparison, learning};
use crate::pipeline::findings::{Findings, Overview, Reproduction};
use crate::pipeline::results::{Contents, KindEntry, PageOptions, REPORT_FILE, Saved, read};
use crate::pipeline::run::{TopNetwork, best, predictions_section, top_section};
use crate::report::document::{Document, Drawing, LearningCurve, Predictions};

pub(super) const RUN: KindEntry = KindEntry {
    name: "run",
    title: "a space screened, networks labelled, predicted and confirmed",
    command: "naslens run",
    files: "run.toml, report.json",
    recognise: |path| path.join("run.toml").is_file(),
    read: |path, options| kept(path, options, "run", "run.toml"),
};

pub(super) const CONFIRM: KindEntry = KindEntry {
    name: "confirmation",
    title: "finalists trained against controls",
    command: "naslens confirm",
    files: "confirm.toml, report.json",
    recognise: |path| path.join("confirm.toml").is_file(),
    read: |path, options| kept(path, options, "confirm", "confirm.toml"),
};

/// What is in the file, of this version or of 0.1.0.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Kept {
    Old { page: Box<Page> },
    Saved(Saved),
}

fn kept(path: &Path, _: &PageOptions, what: &'static str, settings: &str) -> Result<Contents, RunError> {
    let file = path.join(REPORT_FILE);
    if !file.is_file() {
        return Err(read::unfinished(path, what));
    }
    let saved = match read::json(&file)? {
        Kept::Old { page } => page.saved(),
        Kept::Saved(saved) => saved,
    };
    let settings = std::fs::read_to_string(path.join(settings)).ok().and_then(|text| toml::from_str(&text).ok());
    let Saved { document, proxies, best } = saved;
    Ok(Contents { document, proxies, best, settings: settings.unwrap_or(Value::Null), ..Contents::default() })
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Page {
    title: String,
    verdict: Vec<String>,
    overview: Overview,
    #[serde(flatten)]
    findings: Findings,
    comparison: Option<Comparison>,
    predictions: Vec<Predictions>,
    top: Vec<TopNetwork>,
    drawings: Vec<Drawing>,
    curves: Vec<LearningCurve>,
    reproduction: Reproduction,
}

impl Page {
    /// The same as it is kept now.
    pub fn saved(self) -> Saved {
        let accuracy = self.overview.accuracy().to_owned();
        let mut sections: Vec<_> = self.findings.verdict().into_iter().collect();
        sections.extend(self.comparison.map(|c| c.section(&accuracy)));
        sections.extend(self.findings.sections(&accuracy, &accuracy, self.overview.scored));
        sections.push(predictions_section(self.predictions));
        if !self.top.is_empty() {
            sections.push(top_section(&self.top, self.drawings, &accuracy));
        }
        sections.push(learning(self.curves));
        sections.push(self.reproduction.section());
        let document = Document { title: self.title, verdict: self.verdict, facts: self.overview.facts(), sections };
        Saved { document, proxies: self.findings.proxies.rows, best: best(&self.top) }
    }
}
