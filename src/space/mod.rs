//! Search spaces: what an architecture is, how it is written, varied, identified and built into a [`Network`].
//!
//! To add a space: one file that implements [`SearchSpace`], one line in [`SPACES`].

mod blocks;
mod fbnet;
mod nas_bench_101;
mod nas_bench_201;
mod nats_size;
mod op_graph;
mod picture;

use std::fmt;

pub use crate::network::{Target, Task};

use crate::network::{Network, NetworkError, Shape};
use crate::seed::Stream;
use crate::text::quoted;

/// A point of a search space: one small number, the *gene*, per decision. What a gene means is the space's affair.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Architecture(pub Vec<u8>);

/// Identity of the function family that an architecture computes: two architectures of a space have the same id if and
/// only if their networks are the same up to renumbering, dead operations and exact algebraic identities
/// ([`SpaceEntry::identity`] says what that is in each space). 128-bit XXH3 of the space's name and the canonical form,
/// or the hash that the space was published with; written as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArchId(pub u128);

impl ArchId {
    /// The id of a canonical form within a space.
    pub fn new(space: &str, canonical: &[u8]) -> Self {
        let mut bytes = space.as_bytes().to_vec();
        bytes.push(0);
        bytes.extend_from_slice(canonical);
        ArchId(xxhash_rust::xxh3::xxh3_128(&bytes))
    }
}

impl fmt::Display for ArchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The macro skeleton around the searched part. `None` takes the published value of the space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skeleton {
    /// Channels of the first stage.
    pub init_channels: Option<usize>,
    /// Cells per stage.
    pub cells: Option<usize>,
}

impl Skeleton {
    /// The channels of the first stage and the cells per stage: those set, the published ones otherwise.
    fn resolve(
        &self,
        space: &'static str,
        (channels, cells): (usize, usize),
        least_channels: usize,
    ) -> Result<(usize, usize), SpaceError> {
        let (channels, cells) = (self.init_channels.unwrap_or(channels), self.cells.unwrap_or(cells));
        if !(least_channels..=1024).contains(&channels) || !(1..=100).contains(&cells) {
            let reason = format!(
                "{channels} initial channels and {cells} cells per stage: they must be within {least_channels}..=1024 and \
                 1..=100"
            );
            return Err(SpaceError::Skeleton { space, reason });
        }
        Ok((channels, cells))
    }

    /// For spaces that leave no choice.
    fn refuse(&self, space: &'static str) -> Result<(), SpaceError> {
        if *self != Skeleton::default() {
            let reason = "its skeleton is fixed: init-channels and cells cannot be set".into();
            return Err(SpaceError::Skeleton { space, reason });
        }
        Ok(())
    }
}

/// Why a space refuses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpaceError {
    /// No space of that name.
    #[error("unknown search space `{name}`{hint}; known: {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// ` (did you mean …?)` or nothing.
        hint: String,
        /// All names.
        known: String,
    },
    /// A string that is no architecture of the space.
    #[error("{} is no {space} architecture: {reason}. An example: {example}", quoted(.text))]
    Parse {
        /// The space.
        space: &'static str,
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: String,
        /// A well-formed architecture.
        example: String,
    },
    /// Genes that are no architecture of the space.
    #[error("the genes {genes:?} are no {space} architecture: {reason}")]
    Genes {
        /// The space.
        space: &'static str,
        /// What was given.
        genes: Vec<u8>,
        /// What is wrong with them.
        reason: String,
    },
    /// A skeleton option the space does not have, or a value it cannot have.
    #[error("{space}: {reason}")]
    Skeleton {
        /// The space.
        space: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The skeleton does not fit the input images.
    #[error("{space} cannot be built for {input} images: {source}; choose a larger image size")]
    Build {
        /// The space.
        space: &'static str,
        /// The image shape.
        input: Shape,
        /// The operation that does not fit.
        source: NetworkError,
    },
}

/// A space of architectures with a fixed number of categorical decisions.
///
/// A space provides `choices`, the text form, the canonical form and `build`; sampling, mutation, neighbours and the
/// enumeration follow from the choices, as long as every combination of genes is an architecture. A space with
/// constraints overrides `check`, and `size`, `at` and `sample` with it.
pub trait SearchSpace: Send + Sync {
    /// Registry entry of the space.
    fn entry(&self) -> &'static SpaceEntry;

    /// Number of alternatives of each gene.
    fn choices(&self) -> &[u8];

    /// Reads the text form.
    fn parse(&self, text: &str) -> Result<Architecture, SpaceError>;

    /// Writes the text form; [`SearchSpace::parse`] reads it back. Genes must be valid.
    fn format(&self, arch: &Architecture) -> String;

    /// The id of what the architecture computes.
    fn arch_id(&self, arch: &Architecture) -> ArchId;

    /// The representative of all architectures with the same [`ArchId`]: the one that is run for all of them.
    fn representative(&self, arch: &Architecture) -> Architecture;

    /// The network as specified, dead operations included.
    fn build(&self, arch: &Architecture, task: &Task) -> Result<Network, SpaceError>;

    /// The operations of [`SearchSpace::op_graph`]. Here one per alternative of a gene, called by its number.
    fn op_set(&self) -> OpSet {
        let alternatives = self.choices().iter().copied().max().unwrap_or(0);
        OpSet {
            names: (0..alternatives).map(|gene| gene.to_string()).collect(),
            identity: None,
            longest_path: self.choices().len(),
        }
    }

    /// The searched part as a graph of its live operations. Genes must be valid. Here the genes one after the other, each
    /// an operation: for spaces that choose the layers of a chain.
    fn op_graph(&self, arch: &Architecture) -> OpGraph {
        OpGraph::chain(arch.0.clone())
    }

    /// The architecture as it is drawn. Genes must be valid. Here [`SearchSpace::op_graph`], operations on the nodes.
    fn picture(&self, arch: &Architecture) -> Picture {
        Picture::Cells(vec![CellGraph::of(&self.op_graph(arch), &self.op_set().names)])
    }

    /// Number of architectures that the space lists ([`SearchSpace::at`]): of all text forms, unless
    /// [`SpaceEntry::listed`] says otherwise.
    fn size(&self) -> u128 {
        self.choices().iter().map(|&c| u128::from(c)).product()
    }

    /// Position in the space's official order; None where there is no such order or its positions exceed 63 bits. Here
    /// mixed radix, last gene fastest.
    fn index_of(&self, arch: &Architecture) -> Option<u64> {
        let position = || arch.0.iter().zip(self.choices()).fold(0, |p, (&g, &c)| p * u64::from(c) + u64::from(g));
        (self.size() <= 1 << 63).then(position)
    }

    /// The architecture at a position of the list (the official order, where there is one), None beyond
    /// [`SearchSpace::size`].
    fn at(&self, index: u64) -> Option<Architecture> {
        if u128::from(index) >= self.size() {
            return None;
        }
        let mut rest = index;
        let mut genes: Vec<u8> = self
            .choices()
            .iter()
            .rev()
            .map(|&c| {
                let gene = (rest % u64::from(c)) as u8;
                rest /= u64::from(c);
                gene
            })
            .collect();
        genes.reverse();
        Some(Architecture(genes))
    }

    /// Checks that every gene is one of its alternatives and that together they are an architecture.
    fn check(&self, arch: &Architecture) -> Result<(), SpaceError> {
        check_genes(self.choices(), arch).map_err(|reason| SpaceError::Genes {
            space: self.entry().name,
            genes: arch.0.clone(),
            reason,
        })
    }

    /// An architecture drawn uniformly from those that the space lists.
    fn sample(&self, rng: &mut Stream) -> Architecture {
        Architecture(self.choices().iter().map(|&c| rng.below(u64::from(c)) as u8).collect())
    }

    /// A neighbour, drawn uniformly; a copy if there is none.
    fn mutate(&self, arch: &Architecture, rng: &mut Stream) -> Architecture {
        let neighbours = self.neighbours(arch);
        match neighbours.len() {
            0 => arch.clone(),
            n => neighbours[rng.below(n as u64) as usize].clone(),
        }
    }

    /// All valid architectures that differ in exactly one gene.
    fn neighbours(&self, arch: &Architecture) -> Vec<Architecture> {
        let mut all = Vec::new();
        for (i, &c) in self.choices().iter().enumerate() {
            for gene in (0..c).filter(|&g| g != arch.0[i]) {
                let mut other = arch.clone();
                other.0[i] = gene;
                if self.check(&other).is_ok() {
                    all.push(other);
                }
            }
        }
        all
    }
}

/// What is wrong with the number of genes, or with the first that is none of its alternatives.
fn check_genes(choices: &[u8], arch: &Architecture) -> Result<(), String> {
    if arch.0.len() != choices.len() {
        return Err(format!("there are {} genes, not {}", arch.0.len(), choices.len()));
    }
    match (0..choices.len()).find(|&i| arch.0[i] >= choices[i]) {
        Some(i) => Err(format!("gene {i} is {}, its alternatives are 0 to {}", arch.0[i], choices[i] - 1)),
        None => Ok(()),
    }
}

/// One line of the registry.
#[derive(Debug)]
pub struct SpaceEntry {
    /// Name on the command line and in files.
    pub name: &'static str,
    /// Other names that are understood.
    pub aliases: &'static [&'static str],
    /// What the space is, in one line.
    pub title: &'static str,
    /// Where it was published.
    pub paper: &'static str,
    /// A well-formed architecture.
    pub example: &'static str,
    /// What the space lists and uniform samples are drawn from, in the plural, such as `strings`.
    pub listed: &'static str,
    /// Which architectures count as the same network.
    pub identity: &'static str,
    /// Creates the space with a skeleton.
    pub open: fn(&Skeleton) -> Result<Box<dyn SearchSpace>, SpaceError>,
}

/// All search spaces.
pub static SPACES: &[&SpaceEntry] = &[&nas_bench_201::ENTRY, &nats_size::ENTRY, &nas_bench_101::ENTRY, &fbnet::ENTRY];

pub use fbnet::FbNet;
pub use nas_bench_101::NasBench101;
pub use nas_bench_201::{NasBench201, tree_string};
pub use nats_size::NatsSize;
pub use op_graph::{OpGraph, OpSet};
pub use picture::{CellGraph, Chain, GraphEdge, Layer, Picture};

/// The space called `name` (or an alias of it) with this skeleton.
pub fn open(name: &str, skeleton: &Skeleton) -> Result<Box<dyn SearchSpace>, SpaceError> {
    match SPACES.iter().find(|e| e.name == name || e.aliases.contains(&name)) {
        Some(entry) => (entry.open)(skeleton),
        None => Err(SpaceError::Unknown {
            name: name.into(),
            hint: crate::text::did_you_mean(name, SPACES.iter().map(|e| e.name)),
            known: SPACES.iter().map(|e| e.name).collect::<Vec<_>>().join(", "),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spaces() -> Vec<Box<dyn SearchSpace>> {
        SPACES.iter().map(|e| (e.open)(&Skeleton::default()).unwrap()).collect()
    }

    #[test]
    fn registry_is_sound() {
        for (i, entry) in SPACES.iter().enumerate() {
            assert!(!entry.title.is_empty() && !entry.paper.is_empty());
            assert!(SPACES[..i].iter().all(|e| e.name != entry.name && !e.aliases.contains(&entry.name)));
            let space = (entry.open)(&Skeleton::default()).unwrap();
            let arch = space.parse(entry.example).unwrap();
            assert_eq!(space.format(&arch), entry.example);
            assert_eq!(space.entry().name, entry.name);
        }
        let err = open("nas-bench-20l", &Skeleton::default()).err().unwrap().to_string();
        assert!(err.contains("did you mean `nas-bench-201`"), "{err}");
    }

    proptest! {
        #[test]
        fn text_index_and_variation_agree(key in any::<u64>()) {
            for space in spaces() {
                let rng = &mut Stream::new(key);
                let arch = space.sample(rng);
                space.check(&arch).unwrap();
                prop_assert_eq!(&space.parse(&space.format(&arch)).unwrap(), &arch);
                if let Some(index) = space.index_of(&arch) {
                    prop_assert_eq!(&space.at(index).unwrap(), &arch);
                }
                prop_assert!(space.at(u64::MAX).is_none_or(|last| space.check(&last).is_ok()));
                let mutant = space.mutate(&arch, rng);
                let differing = arch.0.iter().zip(&mutant.0).filter(|(a, b)| a != b).count();
                prop_assert_eq!(differing, 1);
                let neighbours = space.neighbours(&arch);
                prop_assert!(neighbours.contains(&mutant));
                prop_assert!(neighbours.iter().all(|n| space.check(n).is_ok()));
                prop_assert!(neighbours.len() <= space.choices().iter().map(|&c| c as usize - 1).sum::<usize>());
                let representative = space.representative(&arch);
                prop_assert_eq!(space.arch_id(&representative), space.arch_id(&arch));
                prop_assert_eq!(space.representative(&representative), representative);
            }
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in "\\PC{0,80}") {
            for space in spaces() {
                if let Ok(arch) = space.parse(&text) {
                    prop_assert!(space.check(&arch).is_ok());
                }
            }
        }
    }
}
