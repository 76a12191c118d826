//! What there is to know of a space before anything is scored: its size, an example, and what its networks cost.

use std::collections::HashSet;

use rayon::prelude::*;
use serde::Serialize;

use crate::network::Network;
use crate::seed::Stream;
use crate::space::{ArchId, Architecture, SearchSpace, SpaceError, Task};

/// What [`check`] found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SpaceCheck {
    /// Number of architectures; larger numbers than 2^128 - 1 are given as this.
    pub architectures: u128,
    /// Number of decisions.
    pub decisions: usize,
    /// Architectures whose networks were built: all of a small space, otherwise those that differ from the example in one
    /// decision, and a uniform sample.
    pub built: usize,
    /// Whether these are all.
    pub all: bool,
    /// Distinct networks among them.
    pub distinct: usize,
    /// Of these, networks whose input does not reach their output.
    pub dead: usize,
    /// Least and most parameters of the live ones.
    pub params: Option<[u64; 2]>,
    /// Least and most multiply-accumulates.
    pub macs: Option<[u64; 2]>,
    /// Least and most layers with weights.
    pub layers: Option<[usize; 2]>,
}

/// Builds networks of a space for a task, all of them if there are at most `sample`; the first that cannot be built is the
/// error.
pub fn check(space: &dyn SearchSpace, task: &Task, sample: usize) -> Result<SpaceCheck, SpaceError> {
    let size = space.size();
    let all = size <= sample as u128;
    let archs: Vec<Architecture> = if all {
        (0..size as u64).filter_map(|index| space.at(index)).collect()
    } else {
        let example = space.parse(space.entry().example)?;
        let rng = &mut Stream::new(0);
        let mut archs = space.neighbours(&example);
        archs.push(example);
        archs.extend((0..sample).map(|_| space.sample(rng)));
        archs
    };
    let built = archs
        .par_iter()
        .map(|arch| Ok((space.arch_id(arch), space.build(arch, task)?.live())))
        .collect::<Result<Vec<(ArchId, Option<Network>)>, SpaceError>>()?;
    let distinct: HashSet<ArchId> = built.iter().map(|(id, _)| *id).collect();
    let dead: HashSet<ArchId> = built.iter().filter(|(_, network)| network.is_none()).map(|(id, _)| *id).collect();
    let live = || built.iter().filter_map(|(_, network)| network.as_ref());
    fn range<T: Ord + Copy>(values: impl Iterator<Item = T> + Clone) -> Option<[T; 2]> {
        Some([values.clone().min()?, values.max()?])
    }
    Ok(SpaceCheck {
        architectures: size,
        decisions: space.choices().len(),
        built: built.len(),
        all,
        distinct: distinct.len(),
        dead: dead.len(),
        params: range(live().map(Network::params).collect::<Vec<_>>().into_iter()),
        macs: range(live().map(Network::macs).collect::<Vec<_>>().into_iter()),
        layers: range(live().map(|network| network.layers().count()).collect::<Vec<_>>().into_iter()),
    })
}
