//! NAS-Bench-201, the NATS-Bench topology space (TSS): 5^6 = 15,625 cells of six edges.
//!
//! Papers: Dong & Yang, "NAS-Bench-201", ICLR 2020, arXiv:2001.00326; Dong et al., "NATS-Bench", TPAMI 2021.
//!
//! # Which cells are the same network
//!
//! An edge `none` adds nothing, a skip is the identity, and what cannot reach the output does not count. Two notions of
//! "the same" are in use:
//!
//! * The **published** one compares the output node written out as a tree ([`tree_string`]) and gives 6,466 classes. It
//!   is too coarse, because the tree writes a shared sub-expression twice: a cell that uses one convolution twice and a
//!   cell that uses two independent convolutions look alike although they compute different functions. It is also too
//!   fine, because sums keep a mark for each missing term.
//! * The **exact** one, which [`ArchId`] is built on, compares computation graphs. Every convolution edge on a live path
//!   is a node. Average pooling `A` is linear, so the input of each convolution, and of the output, is a unique integer
//!   combination of terms `A^k v` with `v` the cell input or a convolution; these are the edges, labelled by power and
//!   coefficient. Cells are the same if their graphs are isomorphic. Two cells have one [`ArchId`] if and only if they
//!   give equal outputs on random weights assigned by canonical position (tested by brute force). There are 5,044; without the
//!   linearity of pooling there would be 5,260.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use super::blocks::{self, CellOp};
use super::{
    ArchId, Architecture, CELLS, CHANNELS, CellGraph, GraphEdge, OpGraph, OpSet, Picture, SearchSpace, SpaceEntry,
    SpaceError, SpaceSpec, Task,
};
use crate::network::{LabelledDag, Network, NetworkBuilder, NetworkError};
use crate::text::quoted;

pub(super) static ENTRY: SpaceEntry = SpaceEntry {
    name: "nas-bench-201",
    aliases: &["nats-topology", "nats-tss", "nb201"],
    title: "NAS-Bench-201 / NATS-Bench topology: cells of six edges with five operations, 15,625 architectures",
    paper: "Dong & Yang, NAS-Bench-201, ICLR 2020, arXiv:2001.00326",
    example: "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|",
    listed: "strings",
    identity: "5,044 distinct computation graphs (the published tree strings give 6,466 classes)",
    options: &[CHANNELS, CELLS],
    definition: None,
    open: &|spec| Ok(Box::new(NasBench201::open(spec)?)),
};

/// Edges (from, to) in the order of the genes.
const EDGES: [(usize, usize); 6] = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)];
const SIZE: usize = 15_625;

/// The topology space. Gene `e` is the op code of edge `e` in the order 0>1, 0>2, 1>2, 0>3, 1>3, 2>3: 0 none,
/// 1 skip_connect, 2 nor_conv_1x1, 3 nor_conv_3x3, 4 avg_pool_3x3.
pub struct NasBench201 {
    init_channels: usize,
    cells: usize,
}

/// Channels of the first stage and cells per stage.
const PUBLISHED: (usize, usize) = (16, 5);

impl NasBench201 {
    fn open(spec: &SpaceSpec) -> Result<Self, SpaceError> {
        let (init_channels, cells) = spec.skeleton(PUBLISHED, 1)?;
        Ok(NasBench201 { init_channels, cells })
    }
}

fn ops(arch: &Architecture) -> [CellOp; 6] {
    std::array::from_fn(|e| CellOp::ALL[usize::from(arch.genes()[e])])
}

impl SearchSpace for NasBench201 {
    fn entry(&self) -> &'static SpaceEntry {
        &ENTRY
    }

    fn text(&self) -> String {
        let Self { init_channels, cells } = self;
        format!("{}:cells={cells},channels={init_channels}", ENTRY.name)
    }

    fn choices(&self) -> &[u16] {
        &[5; 6]
    }

    fn parse(&self, text: &str) -> Result<Architecture, SpaceError> {
        parse(text).map_err(|reason| ENTRY.not_read(text, reason))
    }

    fn format(&self, arch: &Architecture) -> String {
        let mut text = String::new();
        for (op, (from, to)) in ops(arch).iter().zip(EDGES) {
            if from == 0 {
                text.push_str(if to > 1 { "+|" } else { "|" });
            }
            text.push_str(&format!("{}~{from}|", op.name()));
        }
        text
    }

    /// Position in the published order (`arch_index` of the NATS-Bench files).
    fn index_of(&self, arch: &Architecture) -> Option<u64> {
        Some(u64::from(official_order().index_of[lexicographic(arch)]))
    }

    fn at(&self, index: u64) -> Option<Architecture> {
        let position = *official_order().at.get(usize::try_from(index).ok()?)?;
        Some(from_lexicographic(position as usize))
    }

    fn arch_id(&self, arch: &Architecture) -> ArchId {
        let bytes: Vec<u8> = certificate(&ops(arch)).iter().flat_map(|v| v.to_le_bytes()).collect();
        ArchId::new(ENTRY.name, &bytes)
    }

    /// The member of the class with the fewest edges that do something, then the smallest published index.
    fn representative(&self, arch: &Architecture) -> Architecture {
        static REPRESENTATIVES: OnceLock<Vec<u16>> = OnceLock::new();
        let table = REPRESENTATIVES.get_or_init(|| {
            let cost = |position: usize| {
                let active = ops(&from_lexicographic(position)).iter().filter(|o| **o != CellOp::None).count();
                (active, official_order().index_of[position])
            };
            let certificates: Vec<Vec<u64>> = (0..SIZE).map(|p| certificate(&ops(&from_lexicographic(p)))).collect();
            let mut best: HashMap<&[u64], usize> = HashMap::new();
            for (p, c) in certificates.iter().enumerate() {
                let chosen = best.entry(c).or_insert(p);
                if cost(p) < cost(*chosen) {
                    *chosen = p;
                }
            }
            certificates.iter().map(|c| best[c.as_slice()] as u16).collect()
        });
        from_lexicographic(table[lexicographic(arch)] as usize)
    }

    /// All but `none`.
    fn op_set(&self) -> OpSet {
        let names = CellOp::ALL[1..].iter().map(|op| op.name().into()).collect();
        OpSet { names, identity: Some(CellOp::SkipConnect as u16 - 1), longest_path: 3 }
    }

    /// The line graph of the cell, whose operations are on its edges: a node per live edge that is not `none`, skips
    /// included, and an edge from each to those that start where it ends.
    fn op_graph(&self, arch: &Architecture) -> OpGraph {
        let active: Vec<usize> = (0..6).filter(|&e| arch.genes()[e] != CellOp::None as u16).collect();
        let ops: Vec<u16> = active.iter().map(|&e| arch.genes()[e] - 1).collect();
        let ending_at = |cell_node: usize| {
            let ends = move |&(_, e): &(usize, &usize)| EDGES[*e].1 == cell_node;
            let input = (cell_node == 0).then_some(0);
            input.into_iter().chain(active.iter().enumerate().filter(ends).map(|(i, _)| i + 1))
        };
        let starts = active.iter().map(|&e| EDGES[e].0).chain([3]);
        let edges: Vec<_> =
            starts.zip(1..).flat_map(|(start, to)| ending_at(start).map(move |from| (from, to))).collect();
        OpGraph::live(&ops, &edges)
    }

    /// The cell with its operations on the edges, those that are none included.
    fn picture(&self, arch: &Architecture) -> Picture {
        let edge = |(op, (from, to)): (CellOp, (usize, usize))| GraphEdge {
            from,
            to,
            label: op.name().into(),
            open: op != CellOp::None,
        };
        let nodes = ["in", "1", "2", "out"].map(String::from).to_vec();
        Picture::Cells(vec![CellGraph {
            name: String::new(),
            nodes,
            edges: ops(arch).into_iter().zip(EDGES).map(edge).collect(),
        }])
    }

    fn build(&self, arch: &Architecture, task: &Task) -> Result<Network, SpaceError> {
        self.check(arch)?;
        ENTRY.built(task, |task| build(self, &ops(arch), task))
    }
}

fn build(space: &NasBench201, ops: &[CellOp; 6], task: &Task) -> Result<Network, NetworkError> {
    let mut b = NetworkBuilder::new(task.input);
    let mut x = blocks::stem(&mut b, space.init_channels)?;
    let mut index = 0;
    for stage in 0..3 {
        let channels = space.init_channels << stage;
        if stage > 0 {
            x = blocks::reduction(&mut b, index, x, channels)?;
            index += 1;
        }
        for _ in 0..space.cells {
            x = blocks::cell(&mut b, index, x, channels, ops)?;
            index += 1;
        }
    }
    let logits = blocks::head(&mut b, x, task.target.outputs())?;
    Ok(b.finish(logits))
}

fn parse(text: &str) -> Result<Architecture, String> {
    let nodes: Vec<&str> = text.trim().split('+').collect();
    if nodes.len() != 3 {
        return Err(format!("it has {} nodes separated by `+`, not 3", nodes.len()));
    }
    let mut genes = Vec::with_capacity(6);
    for (node, to) in nodes.iter().zip(1..) {
        let inner = node
            .strip_prefix('|')
            .and_then(|n| n.strip_suffix('|'))
            .ok_or_else(|| format!("node {to} is {}, which is not between bars", quoted(node)))?;
        let edges: Vec<&str> = inner.split('|').collect();
        if edges.len() != to {
            return Err(format!("node {to} has {} edges, not {to}", edges.len()));
        }
        for (edge, from) in edges.iter().zip(0..) {
            let (name, source) = edge.split_once('~').ok_or_else(|| format!("edge {} has no `~`", quoted(edge)))?;
            if source != format!("{from}") {
                return Err(format!("edge {} of node {to} should come from node {from}", quoted(edge)));
            }
            let code = CellOp::ALL.iter().position(|o| o.name() == name).ok_or_else(|| {
                let hint = crate::text::did_you_mean(name, CellOp::ALL.iter().map(|o| o.name()));
                format!("unknown operation {}{hint}", quoted(name))
            })?;
            genes.push(code as u16);
        }
    }
    Ok(Architecture::new(genes))
}

fn lexicographic(arch: &Architecture) -> usize {
    arch.genes().iter().fold(0, |index, &g| 5 * index + usize::from(g))
}

fn from_lexicographic(mut position: usize) -> Architecture {
    let mut genes = vec![0; 6];
    for gene in genes.iter_mut().rev() {
        *gene = (position % 5) as u16;
        position /= 5;
    }
    Architecture::new(genes)
}

struct OfficialOrder {
    /// Lexicographic position of each published index.
    at: Vec<u16>,
    /// Published index of each lexicographic position.
    index_of: Vec<u16>,
}

/// The published order is the lexicographic one after Python's `random.seed(88); random.shuffle(archs)`.
fn official_order() -> &'static OfficialOrder {
    static ORDER: OnceLock<OfficialOrder> = OnceLock::new();
    ORDER.get_or_init(|| {
        let mut twister = rand_mt::Mt::new_with_key([88]);
        let mut at: Vec<u16> = (0..SIZE as u16).collect();
        for i in (1..SIZE as u32).rev() {
            // CPython's randbelow: as many leading bits as the bound has, drawn again while too large.
            let bits = (i + 1).ilog2() + 1;
            let j = loop {
                let r = twister.next_u32() >> (32 - bits);
                if r <= i {
                    break r;
                }
            };
            at.swap(i as usize, j as usize);
        }
        let mut index_of = vec![0; SIZE];
        at.iter().enumerate().for_each(|(index, &position)| index_of[position as usize] = index as u16);
        OfficialOrder { at, index_of }
    })
}

/// The output node written out as a tree, the published notion of isomorphism: skips are contracted, an operation on an
/// edge `none` or on a node that is itself `#` is `#`, the terms of a sum are sorted. A sum keeps its `#` terms, so the
/// notion is finer than needed there.
pub fn tree_string(arch: &Architecture) -> String {
    let ops = ops(arch);
    let mut nodes = vec!["0".to_string()];
    for to in 1..4 {
        let mut terms: Vec<String> = (0..6)
            .filter(|&e| EDGES[e].1 == to)
            .map(|e| match (ops[e], nodes[EDGES[e].0].as_str()) {
                (CellOp::None, _) | (_, "#") => "#".into(),
                (CellOp::SkipConnect, source) => source.into(),
                (op, source) => format!("({source})@{}", op.name()),
            })
            .collect();
        terms.sort_unstable();
        nodes.push(terms.join("+"));
    }
    nodes.swap_remove(3)
}

/// The exact canonical form; see the module documentation.
fn certificate(ops: &[CellOp; 6]) -> Vec<u64> {
    computation_graph(ops).0.canonical().certificate
}

/// The graph of live convolutions, and for each of its nodes the edge whose convolution it is (node 0 is the cell input,
/// node 1 the cell output).
fn computation_graph(ops: &[CellOp; 6]) -> (LabelledDag, Vec<Option<usize>>) {
    // A value is an integer combination of terms (source, power of the pooling); source 0 is the cell input, source
    // e + 1 the convolution on edge e.
    type Value = BTreeMap<(usize, u64), u64>;
    let mut nodes: [Value; 4] = Default::default();
    nodes[0].insert((0, 0), 1);
    let mut conv_input: [Value; 6] = Default::default();
    for (e, &(from, to)) in EDGES.iter().enumerate() {
        let input = nodes[from].clone();
        if input.is_empty() {
            continue;
        }
        let mut add = |term, coefficient| *nodes[to].entry(term).or_insert(0) += coefficient;
        match ops[e] {
            CellOp::None => {}
            CellOp::SkipConnect => input.iter().for_each(|(&t, &c)| add(t, c)),
            CellOp::AvgPool3x3 => input.iter().for_each(|(&(s, k), &c)| add((s, k + 1), c)),
            CellOp::NorConv1x1 | CellOp::NorConv3x3 => {
                add((e + 1, 0), 1);
                conv_input[e] = input;
            }
        }
    }
    const OUTPUT: usize = 1;
    let mut dag = LabelledDag { labels: vec![0, 1], edges: Vec::new() };
    let mut edge_of = vec![None, None];
    let mut node_of = [0usize; 7];
    let mut open = vec![(OUTPUT, &nodes[3])];
    while let Some((target, value)) = open.pop() {
        for (&(source, power), &coefficient) in value {
            if source > 0 && node_of[source] == 0 {
                node_of[source] = dag.labels.len();
                dag.labels.push(ops[source - 1] as u64);
                edge_of.push(Some(source - 1));
                open.push((node_of[source], &conv_input[source - 1]));
            }
            dag.edges.push((node_of[source], target, power << 32 | coefficient));
        }
    }
    (dag, edge_of)
}

#[cfg(test)]
#[path = "nas_bench_201_tests.rs"]
mod tests;
