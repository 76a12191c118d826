//! What a study has to say, as plain data: a verdict, facts, and sections made of parts. It is rendered
//! as an HTML page ([`html`](super::html)).
//!
//! Units, unless a field says otherwise: accuracies and their spreads in percent (0 to 100), times in seconds. Values that
//! are not finite are shown as a dash and never drawn; a part without usable values is left out, and a section without
//! parts or text.

mod charts;
mod estimate;
mod networks;
mod table;

use serde::{Deserialize, Serialize};

pub use charts::{CurvePanels, Front, FrontPoint, Heat, HeatRow, IntervalRow, Intervals, Line, LinePoint, Tone};
pub use estimate::{Estimate, Interval};
pub use networks::{Cost, Scatter, ScatterPanel, ScatterPoint};
pub use networks::{Drawing, Image, Learning, LearningCurve, Strip, StripGroup, TrainedNetwork};
pub use networks::{Evidence, PredictionPoint, Predictions};
pub use table::{Cell, Column, Grid, Rows};

pub use crate::candidates::{NetworkName, Role};

/// A name and what is said of it.
pub type Fact = (String, String);

/// The facts that are known: those with a value.
pub fn facts<const N: usize>(facts: [(&str, String); N]) -> Vec<Fact> {
    facts.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What a study has to say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Document {
    /// Headline and title.
    pub title: String,
    /// What was found, one plain sentence each; the first is set largest.
    pub verdict: Vec<String>,
    /// What was done, with what and where.
    pub facts: Vec<Fact>,
    /// The sections, in the order in which they are shown.
    pub sections: Vec<Section>,
}

/// A section of a document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Section {
    /// Name of its anchor: lower case, without spaces.
    pub id: String,
    /// What the list of contents calls it; its anchor if empty.
    pub link: String,
    /// Its heading.
    pub heading: String,
    /// Paragraphs under the heading.
    pub text: Vec<String>,
    /// What it shows.
    pub parts: Vec<Part>,
}

impl Section {
    /// A section of these parts.
    pub fn new(id: &str, heading: impl Into<String>, parts: Vec<Part>) -> Self {
        Section { id: id.into(), heading: heading.into(), parts, ..Section::default() }
    }

    /// A section of one table.
    pub fn table(id: &str, heading: impl Into<String>, grid: impl Into<Grid>) -> Self {
        Section::new(id, heading, vec![Part::Table(grid.into())])
    }

    /// The same section, called `link` in the list of contents.
    pub fn called(self, link: &str) -> Self {
        Section { link: link.into(), ..self }
    }

    /// The same section with paragraphs under its heading.
    pub fn with_text(self, text: Vec<String>) -> Self {
        Section { text, ..self }
    }
}

/// One part of a [`Section`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Numbers in rows.
    Table(Grid),
    /// Estimates with their intervals, row by row.
    Intervals(Intervals),
    /// Small charts of one line each, all with the line that they are compared with.
    Curves(CurvePanels),
    /// Accuracy against cost.
    Front(Front),
    /// A matrix of values around zero.
    Heat(Heat),
    /// Score against accuracy, a panel per proxy.
    Scatter(Scatter),
    /// Time against correlation, a point per proxy.
    Costs(Vec<Cost>),
    /// Groups of trained networks side by side.
    Strip(Strip),
    /// Predicted against trained accuracy.
    Predictions(Predictions),
    /// Accuracy over trainings.
    Learning(Learning),
    /// Pictures of networks.
    Drawings(Vec<Drawing>),
    /// Photographs and the like.
    Images(Vec<Image>),
    /// Names and values.
    Facts(Vec<Fact>),
    /// A command or a file, with a title.
    Code(String, String),
}
