//! Blocks, graphs and the network of a space file, and how they become the nodes of a [`Network`].

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::decisions::Genes;
use super::expr::{Fault, Names, Value};
use super::operations::{self, Operation};
use super::syntax::{Block, Body, Call, Failure, Step, Target};
use crate::network::{Network, NetworkBuilder, NetworkError, NodeId, Op, Task};
use crate::space::CellGraph;
use crate::text::did_you_mean;

/// Nodes of a network, repetitions, and blocks within blocks: more is a mistake in the file.
const MOST_NODES: usize = 20_000;
const MOST_STEPS: usize = 200_000;
const DEEPEST: usize = 40;
/// Values of one map.
const LARGEST_MAP: usize = 1 << 26;

/// A network, and each kind of cell that its graphs make.
pub(super) struct Built {
    pub(super) network: Network,
    pub(super) cells: Vec<CellGraph>,
}

/// The network of an architecture.
pub(super) fn build(
    blocks: &HashMap<String, Block>,
    network: &[Step],
    genes: Genes<'_>,
    task: &Task,
) -> Result<Built, Failure> {
    let mut maker = Maker {
        blocks,
        genes,
        b: NetworkBuilder::new(task.input),
        names: HashSet::new(),
        cells: Vec::new(),
        depth: 0,
        steps: 0,
        classes: task.target.outputs() as i64,
    };
    let mut frame = Frame::new("", true);
    frame.values.push(("in".into(), 0));
    let output = maker.steps(network, &mut frame, 0)?;
    Ok(Built { network: maker.b.finish(output), cells: maker.cells })
}

pub(super) struct Maker<'a> {
    blocks: &'a HashMap<String, Block>,
    pub(super) genes: Genes<'a>,
    pub(super) b: NetworkBuilder,
    /// Names of layers, which are unique.
    names: HashSet<String>,
    pub(super) cells: Vec<CellGraph>,
    depth: usize,
    steps: usize,
    classes: i64,
}

/// What can be named inside of a block.
pub(super) struct Frame {
    /// What the names of its layers start with.
    path: String,
    /// Whether this is the network itself, whose blocks are those of [`Network::blocks`].
    outermost: bool,
    pub(super) variables: Vec<(String, Value)>,
    values: Vec<(String, NodeId)>,
}

impl Frame {
    fn new(path: &str, outermost: bool) -> Self {
        Frame { path: path.into(), outermost, variables: Vec::new(), values: Vec::new() }
    }

    pub(super) fn set(&mut self, name: &str, value: i64) {
        self.variables.push((name.into(), Value::Number(value)));
    }
}

pub(super) struct Scope<'a> {
    pub(super) frame: &'a Frame,
    pub(super) genes: &'a Genes<'a>,
}

impl Names for Scope<'_> {
    fn value(&self, name: &str, index: Option<i64>) -> Result<Value, String> {
        let variable = self.frame.variables.iter().rev().find(|(variable, _)| variable == name);
        match (variable, index) {
            (Some((_, value)), None) => Ok(value.clone()),
            (Some(_), Some(_)) => Err(format!("`{name}` is one value, without a position")),
            (None, index) => self.genes.value(name, index),
        }
    }
}

fn joined(path: &str, name: &str) -> String {
    match (path, name) {
        ("", name) => name.into(),
        (path, "") => path.into(),
        (path, name) => format!("{path}.{name}"),
    }
}

pub(super) enum Callee<'a> {
    Operation(&'static Operation),
    Block(&'a Block),
}

impl Callee<'_> {
    pub(super) fn name(&self) -> &str {
        match self {
            Callee::Operation(operation) => operation.name,
            Callee::Block(block) => &block.name,
        }
    }
}

impl<'a> Maker<'a> {
    fn steps(&mut self, steps: &[Step], frame: &mut Frame, input: NodeId) -> Result<NodeId, Failure> {
        let mut current = input;
        for (position, step) in steps.iter().enumerate() {
            self.steps += 1;
            match step {
                Step::Let(definitions) => {
                    self.shape_names(frame, current);
                    for (name, expr) in definitions {
                        let value = expr.eval(&Scope { frame, genes: &self.genes })?;
                        frame.variables.push((name.clone(), value));
                    }
                }
                Step::Repeat { count, index, name, when, steps } => {
                    self.shape_names(frame, current);
                    let scope = Scope { frame, genes: &self.genes };
                    if !when.as_ref().map_or(Ok(true), |when| when.holds(&scope))? {
                        continue;
                    }
                    let times = count.number(&scope)?;
                    if !(0..=10_000).contains(&times) {
                        return Err(Fault::new(&count.at, format!("it cannot be repeated {times} times")).into());
                    }
                    let (path, kept) = (frame.path.clone(), frame.variables.len());
                    for i in 0..times {
                        index.iter().for_each(|index| frame.set(index, i));
                        let own = match name {
                            Some(name) => name.fill(&Scope { frame, genes: &self.genes })?,
                            None => format!("{position}.{i}"),
                        };
                        frame.path = joined(&path, &own);
                        current = self.steps(steps, frame, current)?;
                        frame.variables.truncate(kept);
                    }
                    frame.path = path;
                }
                Step::Call { call, from, kept } => {
                    let find = |(name, at): &(String, Range<usize>)| match name.as_str() {
                        "previous" => Ok(current),
                        _ => frame.values.iter().rev().find(|(value, _)| value == name).map(|(_, id)| *id).ok_or_else(
                            || {
                                let known = frame.values.iter().map(|(value, _)| value.as_str()).chain(["previous"]);
                                let hint = did_you_mean(name, known.clone());
                                let known = known.collect::<Vec<_>>().join(", ");
                                Fault::new(at, format!("there is no value `{name}` here{hint}; there are {known}"))
                            },
                        ),
                    };
                    let mut inputs = from.iter().map(find).collect::<Result<Vec<_>, _>>()?;
                    if inputs.is_empty() {
                        inputs.push(current);
                    }
                    let (value, ends) = self.call(call, &inputs, frame, &|op| format!("{op}{position}"))?;
                    current = value;
                    if ends && frame.outermost {
                        self.b.end_block(value);
                    }
                    if let Some(name) = kept {
                        frame.values.retain(|(value, _)| value != name);
                        frame.values.push((name.clone(), value));
                    }
                }
            }
            if self.steps > MOST_STEPS {
                return Err(
                    Fault::new(&(0..0), format!("the network takes more than {MOST_STEPS} steps to build")).into()
                );
            }
        }
        Ok(current)
    }

    /// Names the shape of what a layer reads.
    pub(super) fn shape_names(&self, frame: &mut Frame, input: NodeId) {
        let shape = self.b.shape(input);
        frame.set("channels_in", shape.channels as i64);
        frame.set("height_in", shape.height as i64);
        frame.set("width_in", shape.width as i64);
        frame.set("classes", self.classes);
    }

    /// The value of a call, and whether a block made it.
    pub(super) fn call(
        &mut self,
        call: &Call,
        inputs: &[NodeId],
        frame: &mut Frame,
        default_name: &dyn Fn(&str) -> String,
    ) -> Result<(NodeId, bool), Failure> {
        let kept = frame.variables.len();
        self.shape_names(frame, inputs[0]);
        let result = self.call_here(call, inputs, frame, default_name);
        frame.variables.truncate(kept);
        result
    }

    fn call_here(
        &mut self,
        call: &Call,
        inputs: &[NodeId],
        frame: &Frame,
        default_name: &dyn Fn(&str) -> String,
    ) -> Result<(NodeId, bool), Failure> {
        let scope = Scope { frame, genes: &self.genes };
        if !call.when.as_ref().map_or(Ok(true), |when| when.holds(&scope))? {
            return Ok((inputs[0], false));
        }
        let (callee, chosen) = self.callee(call, &scope)?;
        let name = callee.name();
        let known = match &callee {
            Callee::Operation(operation) => operation.parameters.to_vec(),
            Callee::Block(block) => block.parameters.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(),
        };
        let mut given = Vec::new();
        for (parameter, expr) in &call.parameters {
            if known.contains(&parameter.as_str()) {
                given.push((parameter.clone(), expr.eval(&scope)?, expr.at.clone()));
            } else if !chosen {
                let hint = did_you_mean(parameter, known.iter().copied());
                let known = if known.is_empty() { "none".into() } else { known.join(", ") };
                let reason = format!("`{name}` has no parameter `{parameter}`{hint}; it has {known}");
                return Err(Fault::new(&expr.at, reason).into());
            }
        }
        let own = match &call.name {
            Some(template) => template.fill(&scope)?,
            None => default_name(name),
        };
        let path = joined(&frame.path, &own);
        match callee {
            Callee::Operation(operation) => Ok((self.operation(operation, &given, inputs, path, &call.at)?, false)),
            Callee::Block(block) => {
                let mut inner = Frame::new(&path, false);
                for parameter in &block.parameters {
                    let value = match given.iter().find(|(name, ..)| *name == parameter.name) {
                        Some((_, value, _)) => value.clone(),
                        None => match &parameter.default {
                            Some(default) => default.eval(&scope)?,
                            None => scope.value(&parameter.name, None).map_err(|_| {
                                let reason = format!("`{name}` needs the parameter `{}`", parameter.name);
                                Fault::new(&call.at, reason)
                            })?,
                        },
                    };
                    inner.variables.push((parameter.name.clone(), value));
                }
                Ok((self.block(block, inner, inputs, &call.at)?, true))
            }
        }
    }

    /// What is called, and whether a value decided it.
    pub(super) fn callee(&self, call: &Call, scope: &Scope<'_>) -> Result<(Callee<'a>, bool), Fault> {
        let blocks: &'a HashMap<String, Block> = self.blocks;
        let find = |name: &str| match operations::find(name) {
            Some(operation) => Some(Callee::Operation(operation)),
            None => blocks.get(name).map(Callee::Block),
        };
        let unknown = |name: &str, also: Option<String>| {
            let mut known: Vec<&str> = operations::names().collect();
            known.extend(blocks.keys().map(String::as_str));
            known.extend(self.genes.decisions.list.iter().map(|decision| decision.name.as_str()));
            let hint = did_you_mean(name, known);
            let also = also.map_or_else(String::new, |also| format!("; {also}"));
            Fault::new(&call.at, format!("no operation or block is called `{name}`{hint}{also}"))
        };
        let value = match &call.target {
            Target::Named(name) => match find(name) {
                Some(callee) => return Ok((callee, false)),
                None => scope.value(name, None).map_err(|reason| {
                    // A decision of that name is used wrongly; otherwise there is nothing to add.
                    unknown(name, self.genes.decisions.find(name).map(|_| reason))
                })?,
            },
            Target::Chosen(expr) => expr.eval(scope)?,
        };
        let name = value.to_string();
        find(&name).map(|callee| (callee, true)).ok_or_else(|| unknown(&name, None))
    }

    fn operation(
        &mut self,
        operation: &Operation,
        given: &[(String, Value, Range<usize>)],
        inputs: &[NodeId],
        path: String,
        at: &Range<usize>,
    ) -> Result<NodeId, Failure> {
        let mut name = path.clone();
        let mut copies = 1;
        while operation.learns && !self.names.insert(name.clone()) {
            copies += 1;
            name = format!("{path}#{copies}");
        }
        let id = (operation.build)(&mut self.b, inputs, &operations::Arguments { given, at }, name)?;
        let shape = self.b.shape(id);
        let values = shape.channels.checked_mul(shape.height).and_then(|n| n.checked_mul(shape.width));
        if values.is_none_or(|n| n > LARGEST_MAP) || id > MOST_NODES {
            return Err(
                Fault::new(at, format!("the network becomes too large: {id} operations, a map of {shape}")).into()
            );
        }
        Ok(id)
    }

    fn block(
        &mut self,
        block: &Block,
        mut frame: Frame,
        inputs: &[NodeId],
        at: &Range<usize>,
    ) -> Result<NodeId, Failure> {
        let takes = match &block.body {
            Body::Layers { inputs, .. } => inputs.len(),
            Body::Graph { inputs, .. } => *inputs,
        };
        if inputs.len() != takes {
            let reason = format!("`{}` takes {takes} inputs, not {}", block.name, inputs.len());
            return Err(Fault::new(at, reason).into());
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Fault::new(at, format!("`{}` is nested too deeply; does it call itself?", block.name)).into());
        }
        frame.set("block_channels", self.b.shape(inputs[0]).channels as i64);
        let value = match &block.body {
            Body::Layers { inputs: names, steps } => {
                frame.values.extend(names.iter().cloned().zip(inputs.iter().copied()));
                self.steps(steps, &mut frame, inputs[0])?
            }
            Body::Graph { nodes, output, join, output_join, .. } => {
                let ports = (0..inputs.len()).map(|i| if inputs.len() == 1 { "in".into() } else { format!("in {i}") });
                let mut cell = CellGraph { name: block.name.clone(), nodes: ports.collect(), edges: Vec::new() };
                let mut values: Vec<Option<NodeId>> = inputs.iter().copied().map(Some).collect();
                for node in nodes {
                    let value = self.node(node, &values, *join, &mut frame, &mut cell, at)?;
                    values.push(value);
                }
                self.draw(cell, inputs.len(), output);
                let parts: Vec<NodeId> = output.iter().filter_map(|&i| values[i]).collect();
                match self.join(*output_join, &parts, at)? {
                    Some(value) => value,
                    // Nothing reaches the output: a map of zeros, which is pruned with all that depends on it.
                    None => {
                        let channels = self.b.shape(inputs[0]).channels;
                        self.b.apply(Op::Zero { channels }, inputs[0]).map_err(shape_fault(at))?
                    }
                }
            }
        };
        self.depth -= 1;
        Ok(value)
    }
}

pub(super) fn shape_fault(at: &Range<usize>) -> impl FnOnce(NetworkError) -> Failure + use<> {
    let at = at.clone();
    move |error| Failure::Shape { at, error }
}
