//! What is compared with what.

use super::BenchConfig;
use crate::pipeline::ScreenConfig;
use crate::space::CELLS;

/// A group of cases whose figures are read together.
pub struct SectionEntry {
    /// Name on the command line and in the results.
    pub name: &'static str,
    /// What is compared.
    pub title: &'static str,
    /// The cases, given the number of worker threads.
    pub(super) cases: fn(&BenchConfig, usize) -> Vec<Case>,
}

/// All sections, in the order in which they are run. A process keeps memory that it once had, so the section that looks at
/// memory comes first.
pub static SECTIONS: &[SectionEntry] = &[
    SectionEntry {
        name: "count",
        title: "uniform samples of the space, equal networks run once; per architecture",
        cases: |config, threads| {
            let case = |&n| Case { sample: Some(n), ..Case::new(config, format!("{n} architectures"), threads) };
            config.counts.iter().map(case).collect()
        },
    },
    SectionEntry {
        name: "proxies",
        title: "each set of proxies alone; per network",
        cases: |config, threads| {
            let case = |set: &Vec<String>| Case {
                screen: ScreenConfig { proxies: set.clone(), ..config.screen.clone() },
                compared: true,
                ..Case::new(config, set.join(","), threads)
            };
            config.sets.iter().map(case).collect()
        },
    },
    SectionEntry {
        name: "threads",
        title: "all proxies, networks side by side; per network",
        cases: |config, threads| {
            let powers = std::iter::successors(Some(1), |n| Some(2 * n)).take_while(|n| *n < threads);
            powers.chain([threads]).map(|n| Case::new(config, format!("threads {n}"), n)).collect()
        },
    },
    SectionEntry {
        name: "batch",
        title: "all proxies, images per batch; per network",
        cases: |config, threads| {
            let case = |n| Case::new(config, format!("batch {n}"), threads).with(|screen| screen.batch_size = n);
            [16, 32, 64, 128].map(case).into()
        },
    },
    SectionEntry {
        name: "cells",
        title: "all proxies, cells per stage; per network",
        cases: |config, threads| {
            let case = |n| {
                let space = config.screen.space.clone().with(CELLS.name, n).ok()?;
                Some(Case::new(config, format!("cells {n}"), threads).with(|screen| screen.space = space))
            };
            (1..=5).filter_map(case).collect()
        },
    },
];

/// One thing to run.
pub(super) struct Case {
    pub what: String,
    pub screen: ScreenConfig,
    pub threads: usize,
    /// Draw that many architectures of the space instead of running the chosen networks.
    pub sample: Option<u64>,
    /// Whether the baselines run it too.
    pub compared: bool,
}

impl Case {
    /// All proxies of all sets together on the chosen networks.
    pub fn new(config: &BenchConfig, what: String, threads: usize) -> Case {
        let screen = ScreenConfig { proxies: config.sets.concat(), ..config.screen.clone() };
        Case { what, screen, threads, sample: None, compared: false }
    }

    fn with(mut self, change: impl FnOnce(&mut ScreenConfig)) -> Case {
        change(&mut self.screen);
        self
    }
}
