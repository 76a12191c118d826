//! Spaces that are written down in a file: decisions, blocks and a network in TOML (`docs/own-space.md`).
//!
//! [`read`](read::Definition) reads the file, [`decisions`] counts and draws architectures, [`text`] writes and reads them,
//! [`layers`] makes networks of them with the [`operations`], whose parameters are [`expr`]essions.

mod check;
mod decisions;
mod expr;
mod layers;
mod operations;
mod read;
mod text;

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rayon::prelude::*;

pub use check::{SpaceCheck, check};

use super::{
    ArchId, Architecture, OpGraph, OpSet, SPACES, SearchSpace, SpaceEntry, SpaceError, SpaceOption, SpaceSpec, Task,
};
use crate::network::{Network, NetworkError};
use crate::seed::Stream;
use decisions::{Decisions, Genes};
use expr::{Expr, Fault};
use layers::{Block, Failure, Step};
use read::Definition;
use text::TextForm;

/// The largest space file.
const MOST_BYTES: u64 = 1_000_000;

/// A space file as it was read: what every space that is opened from it shares.
struct Source {
    name: &'static str,
    text: &'static str,
    decisions: Decisions,
    interchangeable: Vec<Vec<Vec<usize>>>,
    texts: Vec<TextForm>,
    blocks: HashMap<String, Block>,
    network: Vec<Step>,
    options: Vec<(&'static str, i64)>,
    /// The task that identities are told by, and examples are built for.
    task: Task,
    representatives: OnceLock<HashMap<ArchId, Architecture>>,
    op_set: OnceLock<(OpSet, Vec<u16>)>,
}

/// A space that a file defines. Its genes are the decisions in the order of the file.
struct FileSpace {
    entry: &'static SpaceEntry,
    source: Arc<Source>,
    options: Vec<(&'static str, i64)>,
    /// The options that differ from the file's, as they are written after the name.
    chosen: String,
}

/// Spaces of at most this size find the representative of a network by looking at all architectures.
const SMALL: u128 = 20_000;

/// The entry of the space in a file, registered under the space's name for the rest of the process.
pub(super) fn load(path: &Path) -> Result<&'static SpaceEntry, SpaceError> {
    let shown = path.display().to_string();
    let refuse = |reason: String| SpaceError::File { file: shown.clone(), place: String::new(), reason };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|e| refuse(format!("it cannot be opened: {e}")))?;
    let read =
        file.take(MOST_BYTES + 1).read_to_string(&mut text).map_err(|e| refuse(format!("it cannot be read: {e}")))?;
    if read as u64 > MOST_BYTES {
        return Err(refuse("it has more than a megabyte, so it is no space file".into()));
    }
    register(&shown, &text)
}

/// The entry of a space file's text; `file` is what messages call it.
pub(super) fn register(file: &str, text: &str) -> Result<&'static SpaceEntry, SpaceError> {
    static READ: Mutex<Vec<(&'static str, &'static SpaceEntry)>> = Mutex::new(Vec::new());
    let mut known = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, entry)) = known.iter().find(|(other, _)| *other == text) {
        return Ok(entry);
    }
    let entry = entry_of(file, text)?;
    let text = entry.definition.unwrap_or_default();
    let name = entry.name;
    let entry = SPACES.register(entry).map_err(|_| SpaceError::File {
        file: file.into(),
        place: String::new(),
        reason: format!("there is another space called `{name}`; give this one another name"),
    })?;
    known.push((text, entry));
    Ok(entry)
}

/// The space files that come with naslens.
const SHIPPED: [&str; 4] = [
    include_str!("../../../spaces/darts.toml"),
    include_str!("../../../spaces/nas-bench-macro.toml"),
    include_str!("../../../spaces/transnas-micro.toml"),
    include_str!("../../../spaces/mnasnet.toml"),
];

/// The spaces that come with naslens as files.
pub(super) fn shipped() -> Vec<&'static SpaceEntry> {
    let entry = |text: &&str| match entry_of("a space of naslens", text) {
        // Its name says all: runs need not keep its text.
        Ok(entry) => &*Box::leak(Box::new(SpaceEntry { definition: None, ..entry })),
        Err(error) => unreachable!("{error}"),
    };
    SHIPPED.iter().map(entry).collect()
}

fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

/// Where a byte of the file is, for messages.
fn place(text: &str, at: &Range<usize>) -> String {
    if at.end == 0 {
        return String::new();
    }
    let before = &text[..text.floor_char_boundary(at.start)];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
    format!(" line {line}, column {column}:")
}

/// The genes that texts of `interchangeable` name.
fn interchangeable_genes(groups: &[Vec<Vec<Expr>>], decisions: &Decisions) -> Result<Vec<Vec<Vec<usize>>>, Fault> {
    let gene = |expr: &Expr| {
        let found = match expr.names()[..] {
            [(name, index)] => decisions.find(name).and_then(|d| match (index, d.count) {
                (None, None) => Some(d.first),
                (Some(i), Some(count)) => usize::try_from(i).ok().filter(|&i| i < count).map(|i| d.first + i),
                _ => None,
            }),
            _ => None,
        };
        found.ok_or_else(|| Fault::new(&expr.at, "the name of one decision is needed here"))
    };
    let tuple = |tuple: &Vec<Expr>| tuple.iter().map(gene).collect::<Result<Vec<_>, _>>();
    let mut all = Vec::new();
    for group in groups {
        let tuples = group.iter().map(tuple).collect::<Result<Vec<_>, _>>()?;
        let kinds = |tuple: &Vec<usize>| tuple.iter().map(|&g| decisions.written(g)).collect::<Vec<_>>();
        if tuples.windows(2).any(|pair| kinds(&pair[0]) != kinds(&pair[1])) {
            let at = group.first().and_then(|t| t.first()).map_or(0..0, |e| e.at.clone());
            return Err(Fault::new(&at, "what is interchangeable has the same decisions with the same alternatives"));
        }
        all.push(tuples);
    }
    Ok(all)
}

fn entry_of(file: &str, text: &str) -> Result<SpaceEntry, SpaceError> {
    let located =
        |fault: Fault| SpaceError::File { file: file.into(), place: place(text, &fault.at), reason: fault.reason };
    let mut definition = Definition::read(text).map_err(located)?;
    let options: Vec<_> = definition.options.iter().map(|o| (leak(&o.name), o.default)).collect();
    let (list, constraints) = (std::mem::take(&mut definition.decisions), std::mem::take(&mut definition.constraints));
    let decisions = Decisions::new(list, constraints, &options).map_err(located)?;
    let source = Arc::new(Source {
        name: leak(&definition.name),
        text: leak(text),
        interchangeable: interchangeable_genes(&definition.interchangeable, &decisions).map_err(located)?,
        texts: definition.text_forms(&decisions).map_err(located)?,
        decisions,
        task: Task::classify(definition.input, definition.classes),
        blocks: definition.blocks,
        network: definition.network,
        options,
        representatives: OnceLock::new(),
        op_set: OnceLock::new(),
    });
    let example = match &definition.example {
        None => source.texts[0].write(&source.decisions.sample(&mut Stream::new(0)), &source.decisions),
        Some((example, at)) => {
            let genes =
                source.read(example).map_err(|reason| located(Fault::new(at, format!("the example: {reason}"))))?;
            source.texts[0].write(&genes, &source.decisions)
        }
    };
    let genes = source.read(&example).map_err(|reason| located(Fault::new(&(0..0), reason)))?;
    if let Err(failure) = source.network(&genes, &source.options, &source.task, None) {
        return Err(located(failure.fault(&format!("the network of `{example}`"))));
    }
    let shown = |&(name, default): &(&'static str, i64)| SpaceOption {
        name,
        what: leak(&format!("a whole number, {default} if not set")),
    };
    let opened = Arc::clone(&source);
    Ok(SpaceEntry {
        name: source.name,
        aliases: definition.aliases.iter().map(|a| leak(a)).collect::<Vec<_>>().leak(),
        title: leak(&definition.title),
        paper: leak(definition.paper.as_deref().unwrap_or("not published")),
        example: leak(&example),
        listed: "architectures",
        identity: "networks that compute the same functions, found from the networks themselves",
        options: source.options.iter().map(shown).collect::<Vec<_>>().leak(),
        definition: Some(source.text),
        open: Box::leak(Box::new(move |spec: &SpaceSpec| FileSpace::open(Arc::clone(&opened), spec))),
    })
}

impl Failure {
    /// The failure of a network that `what` describes, as something that is wrong with the file.
    fn fault(self, what: &str) -> Fault {
        match self {
            Failure::Fault(fault) => Fault { reason: format!("{what}: {}", fault.reason), ..fault },
            Failure::Shape { at, error } => Fault::new(&at, format!("{what}: {error}")),
        }
    }
}

impl Source {
    /// The genes of a text in any of the forms; what is wrong with it in the form that fits it furthest otherwise.
    fn read(&self, text: &str) -> Result<Vec<u16>, String> {
        let mut reason = String::new();
        for form in &self.texts {
            match form.read(text.trim(), &self.decisions) {
                Ok(genes) => return Ok(genes),
                Err(other) if reason.is_empty() => reason = other,
                Err(_) => {}
            }
        }
        Err(reason)
    }

    fn network(
        &self,
        genes: &[u16],
        options: &[(&'static str, i64)],
        task: &Task,
        read: Option<&RefCell<Vec<bool>>>,
    ) -> Result<Network, Failure> {
        let genes = Genes { decisions: &self.decisions, options, genes, read };
        layers::build(&self.blocks, &self.network, genes, task)
    }
}

impl FileSpace {
    fn open(source: Arc<Source>, spec: &SpaceSpec) -> Result<Box<dyn SearchSpace>, SpaceError> {
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
        super::check_genes(self.choices(), arch).map_err(|reason| self.entry.not_valid(arch, reason))?;
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

#[cfg(test)]
mod tests;
