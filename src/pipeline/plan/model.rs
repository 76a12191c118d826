//! How good the best confirmed network is expected to be: order statistics of a bivariate normal.
//!
//! Assumptions, none of which holds exactly: quality `y` and prediction `x` of the networks are bivariate normal, each with
//! mean 0 and variance 1 (the unit is the standard deviation of quality among the networks), and the correlation of the
//! best predicted is that of all; labelled networks are drawn at random; a training shows `y` without noise.

use crate::stats::{normal_cdf, normal_quantile};

/// Grids over which qualities and predictions are integrated.
const LOW: f64 = -6.0;
const HIGH: f64 = 8.0;
const QUALITIES: usize = 141;
const PREDICTIONS: usize = 281;
/// Thresholds per integral over the first prediction that is not confirmed, within so many standard deviations.
const THRESHOLDS: usize = 25;
const DEVIATIONS: f64 = 6.0;

/// Probabilities below this count as this, so that all logarithms are finite.
const LEAST: f64 = 1e-300;

fn quality(i: usize) -> f64 {
    LOW + (HIGH - LOW) * i as f64 / (QUALITIES - 1) as f64
}

fn prediction(i: usize) -> f64 {
    LOW + (HIGH - LOW) * i as f64 / (PREDICTIONS - 1) as f64
}

fn density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt()
}

/// The expected best for one correlation of predictions with quality.
pub struct Outcomes {
    /// By quality `v`, then threshold `t`: `ln P(y <= v | x > t)`.
    below: Vec<Vec<f64>>,
}

impl Outcomes {
    /// For this correlation, which is taken to be at most 0.999 in magnitude.
    pub fn new(correlation: f64) -> Self {
        let rho = correlation.clamp(-0.999, 0.999);
        let spread = (1.0 - rho * rho).sqrt();
        let densities: Vec<f64> = (0..PREDICTIONS).map(|i| density(prediction(i))).collect();
        let row = |v: f64| {
            // Trapezoids from the right, of both integrals, so that their errors cancel out in the ratio.
            let joint = |i: usize| densities[i] * normal_cdf((v - rho * prediction(i)) / spread);
            let mut row = vec![0.0; PREDICTIONS];
            let (mut all, mut part, mut right) = (0.0, 0.0, joint(PREDICTIONS - 1));
            row[PREDICTIONS - 1] = normal_cdf((v - rho * HIGH) / spread).max(LEAST).ln();
            for i in (0..PREDICTIONS - 1).rev() {
                let left = joint(i);
                all += densities[i] + densities[i + 1];
                part += left + right;
                right = left;
                row[i] = (part / all).clamp(LEAST, 1.0).ln();
            }
            row
        };
        Outcomes { below: (0..QUALITIES).map(|i| row(quality(i))).collect() }
    }

    /// Expected quality, in standard deviations above the mean network, of the best of `labelled` networks drawn at random
    /// and the `confirmed` best predicted of the rest of `networks`.
    ///
    /// Let `t` be the prediction that comes next after the `k` confirmed of `m`. Given `t`, these `k` are independent draws
    /// from the networks with `x > t` (concomitants of order statistics; David & Galambos, J. Appl. Prob. 11, 1974), so the
    /// best is below `v` with probability `F(v) = Φ(v)^labelled · E_t[P(y <= v | x > t)^k]`, where the density of `t` is
    /// proportional to `Φ(t)^(m-k-1) (1 - Φ(t))^k φ(t)`. The expectation is `v_max - ∫ F(v) dv`. None without any trained
    /// network.
    pub fn best(&self, networks: usize, labelled: usize, confirmed: usize) -> Option<f64> {
        let labelled = labelled.min(networks);
        let rest = networks - labelled;
        let confirmed = confirmed.min(rest);
        if labelled + confirmed == 0 {
            return None;
        }
        // With none left over, the confirmed are as good as drawn at random.
        let drawn = labelled + if confirmed == rest { confirmed } else { 0 };
        let chosen = confirmed + labelled - drawn;
        let thresholds = if chosen > 0 { thresholds(rest, chosen) } else { vec![(0.0, 1.0)] };
        let probability = |i: usize| {
            let random = if drawn == 0 { 0.0 } else { drawn as f64 * normal_cdf(quality(i)).ln() };
            let of = |&(t, weight): &(f64, f64)| weight * (random + chosen as f64 * self.log_below(i, t)).exp();
            let sum: f64 = thresholds.iter().map(of).sum();
            if chosen == 0 { random.exp() } else { sum }
        };
        let step = (HIGH - LOW) / (QUALITIES - 1) as f64;
        let inner: f64 = (1..QUALITIES - 1).map(probability).sum();
        Some(HIGH - step * (inner + 0.5 * (probability(0) + probability(QUALITIES - 1))))
    }

    /// `ln P(y <= v | x > t)`, interpolated linearly in `t`.
    fn log_below(&self, quality: usize, t: f64) -> f64 {
        let position = ((t - LOW) / (HIGH - LOW) * (PREDICTIONS - 1) as f64).clamp(0.0, (PREDICTIONS - 1) as f64);
        let row = &self.below[quality];
        let (low, high) = (row[position.floor() as usize], row[position.ceil() as usize]);
        if low == high { low } else { low + (high - low) * position.fract() }
    }
}

/// Values of the `k + 1`-th largest of `m` standard normal variables, with weights that sum to one. `k < m`.
fn thresholds(m: usize, k: usize) -> Vec<(f64, f64)> {
    let (m, k) = (m as f64, k as f64);
    let share = (k + 1.0) / (m + 1.0);
    let centre = normal_quantile(1.0 - share);
    let deviation = (share * (1.0 - share) / (m + 2.0)).sqrt() / density(centre);
    let at = |i: usize| centre + deviation * DEVIATIONS * (2.0 * i as f64 / (THRESHOLDS - 1) as f64 - 1.0);
    let log = |t: f64| {
        let under = if m - k > 1.0 { (m - k - 1.0) * normal_cdf(t).ln() } else { 0.0 };
        under + k * normal_cdf(-t).ln() - 0.5 * t * t
    };
    let logs: Vec<(f64, f64)> = (0..THRESHOLDS).map(|i| (at(i), log(at(i)))).collect();
    let most = logs.iter().map(|(_, l)| *l).fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = logs.iter().map(|(_, l)| (l - most).exp()).sum();
    logs.into_iter().map(|(t, l)| (t, (l - most).exp() / total)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // import numpy as np; rng = np.random.default_rng(0)
    // def mc(N, n, k, rho, reps=4000):
    //     best = []
    //     for _ in range(reps):
    //         y = rng.standard_normal(N); x = rho*y + np.sqrt(1 - rho**2)*rng.standard_normal(N)
    //         best.append(max(np.r_[y[:n], y[n:][np.argsort(-x[n:])[:k]]]))
    //     return np.mean(best)      # standard error below 0.011
    #[test]
    fn agrees_with_monte_carlo() {
        for ((networks, labelled, confirmed, rho), golden) in [
            ((1000, 20, 10, 0.8), 3.129),
            ((1000, 0, 1, 0.8), 2.574),
            ((200, 10, 30, 0.5), 2.627),
            ((5000, 100, 20, 0.95), 3.677),
            ((300, 20, 20, 0.0), 2.157),
            ((1000, 50, 200, 0.9), 3.248),
        ] {
            let found = Outcomes::new(rho).best(networks, labelled, confirmed).unwrap();
            assert!((found - golden).abs() < 0.02, "{networks} {labelled} {confirmed} {rho}: {found}, not {golden}");
        }
        assert_eq!(Outcomes::new(0.5).best(100, 0, 0), None);
    }

    #[test]
    fn more_trainings_and_better_predictions_never_hurt() {
        // Up to the error of the integrals, which is largest where nearly all are confirmed.
        let error = 1e-3;
        let (worse, better) = (Outcomes::new(0.7), Outcomes::new(0.8));
        let best = |outcomes: &Outcomes, k| outcomes.best(2000, 10, k).unwrap();
        for k in [1, 2, 5, 31, 100, 500, 1_500, 1_988] {
            assert!(best(&worse, k + 1) > best(&worse, k) - error && best(&better, k) > best(&worse, k) - error, "{k}");
        }
        // All of them are as many at random: scipy.integrate.quad over 1 - Phi^2000 and Phi^2000 gives 3.4353.
        assert!((best(&worse, 1_990) - 3.4353).abs() < 1e-3, "{}", best(&worse, 1_990));
    }
}
