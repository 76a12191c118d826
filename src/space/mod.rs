//! Search spaces: what an architecture is, how it is written, varied, identified and built into a [`Network`].
//!
//! To add a space: one file that implements [`SearchSpace`], one line in [`SPACES`].
//!
//! ```
//! use naslens::seed::Stream;
//! use naslens::space::{self, Task};
//!
//! let space = space::open("nas-bench-201:channels=4,cells=1")?;
//! let arch = space.sample(&mut Stream::new(0));
//! assert_eq!(space.parse(&space.format(&arch))?, arch);
//! let network = space.build(&arch, &Task::classify("3x32x32".parse()?, 10))?;
//! assert!(network.params() > 0 && space.arch_id(&arch) == space.arch_id(&space.representative(&arch)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod architecture;
mod blocks;
mod definition;
mod fbnet;
mod nas_bench_101;
mod nas_bench_201;
mod nats_size;
mod op_graph;
mod picture;
mod resnet;
mod spec;

pub use crate::network::{Target, Task};
pub use architecture::{ArchId, Architecture, short_name};
pub use definition::{SpaceCheck, check};
pub use spec::{CELLS, CHANNELS, SpaceOption, SpaceSpec, in_settings};

use crate::network::{Network, NetworkError, Shape};
use crate::registry::{Entry, Registry, Unknown, one_line};
use crate::seed::Stream;
use crate::text::quoted;

/// Why a space refuses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are what the messages name")]
pub enum SpaceError {
    /// No space of that name.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// A string that is not an architecture of the space.
    #[error("{} is not an architecture of {space}: {reason}. An example: {example}", quoted(.text))]
    Parse { space: String, text: String, reason: String, example: String },
    /// Genes that are no architecture of the space.
    #[error("the genes {genes:?} are no {space} architecture: {reason}")]
    Genes { space: String, genes: Vec<u16>, reason: String },
    /// An option the space does not have, or a value it cannot have.
    #[error("{space}: {reason}")]
    Option { space: String, reason: String },
    /// A space file that cannot be used, with the place in it.
    #[error("{file}:{place} {reason}")]
    File { file: String, place: String, reason: String },
    /// The skeleton does not fit the input images.
    #[error("{space} cannot be built for {input} images: {source}; {}", sizes(.fitting))]
    Build { space: String, input: Shape, source: NetworkError, fitting: Vec<Shape> },
}

fn sizes(fitting: &[Shape]) -> String {
    match fitting {
        [] => "choose another image size".into(),
        [one] => format!("the nearest size that fits is {one}"),
        more => format!(
            "the nearest sizes that fit are {}",
            more.iter().map(Shape::to_string).collect::<Vec<_>>().join(" and ")
        ),
    }
}

/// A space of architectures with a fixed number of categorical decisions.
///
/// A space provides `choices`, the text form, the canonical form where there is one, and `build`; sampling, mutation, neighbours and the
/// enumeration follow from the choices, as long as every combination of genes is an architecture. A space with
/// constraints overrides `check`, and `size`, `at` and `sample` with it.
pub trait SearchSpace: Send + Sync {
    /// Registry entry of the space.
    fn entry(&self) -> &'static SpaceEntry;

    /// The text of a [`SpaceSpec`] that opens this space. Here its name, for a space without options.
    fn text(&self) -> String {
        self.entry().name.to_owned()
    }

    /// Whether genes and graph say what a network is made of. A list of names does not, and surrogates see no encoding of it.
    fn describes(&self) -> bool {
        true
    }

    /// Number of alternatives of each gene.
    fn choices(&self) -> &[u16];

    /// Reads the text form.
    fn parse(&self, text: &str) -> Result<Architecture, SpaceError>;

    /// Writes the text form; [`SearchSpace::parse`] reads it back. Genes must be valid.
    fn format(&self, arch: &Architecture) -> String;

    /// The id of what the architecture computes. Here that of the genes of its representative.
    fn arch_id(&self, arch: &Architecture) -> ArchId {
        ArchId::of_genes(self.entry().name, self.representative(arch).genes())
    }

    /// The representative of all architectures with the same [`ArchId`]: the one that is run for all of them. Here the
    /// architecture itself: for spaces in which every architecture is a network of its own.
    fn representative(&self, arch: &Architecture) -> Architecture {
        arch.clone()
    }

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
        OpGraph::chain(arch.genes().to_vec())
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
        let position =
            || arch.genes().iter().zip(self.choices()).fold(0, |p, (&g, &c)| p * u64::from(c) + u64::from(g));
        (self.size() <= 1 << 63).then(position)
    }

    /// The architecture at a position of the list (the official order, where there is one), None beyond
    /// [`SearchSpace::size`].
    fn at(&self, index: u64) -> Option<Architecture> {
        if u128::from(index) >= self.size() {
            return None;
        }
        let mut rest = index;
        let mut genes: Vec<u16> = self
            .choices()
            .iter()
            .rev()
            .map(|&c| {
                let gene = (rest % u64::from(c)) as u16;
                rest /= u64::from(c);
                gene
            })
            .collect();
        genes.reverse();
        Some(Architecture::new(genes))
    }

    /// Checks that every gene is one of its alternatives and that together they are an architecture.
    fn check(&self, arch: &Architecture) -> Result<(), SpaceError> {
        check_genes(self.choices(), arch).map_err(|reason| self.entry().not_valid(arch, reason))
    }

    /// An architecture drawn uniformly from those that the space lists.
    fn sample(&self, rng: &mut Stream) -> Architecture {
        let gene = |&c: &u16| rng.below(u64::from(c)) as u16;
        Architecture::new(self.choices().iter().map(gene).collect::<Vec<_>>())
    }

    /// A mutant: every gene is replaced by another of its alternatives, drawn uniformly, with a probability of one over
    /// the number of genes. In a space with constraints it may be no architecture ([`SearchSpace::check`]).
    fn mutate(&self, arch: &Architecture, rng: &mut Stream) -> Architecture {
        let mut genes = arch.genes().to_vec();
        let count = genes.len() as u64;
        for (gene, &choices) in genes.iter_mut().zip(self.choices()) {
            if choices > 1 && rng.below(count) == 0 {
                *gene = ((u64::from(*gene) + 1 + rng.below(u64::from(choices) - 1)) % u64::from(choices)) as u16;
            }
        }
        Architecture::new(genes)
    }

    /// A child of two parents: every gene is that of the one or the other with equal probability. In a space with
    /// constraints it may be no architecture ([`SearchSpace::check`]).
    fn crossover(&self, first: &Architecture, second: &Architecture, rng: &mut Stream) -> Architecture {
        let pairs = first.genes().iter().zip(second.genes());
        Architecture::new(pairs.map(|(&a, &b)| if rng.below(2) == 0 { a } else { b }).collect::<Vec<_>>())
    }

    /// All valid architectures that differ in exactly one gene.
    fn neighbours(&self, arch: &Architecture) -> Vec<Architecture> {
        let mut all = Vec::new();
        for (i, &c) in self.choices().iter().enumerate() {
            for gene in (0..c).filter(|&g| g != arch.genes()[i]) {
                let mut genes = arch.genes().to_vec();
                genes[i] = gene;
                let other = Architecture::new(genes);
                if self.check(&other).is_ok() {
                    all.push(other);
                }
            }
        }
        all
    }
}

/// What is wrong with the number of genes, or with the first gene that is out of range.
fn check_genes(choices: &[u16], arch: &Architecture) -> Result<(), String> {
    let genes = arch.genes();
    if genes.len() != choices.len() {
        return Err(format!("there are {} genes, not {}", genes.len(), choices.len()));
    }
    match (0..choices.len()).find(|&i| genes[i] >= choices[i]) {
        Some(i) => Err(format!("gene {i} is {}, its alternatives are 0 to {}", genes[i], choices[i] - 1)),
        None => Ok(()),
    }
}

/// Opens a space with the options of a text that names it; [`SpaceError::Option`] for a value it cannot have.
pub type OpenSpace = dyn Fn(&SpaceSpec) -> Result<Box<dyn SearchSpace>, SpaceError> + Send + Sync;

/// One line of the registry.
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
    /// What can be chosen about it in a [`SpaceSpec`].
    pub options: &'static [SpaceOption],
    /// The text of the file that defines it; None for a space that a program defines.
    pub definition: Option<&'static str>,
    /// Creates the space.
    pub open: &'static OpenSpace,
}

impl SpaceEntry {
    /// The error for a text that is not an architecture of the space.
    pub fn not_read(&self, text: &str, reason: impl Into<String>) -> SpaceError {
        let (space, text, example) = (self.name.into(), text.into(), self.example.into());
        SpaceError::Parse { space, text, reason: reason.into(), example }
    }

    /// The error for genes that are no architecture of the space.
    pub fn not_valid(&self, arch: &Architecture, reason: String) -> SpaceError {
        SpaceError::Genes { space: self.name.into(), genes: arch.genes().to_vec(), reason }
    }

    /// The network that `build` makes for a task. Where the images do not fit it, the error names the nearest smaller and larger
    /// sizes that do, at most 64 pixels away.
    pub fn built(
        &self,
        task: &Task,
        build: impl Fn(&Task) -> Result<Network, NetworkError>,
    ) -> Result<Network, SpaceError> {
        build(task).map_err(|source| {
            let input = task.input;
            let fits = |shape: &Shape| build(&Task { input: *shape, ..*task }).is_ok();
            let square = |side: &usize| *side > 0 && fits(&Shape::new(input.channels, *side, *side));
            let down = |side: usize| (side.saturating_sub(64)..=side).rev().find(square);
            let up = |side: usize| (side..=side + 64).find(square);
            let shape = |sides: [Option<usize>; 2]| Some(Shape::new(input.channels, sides[0]?, sides[1]?));
            let sides = [input.height, input.width];
            let fitting = [shape(sides.map(down)), shape(sides.map(up))].into_iter().flatten().filter(fits).collect();
            SpaceError::Build { space: self.name.into(), input, source, fitting }
        })
    }
}

impl Entry for SpaceEntry {
    const KIND: &'static str = "search space";

    fn name(&self) -> &'static str {
        self.name
    }

    fn aliases(&self) -> &'static [&'static str] {
        self.aliases
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn details(&self) -> Vec<(&'static str, String)> {
        let options = self.options.iter().map(|option| format!("{} ({})", option.name, option.what));
        vec![
            ("paper", one_line(self.paper)),
            ("aliases", self.aliases.join(", ")),
            ("options", if self.options.is_empty() { "none".into() } else { options.collect::<Vec<_>>().join(", ") }),
            ("example", self.example.into()),
            ("sampled from", self.listed.into()),
            ("identity", one_line(self.identity)),
        ]
    }
}

/// All search spaces.
pub static SPACES: Registry<SpaceEntry> = Registry::with_shipped(
    &[&nas_bench_201::ENTRY, &nats_size::ENTRY, &nas_bench_101::ENTRY, &fbnet::ENTRY],
    definition::shipped,
);

pub use fbnet::FbNet;
pub use nas_bench_101::NasBench101;
pub use nas_bench_201::{NasBench201, tree_string};
pub use nats_size::NatsSize;
pub use op_graph::{OpGraph, OpSet};
pub use picture::{CellGraph, Chain, GraphEdge, Layer, Picture};
pub use resnet::{resnet8, resnet8_near};

/// The space of a text as [`SpaceSpec`] reads it, such as `nas-bench-201:channels=16,cells=1`.
pub fn open(spec: &str) -> Result<Box<dyn SearchSpace>, SpaceError> {
    spec.parse::<SpaceSpec>()?.open()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spaces() -> Vec<Box<dyn SearchSpace>> {
        SPACES.iter().map(|e| open(e.name).unwrap()).collect()
    }

    #[test]
    fn registry_is_sound() {
        crate::registry::testing::is_sound(&SPACES);
        for entry in &SPACES {
            let space = open(entry.name).unwrap();
            let arch = space.parse(entry.example).unwrap();
            assert_eq!(space.format(&arch), entry.example);
            assert_eq!(space.entry().name, entry.name);
        }
        let err = open("nas-bench-20l").err().unwrap().to_string();
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
                let neighbours = space.neighbours(&arch);
                prop_assert!(!neighbours.is_empty());
                prop_assert!(neighbours.iter().all(|n| space.check(n).is_ok() && n.distance(&arch) == 1));
                let (other, choices) = (space.sample(rng), space.choices());
                for varied in [space.mutate(&arch, rng), space.crossover(&arch, &other, rng)] {
                    prop_assert!(check_genes(choices, &varied).is_ok());
                }
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
