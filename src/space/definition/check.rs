//! What there is to know of a space before anything is scored: its size, an example, and what its networks cost.

use std::collections::HashSet;

use rayon::prelude::*;
use serde::Serialize;

use crate::network::{Network, Node};
use crate::seed::Stream;
use crate::space::{ArchId, Architecture, SearchSpace, SpaceError, Task};
use crate::text::{aligned, thousands};

/// What [`check`] found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SpaceCheck {
    /// Name of the space.
    pub name: String,
    /// What it is, in one line.
    pub title: String,
    /// The example, as it is written.
    pub example: String,
    /// Its operations in order, one per line: name, what it is, shape of its output, parameters.
    pub network: Vec<[String; 4]>,
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
    let example = space.parse(space.entry().example)?;
    let network = listing(&space.build(&example, task)?);
    let archs: Vec<Architecture> = if all {
        (0..size as u64).filter_map(|index| space.at(index)).collect()
    } else {
        let rng = &mut Stream::new(0);
        let mut archs = space.neighbours(&example);
        archs.push(example);
        archs.extend((0..sample).map(|_| space.sample(rng)));
        archs
    };
    type Built = Result<(ArchId, Option<Network>), SpaceError>;
    let built: Vec<Built> =
        archs.par_iter().map(|arch| Ok((space.arch_id(arch), space.build(arch, task)?.live()))).collect();
    let built = built.into_iter().collect::<Result<Vec<_>, _>>()?;
    let distinct: HashSet<ArchId> = built.iter().map(|(id, _)| *id).collect();
    let dead: HashSet<ArchId> = built.iter().filter(|(_, network)| network.is_none()).map(|(id, _)| *id).collect();
    let live = || built.iter().filter_map(|(_, network)| network.as_ref());
    fn range<T: Ord + Copy>(values: impl Iterator<Item = T> + Clone) -> Option<[T; 2]> {
        Some([values.clone().min()?, values.max()?])
    }
    Ok(SpaceCheck {
        name: space.entry().name.into(),
        title: space.entry().title.into(),
        example: space.entry().example.into(),
        network,
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

fn listing(network: &Network) -> Vec<[String; 4]> {
    let row = |(id, node): (usize, &Node)| {
        let what = node.op.to_string();
        let what = what.trim_start_matches("an ").trim_start_matches("a ").to_owned();
        let params = match node.op.params(network.operand_shape(id)) {
            0 => String::new(),
            n => thousands(n),
        };
        [node.name.clone(), what, node.shape.to_string(), params]
    };
    network.nodes().iter().enumerate().map(row).collect()
}

impl SpaceCheck {
    /// The answer in words.
    pub fn to_text(&self) -> String {
        /// Operations of the example that are shown.
        const MOST: usize = 40;
        let number = |n: u128| match u64::try_from(n) {
            Ok(n) => thousands(n),
            Err(_) => format!("{:.2e}", n as f64),
        };
        let built = number(self.built as u128);
        let networks = match self.all {
            true => format!("{} distinct, all of them built", thousands(self.distinct as u64)),
            false => format!("{} distinct among {built} that were built", thousands(self.distinct as u64)),
        };
        let dead = match self.dead {
            0 => String::new(),
            n => format!("; in {n} of them the input does not reach the output"),
        };
        let range = |range: Option<[u64; 2]>| match range {
            Some([least, most]) if least == most => thousands(least),
            Some([least, most]) => format!("{} to {}", thousands(least), thousands(most)),
            None => "none is alive".into(),
        };
        let layers = self.layers.map(|layers| layers.map(|n| n as u64));
        let mut lines = vec![
            format!("{}: {}", self.name, self.title),
            format!("architectures  {} by {} decisions", number(self.architectures), self.decisions),
            format!("networks       {networks}{dead}"),
            format!("parameters     {}", range(self.params)),
            format!("MACs           {}", range(self.macs)),
            format!("layers         {}", range(layers)),
            String::new(),
            format!("example        {}", self.example),
        ];
        let rows: Vec<[String; 4]> = self.network.iter().take(MOST).cloned().collect();
        lines.extend(aligned(["layer", "operation", "output", "parameters"], rows));
        if self.network.len() > MOST {
            lines.push(format!("... and {} more operations", self.network.len() - MOST));
        }
        lines.join("\n")
    }
}
