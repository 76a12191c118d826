//! Charts that any study may need: curves with bands, trade-offs, intervals row by row, heat maps.

use serde::{Deserialize, Serialize};

use super::{Estimate, NetworkName, estimate};

/// Charts of equal axes, one line in each.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CurvePanels {
    /// What is across.
    pub across: String,
    /// What is up.
    pub up: String,
    /// Whether steps across are factors.
    pub logarithmic: bool,
    /// Whether values hold until the next point, as the best so far of one search does.
    pub steps: bool,
    /// Decimals of values up.
    pub decimals: usize,
    /// The line in every panel; none where there is nothing to compare with.
    pub reference: Option<Line>,
    /// The lines, best first. The one that is the reference has no panel.
    pub lines: Vec<Line>,
    /// What points, lines and bands are.
    pub caption: String,
}

/// A line with a band.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// What is said with the name ("94.37 %").
    pub note: String,
    /// Its points, from left to right.
    pub points: Vec<LinePoint>,
    /// Single observations behind it: across and up.
    #[serde(deserialize_with = "estimate::pairs")]
    pub dots: Vec<[f64; 2]>,
}

/// A point of a [`Line`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LinePoint {
    /// Across.
    #[serde(deserialize_with = "estimate::or_nan")]
    pub at: f64,
    /// Up, with the ends of the band.
    pub value: Estimate,
}

/// Networks by what they cost and what they are worth.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Front {
    /// What is across; less is better.
    pub across: String,
    /// What is up; more is better.
    pub up: String,
    /// Decimals of values up.
    pub decimals: usize,
    /// Whether an ideal would be on the diagonal (measured against predicted) rather than at the upper left.
    pub diagonal: bool,
    /// The networks.
    pub points: Vec<FrontPoint>,
    /// The most that a network may cost.
    pub limit: Option<f64>,
    /// How many networks are not drawn because there are too many of them; all of the front are.
    pub left_out: u64,
    /// What a point is.
    pub caption: String,
}

/// A network of a [`Front`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FrontPoint {
    /// The network.
    pub arch: NetworkName,
    /// Across.
    #[serde(deserialize_with = "estimate::or_nan")]
    pub x: f64,
    /// Up.
    #[serde(deserialize_with = "estimate::or_nan")]
    pub y: f64,
    /// Whether no other is cheaper and better (the Pareto front).
    pub front: bool,
}

/// Estimates, row by row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Intervals {
    /// What is across.
    pub across: String,
    /// Whether values are differences, which have a sign.
    pub signed: bool,
    /// Names of the series, of which at most four are drawn. With one series, colours tell the tones of the rows apart.
    pub series: Vec<String>,
    /// The rows, best first.
    pub rows: Vec<IntervalRow>,
    /// What points and bars are.
    pub caption: String,
}

/// A row of [`Intervals`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IntervalRow {
    /// Its name.
    pub name: String,
    /// What kind of row it is.
    pub tone: Tone,
    /// One per series.
    pub estimates: Vec<Option<Estimate>>,
    /// What is said after the values of a point ("n = 40").
    pub note: String,
}

/// What kind a row is, or what a comparison says of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// Nothing in particular.
    #[default]
    Plain,
    /// It only measures size.
    Baseline,
    /// Better than what it is compared with.
    Better,
    /// No significant difference.
    Undecided,
    /// Worse than what it is compared with.
    Worse,
}

impl Tone {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Tone::Plain => "proxy",
            Tone::Baseline => "size baseline",
            Tone::Better => "better",
            Tone::Undecided => "no significant difference",
            Tone::Worse => "worse",
        }
    }
}

/// A matrix of values around zero.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Heat {
    /// What it shows, in words.
    pub label: String,
    /// Heading of the names of the rows.
    pub corner: String,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<HeatRow>,
    /// The magnitude that has the full colour.
    pub full: f64,
    /// Whether values are differences, which have a sign.
    pub signed: bool,
    /// What follows a value ("standard deviations").
    pub unit: String,
    /// What rows, columns and colours are.
    pub caption: String,
}

/// A row of a [`Heat`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HeatRow {
    /// Its name.
    pub name: String,
    /// Whether it is set apart from the others.
    pub strong: bool,
    /// One value per column; none is drawn as an empty cell.
    pub values: Vec<Option<f64>>,
}
