//! A search strategy of one's own, registered and run on a table like a built-in one: `cargo run --example own_strategy`.

use std::collections::HashSet;
use std::sync::atomic::AtomicBool;

use naslens::pipeline::search::{Budget, PoolConfig, SimulationConfig, search_table};
use naslens::strategy::{Family, Pool, Proposal, STRATEGIES, Strategy, StrategyEntry, StrategyError, Trial};

const ENTRY: StrategyEntry = StrategyEntry {
    name: "nearest_to_best",
    title: "Nearest to the best",
    what: "trains the untried network that shares the most genes with the best one so far",
    paper: "an example",
    family: Family::LocalSearch,
    needs: "nothing",
    // It draws nothing; a strategy that does makes its `naslens::seed::Stream` of the seed.
    open: &|_| Box::<NearestToBest>::default(),
};

#[derive(Default)]
struct NearestToBest {
    asked: HashSet<usize>,
    best: Option<(f64, usize)>,
}

impl Strategy for NearestToBest {
    fn entry(&self) -> &'static StrategyEntry {
        &ENTRY
    }

    fn ask(&mut self, pool: &Pool) -> Result<Option<Proposal>, StrategyError> {
        if self.asked.len() == pool.len() {
            return Ok(None);
        }
        let centre = pool.arch(self.best.map_or(0, |(_, member)| member));
        let member = pool.nearest(centre, |member| !self.asked.contains(&member));
        Ok(member.map(|member| {
            self.asked.insert(member);
            Proposal { member, epochs: pool.epochs[pool.epochs.len() - 1] }
        }))
    }

    fn tell(&mut self, _: &Pool, trial: &Trial) {
        if let Some(accuracy) = trial.accuracy_pct
            && self.best.is_none_or(|(best, _)| accuracy > best)
        {
            self.best = Some((accuracy, trial.proposal.member));
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let entry = STRATEGIES.register(ENTRY)?;
    let config = SimulationConfig {
        run: None,
        table: concat!(env!("CARGO_MANIFEST_DIR"), "/benchmarks-data/fashion-cells.parquet").into(),
        space: Some("nas-bench-201:channels=16,cells=1".into()),
        target: "valid_acc_pct".into(),
        short: Vec::new(),
        epochs: 4,
        reported: None,
        cost: None,
        pool: PoolConfig::default(),
    };
    let budget = Budget { trainings: 30.0, seconds: None, continued: false };
    let (out, stop) = (tempfile::tempdir()?, AtomicBool::new(false));
    let report = search_table(&config, entry, 0, &budget, out.path(), &stop)?;
    let regret = report.regret.unwrap_or(f64::NAN);
    println!("{} after {} trainings: {regret:.2} points below the best", report.strategy, report.trials);
    Ok(())
}
