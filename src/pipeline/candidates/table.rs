//! The rows of a published table as networks of a space.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rayon::prelude::*;

use super::{CandidatesError, Values};
use crate::benchmark::Table;
use crate::pipeline::evaluate::EvaluateError;
use crate::pipeline::evaluate::join::{HASH, text_column};
use crate::space::{ArchId, Architecture, NasBench101, SearchSpace};

/// Columns that give a module of NAS-Bench-101.
const GRAPH: [&str; 3] = ["num_vertices", "adjacency_bits", "interior_ops"];

/// The row of a table that speaks for each network.
pub(super) struct TruthRows {
    /// The column that names the networks.
    pub key: &'static str,
    rows: Rows,
}

enum Rows {
    /// By the id of the network, with the network's place in the table and the architecture of the row.
    Ids(HashMap<ArchId, Chosen>),
    /// By the first 64 bits of the id.
    Hashes(HashMap<u64, usize>),
}

struct Chosen {
    place: usize,
    row: usize,
    representative: bool,
    arch: Architecture,
}

impl TruthRows {
    /// For a run, whose networks are known by their ids: hashes will do.
    pub fn of_run(table: &Table, space: &dyn SearchSpace, targets: &[String]) -> Result<Self, CandidatesError> {
        if !table.has(HASH) {
            return Self::of_space(table, space, targets);
        }
        let values = first_target(table, targets)?;
        let mut rows: HashMap<u64, usize> = HashMap::with_capacity(values.len());
        for (row, hash) in table.u64_column(HASH)?.into_iter().enumerate() {
            let (Some(hash), Some(value)) = (hash, values[row]) else { continue };
            match rows.entry(hash) {
                Entry::Vacant(entry) => drop(entry.insert(row)),
                Entry::Occupied(entry) if values[*entry.get()] != Some(value) => {
                    return Err(ambiguous(table, targets, HASH, hash.to_string()));
                }
                Entry::Occupied(_) => {}
            }
        }
        Ok(TruthRows { key: HASH, rows: Rows::Hashes(rows) })
    }

    /// By the architectures of the rows.
    pub fn of_space(table: &Table, space: &dyn SearchSpace, targets: &[String]) -> Result<Self, CandidatesError> {
        let (key, archs) = architectures(table, space)?;
        let values = first_target(table, targets)?;
        let identify = |(row, arch): (usize, Option<Architecture>)| {
            let arch = arch.filter(|_| values[row].is_some())?;
            Some((row, space.arch_id(&arch), space.representative(&arch) == arch, arch))
        };
        let identified: Vec<Option<_>> = archs.into_par_iter().enumerate().map(identify).collect();
        let mut chosen: HashMap<ArchId, Chosen> = HashMap::new();
        for (row, id, representative, arch) in identified.into_iter().flatten() {
            let place = chosen.len();
            match chosen.entry(id) {
                Entry::Vacant(entry) => drop(entry.insert(Chosen { place, row, representative, arch })),
                Entry::Occupied(mut entry) => {
                    let earlier = entry.get_mut();
                    if earlier.arch == arch && values[earlier.row] != values[row] {
                        return Err(ambiguous(table, targets, key, format!("`{}`", space.format(&arch))));
                    }
                    if representative && !earlier.representative {
                        *earlier = Chosen { place: earlier.place, row, representative, arch };
                    }
                }
            }
        }
        Ok(TruthRows { key, rows: Rows::Ids(chosen) })
    }

    fn row(&self, id: ArchId) -> Option<usize> {
        match &self.rows {
            Rows::Ids(rows) => rows.get(&id).map(|chosen| chosen.row),
            Rows::Hashes(rows) => rows.get(&((id.0 >> 64) as u64)).copied(),
        }
    }

    /// The networks of the table with their representatives, in the order of their first rows.
    pub fn networks(&self, space: &dyn SearchSpace) -> Vec<(ArchId, Architecture)> {
        let Rows::Ids(rows) = &self.rows else { return Vec::new() };
        let mut networks: Vec<_> = rows.iter().map(|(&id, chosen)| (chosen.place, id, chosen)).collect();
        networks.sort_unstable_by_key(|(place, ..)| *place);
        let representative = |(_, id, chosen): (usize, ArchId, &Chosen)| (id, space.representative(&chosen.arch));
        networks.into_par_iter().map(representative).collect()
    }

    /// The columns `targets` of the table for these networks.
    pub fn join(
        &self,
        table: &Table,
        space: &dyn SearchSpace,
        archs: &[Architecture],
        ids: &[ArchId],
        targets: &[String],
    ) -> Result<Vec<Values>, CandidatesError> {
        let rows: Vec<Option<usize>> = ids.iter().map(|&id| self.row(id)).collect();
        if !targets.is_empty() && rows.iter().all(Option::is_none) {
            return Err(self.no_match(table, space, archs, ids));
        }
        let column = |target: &String| {
            let values = table.f64_column(target)?;
            Ok((target.clone(), rows.iter().map(|row| row.and_then(|row| values[row])).collect()))
        };
        targets.iter().map(column).collect()
    }

    fn no_match(
        &self,
        table: &Table,
        space: &dyn SearchSpace,
        archs: &[Architecture],
        ids: &[ArchId],
    ) -> CandidatesError {
        let first = |text: Option<String>| text.unwrap_or_else(|| "nothing".into());
        let (scores_key, scores_example, table_example) = match &self.rows {
            Rows::Hashes(rows) => {
                let example = rows.iter().min_by_key(|(_, row)| **row).map(|(hash, _)| hash.to_string());
                ("arch_id", ids.first().map(ArchId::to_string), example)
            }
            Rows::Ids(rows) => {
                let example = rows.values().min_by_key(|chosen| chosen.place);
                let text = |arch: &Architecture| format!("`{}`", space.format(arch));
                ("arch", archs.first().map(text), example.map(|chosen| text(&chosen.arch)))
            }
        };
        let (scores_example, table_example) = (first(scores_example), first(table_example));
        let (scores_key, table_key) = (scores_key.into(), self.key.into());
        let table = table.path().into();
        EvaluateError::NoMatch { table, scores_key, scores_example, table_key, table_example }.into()
    }
}

/// The first target by row; a row counts where it has a value. Without targets every row counts.
fn first_target(table: &Table, targets: &[String]) -> Result<Vec<Option<f64>>, CandidatesError> {
    let Some(target) = targets.first() else {
        return Ok(vec![Some(0.0); table.num_rows()]);
    };
    let values = table.f64_column(target)?;
    if values.iter().all(Option::is_none) {
        let (path, matched) = (table.path().into(), values.len());
        return Err(EvaluateError::NoTruth { table: path, target: target.clone(), matched }.into());
    }
    Ok(values)
}

fn ambiguous(table: &Table, targets: &[String], key: &str, value: String) -> CandidatesError {
    let target = targets.first().cloned().unwrap_or_default();
    EvaluateError::Ambiguous { table: table.path().into(), target, key: key.into(), value }.into()
}

pub(in crate::pipeline) type Architectures = (&'static str, Vec<Option<Architecture>>);

/// The column that names the architectures, and the architecture of each row; None where the name is missing. Text comes
/// first since it says itself whether it belongs to the space.
pub(in crate::pipeline) fn architectures(
    table: &Table,
    space: &dyn SearchSpace,
) -> Result<Architectures, CandidatesError> {
    let path = table.path();
    let refused = |row: usize, reason: String| CandidatesError::NoArchitecture { table: path.into(), row, reason };
    if let Some(column) = text_column(table) {
        let parse = |(row, text): (usize, Option<String>)| {
            let arch = text.map(|text| space.parse(&text)).transpose();
            arch.map_err(|source| CandidatesError::Row { table: path.into(), row, source })
        };
        let archs: Result<_, _> = table.string_column(column)?.into_par_iter().enumerate().map(parse).collect();
        return Ok((column, archs?));
    }
    let name = space.entry().name;
    // Only a space that says where an architecture is in its list has an official index.
    if table.has("arch_index") && space.at(0).is_some_and(|first| space.index_of(&first).is_some()) {
        let at = |(row, index): (usize, Option<u64>)| match index.map(|index| (index, space.at(index))) {
            None => Ok(None),
            Some((index, None)) => {
                Err(refused(row, format!("{name} has {} architectures, there is none of index {index}", space.size())))
            }
            Some((_, arch)) => Ok(arch),
        };
        let archs: Result<_, _> = table.u64_column("arch_index")?.into_iter().enumerate().map(at).collect();
        return Ok(("arch_index", archs?));
    }
    if name == "nas-bench-101" && GRAPH.iter().all(|column| table.has(column)) {
        let (vertices, edges) = (table.u64_column(GRAPH[0])?, table.u64_column(GRAPH[1])?);
        let ops = table.string_column(GRAPH[2])?;
        let module = |row: usize| {
            let (Some(vertices), Some(edges), Some(ops)) = (vertices[row], edges[row], &ops[row]) else {
                return Ok(None);
            };
            module(vertices, edges, ops).map(Some).map_err(|reason| refused(row, reason))
        };
        let archs: Result<_, _> = (0..table.num_rows()).into_par_iter().map(module).collect();
        return Ok((GRAPH[1], archs?));
    }
    if table.has(HASH) {
        return Err(CandidatesError::HashOnly { table: path.into(), column: HASH });
    }
    let tried = "arch_str, arch, arch_index";
    Err(EvaluateError::NoKey { table: path.into(), tried, columns: table.column_names() }.into())
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
