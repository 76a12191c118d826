//! NAS-Bench-101: 423,624 modules, directed acyclic graphs of up to seven vertices and nine edges with three operations.
//!
//! Paper: Ying, Klein, Real, Christiansen, Murphy & Hutter, "NAS-Bench-101: Towards Reproducible Neural Architecture
//! Search", ICML 2019, arXiv:1902.09635.
//!
//! Vertex 0 of a module is its input, the last vertex its output. A vertex between them applies its operation to the sum
//! of its inputs; what comes from the module's input is first projected by a 1x1 convolution, batch normalisation and
//! ReLU. The output concatenates its inputs, and adds the projected module input if there is an edge from it. Vertices
//! that are on no path from input to output are pruned before anything else, so a network has no dead operation.
//!
//! # Which modules are the same network
//!
//! [`ArchId`] is the published MD5 fingerprint, which isomorphic modules share. They are the same function, but for one
//! thing: where the channels of the output cannot be divided evenly, the first vertices get one channel more than the
//! others, and the numbering decides which are first. What is run is the module of the class that was published.

mod hash;
mod module;

use super::{
    ArchId, Architecture, CELLS, CHANNELS, OpGraph, OpSet, SearchSpace, SpaceEntry, SpaceError, SpaceSpec, Task,
    blocks, check_genes,
};
use crate::network::{Conv2d, Network, NetworkBuilder, NetworkError, NodeId, Op, Pool};
use crate::seed::Stream;
use crate::text::quoted;
use module::{MAX_EDGES, MAX_VERTICES, Module, OPS, PAIRS};

pub(super) static ENTRY: SpaceEntry = SpaceEntry {
    name: "nas-bench-101",
    aliases: &["nb101"],
    title: "NAS-Bench-101: modules of up to seven vertices and nine edges, 423,624 distinct ones",
    paper: "Ying et al., NAS-Bench-101, ICML 2019, arXiv:1902.09635",
    example: "conv1x1:0/conv3x3:0/conv3x3:0/conv3x3:3/maxpool3x3:0/output:1245",
    listed: "distinct modules",
    identity: "the published MD5 hash of the pruned module: isomorphic modules are one network, whose uneven channels are \
               those of the published module",
    options: &[CHANNELS, CELLS],
    definition: None,
    open: &|spec| Ok(Box::new(NasBench101::open(spec)?)),
};

/// Alternatives of each gene: edges, then operations.
const CHOICES: [u16; GENES] = {
    let mut choices = [2; GENES];
    let mut i = PAIRS;
    while i < GENES {
        choices[i] = OPS as u16;
        i += 1;
    }
    choices
};
const GENES: usize = PAIRS + MAX_VERTICES - 2;
const OP_NAMES: [&str; OPS as usize] = ["conv3x3", "conv1x1", "maxpool3x3"];

/// The space of modules. Gene `x + y (y - 1) / 2` (of the first 21) is 1 if there is an edge from vertex `x` to vertex `y`
/// of 7; the last five genes are the operations of vertices 1 to 5: 0 `conv3x3`, 1 `conv1x1`, 2 `maxpool3x3`. Genes are
/// valid if the input reaches the output and at most nine edges are on a path between them.
///
/// In text, vertices are separated by `/`, each with its operation and, after a colon, the digits of the vertices that
/// feed it; the output comes last: `conv3x3:0/maxpool3x3:01/output:12`. Vertices before the output that have neither
/// edges nor another operation than `conv3x3` are not written.
pub struct NasBench101 {
    init_channels: usize,
    modules: usize,
}

/// Channels of the first stack and modules per stack.
const PUBLISHED: (usize, usize) = (128, 3);

impl Default for NasBench101 {
    /// The space with the published skeleton.
    fn default() -> Self {
        let (init_channels, modules) = PUBLISHED;
        NasBench101 { init_channels, modules }
    }
}

impl NasBench101 {
    fn open(spec: &SpaceSpec) -> Result<Self, SpaceError> {
        // Up to four vertices share the channels of the first stack, and each needs one.
        let (init_channels, modules) = spec.skeleton(PUBLISHED, 4)?;
        Ok(NasBench101 { init_channels, modules })
    }

    /// The genes of a module as the published files give it: number of vertices, edge `x -> y` as bit
    /// `x + y (y - 1) / 2`, and the operations of the vertices between input and output.
    pub fn module(edges: u32, interior: &[u8]) -> Result<Architecture, SpaceError> {
        let genes = genes(&Module::new(edges, interior));
        valid(&genes).map_err(|reason| ENTRY.not_valid(&genes, reason))?;
        Ok(genes)
    }
}

/// A module of any number of vertices as genes, its output moved to vertex 6.
fn genes(module: &Module) -> Architecture {
    let output = module.vertices() - 1;
    let mut genes = vec![0; GENES];
    for to in 1..=output {
        for from in (0..to).filter(|&from| module.has(from, to)) {
            genes[pair(from, if to == output { MAX_VERTICES - 1 } else { to })] = 1;
        }
    }
    (1..output).for_each(|v| genes[PAIRS + v - 1] = module.op(v).into());
    Architecture::new(genes)
}

fn pair(from: usize, to: usize) -> usize {
    from + to * (to - 1) / 2
}

/// All seven vertices, as the genes say.
fn specified(arch: &Architecture) -> Module {
    let edges = (0..PAIRS).fold(0, |bits, i| bits | u32::from(arch.genes()[i]) << i);
    let interior: Vec<u8> = arch.genes()[PAIRS..].iter().map(|&op| op as u8).collect();
    Module::new(edges, &interior)
}

/// The pruned module, or why there is none.
fn valid(arch: &Architecture) -> Result<Module, String> {
    check_genes(&CHOICES, arch)?;
    match specified(arch).pruned() {
        None => Err("its input does not reach its output".into()),
        Some(module) if module.edge_count() > MAX_EDGES => {
            Err(format!("it has {} edges on paths from input to output, the most is {MAX_EDGES}", module.edge_count()))
        }
        Some(module) => Ok(module),
    }
}

fn parse(text: &str) -> Result<Architecture, String> {
    let vertices: Vec<&str> = text.trim().split('/').collect();
    let output = vertices.len();
    if output >= MAX_VERTICES {
        return Err(format!("it has {output} vertices after the input, the most is {}", MAX_VERTICES - 1));
    }
    let mut genes = vec![0; GENES];
    for (vertex, number) in vertices.into_iter().zip(1..) {
        let (op, sources) =
            vertex.split_once(':').ok_or_else(|| format!("vertex {number}, {}, has no colon", quoted(vertex)))?;
        if (op == "output") != (number == output) {
            return Err("`output` is the last vertex and no other".into());
        }
        if number < output {
            // The published files append what follows each convolution.
            let short = op.strip_suffix("-bn-relu").unwrap_or(op);
            let code = OP_NAMES.iter().position(|name| *name == short).ok_or_else(|| {
                let hint = crate::text::did_you_mean(op, OP_NAMES.iter().copied());
                format!("unknown operation {}{hint}", quoted(op))
            })?;
            genes[PAIRS + number - 1] = code as u16;
        }
        let to = if number == output { MAX_VERTICES - 1 } else { number };
        for digit in sources.chars() {
            match digit.to_digit(10).map(|d| d as usize).filter(|&from| from < number) {
                Some(from) if genes[pair(from, to)] == 0 => genes[pair(from, to)] = 1,
                Some(from) => return Err(format!("vertex {number} names vertex {from} twice")),
                None => return Err(format!("vertex {number} cannot be fed by `{digit}`, but by vertices before it")),
            }
        }
    }
    let arch = Architecture::new(genes);
    valid(&arch)?;
    Ok(arch)
}

impl SearchSpace for NasBench101 {
    fn entry(&self) -> &'static SpaceEntry {
        &ENTRY
    }

    fn text(&self) -> String {
        let Self { init_channels, modules } = self;
        format!("{}:cells={modules},channels={init_channels}", ENTRY.name)
    }

    fn choices(&self) -> &[u16] {
        &CHOICES
    }

    fn parse(&self, text: &str) -> Result<Architecture, SpaceError> {
        parse(text).map_err(|reason| ENTRY.not_read(text, reason))
    }

    fn format(&self, arch: &Architecture) -> String {
        let module = specified(arch);
        let output = MAX_VERTICES - 1;
        let idle = |v: usize| {
            module.op(v) == 0 && (0..v).all(|w| !module.has(w, v)) && (v + 1..=output).all(|w| !module.has(v, w))
        };
        let written = (1..output).rev().find(|&v| !idle(v)).unwrap_or(0);
        let sources = |v: usize| (0..v).filter(|&w| module.has(w, v)).map(|w| w.to_string()).collect::<String>();
        let mut text = String::new();
        for v in 1..=written {
            text.push_str(&format!("{}:{}/", OP_NAMES[usize::from(module.op(v))], sources(v)));
        }
        text + "output:" + &sources(output)
    }

    fn arch_id(&self, arch: &Architecture) -> ArchId {
        specified(arch)
            .pruned()
            .map_or_else(|| ArchId::of_genes(ENTRY.name, arch.genes()), |m| ArchId(hash::module_hash(&m)))
    }

    fn representative(&self, arch: &Architecture) -> Architecture {
        specified(arch).pruned().map_or_else(|| arch.clone(), |m| genes(&m.representative()))
    }

    fn op_set(&self) -> OpSet {
        OpSet { names: OP_NAMES.map(String::from).to_vec(), identity: None, longest_path: MAX_VERTICES - 2 }
    }

    /// The pruned module.
    fn op_graph(&self, arch: &Architecture) -> OpGraph {
        specified(arch).pruned().map_or_else(OpGraph::default, |m| OpGraph {
            ops: m.interior().iter().map(|&op| op.into()).collect(),
            edges: m.pairs().collect(),
        })
    }

    fn build(&self, arch: &Architecture, task: &Task) -> Result<Network, SpaceError> {
        self.check(arch)?;
        let module = specified(arch).pruned().unwrap_or_else(|| Module::new(1, &[]));
        ENTRY.built(task, |task| build(self, &module, task))
    }

    fn size(&self) -> u128 {
        Module::all().len() as u128
    }

    /// The published files are keyed by hash and have no order.
    fn index_of(&self, _: &Architecture) -> Option<u64> {
        None
    }

    fn at(&self, index: u64) -> Option<Architecture> {
        Module::all().get(usize::try_from(index).ok()?).map(genes)
    }

    fn check(&self, arch: &Architecture) -> Result<(), SpaceError> {
        valid(arch).map(|_| ()).map_err(|reason| ENTRY.not_valid(arch, reason))
    }

    fn sample(&self, rng: &mut Stream) -> Architecture {
        let all = Module::all();
        genes(&all[rng.below(all.len() as u64) as usize])
    }
}

/// Stem, three stacks of modules with twice the channels and half the pixels each, global pooling, classifier.
fn build(space: &NasBench101, module: &Module, task: &Task) -> Result<Network, NetworkError> {
    let mut b = NetworkBuilder::new(task.input);
    let mut x = convolution(&mut b, "stem.conv".into(), 0, space.init_channels, 3)?;
    b.end_block(x);
    for stack in 0..3 {
        if stack > 0 {
            x = b.apply(Op::MaxPool(Pool { ceil: true, ..Pool::new(2, 2, 0) }), x)?;
        }
        for i in 0..space.modules {
            let name = format!("cells.{}", stack * space.modules + i);
            x = build_module(&mut b, module, &name, x, space.init_channels << stack)?;
            b.end_block(x);
        }
    }
    let x = b.apply(Op::GlobalAvgPool, x)?;
    let logits = b.linear("classifier", x, task.target.outputs())?;
    Ok(b.finish(logits))
}

fn build_module(
    b: &mut NetworkBuilder,
    module: &Module,
    name: &str,
    input: NodeId,
    channels: usize,
) -> Result<NodeId, NetworkError> {
    let output = module.vertices() - 1;
    let widths = module.channels(b.shape(input).channels, channels);
    let mut values = vec![input];
    for (v, &width) in widths.iter().enumerate().take(output).skip(1) {
        let mut terms = Vec::new();
        for from in (1..v).filter(|&from| module.has(from, v)) {
            terms.push(b.narrow(values[from], width)?);
        }
        if module.has(0, v) {
            terms.push(convolution(b, format!("{name}.vertex.{v}.projection"), input, width, 1)?);
        }
        let sum = b.add(&terms)?;
        let conv = format!("{name}.vertex.{v}.conv");
        values.push(match module.op(v) {
            0 => convolution(b, conv, sum, width, 3)?,
            1 => convolution(b, conv, sum, width, 1)?,
            _ => b.apply(Op::MaxPool(Pool::new(3, 1, 1)), sum)?,
        });
    }
    let joined: Vec<NodeId> = (1..output).filter(|&v| module.has(v, output)).map(|v| values[v]).collect();
    let mut terms = Vec::new();
    if !joined.is_empty() {
        terms.push(b.concat(&joined)?);
    }
    if module.has(0, output) {
        terms.push(convolution(b, format!("{name}.output.projection"), input, channels, 1)?);
    }
    b.add(&terms)
}

/// Convolution that keeps the size, batch normalisation, ReLU.
fn convolution(
    b: &mut NetworkBuilder,
    name: String,
    x: NodeId,
    channels: usize,
    kernel: usize,
) -> Result<NodeId, NetworkError> {
    let conv = Conv2d::same(b.shape(x).channels, channels, kernel, 1);
    blocks::conv_bn_relu(b, name, x, conv)
}

#[cfg(test)]
mod tests;
