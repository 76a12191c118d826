//! Tables.

use serde::{Deserialize, Serialize};

use super::{Estimate, Tone};

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Grid {
    /// What it is of, for those who do not see it, and its title in a terminal.
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
    /// A name, and what is said of it in small.
    Name(String, String),
    /// An architecture, which may be broken between its parts.
    Arch(String),
    /// A number with this many decimals and what is said under it in small.
    Number(Option<f64>, usize, String),
    /// A number of unknown size.
    Score(Option<f64>),
    /// A number of things, in full.
    Count(u64),
    /// A number of things, to three figures.
    Size(Option<u64>),
    /// Seconds.
    Seconds(Option<f64>),
    /// A number with this many decimals and its interval.
    Estimate(Option<Estimate>, usize),
    /// The same of a difference: what is above zero has a plus sign.
    Difference(Option<Estimate>, usize),
    /// A p-value.
    PValue(Option<f64>),
    /// What a comparison says.
    Tone(Tone),
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Cell::Text(text.into())
    }

    /// A number with this many decimals.
    pub fn number(value: impl Into<Option<f64>>, decimals: usize) -> Self {
        Cell::Number(value.into(), decimals, String::new())
    }
}

impl Grid {
    /// An empty table with these columns; those whose name starts with `#` are of numbers.
    pub fn new<S: AsRef<str>>(label: &str, columns: &[S], caption: impl Into<String>) -> Self {
        let column = |name: &S| {
            let name = name.as_ref();
            Column { heading: name.trim_start_matches('#').into(), numbers: name.starts_with('#') }
        };
        Grid {
            label: label.into(),
            columns: columns.iter().map(column).collect(),
            rows: Vec::new(),
            caption: caption.into(),
        }
    }

    /// A table of things, with the heading of each column as in [`Grid::new`] and its cell of a thing.
    pub fn of<T>(
        label: &str,
        caption: impl Into<String>,
        things: impl IntoIterator<Item = T>,
        columns: &[(&str, &dyn Fn(&T) -> Cell)],
    ) -> Self {
        let headings: Vec<&str> = columns.iter().map(|(heading, _)| *heading).collect();
        let row = |thing: T| columns.iter().map(|(_, cell)| cell(&thing)).collect();
        Grid::new(label, &headings, caption).with_rows(things.into_iter().map(row))
    }

    /// The same table with these rows.
    pub fn with_rows(self, rows: impl IntoIterator<Item = Vec<Cell>>) -> Self {
        Grid { rows: rows.into_iter().collect(), ..self }
    }
}
