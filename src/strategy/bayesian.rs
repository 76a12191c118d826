//! Bayesian optimisation: a Gaussian process over the features of the pool, and an acquisition function.

use std::collections::HashSet;

use ndarray::{ArrayView1, Axis};
use ndarray_linalg::{Cholesky, UPLO};

use super::random::fresh;
use super::{Family, Pool, Proposal, Strategy, StrategyEntry, StrategyError, Trial};
use crate::encoding::rank_normal;
use crate::predictor::PredictorError;
use crate::predictor::gaussian_process::{Hyperparameters, Inputs, Model};
use crate::seed::Stream;
use crate::stats::expected_improvement;

/// Registry line: upper confidence bound.
pub(super) static UCB: StrategyEntry = StrategyEntry {
    name: "bayesian",
    title: "Bayesian optimisation, upper confidence bound",
    what: "trains the network with the highest mean plus standard deviation of a Gaussian process that starts from the prior",
    paper: "White, Neiswanger & Savani, BANANAS, AAAI 2021; Srinivas et al., ICML 2010 (UCB); Jones et al., 1998 \
            (expected improvement); Thompson, 1933",
    family: Family::Bayesian,
    needs: "features of the networks, a surrogate with uncertainty, an acquisition function",
    open: &|seed| Box::new(Bayesian::new(&UCB, seed, Acquisition::UpperConfidenceBound)),
};

/// Registry line: expected improvement.
pub(super) static EI: StrategyEntry = StrategyEntry {
    name: "bayesian_ei",
    title: "Bayesian optimisation, expected improvement",
    what: "trains the network that is expected to exceed the best so far by most",
    open: &|seed| Box::new(Bayesian::new(&EI, seed, Acquisition::ExpectedImprovement)),
    ..UCB
};

/// Registry line: Thompson sampling.
pub(super) static THOMPSON: StrategyEntry = StrategyEntry {
    name: "bayesian_thompson",
    title: "Bayesian optimisation, Thompson sampling",
    what: "trains the best network of one function drawn from the Gaussian process",
    open: &|seed| Box::new(Bayesian::new(&THOMPSON, seed, Acquisition::Thompson)),
    ..UCB
};

/// Trainings before the first fit.
const INITIAL: usize = 5;
/// They are drawn from this share of the pool, the best by the prior.
const INITIAL_SHARE: f64 = 0.1;
/// Pools up to this size are looked at as a whole in every step.
const WHOLE: usize = 8192;
/// Of larger pools: the best by the prior, as many drawn anew in every step, and the neighbours of the best trained.
const FROM_PRIOR: usize = 2048;
const NEIGHBOURS_OF: usize = 8;
/// Thompson sampling draws the joint values of the members with the highest bound (mean plus twice the deviation).
const JOINT: usize = 256;
/// Hyperparameters are searched anew when the trainings have grown by this share.
const REFIT: f64 = 0.15;

#[derive(Clone, Copy, PartialEq)]
enum Acquisition {
    UpperConfidenceBound,
    ExpectedImprovement,
    Thompson,
}

struct Bayesian {
    entry: &'static StrategyEntry,
    acquisition: Acquisition,
    rng: Stream,
    asked: HashSet<usize>,
    pending: Vec<usize>,
    told: Vec<usize>,
    accuracies: Vec<Option<f64>>,
    hyperparameters: Option<(usize, Hyperparameters)>,
    /// Members by prior, best first; filled on the first use.
    by_prior: Option<Vec<usize>>,
    /// Inputs of all members of a small pool.
    whole: Option<Inputs>,
}

impl Bayesian {
    fn new(entry: &'static StrategyEntry, seed: u64, acquisition: Acquisition) -> Self {
        Bayesian {
            entry,
            acquisition,
            rng: Stream::named(seed, entry.name),
            asked: HashSet::new(),
            pending: Vec::new(),
            told: Vec::new(),
            accuracies: Vec::new(),
            hyperparameters: None,
            by_prior: None,
            whole: None,
        }
    }

    fn initial(&mut self, pool: &Pool) -> Option<usize> {
        let best = self.by_prior.as_deref().unwrap_or_default();
        let share = ((best.len() as f64 * INITIAL_SHARE).ceil() as usize).max(INITIAL).min(best.len());
        let free: Vec<usize> = best[..share].iter().copied().filter(|m| !self.asked.contains(m)).collect();
        match free.len() {
            0 => fresh(pool, &mut self.asked, &mut self.rng),
            n => Some(free[self.rng.below(n as u64) as usize]),
        }
    }

    /// The members that this step chooses from; none of them was asked for.
    fn candidates(&mut self, pool: &Pool) -> Vec<usize> {
        let free = |m: &usize| !self.asked.contains(m);
        if pool.len() <= WHOLE {
            return (0..pool.len()).filter(free).collect();
        }
        let by_prior = self.by_prior.as_deref().unwrap_or_default();
        let mut found: Vec<usize> = by_prior.iter().copied().filter(free).take(FROM_PRIOR).collect();
        let mut best: Vec<usize> = (0..self.told.len()).collect();
        best.sort_by(|&a, &b| self.accuracies[b].partial_cmp(&self.accuracies[a]).unwrap_or(std::cmp::Ordering::Equal));
        for &i in best.iter().take(NEIGHBOURS_OF) {
            found.extend(pool.neighbours(self.told[i]).into_iter().filter(free));
        }
        let drawn: Vec<usize> = (0..FROM_PRIOR).map(|_| pool.sample(&mut self.rng)).collect();
        found.extend(drawn.into_iter().filter(|m| !self.asked.contains(m)));
        let mut seen = HashSet::new();
        found.retain(|m| seen.insert(*m));
        found
    }

    fn inputs(&mut self, pool: &Pool, members: &[usize]) -> Inputs {
        let (values, layout) = (&pool.features.values, &pool.features.layout);
        if pool.len() > WHOLE {
            let rows = values.select(Axis(0), members);
            return Inputs::new(layout, rows.view(), rows.view());
        }
        self.whole.get_or_insert_with(|| Inputs::new(layout, values.view(), values.view())).select(members)
    }

    /// The process after what was told; pending members are taken to turn out as expected.
    fn model(&mut self, pool: &Pool) -> Result<(Model, f64), StrategyError> {
        // A failed training ranks last. Only ranks matter.
        let z = rank_normal(&self.accuracies);
        let told = self.told.clone();
        let inputs = self.inputs(pool, &told);
        let n = told.len();
        let model = match &self.hyperparameters {
            Some((fitted, h)) if (n as f64) < *fitted as f64 * (1.0 + REFIT) => {
                Model::fit_with(inputs.clone(), &z, h.clone())
            }
            earlier => Model::fit(inputs.clone(), &z, earlier.as_ref().map(|(_, h)| h)),
        };
        let model = model.map_err(|e| self.refuse(e))?;
        if self.hyperparameters.as_ref().is_none_or(|(_, h)| *h != model.hyperparameters) {
            self.hyperparameters = Some((n, model.hyperparameters.clone()));
        }
        let best = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if self.pending.is_empty() {
            return Ok((model, best));
        }
        let pending = self.pending.clone();
        let (expected, _) = model.predict(&self.inputs(pool, &pending));
        let all: Vec<usize> = told.into_iter().chain(pending).collect();
        let z: Vec<f64> = z.into_iter().chain(expected.into_iter().map(|(mean, _)| mean)).collect();
        let model = Model::fit_with(self.inputs(pool, &all), &z, model.hyperparameters).map_err(|e| self.refuse(e))?;
        Ok((model, best))
    }

    fn refuse(&self, error: ndarray_linalg::error::LinalgError) -> StrategyError {
        let source = PredictorError::Numerical { predictor: "gaussian-process", reason: error.to_string() };
        StrategyError::Predictor { strategy: self.entry.name, source }
    }

    /// The value of training each candidate.
    fn values(&mut self, model: &Model, inputs: &Inputs, best: f64) -> Vec<f64> {
        let (latent, _) = model.predict(inputs);
        let bound = |factor: f64| latent.iter().map(|(mean, std)| mean + factor * std).collect::<Vec<_>>();
        match self.acquisition {
            Acquisition::UpperConfidenceBound => bound(1.0),
            Acquisition::ExpectedImprovement => {
                latent.iter().map(|&(mean, std)| expected_improvement(mean, std, best)).collect()
            }
            Acquisition::Thompson => {
                let bounds = bound(2.0);
                let mut top: Vec<usize> = (0..bounds.len()).collect();
                top.sort_by(|&a, &b| bounds[b].total_cmp(&bounds[a]).then(a.cmp(&b)));
                top.truncate(JOINT);
                let mut covariance = model.posterior_covariance(&inputs.select(&top));
                covariance.diag_mut().mapv_inplace(|v| v + 1e-8);
                let normals: Vec<f64> = top.iter().map(|_| self.rng.normal()).collect();
                let draws = match covariance.cholesky(UPLO::Lower) {
                    Ok(factor) => factor.dot(&ArrayView1::from(&normals)).to_vec(),
                    // Rounding can cost positive definiteness; independent draws remain.
                    Err(_) => top.iter().zip(&normals).map(|(&i, z)| z * latent[i].1).collect(),
                };
                let mut values = vec![f64::NEG_INFINITY; latent.len()];
                top.iter().zip(draws).for_each(|(&i, draw)| values[i] = latent[i].0 + draw);
                values
            }
        }
    }
}

impl Strategy for Bayesian {
    fn entry(&self) -> &'static StrategyEntry {
        self.entry
    }

    fn ask(&mut self, pool: &Pool) -> Result<Option<Proposal>, StrategyError> {
        if pool.features.names.is_empty() {
            return Err(StrategyError::Needs {
                strategy: self.entry.name,
                what: "features of the networks".into(),
                remedy: "choose an encoding, or screen the space first",
            });
        }
        if self.by_prior.is_none() {
            self.by_prior = Some(pool.prior().map_or_else(Vec::new, |prior| {
                let mut order: Vec<usize> = (0..pool.len()).collect();
                order.sort_by(|&a, &b| prior[b].total_cmp(&prior[a]).then(a.cmp(&b)));
                order
            }));
        }
        let member = if self.told.len() < 2 || self.told.len() + self.pending.len() < INITIAL {
            self.initial(pool)
        } else {
            let candidates = self.candidates(pool);
            if candidates.is_empty() {
                fresh(pool, &mut self.asked, &mut self.rng)
            } else {
                let (model, best) = self.model(pool)?;
                let inputs = self.inputs(pool, &candidates);
                let values = self.values(&model, &inputs, best);
                let top = (0..values.len()).reduce(|a, b| if values[b] > values[a] { b } else { a });
                top.map(|i| candidates[i])
            }
        };
        let Some(member) = member else { return Ok(None) };
        self.asked.insert(member);
        self.pending.push(member);
        Ok(Some(Proposal { member, epochs: pool.epochs[pool.epochs.len() - 1] }))
    }

    fn tell(&mut self, _: &Pool, trial: &Trial) {
        let member = trial.proposal.member;
        self.asked.insert(member);
        self.pending.retain(|m| *m != member);
        self.told.push(member);
        self.accuracies.push(trial.accuracy_pct);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::testing::{accuracy, nas_bench_201, search};

    #[test]
    fn finds_the_best_of_a_space_in_few_trainings() {
        let pool = nas_bench_201(usize::MAX);
        let best = (0..pool.len()).map(|m| accuracy(pool.arch(m).genes())).fold(f64::NEG_INFINITY, f64::max);
        for entry in [&UCB, &EI, &THOMPSON] {
            let trials = search((entry.open)(1).as_mut(), &pool, 40);
            let found = trials.iter().filter_map(|t| t.accuracy_pct).fold(f64::NEG_INFINITY, f64::max);
            assert!(best - found < 0.3, "{}: {found} of {best}", entry.name);
        }
    }

    #[test]
    fn large_pools_are_sampled() {
        let space = crate::space::open("nas-bench-201").unwrap();
        let archs: Vec<_> = (0..15_625).map(|i| space.at(i).unwrap()).collect();
        let genes = (crate::encoding::ENCODINGS.find("one_hot").unwrap().encode)(space.as_ref(), &archs);
        let features = crate::encoding::FeatureMatrix::new(vec![("one_hot".into(), genes)], None).unwrap();
        let pool = Pool::new(space, archs, features, vec![], vec![200]).unwrap();
        let trials = search((UCB.open)(2).as_mut(), &pool, 30);
        let distinct: HashSet<usize> = trials.iter().map(|t| t.proposal.member).collect();
        assert_eq!(distinct.len(), 30);
        let mean = |t: &[Trial]| t.iter().filter_map(|t| t.accuracy_pct).sum::<f64>() / t.len() as f64;
        assert!(mean(&trials[20..]) > mean(&trials[..5]) + 1.0, "it learns without a prior");
    }
}
