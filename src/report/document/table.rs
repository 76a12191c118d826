//! Tables.

use serde::{Deserialize, Serialize};

use super::{Estimate, NetworkName, Tone};

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
    /// A network.
    Arch(NetworkName),
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

impl Column {
    fn new(heading: &str) -> Self {
        Column { heading: heading.trim_start_matches('#').into(), numbers: heading.starts_with('#') }
    }
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
        Grid {
            label: label.into(),
            columns: columns.iter().map(|name| Column::new(name.as_ref())).collect(),
            rows: Vec::new(),
            caption: caption.into(),
        }
    }

    /// The same table with these rows.
    pub fn with_rows(self, rows: impl IntoIterator<Item = Vec<Cell>>) -> Self {
        Grid { rows: rows.into_iter().collect(), ..self }
    }
}

/// A table with a row per thing, to which columns are added.
pub struct Rows<T> {
    things: Vec<T>,
    grid: Grid,
}

impl<T> Rows<T> {
    /// A table of these things, yet without columns.
    pub fn of(label: &str, caption: impl Into<String>, things: impl IntoIterator<Item = T>) -> Self {
        let things: Vec<T> = things.into_iter().collect();
        let grid = Grid::new::<&str>(label, &[], caption).with_rows(things.iter().map(|_| Vec::new()));
        Rows { things, grid }
    }

    /// Adds a column: its heading as in [`Grid::new`], and the cell of each thing.
    pub fn column(mut self, heading: &str, cell: impl Fn(&T) -> Cell) -> Self {
        self.grid.columns.push(Column::new(heading));
        self.grid.rows.iter_mut().zip(&self.things).for_each(|(row, thing)| row.push(cell(thing)));
        self
    }
}

impl<T> From<Rows<T>> for Grid {
    fn from(rows: Rows<T>) -> Grid {
        rows.grid
    }
}
