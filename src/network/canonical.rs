//! Canonical forms of small labelled directed graphs: equal if and only if the graphs are isomorphic.

use std::collections::HashSet;

/// A directed graph with labels on nodes and edges. Parallel edges with different labels are allowed.
#[derive(Clone, Debug, Default)]
pub struct LabelledDag {
    /// Label of each node; nodes of different labels never correspond.
    pub labels: Vec<u64>,
    /// Edges (from, to, label).
    pub edges: Vec<(usize, usize, u64)>,
}

/// The canonical form of a [`LabelledDag`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Canonical {
    /// Node labels in canonical order, then edges in canonical positions: equal for isomorphic graphs only.
    pub certificate: Vec<u64>,
    /// `order[p]` is the node at canonical position `p`.
    pub order: Vec<usize>,
}

/// The colours with a node placed just before those that it was tied with; doubling makes room.
fn individualised(colours: &[u64], v: usize) -> Vec<u64> {
    let mut split: Vec<u64> = colours.iter().map(|c| 2 * c + 1).collect();
    split[v] -= 1;
    split
}

/// Own colour, then (direction, edge label, colour at the other end) of every edge.
type Signature = (u64, Vec<(bool, u64, u64)>);

impl LabelledDag {
    /// The canonical form, by colour refinement and, where nodes stay alike, individualisation of each in turn
    /// (McKay & Piperno, "Practical graph isomorphism II", 2014). Of nodes that an automorphism exchanges only one is
    /// tried: they are found by their first leaves, which are equal.
    pub fn canonical(&self) -> Canonical {
        let mut best: Option<Canonical> = None;
        self.search(self.labels.clone(), &mut best);
        best.unwrap_or(Canonical { certificate: Vec::new(), order: Vec::new() })
    }

    fn search(&self, colours: Vec<u64>, best: &mut Option<Canonical>) {
        let colours = self.refine(colours);
        let n = colours.len();
        // Colours are dense ranks, so a colour shared by several nodes shows as a gap.
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); n];
        colours.iter().enumerate().for_each(|(v, &c)| members[c as usize].push(v));
        match members.iter().find(|m| m.len() > 1) {
            None => {
                let order: Vec<usize> = members.into_iter().flatten().collect();
                let candidate = Canonical { certificate: self.certificate(&colours, &order), order };
                if best.as_ref().is_none_or(|b| candidate.certificate < b.certificate) {
                    *best = Some(candidate);
                }
            }
            Some(tied) => {
                let mut leaves = HashSet::new();
                for &v in tied {
                    let split = self.refine(individualised(&colours, v));
                    if leaves.insert(self.first_leaf(split.clone())) {
                        self.search(split, best);
                    }
                }
            }
        }
    }

    /// The certificate that is reached from stable colours by individualising the first of tied nodes, again and again.
    fn first_leaf(&self, mut colours: Vec<u64>) -> Vec<u64> {
        loop {
            let mut order: Vec<usize> = (0..colours.len()).collect();
            order.sort_by_key(|&v| (colours[v], v));
            match order.windows(2).find(|pair| colours[pair[0]] == colours[pair[1]]) {
                None => return self.certificate(&colours, &order),
                Some(pair) => colours = self.refine(individualised(&colours, pair[0])),
            }
        }
    }

    /// Splits colour classes by the colours seen along incoming and outgoing edges until nothing changes. A colour is
    /// the number of nodes of smaller colour, so it is the same in isomorphic graphs.
    fn refine(&self, mut colours: Vec<u64>) -> Vec<u64> {
        let n = colours.len();
        let mut classes = 0;
        loop {
            let mut signatures: Vec<Signature> = colours.iter().map(|&c| (c, Vec::new())).collect();
            for &(from, to, label) in &self.edges {
                signatures[to].1.push((true, label, colours[from]));
                signatures[from].1.push((false, label, colours[to]));
            }
            signatures.iter_mut().for_each(|s| s.1.sort_unstable());
            let mut by_signature: Vec<usize> = (0..n).collect();
            by_signature.sort_by(|&a, &b| signatures[a].cmp(&signatures[b]));
            let mut next = vec![0u64; n];
            let mut count = 0;
            for (position, &v) in by_signature.iter().enumerate() {
                let same = position > 0 && signatures[by_signature[position - 1]] == signatures[v];
                next[v] = if same { next[by_signature[position - 1]] } else { position as u64 };
                count += usize::from(!same);
            }
            colours = next;
            if count == classes {
                return colours;
            }
            classes = count;
        }
    }

    fn certificate(&self, position: &[u64], order: &[usize]) -> Vec<u64> {
        let mut edges: Vec<[u64; 3]> = self.edges.iter().map(|&(f, t, l)| [position[f], position[t], l]).collect();
        edges.sort_unstable();
        let labels = order.iter().map(|&v| self.labels[v]);
        std::iter::once(order.len() as u64).chain(labels).chain(edges.into_iter().flatten()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn relabel(dag: &LabelledDag, to: &[usize]) -> LabelledDag {
        let mut labels = vec![0; dag.labels.len()];
        dag.labels.iter().enumerate().for_each(|(v, &l)| labels[to[v]] = l);
        LabelledDag { labels, edges: dag.edges.iter().map(|&(f, t, l)| (to[f], to[t], l)).collect() }
    }

    fn isomorphic_by_brute_force(a: &LabelledDag, b: &LabelledDag) -> bool {
        fn permutations(n: usize) -> Vec<Vec<usize>> {
            if n == 0 {
                return vec![vec![]];
            }
            let shorter = permutations(n - 1);
            shorter.iter().flat_map(|p| (0..n).map(|i| [&p[..i], &[n - 1], &p[i..]].concat())).collect()
        }
        let sorted = |mut e: Vec<(usize, usize, u64)>| {
            e.sort_unstable();
            e
        };
        let target = sorted(b.edges.clone());
        permutations(a.labels.len()).iter().any(|p| {
            let c = relabel(a, p);
            c.labels == b.labels && sorted(c.edges) == target
        })
    }

    prop_compose! {
        fn dag()(n in 1usize..6)(
            labels in prop::collection::vec(0u64..2, n),
            edges in prop::collection::vec((0..n, 0..n, 0u64..2), 0..8),
        ) -> LabelledDag {
            let mut edges: Vec<_> = edges.into_iter().filter(|(f, t, _)| f < t).collect();
            edges.sort_unstable();
            edges.dedup();
            LabelledDag { labels, edges }
        }
    }

    proptest! {
        #[test]
        fn invariant_under_renumbering(d in dag(), seed in 0u64..1000) {
            let mut to: Vec<usize> = (0..d.labels.len()).collect();
            crate::seed::Stream::new(seed).shuffle(&mut to);
            prop_assert_eq!(d.canonical().certificate, relabel(&d, &to).canonical().certificate);
        }

        #[test]
        fn equal_only_if_isomorphic(a in dag(), b in dag()) {
            let equal = a.canonical().certificate == b.canonical().certificate;
            let isomorphic = a.labels.len() == b.labels.len() && isomorphic_by_brute_force(&a, &b);
            prop_assert_eq!(equal, isomorphic);
        }
    }
}
