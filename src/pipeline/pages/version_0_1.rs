//! What version 0.1.0 kept in `report.json`: findings, which were put into sections when the page was rendered.

use serde::Deserialize;

use crate::pipeline::confirm::{Comparison, learning};
use crate::pipeline::findings::{Findings, Overview, Reproduction};
use crate::pipeline::results::Saved;
use crate::pipeline::run::{TopNetwork, best, predictions_section, top_section};
use crate::report::document::{Document, Drawing, LearningCurve, Predictions};

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
