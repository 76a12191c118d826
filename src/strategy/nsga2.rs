//! NSGA-II: evolution towards the Pareto front of accuracy and costs.

use super::record::Record;
use super::{Family, Pool, Proposal, Strategy, StrategyEntry, StrategyError, Trial};
use crate::seed::Stream;
use crate::space::{Architecture, SearchSpace};
use crate::stats::{crowding_distances, pareto_ranks};

pub(super) static ENTRY: StrategyEntry = StrategyEntry {
    name: "nsga2",
    title: "NSGA-II",
    what: "crossover and mutation of genes; non-dominated sorting of accuracy against all costs decides who lives",
    paper: "Deb, Pratap, Agarwal & Meyarivan, A fast and elitist multiobjective genetic algorithm: NSGA-II, IEEE TEVC 6, 2002",
    family: Family::Evolution,
    needs: "costs",
    open: &|seed| Box::new(Nsga2 { record: Record::new(seed, &ENTRY), founders: 0, population: Vec::new() }),
};

/// Members of the population.
const POPULATION: usize = 10;
/// Probability that a child has two parents.
const CROSSOVER: f64 = 0.9;

/// Multi-objective evolution, steady state.
///
/// The objectives are accuracy (largest) and each of [`Pool::costs`] (smallest). Member `i` is better than `j` by the
/// crowded comparison if its rank of non-dominated sorting is lower, or if the ranks are equal and its crowding distance
/// within the rank is larger.
///
/// 1. Train 10 members drawn uniformly; they found the population.
/// 2. Two parents are each the better of two drawn from the population. With probability 0.9 the child takes each gene
///    from either with equal chance (uniform crossover), otherwise it copies the first. Then each gene is replaced, with
///    probability 1 / genes, by another alternative.
/// 3. Train the member of the child's genes. If it was trained, an untried neighbour of it; if the genes are no member,
///    the untried member nearest to them.
/// 4. It joins the population; of more than 10, the worst by the crowded comparison leaves. Step 2.
///
/// The paper has a population of 100 and trains generations as large. Here each child competes at once (steady state),
/// which needs no waiting for the slowest of a generation, and 10 leave room for children in a search of some dozen
/// trainings. Failed trainings do not join.
struct Nsga2 {
    record: Record,
    founders: usize,
    population: Vec<Individual>,
}

struct Individual {
    member: usize,
    /// Accuracy, and the costs negated.
    objectives: Vec<f64>,
}

impl Nsga2 {
    /// Rank and negated crowding distance of each individual: the smaller pair is better.
    fn fitness(&self) -> Vec<(usize, f64)> {
        let points: Vec<&[f64]> = self.population.iter().map(|i| i.objectives.as_slice()).collect();
        let ranks = pareto_ranks(&points);
        let mut fitness: Vec<(usize, f64)> = ranks.iter().map(|&rank| (rank, 0.0)).collect();
        for rank in 0..ranks.iter().max().map_or(0, |most| most + 1) {
            let front: Vec<usize> = (0..points.len()).filter(|&i| ranks[i] == rank).collect();
            let distances = crowding_distances(&front.iter().map(|&i| points[i]).collect::<Vec<_>>());
            front.iter().zip(distances).for_each(|(&i, distance)| fitness[i].1 = -distance);
        }
        fitness
    }

    fn child(&mut self, pool: &Pool) -> Option<usize> {
        if self.population.is_empty() {
            return None;
        }
        let fitness = self.fitness();
        let (n, rng) = (fitness.len() as u64, &mut self.record.rng);
        let mut tournament = || {
            let (a, b) = (rng.below(n) as usize, rng.below(n) as usize);
            if fitness[b] < fitness[a] { b } else { a }
        };
        let (first, second) = (tournament(), tournament());
        let [first, second] = [first, second].map(|i| pool.arch(self.population[i].member));
        let genes = vary(pool.space(), first, second, rng);
        match pool.find(&genes) {
            Some(member) if self.record.is_untried(member) => Some(member),
            Some(member) => self.record.mutant(pool, member),
            None => pool.nearest(&genes, |member| self.record.is_untried(member)),
        }
    }
}

/// Step 2 of [`Nsga2`].
fn vary(space: &dyn SearchSpace, first: &Architecture, second: &Architecture, rng: &mut Stream) -> Architecture {
    if rng.uniform() < CROSSOVER {
        let child = space.crossover(first, second, rng);
        space.mutate(&child, rng)
    } else {
        space.mutate(first, rng)
    }
}

impl Strategy for Nsga2 {
    fn entry(&self) -> &'static StrategyEntry {
        &ENTRY
    }

    fn ask(&mut self, pool: &Pool) -> Result<Option<Proposal>, StrategyError> {
        if pool.costs.is_empty() {
            return Err(StrategyError::Needs {
                strategy: ENTRY.name,
                what: "a cost beside accuracy".into(),
                remedy: "name one, such as `macs`, or choose `regularised_evolution`",
            });
        }
        if self.founders < POPULATION {
            self.founders += 1;
        } else if let Some(member) = self.child(pool) {
            return Ok(Some(self.record.propose(pool, member)));
        }
        Ok(self.record.fresh(pool))
    }

    fn tell(&mut self, pool: &Pool, trial: &Trial) {
        self.record.tell(trial);
        let member = trial.proposal.member;
        let Some(accuracy) = self.record.accuracy(member).filter(|a| a.is_finite()) else { return };
        let costs = pool.costs.iter().map(|(_, costs)| -costs[member]);
        self.population.push(Individual { member, objectives: std::iter::once(accuracy).chain(costs).collect() });
        if self.population.len() > POPULATION {
            let fitness = self.fitness();
            let worst = (0..fitness.len()).reduce(|worst, i| if fitness[i] > fitness[worst] { i } else { worst });
            worst.map(|i| self.population.remove(i));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::hypervolume_2d;
    use crate::strategy::testing::{self, search};

    #[test]
    fn children_mix_their_parents() {
        let rng = &mut Stream::new(3);
        let space = crate::space::open("nas-bench-201").unwrap();
        let [father, mother] = [0, 1].map(|gene| Architecture::new(vec![gene; 6]));
        let (mut mutated, mut second, n) = (0, 0, 2_000);
        for _ in 0..n {
            let child = vary(space.as_ref(), &father, &mother, rng);
            assert!(child.genes().iter().all(|&g| g < 5));
            mutated += child.genes().iter().filter(|&&g| g > 1).count();
            second += child.genes().iter().filter(|&&g| g == 1).count();
        }
        // A sixth of the genes is replaced, by one of four others, three of which are no parent's.
        let share = |count| count as f64 / (6 * n) as f64;
        assert!((share(mutated) - 0.125).abs() < 0.01, "{}", share(mutated));
        // 0.45 come from the second parent; of them a sixth is replaced, of the others a 24th becomes 1.
        assert!((share(second) - (0.45 * 5.0 / 6.0 + 0.55 / 24.0)).abs() < 0.02, "{}", share(second));
    }

    #[test]
    fn extremes_and_the_front_survive() {
        let pool = testing::nas_bench_201(2_000);
        let mut strategy = Nsga2 { record: Record::new(2, &ENTRY), founders: 0, population: Vec::new() };
        let trials = search(&mut strategy, &pool, 100);
        assert_eq!(strategy.population.len(), POPULATION);
        let lives = |member: usize| strategy.population.iter().any(|i| i.member == member);
        let best = |value: &dyn Fn(&Trial) -> f64| {
            trials.iter().map(|t| (t.proposal.member, value(t))).reduce(|a, b| if b.1 > a.1 { b } else { a }).unwrap()
        };
        let most_accurate = best(&|t: &Trial| t.accuracy_pct.unwrap());
        assert!(lives(most_accurate.0));
        let least_cost = best(&|t: &Trial| -pool.costs[0].1[t.proposal.member]).1;
        assert!(strategy.population.iter().any(|i| i.objectives[1] == least_cost));
    }

    #[test]
    fn covers_more_than_random_search() {
        let pool = testing::nas_bench_201(20_000);
        let volume = |name: &str, seed| {
            let trials = search((super::super::STRATEGIES.find(name).unwrap().open)(seed).as_mut(), &pool, 100);
            let point = |t: &Trial| [t.accuracy_pct.unwrap(), -pool.costs[0].1[t.proposal.member]];
            hypervolume_2d(&trials.iter().map(point).collect::<Vec<_>>(), [80.0, -25.0])
        };
        let mean = |name| (0..5).map(|seed| volume(name, seed)).sum::<f64>() / 5.0;
        let (evolved, random) = (mean(ENTRY.name), mean("random"));
        assert!(evolved > 1.03 * random, "{evolved} and {random}");
    }

    #[test]
    fn without_costs_it_says_what_to_do() {
        let mut pool = testing::nas_bench_201(20);
        pool.costs.clear();
        let error = (ENTRY.open)(1).ask(&pool).unwrap_err().to_string();
        assert!(error.contains("nsga2 needs a cost") && error.contains("`macs`"), "{error}");
    }
}
