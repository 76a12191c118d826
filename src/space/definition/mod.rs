//! Spaces that are written down in a file: decisions, blocks and a network in TOML (`docs/own-space.md`).
//!
//! [`read`] makes the [`syntax`] of a file, its values by [`fields`]; [`decisions`] counts and draws architectures, [`text`] writes and
//! reads them; [`layers`] and [`graphs`] make networks of them with the [`operations`], whose parameters are [`expr`]essions.

mod check;
mod decisions;
mod expr;
mod fields;
mod file_space;
mod graphs;
mod layers;
mod operations;
mod read;
mod syntax;
mod text;

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

pub use check::{SpaceCheck, check};

use super::{ArchId, Architecture, OpSet, SPACES, SpaceEntry, SpaceError, SpaceOption, SpaceSpec, Task};
use crate::network::Network;
use crate::seed::Stream;
use decisions::{Decisions, Genes};
use expr::{Expr, Fault};
use file_space::FileSpace;
use read::Definition;
use syntax::{Block, Failure, Step};
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
    let before = text.get(..at.start).unwrap_or(text);
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
            if let Some(broken) = source.decisions.broken(&genes, &source.options) {
                let why = broken.because.as_deref().unwrap_or("it does not meet a constraint");
                return Err(located(Fault::new(at, format!("the example is no architecture of the space: {why}"))));
            }
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
        Ok(layers::build(&self.blocks, &self.network, genes, task)?.network)
    }
}

#[cfg(test)]
mod tests;
