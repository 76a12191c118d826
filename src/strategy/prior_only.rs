//! Training-free ranking: the networks best by the prior are trained, best first.

use super::record::Record;
use super::{Family, Pool, Proposal, Strategy, StrategyEntry, StrategyError, Trial};
use crate::stats::top_indices;

pub(super) static ENTRY: StrategyEntry = StrategyEntry {
    name: "prior_only",
    title: "Training-free ranking",
    what: "trains members in descending order of the prior; outcomes change nothing",
    paper: "Mellor, Turner, Storkey & Crowley, Neural architecture search without training, ICML 2021",
    family: Family::ZeroCost,
    needs: "a prior",
    open: &|seed| Box::new(PriorOnly { record: Record::new(seed, &ENTRY), prior: None }),
};

struct PriorOnly {
    record: Record,
    prior: Option<ByPrior>,
}

impl Strategy for PriorOnly {
    fn entry(&self) -> &'static StrategyEntry {
        &ENTRY
    }

    fn ask(&mut self, pool: &Pool) -> Result<Option<Proposal>, StrategyError> {
        let prior = match &mut self.prior {
            Some(prior) => prior,
            none => none.insert(ByPrior::new(pool, ENTRY.name)?),
        };
        Ok(prior.next(&self.record).map(|member| self.record.propose(pool, member)))
    }

    fn tell(&mut self, _: &Pool, trial: &Trial) {
        self.record.tell(trial);
    }
}

/// The members in descending order of the prior.
pub(super) struct ByPrior {
    /// Prior by member.
    pub values: Vec<f64>,
    order: std::vec::IntoIter<usize>,
}

impl ByPrior {
    /// Sorts the pool. Errors if it has no prior.
    pub fn new(pool: &Pool, strategy: &'static str) -> Result<Self, StrategyError> {
        let values = pool.prior().ok_or_else(|| StrategyError::Needs {
            strategy,
            what: "a prior, a feature that is believed before anything is trained".into(),
            remedy: "name a proxy or a label-free ensemble whose values differ, or choose `regularised_evolution`",
        })?;
        let order = top_indices(&values, values.len()).into_iter();
        Ok(ByPrior { values, order })
    }

    /// The best untried member, the lower number of two; None if all are tried.
    pub fn next(&mut self, record: &Record) -> Option<usize> {
        self.order.find(|&member| record.is_untried(member))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::testing::{self, search};

    #[test]
    fn follows_the_prior() {
        let pool = testing::nas_bench_201(90);
        let prior = pool.prior().unwrap();
        let trained: Vec<usize> =
            search((ENTRY.open)(1).as_mut(), &pool, 90).iter().map(|t| t.proposal.member).collect();
        assert_eq!(trained.len(), 90);
        assert!(trained.windows(2).all(|pair| prior[pair[0]] >= prior[pair[1]]));
    }

    #[test]
    fn without_a_prior_it_says_what_to_do() {
        let mut pool = testing::nas_bench_201(20);
        pool.features.layout.prior = None;
        for entry in [&ENTRY, &super::super::warm_start_evolution::ENTRY] {
            let error = (entry.open)(1).ask(&pool).unwrap_err().to_string();
            assert!(error.starts_with(entry.name) && error.contains("name a proxy"), "{error}");
        }
    }
}
