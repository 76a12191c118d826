//! Kendall's tau-b in O(n log n).

use super::Clusters;
use super::rank::RankedPairs;

/// Kendall's tau-b `(P - Q) / sqrt((N - T_x) (N - T_y))`, in `[-1, 1]`: of all `N = n(n-1)/2` pairs of items, `P` are
/// concordant, `Q` discordant, and `T_x`, `T_y` tied in `x` and in `y` (Kendall, Biometrika 33, 1945). The same number
/// as `scipy.stats.kendalltau`.
///
/// `None` if the lists differ in length or hold fewer than two items, if a value is NaN, or if a side is constant.
/// Infinities are ordinary extreme values.
pub fn kendall_tau(x: &[f64], y: &[f64]) -> Option<f64> {
    let pairs = RankedPairs::new(x, y, &Clusters::singletons(x.len()))?;
    pairs.kendall(&pairs.all())
}

impl RankedPairs {
    /// Kendall's tau-b of the resample with these weights, as [`kendall_tau`] of the pairs written out. Time O(n log
    /// n).
    ///
    /// Knight's method (J. Am. Stat. Assoc. 61, 1966): walk the pairs by ascending `x` and count the inversions in `y`;
    /// all other pairs follow from the ties. A Fenwick tree counts them in place of Knight's merge sort, so that the
    /// order found once serves every resample.
    pub fn kendall(&self, weights: &[u32]) -> Option<f64> {
        let mut tree = Fenwick::new(self.distinct_y);
        let (mut total, mut inversions, mut both_tied) = (0, 0, 0);
        let (mut run, mut run_weight) = (None, 0);
        for pair in &self.pairs {
            let weight = u64::from(weights[pair.cluster as usize]);
            if weight == 0 {
                continue;
            }
            if run != Some((pair.x, pair.y)) {
                both_tied += pairs_among(run_weight);
                (run, run_weight) = (Some((pair.x, pair.y)), 0);
            }
            run_weight += weight;
            // Items of equal x come by ascending y, so none of them counts as an inversion of another.
            inversions += weight * (total - tree.up_to(pair.y as usize));
            tree.add(pair.y as usize, weight);
            total += weight;
        }
        both_tied += pairs_among(run_weight);

        let [tied_x, tied_y] = self.totals(weights).map(|totals| totals.into_iter().map(pairs_among).sum::<u64>());
        let untied_x = pairs_among(total) - tied_x;
        let untied_y = pairs_among(total) - tied_y;
        if untied_x == 0 || untied_y == 0 {
            return None;
        }
        // Neither tied in x nor in y: concordant or discordant.
        let comparable = (untied_x + both_tied - tied_y) as f64;
        let excess = comparable - 2.0 * inversions as f64;
        Some((excess / (untied_x as f64 * untied_y as f64).sqrt()).clamp(-1.0, 1.0))
    }
}

fn pairs_among(count: u64) -> u64 {
    count * count.saturating_sub(1) / 2
}

/// Weights by code, with sums over codes `0..=code` in O(log n) (Fenwick, Softw. Pract. Exp. 24, 1994).
struct Fenwick(Vec<u64>);

impl Fenwick {
    fn new(codes: usize) -> Self {
        Fenwick(vec![0; codes + 1])
    }

    fn add(&mut self, code: usize, weight: u64) {
        let mut node = code + 1;
        while node < self.0.len() {
            self.0[node] += weight;
            node += node & node.wrapping_neg();
        }
    }

    fn up_to(&self, code: usize) -> u64 {
        let (mut node, mut sum) = (code + 1, 0);
        while node > 0 {
            sum += self.0[node];
            node &= node - 1;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    /// The definition, pair by pair.
    fn by_definition(x: &[f64], y: &[f64]) -> Option<f64> {
        let (mut excess, mut untied_x, mut untied_y) = (0.0, 0.0, 0.0);
        let sign = |a: f64, b: f64| f64::from(i8::from(a > b) - i8::from(a < b));
        for i in 0..x.len() {
            for j in 0..i {
                let (dx, dy) = (sign(x[i], x[j]), sign(y[i], y[j]));
                excess += dx * dy;
                untied_x += dx * dx;
                untied_y += dy * dy;
            }
        }
        (untied_x > 0.0 && untied_y > 0.0).then(|| excess / (untied_x * untied_y).sqrt())
    }

    // import numpy as np; from scipy.stats import kendalltau
    // x, y = [3,1,4,1,5,9,2,6], [2,7,1,8,2,8,1,8]; kendalltau(x, y)[0]
    // i = np.arange(1, 501); kendalltau(i * 7919 % 101, i * i % 89)[0]
    // z = np.where(i % 10 == 0, -np.inf, i * 7919 % 101); kendalltau(z, i * 7919 % 103)[0]
    #[test]
    fn matches_scipy() {
        let (x, y) = ([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0], [2.0, 7.0, 1.0, 8.0, 2.0, 8.0, 1.0, 8.0]);
        assert_relative_eq!(kendall_tau(&x, &y).unwrap(), 0.16051447078102563, max_relative = 1e-12);
        let of = |f: &dyn Fn(u32) -> u32| (1..=500).map(|i| f64::from(f(i))).collect::<Vec<_>>();
        let x = of(&|i| i * 7919 % 101);
        assert_relative_eq!(kendall_tau(&x, &of(&|i| i * i % 89)).unwrap(), 0.023492193292374012, max_relative = 1e-12);
        let z: Vec<f64> = (1..=500).zip(x).map(|(i, x)| if i % 10 == 0 { f64::NEG_INFINITY } else { x }).collect();
        let y = of(&|i| i * 7919 % 103);
        assert_relative_eq!(kendall_tau(&z, &y).unwrap(), -0.007374991220247198, max_relative = 1e-12);
    }

    proptest! {
        #[test]
        fn equals_the_definition(pairs in prop::collection::vec((-6i8..6, -6i8..6), 2..60)) {
            // The lowest number stands for a missing score.
            let value = |v: i8| if v == -6 { f64::NEG_INFINITY } else { f64::from(v) };
            let (x, y): (Vec<f64>, Vec<f64>) = pairs.into_iter().map(|(x, y)| (value(x), value(y))).unzip();
            match (kendall_tau(&x, &y), by_definition(&x, &y)) {
                (Some(fast), Some(slow)) => prop_assert!((fast - slow).abs() < 1e-12, "{fast} {slow}"),
                (fast, slow) => prop_assert_eq!(fast, slow),
            }
        }

        #[test]
        fn reverses_with_one_side(pairs in prop::collection::vec((-1e3..1e3f64, -1e3..1e3f64), 2..60)) {
            let (x, y): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let negated: Vec<f64> = y.iter().map(|v| -v).collect();
            prop_assert_eq!(kendall_tau(&x, &y), kendall_tau(&x, &negated).map(|tau| -tau));
            prop_assert_eq!(kendall_tau(&x, &y), kendall_tau(&y, &x));
        }
    }
}
