//! Networks that a table names but does not describe: a space without search space.

use super::CandidatesError;
use super::names::name_column;
use crate::benchmark::Table;
use crate::network::{Network, Task};
use crate::seed::Stream;
use crate::space::{ArchId, Architecture, OpGraph, OpSet, SearchSpace, SpaceEntry, SpaceError};

/// Not among [`SPACES`](crate::space::SPACES): it is nothing without a table.
pub(super) static ENTRY: SpaceEntry = SpaceEntry {
    name: "table",
    aliases: &[],
    title: "The networks of a table, by their names",
    paper: "any table",
    example: "resnet18",
    listed: "rows",
    identity: "rows of one name are one network",
    options: &[],
    definition: None,
    open: &|_| Err(refusal("it is a table's: give the table with --table")),
};

/// Genes are digits of a network's position in the list.
const DIGIT: u16 = 1 << 15;

/// The networks of a list.
pub(super) struct Listed {
    /// Distinct, in order.
    names: Vec<String>,
    choices: [u16; 2],
}

fn refusal(reason: &str) -> SpaceError {
    SpaceError::Option { space: "table".into(), reason: reason.into() }
}

impl Listed {
    /// The networks that a table names by its columns `arch_str` or `arch`, else by its first column of text.
    pub fn of(table: &Table) -> Result<Self, CandidatesError> {
        let column = name_column(table).ok_or_else(|| {
            let columns = table.column_names().join(", ");
            let path = table.path().display();
            CandidatesError::Refused(format!("`{path}` has no column that names its networks; add a column `arch` with a text for each (columns: {columns})"))
        })?;
        Ok(Listed::new(table.string_column(&column)?.into_iter().flatten().collect())?)
    }

    /// The networks of these names; at most 2^30 of them.
    fn new(mut names: Vec<String>) -> Result<Self, SpaceError> {
        names.sort_unstable();
        names.dedup();
        let most = names.len().div_ceil(usize::from(DIGIT));
        match u16::try_from(most) {
            Ok(high) if high <= DIGIT => Ok(Listed { names, choices: [high, DIGIT] }),
            _ => Err(refusal("a table may name at most 2^30 networks")),
        }
    }

    fn position(&self, arch: &Architecture) -> Option<usize> {
        let [high, low] = *arch.genes() else { return None };
        Some(usize::from(high) * usize::from(DIGIT) + usize::from(low)).filter(|&i| low < DIGIT && i < self.names.len())
    }

    fn architecture(&self, position: usize) -> Architecture {
        let digit = usize::from(DIGIT);
        Architecture::new([(position / digit) as u16, (position % digit) as u16])
    }
}

impl SearchSpace for Listed {
    fn entry(&self) -> &'static SpaceEntry {
        &ENTRY
    }

    fn describes(&self) -> bool {
        false
    }

    fn choices(&self) -> &[u16] {
        &self.choices
    }

    fn check(&self, arch: &Architecture) -> Result<(), SpaceError> {
        let known = self.position(arch).is_some();
        if known { Ok(()) } else { Err(ENTRY.not_valid(arch, "the table has fewer rows".into())) }
    }

    fn parse(&self, text: &str) -> Result<Architecture, SpaceError> {
        let found = self.names.binary_search_by(|name| name.as_str().cmp(text));
        found
            .map(|position| self.architecture(position))
            .map_err(|_| ENTRY.not_read(text, "the table does not name it"))
    }

    fn format(&self, arch: &Architecture) -> String {
        self.position(arch).map(|position| self.names[position].clone()).unwrap_or_default()
    }

    fn arch_id(&self, arch: &Architecture) -> ArchId {
        ArchId::new(ENTRY.name, self.format(arch).as_bytes())
    }

    fn build(&self, _: &Architecture, _: &Task) -> Result<Network, SpaceError> {
        Err(refusal("the table names its networks but does not say how they are built, so they cannot be run"))
    }

    fn op_set(&self) -> OpSet {
        OpSet { names: Vec::new(), identity: None, longest_path: 1 }
    }

    fn op_graph(&self, _: &Architecture) -> OpGraph {
        OpGraph::chain(Vec::new())
    }

    fn size(&self) -> u128 {
        self.names.len() as u128
    }

    fn index_of(&self, arch: &Architecture) -> Option<u64> {
        self.position(arch).map(|position| position as u64)
    }

    fn at(&self, index: u64) -> Option<Architecture> {
        let position = usize::try_from(index).ok().filter(|&i| i < self.names.len())?;
        Some(self.architecture(position))
    }

    /// Names say nothing of each other: any other network is as near.
    fn mutate(&self, arch: &Architecture, rng: &mut Stream) -> Architecture {
        let (n, own) = (self.names.len() as u64, self.index_of(arch).unwrap_or(0));
        if n < 2 { arch.clone() } else { self.architecture(((own + 1 + rng.below(n - 1)) % n) as usize) }
    }

    /// One of the parents.
    fn crossover(&self, first: &Architecture, second: &Architecture, rng: &mut Stream) -> Architecture {
        if rng.below(2) == 0 { first.clone() } else { second.clone() }
    }

    fn sample(&self, rng: &mut Stream) -> Architecture {
        self.architecture(rng.below(self.names.len().max(1) as u64) as usize)
    }

    fn neighbours(&self, arch: &Architecture) -> Vec<Architecture> {
        (0..self.names.len()).map(|i| self.architecture(i)).filter(|other| other != arch).collect()
    }
}
