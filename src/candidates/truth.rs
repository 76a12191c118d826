//! The truth of networks, looked up in a table: the one join of all commands.
//!
//! An architecture has the mean of the rows of the table that name it as it is written; where there is none with a value, the
//! mean of the rows of its network's representative, and where there is none either, the mean of all rows of its network.
//! So strings are judged by their own rows where a table has these, and the order of rows decides nothing.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::column::{self, Column};
use super::names::{self, Key, Name, Names, check_indices};
use super::{CandidatesError, Values};
use crate::benchmark::Table;
use crate::space::{ArchId, Architecture, SearchSpace};
use crate::stats::Clusters;

/// How networks and the rows of a table came together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Join {
    /// The columns joined on: of the networks, then of the table.
    pub key: [String; 2],
    /// Architectures with a value, as they are written.
    pub strings: usize,
    /// Distinct networks among them.
    pub networks: usize,
    /// Architectures that the table does not have.
    pub unmatched: usize,
    /// Architectures that the table has, without a value of the target.
    pub without_value: usize,
    /// Architectures that were listed before.
    pub repeated: usize,
    /// Cells of the target that count as missing since they cannot be ([`Column::impossible`]).
    pub impossible: usize,
    /// Rows of the table that are of another search space.
    pub other_space: usize,
}

/// Strings and the networks that they are: `200 strings, 161 networks`.
pub fn strings_and_networks(strings: usize, networks: usize) -> String {
    let count = |n: usize| crate::text::thousands(n as u64);
    match networks == strings {
        true => format!("{} networks", count(networks)),
        false => format!("{} strings, {} networks", count(strings), count(networks)),
    }
}

impl Join {
    /// What was left out, by reason; empty if nothing was.
    pub fn left_out(&self) -> String {
        let reasons = [
            (self.unmatched, "not in the table"),
            (self.without_value, "without a value"),
            (self.repeated, "listed before"),
            (self.impossible, "impossible values in the table"),
            (self.other_space, "rows of another space"),
        ];
        let said = reasons.iter().filter(|(n, _)| *n > 0);
        said.map(|(n, reason)| format!("{} {reason}", crate::text::thousands(*n as u64))).collect::<Vec<_>>().join(", ")
    }
}

/// Architectures of a run that have a truth.
#[derive(Clone, Debug, PartialEq)]
pub struct Joined {
    /// Counts.
    pub join: Join,
    /// Rows of the scores, one per architecture, in their order.
    pub rows: Vec<usize>,
    /// Their truths, in the same order: accuracies in percent; no NaN.
    pub truth: Vec<f64>,
    /// Which of them are one network, in the same order.
    pub networks: Clusters,
}

/// A table of truths by architecture.
pub(super) struct Truths {
    pub table: Table,
    pub names: Names,
    strings: HashMap<Key, Vec<usize>>,
    networks: HashMap<Key, Vec<usize>>,
}

/// What a table says of an architecture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Found {
    Value(f64),
    NoValue,
    NoRow,
}

impl Truths {
    pub fn new(table: Table, names: Names) -> Self {
        let by = |key: &dyn Fn(&Name) -> Option<Key>| {
            let mut rows: HashMap<Key, Vec<usize>> = HashMap::new();
            for (row, name) in names.rows.iter().enumerate() {
                if let Some(key) = key(name) {
                    rows.entry(key).or_default().push(row);
                }
            }
            rows
        };
        let (strings, networks) = (by(&|name| name.string.clone()), by(&|name| name.network.clone()));
        Truths { table, names, strings, networks }
    }

    /// Opens a table of a known space.
    pub fn open(path: &Path, space: &dyn SearchSpace) -> Result<Self, CandidatesError> {
        let table = Table::open_truths(path)?;
        let names = Names::of_space(&table, space)?;
        Ok(Truths::new(table, names))
    }

    /// The mean of a column over these rows, the same for any order of them; None if none has a value.
    fn mean(column: &Column, rows: &[usize]) -> Option<f64> {
        let mut values: Vec<f64> = rows.iter().filter_map(|&row| column.values[row]).collect();
        values.sort_unstable_by(f64::total_cmp);
        match values.as_slice() {
            [] => None,
            [first, .., last] if first == last => Some(*first),
            values => Some(values.iter().sum::<f64>() / values.len() as f64),
        }
    }

    /// What a column says of an architecture.
    pub fn find(&self, column: &Column, name: &Name, representative: Option<&Key>) -> Found {
        let network =
            name.network.as_ref().map(|key| &key[..self.names.network_bytes.unwrap_or(key.len()).min(key.len())]);
        let groups = [
            name.string.as_ref().and_then(|key| self.strings.get(key)),
            representative.and_then(|key| self.strings.get(key)),
            network.and_then(|key| self.networks.get(key)),
        ];
        let mut groups = groups.into_iter().flatten().peekable();
        match (groups.peek().is_some(), groups.find_map(|rows| Self::mean(column, rows))) {
            (_, Some(value)) => Found::Value(value),
            (true, None) => Found::NoValue,
            (false, None) => Found::NoRow,
        }
    }

    /// Columns for networks, which are known by representative and id, and how they were joined with the first of them.
    pub fn of_networks(
        &self,
        space: &dyn SearchSpace,
        archs: &[Architecture],
        ids: &[ArchId],
        targets: &[String],
    ) -> Result<(Vec<Values>, Join), CandidatesError> {
        let names: Vec<Name> = archs.iter().zip(ids).map(|(arch, id)| Name::of(arch, *id)).collect();
        let mut join = Join {
            key: ["arch".into(), self.names.key.clone()],
            other_space: self.names.other_space,
            ..Join::default()
        };
        let mut columns = Vec::new();
        for target in targets {
            let column = column::read(&self.table, target)?;
            let found: Vec<Found> = names.iter().map(|name| self.find(&column, name, None)).collect();
            if columns.is_empty() {
                join.count(&found, &column);
                if join.strings == 0 {
                    return Err(self.nothing(&join, target, || names[0].example(Some(space)), Some(space)));
                }
                join.networks = join.strings;
            }
            columns.push((target.clone(), found.into_iter().map(Found::value).collect()));
        }
        Ok((columns, join))
    }

    /// A column for networks that are known by representative and id.
    pub fn values(
        &self,
        column: &str,
        archs: &[Architecture],
        ids: &[ArchId],
    ) -> Result<Vec<Option<f64>>, CandidatesError> {
        let column = column::read(&self.table, column)?;
        let name = |(arch, id): (&Architecture, &ArchId)| Name::of(arch, *id);
        Ok(archs.iter().zip(ids).map(|one| self.find(&column, &name(one), None).value()).collect())
    }

    fn nothing(
        &self,
        join: &Join,
        target: &str,
        example: impl Fn() -> String,
        space: Option<&dyn SearchSpace>,
    ) -> CandidatesError {
        if join.without_value > 0 {
            return CandidatesError::no_truth(&self.table, target, join.without_value, join.impossible);
        }
        let [scores_key, table_key] = &join.key;
        CandidatesError::Refused(format!(
            "no architecture of the run is in `{}`: `{scores_key}` of the scores has values like {}, `{table_key}` of the table \
             like {}; choose the table of the search space that was scored",
            self.table.path().display(),
            example(),
            self.names.example(space)
        ))
    }
}

impl Found {
    fn value(self) -> Option<f64> {
        match self {
            Found::Value(value) => Some(value),
            Found::NoValue | Found::NoRow => None,
        }
    }
}

impl Join {
    fn count(&mut self, found: &[Found], column: &Column) {
        let of = |which: fn(&Found) -> bool| found.iter().filter(|found| which(found)).count();
        self.strings = of(|found| matches!(found, Found::Value(_)));
        self.without_value = of(|found| *found == Found::NoValue);
        self.unmatched = of(|found| *found == Found::NoRow);
        self.impossible = column.impossible;
    }
}

/// Joins the rows of a table of scores with the column `target` of a table of truths, in the order of the scores: by what
/// their strings mean in the `space`, or as they are written where the space is not known. An architecture counts once.
pub fn join(
    scores: &Table,
    truths: &Path,
    target: &str,
    space: Option<&dyn SearchSpace>,
) -> Result<Joined, CandidatesError> {
    let table = Table::open_truths(truths)?;
    let column = column::read(&table, target)?;
    let [own, other] = match space {
        Some(space) => [Names::of_space(scores, space)?, Names::of_space(&table, space)?],
        None => Names::as_written(scores, &table)?,
    };
    let key = [own.key.clone(), other.key.clone()];
    let truths = Truths::new(table, other);
    let mut seen = HashSet::with_capacity(own.rows.len());
    let rows: Vec<usize> = (0..own.rows.len())
        .filter(|&row| own.rows[row] == Name::default() || seen.insert(own.rows[row].identity()))
        .collect();
    let mut found = Vec::with_capacity(rows.len());
    for &row in &rows {
        let name = &own.rows[row];
        if let Some(&first) = name.string.as_ref().and_then(|string| truths.strings.get(string)?.first()) {
            check_indices(&truths.table, first, name, &truths.names.rows[first])?;
        }
        let representative =
            space.zip(name.string.as_ref()).map(|(space, string)| names::representative(space, string));
        found.push(truths.find(&column, name, representative.as_ref()));
    }
    let mut join = Join { key, repeated: own.rows.len() - rows.len(), ..Join::default() };
    join.other_space = truths.names.other_space;
    join.count(&found, &column);
    if join.strings == 0 {
        return Err(truths.nothing(&join, target, || own.example(space), space));
    }
    let valued = rows.into_iter().zip(found).filter_map(|(row, found)| Some((row, found.value()?)));
    let (rows, truth): (Vec<usize>, Vec<f64>) = valued.unzip();
    let networks = Clusters::by_key(&rows.iter().map(|&row| own.rows[row].class()).collect::<Vec<_>>());
    join.networks = networks.count();
    Ok(Joined { join, rows, truth, networks })
}
