//! What the rows of a table are about: an architecture by what its string, index or graph means, and the network that it is.

use std::collections::HashSet;

use rayon::prelude::*;

use super::CandidatesError;
use crate::benchmark::{Table, TableError};
use crate::space::{self, ArchId, Architecture, NasBench101, SearchSpace};

/// Columns with architectures as text, the first that there is.
const TEXT: [&str; 2] = ["arch_str", "arch"];
/// Column with the position in the space's official order.
const INDEX: &str = "arch_index";
/// Column that names networks, equal for architectures that compute the same.
pub(super) const ID: &str = "arch_id";
/// Column with the first 64 bits of the published hash of a module (NAS-Bench-101), as a whole number.
pub(super) const HASH: &str = "module_hash_hi64";
/// Column with the search space of a row.
const SPACE: &str = "space";
/// Columns that give a module of NAS-Bench-101.
const GRAPH: [&str; 3] = ["num_vertices", "adjacency_bits", "interior_ops"];
/// Bytes of a hash in [`HASH`].
const HASH_BYTES: usize = 8;

/// Bytes that are equal for what is equal: genes or a text for an architecture, an id for a network.
pub(super) type Key = Vec<u8>;

/// The key of an architecture: its genes, two bytes each.
fn key_of(arch: &Architecture) -> Key {
    arch.genes().iter().flat_map(|gene| gene.to_le_bytes()).collect()
}

/// The architecture of a [`key_of`].
fn architecture_of(key: &Key) -> Architecture {
    Architecture::new(key.as_chunks().0.iter().map(|&gene| u16::from_le_bytes(gene)).collect::<Vec<_>>())
}

/// The key of what an architecture is run as.
pub(super) fn representative(space: &dyn SearchSpace, string: &Key) -> Key {
    key_of(&space.representative(&architecture_of(string)))
}

/// What a row is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Name {
    /// The architecture as it is written, where the row says it: its genes, or its text where the space is not known.
    pub string: Option<Key>,
    /// The network: its id, or the first bytes of it.
    pub network: Option<Key>,
    /// The official index, where the space is not known and so nothing could be checked by it.
    index: Option<u64>,
}

impl Name {
    /// An architecture of a known space and its id.
    pub fn of(arch: &Architecture, id: ArchId) -> Self {
        Name { string: Some(key_of(arch)), network: Some(bytes_of(id)), index: None }
    }

    /// What tells it from other architectures.
    pub fn identity(&self) -> Option<&Key> {
        self.string.as_ref().or(self.network.as_ref())
    }

    /// What tells its network from others; a string of an unknown network is one of its own.
    pub fn class(&self) -> Option<&Key> {
        self.network.as_ref().or(self.string.as_ref())
    }

    /// As people read it.
    pub fn example(&self, space: Option<&dyn SearchSpace>) -> String {
        match (&self.string, &self.network) {
            (Some(string), _) => match space {
                Some(space) => format!("`{}`", space.format(&architecture_of(string))),
                None => format!("`{}`", String::from_utf8_lossy(string)),
            },
            (None, Some(network)) if network.len() == HASH_BYTES => {
                network.iter().fold(0, |hash: u64, byte| hash << 8 | u64::from(*byte)).to_string()
            }
            (None, Some(network)) => match <[u8; 16]>::try_from(network.as_slice()) {
                Ok(id) => ArchId(u128::from_be_bytes(id)).to_string(),
                Err(_) => format!("`{}`", String::from_utf8_lossy(network)),
            },
            (None, None) => "nothing".into(),
        }
    }
}

/// What the rows of a table are about.
pub(super) struct Names {
    /// The column that says it.
    pub key: String,
    /// Row by row; a row that names nothing has neither.
    pub rows: Vec<Name>,
    /// Rows of another search space, which name nothing here.
    pub other_space: usize,
    /// Bytes of a network's key that this table has; None for all.
    pub network_bytes: Option<usize>,
}

/// Whether a column may not be one of scores or truths since it names architectures.
pub(super) fn names_architectures(column: &str) -> bool {
    [INDEX, HASH].contains(&column) || GRAPH.contains(&column)
}

/// The column of a table that holds architectures as text.
fn text_column(table: &Table) -> Option<&'static str> {
    TEXT.into_iter().find(|column| table.has(column))
}

/// The column that names the networks of a table of no known space: architectures as text, else the first column of text in which
/// at least half of the values differ; a group or a setting has fewer.
pub(super) fn name_column(table: &Table) -> Option<String> {
    let names = |column: &String| {
        let values = table.string_column(column).unwrap_or_default();
        2 * values.iter().flatten().collect::<HashSet<_>>().len() >= values.len()
    };
    let first = || table.column_names().into_iter().find(|column| table.is_text(column) && names(column));
    text_column(table).map(String::from).or_else(first)
}

/// Whether the rows are of no known space, so that their networks have names at most: the column `space` names none that is known,
/// or there is no such column and none with architectures.
pub(super) fn is_of_no_space(table: &Table) -> Result<bool, TableError> {
    if table.has(SPACE) {
        return Ok(!table.string_column(SPACE)?.iter().flatten().any(|name| space::open(name).is_ok()));
    }
    let by_index = table.has(INDEX) || table.has(HASH) || GRAPH.iter().all(|column| table.has(column));
    Ok(text_column(table).is_none() && !by_index)
}

/// The one known space that the rows of a table are of, by its column `space`; None if it does not say or names several.
pub(super) fn space_of(table: &Table) -> Result<Option<Box<dyn SearchSpace>>, TableError> {
    if !table.has(SPACE) {
        return Ok(None);
    }
    let mut names: Vec<String> = table.string_column(SPACE)?.into_iter().flatten().collect();
    names.sort_unstable();
    names.dedup();
    Ok(match names.as_slice() {
        [one] => space::open(one).ok(),
        _ => None,
    })
}

/// An architecture in each row, where there is one.
pub struct Architectures {
    /// The column that names them.
    pub key: String,
    /// Row by row.
    pub rows: Vec<Option<Architecture>>,
    /// Rows of another search space.
    pub other_space: usize,
}

/// The architecture of each row: of its text, else of its official index, else (NAS-Bench-101) of its graph. An index, id or
/// hash beside them must agree. Rows of another space, by the column `space`, have none; if there are no others, that is
/// an error. None if no column names architectures.
pub fn architectures(table: &Table, space: &dyn SearchSpace) -> Result<Option<Architectures>, CandidatesError> {
    let own = own_rows(table, space)?;
    let other_space = own.iter().filter(|own| !**own).count();
    let column = if space.describes() { text_column(table).map(String::from) } else { name_column(table) };
    let given = if let Some(column) = column {
        let rows = text(table, &column, space, &own)?;
        Some((column, rows))
    } else if table.has(INDEX) && has_index(space) {
        Some((INDEX.into(), index(table, space, &own)?))
    } else if space.entry().name == "nas-bench-101" && GRAPH.iter().all(|column| table.has(column)) {
        Some((GRAPH[1].into(), graph(table, &own)?))
    } else {
        None
    };
    let Some((key, rows)) = given else { return Ok(None) };
    check(table, space, &rows)?;
    Ok(Some(Architectures { key, rows, other_space }))
}

/// [`architectures`] of a table that must have them.
pub(super) fn named(table: &Table, space: &dyn SearchSpace) -> Result<Architectures, CandidatesError> {
    architectures(table, space)?.ok_or_else(|| CandidatesError::no_architectures(table))
}

/// Which rows are of the space, by the column `space`, where it says.
fn own_rows(table: &Table, space: &dyn SearchSpace) -> Result<Vec<bool>, CandidatesError> {
    if !table.has(SPACE) || !space.describes() {
        return Ok(vec![true; table.num_rows()]);
    }
    let entry = space.entry();
    let known = |name: &str| entry.name == name || entry.aliases.contains(&name);
    let named = table.string_column(SPACE)?;
    let own: Vec<bool> = named.iter().map(|name| name.as_deref().is_none_or(known)).collect();
    match named.iter().flatten().next() {
        Some(found) if !own.contains(&true) => Err(CandidatesError::Refused(format!(
            "`{}` is a table of the space {found} by its column `space`, the networks are of {}; choose the table of the \
                 search space that was scored",
            table.path().display(),
            entry.name
        ))),
        _ => Ok(own),
    }
}

type Rows = Result<Vec<Option<Architecture>>, CandidatesError>;

fn text(table: &Table, column: &str, space: &dyn SearchSpace, own: &[bool]) -> Rows {
    let parse = |(row, text): (usize, Option<String>)| {
        let arch = text.filter(|_| own[row]).map(|text| space.parse(&text)).transpose();
        arch.map_err(|error| CandidatesError::row(table, row, error))
    };
    // Of several wrong rows the first is named, whichever thread is faster.
    let parsed: Vec<_> = table.string_column(column)?.into_par_iter().enumerate().map(parse).collect();
    parsed.into_iter().collect()
}

/// Only a space that says where an architecture is in its list has an official index.
fn has_index(space: &dyn SearchSpace) -> bool {
    space.at(0).is_some_and(|first| space.index_of(&first).is_some())
}

fn index(table: &Table, space: &dyn SearchSpace, own: &[bool]) -> Rows {
    let name = space.entry().name;
    let beyond = |row: usize, index: u64| {
        no_architecture(
            table,
            row,
            format!("{name} has {} architectures, there is none of index {index}", space.size()),
        )
    };
    let at = |(row, index): (usize, Option<u64>)| match index.filter(|_| own[row]) {
        None => Ok(None),
        Some(index) => space.at(index).map(Some).ok_or_else(|| beyond(row, index)),
    };
    table.u64_column(INDEX)?.into_iter().enumerate().map(at).collect()
}

fn no_architecture(table: &Table, row: usize, reason: String) -> CandidatesError {
    CandidatesError::row(table, row, format!("{reason}; correct or remove the row, or name another --space"))
}

fn graph(table: &Table, own: &[bool]) -> Rows {
    let (vertices, edges) = (table.u64_column(GRAPH[0])?, table.u64_column(GRAPH[1])?);
    let ops = table.string_column(GRAPH[2])?;
    let module = |row: usize| {
        let (true, Some(vertices), Some(edges), Some(ops)) = (own[row], vertices[row], edges[row], &ops[row]) else {
            return Ok(None);
        };
        module(vertices, edges, ops).map(Some).map_err(|reason| no_architecture(table, row, reason))
    };
    let modules: Vec<_> = (0..table.num_rows()).into_par_iter().map(module).collect();
    modules.into_iter().collect()
}

/// A module of NAS-Bench-101 as the published tables write it.
fn module(vertices: u64, edges: u64, ops: &str) -> Result<Architecture, String> {
    let interior: Option<Vec<u8>> = ops.chars().map(|digit| Some(digit.to_digit(10)? as u8)).collect();
    let interior = interior.ok_or_else(|| format!("`{ops}` is not one digit per operation"))?;
    if !(2..=7).contains(&vertices) || interior.len() as u64 + 2 != vertices {
        return Err(format!(
            "{vertices} vertices do not go with the operations `{ops}`: all but two of 2 to 7 have one"
        ));
    }
    if edges >> (vertices * (vertices - 1) / 2) != 0 {
        return Err(format!("the edges {edges} are more than {vertices} vertices have"));
    }
    NasBench101::module(edges as u32, &interior).map_err(|error| error.to_string())
}

/// An index, an id or a hash beside an architecture must be its own. An id that is not an id of naslens is somebody else's.
fn check(table: &Table, space: &dyn SearchSpace, archs: &[Option<Architecture>]) -> Result<(), CandidatesError> {
    let ids: Vec<Option<ArchId>> = archs.par_iter().map(|arch| arch.as_ref().map(|arch| space.arch_id(arch))).collect();
    let compare = |column, found: Vec<Option<String>>, expected: &dyn Fn(usize) -> Option<String>| {
        for (row, found) in found.into_iter().enumerate() {
            let (Some(found), Some(arch), Some(expected)) = (found, &archs[row], expected(row)) else { continue };
            if found != expected {
                return Err(CandidatesError::disagree(table, row, column, [&found, &space.format(arch), &expected]));
            }
        }
        Ok(())
    };
    let text = |n: u64| n.to_string();
    let numbers = |column| -> Result<_, CandidatesError> {
        Ok(table.u64_column(column)?.into_iter().map(|n| n.map(text)).collect())
    };
    if table.has(INDEX) && has_index(space) {
        compare(INDEX, numbers(INDEX)?, &|row| space.index_of(archs[row].as_ref()?).map(text))?;
    }
    if table.is_text(ID) {
        let found = table.string_column(ID)?.into_iter().map(|found| Some(id_of(&found?)?.to_string())).collect();
        compare(ID, found, &|row| Some(ids[row]?.to_string()))?;
    }
    if table.has(HASH) && space.entry().name == "nas-bench-101" {
        compare(HASH, numbers(HASH)?, &|row| Some(text((ids[row]?.0 >> 64) as u64)))?;
    }
    Ok(())
}

/// The id that a text of 32 hexadecimal digits is.
fn id_of(text: &str) -> Option<ArchId> {
    (text.len() == 32).then(|| u128::from_str_radix(text, 16).ok().map(ArchId)).flatten()
}

fn bytes_of(id: ArchId) -> Key {
    id.0.to_be_bytes().to_vec()
}

impl Names {
    /// The rows of a table of a known space. Without architectures, ids or hashes will do for networks that are known
    /// from elsewhere.
    pub fn of_space(table: &Table, space: &dyn SearchSpace) -> Result<Self, CandidatesError> {
        if let Some(named) = architectures(table, space)? {
            return Ok(Names::of(&named, space));
        }
        match Self::networks(table)? {
            Some(names) => Ok(names),
            None => Err(CandidatesError::no_key(table, "arch_str, arch, arch_index, arch_id, module_hash_hi64")),
        }
    }

    /// Rows whose architectures are known.
    pub fn of(named: &Architectures, space: &dyn SearchSpace) -> Self {
        let name = |arch: &Option<Architecture>| match arch {
            None => Name::default(),
            Some(arch) => Name::of(arch, space.arch_id(arch)),
        };
        let rows = named.rows.par_iter().map(name).collect();
        Names { key: named.key.clone(), rows, other_space: named.other_space, network_bytes: None }
    }

    /// Two tables of a space that is not known: architectures are the same if their texts are, else, where one of the tables
    /// has none, if their indices are; networks if their ids are.
    pub fn as_written(scores: &Table, truths: &Table) -> Result<[Self; 2], CandidatesError> {
        let both = |column| scores.has(column) && truths.has(column);
        if let (Some(own), Some(other)) = (text_column(scores), text_column(truths)) {
            return Ok([Self::texts(scores, own)?, Self::texts(truths, other)?]);
        }
        if both(INDEX) {
            let [own, other] = [scores, truths].map(Self::indices);
            let [own, other] = [own?, other?];
            // A search space without numbering leaves the column empty.
            if own.rows.iter().any(|name| name.string.is_some()) {
                return Ok([own, other]);
            }
        }
        match (Self::networks(scores)?, Self::networks(truths)?) {
            (Some(own), Some(other)) => Ok([own, other]),
            _ => match (name_column(scores), name_column(truths)) {
                (Some(own), Some(other)) => Ok([Self::texts(scores, &own)?, Self::texts(truths, &other)?]),
                _ => Err(CandidatesError::no_key(truths, "arch_str, arch, arch_index, arch_id, module_hash_hi64")),
            },
        }
    }

    fn texts(table: &Table, key: &str) -> Result<Self, CandidatesError> {
        let texts = table.string_column(key)?.into_iter().map(|text| text.map(String::into_bytes));
        let networks = Self::networks(table)?;
        let mut rows = networks.as_ref().map_or_else(|| vec![Name::default(); table.num_rows()], |n| n.rows.clone());
        rows.iter_mut().zip(texts).for_each(|(name, text)| name.string = text);
        if table.has(INDEX) {
            rows.iter_mut().zip(table.u64_column(INDEX)?).for_each(|(name, index)| name.index = index);
        }
        Ok(Names { key: key.into(), rows, other_space: 0, network_bytes: networks.and_then(|n| n.network_bytes) })
    }

    fn indices(table: &Table) -> Result<Self, CandidatesError> {
        let name =
            |index: Option<u64>| Name { string: index.map(|index| index.to_string().into_bytes()), ..Name::default() };
        let rows = table.u64_column(INDEX)?.into_iter().map(name).collect();
        Ok(Names { key: INDEX.into(), rows, other_space: 0, network_bytes: None })
    }

    /// Networks by id, or by the first bytes of it.
    fn networks(table: &Table) -> Result<Option<Self>, CandidatesError> {
        let name = |network: Option<Key>| Name { network, ..Name::default() };
        if table.is_text(ID) {
            let key = |text: String| id_of(&text).map_or_else(|| text.clone().into_bytes(), bytes_of);
            let rows = table.string_column(ID)?.into_iter().map(|text| name(text.map(key))).collect();
            return Ok(Some(Names { key: ID.into(), rows, other_space: 0, network_bytes: None }));
        }
        if table.has(HASH) {
            let key = |hash: u64| hash.to_be_bytes().to_vec();
            let rows = table.u64_column(HASH)?.into_iter().map(|hash| name(hash.map(key))).collect();
            return Ok(Some(Names { key: HASH.into(), rows, other_space: 0, network_bytes: Some(HASH_BYTES) }));
        }
        Ok(None)
    }

    /// An example of the key column, for messages.
    pub fn example(&self, space: Option<&dyn SearchSpace>) -> String {
        self.rows.iter().find(|name| **name != Name::default()).map_or("nothing".into(), |name| name.example(space))
    }
}

/// Two rows with the same text must not have different indices.
pub(super) fn check_indices(truths: &Table, row: usize, own: &Name, other: &Name) -> Result<(), CandidatesError> {
    match (own.index, other.index) {
        (Some(expected), Some(found)) if expected != found => {
            let arch = String::from_utf8_lossy(own.string.as_deref().unwrap_or_default());
            let parts = [&*found.to_string(), &*arch, &*format!("{expected} in the scores")];
            Err(CandidatesError::disagree(truths, row, INDEX, parts))
        }
        _ => Ok(()),
    }
}
