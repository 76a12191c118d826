//! What every encoding keeps to, in every space.

use std::collections::HashSet;

use proptest::prelude::*;

use super::ENCODINGS;
use crate::seed::Stream;
use crate::space::{Architecture, NasBench101, SPACES, SearchSpace, open};

fn sample(space: &dyn SearchSpace, n: usize, key: u64) -> Vec<Architecture> {
    let rng = &mut Stream::new(key);
    (0..n).map(|_| space.sample(rng)).collect()
}

#[test]
fn columns_are_finite_named_once_and_follow_their_architectures() {
    for space in SPACES.iter().map(|e| open(e.name).unwrap()) {
        let archs = sample(space.as_ref(), 60, 1);
        let reversed: Vec<Architecture> = archs.iter().rev().cloned().collect();
        let mut names = HashSet::new();
        for entry in &ENCODINGS {
            let columns = (entry.encode)(space.as_ref(), &archs);
            let context = format!("{} of {}", entry.name, space.entry().name);
            assert_eq!(columns.values.dim(), (archs.len(), columns.names.len()), "{context}");
            assert!(columns.values.iter().all(|v| v.is_finite()), "{context}");
            assert!(columns.names.iter().all(|name| names.insert(name.clone())), "{context}: names must differ");
            let mut other = (entry.encode)(space.as_ref(), &reversed);
            other.values.invert_axis(ndarray::Axis(0));
            assert_eq!(other, columns, "{context}");
            assert_eq!((entry.encode)(space.as_ref(), &[]).values.nrows(), 0, "{context}");
        }
    }
}

#[test]
fn only_found_columns_depend_on_the_other_architectures() {
    for space in SPACES.iter().map(|e| open(e.name).unwrap()) {
        let archs = sample(space.as_ref(), 20, 2);
        for name in ["one_hot", "categorical", "graf"] {
            let encode = ENCODINGS.find(name).unwrap().encode;
            let (all, some) = (encode(space.as_ref(), &archs), encode(space.as_ref(), &archs[..3]));
            assert_eq!((all.names, all.values.slice(ndarray::s![..3, ..])), (some.names, some.values.view()), "{name}");
        }
    }
}

/// The same module with neighbouring vertices exchanged wherever no edge joins them and a coin says so.
fn renumbered(arch: &Architecture, rng: &mut Stream) -> Architecture {
    let mut order: Vec<usize> = (0..7).collect();
    let gene = |from: usize, to: usize| from + to * (to - 1) / 2;
    for _ in 0..30 {
        let v = 1 + rng.below(4) as usize;
        let (low, high) = (order[v].min(order[v + 1]), order[v].max(order[v + 1]));
        if arch.genes()[gene(low, high)] == 0 {
            order.swap(v, v + 1);
        }
    }
    let mut other = vec![0; arch.genes().len()];
    for to in 1..7 {
        for from in 0..to {
            let (low, high) = (order[from].min(order[to]), order[from].max(order[to]));
            other[gene(from, to)] = arch.genes()[gene(low, high)];
        }
    }
    (1..6).for_each(|v| other[20 + v] = arch.genes()[20 + order[v]]);
    Architecture::new(other)
}

proptest! {
    #[test]
    fn isomorphic_modules_have_equal_features(key in any::<u64>()) {
        let space = NasBench101::default();
        let rng = &mut Stream::new(key);
        let arch = space.sample(rng);
        let other = renumbered(&arch, rng);
        prop_assert_eq!(space.arch_id(&arch), space.arch_id(&other));
        for name in ["path", "graf", "wl"] {
            let columns = (ENCODINGS.find(name).unwrap().encode)(&space, &[arch.clone(), other.clone()]);
            prop_assert_eq!(columns.values.row(0), columns.values.row(1), "{} of {:?} and {:?}", name, &arch, &other);
        }
    }
}
