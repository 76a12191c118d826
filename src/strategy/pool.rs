//! What a strategy chooses from.

use std::collections::HashMap;

use crate::encoding::FeatureMatrix;
use crate::seed::Stream;
use crate::space::{ArchId, Architecture, SearchSpace};

use super::StrategyError;

/// Where there are no neighbours in a sparse pool, this many of the members with the most equal genes stand in for them.
const NEAREST: usize = 16;

/// The distinct networks that a search may train. Members are numbered `0..len`; all of them meet the constraints, so no
/// strategy can violate one.
pub struct Pool {
    space: Box<dyn SearchSpace>,
    archs: Vec<Architecture>,
    by_id: HashMap<ArchId, usize>,
    /// How each member is written: as the space writes it, unless who made the pool says otherwise.
    pub texts: Vec<String>,
    /// Features of all members, in their order; no columns if nothing is known beforehand.
    pub features: FeatureMatrix,
    /// Costs that matter beside accuracy, smaller is better, by name (with unit): `params`, `macs`, `latency_ms`, …
    pub costs: Vec<(String, Vec<f64>)>,
    /// Numbers of epochs at which a training can be stopped, ascending; the last one is a full training.
    pub epochs: Vec<u32>,
}

impl Pool {
    /// A pool of these architectures, one per network (a second one of the same id cannot be reached by mutation).
    /// [`StrategyError::Pool`] if `epochs` do not ascend from 1, or features or costs have another number of rows than there
    /// are architectures.
    pub fn new(
        space: Box<dyn SearchSpace>,
        archs: Vec<Architecture>,
        features: FeatureMatrix,
        costs: Vec<(String, Vec<f64>)>,
        epochs: Vec<u32>,
    ) -> Result<Self, StrategyError> {
        let members = archs.len();
        let rows = |what: &str, rows: usize| match rows == members {
            true => Ok(()),
            false => {
                Err(StrategyError::Pool(format!("{what} of {rows} for {members} architectures; give one for each")))
            }
        };
        if !features.names.is_empty() {
            rows("features", features.values.nrows())?;
        }
        costs.iter().try_for_each(|(name, values)| rows(&format!("costs `{name}`"), values.len()))?;
        if epochs.first().is_none_or(|&first| first == 0) || !epochs.is_sorted_by(|a, b| a < b) {
            let reason = format!("epochs {epochs:?}; name at least one number, from 1, in ascending order");
            return Err(StrategyError::Pool(reason));
        }
        let by_id = archs.iter().enumerate().rev().map(|(i, arch)| (space.arch_id(arch), i)).collect();
        let texts = archs.iter().map(|arch| space.format(arch)).collect();
        Ok(Pool { space, archs, by_id, texts, features, costs, epochs })
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        self.archs.len()
    }

    /// True without members.
    pub fn is_empty(&self) -> bool {
        self.archs.is_empty()
    }

    /// The space.
    pub fn space(&self) -> &dyn SearchSpace {
        self.space.as_ref()
    }

    /// The architecture of a member.
    pub fn arch(&self, member: usize) -> &Architecture {
        &self.archs[member]
    }

    /// The member that is the same network as these genes. None if they are no architecture of the space, or none of the
    /// pool.
    pub fn find(&self, arch: &Architecture) -> Option<usize> {
        self.space.check(arch).ok()?;
        self.by_id.get(&self.space.arch_id(arch)).copied()
    }

    /// Of the members that `keep` lets through, the one that shares the most genes with `arch` (with its representative,
    /// where it is an architecture of the space), the lowest number of several. Time O(members · genes).
    pub fn nearest(&self, arch: &Architecture, keep: impl Fn(usize) -> bool) -> Option<usize> {
        let valid = self.space.check(arch).is_ok();
        let arch = if valid { self.space.representative(arch) } else { arch.clone() };
        (0..self.len()).filter(|&i| keep(i)).min_by_key(|&i| self.archs[i].distance(&arch))
    }

    /// The column of the features that is believed before any label is seen ([`crate::encoding::Layout::prior`]), by member.
    pub fn prior(&self) -> Option<Vec<f64>> {
        self.features.layout.prior.map(|column| self.features.values.column(column).to_vec())
    }

    /// The members one gene away, each once, in the order of the genes; in a pool too sparse to hold any, the 16 members
    /// with the most equal genes, lower numbers first.
    pub fn neighbours(&self, member: usize) -> Vec<usize> {
        let arch = &self.archs[member];
        let mut found: Vec<usize> = Vec::new();
        for other in self.space.neighbours(arch) {
            if let Some(&i) = self.by_id.get(&self.space.arch_id(&other))
                && i != member
                && !found.contains(&i)
            {
                found.push(i);
            }
        }
        if found.is_empty() {
            let mut all: Vec<(usize, usize)> =
                (0..self.len()).filter(|&i| i != member).map(|i| (self.archs[i].distance(arch), i)).collect();
            if all.len() > NEAREST {
                all.select_nth_unstable(NEAREST);
                all.truncate(NEAREST);
            }
            all.sort_unstable();
            found = all.into_iter().map(|(_, i)| i).collect();
        }
        found
    }

    /// A member drawn uniformly. The pool must not be empty.
    pub fn sample(&self, rng: &mut Stream) -> usize {
        rng.below(self.len() as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space;

    #[test]
    fn neighbours_are_members_one_gene_away_or_the_nearest() {
        let pool = crate::strategy::testing::nas_bench_201(200);
        let mut alone = 0;
        for member in 0..pool.len() {
            let neighbours = pool.neighbours(member);
            assert!(!neighbours.is_empty() && !neighbours.contains(&member));
            let mut sorted = neighbours.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), neighbours.len());
            alone += usize::from(neighbours.len() == NEAREST);
        }
        assert!(alone < pool.len());
        let sparse = sparse();
        assert_eq!(sparse.neighbours(0), [1, 2]);
    }

    #[test]
    fn genes_lead_to_their_member_or_the_nearest() {
        let pool = crate::strategy::testing::nas_bench_201(200);
        assert!((0..pool.len()).all(|i| pool.find(pool.arch(i)) == Some(i)));
        let sparse = sparse();
        assert_eq!(sparse.find(&Architecture::new(vec![2; 6])), Some(2));
        assert_eq!(sparse.find(&Architecture::new(vec![1; 6])), None);
        assert_eq!(sparse.find(&Architecture::new(vec![7; 6])), None);
        let mixed = Architecture::new(vec![2, 2, 2, 2, 2, 3]);
        assert_eq!(sparse.nearest(&mixed, |_| true), Some(2));
        assert_eq!(sparse.nearest(&mixed, |i| i != 2), Some(1));
        assert_eq!(sparse.nearest(&mixed, |_| false), None);
        assert_eq!(sparse.nearest(&Architecture::new(vec![9, 9, 9, 3, 3, 3]), |_| true), Some(0));
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let made = |costs: usize, epochs: Vec<u32>| {
            let space = space::open("nas-bench-201").unwrap();
            let archs = vec![Architecture::new(vec![3; 6]), Architecture::new(vec![2; 6])];
            let features = FeatureMatrix::new(vec![], None).unwrap();
            Pool::new(space, archs, features, vec![("macs".into(), vec![1.0; costs])], epochs).map(|pool| pool.len())
        };
        assert_eq!(made(2, vec![12, 200]), Ok(2));
        let message = |costs, epochs| made(costs, epochs).unwrap_err().to_string();
        assert!(message(3, vec![200]).contains("costs `macs` of 3 for 2 architectures"));
        for epochs in [vec![], vec![0], vec![200, 12], vec![12, 12]] {
            assert!(message(2, epochs).contains("ascending"));
        }
    }

    fn sparse() -> Pool {
        Pool::new(
            space::open("nas-bench-201").unwrap(),
            vec![
                Architecture::new(vec![3; 6]),
                Architecture::new(vec![2, 2, 2, 3, 3, 3]),
                Architecture::new(vec![2; 6]),
            ],
            FeatureMatrix::new(vec![], None).unwrap(),
            vec![],
            vec![200],
        )
        .unwrap()
    }
}
