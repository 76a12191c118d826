//! Modules of NAS-Bench-101 as graphs: pruning, relabelling, enumeration, channels.

use std::sync::OnceLock;

/// Most vertices of a module, input and output included.
pub(super) const MAX_VERTICES: usize = 7;
/// Most edges of a pruned module.
pub(super) const MAX_EDGES: u32 = 9;
/// Pairs of vertices that an edge can join.
pub(super) const PAIRS: usize = MAX_VERTICES * (MAX_VERTICES - 1) / 2;
/// Number of operations to choose from.
pub(super) const OPS: u8 = 3;
const INTERIOR: usize = MAX_VERTICES - 2;

/// A directed acyclic graph whose vertex 0 is the input and whose last is the output. Modules are ordered as the published
/// generator lists them: by number of vertices, edges read as a number, operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Module {
    vertices: u8,
    /// Edge `x -> y` is bit `x + y (y - 1) / 2`.
    edges: u32,
    /// Operations of the vertices from 1; zero for those that are not there.
    ops: [u8; INTERIOR],
}

fn bit(from: usize, to: usize) -> u32 {
    1 << (from + to * (to - 1) / 2)
}

impl Module {
    /// The module with these edges and interior operations, of which there are at most five.
    pub fn new(edges: u32, interior: &[u8]) -> Self {
        let ops = std::array::from_fn(|i| interior.get(i).copied().unwrap_or(0));
        Module { vertices: interior.len().min(INTERIOR) as u8 + 2, edges, ops }
    }

    pub fn vertices(&self) -> usize {
        self.vertices.into()
    }

    pub fn edge_count(&self) -> u32 {
        self.edges.count_ones()
    }

    pub fn has(&self, from: usize, to: usize) -> bool {
        self.edges & bit(from, to) != 0
    }

    /// Operation of an interior vertex.
    pub fn op(&self, vertex: usize) -> u8 {
        self.ops[vertex - 1]
    }

    /// Operations of the interior vertices.
    pub fn interior(&self) -> &[u8] {
        &self.ops[..self.vertices() - 2]
    }

    /// The edges (from, to), by `to`, then by `from`.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        (1..self.vertices()).flat_map(move |to| (0..to).map(move |from| (from, to))).filter(|&(f, t)| self.has(f, t))
    }

    /// The vertices on a path from the input to the output, renumbered in their order; None if there is no such path.
    pub fn pruned(&self) -> Option<Module> {
        let n = self.vertices();
        let (mut fed, mut wanted) = (1u8, 1u8 << (n - 1));
        // Edges in order of their end reach forward in one sweep, in the opposite order backward.
        let pairs: Vec<_> = self.pairs().collect();
        for &(f, t) in &pairs {
            fed |= (fed >> f & 1) << t;
        }
        for &(f, t) in pairs.iter().rev() {
            wanted |= (wanted >> t & 1) << f;
        }
        let live = fed & wanted;
        if live & 1 == 0 {
            return None;
        }
        let kept: Vec<usize> = (0..n).filter(|v| live >> v & 1 == 1).collect();
        let interior: Vec<u8> = kept[1..kept.len() - 1].iter().map(|&v| self.op(v)).collect();
        let mut edges = 0;
        for (to, &old_to) in kept.iter().enumerate() {
            for (from, &old_from) in kept[..to].iter().enumerate() {
                edges |= if self.has(old_from, old_to) { bit(from, to) } else { 0 };
            }
        }
        Some(Module::new(edges, &interior))
    }

    /// The same graph with interior vertex `v` called `to[v - 1]`; None if an edge would then point backward.
    fn relabelled(&self, to: &[u8]) -> Option<Module> {
        let n = self.vertices();
        let new = |v: usize| if v == 0 || v + 1 == n { v } else { usize::from(to[v - 1]) };
        let mut other = Module { edges: 0, ..*self };
        for (f, t) in self.pairs() {
            if new(f) >= new(t) {
                return None;
            }
            other.edges |= bit(new(f), new(t));
        }
        self.interior().iter().zip(to).for_each(|(&op, &v)| other.ops[usize::from(v) - 1] = op);
        Some(other)
    }

    /// Of all isomorphic modules the first in the published order, which is the one that was published.
    pub fn representative(&self) -> Module {
        permutations(self.interior().len()).iter().filter_map(|p| self.relabelled(p)).min().unwrap_or(*self)
    }

    /// Channels of every vertex: those that feed the output share its channels, the first of them take what is left over
    /// one each, and any other vertex has as many as the largest that it feeds.
    pub fn channels(&self, input: usize, output: usize) -> Vec<usize> {
        let n = self.vertices();
        let last = n - 1;
        let mut channels = vec![0; n];
        (channels[0], channels[last]) = (input, output);
        let feeding: Vec<usize> = (1..last).filter(|&v| self.has(v, last)).collect();
        for (i, &v) in feeding.iter().enumerate() {
            channels[v] = output / feeding.len() + usize::from(i < output % feeding.len());
        }
        for v in (1..last).rev().filter(|&v| !self.has(v, last)) {
            channels[v] = (v + 1..last).filter(|&t| self.has(v, t)).map(|t| channels[t]).max().unwrap_or(0);
        }
        channels
    }

    /// All representatives in the published order: the 423,624 modules of up to seven vertices, all of them on a path from
    /// the input to the output, and nine edges.
    pub fn all() -> &'static [Module] {
        static ALL: OnceLock<Vec<Module>> = OnceLock::new();
        ALL.get_or_init(|| (2..=MAX_VERTICES).flat_map(representatives).collect())
    }
}

fn representatives(vertices: usize) -> Vec<Module> {
    let interior = vertices - 2;
    let permutations = permutations(interior);
    let leaving = |v: usize| (v + 1..vertices).fold(0, |mask, to| mask | bit(v, to));
    let entering = |v: usize| (0..v).fold(0, |mask, from| mask | bit(from, v));
    // Every vertex but the output has an edge out of it, every vertex but the input one into it.
    let needed: Vec<u32> = (0..vertices - 1).map(leaving).chain((1..vertices).map(entering)).collect();
    let mut all = Vec::new();
    for edges in 0..1u32 << (vertices * (vertices - 1) / 2) {
        if edges.count_ones() > MAX_EDGES || needed.iter().any(|mask| edges & mask == 0) {
            continue;
        }
        let graph = Module::new(edges, &[0; INTERIOR][..interior]);
        let images: Vec<_> = permutations.iter().filter_map(|p| Some((p, graph.relabelled(p)?.edges))).collect();
        if images.iter().any(|&(_, image)| image < edges) {
            continue;
        }
        let automorphisms: Vec<_> = images.iter().filter(|&&(_, image)| image == edges).map(|&(p, _)| p).collect();
        for labels in 0..u32::from(OPS).pow(interior as u32) {
            let ops: Vec<u8> =
                (0..interior as u32).rev().map(|i| (labels / u32::from(OPS).pow(i) % u32::from(OPS)) as u8).collect();
            let module = Module::new(edges, &ops);
            if automorphisms.iter().all(|p| module.relabelled(p).is_none_or(|other| module <= other)) {
                all.push(module);
            }
        }
    }
    all
}

/// All orders of the interior vertices 1 to `n`.
fn permutations(n: usize) -> Vec<Vec<u8>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let shorter = permutations(n - 1);
    shorter.iter().flat_map(|p| (0..n).map(|i| [&p[..i], &[n as u8], &p[i..]].concat())).collect()
}
