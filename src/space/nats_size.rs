//! NATS-Bench size space (SSS): 8^5 = 32,768 choices of the channels of five layers around one fixed cell.
//!
//! Paper: Dong, Liu, Musial & Gabrys, "NATS-Bench: Benchmarking NAS Algorithms for Architecture Topology and Size",
//! TPAMI 2021.

use super::blocks::{self, CellOp};
use super::{Architecture, Chain, Layer, OpSet, Picture, SearchSpace, SpaceEntry, SpaceError, Task};
use crate::network::{Network, NetworkBuilder, NetworkError};
use crate::text::quoted;

pub(super) static ENTRY: SpaceEntry = SpaceEntry {
    name: "nats-size",
    aliases: &["nats-sss", "sss"],
    title: "NATS-Bench size space: channels 8 to 64 of five layers, 32,768 architectures",
    paper: "Dong et al., NATS-Bench, TPAMI 2021, arXiv:2009.00437",
    example: "64:32:16:48:40",
    listed: "strings",
    identity: "every architecture is a network of its own",
    options: &[],
    definition: None,
    open: &|_| Ok(Box::new(NatsSize::default())),
};

/// The best cell of the topology space by CIFAR-100 accuracy, fixed throughout the size space.
const CELL: [CellOp; 6] = [
    CellOp::NorConv3x3,
    CellOp::NorConv3x3,
    CellOp::NorConv3x3,
    CellOp::SkipConnect,
    CellOp::NorConv3x3,
    CellOp::NorConv3x3,
];

/// The size space. Gene `i` is `channels of layer i / 8 - 1`; the official index is lexicographic. Its
/// skeleton (one cell per stage) is fixed by the channels themselves.
#[derive(Default)]
pub struct NatsSize(());

fn channels(arch: &Architecture) -> impl Iterator<Item = usize> + '_ {
    arch.genes().iter().map(|&g| 8 * (g as usize + 1))
}

impl SearchSpace for NatsSize {
    fn entry(&self) -> &'static SpaceEntry {
        &ENTRY
    }

    fn choices(&self) -> &[u16] {
        &[8; 5]
    }

    fn parse(&self, text: &str) -> Result<Architecture, SpaceError> {
        let refuse = |reason: String| ENTRY.not_read(text, reason);
        let genes = text
            .split(':')
            .map(|part| match part.parse::<usize>() {
                Ok(c) if c % 8 == 0 && (8..=64).contains(&c) => Ok((c / 8 - 1) as u16),
                _ => Err(refuse(format!("{} is not one of 8, 16, 24, 32, 40, 48, 56, 64", quoted(part)))),
            })
            .collect::<Result<Vec<_>, _>>()?;
        if genes.len() != 5 {
            return Err(refuse(format!("it has {} channel numbers, not 5", genes.len())));
        }
        Ok(Architecture::new(genes))
    }

    fn format(&self, arch: &Architecture) -> String {
        channels(arch).map(|c| c.to_string()).collect::<Vec<_>>().join(":")
    }

    /// The layers are the operations, called by their channels.
    fn op_set(&self) -> OpSet {
        OpSet { names: (1..=8).map(|i| (8 * i).to_string()).collect(), identity: None, longest_path: 5 }
    }

    /// A bar per layer, as tall as it has channels.
    fn picture(&self, arch: &Architecture) -> Picture {
        let layer = |channels: usize| Layer {
            label: format!("{channels} channels"),
            kind: "layer".into(),
            height: channels as f64,
            channels: channels as u64,
        };
        Picture::Chain(Chain { layers: channels(arch).map(layer).collect(), height: "channels".into() })
    }

    fn build(&self, arch: &Architecture, task: &Task) -> Result<Network, SpaceError> {
        self.check(arch)?;
        ENTRY.built(task, |task| build(arch, task))
    }
}

fn build(arch: &Architecture, task: &Task) -> Result<Network, NetworkError> {
    let mut b = NetworkBuilder::new(task.input);
    let widths: Vec<usize> = channels(arch).collect();
    let mut x = blocks::stem(&mut b, widths[0])?;
    for (i, &width) in widths.iter().enumerate() {
        x = match i {
            1 | 3 => blocks::reduction(&mut b, i, x, width)?,
            _ => blocks::cell(&mut b, i, x, width, &CELL)?,
        };
    }
    let logits = blocks::head(&mut b, x, task.target.outputs())?;
    Ok(b.finish(logits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Shape;

    #[test]
    fn params_equal_the_official_records() {
        // "params" (in millions) of records 0, 11 and 284 of NATS-sss-v1_0-50262, CIFAR-10.
        let space = NatsSize::default();
        let task = Task::classify(Shape::new(3, 32, 32), 10);
        for (index, text, params) in
            [(0, "8:8:8:8:8", 11_714), (11, "8:8:8:16:32", 49_202), (284, "8:8:40:32:40", 144_834)]
        {
            let arch = space.at(index).unwrap();
            assert_eq!(space.format(&arch), text);
            assert_eq!(space.build(&arch, &task).unwrap().params(), params);
        }
        assert_eq!(space.size(), 32_768);
    }

    #[test]
    fn bad_text_is_refused_with_the_reason() {
        let space = NatsSize::default();
        for (text, reason) in [("8:8:8:8", "4 channel numbers"), ("8:8:8:8:12", "`12`"), ("", "``")] {
            let err = space.parse(text).unwrap_err().to_string();
            assert!(err.contains(reason) && err.contains("64:32:16:48:40"), "{err}");
        }
    }
}
