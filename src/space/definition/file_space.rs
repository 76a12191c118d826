//! A space that a file defines, as all others are used.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::decisions::Genes;
use super::layers;
use super::syntax::Failure;
use super::{Source, place};
use crate::network::{Network, NetworkError};
use crate::seed::Stream;
use crate::space::{
    ArchId, Architecture, CellGraph, OpGraph, OpSet, Picture, SearchSpace, SpaceEntry, SpaceError, SpaceSpec, Task,
    check_genes,
};

/// A space that a file defines. Its genes are the decisions in the order of the file.
pub(super) struct FileSpace {
    entry: &'static SpaceEntry,
    source: Arc<Source>,
    options: Vec<(&'static str, i64)>,
    /// The options that differ from the file's, as they are written after the name.
    chosen: String,
}

/// Spaces of at most this size find the representative of a network by looking at all architectures.
const SMALL: u128 = 20_000;

impl FileSpace {
    pub(super) fn open(source: Arc<Source>, spec: &SpaceSpec) -> Result<Box<dyn SearchSpace>, SpaceError> {
        let mut options = source.options.clone();
        let mut chosen = String::new();
        for (name, value) in &mut options {
            if let Some(set) = spec.option::<i64>(name)? {
                let join = if chosen.is_empty() { ':' } else { ',' };
                chosen.push_str(&format!("{join}{name}={set}"));
                *value = set;
            }
        }
        let entry = spec.entry()?;
        let space = FileSpace { entry, source, options, chosen };
        // A value that no network can be built with is refused at once.
        let example = space.parse(entry.example)?;
        let wrong = |failure: Failure| {
            let reason = failure.fault("its example").reason;
            SpaceError::Option { space: entry.name.into(), reason }
        };
        if !space.chosen.is_empty() {
            space.source.network(example.genes(), &space.options, &space.source.task, None).map_err(wrong)?;
        }
        Ok(Box::new(space))
    }

    /// The network that identities are told by: with the file's own options, for the file's own images.
    fn reference(&self, arch: &Architecture, read: Option<&RefCell<Vec<bool>>>) -> Option<Network> {
        self.source.network(arch.genes(), &self.source.options, &self.source.task, read).ok()
    }

    /// Of each network the architecture with the fewest operations, then the first.
    fn representatives(&self) -> &HashMap<ArchId, Architecture> {
        self.source.representatives.get_or_init(|| {
            let all: Vec<_> = (0..self.size() as u64)
                .into_par_iter()
                .filter_map(|index| {
                    let arch = self.at(index)?;
                    let operations = self.reference(&arch, None).map_or(0, |network| network.nodes().len());
                    Some((self.arch_id(&arch), operations, index, arch))
                })
                .collect();
            let mut best: HashMap<ArchId, (usize, u64, Architecture)> = HashMap::new();
            for (id, operations, index, arch) in all {
                let found = best.entry(id).or_insert_with(|| (operations, index, arch.clone()));
                if (operations, index) < (found.0, found.1) {
                    *found = (operations, index, arch);
                }
            }
            best.into_iter().map(|(id, (_, _, arch))| (id, arch)).collect()
        })
    }

    /// The architecture with decisions that its network does not depend on at their first alternative, and what is
    /// interchangeable in order.
    fn normal_form(&self, arch: &Architecture) -> Architecture {
        let read = RefCell::new(vec![false; arch.genes().len()]);
        if self.reference(arch, Some(&read)).is_none() {
            return arch.clone();
        }
        let read = read.into_inner();
        let mut genes: Vec<u16> = arch.genes().iter().zip(read).map(|(&g, read)| if read { g } else { 0 }).collect();
        for tuples in &self.source.interchangeable {
            let mut values: Vec<Vec<u16>> = tuples.iter().map(|t| t.iter().map(|&g| genes[g]).collect()).collect();
            values.sort_unstable();
            for (tuple, values) in tuples.iter().zip(values) {
                tuple.iter().zip(values).for_each(|(&gene, value)| genes[gene] = value);
            }
        }
        let normal = Architecture::new(genes);
        let same = self.check(&normal).is_ok() && self.arch_id(&normal) == self.arch_id(arch);
        if same { normal } else { arch.clone() }
    }

    /// The operations that graph features see, an alternative of a kind of decision each, and where those of each gene begin.
    fn ops(&self) -> &(OpSet, Vec<u16>) {
        self.source.op_set.get_or_init(|| {
            let decisions = &self.source.decisions;
            let (mut names, mut starts): (Vec<String>, Vec<u16>) = (Vec::new(), Vec::new());
            let mut kinds: Vec<(&[String], u16)> = Vec::new();
            for decision in &decisions.list {
                let known = kinds.iter().find(|(written, _)| *written == decision.written.as_slice());
                let start = known.map_or(names.len() as u16, |(_, start)| *start);
                if known.is_none() {
                    kinds.push((&decision.written, start));
                    for text in &decision.written {
                        let taken = names.contains(text);
                        names.push(if taken { format!("{} {text}", decision.name) } else { text.clone() });
                    }
                }
                starts.extend(decision.genes().map(|_| start));
            }
            (OpSet { names, identity: None, longest_path: decisions.choices.len() }, starts)
        })
    }
}

impl SearchSpace for FileSpace {
    fn entry(&self) -> &'static SpaceEntry {
        self.entry
    }

    fn text(&self) -> String {
        format!("{}{}", self.entry.name, self.chosen)
    }

    fn choices(&self) -> &[u16] {
        &self.source.decisions.choices
    }

    fn parse(&self, text: &str) -> Result<Architecture, SpaceError> {
        let refuse = |reason| self.entry.not_read(text, reason);
        let arch = Architecture::new(self.source.read(text).map_err(refuse)?);
        match self.broken(&arch) {
            None => Ok(arch),
            Some(reason) => Err(refuse(reason)),
        }
    }

    fn format(&self, arch: &Architecture) -> String {
        self.source.texts[0].write(arch.genes(), &self.source.decisions)
    }

    fn arch_id(&self, arch: &Architecture) -> ArchId {
        match self.reference(arch, None) {
            Some(network) => ArchId::new(self.entry.name, &network.identity().to_le_bytes()),
            None => ArchId::of_genes(self.entry.name, arch.genes()),
        }
    }

    /// Of the architectures of one network the one with the fewest operations, in spaces of up to 20,000. In larger ones the same
    /// architecture with what it does not depend on at the first alternative, and what is interchangeable in order.
    fn representative(&self, arch: &Architecture) -> Architecture {
        if self.size() > SMALL {
            return self.normal_form(arch);
        }
        self.representatives().get(&self.arch_id(arch)).cloned().unwrap_or_else(|| arch.clone())
    }

    fn build(&self, arch: &Architecture, task: &Task) -> Result<Network, SpaceError> {
        self.check(arch)?;
        let build = |task: &Task| self.source.network(arch.genes(), &self.options, task, None);
        let failure = match build(task) {
            Ok(network) => return Ok(network),
            Err(failure) => failure,
        };
        let shapes = |task: &Task| match build(task) {
            Ok(network) => Ok(network),
            Err(Failure::Shape { error, .. }) => Err(error),
            Err(Failure::Fault(fault)) => Err(NetworkError::Refused(fault.reason)),
        };
        match self.entry.built(task, shapes) {
            Err(SpaceError::Build { fitting, .. }) if fitting.is_empty() => {
                let fault = failure.fault(&format!("the network of `{}`", self.format(arch)));
                let place = place(self.source.text, &fault.at);
                Err(SpaceError::File { file: self.entry.name.into(), place, reason: fault.reason })
            }
            other => other,
        }
    }

    fn op_set(&self) -> OpSet {
        self.ops().0.clone()
    }

    fn op_graph(&self, arch: &Architecture) -> OpGraph {
        OpGraph::chain(arch.genes().iter().zip(&self.ops().1).map(|(gene, start)| gene + start).collect())
    }

    /// The cells, where networks have some; otherwise the decisions one after the other.
    fn picture(&self, arch: &Architecture) -> Picture {
        let Source { blocks, network, options, task, .. } = self.source.as_ref();
        let genes = Genes { decisions: &self.source.decisions, options, genes: arch.genes(), read: None };
        match layers::build(blocks, network, genes, task) {
            Ok(built) if !built.cells.is_empty() => Picture::Cells(built.cells),
            _ => Picture::Cells(vec![CellGraph::of(&self.op_graph(arch), &self.ops().0.names)]),
        }
    }

    fn size(&self) -> u128 {
        self.source.decisions.size()
    }

    fn index_of(&self, arch: &Architecture) -> Option<u64> {
        self.source.decisions.index_of(arch.genes())
    }

    fn at(&self, index: u64) -> Option<Architecture> {
        (u128::from(index) < self.size()).then(|| Architecture::new(self.source.decisions.at(index)))
    }

    fn check(&self, arch: &Architecture) -> Result<(), SpaceError> {
        check_genes(self.choices(), arch).map_err(|reason| self.entry.not_valid(arch, reason))?;
        self.broken(arch).map_or(Ok(()), |reason| Err(self.entry.not_valid(arch, reason)))
    }

    fn sample(&self, rng: &mut Stream) -> Architecture {
        Architecture::new(self.source.decisions.sample(rng))
    }
}

impl FileSpace {
    /// The constraint that an architecture does not meet, as a message.
    fn broken(&self, arch: &Architecture) -> Option<String> {
        let broken = self.source.decisions.broken(arch.genes(), &self.source.options)?;
        Some(match &broken.because {
            Some(because) => format!("it is excluded: {because}"),
            None => {
                let line = place(self.source.text, &broken.holds.at);
                format!("it does not meet the constraint at{}", line.trim_end_matches(':'))
            }
        })
    }
}
