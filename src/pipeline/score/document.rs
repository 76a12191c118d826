//! Models and their scores as a document.

use super::{ModelScores, ModelTable, ModelWeights};
use crate::report::document::{Cell, Document, Rows, Section, facts};
use crate::text::thousands;

impl ModelTable {
    /// A row per model, and what is said of some of them.
    pub fn document(&self) -> Document {
        let name = |m: &ModelScores| m.file.file_name().unwrap_or(m.file.as_os_str()).to_string_lossy().into_owned();
        let costs = Rows::of("Models", "Multiply-accumulates and activations are those of one image.", &self.models)
            .column("Model", |m| Cell::text(name(m)))
            .column("Images", |m| Cell::text(m.image.to_string()))
            .column("#Outputs", |m| Cell::Count(m.classes as u64))
            .column("Data", |m| Cell::text(m.data.clone()))
            .column("#Classes", |m| Cell::Count(m.data_classes as u64))
            .column("#Parameters", |m| Cell::Count(m.params))
            .column("#MACs", |m| Cell::Count(m.macs))
            .column("#Activations", |m| Cell::Count(m.activations))
            .column("#Layers", |m| Cell::Count(m.layers as u64));
        let mut scores = Rows::of("Scores", "A score that is no number is the reason why there is none.", &self.models)
            .column("Model", |m| Cell::text(name(m)));
        let proxies = self.models.first().map(|m| m.scores.as_slice()).unwrap_or_default();
        for (k, score) in proxies.iter().enumerate() {
            scores = scores.column(&format!("#{}", score.proxy), move |m: &&ModelScores| match m.scores[k].value {
                Some(value) => Cell::text(number(value)),
                None => Cell::text(m.scores[k].status.name()),
            });
        }
        let weights = match self.weights {
            ModelWeights::Drawn => "drawn, as for an untrained network",
            ModelWeights::File => "those of the file",
        };
        let known = facts([
            ("Weights", weights.to_owned()),
            ("Images", format!("{} in a batch", thousands(self.images as u64))),
        ]);
        let mut sections = vec![Section::table("models", "", costs)];
        if !proxies.is_empty() {
            sections.push(Section::table("scores", "", scores));
        }
        let notes = self.notes();
        if !notes.is_empty() {
            sections.push(Section::new("notes", "Notes", Vec::new()).with_text(notes));
        }
        let title = match self.models.len() {
            1 => "One model".to_owned(),
            n => format!("{n} models"),
        };
        Document { title, facts: known, sections, ..Document::default() }
    }

    /// What is said of models and why scores are not defined, each sentence once with the models it holds for.
    fn notes(&self) -> Vec<String> {
        let mut sentences: Vec<(String, Vec<String>)> = Vec::new();
        for model in &self.models {
            let name = model.file.file_name().unwrap_or(model.file.as_os_str()).to_string_lossy().into_owned();
            let reasons = model.scores.iter().filter_map(|s| Some(format!("{}: {}", s.proxy, s.reason.as_ref()?)));
            for sentence in model.notes.iter().cloned().chain(reasons) {
                match sentences.iter_mut().find(|(known, _)| *known == sentence) {
                    Some((_, models)) => models.push(name.clone()),
                    None => sentences.push((sentence, vec![name.clone()])),
                }
            }
        }
        sentences.into_iter().map(|(sentence, models)| format!("{}: {sentence}", models.join(", "))).collect()
    }
}

fn number(value: f64) -> String {
    match value.abs() {
        v if v == 0.0 || (1e-3..1e6).contains(&v) => format!("{value:.4}"),
        _ => format!("{value:.4e}"),
    }
}
