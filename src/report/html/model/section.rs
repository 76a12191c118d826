//! Sections that any folder of results may need: curves with bands, trade-offs, intervals side by side, tables.

use serde::{Deserialize, Serialize};

use super::Estimate;

/// A section of the page, in the order in which it is shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Section {
    /// Name of its anchor: lower case, without spaces.
    pub id: String,
    /// Its heading.
    pub heading: String,
    /// Paragraphs under the heading.
    pub text: Vec<String>,
    /// What it shows.
    pub parts: Vec<Part>,
}

/// One part of a [`Section`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Small charts of one line each, beside a line that all are compared with.
    Curves(CurvePanels),
    /// Accuracy against cost.
    Front(Front),
    /// Estimates of several runs, row by row.
    Intervals(Intervals),
    /// Numbers in rows.
    Table(Grid),
}

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
    /// What is said beside the name ("94.37 %").
    pub note: String,
    /// Its points, from left to right.
    pub points: Vec<LinePoint>,
    /// Single observations behind it: across and up.
    pub dots: Vec<[f64; 2]>,
}

/// A point of a [`Line`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LinePoint {
    /// Across.
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
    /// The architecture.
    pub arch: String,
    /// Across.
    pub x: f64,
    /// Up.
    pub y: f64,
    /// Whether no other is cheaper and better (the Pareto front).
    pub front: bool,
}

/// Estimates of several series, row by row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Intervals {
    /// What is across.
    pub across: String,
    /// Names of the series, at most as many as there are colours are drawn.
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
    /// Whether it only measures size.
    pub baseline: bool,
    /// One per series.
    pub estimates: Vec<Option<Estimate>>,
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Grid {
    /// What it is of, for those who do not see it.
    pub label: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, one cell per column.
    pub rows: Vec<Vec<Cell>>,
    /// What is said under it.
    pub caption: String,
}

/// A column of a [`Grid`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Column {
    /// Its heading.
    pub heading: String,
    /// Whether it is aligned as numbers are.
    pub numbers: bool,
}

/// A cell of a [`Grid`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// Words.
    Text(String),
    /// An architecture, which may be broken between its parts.
    Arch(String),
    /// A number with so many decimals and what is said under it in small.
    Number(Option<f64>, usize, String),
    /// A number of unknown size.
    Score(Option<f64>),
    /// A number of things, in full.
    Count(u64),
    /// A number of things, to three figures.
    Size(Option<u64>),
    /// Seconds.
    Seconds(Option<f64>),
    /// A number with so many decimals and its interval.
    Estimate(Option<Estimate>, usize),
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Cell::Text(text.into())
    }

    /// A number with so many decimals.
    pub fn number(value: impl Into<Option<f64>>, decimals: usize) -> Self {
        Cell::Number(value.into(), decimals, String::new())
    }
}

impl Grid {
    /// An empty table with these columns; those whose name starts with `#` are of numbers.
    pub fn new(label: &str, columns: &[&str], caption: impl Into<String>) -> Self {
        let column =
            |name: &&str| Column { heading: name.trim_start_matches('#').into(), numbers: name.starts_with('#') };
        Grid {
            label: label.into(),
            columns: columns.iter().map(column).collect(),
            rows: Vec::new(),
            caption: caption.into(),
        }
    }
}
