//! REINFORCE: a distribution over genes, pushed towards what did better than usual.

use std::collections::HashMap;

use super::record::{Record, accuracy};
use super::{Family, Pool, Proposal, Strategy, StrategyEntry, StrategyError, Trial};
use crate::seed::Stream;
use crate::space::Architecture;

pub(super) static ENTRY: StrategyEntry = StrategyEntry {
    name: "reinforce",
    title: "REINFORCE",
    what: "samples genes from independent softmax distributions that are trained by policy gradient, accuracy as reward",
    paper: "Zoph & Le, Neural architecture search with reinforcement learning, ICLR 2017; Williams, Mach. Learn. 8, 1992",
    family: Family::ReinforcementLearning,
    needs: "nothing",
    open: &|seed| {
        let (record, controller) = (Record::new(seed, &ENTRY), Controller::default());
        Box::new(Reinforce { record, controller, sampled: HashMap::new() })
    },
};

/// Step size `α`.
const LEARNING_RATE: f64 = 0.3;
/// Weight `β` of the entropy.
const ENTROPY_BONUS: f64 = 0.05;
/// Decay `γ` of the moving averages of the rewards.
const DECAY: f64 = 0.9;
/// Samples drawn in search of an untried member.
const SAMPLES: usize = 20;

/// Policy gradient over independent genes.
///
/// The controller holds one logit per alternative of each gene; gene `g` is `c` with probability `p_gc = softmax(θ_g)_c`,
/// uniform at first. Genes are sampled until they are an untried member, for up to 20 samples; then the untried member
/// nearest to the last sample ([`Pool::nearest`]) is trained. So genes that are no architecture of the space, or not in
/// the pool, stand for the member nearest to them. Samples whose accuracy is known train the controller at once, as they
/// do where every sample is trained, at no cost here.
///
/// A reward `R`, the accuracy in percent, for the sampled genes `a` moves the logits by
///
/// ```text
/// θ += α ∇ (A Σ_g ln p_g,a_g + β Σ_g H(p_g))      A = (R - b) / sqrt(v)      α = 0.3, β = 0.05
/// ```
///
/// with the moving averages `b` of the rewards (the baseline: `b += 0.1 (R - b)` afterwards) and `v` of `(R - b)²`
/// (decay 0.9, this reward included). Dividing by the spread makes one learning rate fit tasks of any accuracy, and keeps
/// `|A|` below `sqrt(10)`. A failed training has the lowest reward so far.
///
/// The paper generates genes with a recurrent network. With as few trainings as are usual here there is nothing for it to
/// learn about dependencies of genes; independent genes are what NAS-Bench-201 (Dong & Yang, ICLR 2020) compares as
/// REINFORCE, too.
struct Reinforce {
    record: Record,
    controller: Controller,
    /// Genes that led to a member whose outcome is awaited.
    sampled: HashMap<usize, Architecture>,
}

impl Strategy for Reinforce {
    fn entry(&self) -> &'static StrategyEntry {
        &ENTRY
    }

    fn ask(&mut self, pool: &Pool) -> Result<Option<Proposal>, StrategyError> {
        self.controller.open(pool.space().choices());
        let mut genes = self.controller.sample(&mut self.record.rng);
        for _ in 1..SAMPLES {
            if let Some(member) = pool.find(&genes) {
                if self.record.is_untried(member) {
                    break;
                }
                if let Some(reward) = self.record.accuracy(member) {
                    self.controller.learn(&genes, reward);
                }
            }
            genes = self.controller.sample(&mut self.record.rng);
        }
        let found = pool.find(&genes).filter(|&member| self.record.is_untried(member));
        let member = found.or_else(|| pool.nearest(&genes, |member| self.record.is_untried(member)));
        Ok(member.map(|member| {
            self.sampled.insert(member, genes);
            self.record.propose(pool, member)
        }))
    }

    fn tell(&mut self, _: &Pool, trial: &Trial) {
        self.record.tell(trial);
        if let Some(genes) = self.sampled.remove(&trial.proposal.member) {
            self.controller.learn(&genes, accuracy(trial));
        }
    }
}

/// The policy and its baseline.
#[derive(Default)]
struct Controller {
    /// Logits by gene and alternative.
    logits: Vec<Vec<f64>>,
    baseline: Option<f64>,
    variance: f64,
    /// Lowest reward so far.
    worst: Option<f64>,
}

impl Controller {
    /// Starts with uniform distributions; does nothing later.
    fn open(&mut self, choices: &[u16]) {
        if self.logits.is_empty() {
            self.logits = choices.iter().map(|&c| vec![0.0; usize::from(c)]).collect();
        }
    }

    fn sample(&self, rng: &mut Stream) -> Architecture {
        let gene = |logits: &Vec<f64>| {
            let mut u = rng.uniform();
            let above = softmax(logits).into_iter().position(|p| {
                u -= p;
                u < 0.0
            });
            // Rounding can leave a rest beyond the last one.
            above.unwrap_or(logits.len().saturating_sub(1)) as u16
        };
        Architecture::new(self.logits.iter().map(gene).collect::<Vec<_>>())
    }

    fn learn(&mut self, genes: &Architecture, reward: f64) {
        // Failed before anything else was known: there is nothing to compare it with.
        let Some(reward) = Some(reward).filter(|r| r.is_finite()).or(self.worst) else { return };
        self.worst = Some(self.worst.map_or(reward, |worst| worst.min(reward)));
        let baseline = *self.baseline.get_or_insert(reward);
        let surprise = reward - baseline;
        self.baseline = Some(baseline + (1.0 - DECAY) * surprise);
        self.variance = DECAY * self.variance + (1.0 - DECAY) * surprise * surprise;
        let advantage = if surprise == 0.0 { 0.0 } else { surprise / self.variance.sqrt() };
        self.step(genes, advantage);
    }

    /// One step of gradient ascent: `∂ ln p_a / ∂θ_c = [c = a] - p_c` and `∂H / ∂θ_c = -p_c (ln p_c + H)`.
    fn step(&mut self, genes: &Architecture, advantage: f64) {
        for (logits, &gene) in self.logits.iter_mut().zip(genes.genes()) {
            let p = softmax(logits);
            let ln = |p: f64| p.max(f64::MIN_POSITIVE).ln();
            let entropy: f64 = p.iter().map(|&p| -p * ln(p)).sum();
            for (c, (logit, &p)) in logits.iter_mut().zip(&p).enumerate() {
                let chosen = if c == usize::from(gene) { 1.0 } else { 0.0 };
                let gradient = advantage * (chosen - p) - ENTROPY_BONUS * p * (ln(p) + entropy);
                *logit += LEARNING_RATE * gradient;
            }
        }
    }
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|l| (l - most).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|p| p / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::testing::{self, search};
    use approx::assert_relative_eq;

    // import torch; theta = torch.tensor([0.5, -0.2, 0.1], dtype=torch.float64, requires_grad=True); p = theta.softmax(0)
    // (1.7 * p[2].log() - 0.05 * (p * p.log()).sum()).backward(); theta + 0.3 * theta.grad
    #[test]
    fn steps_match_torch() {
        let mut controller = Controller { logits: vec![vec![0.5, -0.2, 0.1]], ..Controller::default() };
        controller.step(&Architecture::new(vec![2]), 1.7);
        let expected = [0.26267429946897886, -0.3154461913933133, 0.4527718919243344];
        for (found, expected) in controller.logits[0].iter().zip(expected) {
            assert_relative_eq!(*found, expected, max_relative = 1e-12);
        }
    }

    #[test]
    fn rewards_are_compared_with_their_moving_average() {
        let mut controller = Controller::default();
        controller.open(&[2]);
        let first = |c: &Controller| softmax(&c.logits[0])[0];
        controller.learn(&Architecture::new(vec![0]), f64::NEG_INFINITY);
        controller.learn(&Architecture::new(vec![0]), 90.0);
        assert_eq!(first(&controller), 0.5, "nothing to compare with");
        controller.learn(&Architecture::new(vec![0]), 91.0);
        let risen = first(&controller);
        assert!(risen > 0.5);
        assert_relative_eq!(controller.baseline.unwrap(), 90.1, max_relative = 1e-12);
        controller.learn(&Architecture::new(vec![1]), f64::NEG_INFINITY);
        assert!(first(&controller) > risen, "a failure counts as the worst so far, 90");
        // However long one alternative wins, the entropy keeps the other alive.
        let rng = &mut Stream::new(8);
        for _ in 0..3_000 {
            let genes = controller.sample(rng);
            controller.learn(&genes, 90.0 + f64::from(genes.genes()[0]));
        }
        assert!((1e-6..0.1).contains(&first(&controller)), "{}", first(&controller));
    }

    #[test]
    fn learns_the_genes_that_do_well() {
        let pool = testing::nas_bench_201(20_000);
        let mut strategy =
            Reinforce { record: Record::new(6, &ENTRY), controller: Controller::default(), sampled: HashMap::new() };
        search(&mut strategy, &pool, 300);
        // The 3x3 convolution is the best of the made-up accuracies, but for the direct edge (gene 3).
        for gene in [0, 2, 5] {
            let p = softmax(&strategy.controller.logits[gene]);
            assert!(p[3] > 0.4, "gene {gene}: {p:?}");
        }
    }
}
